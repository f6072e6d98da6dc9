"""A million datagrams that mean no good, at the ports of a room that records."""

import time
from collections.abc import Iterator

from tests.bench.media_ends import bench_folder, receiving, sending
from tests.bench.media_frames import stamped
from tests.bench.media_publishers import Plan
from tests.bench.media_server import ROOM
from tests.bench.table import Figure, at_most

_SEATS = 5
_PER_S = 15_000


def figures(quick: bool) -> Iterator[Figure]:
    """Frames kept and memory held while it lasts."""
    count = 100_000 if quick else 1_000_000
    plan = Plan(_SEATS, count / _PER_S + 10.0, stamped=True, weather=[{}], attack=count)
    with bench_folder() as folder, receiving("ours", folder) as receiver:
        with sending(receiver, plan) as seats:
            time.sleep(3.0)
            before = receiver.ask("figures")
            sent = seats.sent()
            time.sleep(1.0)
            after = receiver.ask("figures")
        receiver.ask("stop")
        receiver.process.wait(60)
        kept = sum(map(len, stamped(folder / ROOM).values()))
    frames = sent["pictures_sent"] + sent["sounds_sent"]
    name = f"under {count:,} hostile datagrams"
    yield at_most(
        f"frames missing {name}",
        100 * (frames - kept) / frames,
        1,
        unit="%",
        beside=f"{kept:,} of {frames:,}",
    )
    grown = 100 * (after["rss_kb"] - before["rss_kb"]) / before["rss_kb"]
    yield at_most(f"memory more {name}", grown, 10, unit="%", beside=f"{after['rss_kb'] / 1024:.0f} MB")
