"""Good records and every way of falsifying them that we know, written to tests/vectors/draw for anyone to run.

    python -m tests.expert_draw.engine.forgeries

A forgery marked "resealed" has all its numbers and hashes made to fit again, as an insider would do it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.canonical import canonical_json
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.record import DrawRecord, code_request
from tests.expert_draw.engine.samples import (
    RULES,
    SALT,
    START,
    Lines,
    anchors,
    code_at,
    expert_pool,
    finished,
    forged,
    later,
    lines_of,
    opened,
    shares,
    two_rounds,
)

FOLDER = Path(__file__).parents[2] / "vectors/draw"
STRANGER = "0" * 32


def enumerated() -> DrawRecord:
    """A pool that whole attempts hardly ever meet: drawn by counting."""
    big = {place: tuple(f"{place}{number}" for number in range(10)) for place in "ABCDEF"}
    people = [Candidate(place, (("employer", place),)) for place in big]
    people += [Candidate(id_, (("employer", "big"),)) for many in big.values() for id_ in many]
    slots = tuple(Slot(place, 1, (place, *big[place])) for place in big)
    asked = DrawRequest(DrawKind.expert, slots, tuple(people), (("employer", 1),))
    pool = Pool(code_request(asked, SALT)[0])
    record = DrawRecord.open(START, number="CQ-2026-000124", rules=RULES, anchors=anchors(), pools=[pool])
    return record.draw_round(later(1), shares(1))


def quotas() -> DrawRecord:
    """Several places under one condition, two of them vacated and drawn again together."""
    people = tuple(Candidate(f"e{number}", (("employer", f"u{number // 2}"),)) for number in range(40))
    slots = (
        Slot("A0801", 3, tuple(one.id for one in people[:25])),
        Slot("C03", 2, tuple(one.id for one in people[15:])),
    )
    asked = DrawRequest(DrawKind.expert, slots, people, (("employer", 1),), excluded=(("e3", "busy"),))
    pool = Pool(code_request(asked, SALT)[0])
    record = DrawRecord.open(START, number="CQ-2026-000125", rules=RULES, anchors=anchors(), pools=[pool])
    record = record.draw_round(later(1), shares(1))
    for one in record.holders[2:4]:
        record = record.outcome(later(2), DrawKind.expert, one.slot, one.candidate.id, "declined")
    record = record.draw_round(later(3), shares(2))
    for one in record.holders:
        record = record.outcome(later(4), DrawKind.expert, one.slot, one.candidate.id, "accepted")
    return record.close(later(5))


def excluded_later() -> DrawRecord:
    """A candidate found ineligible between two rounds, and a holder struck after accepting."""
    record = opened().draw_round(later(1), shares(1))
    seated = {one.candidate.id for one in record.holders}
    free = next(one.id for one in expert_pool().request.candidates if one.id not in seated)
    record = record.outcome(later(2), DrawKind.expert, "3", code_at(record, "3"), "accepted")
    record = record.outcome(later(3), DrawKind.expert, "3", code_at(record, "3"), "struck", "ef" * 32)
    return record.exclude(later(4), DrawKind.expert, [(free, "employer")]).draw_round(later(5), shares(2))


GOOD: dict[str, Callable[[], DrawRecord]] = {
    "good-closed": finished,
    "good-open": two_rounds,
    "good-void": lambda: two_rounds().void(later(60), "share_withheld", "supervisor"),
    "good-enumerated": enumerated,
    "good-quotas": quotas,
    "good-excluded-later": excluded_later,
}


def body(lines: Lines, number: int) -> dict[str, Any]:
    found: dict[str, Any] = lines[number - 1]["body"]
    return found


def swap_holder(lines: Lines) -> None:
    drawn = body(lines, 2)["drawn"]
    everyone = body(lines, 1)["pools"][0]["candidates"]
    drawn[0][1] = next(code for code, _, slots in everyone if "1" in slots and code != drawn[0][1])


def reuse_share(lines: Lines) -> None:
    for number in (10, 11, 12):
        body(lines, number)["shares"] = body(lines, 2)["shares"]


def drop(number: int) -> Callable[[Lines], None]:
    return lambda lines: lines.__delitem__(number - 1)


def put(number: int, *path: str | int, value: object) -> Callable[[Lines], None]:
    """Sets one value inside the body of a line."""

    def forge(lines: Lines) -> None:
        at: Any = body(lines, number)
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return forge


def late_line(lines: Lines) -> None:
    lines.append({**lines[-1], "type": "void", "body": {"party": None, "reason": "second_thoughts"}})


def answer_of_nobody(lines: Lines) -> None:
    body(lines, 5)["code"] = STRANGER


def second_opening(lines: Lines) -> None:
    lines.insert(1, lines[0])


def shuffle_candidates(lines: Lines) -> None:
    body(lines, 1)["pools"][0]["candidates"].reverse()


def hide_exclusion(lines: Lines) -> None:
    del body(lines, 1)["pools"][0]["excluded"][0]


def seat_unexcluded(lines: Lines) -> None:
    body(lines, 9)["pool"] = {**body(lines, 9)["pool"], "kind": "expert", "follows": None}


def extra_round(lines: Lines) -> None:
    lines.insert(4, lines[1])


def wrong_slot_list(lines: Lines) -> None:
    body(lines, 9)["pool"]["caps"] = [["city", 1]]


def exclude_someone(code: str) -> Callable[[Lines], None]:
    def forge(lines: Lines) -> None:
        chosen = body(lines, 2)["drawn"][0][1] if code == "seated" else code
        content = {"excluded": [[chosen, "employer"]], "kind": "expert"}
        lines.insert(4, {**lines[4], "type": "exclude", "body": content})

    return forge


# name: (forge, line of the first finding, its code). Lines of good-closed: 1 open, 2-4 round 1, 5-8 answers, 9 pool,
# 10-12 round 2, 13-14 answers, 15 close.
FORGERIES: dict[str, tuple[Callable[[Lines], None], int, str]] = {
    "another-person-drawn": (swap_holder, 2, "record.wrong_drawn"),
    "tries-understated": (put(2, "tries", value=99), 2, "record.wrong_drawn"),
    "method-changed": (put(2, "method", value="enumeration"), 2, "record.wrong_drawn"),
    "seed-chosen": (put(2, "seed", value="11" * 32), 2, "record.wrong_drawn"),
    "place-left-out": (put(2, "needed", value=[["1", 1], ["2", 1]]), 2, "record.wrong_needed"),
    "share-replaced": (put(2, "shares", 0, 1, value="22" * 32), 2, "record.broken_commitment"),
    "share-differs-within-round": (put(3, "shares", 0, 1, value="22" * 32), 3, "record.share_differs"),
    "share-used-twice": (reuse_share, 10, "record.broken_commitment"),
    "party-left-out": (put(2, "shares", value=[["center", "22" * 32]]), 2, "record.wrong_parties"),
    "anchor-replaced": (put(1, "chains", 0, 1, value="22" * 32), 2, "record.broken_commitment"),
    "cap-loosened": (put(1, "pools", 0, "caps", 0, 1, value=3), 2, "record.wrong_drawn"),
    "exclusion-removed": (hide_exclusion, 2, "record.wrong_drawn"),
    "quota-raised": (put(1, "pools", 0, "slots", 0, 1, value=2), 1, "record.follow_unknown"),
    "candidates-reordered": (shuffle_candidates, 1, "record.malformed"),
    "another-draw-number": (put(1, "draw", value="CQ-2026-000999"), 2, "record.wrong_drawn"),
    "decline-removed": (drop(5), 9, "record.wrong_needed"),
    "late-answer-removed": (drop(8), 9, "record.wrong_drawn"),
    "hidden-redraw": (lambda lines: lines.__delitem__(slice(1, 9)), 2, "record.wrong_round"),
    "round-number-skipped": (put(2, "round", value=2), 2, "record.wrong_round"),
    "kind-drawn-twice": (extra_round, 5, "record.wrong_round"),
    "answer-of-nobody": (answer_of_nobody, 5, "record.not_drawn"),
    "answer-turned-round": (put(5, "outcome", value="accepted"), 10, "record.wrong_needed"),
    "answer-unheard-of": (put(5, "outcome", value="perhaps"), 5, "record.outcome_refused"),
    "answer-at-another-place": (put(5, "slot", value="2"), 5, "record.not_drawn"),
    "evidence-replaced": (put(5, "evidence", value="77" * 32), 10, "record.wrong_drawn"),
    "expert-list-replaced": (seat_unexcluded, 9, "record.pool_frozen"),
    "venue-terms-changed": (wrong_slot_list, 9, "record.pool_changed_slots"),
    "stranger-excluded": (exclude_someone(STRANGER), 5, "record.exclude_unknown"),
    "seated-excluded": (exclude_someone("seated"), 5, "record.exclude_seated"),
    "closed-too-early": (lambda lines: lines.__delitem__(slice(9, 14)), 10, "record.not_filled"),
    "closing-list-changed": (put(15, "holders", 0, 2, value=STRANGER), 15, "record.wrong_holders"),
    "rounds-miscounted": (put(15, "rounds", value=1), 15, "record.wrong_holders"),
    "line-after-the-end": (late_line, 16, "record.finished"),
    "opened-twice": (second_opening, 2, "record.opened_twice"),
    "opening-missing": (drop(1), 1, "record.not_opened"),
    "name-instead-of-code": (put(5, "code", value="张三"), 5, "record.malformed"),
    "number-as-text": (put(2, "round", value="1"), 2, "record.malformed"),
    "member-missing": (lambda lines: body(lines, 2).__delitem__("tries"), 2, "record.malformed"),
    "list-turned-text": (put(2, "drawn", value="1"), 2, "record.malformed"),
    "row-too-long": (put(2, "drawn", 0, value=["1", STRANGER, STRANGER]), 2, "record.malformed"),
    "kind-unheard-of": (put(2, "kind", value="chair"), 2, "record.malformed"),
    "candidate-for-no-slot": (put(1, "pools", 0, "candidates", 0, 2, value=["9"]), 1, "record.malformed"),
    "true-instead-of-one": (put(2, "needed", 0, 1, value=True), 2, "record.malformed"),
    "zero-quota": (put(1, "pools", 0, "slots", 0, 1, value=0), 1, "record.malformed"),
    "huge-quota": (put(1, "pools", 0, "slots", 0, 1, value=10**9), 1, "draw.quota_out_of_range"),
    "another-format": (put(1, "format", value="yuanping-draw/2"), 1, "record.unknown_format"),
    "another-law": (put(1, "law", value="first-rows"), 1, "record.unknown_format"),
    "unknown-line": (lambda lines: lines[4].__setitem__("type", "redraw"), 5, "record.unknown_type"),
    "time-goes-back": (
        lambda lines: lines[4].__setitem__("at", "2026-11-21T00:59:59Z"),
        5,
        "record.time_goes_back",
    ),
}


def unsealed() -> dict[str, tuple[bytes, int, str]]:
    """Forgeries by someone who cannot or does not mend the hashes: (text, line, code)."""
    text = finished().text
    rows = text.splitlines(keepends=True)
    flipped = bytearray(text)
    flipped[len(rows[0]) + 40] ^= 1
    spaced = json.dumps(lines_of(finished())[4], ensure_ascii=False, sort_keys=True).encode() + b"\n"
    wrong_number = {**lines_of(finished())[4], "n": 6}
    return {
        "empty": (b"", 1, "record.empty"),
        "byte-flipped": (bytes(flipped), 2, "record.wrong_hash"),
        "line-removed": (b"".join(rows[:4] + rows[5:]), 5, "record.wrong_number"),
        "lines-swapped": (b"".join([*rows[:4], rows[5], rows[4], *rows[6:]]), 5, "record.wrong_number"),
        "line-of-another-record": (b"".join([quotas().text.splitlines(keepends=True)[0], *rows[1:]]), 2, "record.wrong_previous"),
        "written-with-spaces": (b"".join([*rows[:4], spaced, *rows[5:]]), 5, "record.not_canonical"),
        "windows-line-ends": (text.replace(b"\n", b"\r\n"), 1, "record.not_canonical"),
        "byte-order-mark": (b"\xef\xbb\xbf" + text, 1, "record.not_canonical"),
        "last-newline-missing": (text[:-1], 15, "record.no_newline"),
        "blank-line-added": (text + b"\n", 16, "record.not_canonical"),
        "hash-left-as-it-was": (
            b"".join([*rows[:4], canonical_json(wrong_number) + b"\n", *rows[5:]]), 5, "record.wrong_hash",
        ),
    }  # fmt: skip


def vectors() -> dict[str, tuple[bytes, dict[str, object]]]:
    """name → (text, expected verdict)."""
    found: dict[str, tuple[bytes, dict[str, object]]] = {}
    for name, make in GOOD.items():
        record = make()
        found[name] = (record.text, {"ok": True, "state": record.history.state, "head": record.head})
    for name, (forge, line, code) in FORGERIES.items():
        found[name] = (forged(finished(), forge), {"ok": False, "line": line, "code": code, "resealed": True})
    for name, (text, line, code) in unsealed().items():
        found[name] = (text, {"ok": False, "line": line, "code": code, "resealed": False})
    return found


def write_vectors(folder: Path) -> None:
    made = vectors()
    for name, (text, _) in made.items():
        (folder / f"{name}.jsonl").write_bytes(text)
    expected = {name: verdict for name, (_, verdict) in made.items()}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_vectors(FOLDER)
