"""A pretend expert's camera and microphone, for rehearsals: real moving video and speech-like sound over WebRTC."""

import asyncio
from dataclasses import dataclass
from fractions import Fraction

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame

from venue.media.pretend_scene import Scene
from venue.media.pretend_voice import SAMPLE_RATE, SLICE, voice
from venue.media.seams import ice_connection, offer_loopback

_VIDEO_RATE = 90_000
_SKIP_WHEN_LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class PretendStats:
    """Pictures and 20 ms slices of sound given to the encoder, and the worst lateness of any of them."""

    pictures: int
    slices: int
    worst_late_ms: int


class _Pace:
    """Waits for the next of evenly spaced moments. Falling far behind it skips moments instead of hurrying."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._began: float | None = None
        self._number = -1
        self.count = 0
        self.worst_late_ms = 0

    async def next(self) -> int:
        """The number of the moment that has come; the first comes at once."""
        loop = asyncio.get_running_loop()
        if self._began is None:
            self._began = loop.time()
        self._number += 1
        late = loop.time() - (self._began + self._number / self._per_second)
        if late < 0:
            await asyncio.sleep(-late)
        else:
            self.worst_late_ms = max(self.worst_late_ms, round(late * 1000))
            if late > _SKIP_WHEN_LATE_S:
                self._number += int(late * self._per_second)
        self.count += 1
        return self._number


class _Camera(MediaStreamTrack):
    kind = "video"

    def __init__(self, seat_no: int, width: int, height: int, pictures_per_second: int) -> None:
        super().__init__()
        self._scene = Scene(seat_no, width, height)
        self._width, self._height = width, height
        self._per_second = pictures_per_second
        self.pace = _Pace(pictures_per_second)

    async def recv(self) -> VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        number = await self.pace.next()
        picture = self._scene.picture(number * 1000 // self._per_second)
        frame = VideoFrame(self._width, self._height, "yuv420p")
        for plane, data, width in zip(
            frame.planes,
            (picture.y, picture.u, picture.v),
            (self._width, self._width // 2, self._width // 2),
            strict=True,
        ):
            plane.update(_padded(data, width, plane.line_size))
        frame.pts = number * _VIDEO_RATE // self._per_second
        frame.time_base = Fraction(1, _VIDEO_RATE)
        return frame


class _Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, seat_no: int) -> None:
        super().__init__()
        self._voice = voice(seat_no)
        self.pace = _Pace(SAMPLE_RATE // SLICE)

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        number = await self.pace.next()
        start = number * SLICE * 2 % len(self._voice)
        frame = AudioFrame(format="s16", layout="mono", samples=SLICE)
        frame.planes[0].update(self._voice[start : start + SLICE * 2])
        frame.pts = number * SLICE
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        return frame


class PretendSeat:
    """Sends a drawn person and a humming voice as a browser at a seat would. One object, one connection.

    width, height: picture in pixels, width a multiple of 32. loopback: also listen on 127.0.0.1.
    """

    def __init__(
        self,
        seat_no: int,
        *,
        loopback: bool = True,
        width: int = 320,
        height: int = 240,
        pictures_per_second: int = 12,
    ) -> None:
        self._camera = _Camera(seat_no, width, height, pictures_per_second)
        self._microphone = _Microphone(seat_no)
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        for track, codec in ((self._camera, "video/vp8"), (self._microphone, "audio/opus")):
            transceiver = self._connection.addTransceiver(track, direction="sendonly")
            transceiver.setCodecPreferences(
                [
                    capability
                    for capability in RTCRtpSender.getCapabilities(track.kind).codecs
                    if capability.mimeType.lower() in (codec, "video/rtx")
                ]
            )
        offer_loopback(ice_connection(self._connection.getTransceivers()[0]), always=loopback)

    async def offer(self) -> str:
        """The offer with all candidates in it."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return _with_audio_nack(self._connection.localDescription.sdp)

    async def accept(self, answer_sdp: str) -> None:
        """Takes the service's answer; media flows as soon as the connection stands."""
        await self._connection.setRemoteDescription(RTCSessionDescription(answer_sdp, "answer"))

    async def close(self) -> None:
        self._camera.stop()
        self._microphone.stop()
        await self._connection.close()

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `failed` or `closed`."""
        return self._connection.connectionState

    def stats(self) -> PretendStats:
        camera, microphone = self._camera.pace, self._microphone.pace
        return PretendStats(
            camera.count, microphone.count, max(camera.worst_late_ms, microphone.worst_late_ms)
        )


def _padded(data: bytes, width: int, line_size: int) -> bytes:
    """Rows as long as the encoder's memory wants them."""
    if line_size == width:
        return data
    padding = bytes(line_size - width)
    return b"".join(data[start : start + width] + padding for start in range(0, len(data), width))


def _with_audio_nack(offer_sdp: str) -> str:
    """Says that lost sound may be asked for again: aiortc's sender does send it again, but never offers to."""
    lines: list[str] = []
    for line in offer_sdp.splitlines():
        lines.append(line)
        if line.startswith("a=rtpmap:") and "opus/48000" in line:
            payload_type = line.removeprefix("a=rtpmap:").split(" ", 1)[0]
            lines.append(f"a=rtcp-fb:{payload_type} nack")
    return "\r\n".join(lines) + "\r\n"
