"""Checks what was handed out of the trail, without database and network: every act, every proof, every signature."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812 -- it is one

from app.audit.bundle import ACTS, CHECKPOINTS, CONSISTENCY, FORMAT, HEAD, LEAVES, NEWEST, PROOFS, STAMPS
from app.audit.log_check import Fault, LogCheck, PartCheck
from app.audit.log_tree import HASH_BYTES, is_consistent
from app.audit.signed_note import Checkpoint, Note, NoteMalformed, Verifier
from app.core.i18n import N_

_LINE_MOST = 16 * 1024 * 1024
_FILE_MOST = 1024 * 1024


class NoBundle(Exception):
    """There is nothing here that could be checked; says why."""


@dataclass(slots=True)
class Verdict:
    """kind: `whole` or `part`. acts: how many were looked at. faults: the first of them; count: how many there are.

    given: whether the key came from elsewhere than the bundle. witnesses: names of those whose cosignature holds.
    compared: sizes of the checkpoints kept elsewhere with which it was compared and agrees.
    """

    kind: str
    size: int
    key: Verifier
    given: bool
    root: str = ""
    acts: int = 0
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    witnesses: tuple[str, ...] = ()
    compared: tuple[int, ...] = ()
    stamps: dict[int, bytes] = field(default_factory=dict)
    texts: dict[int, bytes] = field(default_factory=dict)

    def fault(self, kind: str, reason: str, *, first: int = 0, size: int = 0, detail: str = "") -> None:
        self.count += 1
        self.faults.append(Fault(kind, reason, first=first, size=size, detail=detail))


class _Folder:
    """A bundle that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> Sequence[str]:
        return [file.relative_to(self._path).as_posix() for file in self._path.rglob("*") if file.is_file()]

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _Zip:
    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    def names(self) -> Sequence[str]:
        return self._archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


Source = _Folder | _Zip


def check(
    path: Path, key: Verifier | None, outside: Sequence[bytes], witnesses: Sequence[Verifier] = ()
) -> Verdict:
    """key: the house's, as it was published; without one the bundle's own word is taken. outside: checkpoint notes that were kept
    elsewhere. Raises NoBundle, and OSError for a file that cannot be read."""
    with _opened(path) as source:
        try:
            return _check(source, key, outside, witnesses)
        except (BadZipFile, ZlibError, EOFError) as error:
            raise NoBundle(str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[Source]:
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with ZipFile(path) as archive:
            yield _Zip(archive)
    except BadZipFile as error:
        raise NoBundle(str(error)) from error


def _check(
    source: Source, key: Verifier | None, outside: Sequence[bytes], witnesses: Sequence[Verifier]
) -> Verdict:
    names = set(source.names())
    verdict = _head(source, names, key)
    roots = _signed(source, names, verdict, witnesses)
    kept = _outside(verdict, outside)
    if verdict.kind == "whole":
        _whole(source, names, verdict, roots, kept)
    else:
        _part(source, names, verdict, roots, kept)
    return verdict


def _head(source: Source, names: set[str], key: Verifier | None) -> Verdict:
    try:
        told = json.loads(_read(source, names, HEAD))
        known = told["format"] == FORMAT and told["kind"] in {"whole", "part"} and type(told["size"]) is int
        own = Verifier.parse(told["key"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NoBundle(f"{HEAD}: {error}") from error
    if not known:
        raise NoBundle(f"{HEAD}: another format")
    verdict = Verdict(told["kind"], told["size"], key or own, key is not None)
    if key not in {None, own}:
        verdict.fault("signature", N_("导出包用的是另一把公钥"), detail=own.to_text())
    return verdict


def _signed(
    source: Source, names: set[str], verdict: Verdict, witnesses: Sequence[Verifier]
) -> dict[int, bytes]:
    """The roots by size of the checkpoints in the bundle that the house signed."""
    roots: dict[int, bytes] = {}
    others = sorted(name for name in names if name.startswith(f"{CHECKPOINTS}/"))
    held: set[str] = set()
    for name in (NEWEST, *others):
        try:
            note = Note.parse(_read(source, names, name))
            told = note.checkpoint(verdict.key)
            held |= {one.name for one in note.signers(witnesses)}
        except NoteMalformed as error:
            verdict.fault("signature", N_("检查点的签名不成立"), detail=f"{name}: {error}")
            continue
        if name == NEWEST:
            verdict.root = told.root.hex()
            if told.size != verdict.size:
                verdict.fault("signature", N_("检查点的签名不成立"), detail=f"{name}: {told.size}")
        roots.setdefault(told.size, told.root)
        verdict.texts[told.size] = note.text
        if roots[told.size] != told.root:
            verdict.fault("forked", N_("同样多的留痕签署了两个不同的根哈希"), first=told.size, size=told.size)
    verdict.witnesses = tuple(sorted(held))
    for name in sorted(name for name in names if name.startswith(f"{STAMPS}/")):
        size = name.removeprefix(f"{STAMPS}/").removesuffix(".tsr")
        if size.isdecimal():
            verdict.stamps[int(size)] = _read(source, names, name)
    return roots


def _outside(verdict: Verdict, outside: Sequence[bytes]) -> dict[int, bytes]:
    """What was kept elsewhere, by size. It has to be signed by the house, too: else it says nothing of it."""
    kept: dict[int, bytes] = {}
    for data in outside:
        try:
            told: Checkpoint = Note.parse(data).checkpoint(verdict.key)
        except NoteMalformed as error:
            verdict.fault("signature", N_("检查点的签名不成立"), detail=str(error))
            continue
        if kept.setdefault(told.size, told.root) != told.root:
            verdict.fault("forked", N_("同样多的留痕签署了两个不同的根哈希"), first=told.size, size=told.size)
    return kept


def _whole(
    source: Source, names: set[str], verdict: Verdict, roots: dict[int, bytes], kept: dict[int, bytes]
) -> None:
    for size in sorted(set(roots) & set(kept)):
        if roots[size] != kept[size]:
            verdict.fault("forked", N_("同样多的留痕签署了两个不同的根哈希"), first=size, size=size)
    # What was kept elsewhere speaks first: the house itself may have been made to sign another history.
    check = LogCheck({**roots, **kept})
    for entry, leaf in zip_longest(_lines(source, names, ACTS), _lines(source, names, LEAVES)):
        check.see(entry or None, None if leaf is None else _hash(leaf))
        verdict.acts += 1
    check.end()
    if verdict.acts > verdict.size:
        verdict.fault("malformed", N_("留痕比签署的检查点多"), size=verdict.acts)
    verdict.count += check.count
    verdict.faults.extend(check.faults)
    wrong = {fault.size for fault in check.faults if fault.kind in {"cut", "root"}}
    verdict.compared = tuple(size for size in sorted(kept) if size not in wrong)


def _part(
    source: Source, names: set[str], verdict: Verdict, roots: dict[int, bytes], kept: dict[int, bytes]
) -> None:
    root = roots.get(verdict.size)
    if root is None:
        return
    check = PartCheck(verdict.size, root)
    for entry, line in zip_longest(_lines(source, names, ACTS), _lines(source, names, PROOFS)):
        told = _proof(line, "position")
        if entry is None or told is None:
            verdict.fault("malformed", N_("留痕与证明不成对"), size=verdict.acts)
            break
        check.see(entry, *told)
        verdict.acts += 1
    paths = dict(told for line in _lines(source, names, CONSISTENCY) if (told := _proof(line, "first")))
    compared = []
    for size, other in sorted([*kept.items(), *((one, roots[one]) for one in roots if one not in kept)]):
        if size > verdict.size:
            verdict.fault("cut", N_("末尾的记录被截去"), first=verdict.size, size=size)
        elif size != verdict.size and size not in paths:
            verdict.fault("unproven", N_("导出包没有与这个检查点的衔接证明"), size=size)
        elif not is_consistent(size, other, verdict.size, root, paths.get(size, ())):
            verdict.fault("root", N_("与当时签署的检查点不符"), size=size)
        elif size in kept:
            compared.append(size)
    verdict.compared = tuple(compared)
    verdict.count += check.count
    verdict.faults.extend(check.faults)


def _proof(line: bytes | None, about: str) -> tuple[int, tuple[bytes, ...]] | None:
    try:
        told = json.loads(line or b"")
        number, path = told[about], tuple(bytes.fromhex(node) for node in told["proof"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (number, path) if type(number) is int else None


def _read(source: Source, names: set[str], name: str) -> bytes:
    if name not in names:
        raise NoBundle(f"{name}: not there")
    with source.open(name) as file:
        return file.read(_FILE_MOST)


def _lines(source: Source, names: set[str], name: str) -> Iterator[bytes]:
    """Without their newlines."""
    if name not in names:
        raise NoBundle(f"{name}: not there")
    with source.open(name) as file:
        while line := file.readline(_LINE_MOST):
            if not line.endswith(b"\n"):
                raise NoBundle(f"{name}: a line does not end")
            yield line[:-1]


def _hash(text: bytes) -> bytes:
    """What is no hash counts as another one."""
    try:
        found = bytes.fromhex(text.decode())
    except ValueError:
        return text
    return found if len(found) == HASH_BYTES else text
