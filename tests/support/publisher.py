"""A seat that sends media encoded beforehand, with as little work of its own as possible: for many seats on one core.

aiortc makes the connection; then every packet is written by hand, locked with the connection's keys and sent. What the
service asks for again is sent again, and a key frame that it asks for is the next picture.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)
from aiortc.utils import random16, random32

from app.core.clock import SystemClock
from venue.media.seams import filter_datagrams, ice_connection, offer_loopback, own_ssrc

_HEAD = Struct(">BBHII")
_STAMP = Struct(">4sQ")
_MAGIC = b"CLAP"
_NTP_EPOCH = 2_208_988_800
_CLOCK = SystemClock()
_HELD, _HELD_S = 1024, 3.0
"""So many packets are kept to be sent again, and none for longer: as browsers do it."""
_SOUND_MS = 20


def wall_seconds() -> float:
    return _CLOCK.now().timestamp()


@dataclass(frozen=True, slots=True)
class Clip:
    """Encoded media to be sent over and over. pictures: packets of each picture, the first of them a key frame, one more
    every `group` pictures. sounds: twenty milliseconds each. codec: `VP8` or `H264`."""

    codec: str
    pictures: Sequence[Sequence[bytes]]
    sounds: Sequence[bytes]
    per_second: int
    group: int


def stamp(moment: float) -> bytes:
    """What a frame captured at that moment of `time.monotonic()` ends with."""
    return _STAMP.pack(_MAGIC, round(moment * 1e6))


def read_stamp(frame: bytes) -> float | None:
    """The moment of `time.monotonic()` at which a stamped frame was captured; None where there is no stamp."""
    if len(frame) < _STAMP.size:
        return None
    magic, moment_us = _STAMP.unpack(frame[-_STAMP.size :])
    return moment_us / 1e6 if magic == _MAGIC else None


def _no_stamp(_: float) -> bytes:
    return b""


class _Stream:
    """One source: numbers and holds what it sends."""

    def __init__(self, publisher: "Publisher", kind: int, ssrc: int, rate: int) -> None:
        self._publisher = publisher
        self.kind, self.ssrc, self.rate = kind, ssrc, rate
        self.sequence = random16()
        self.offset = random32()
        self.packets = self.octets = 0
        self._held: dict[int, tuple[float, bytes]] = {}

    def send(self, payload: bytes, at: float, *, marker: bool) -> None:
        timestamp = self._timestamp(at)
        head = _HEAD.pack(0x80, self.kind | (0x80 if marker else 0), self.sequence, timestamp, self.ssrc)
        locked = self._publisher.lock(head + payload)
        self._held[self.sequence] = time.monotonic(), locked
        self._held.pop((self.sequence - _HELD) & 0xFFFF, None)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        self._publisher.put(locked)

    def again(self, numbers: Sequence[int]) -> None:
        oldest = time.monotonic() - _HELD_S
        for number in numbers:
            sent, locked = self._held.get(number, (0.0, b""))
            if sent > oldest:
                self._publisher.put(locked)  # the same bytes under the same number: allowed, and cheapest

    def report(self, at: float, wall: float) -> bytes:
        """That `at` seconds of media time are `wall` on the seat's own clock."""
        ntp = int((wall + _NTP_EPOCH) * (1 << 32)) & (1 << 64) - 1
        info = RtcpSenderInfo(ntp, self._timestamp(at), self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        return bytes(RtcpSrPacket(self.ssrc, info))

    def _timestamp(self, at: float) -> int:
        return (self.offset + round(at * self.rate)) & 0xFFFFFFFF


class _Pictures:
    """One line of pictures: which of its clip comes next."""

    def __init__(self, stream: _Stream, clip: Clip) -> None:
        self.stream = stream
        self.keyframe_asked = False
        self._clip = clip
        self._next = self._shift = 0

    def send_due(self, at: float, stamp: Callable[[float], bytes]) -> int:
        """Sends what is due by `at` seconds; returns how many pictures that were. stamp: goes behind each of them."""
        before, clip = self._next, self._clip
        while self._next <= at * clip.per_second:
            if self.keyframe_asked:
                self.keyframe_asked = False
                self._shift = -self._next % clip.group
            packets = clip.pictures[(self._next + self._shift) % len(clip.pictures)]
            due = self._next / clip.per_second
            for packet in packets[:-1]:
                self.stream.send(packet, due, marker=False)
            self.stream.send(packets[-1] + stamp(due), due, marker=True)
            self._next += 1
        return self._next - before


class Publisher:
    """One seat. All calls belong to one event loop.

    clip: its camera and microphone. screen: its screen, None for none. drift_ppm: by how much its clock runs fast.
    clock_off_s: by how much its wall clock is wrong. stamped: every frame ends with the moment it was captured, see `stamp`.
    """

    def __init__(
        self,
        clip: Clip,
        *,
        screen: Clip | None = None,
        drift_ppm: float = 0.0,
        clock_off_s: float = 0.0,
        stamped: bool = False,
    ) -> None:
        self._clip, self._screen = clip, screen
        self._speed = 1 + drift_ppm / 1e6
        self.clock_off_s = clock_off_s
        self._stamp = self._captured if stamped else _no_stamp
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        kinds = [("video", f"video/{clip.codec}"), ("audio", "audio/opus")]
        if screen is not None:
            kinds.append(("video", f"video/{screen.codec}"))
        self._lines = [self._line(kind, codec) for kind, codec in kinds]
        self._ice = ice_connection(self._lines[0])
        offer_loopback(self._ice, always=True)
        self._pass_handshake = filter_datagrams(self._ice, lambda port: partial(self._filter, port))
        self._sound = 0
        self._began = 0.0
        self.pictures_sent = self.sounds_sent = self.screens_sent = 0
        self.again = self.keyframes_asked = 0

    def _line(self, kind: str, codec: str) -> RTCRtpTransceiver:
        transceiver = self._connection.addTransceiver(kind, direction="sendonly")
        able = RTCRtpSender.getCapabilities(kind)
        transceiver.setCodecPreferences([c for c in able.codecs if c.mimeType.lower() == codec.lower()][:1])
        stock: Any = transceiver.sender
        stock.send = self._send_nothing
        return transceiver

    async def offer(self) -> str:
        """The offer, which asks for lost sound as browsers do once a page has added it."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        sdp: str = self._connection.localDescription.sdp
        kind = next(line for line in sdp.splitlines() if "opus/48000" in line).split(":")[1].split(" ")[0]
        return sdp.replace(
            f"a=rtpmap:{kind} opus/48000/2\r\n", f"a=rtpmap:{kind} opus/48000/2\r\na=rtcp-fb:{kind} nack\r\n"
        )

    @property
    def screen_mid(self) -> str | None:
        """Which line of the offer carries the screen."""
        return self._lines[2].mid if self._screen is not None else None

    async def accept(self, answer: str) -> None:
        """Connects; media may be sent when it returns."""
        connected = asyncio.Event()

        def changed() -> None:
            if self.state in {"connected", "failed", "closed"}:
                connected.set()

        self._connection.on("connectionstatechange", changed)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await connected.wait()
        if self.state != "connected":
            raise ConnectionError(f"the seat did not connect: {self.state}")
        self._transport = self._lines[0].receiver.transport
        self._camera = _Pictures(self._stream(self._lines[0], 90_000), self._clip)
        self._audio = self._stream(self._lines[1], 48_000)
        self._shown = (
            _Pictures(self._stream(self._lines[2], 90_000), self._screen)
            if self._screen is not None
            else None
        )
        self.start_at(time.monotonic())

    def start_at(self, moment: float) -> None:
        """Media time begins at that moment of `time.monotonic()`."""
        self._began = moment
        self._wall_began = wall_seconds() + moment - time.monotonic()

    def _captured(self, due: float) -> bytes:
        return stamp(self._began + due / self._speed)

    def _stream(self, line: RTCRtpTransceiver, rate: int) -> _Stream:
        number = line._codecs[0].payloadType
        assert number is not None
        return _Stream(self, number, own_ssrc(line), rate)

    @property
    def state(self) -> str:
        return self._connection.connectionState

    async def close(self) -> None:
        await self._connection.close()

    def send_due(self, now: float) -> None:
        """Sends every picture and sound whose time has come; call it every few milliseconds with `time.monotonic()`."""
        at = (now - self._began) * self._speed
        while self._sound * _SOUND_MS <= at * 1000:
            due = self._sound * _SOUND_MS / 1000
            sound = self._clip.sounds[self._sound % len(self._clip.sounds)]
            self._audio.send(sound + self._stamp(due), due, marker=True)
            self._sound += 1
            self.sounds_sent += 1
        self.pictures_sent += self._camera.send_due(at, self._stamp)
        if self._shown is not None:
            self.screens_sent += self._shown.send_due(at, self._stamp)

    def send_reports(self) -> None:
        """Sender reports, due each second."""
        at = (time.monotonic() - self._began) * self._speed
        wall = self._wall_began + at + self.clock_off_s
        for stream in self._streams():
            if stream.packets:
                self.put(self._transport._tx_srtp.protect_rtcp(stream.report(at, wall)))

    def _streams(self) -> tuple[_Stream, ...]:
        shown = () if self._shown is None else (self._shown.stream,)
        return (self._camera.stream, self._audio, *shown)

    def lock(self, packet: bytes) -> bytes:
        """The packet as it goes onto the wire."""
        locked: bytes = self._transport._tx_srtp.protect(packet)
        return locked

    def put(self, datagram: bytes) -> None:
        """Sends bytes to the service from the seat's own port."""
        pair = self._ice._nominated.get(1)
        if pair is not None:
            pair.protocol.transport.sendto(datagram, pair.remote_addr)

    async def _send_nothing(self, parameters: object) -> None:
        """In the place of aiortc's sender, whose encoders are not wanted here."""

    def _filter(self, protocol: Any, data: bytes, address: tuple[Any, ...]) -> None:
        if data and 128 <= data[0] < 192:
            self._heard(data)
        elif data and data[0] < 4:
            type(protocol).datagram_received(protocol, data, address)
        else:
            self._pass_handshake(data, 1)

    def _heard(self, data: bytes) -> None:
        if self._began == 0.0:
            return
        for report in RtcpPacket.parse(self._transport._rx_srtp.unprotect_rtcp(data)):
            if isinstance(report, RtcpRtpfbPacket):
                self.again += len(report.lost)
                for stream in self._streams():
                    if stream.ssrc == report.media_ssrc:
                        stream.again(report.lost)
            elif isinstance(report, RtcpPsfbPacket) and report.fmt == RTCP_PSFB_PLI:
                self.keyframes_asked += 1
                for pictures in (self._camera, self._shown):
                    if pictures is not None and pictures.stream.ssrc == report.media_ssrc:
                        pictures.keyframe_asked = True
