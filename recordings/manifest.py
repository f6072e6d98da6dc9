"""The account of a whole room's recording: it binds the last line of every index, the counts, the gaps and the events.

Its hash stands for everything that was recorded; the house signs it and files it in the audit trail.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from app.core.canonical import Canonical, canonical_json, digest
from recordings.lines import (
    Closed,
    Event,
    Fragment,
    IndexReading,
    Malformed,
    Opened,
    Recovered,
    TrackName,
    events_file,
)

FORMAT = 2
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig.json"
_T = TypeVar("_T")
_TYPES: Mapping[object, type] = {int: int, str: str, bool: bool}


@dataclass(frozen=True, slots=True)
class TrackSeal:
    """One track file as the manifest binds it. `head` is the hash of its index's last line."""

    file: str
    index: str
    seat_no: int
    source: str
    codec: str
    lease: int
    connection: int
    part: int
    lines: int
    faults: int
    fragments: int
    bytes: int
    from_ms: int
    to_ms: int
    ended: str
    head: str


@dataclass(frozen=True, slots=True)
class EventsSeal:
    """The events of one lease as the manifest binds them. `head` is the hash of the file's last line.

    from_ms, to_ms: room time of the earliest and the latest event.
    """

    file: str
    lease: int
    lines: int
    faults: int
    events: int
    from_ms: int
    to_ms: int
    ended: str
    head: str


@dataclass(frozen=True, slots=True)
class GapSeal:
    """A gap of a seat's picture or sound as the manifest tells it."""

    seat_no: int
    source: str
    from_ms: int
    to_ms: int
    reason: str


_Seal = TrackSeal | EventsSeal | GapSeal


@dataclass(frozen=True, slots=True)
class Manifest:
    """The account of a whole room's recording (录制清单).

    zero_wall_ms: UTC of room time 0 in milliseconds, None when unknown. sealed_wall_ms: UTC when the room was sealed.
    key: the public key with which the house signs it, 64 hex digits; empty when nobody does.
    """

    room_id: str
    zero_wall_ms: int | None
    sealed_wall_ms: int
    tracks: tuple[TrackSeal, ...]
    gaps: tuple[GapSeal, ...]
    events: tuple[EventsSeal, ...]
    key: str = ""

    @property
    def body(self) -> Mapping[str, Canonical]:
        return {
            "format": FORMAT,
            "room_id": self.room_id,
            "key": self.key,
            "zero_wall_ms": self.zero_wall_ms,
            "sealed_wall_ms": self.sealed_wall_ms,
            "fragments": sum(track.fragments for track in self.tracks),
            "tracks": [_plain(track) for track in self.tracks],
            "gaps": [_plain(gap) for gap in self.gaps],
            "events": [_plain(events) for events in self.events],
        }

    @property
    def sha256(self) -> str:
        """The hash that stands for the whole recording; it goes into the audit trail."""
        return digest(self.body)

    def to_bytes(self) -> bytes:
        return canonical_json({"manifest": self.body, "sha256": self.sha256}) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Reads a manifest file. Raises Malformed when it is not exactly what a recorder wrote or its own hash is wrong."""
    try:
        told = json.loads(data)
        body = told["manifest"]
        manifest = Manifest(
            room_id=_typed(body["room_id"], str),
            zero_wall_ms=None if body["zero_wall_ms"] is None else _typed(body["zero_wall_ms"], int),
            sealed_wall_ms=_typed(body["sealed_wall_ms"], int),
            tracks=tuple(TrackSeal(**_seal(track, TrackSeal)) for track in body["tracks"]),
            gaps=tuple(GapSeal(**_seal(gap, GapSeal)) for gap in body["gaps"]),
            events=tuple(EventsSeal(**_seal(events, EventsSeal)) for events in body["events"]),
            key=_typed(body["key"], str),
        )
        if manifest.to_bytes() != data:
            raise Malformed("not canonical, or its hash is wrong")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Malformed(str(error)) from error
    return manifest


def seal_track(name: TrackName, reading: IndexReading) -> TrackSeal:
    """What the manifest says of one index, sound or not: faults found at sealing are counted, not hidden."""
    acts = [line.act for line in reading.lines]
    spans = [
        act for act in acts if isinstance(act, Fragment) or (isinstance(act, Recovered) and act.playable)
    ]
    return TrackSeal(
        file=name.media,
        index=name.index,
        seat_no=name.seat_no,
        source=name.source.value,
        codec=next((act.codec for act in acts if isinstance(act, Opened)), ""),
        lease=name.lease,
        connection=name.connection,
        part=name.part,
        lines=len(acts),
        faults=len(reading.faults),
        fragments=len(spans),
        bytes=reading.covered,
        from_ms=min((act.from_ms for act in spans), default=0),
        to_ms=max((act.to_ms for act in spans), default=0),
        ended=_ended(reading),
        head=reading.chain.head,
    )


def seal_events(lease: int, reading: IndexReading) -> EventsSeal:
    """What the manifest says of the events of one lease."""
    times = [line.act.at_ms for line in reading.lines if isinstance(line.act, Event)]
    return EventsSeal(
        file=events_file(lease),
        lease=lease,
        lines=len(reading.lines),
        faults=len(reading.faults),
        events=len(times),
        from_ms=min(times, default=0),
        to_ms=max(times, default=0),
        ended=_ended(reading),
        head=reading.chain.head,
    )


def _ended(reading: IndexReading) -> str:
    return next(
        (line.act.reason for line in reversed(reading.lines) if isinstance(line.act, Closed | Recovered)), ""
    )


def _plain(value: _Seal) -> dict[str, Canonical]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _seal(told: object, shape: type[_Seal]) -> dict[str, Any]:
    if not isinstance(told, dict) or told.keys() != {field.name for field in fields(shape)}:
        raise Malformed("fields do not fit")
    return {field.name: _typed(told[field.name], _TYPES[field.type]) for field in fields(shape)}


def _typed(value: object, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise Malformed("a value has the wrong type")
    return value
