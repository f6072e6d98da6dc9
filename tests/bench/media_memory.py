"""Whether a room's process holds more and more memory."""

import time
from collections.abc import Iterator

from tests.bench.media_ends import bench_folder, receiving, sending
from tests.bench.media_publishers import Plan
from tests.bench.table import Figure, at_most

_SEATS = 5


def figures(quick: bool) -> Iterator[Figure]:
    """Memory of a room with five seats: how far it strays from where it stood when everybody had arrived."""
    seconds = 60.0 if quick else 3600.0
    with bench_folder() as folder, receiving("ours", folder) as receiver:
        with sending(receiver, Plan(_SEATS, seconds + 30.0)):
            time.sleep(15.0)
            first = receiver.ask("figures")["rss_kb"]
            seen = []
            for _ in range(20):
                time.sleep(seconds / 20)
                seen.append(receiver.ask("figures")["rss_kb"])
        receiver.ask("stop")
    astray = max(abs(kb - first) for kb in seen) / first * 100
    name = f"memory astray over {seconds / 60:.0f} min, {_SEATS} seats"
    yield at_most(name, astray, 10, unit="%", beside=f"{first / 1024:.0f} MB")
