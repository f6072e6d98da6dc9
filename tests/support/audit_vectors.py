"""Exports of an audit trail, good and deliberately broken, with the verdict expected: written out by `python -m tests.support.audit_vectors`.

Made without the service: from chains, trees and notes alone.
"""

import json
from collections.abc import Callable
from pathlib import Path

from app.audit.chain import GENESIS, Link
from app.audit.log_tree import Frontier, consistency_proof, inclusion_proof, leaf_hash
from app.audit.signed_note import COSIGNATURE, Checkpoint, Note, Signer
from app.core.canonical import Canonical, canonical_json

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "audit"
HOUSE = Signer.of_seed("vectors.example/audit", bytes(range(32)))
WITNESS = Signer.of_seed("witness.example", bytes(32), COSIGNATURE)
STRANGER = Signer.of_seed("vectors.example/audit", b"s" * 32)
KEPT = 5
"""How many acts the checkpoint has that was kept elsewhere."""
_CASES = ("case-a", "case-b", "house")

Files = dict[str, bytes]


def acts(count: int, others_from: int | None = None) -> list[bytes]:
    """others_from: the number of the first act that says something else than usual."""
    heads: dict[str, tuple[int, str]] = {}
    made = []
    for number in range(count):
        case = _CASES[number % len(_CASES)]
        n, prev = heads.get(case, (0, GENESIS))
        said = "act" if others_from is None or number < others_from else "another"
        link = Link(
            case,
            n + 1,
            f"2026-11-21T00:00:{number:02}.000500+00:00",
            "evaluation:sheet:saved",
            "li",
            f"sheet:{number}",
            canonical_json({"说明": f"{said} {number}"}).decode(),
            prev,
        )
        heads[case] = (n + 1, link.hash())
        made.append(link.to_bytes())
    return made


ACTS = acts(8)
OTHERS = acts(8, others_from=2)
"""The same beginning, and then another story; of its own it is right in every way."""


def _leaves(entries: list[bytes]) -> list[bytes]:
    return [leaf_hash(entry) for entry in entries]


def note(entries: list[bytes], signer: Signer = HOUSE) -> Note:
    log = Frontier().extended(_leaves(entries))
    return Note(
        Checkpoint("vectors.example/audit", log.size, log.root, ("at 2026-11-21T00:01:00+00:00",)).to_text()
    ).signed(signer)


def whole(entries: list[bytes]) -> Files:
    return {
        "acts.jsonl": b"".join(entry + b"\n" for entry in entries),
        "bundle.json": _head("whole", len(entries), {}),
        "checkpoint.note": note(entries).signed(WITNESS, 1_795_000_000).to_bytes(),
        f"checkpoints/{KEPT}.note": note(entries[:KEPT]).to_bytes(),
        "leaves.txt": b"".join(leaf.hex().encode() + b"\n" for leaf in _leaves(entries)),
    }


def part(entries: list[bytes], case: str) -> Files:
    leaves = _leaves(entries)

    def subtree(start: int, end: int) -> bytes:
        return Frontier().extended(leaves[start:end]).root

    def line(path: tuple[bytes, ...], **about: int) -> bytes:
        return canonical_json({**about, "proof": [node.hex() for node in path]}) + b"\n"

    size = len(entries)
    chosen = [place for place, entry in enumerate(entries) if json.loads(entry)["case"] == case]
    return {
        "acts.jsonl": b"".join(entries[place] + b"\n" for place in chosen),
        "bundle.json": _head("part", size, {"case": case}),
        "checkpoint.note": note(entries).to_bytes(),
        "consistency.jsonl": line(consistency_proof(KEPT, size, subtree), first=KEPT),
        "proofs.jsonl": b"".join(
            line(inclusion_proof(place, size, subtree), position=place) for place in chosen
        ),
    }


def _head(kind: str, size: int, asked: dict[str, Canonical]) -> bytes:
    told: dict[str, Canonical] = {
        "filter": asked,
        "format": "yuanping-audit/1",
        "key": HOUSE.verifier.to_text(),
        "kind": kind,
        "size": size,
    }
    return canonical_json(told) + b"\n"


def _with(files: Files, name: str, change: Callable[[bytes], bytes]) -> Files:
    return {**files, name: change(files[name])}


def _without(files: Files, name: str) -> Files:
    return {other: data for other, data in files.items() if other != name}


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(change(data.splitlines(keepends=True)))


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[3], *lines[1:3], lines[0], *lines[4:]]


def vectors() -> dict[str, tuple[Files, list[str]]]:
    """By name: the files of an export, and the kinds of faults that checking it against `kept.note` has to tell, in order."""
    good, some = whole(ACTS), part(ACTS, "case-b")
    both = _with(
        _with(good, "acts.jsonl", _lines(lambda lines: lines[:4])),
        "leaves.txt",
        _lines(lambda lines: lines[:4]),
    )
    return {
        "good-part": (some, []),
        "good-whole": (good, []),
        "whole-act-changed": (
            _with(good, "acts.jsonl", lambda data: data.replace(b"act 1", b"act !")),
            ["changed", "chain"],
        ),
        "whole-act-gone": (
            _with(good, "acts.jsonl", _lines(lambda lines: [*lines[:3], b"\n", *lines[4:]])),
            ["missing", "missing"],
        ),
        "whole-acts-swapped": (
            _with(good, "acts.jsonl", _lines(_swap)),
            ["changed", "missing", "changed", "moved", "missing"],
        ),
        "whole-acts-and-leaves-swapped": (
            _with(_with(good, "acts.jsonl", _lines(_swap)), "leaves.txt", _lines(_swap)),
            ["missing", "moved", "root", "missing", "root"],
        ),
        "whole-checkpoint-signed-by-a-stranger": (
            {**good, "checkpoint.note": note(ACTS, STRANGER).to_bytes()},
            ["signature"],
        ),
        "whole-checkpoint-size-changed": (
            _with(good, "checkpoint.note", lambda data: data.replace(b"\n8\n", b"\n9\n")),
            ["signature"],
        ),
        "whole-cosignature-forged": (
            {
                **good,
                "checkpoint.note": Note(
                    note(ACTS).text,
                    (*note(ACTS).signatures, note(ACTS[:KEPT]).signed(WITNESS, 1).signatures[1]),
                ).to_bytes(),
            },
            ["signature"],
        ),
        "whole-leaf-changed": (
            _with(good, "leaves.txt", _lines(lambda lines: [*lines[:2], b"0" * 64 + b"\n", *lines[3:]])),
            ["changed", "root", "root"],
        ),
        "whole-newest-cut": (both, ["cut", "cut"]),
        "whole-newest-cut-and-signed-again": (
            _without(whole(ACTS[:4]), f"checkpoints/{KEPT}.note"),
            ["cut"],
        ),
        "whole-rewritten-and-signed-again": (whole(OTHERS), ["forked", "root"]),
        "part-act-changed": (
            _with(some, "acts.jsonl", lambda data: data.replace(b"act 4", b"act !")),
            ["changed", "chain"],
        ),
        "part-consistency-bent": (
            _with(some, "consistency.jsonl", lambda data: data.replace(b'["', b'["00')),
            ["root"],
        ),
        "part-consistency-missing": ({**some, "consistency.jsonl": b""}, ["unproven"]),
        "part-position-changed": (
            _with(some, "proofs.jsonl", lambda data: data.replace(b'"position":4', b'"position":5')),
            ["changed"],
        ),
        "part-proof-missing": (
            _with(some, "proofs.jsonl", _lines(lambda lines: lines[:1])),
            ["malformed"],
        ),
        "part-rewritten-and-signed-again": (part(OTHERS, "case-b"), ["root"]),
    }


def main() -> None:
    expected = {}
    for name, (files, kinds) in vectors().items():
        expected[name] = kinds
        for file, data in files.items():
            target = FOLDER / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    (FOLDER / "kept.note").write_bytes(note(ACTS[:KEPT]).to_bytes())
    (FOLDER / "house.vkey").write_text(HOUSE.verifier.to_text() + "\n")
    (FOLDER / "witness.vkey").write_text(WITNESS.verifier.to_text() + "\n")
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
