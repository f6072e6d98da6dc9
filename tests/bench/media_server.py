"""The receiving end of a bench, alone in its process: ours, aiortc's own recorder, or the least that any must do.

    python -m tests.bench.media_server KIND SOCKET FOLDER [CORE]

KIND: `ours` (connection, recorder, index, hashes), `floor` (the same connection; packets are decrypted and dropped),
`stock-mp4`, `stock-webm` (aiortc's MediaRecorder), `janus`, `pyav` (our connection, files by PyAV). Talks JSON, a line each way, over the Unix socket: an offer is answered,
`{"ask": "figures"}` gives processor seconds of this process and what has arrived.
"""

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import uvloop
from aioice import ice
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRecorder

from app.core.clock import SystemClock
from app.core.samples import ClockNote, Codec, EncodedSample, SampleSink, Source, TrackKey
from app.core.settings_rooms import MediaSettings
from recordings.recorder import Recorder
from tests.bench.media_janus import Janus
from tests.bench.pinning import pin
from venue.media.guard import PortGuard
from venue.media.peer import SeatPeer
from venue.media.seams import MediaKeys, ice_connection, offer_loopback, take_over

ROOM = "room-1"
_WATCH_EVERY_S = 0.02
_RATES = {Codec.vp8: 25, Codec.opus: 48_000}


class Ours:
    """The service's own way from the port to files that are safe."""

    def __init__(self, folder: Path) -> None:
        self._clock = SystemClock()
        self._recorder = Recorder(folder, self._clock)
        self._began = self._clock.monotonic_ns()
        self._recorder.begin(ROOM, 1, self._clock.now())
        self._peers: dict[int, SeatPeer] = {}
        self._first_durable: dict[int, float] = {}
        self._watching: set[asyncio.Task[None]] = set()

    async def answer(self, seat: int, sdp: str) -> str:
        peer = SeatPeer(
            lambda: (self._clock.monotonic_ns() - self._began) // 1_000_000,
            lambda source, codec: self._sink(TrackKey(ROOM, seat, source), codec),
            lambda _: None,
            MediaSettings(loopback=True, video_bitrate=1_500_000),
        )
        self._peers[seat] = peer
        watching = asyncio.create_task(self._watch(seat, time.monotonic()))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return await peer.answer(sdp)

    def _sink(self, key: TrackKey, codec: Codec) -> SampleSink:
        return self._recorder(key, codec)

    async def _watch(self, seat: int, offered: float) -> None:
        """Notes when picture and sound of a seat have first reached the disk."""
        keys = [TrackKey(ROOM, seat, source) for source in (Source.camera, Source.microphone)]
        while any(self._recorder.durable(key) is None for key in keys):
            await asyncio.sleep(_WATCH_EVERY_S)
        self._first_durable[seat] = time.monotonic() - offered

    def figures(self) -> dict[str, float]:
        stats = [peer.stats() for peer in self._peers.values()]
        return {
            f"{source}_{what}": sum(getattr(one[source], what) for one in stats if source in one)
            for source in (Source.camera, Source.microphone)
            for what in ("samples", "lost", "bytes")
        }

    def first_durable(self) -> dict[str, float]:
        """Seconds from its offer, by seat."""
        return {str(seat): seconds for seat, seconds in self._first_durable.items()}

    async def close(self) -> None:
        for peer in self._peers.values():
            await peer.close("bench-over")
        await asyncio.to_thread(self._recorder.close)


class Muxed(Ours):
    """Our way to the frames, but PyAV writes them, with its defaults: one file for a track."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def _sink(self, key: TrackKey, codec: Codec) -> SampleSink:
        return _MuxedSink(self._folder / f"seat-{key.seat_no}-{key.source}.webm", codec)


class _MuxedSink:
    def __init__(self, file: Path, codec: Codec) -> None:
        self._file = av.open(str(file), "w")
        added: Any = self._file.add_stream("libvpx" if codec is Codec.vp8 else "libopus", rate=_RATES[codec])
        if codec is Codec.vp8:
            added.width, added.height = 640, 480
        self._stream = added

    def write(self, sample: EncodedSample) -> None:
        packet = av.Packet(sample.data)
        packet.stream, packet.time_base = self._stream, Fraction(1, 1000)
        packet.pts = packet.dts = sample.room_ms
        packet.is_keyframe = sample.keyframe
        self._file.mux_one(packet)

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None: ...

    def clock(self, note: ClockNote) -> None: ...

    def close(self, reason: str) -> None:
        self._file.close()


class Floor:
    """Decrypts and counts."""

    def __init__(self, folder: Path) -> None:
        self._connections: list[RTCPeerConnection] = []
        self._packets = 0

    async def answer(self, seat: int, sdp: str) -> str:
        connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._connections.append(connection)
        lines = [connection.addTransceiver(kind, direction="recvonly") for kind in ("video", "audio")]
        keys = MediaKeys(lines[0])
        offer_loopback(ice_connection(lines[0]), always=True)
        PortGuard(ice_connection(lines[0]), self._opener(keys))
        for line in lines:
            take_over(line, self)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    def _opener(self, keys: MediaKeys) -> Callable[[bytes], None]:
        def opened(data: bytes) -> None:
            if not 192 <= data[1] < 224 and keys.open_packet(data) is not None:
                self._packets += 1

        return opened

    async def start(self, parameters: object) -> None: ...

    async def stop(self) -> None: ...

    def figures(self) -> dict[str, int]:
        return {"packets": self._packets}

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()


class Stock:
    """aiortc's own way: decode everything, encode it anew."""

    def __init__(self, folder: Path, ending: str) -> None:
        self._folder, self._ending = folder, ending
        self._connections: list[RTCPeerConnection] = []
        self._recorders: list[MediaRecorder] = []
        original = ice.get_host_addresses
        ice.get_host_addresses = lambda **kinds: [*original(**kinds), "127.0.0.1"]

    async def answer(self, seat: int, sdp: str) -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        recorder = MediaRecorder(str(self._folder / f"seat-{seat}.{self._ending}"))
        self._connections.append(connection)
        self._recorders.append(recorder)
        connection.on("track", recorder.addTrack)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        await recorder.start()
        return str(connection.localDescription.sdp)

    def figures(self) -> dict[str, int]:
        return {}

    async def close(self) -> None:
        for recorder in self._recorders:
            await recorder.stop()
        for connection in self._connections:
            await connection.close()


_KINDS: dict[str, Callable[[Path], Any]] = {
    "ours": Ours,
    "floor": Floor,
    "janus": Janus,
    "pyav": Muxed,
    "stock-mp4": lambda folder: Stock(folder, "mp4"),
    "stock-webm": lambda folder: Stock(folder, "webm"),
}


def _memory_kb() -> int:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


async def serve(kind: str, socket: Path, folder: Path) -> None:
    end, stopping = _KINDS[kind](folder), asyncio.Event()

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not stopping.is_set() and (line := await reader.readline()):
            asked = json.loads(line)
            if asked.get("ask") == "figures":
                used = resource.getrusage(resource.RUSAGE_SELF)
                reply: dict[str, Any] = {
                    "cpu_s": used.ru_utime + used.ru_stime,
                    "at": time.monotonic(),
                    "rss_kb": _memory_kb(),
                    **end.figures(),
                }
            elif asked.get("ask") == "first-durable":
                reply = end.first_durable()
            elif asked.get("ask") == "stop":
                reply = {}
                stopping.set()
            else:
                reply = {"sdp": await end.answer(asked["seat"], asked["sdp"])}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(heard, socket, limit=1 << 20)
    async with server:
        await stopping.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await end.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pin(int(sys.argv[4]) if len(sys.argv) > 4 else None)
        runner.run(serve(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
