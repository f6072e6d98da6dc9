"""Reads a room's recording from disk, mends what a killed server left open, and seals the room."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from app.core.canonical import sha256_hex
from app.core.errors import Unavailable
from app.core.i18n import N_
from recordings.container import whole_clusters
from recordings.events import event_leases, read_ledgers
from recordings.lines import (
    MAX_LINE,
    IndexReading,
    Recovered,
    TrackName,
    events_file,
    good_prefix,
    is_line,
    named,
    read_index,
)
from recordings.manifest import (
    MANIFEST_FILE,
    SIGNATURE_FILE,
    GapSeal,
    Manifest,
    parse_manifest,
    seal_events,
    seal_track,
)
from recordings.mp4 import whole_fragments
from recordings.signing import ManifestSignature, Signer
from recordings.timeline import RoomTimeline, parts_timeline, read_part
from recordings.trackfile import (
    append_durably,
    has_ended,
    held,
    sync_directory,
    sync_file,
    track_names,
    write_file,
)

SERVER_RESTART, DISK_FAILED = "server-restart", "disk-failed"
STILL_S = 5.0
"""A file that somebody holds but has not added to for this long is taken over: its writer is stopped, or cut off."""
_PART = ".part"
_MODE = 0o600


def read_room(room: Path) -> tuple[tuple[TrackName, IndexReading], ...]:
    """Every index of a room as it stands now, also while the room still runs. OSError when there is no such room."""
    return tuple(_read(room, name) for name in track_names(room))


def recover_room(room: Path, now: datetime) -> tuple[str, ...]:
    """Ends every file of a room that a killed server left open, whoever wrote it; returns the names of those files.

    Files that a living process holds are left to it. Bytes are only added to indexes and events, never changed or taken
    away, and a second run finds nothing to do. The room is not sealed: it may go on in new files.
    """
    if not room.is_dir() or (room / MANIFEST_FILE).exists():
        return ()
    return _end_all(room, now, None)


def seal_room(
    room: Path,
    room_id: str,
    now: datetime,
    zero_at: datetime | None,
    *,
    own_lease: int | None = None,
    signer: Signer | None = None,
    force: bool = False,
) -> Manifest:
    """Writes the manifest over all of a room that has ended, and the house's name under it; a sealed room keeps what it has.

    Files that were left open are ended first; those of own_lease by reason of the disk, others by that of a restart.
    Raises Unavailable while another process still adds to one (unless force), or is sealing the room itself: ask again. One
    that is held by a process which has stopped adding is copied and the copy ended, so that nothing this process may still do
    touches what is sealed.
    """
    path = room / MANIFEST_FILE
    if path.exists():
        return parse_manifest(path.read_bytes())
    room.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held(room) as alone:
        if alone is None:
            raise _still_running()
        if path.exists():
            return parse_manifest(path.read_bytes())
        return _seal(room, room_id, now, zero_at, own_lease, signer, force=force)


def _seal(
    room: Path,
    room_id: str,
    now: datetime,
    zero_at: datetime | None,
    own_lease: int | None,
    signer: Signer | None,
    *,
    force: bool,
) -> Manifest:
    for part in room.glob(f"*{_PART}"):
        part.unlink()
    _end_all(room, now, own_lease)
    if _take_over(room, now, force=force):
        _end_all(room, now, own_lease)
    seals, parts, zero_wall_ms = [], [], None if zero_at is None else _wall_ms(zero_at)
    for name in track_names(
        room
    ):  # one after the other: a long room has more lines than should be held at once
        named_as, reading = _read(room, name)
        seals.append(seal_track(named_as, reading))
        parts.append(read_part(named_as, reading))
        zero_wall_ms = (
            reading.opened.zero_wall_ms if reading.opened and zero_wall_ms is None else zero_wall_ms
        )
    manifest = Manifest(
        room_id=room_id,
        zero_wall_ms=zero_wall_ms,
        sealed_wall_ms=_wall_ms(now),
        tracks=tuple(seals),
        gaps=gap_seals(parts_timeline(parts)),
        events=tuple(seal_events(lease, reading) for lease, reading in read_ledgers(room)),
        key="" if signer is None else signer.public_key,
    )
    if signer is not None:
        _write_whole(room / SIGNATURE_FILE, ManifestSignature.make(signer, manifest.sha256).to_bytes())
    _write_whole(room / MANIFEST_FILE, manifest.to_bytes())
    return manifest


def gap_seals(timeline: RoomTimeline) -> tuple[GapSeal, ...]:
    """Every gap of every track, as the manifest tells them."""
    return tuple(
        GapSeal(track.seat_no, track.source.value, gap.from_ms, gap.to_ms, gap.reason)
        for track in timeline.tracks
        for gap in track.gaps
    )


def _read(room: Path, name: TrackName) -> tuple[TrackName, IndexReading]:
    path = room / name.index
    reading = read_index(path.read_bytes() if path.exists() else b"")
    return named(name, reading), reading


def _open_files(room: Path) -> Iterator[tuple[Path, Path | None, int]]:
    """Indexes and events that have not ended: (file of lines, its media if it has any, lease)."""
    for name in track_names(room):
        if not has_ended(room / name.index):
            yield room / name.index, room / name.media, name.lease
    for lease in event_leases(room):
        if not has_ended(room / events_file(lease)):
            yield room / events_file(lease), None, lease


def _end_all(room: Path, now: datetime, own_lease: int | None) -> tuple[str, ...]:
    ended = [
        (media or lines).name
        for lines, media, lease in _open_files(room)
        if _end(lines, media, now, DISK_FAILED if lease == own_lease else SERVER_RESTART)
    ]
    if ended:
        sync_directory(room)
    return tuple(ended)


def _end(lines: Path, media: Path | None, now: datetime, reason: str) -> bool:
    """Ends one file of lines with a `recovered` line that hashes what no line covers yet. False when it has already ended,
    or somebody holds it."""
    with held(lines, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as descriptor:
        if descriptor is None:
            return False
        data = lines.read_bytes()
        if read_index(data).ended:
            return False
        reading, torn = _split(data)
        separator = b"\n" if torn or (data and not data.endswith(b"\n")) else b""
        _, raw = reading.chain.append(_found(media, reading, torn, now, reason))
        write_file(descriptor, separator + raw + b"\n")
        sync_file(descriptor)
    return True


def _take_over(room: Path, now: datetime, *, force: bool) -> bool:
    """Puts copies in place of files that a process holds which does not add to them any more; whether there were any."""
    unended = tuple(_open_files(room))
    for lines, _, _ in unended:
        if not force and now.timestamp() - lines.stat().st_mtime < STILL_S:
            raise _still_running()
    for lines, media, _ in unended:
        # Lines first: they never tell of media that is not there yet.
        for path in (lines, media):
            if path is not None and path.exists():
                _copy(path)
    return bool(unended)


def _still_running() -> Unavailable:
    return Unavailable("recording-still-running", N_("本室录制仍在写入，暂不能封存"), N_("系统会自动重试"))


def _copy(path: Path) -> None:
    part = path.with_name(path.name + _PART)
    with path.open("rb") as source:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        try:
            while block := source.read(1 << 20):
                write_file(descriptor, block)
            sync_file(descriptor)
        finally:
            os.close(descriptor)
    part.rename(path)
    sync_directory(path.parent)


def _write_whole(path: Path, data: bytes) -> None:
    """Renamed only when whole and durable: there is a complete file, or none."""
    part = path.with_name(path.name + _PART)
    append_durably(part, data)
    part.rename(path)
    sync_directory(path.parent)


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


def _found(media: Path | None, reading: IndexReading, torn: bytes, now: datetime, reason: str) -> Recovered:
    offset = reading.covered
    tail = b""
    if media is not None and media.exists():
        with media.open("rb") as file:
            file.seek(offset)
            tail = file.read()
    whole = whole_fragments if media is not None and media.suffix == ".mp4" else whole_clusters
    spans = tuple(whole(tail)) if offset > 0 else ()
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
