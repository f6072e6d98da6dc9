"""What passes from a seat's camera to its recording: encoded samples on their way to a sink.

`venue.media` produces them, `recordings.recorder` takes them; neither knows the other.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class Source(StrEnum):
    """What a track shows or carries."""

    camera = "camera"
    microphone = "microphone"
    screen = "screen"


class Codec(StrEnum):
    """How a track is encoded, as the seat's browser sent it."""

    vp8 = "vp8"
    h264 = "h264"
    opus = "opus"


@dataclass(frozen=True, slots=True)
class TrackKey:
    """One logical track: a source of one seat in one online room."""

    room_id: str
    seat_no: int
    source: Source


class EncodedSample(NamedTuple):
    """One whole encoded frame, exactly as the seat's encoder made it.

    room_ms: whole milliseconds on the room clock at which it was captured.
    arrived_ms: room clock when its last packet arrived.
    rtp_timestamp: 32-bit RTP time stamp as received.
    keyframe: decodable on its own (always true for Opus).
    data: for H264 one access unit, each NAL unit after its length in four bytes, key frames with their parameter sets in front.
    level: loudness in -dBov as the sender told it, 0 (loudest) to 127; None when it did not.
    """

    room_ms: int
    arrived_ms: int
    rtp_timestamp: int
    keyframe: bool
    data: bytes
    level: int | None = None


class ClockNote(NamedTuple):
    """What a sender said of its own clock (RTCP sender report), and how its time was placed on the room clock.

    arrived_ms: room clock when it came. ntp: the sender's wall clock, 64-bit NTP. rtp_timestamp: media time that belongs to
    it, 32-bit. rtt_us: shortest round trip measured lately, None before the first. shift_us: by how much samples are placed
    earlier than they would be by arrival alone.
    """

    arrived_ms: int
    ntp: int
    rtp_timestamp: int
    rtt_us: int | None
    shift_us: int


class SampleSink(Protocol):
    """Takes samples of one track. Never blocks for long: it is called on the event loop."""

    def write(self, sample: EncodedSample) -> None: ...

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        """Media missing between two room times, with a reason code such as `network-loss`."""
        ...

    def clock(self, note: ClockNote) -> None:
        """A sender report, to be kept as it came."""
        ...

    def close(self, reason: str) -> None: ...


class SinkFactory(Protocol):
    """Opens the sink of a track; a second call for the same key starts its next connection."""

    def __call__(self, key: TrackKey, codec: Codec) -> SampleSink: ...
