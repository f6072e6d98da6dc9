"""Reads what a seat's browser offers to send, and refuses what cannot be recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription

from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.samples import Codec, Source
from venue.media.tap import LEVEL_URI

LONGEST_OFFER = 64_000

_MIME_TYPES = {Codec.vp8: "video/vp8", Codec.h264: "video/h264", Codec.opus: "audio/opus"}


@dataclass(frozen=True, slots=True)
class Line:
    """One media line of an offer. codec: in which it is to be sent. level_number: under which loudness is told, if it is."""

    source: Source
    codec: Codec
    asks_nack: bool
    level_number: int | None

    @property
    def kind(self) -> str:
        """As SDP calls it."""
        return "audio" if self.source is Source.microphone else "video"

    @property
    def mime_types(self) -> tuple[str, ...]:
        """What may be answered: the codec, and pictures sent again beside it."""
        again = () if self.source is Source.microphone else ("video/rtx",)
        return (_MIME_TYPES[self.codec], *again)


def read_offer(sdp: str, preferred: Codec, screen_mid: str | None) -> tuple[Line, ...]:
    """The media lines in the offer's order: at most one camera, one microphone and one screen.

    preferred: codec of pictures where a seat can send both. screen_mid: which line carries the screen, as the seat says
    beside its offer. Raises InvalidInput for what cannot be recorded.
    """
    if len(sdp) > LONGEST_OFFER:
        raise bad_offer()
    try:
        session = SessionDescription.parse(sdp)
    except Exception as error:  # the parser has no error of its own for text that is not SDP
        raise bad_offer() from error
    sources = [_source(line, screen_mid) for line in session.media]
    known = [source for source in sources if source is not None]
    if not known or len(known) != len(sources) or len(set(known)) != len(known):
        raise InvalidInput(
            "media-lines",
            N_("工位只能发送一路摄像头、一路麦克风和一路屏幕"),
            N_("请关闭其他采集程序后重新进入评标工位"),
        )
    return tuple(_line(line, source, preferred) for line, source in zip(session.media, known, strict=True))


def without_candidates(sdp: str) -> str:
    """The offer without addresses: the service never sends to where an offer points, it waits to be reached."""
    kept = (
        line
        for line in sdp.splitlines()
        if not line.startswith(("a=candidate:", "a=end-of-candidates", "a=remote-candidates:"))
    )
    return "\r\n".join(kept) + "\r\n"


def bad_offer() -> InvalidInput:
    """What a seat is told of an offer that nobody can make sense of."""
    return InvalidInput(
        "media-offer", N_("无法识别工位发来的音视频参数"), N_("请使用新版 Chrome、Edge 或 Firefox 浏览器重试")
    )


def _source(line: MediaDescription, screen_mid: str | None) -> Source | None:
    if line.kind == "audio":
        return Source.microphone
    if line.kind != "video":
        return None
    return Source.screen if screen_mid is not None and line.rtp.muxId == screen_mid else Source.camera


def _line(line: MediaDescription, source: Source, preferred: Codec) -> Line:
    offered = {codec.mimeType.lower() for codec in line.rtp.codecs}
    wanted = (Codec.opus,) if source is Source.microphone else (preferred, Codec.vp8, Codec.h264)
    codec = next((one for one in wanted if _MIME_TYPES[one] in offered), None)
    if codec is None:
        raise InvalidInput(
            "media-codec",
            N_("工位的浏览器不能以 VP8、H264 和 Opus 发送音视频"),
            N_("请使用新版 Chrome、Edge 或 Firefox 浏览器重试"),
        )
    level = next((one.id for one in line.rtp.headerExtensions if one.uri == LEVEL_URI), None)
    return Line(source, codec, _asks_nack(line.rtp.codecs), level)


def _asks_nack(codecs: Sequence[RTCRtpCodecParameters]) -> bool:
    return any(
        feedback.type == "nack" and not feedback.parameter
        for codec in codecs
        for feedback in codec.rtcpFeedback
    )
