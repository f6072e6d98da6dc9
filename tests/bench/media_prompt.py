"""How soon after its offer the first bytes of a seat are safe on disk."""

from collections.abc import Iterator

from tests.bench.measuring import percentile
from tests.bench.media_ends import bench_folder, receiving, sending
from tests.bench.media_publishers import Plan
from tests.bench.table import Figure, at_most


def figures(quick: bool) -> Iterator[Figure]:
    """One seat after another, so that none waits for the next; the slowest of a hundred but five."""
    tries = 10 if quick else 40
    with bench_folder() as folder, receiving("ours", folder) as receiver:
        with sending(receiver, Plan(tries, 4.0)) as seats:
            seats.sent()
            waits = receiver.ask("first-durable")
        receiver.ask("stop")
    took = list(waits.values())
    assert len(took) == tries, f"{tries - len(took)} of {tries} seats never reached the disk"
    yield at_most(
        f"offer to first durable byte, p95 of {tries}",
        percentile(took, 95),
        1.5,
        unit="s",
        beside=f"median {percentile(took, 50):.2f} s",
    )
