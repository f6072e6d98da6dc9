"""A recorder killed in mid recording, again and again: what of each track is gone, beside what others would have lost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.core.clock import SystemClock
from recordings.sealing import recover_room
from recordings.verify import verify_room
from tests.bench.measuring import percentile
from tests.bench.media_ends import Receiver, bench_folder, receiving, sending
from tests.bench.media_frames import last_stamp, stamped
from tests.bench.media_publishers import Plan
from tests.bench.media_server import ROOM
from tests.bench.table import Figure, Verdict, at_most, told
from tests.support.publisher import Clip

_SEATS = 5
_SPREAD = 0.618034
"""Parts of the golden ratio hit every phase of a fragment's life, and the same ones in every run."""


def figures(quick: bool) -> Iterator[Figure]:
    """Milliseconds between the kill and the last frame that the files still show."""
    times = 8 if quick else 100
    lost: list[float] = []
    broken = 0
    for number in range(times):
        one = kill_once(_SEATS, 1.0 + _SPREAD * number % 1.0)
        lost += one.lost_ms
        broken += one.broken
    name = f"lost at kill -9, {_SEATS} seats, {times} times"
    yield at_most(
        f"{name}, p95", percentile(lost, 95), 500, unit="ms", beside=f"median {percentile(lost, 50):.0f} ms"
    )
    yield at_most(f"{name}, most", max(lost), 2000, unit="ms")
    verdict = Verdict.missed if broken else Verdict.met
    yield Figure("tracks or rooms that need a hand afterwards", f"{broken}", "0", "", verdict, broken, 0)
    for kind, what in (("pyav", "PyAV's defaults (WebM)"), ("stock-mp4", "MediaRecorder (mp4)")):
        yield told(f"the same, {what}", _others(kind))


@dataclass(frozen=True, slots=True)
class Killed:
    """lost_ms: of every track that can be read. broken: tracks that cannot, and one more for a room that does not hold."""

    lost_ms: tuple[float, ...]
    broken: int


def kill_once(seats: int, after_s: float, clip: Clip | None = None) -> Killed:
    """Records, kills the recorder after so long, and lets the next process recover what it left."""
    with bench_folder() as folder, receiving("ours", folder, core=None) as receiver:
        killed = _kill(receiver, seats, after_s, clip)
        recover_room(folder / ROOM, SystemClock().now())
        tracks = stamped(folder / ROOM)
        return Killed(
            tuple(killed - frames[-1].captured_ms for frames in tracks.values()),
            2 * seats - len(tracks) + (not verify_room(folder / ROOM).ok),
        )


def _kill(receiver: Receiver, seats: int, after_s: float, clip: Clip | None) -> float:
    """Kills it so long after its seats began; the moment in milliseconds."""
    with sending(receiver, Plan(seats, 60.0, core=None, stamped=True), clip):
        time.sleep(after_s)
        receiver.process.kill()
        killed = time.monotonic() * 1000
        receiver.process.wait()
    return killed


def _others(kind: str) -> str:
    with bench_folder() as folder, receiving(kind, folder, core=None) as receiver:
        with sending(receiver, Plan(1, 60.0, core=None, stamped=True)):
            time.sleep(8.0)
            receiver.process.kill()
            killed = time.monotonic() * 1000
            receiver.process.wait()
        lasts = [last_stamp(file) for file in _media(folder)]
    if not lasts:
        return "no file"
    return ", ".join("all of it" if last is None else f"{killed - last:.0f} ms" for last in lasts)


def _media(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".webm", ".mp4"})
