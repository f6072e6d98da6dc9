"""What passes from a seat's camera to its recording: encoded samples on their way to a sink.

`venue.media` produces them, `recordings.recorder` takes them; neither knows the other.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Source(StrEnum):
    """What a track shows or carries."""

    camera = "camera"
    microphone = "microphone"


class Codec(StrEnum):
    vp8 = "vp8"
    opus = "opus"


@dataclass(frozen=True, slots=True)
class TrackKey:
    """One logical track: a source of one seat in one online room."""

    room_id: str
    seat_no: int
    source: Source


@dataclass(frozen=True, slots=True)
class EncodedSample:
    """One whole encoded frame, exactly as the seat's encoder made it.

    room_ms: whole milliseconds on the room clock at which it was captured.
    arrived_ms: room clock when its last packet arrived.
    rtp_timestamp: 32-bit RTP time stamp as received.
    keyframe: decodable on its own (always true for Opus).
    """

    room_ms: int
    arrived_ms: int
    rtp_timestamp: int
    keyframe: bool
    data: bytes


class SampleSink(Protocol):
    """Takes samples of one track. Never blocks for long: it is called on the event loop."""

    def write(self, sample: EncodedSample) -> None: ...

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        """Media missing between two room times, with a reason code such as `network-loss`."""
        ...

    def close(self, reason: str) -> None: ...


class SinkFactory(Protocol):
    """Opens the sink of a track; a second call for the same key starts the next epoch of that track."""

    def __call__(self, key: TrackKey, codec: Codec) -> SampleSink: ...
