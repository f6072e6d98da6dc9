"""Puts packets of one track back together into the whole frames that the seat's encoder made.

Nothing is decoded: a VP8 frame is recognised by its payload descriptor (RFC 7741), an H264 access unit by its NAL units
(RFC 6184), an Opus frame is a packet (RFC 7587).
"""

from typing import NamedTuple, Protocol

from venue.media.rtp import RtpPacket

_EXTENDED = 0x80
_STARTS_PARTITION = 0x10
_PARTITION_NUMBER = 0x07
_HAS_PICTURE_ID = 0x80
_HAS_LAYER_INDEX = 0x40
_HAS_LAYER_OR_KEY = 0x30
_LONG_PICTURE_ID = 0x80
_KEYFRAME_START_CODE = b"\x9d\x01\x2a"
_KEYFRAME_HEADER = 10
_NAL_KIND = 0x1F
_NAL_PICTURE, _NAL_KEY_PICTURE, _NAL_SPS, _NAL_PPS, _NAL_DELIMITER, _NAL_FILLER = 1, 5, 7, 8, 9, 12
_NAL_SEVERAL, _NAL_PART = 24, 28
_NAL_LAST_SINGLE = 23
_FIRST_PART, _LAST_PART = 0x80, 0x40
MOST_FRAME_BYTES = 8 * 1024 * 1024
"""No encoder makes larger frames; what a sender never finishes is given up here."""
_PACKET_COST = 64
"""Bytes that keeping a packet takes besides its payload."""


class Frame(NamedTuple):
    """One whole encoded frame. `arrived_ms`: room time at which its last packet came. `level`: loudness in -dBov, if told."""

    timestamp: int
    keyframe: bool
    data: bytes
    arrived_ms: int
    level: int | None = None


class FrameAssembler(Protocol):
    """Takes packets in order of sequence; gives each frame as soon as it is whole."""

    @property
    def needs_keyframe(self) -> bool:
        """True while nothing that comes can be shown without a key frame."""
        ...

    def add(self, packet: RtpPacket) -> tuple[Frame, ...]: ...

    def hole(self) -> None:
        """Packets are missing here for good."""
        ...


class OpusFrames:
    """Every packet with a payload is a frame that stands on its own."""

    @property
    def needs_keyframe(self) -> bool:
        return False

    def add(self, packet: RtpPacket) -> tuple[Frame, ...]:
        if not packet.payload:
            return ()
        keyframe = True
        return (Frame(packet.timestamp, keyframe, packet.payload, packet.arrived_ms, packet.level),)

    def hole(self) -> None:
        """The next packet is whole again; nothing to forget."""


class Vp8Frames:
    """Joins packets into VP8 frames; after a hole it waits for a key frame.

    What follows a missing frame would decode into a smeared picture that nobody ever sent, so it is left out and
    counted as missing until the next key frame, which is asked for at once.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._timestamp = 0
        self._arrived_ms = 0
        self._needs_keyframe = True

    @property
    def needs_keyframe(self) -> bool:
        return self._needs_keyframe

    def add(self, packet: RtpPacket) -> tuple[Frame, ...]:
        if not packet.payload:
            return ()  # padding, sent to probe for bandwidth
        offset, starts = read_vp8_descriptor(packet.payload)
        if offset < 0:
            self.hole()
            return ()
        done: tuple[Frame, ...] = ()
        if self._parts and packet.timestamp != self._timestamp:
            done = self._finish()  # a sender that leaves out the marker
        if starts and not self._parts:
            self._timestamp, self._arrived_ms = packet.timestamp, packet.arrived_ms
        elif not self._parts:
            return done  # the rest of a frame whose beginning is lost
        self._parts.append(packet.payload[offset:])
        self._size += len(packet.payload) + _PACKET_COST
        if self._size > MOST_FRAME_BYTES:
            self.hole()
            return done
        self._arrived_ms = max(self._arrived_ms, packet.arrived_ms)
        return done + self._finish() if packet.marker else done

    def hole(self) -> None:
        self._parts.clear()
        self._size = 0
        self._needs_keyframe = True

    def _finish(self) -> tuple[Frame, ...]:
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        keyframe = is_vp8_keyframe(data)
        if self._needs_keyframe and not keyframe:
            return ()
        self._needs_keyframe = False
        return (Frame(self._timestamp, keyframe, data, self._arrived_ms),)


class H264Frames:
    """Joins packets into H264 access units, each NAL unit after its length in four bytes; after a hole waits for a key frame.

    A key frame always carries the parameter sets in front, those last seen where the sender left them out, so that every
    key frame is a place to begin.
    """

    def __init__(self) -> None:
        self._units: list[bytes] = []
        self._part: bytearray | None = None
        self._size = 0
        self._timestamp = 0
        self._arrived_ms = 0
        self._sets: dict[int, bytes] = {}
        self._needs_keyframe = True

    @property
    def needs_keyframe(self) -> bool:
        return self._needs_keyframe

    def add(self, packet: RtpPacket) -> tuple[Frame, ...]:
        if not packet.payload:
            return ()
        done: tuple[Frame, ...] = ()
        if self._units and packet.timestamp != self._timestamp:
            done = self._finish()  # a sender that leaves out the marker
        if not self._units:
            self._arrived_ms = packet.arrived_ms
        self._timestamp = packet.timestamp
        self._arrived_ms = max(self._arrived_ms, packet.arrived_ms)
        self._size += len(packet.payload) + _PACKET_COST
        if self._size > MOST_FRAME_BYTES or not self._take(packet.payload):
            self.hole()
            return done
        return done + self._finish() if packet.marker else done

    def hole(self) -> None:
        self._units.clear()
        self._part = None
        self._size = 0
        self._needs_keyframe = True

    def _take(self, payload: bytes) -> bool:
        """Takes what a packet carries; False when it is cut short or of a kind that nobody agreed on."""
        kind = payload[0] & _NAL_KIND
        if 1 <= kind <= _NAL_LAST_SINGLE:
            self._keep(payload)
            return True
        if kind == _NAL_SEVERAL:
            return self._take_several(payload)
        return kind == _NAL_PART and self._take_part(payload)

    def _take_several(self, payload: bytes) -> bool:
        at = 1
        while at + 2 <= len(payload):
            length = int.from_bytes(payload[at : at + 2], "big")
            at += 2
            if not length or at + length > len(payload):
                return False
            self._keep(payload[at : at + length])
            at += length
        return at == len(payload)

    def _take_part(self, payload: bytes) -> bool:
        if len(payload) < 3:  # noqa: PLR2004 -- indicator, header, and at least one byte
            return False
        if payload[1] & _FIRST_PART:
            self._part = bytearray(((payload[0] & ~_NAL_KIND) | (payload[1] & _NAL_KIND),))
        if self._part is None:
            return True  # the rest of a unit whose beginning is lost: the hole has been told of
        self._part += payload[2:]
        if payload[1] & _LAST_PART:
            self._keep(bytes(self._part))
            self._part = None
        return True

    def _keep(self, unit: bytes) -> None:
        kind = unit[0] & _NAL_KIND
        if kind in {_NAL_SPS, _NAL_PPS}:
            self._sets[kind] = unit
        if kind not in {_NAL_DELIMITER, _NAL_FILLER}:
            self._units.append(unit)

    def _finish(self) -> tuple[Frame, ...]:
        units, self._units = self._units, []
        self._part = None
        self._size = 0
        kinds = {unit[0] & _NAL_KIND for unit in units}
        keyframe = _NAL_KEY_PICTURE in kinds
        if not keyframe and _NAL_PICTURE not in kinds and not kinds & {2, 3, 4}:
            return ()  # parameter sets alone: kept for the picture that follows
        if keyframe:
            missing = [kind for kind in (_NAL_SPS, _NAL_PPS) if kind not in kinds]
            if any(kind not in self._sets for kind in missing):
                return ()
            units = [*(self._sets[kind] for kind in missing), *units]
        if self._needs_keyframe and not keyframe:
            return ()
        self._needs_keyframe = False
        data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
        return (Frame(self._timestamp, keyframe, data, self._arrived_ms),)


def read_vp8_descriptor(payload: bytes) -> tuple[int, bool]:
    """Length of the payload descriptor and whether a frame starts here; length -1 when it is cut short."""
    first = payload[0]
    starts = bool(first & _STARTS_PARTITION) and not first & _PARTITION_NUMBER
    offset = 1
    if first & _EXTENDED:
        if len(payload) < offset + 1:
            return -1, False
        extension = payload[offset]
        offset += 1
        if extension & _HAS_PICTURE_ID:
            if len(payload) < offset + 1:
                return -1, False
            offset += 2 if payload[offset] & _LONG_PICTURE_ID else 1
        if extension & _HAS_LAYER_INDEX:
            offset += 1
        if extension & _HAS_LAYER_OR_KEY:
            offset += 1
    return (offset, starts) if offset < len(payload) else (-1, False)


def is_vp8_keyframe(data: bytes) -> bool:
    """True for a frame that decodes on its own: key-frame bit and start code (RFC 6386, 9.1)."""
    return len(data) >= _KEYFRAME_HEADER and not data[0] & 1 and data[3:6] == _KEYFRAME_START_CODE
