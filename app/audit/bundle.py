"""What is handed out of the trail: a zip that anyone can check without this system (留痕导出包). docs/audit-log.md tells every byte."""

from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlmodel import Session

from app.audit import log_rows
from app.audit.browsing import Chosen, in_log
from app.audit.log_proofs import Proofs
from app.audit.signed_note import Verifier
from app.core.canonical import Canonical, canonical_json
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_

FORMAT = "yuanping-audit/1"
HEAD, ACTS, LEAVES, PROOFS, CONSISTENCY = (
    "bundle.json",
    "acts.jsonl",
    "leaves.txt",
    "proofs.jsonl",
    "consistency.jsonl",
)
NEWEST, CHECKPOINTS, STAMPS = "checkpoint.note", "checkpoints", "stamps"
_STAMPS_MOST = 64
_WHEN = (1980, 1, 1, 0, 0, 0)


def write(
    session: Session,
    target: Path | IO[bytes],
    key: Verifier,
    proofs: Proofs,
    chosen: Chosen,
    since: int | None = None,
) -> int:
    """Writes the acts that are meant, as far as they are signed for, and all that is needed to check them; how many they are.

    since: the size of a checkpoint kept elsewhere that shall be comparable; an export of everything is so with each of them.
    Raises Conflict when nothing was signed yet, InvalidInput for a size that the log does not have.
    """
    last = log_rows.last_checkpoint(session)
    if last is None:
        raise Conflict("nothing-signed", N_("还没有签署过检查点，没有可导出的留痕"), N_("等待约十秒后再试"))
    if since is not None and not 0 < since <= last.size:
        raise InvalidInput(
            "no-such-size",
            N_("日志没有 {size} 条留痕，无法与那个检查点比对"),
            N_("检查点记载的条数若确为 {size}，说明日志已被截短，请保全证据"),
            size=since,
        )
    stamps = log_rows.stamps(session)[-_STAMPS_MOST:]
    sizes = {one.size for one in stamps} | {one.size for one in log_rows.witnessed(session)}
    others = [
        row for size in sorted(sizes - {last.size}) if (row := log_rows.checkpoint(session, size)) is not None
    ]
    whole = chosen.everything
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=4) as archive:
        told: dict[str, Canonical] = {
            "filter": dict(chosen.told()),
            "format": FORMAT,
            "key": key.to_text(),
            "kind": "whole" if whole else "part",
            "size": last.size,
        }
        _put(archive, HEAD, [canonical_json(told) + b"\n"])
        _put(archive, NEWEST, [log_rows.note_of(session, last)])
        for row in others:
            _put(archive, f"{CHECKPOINTS}/{row.size}.note", [log_rows.note_of(session, row)])
        for stamp in stamps:
            _put(archive, f"{STAMPS}/{stamp.size}.tsr", [b64decode(stamp.token)])
        if whole:
            leaves = (log_rows.leaves(session) for _ in range(2))
            acts = _put(archive, ACTS, ((one.entry or b"") + b"\n" for one in next(leaves)))
            _put(archive, LEAVES, (one.leaf.hex().encode() + b"\n" for one in next(leaves)))
            return acts
        acts = _put(archive, ACTS, (entry + b"\n" for _, entry in in_log(session, chosen, last.size)))
        _put(
            archive,
            PROOFS,
            (
                _proof(proofs.inclusion(session, position, last.size), position=position)
                for position, _ in in_log(session, chosen, last.size)
            ),
        )
        _put(
            archive,
            CONSISTENCY,
            (
                _proof(proofs.consistency(session, size, last.size), first=size)
                for size in sorted({row.size for row in others} | ({since} if since else set()))
            ),
        )
        return acts


def _proof(path: Iterable[bytes], **about: int) -> bytes:
    return canonical_json({**about, "proof": [node.hex() for node in path]}) + b"\n"


def _put(archive: ZipFile, name: str, pieces: Iterable[bytes]) -> int:
    """The same pieces make the same file at any time; how many there were."""
    count = 0
    info = ZipInfo(name, _WHEN)
    info.compress_type = ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)
            count += 1
    return count
