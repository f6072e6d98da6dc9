"""Checks a room's recording against its own account, and names every file and moment that does not agree."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.core.i18n import N_, translate
from recordings.lines import (
    Fragment,
    Header,
    IndexReading,
    Malformed,
    Recovered,
    TrackName,
    read_index,
)
from recordings.manifest import MANIFEST_FILE, Manifest, parse_manifest, seal_track
from recordings.sealing import gap_seals
from recordings.trackfile import track_names

TEXTS = {
    "room-missing": N_("没有这间评标室的录制"),
    "manifest-changed": N_("封存清单被改动，或不是本系统写成"),
    "manifest-other": N_("封存清单与存证的哈希不符"),
    "file-missing": N_("文件缺失"),
    "file-unlisted": N_("文件不在封存清单中"),
    "file-unreadable": N_("文件无法读取"),
    "index-differs": N_("索引与封存清单不符"),
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
    noticed. sha256: the manifest's hash, to be compared with the audit trail, None when unsealed.
    """

    ok: bool
    sealed: bool
    sha256: str | None
    files: int
    fragments: int
    bytes: int
    findings: tuple[Finding, ...]


def verify_room(room: Path, expected_sha256: str | None = None) -> Verdict:
    """Reads every byte of a room's recording. Never raises on what it finds there.

    expected_sha256: the manifest's hash as kept elsewhere (audit trail); without it a forger who rewrites index and
    manifest together goes unnoticed.
    """
    findings: list[Finding] = []
    manifest: Manifest | None = None
    try:
        names = track_names(room)
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
    if sealed:
        manifest = _manifest(room, findings)
        if expected_sha256 is not None and manifest is not None and manifest.sha256 != expected_sha256:
            findings.append(Finding(MANIFEST_FILE, "manifest-other"))
    elif expected_sha256 is not None:
        findings.append(Finding(MANIFEST_FILE, "file-missing"))
    readings: list[tuple[TrackName, IndexReading]] = []
    for name in names:
        reading = _index(room, name, findings)
        readings.append((name, reading))
        findings.extend(_media(room, name, reading, settled=sealed or reading.ended))
    if manifest is not None:
        findings.extend(_against(manifest, room, readings))
    return Verdict(
        ok=not findings,
        sealed=sealed,
        sha256=manifest.sha256 if manifest else None,
        files=len(names),
        fragments=sum(isinstance(line.act, Fragment) for _, reading in readings for line in reading.lines),
        bytes=sum(reading.covered for _, reading in readings),
        findings=tuple(dict.fromkeys(findings)),
    )


def _manifest(room: Path, findings: list[Finding]) -> Manifest | None:
    try:
        manifest = parse_manifest((room / MANIFEST_FILE).read_bytes())
    except (OSError, Malformed):
        findings.append(Finding(MANIFEST_FILE, "manifest-changed"))
        return None
    if manifest.room_id != room.name:
        findings.append(Finding(MANIFEST_FILE, "manifest-other"))
    return manifest


def _index(room: Path, name: TrackName, findings: list[Finding]) -> IndexReading:
    path = room / name.index
    try:
        reading = read_index(path.read_bytes())
    except FileNotFoundError:
        findings.append(Finding(name.index, "file-missing"))
        return IndexReading((), (), b"")
    except OSError:
        findings.append(Finding(name.index, "file-unreadable"))
        return IndexReading((), (), b"")
    findings.extend(Finding(name.index, fault.code, fault.from_ms, fault.to_ms) for fault in reading.faults)
    if reading.torn and reading.ended:
        findings.append(Finding(name.index, "index-torn"))
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
    sha = hashlib.sha256()
    while length > 0 and (block := file.read(min(length, _BLOCK))):
        sha.update(block)
        length -= len(block)
    return sha.hexdigest()


def _against(
    manifest: Manifest, room: Path, readings: list[tuple[TrackName, IndexReading]]
) -> Iterator[Finding]:
    """Compares the tracks on disk with those the manifest binds."""
    listed = {track.index: track for track in manifest.tracks}
    agree = True
    for name, reading in readings:
        track = listed.pop(name.index, None)
        if track is None:
            agree = False
            for file in (name.media, name.index):
                if (room / file).exists():
                    yield Finding(file, "file-unlisted", *_whole(reading))
        elif seal_track(name, reading) != track:
            agree = False
            # Faults that were not there at sealing have been named already, each with its place.
            if len(reading.faults) <= track.faults:
                yield Finding(name.index, "index-differs", track.from_ms, track.to_ms)
    for track in listed.values():
        agree = False
        yield Finding(track.index, "file-missing", track.from_ms, track.to_ms)
        yield Finding(track.file, "file-missing", track.from_ms, track.to_ms)
    # Gaps follow from the indexes; when those agree, so must the gaps.
    if agree and gap_seals(readings) != manifest.gaps:
        yield Finding(MANIFEST_FILE, "gaps-differ")


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
