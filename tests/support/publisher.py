"""A seat that sends media encoded beforehand, with as little work of its own as possible: for many seats on one core.

aiortc makes the connection; then every packet is written by hand, locked with the connection's keys and sent. What the
service asks for again is sent again, and a key frame that it asks for is the next picture.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RTCP_PSFB_PLI,
)
from aiortc.utils import random16, random32

from venue.media.seams import filter_datagrams, ice_connection, offer_loopback, own_ssrc

_HEAD = Struct(">BBHII")
_NTP_EPOCH = 2_208_988_800
_HELD = 1024
_SOUND_MS = 20


@dataclass(frozen=True, slots=True)
class Clip:
    """Encoded media to be sent over and over. pictures: packets of each picture, the first of them a key frame, one more
    every `group` pictures. sounds: twenty milliseconds each. codec: `VP8` or `H264`."""

    codec: str
    pictures: Sequence[Sequence[bytes]]
    sounds: Sequence[bytes]
    per_second: int
    group: int


class _Stream:
    """One source: numbers and holds what it sends."""

    def __init__(self, publisher: "Publisher", kind: int, ssrc: int, rate: int) -> None:
        self._publisher = publisher
        self.kind, self.ssrc, self.rate = kind, ssrc, rate
        self.sequence = random16()
        self.offset = random32()
        self.packets = self.octets = 0
        self.last: tuple[int, float] | None = None
        self._held: dict[int, bytes] = {}

    def send(self, payload: bytes, at: float, *, marker: bool) -> None:
        timestamp = (self.offset + round(at * self.rate)) & 0xFFFFFFFF
        head = _HEAD.pack(0x80, self.kind | (0x80 if marker else 0), self.sequence, timestamp, self.ssrc)
        locked = self._publisher.lock(head + payload)
        self._held[self.sequence] = locked
        self._held.pop((self.sequence - _HELD) & 0xFFFF, None)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        self.last = (timestamp, time.time())
        self._publisher.put(locked)

    def again(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if (held := self._held.get(number)) is not None:
                self._publisher.put(held)  # the same bytes under the same number: allowed, and cheapest

    def report(self) -> bytes:
        timestamp, wall = self.last or (0, time.time())
        ntp = int((wall + _NTP_EPOCH) * (1 << 32))
        info = RtcpSenderInfo(
            ntp & (1 << 64) - 1, timestamp, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        )
        return bytes(RtcpSrPacket(self.ssrc, info))


class Publisher:
    """One seat. `drift_ppm`: by how much its clock is wrong. All calls belong to one event loop."""

    def __init__(self, clip: Clip, *, drift_ppm: float = 0.0, through: tuple[str, int] | None = None) -> None:
        self._clip = clip
        self._speed = 1 + drift_ppm / 1e6
        self._through = through
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._lines = []
        for kind, codec in (("video", f"video/{clip.codec}"), ("audio", "audio/opus")):
            transceiver = self._connection.addTransceiver(kind, direction="sendonly")
            able = RTCRtpSender.getCapabilities(kind)
            transceiver.setCodecPreferences(
                [c for c in able.codecs if c.mimeType.lower() == codec.lower()][:1]
            )
            stock: Any = transceiver.sender
            stock.send = self._send_nothing
            self._lines.append(transceiver)
        self._ice = ice_connection(self._lines[0])
        offer_loopback(self._ice, always=True)
        self._pass_handshake = filter_datagrams(self._ice, self._filter)
        self._picture = self._sound = 0
        self._keyframe_asked = False
        self._began = 0.0
        self.pictures_sent = self.sounds_sent = 0
        self.again = self.keyframes_asked = 0

    async def offer(self) -> str:
        await self._connection.setLocalDescription(await self._connection.createOffer())
        sdp: str = self._connection.localDescription.sdp
        kind = next(line for line in sdp.splitlines() if "opus/48000" in line).split(":")[1].split(" ")[0]
        return sdp.replace(
            f"a=rtpmap:{kind} opus/48000/2\r\n", f"a=rtpmap:{kind} opus/48000/2\r\na=rtcp-fb:{kind} nack\r\n"
        )

    async def accept(self, answer: str) -> None:
        connected = asyncio.Event()

        def changed() -> None:
            if self.state == "connected":
                connected.set()

        self._connection.on("connectionstatechange", changed)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await connected.wait()
        kinds = [number for line in self._lines if (number := line._codecs[0].payloadType) is not None]  # noqa: SLF001
        self._video = _Stream(self, kinds[0], own_ssrc(self._lines[0]), 90_000)
        self._audio = _Stream(self, kinds[1], own_ssrc(self._lines[1]), 48_000)
        self._transport = self._lines[0].receiver.transport
        self._began = time.monotonic()

    @property
    def state(self) -> str:
        return self._connection.connectionState

    async def close(self) -> None:
        await self._connection.close()

    def send_due(self, now: float) -> None:
        """Sends every picture and sound whose time has come; call it every few milliseconds with `time.monotonic()`."""
        at = (now - self._began) * self._speed
        while self._sound * _SOUND_MS <= at * 1000:
            self._audio.send(
                self._clip.sounds[self._sound % len(self._clip.sounds)],
                self._sound * _SOUND_MS / 1000,
                marker=True,
            )
            self._sound += 1
            self.sounds_sent += 1
        while self._picture <= at * self._clip.per_second:
            self._send_picture()

    def send_reports(self) -> None:
        """Sender reports, due each second."""
        for stream in (self._video, self._audio):
            self.put(self._transport._tx_srtp.protect_rtcp(stream.report()))  # noqa: SLF001

    def _send_picture(self) -> None:
        number, clip = self._picture, self._clip
        if self._keyframe_asked:
            self._keyframe_asked = False
            self._shift = -number % clip.group
        packets = clip.pictures[(number + self._shift) % len(clip.pictures)]
        for place, packet in enumerate(packets, 1):
            self._video.send(packet, number / clip.per_second, marker=place == len(packets))
        self._picture += 1
        self.pictures_sent += 1

    _shift = 0

    def lock(self, packet: bytes) -> bytes:
        locked: bytes = self._transport._tx_srtp.protect(packet)  # noqa: SLF001
        return locked

    def put(self, datagram: bytes) -> None:
        pair = self._ice._nominated.get(1)  # noqa: SLF001
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
        for report in RtcpPacket.parse(self._transport._rx_srtp.unprotect_rtcp(data)):  # noqa: SLF001
            if isinstance(report, RtcpRtpfbPacket):
                self.again += len(report.lost)
                (self._video if report.media_ssrc == self._video.ssrc else self._audio).again(report.lost)
            elif isinstance(report, RtcpPsfbPacket) and report.fmt == RTCP_PSFB_PLI:
                self.keyframes_asked += 1
                self._keyframe_asked = True
