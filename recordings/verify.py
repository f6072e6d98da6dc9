"""Checks a room's recording against its own account, and names every file and moment that does not agree."""

import hashlib
import logging
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from app.core.i18n import N_, translate
from recordings.events import event_leases
from recordings.lines import (
    Fragment,
    Header,
    IndexReading,
    Malformed,
    Opened,
    Recovered,
    TrackName,
    events_file,
    named,
    read_index,
)
from recordings.manifest import (
    MANIFEST_FILE,
    SIGNATURE_FILE,
    EventsSeal,
    Manifest,
    TrackSeal,
    parse_manifest,
    seal_events,
    seal_track,
)
from recordings.sealing import gap_seals
from recordings.signing import parse_signature
from recordings.timeline import Part, parts_timeline, read_part
from recordings.trackfile import track_names

logger = logging.getLogger(__name__)

TEXTS = {
    "room-missing": N_("没有这间评标室的录制"),
    "manifest-changed": N_("封存清单被改动，或不是本系统写成"),
    "manifest-other": N_("封存清单与存证的哈希不符"),
    "signature-changed": N_("清单签名被改动，或不是本系统写成"),
    "signature-false": N_("清单签名不成立"),
    "signature-foreign": N_("清单不是由所公布的密钥签名的"),
    "file-missing": N_("文件缺失"),
    "file-unlisted": N_("文件不在封存清单中"),
    "file-unreadable": N_("文件无法读取"),
    "index-differs": N_("索引与封存清单不符"),
    "other-track": N_("文件名与内容不符：内容属于另一路或另一间评标室"),
    "events-differ": N_("室内事件与封存清单不符"),
    "gaps-differ": N_("缺失时段与封存清单不符"),
    "line-unreadable": N_("索引行被改动，无法读取"),
    "line-out-of-order": N_("索引行次序不对"),
    "chain-broken": N_("索引哈希链在此断开：有行被改动、删除或调换"),
    "index-torn": N_("索引末尾不完整"),
    "media-changed": N_("音视频内容与记录的哈希不符"),
    "media-cut": N_("音视频文件比记录的短"),
    "media-longer": N_("音视频文件多出未记录的内容"),
}
_BLOCK = 1 << 20
_ALONE_BYTES = 64 << 20
"""A recording up to this size is checked by this process alone: helpers take longer to start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: the file, what is wrong (a key of TEXTS), and the room time it concerns, if known."""

    file: str
    code: str
    from_ms: int | None = None
    to_ms: int | None = None

    def text(self, language: str) -> str:
        """The finding as a sentence."""
        where = (
            ""
            if self.from_ms is None or self.to_ms is None
            else f" [{_clock(self.from_ms)} – {_clock(self.to_ms)}]"
        )
        return f"{self.file}{where}: {translate(language, TEXTS[self.code])}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a check (校验结果).

    ok: nothing disagrees. sealed: there is a manifest; without one, lines cut off the end of an index cannot be
    noticed. sha256: the manifest's hash, to be compared with the audit trail, None when unsealed. key: the public key that
    signed it, None when nobody did.
    """

    ok: bool
    sealed: bool
    sha256: str | None
    files: int
    fragments: int
    bytes: int
    findings: tuple[Finding, ...]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Track:
    """What came of one media file and its index."""

    part: Part
    seal: TrackSeal
    findings: tuple[Finding, ...]
    whole: tuple[int | None, int | None]


def verify_room(
    room: Path, expected_sha256: str | None = None, key: str | None = None, processes: int | None = None
) -> Verdict:
    """Reads every byte of a room's recording. Never raises on what it finds there.

    expected_sha256: the manifest's hash as kept elsewhere (audit trail), key: the house's public key as published; without
    either, a forger who rewrites everything goes unnoticed. processes: how many share the work; default: all cores.
    """
    findings: list[Finding] = []
    try:
        names = track_names(room)
        leases = event_leases(room)
        size = sum(path.stat().st_size for path in room.iterdir())
    except OSError:
        return Verdict(
            ok=False,
            sealed=False,
            sha256=None,
            files=0,
            fragments=0,
            bytes=0,
            findings=(Finding(room.name, "room-missing"),),
        )
    sealed = (room / MANIFEST_FILE).exists()
    manifest = _manifest(room, expected_sha256, key, findings) if sealed else None
    if not sealed and (expected_sha256 is not None or key is not None):
        findings.append(Finding(MANIFEST_FILE, "file-missing"))
    check = partial(_track, room, sealed=sealed)
    tracks = _shared(check, names, size, processes)
    events = [_events(room, lease, findings) for lease in leases]
    for track in tracks:
        findings.extend(track.findings)
    if manifest is not None:
        findings.extend(_against(manifest, room, tracks))
        findings.extend(_against_events(manifest, events))
        findings.extend(_unlisted(manifest, room, tracks))
    return Verdict(
        ok=not findings,
        sealed=sealed,
        sha256=manifest.sha256 if manifest else None,
        files=len(names) + len(leases),
        fragments=sum(track.seal.fragments for track in tracks),
        bytes=sum(track.seal.bytes for track in tracks),
        findings=tuple(dict.fromkeys(findings)),
        key=(manifest.key or None) if manifest else None,
    )


def _shared(
    check: "partial[_Track]", names: tuple[TrackName, ...], size: int, processes: int | None
) -> list[_Track]:
    """Checks all files, the largest recordings with all cores. Helpers are started anew: a service has threads."""
    processes = min(processes or os.cpu_count() or 1, len(names))
    if processes <= 1 or size <= _ALONE_BYTES:
        return [check(name) for name in names]
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(check, names, chunksize=4))
    except BrokenProcessPool:  # a helper was killed, or could not start; what it did is done again
        logger.warning("helpers of the check were lost, going on alone")
        return [check(name) for name in names]


def _manifest(
    room: Path, expected_sha256: str | None, key: str | None, findings: list[Finding]
) -> Manifest | None:
    try:
        manifest = parse_manifest((room / MANIFEST_FILE).read_bytes())
    except (OSError, Malformed):
        findings.append(Finding(MANIFEST_FILE, "manifest-changed"))
        return None
    if manifest.room_id != room.name or expected_sha256 not in {None, manifest.sha256}:
        findings.append(Finding(MANIFEST_FILE, "manifest-other"))
    if manifest.key or (room / SIGNATURE_FILE).exists():
        findings.extend(_signature(room, manifest))
    if key is not None and key != manifest.key:
        findings.append(Finding(SIGNATURE_FILE, "signature-foreign"))
    return manifest


def _signature(room: Path, manifest: Manifest) -> Iterator[Finding]:
    try:
        signature = parse_signature((room / SIGNATURE_FILE).read_bytes())
    except FileNotFoundError:
        yield Finding(SIGNATURE_FILE, "file-missing")
    except (OSError, Malformed):
        yield Finding(SIGNATURE_FILE, "signature-changed")
    else:
        if signature.key != manifest.key:
            yield Finding(SIGNATURE_FILE, "signature-foreign")
        if signature.manifest_sha256 != manifest.sha256 or not signature.holds:
            yield Finding(SIGNATURE_FILE, "signature-false")


def _track(room: Path, name: TrackName, *, sealed: bool) -> _Track:
    findings: list[Finding] = []
    reading = _lines(room, name.index, findings)
    name = named(name, reading)
    if reading.opened is not None and not _fits(name, reading.opened, room):
        findings.append(Finding(name.index, "other-track", *_whole(reading)))
    findings.extend(_media(room, name, reading, settled=sealed or reading.ended))
    return _Track(read_part(name, reading), seal_track(name, reading), tuple(findings), _whole(reading))


def _fits(name: TrackName, opened: Opened, room: Path) -> bool:
    """Whether a file's name says what its first line says."""
    return (opened.room_id, opened.seat_no, opened.source, opened.lease, opened.connection, opened.part) == (
        room.name,
        name.seat_no,
        name.source,
        name.lease,
        name.connection,
        name.part,
    )


def _events(room: Path, lease: int, findings: list[Finding]) -> EventsSeal:
    return seal_events(lease, _lines(room, events_file(lease), findings))


def _lines(room: Path, file: str, findings: list[Finding]) -> IndexReading:
    try:
        reading = read_index((room / file).read_bytes())
    except FileNotFoundError:
        findings.append(Finding(file, "file-missing"))
        return IndexReading((), (), b"")
    except OSError:
        findings.append(Finding(file, "file-unreadable"))
        return IndexReading((), (), b"")
    findings.extend(Finding(file, fault.code, fault.from_ms, fault.to_ms) for fault in reading.faults)
    if reading.torn and reading.ended:
        findings.append(Finding(file, "index-torn", *_last(reading)))
    return reading


def _media(room: Path, name: TrackName, reading: IndexReading, *, settled: bool) -> Iterator[Finding]:
    """Compares the media file with its index. settled: the file has ended, so bytes behind the last line are foreign."""
    acts = [line.act for line in reading.lines if isinstance(line.act, Header | Fragment | Recovered)]
    try:
        with (room / name.media).open("rb") as file:
            size = file.seek(0, 2)
            for act in acts:
                if act.offset + act.length > size:
                    yield _finding(name, act, "media-cut", reading)
                elif _hash(file, act.offset, act.length) != act.sha256:
                    yield _finding(name, act, "media-changed", reading)
            if settled and size > reading.covered:
                yield Finding(name.media, "media-longer", *_last(reading))
    except FileNotFoundError:
        if reading.covered:
            yield Finding(name.media, "file-missing", *_whole(reading))
    except (OSError, OverflowError):
        yield Finding(name.media, "file-unreadable", *_whole(reading))


def _hash(file: BinaryIO, offset: int, length: int) -> str:
    file.seek(offset)
    if length <= _BLOCK:
        return hashlib.sha256(file.read(length)).hexdigest()
    sha = hashlib.sha256()
    while length > 0 and (block := file.read(min(length, _BLOCK))):
        sha.update(block)
        length -= len(block)
    return sha.hexdigest()


def _against(manifest: Manifest, room: Path, tracks: list[_Track]) -> Iterator[Finding]:
    """Compares what is on disk with what the manifest binds."""
    listed = {track.index: track for track in manifest.tracks}
    agree = True
    for found in tracks:
        track = listed.pop(found.seal.index, None)
        if track is None:
            agree = False
        elif found.seal != track:
            agree = False
            # Faults that were not there at sealing have been named already, each with its place.
            if found.seal.faults <= track.faults:
                yield Finding(track.index, "index-differs", track.from_ms, track.to_ms)
    for track in listed.values():
        agree = False
        yield Finding(track.index, "file-missing", track.from_ms, track.to_ms)
        if not (room / track.file).exists():
            yield Finding(track.file, "file-missing", track.from_ms, track.to_ms)
    # Gaps follow from the indexes; when those agree, so must the gaps.
    if agree and gap_seals(parts_timeline(track.part for track in tracks)) != manifest.gaps:
        yield Finding(MANIFEST_FILE, "gaps-differ")


def _against_events(manifest: Manifest, events: list[EventsSeal]) -> Iterator[Finding]:
    sealed = {one.file: one for one in manifest.events}
    for own in events:
        known = sealed.pop(own.file, None)
        if known is not None and known != own and own.faults <= known.faults:
            yield Finding(own.file, "events-differ", known.from_ms, known.to_ms)
    for missing in sealed.values():
        yield Finding(missing.file, "file-missing", missing.from_ms, missing.to_ms)


def _unlisted(manifest: Manifest, room: Path, tracks: list[_Track]) -> Iterator[Finding]:
    """Whatever lies in a sealed room and is not of it."""
    listed = {MANIFEST_FILE, SIGNATURE_FILE, *(one.file for one in manifest.events)}
    for track in manifest.tracks:
        listed |= {track.file, track.index}
    known = {file: track.whole for track in tracks for file in (track.seal.file, track.seal.index)}
    for path in sorted(room.iterdir()):
        if path.name not in listed:
            yield Finding(path.name, "file-unlisted", *known.get(path.name, (None, None)))


def _finding(
    name: TrackName, act: Header | Fragment | Recovered, code: str, reading: IndexReading
) -> Finding:
    if isinstance(act, Header):
        return Finding(name.media, code, *_whole(reading))
    if isinstance(act, Recovered) and not act.playable:
        return Finding(name.media, code, *_last(reading))
    return Finding(name.media, code, act.from_ms, act.to_ms)


def _whole(reading: IndexReading) -> tuple[int | None, int | None]:
    spans = _spans(reading)
    return (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else (None, None)


def _last(reading: IndexReading) -> tuple[int | None, int | None]:
    """From the end of what is told: bytes behind it belong to no known moment after."""
    spans = _spans(reading)
    return (spans[-1][1], spans[-1][1]) if spans else (None, None)


def _spans(reading: IndexReading) -> list[tuple[int, int]]:
    acts = [line.act for line in reading.lines]
    return [
        (act.from_ms, act.to_ms)
        for act in acts
        if isinstance(act, Fragment) or (isinstance(act, Recovered) and act.playable)
    ]


def _clock(room_ms: int) -> str:
    seconds, ms = divmod(room_ms, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
