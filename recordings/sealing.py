"""Reads a room's recording from disk, mends what a killed server left open, and seals the room."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from app.core.canonical import sha256_hex
from recordings.container import whole_clusters
from recordings.manifest import (
    MANIFEST_FILE,
    MAX_LINE,
    GapSeal,
    IndexReading,
    Manifest,
    Recovered,
    TrackName,
    good_prefix,
    is_line,
    parse_manifest,
    read_index,
    seal_track,
)
from recordings.timeline import room_timeline
from recordings.trackfile import append_durably, sync_directory, track_names

SERVER_RESTART = "server-restart"


def read_room(room: Path) -> tuple[tuple[TrackName, IndexReading], ...]:
    """Every index of a room as it stands now, also while the room still runs. OSError when there is no such room."""
    readings = []
    for name in track_names(room):
        path = room / name.index
        readings.append((name, read_index(path.read_bytes() if path.exists() else b"")))
    return tuple(readings)


def recover(directory: Path, now: datetime) -> tuple[Path, ...]:
    """Ends every track file that a killed server left open, in all rooms under `directory`; returns those files.

    Run it at start, before anything records. Bytes are only added to index files, never changed or taken away, and a
    second run finds nothing to do. Rooms are not sealed: they may go on in new files.
    """
    if not directory.exists():
        return ()
    return tuple(
        room / name.media
        for room in sorted(path for path in directory.iterdir() if path.is_dir())
        if not (room / MANIFEST_FILE).exists()
        for name in track_names(room)
        if recover_track(room, name, now, SERVER_RESTART)
    )


def recover_track(room: Path, name: TrackName, now: datetime, reason: str) -> bool:
    """Ends one track file with a `recovered` line that hashes what no line covers yet. False when it had already ended."""
    index = room / name.index
    data = index.read_bytes() if index.exists() else b""
    if read_index(data).ended:
        return False
    reading, torn = _split(data)
    separator = b"\n" if torn or (data and not data.endswith(b"\n")) else b""
    _, raw = reading.chain.append(_found(room / name.media, reading, torn, now, reason))
    append_durably(index, separator + raw + b"\n")
    sync_directory(room)
    return True


def seal_room(room: Path, room_id: str, now: datetime, zero_at: datetime | None, unfinished: str) -> Manifest:
    """Writes the manifest over all tracks of a room that has ended; a sealed room keeps the manifest it has.

    unfinished: the reason given to files that were left open.
    """
    path = room / MANIFEST_FILE
    if path.exists():
        return parse_manifest(path.read_bytes())
    room.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in track_names(room):
        recover_track(room, name, now, unfinished)
    readings = read_room(room)
    manifest = Manifest(
        room_id=room_id,
        zero_wall_ms=None if zero_at is None else _wall_ms(zero_at),
        sealed_wall_ms=_wall_ms(now),
        tracks=tuple(seal_track(name, reading) for name, reading in readings),
        gaps=gap_seals(readings),
    )
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    append_durably(part, manifest.to_bytes())
    # Renamed only when whole and durable: there is a complete manifest, or none.
    part.rename(path)
    sync_directory(room)
    return manifest


def gap_seals(readings: Sequence[tuple[TrackName, IndexReading]]) -> tuple[GapSeal, ...]:
    """Every gap of every track, as the manifest tells them."""
    return tuple(
        GapSeal(track.seat_no, track.source.value, gap.from_ms, gap.to_ms, gap.reason)
        for track in room_timeline(readings).tracks
        for gap in track.gaps
    )


def _split(data: bytes) -> tuple[IndexReading, bytes]:
    """The good lines of an index without end, and the bytes of a line that was being written when the server died."""
    reading, rest = good_prefix(data)
    if not rest:
        return reading, b""
    finished, open_end = good_prefix(data + b"\n")
    if not open_end:
        return finished, b""  # the last line was whole and lacked only its line feed
    if len(rest) <= MAX_LINE and not any(is_line(piece) for piece in rest.split(b"\n")):
        return reading, rest
    # Whole lines behind the break: no crash does that. The damage stays in plain sight for the verifier.
    return read_index(data), b""


def _found(media: Path, reading: IndexReading, torn: bytes, now: datetime, reason: str) -> Recovered:
    offset = reading.covered
    tail = b""
    if media.exists():
        with media.open("rb") as file:
            file.seek(offset)
            tail = file.read()
    headed = offset > 0
    spans = tuple(whole_clusters(tail)) if headed else ()
    return Recovered(
        offset=offset,
        length=len(tail),
        sha256=sha256_hex(tail),
        playable=sum(span.length for span in spans),
        from_ms=spans[0].from_ms if spans else 0,
        to_ms=spans[-1].to_ms if spans else 0,
        keyframe=bool(spans) and spans[0].keyframe,
        torn_length=len(torn),
        torn_sha256=sha256_hex(torn),
        reason=reason,
        wall_ms=_wall_ms(now),
    )


def _wall_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
