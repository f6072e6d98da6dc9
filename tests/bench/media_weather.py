"""Recordings made over bad ways: what of them is kept, and how well the seats are in step."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from app.core.samples import Source
from tests.bench.measuring import percentile
from tests.bench.media_ends import bench_folder, receiving, sending
from tests.bench.media_frames import Kept, Track, stamped
from tests.bench.media_publishers import Plan
from tests.bench.media_server import ROOM
from tests.bench.table import Figure, at_most, told
from tests.support.publisher import Clip

_SEATS = 3
_HOUR_S = 3600.0


def loss(quick: bool) -> Iterator[Figure]:
    """Bursts of four datagrams lost in both directions, by pattern."""
    seconds = 15.0 if quick else 60.0
    for percent, video in ((5.0, 99.7), (10.0, 99.0)):
        weather = {"lost_percent": percent, "burst": 4, "delay_ms": 20}
        kept, sent = recorded(Plan(_SEATS, seconds, stamped=True, weather=[weather]))
        name = f"{percent:.0f} % lost in bursts"
        yield _at_least_percent(
            f"pictures, {name}", _count(kept, Source.camera), sent["pictures_sent"], video
        )
        yield _at_least_percent(f"sounds, {name}", _count(kept, Source.microphone), sent["sounds_sent"], 99.0)


def outages(quick: bool) -> Iterator[Figure]:
    """Nothing passes for a second, and for twelve."""
    short = Plan(_SEATS, 10.0, stamped=True, weather=[{"outages": [[5.0, 6.0]]}])
    kept, sent = recorded(short)
    lost = sent["pictures_sent"] + sent["sounds_sent"] - sum(map(len, kept.values()))
    yield at_most("frames lost by a second without any way", lost, 0, unit="")
    long = Plan(_SEATS, 22.0, stamped=True, weather=[{"outages": [[5.0, 17.0]]}])
    kept, _ = recorded(long)
    # The outage is the longest silence in a track. What was captured in it is gone; the first picture after it was captured
    # when the way stood again or later, and is back when it was.
    late = max(_silence_s(frames) for track, frames in kept.items() if track[1] is Source.camera) - 12.0
    yield at_most("picture back after 12 s without any way", late, 1.0, unit="s")


def steps(quick: bool) -> Iterator[Figure]:
    """Seats with short and with long, shaky ways, whose own clocks are an hour wrong: how far apart on the room clock."""
    seconds = 25.0 if quick else 90.0
    weather = [{"delay_ms": 10}, {"delay_ms": 70, "jitter_ms": 40}]
    plan = Plan(4, seconds, stamped=True, weather=weather, clock_off_s=[0.0, _HOUR_S, -_HOUR_S, 0.0])
    kept, _ = recorded(plan)
    off = {track: [frame.off_ms for frame in _settled(frames)] for track, frames in kept.items()}
    for source, name in ((Source.camera, "pictures"), (Source.microphone, "sounds")):
        near = median(off[1, source])
        apart = [abs(value - near) for seat in range(2, 5) for value in off[seat, source]]
        yield at_most(f"seat to seat, {name}, median", median(apart), 15, unit="ms")
        yield at_most(f"seat to seat, {name}, p95", percentile(apart, 95), 40, unit="ms")
    lips = max(
        abs(median(off[seat, Source.camera]) - median(off[seat, Source.microphone])) for seat in range(1, 5)
    )
    yield at_most("sound to picture of one seat", lips, 45, unit="ms")
    yield told("the ways", "10 ms, and 70 to 110 ms", "wall clocks up to an hour wrong")


def recorded(
    plan: Plan, clip: Clip | None = None
) -> tuple[Mapping[Track, tuple[Kept, ...]], Mapping[str, int]]:
    """Records as planned; the stamped frames in the files, and what was sent."""
    with bench_folder() as folder, receiving("ours", folder) as receiver:
        with sending(receiver, plan, clip) as seats:
            sent = seats.sent()
            time.sleep(1.5)  # what was lost last may be asked for again
        receiver.ask("stop")
        receiver.process.wait(60)
        return stamped(folder / ROOM), sent


def _settled(frames: Sequence[Kept]) -> Sequence[Kept]:
    """Without the first five seconds, in which nobody has told of its clock yet."""
    return [frame for frame in frames if frame.captured_ms - frames[0].captured_ms > 5000]


def _silence_s(frames: Sequence[Kept]) -> float:
    return max(later.captured_ms - earlier.captured_ms for earlier, later in pairwise(frames)) / 1000


def _count(kept: Mapping[Track, Sequence[Kept]], source: Source) -> int:
    return sum(len(frames) for track, frames in kept.items() if track[1] is source)


def _at_least_percent(name: str, kept: int, sent: int, percent: float) -> Figure:
    """Told as what is missing, so that two digits show."""
    return at_most(
        f"missing {name}",
        100 * (sent - kept) / sent,
        round(100 - percent, 2),
        unit="%",
        beside=f"{kept:,} of {sent:,}",
    )
