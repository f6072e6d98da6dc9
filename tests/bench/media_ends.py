"""Both ends of a media bench as processes of their own: one that receives, pinned to one core, and seats on another."""

import json
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from recordings.lines import Fragment
from recordings.sealing import read_room
from tests.bench.media_publishers import Plan
from tests.bench.media_server import ROOM
from tests.support.clip import make_clip
from tests.support.publisher import Clip
from tools.groundwork import ROOT

_START_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one run showed. per_seat_ms: processor milliseconds of the receiving process for a second of one seat.

    sent, heard: by name, as both ends counted; kept: frames in the files by source, empty where nobody recorded.
    """

    kind: str
    seats: int
    per_seat_ms: float
    sent: dict[str, int]
    heard: dict[str, float]
    kept: dict[str, int]

    @property
    def core(self) -> float:
        """Which part of one core was busy."""
        return self.per_seat_ms * self.seats / 1000


@cache
def bench_clip(codec: str = "VP8") -> Clip:
    """Ten seconds of 640×480 at 25 pictures a second, 800 kbit/s, and a voice."""
    return make_clip(codec=codec)


class Receiver:
    """The receiving process, spoken to over its socket."""

    def __init__(
        self, process: "subprocess.Popen[str]", talk: TextIO, folder: Path, socket_path: Path
    ) -> None:
        self.process, self.folder, self.socket_path = process, folder, socket_path
        self._talk = talk

    def ask(self, what: str) -> dict[str, float]:
        """`figures`, or `stop`, which ends it in good order."""
        self._talk.write(json.dumps({"ask": what}) + "\n")
        self._talk.flush()
        told: dict[str, float] = json.loads(self._talk.readline())
        return told

    def kept(self) -> dict[str, int]:
        """Frames by source in the files of the room."""
        counts: dict[str, int] = {}
        for name, reading in read_room(self.folder / ROOM):
            frames = sum(line.act.samples for line in reading.lines if isinstance(line.act, Fragment))
            counts[name.source.value] = counts.get(name.source.value, 0) + frames
        return counts


class Seats:
    """The sending process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def sent(self) -> dict[str, int]:
        """Waits until they have sent what they should; gives the counts."""
        assert self._process.stdout
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def receiving(kind: str, folder: Path, *, core: int | None = 0) -> Iterator[Receiver]:
    """A receiving end of that kind, alone in its process; killed at the end if it has not stopped."""
    socket_path = folder / "talk"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.media_server", kind, str(socket_path), str(folder)]
        + ([] if core is None else [str(core)]),
        cwd=ROOT,
        text=True,
    )
    try:
        with socket.socket(socket.AF_UNIX) as line:
            _connect(line, socket_path, process)
            with line.makefile("rw") as talk:
                yield Receiver(process, talk, folder, socket_path)
    finally:
        process.kill()
        process.wait()


@contextmanager
def sending(receiver: Receiver, plan: Plan, clip: Clip | None = None) -> Iterator[Seats]:
    """Connected seats that send as planned; the process is gone at the end."""
    file = receiver.folder / "clip"
    file.write_bytes(pickle.dumps(clip or bench_clip()))
    command = [
        *(sys.executable, "-m", "tests.bench.media_publishers"),
        *(str(receiver.socket_path), str(file), plan.to_json()),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout
            if process.stdout.readline().strip() != "connected":
                raise RuntimeError("the seats did not connect")
            yield Seats(process)
        finally:
            process.kill()


def run(kind: str, seats: int, seconds: float, warm_s: float = 2.0) -> Load:
    """One run: processor time is taken over `seconds`, after the seats have warmed up."""
    with bench_folder() as folder, receiving(kind, folder) as receiver:
        with sending(receiver, Plan(seats, warm_s + seconds)) as both:
            time.sleep(warm_s)
            before = receiver.ask("figures")
            time.sleep(seconds - 0.5)
            after = receiver.ask("figures")
            sent = both.sent()
            time.sleep(0.5)
            heard = receiver.ask("figures")
        receiver.ask("stop")
        receiver.process.wait(60)
        kept = receiver.kept() if kind == "ours" else {}
    spent = (after["cpu_s"] - before["cpu_s"]) / (after["at"] - before["at"])
    return Load(kind, seats, spent / seats * 1000, sent, heard, kept)


@contextmanager
def bench_folder() -> Iterator[Path]:
    """On this project's disk: in memory nothing waits for a disk."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build, prefix="media-") as own:
        yield Path(own)


def _connect(line: socket.socket, path: Path, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + _START_WITHIN_S
    while True:
        try:
            line.connect(str(path))
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the receiving end did not start") from None
            time.sleep(0.05)
        else:
            return
