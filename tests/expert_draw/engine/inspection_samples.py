"""Small campaigns of inspections, good ones and every way of falsifying one that we know.

    python -m tests.expert_draw.engine.inspection_samples

writes them to tests/vectors/inspection for anyone to run. A forgery is the work of the house itself: all numbers, hashes and
signatures of the house fit again. What parties signed cannot be mended by it.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from app.core.canonical import canonical_json
from expert_draw.engine.codes import candidate_code, group_code
from expert_draw.engine.fixed_entries import Party, RulePack
from expert_draw.engine.inspection import InspectionObject, Inspector
from expert_draw.engine.inspection_record import InspectionRecord, InspectorPlan, ObjectPlan
from expert_draw.engine.randomness import Suite, chain_anchor, chain_share, hash_of
from expert_draw.engine.record import agree_signature, reveal_signature
from expert_draw.engine.signing import Signer

FOLDER = Path(__file__).parents[2] / "vectors/inspection"
START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SALT = b"salt of the sample campaign, 32b"
HOUSE = Signer(b"key of the house, 32 bytes......")
SIGNERS = {
    "center": Signer(b"key of the center, 32 bytes....."),
    "supervisor": Signer(b"key of the supervisor, 32 bytes."),
}
SECRETS = {"center": b"secret of the center, 32 bytes..", "supervisor": b"secret of the supervisor, 32 b.."}
LENGTH = 16
RULES = RulePack("cn_tender", "2026.11", "ab" * 32)
STRANGER = "0" * 32
Lines = list[dict[str, Any]]
Expected = dict[str, bool | int | str | None]
Forge = Callable[[Lines], None]


def later(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def nonce(number: int) -> bytes:
    return number.to_bytes(32, "big")


def parties(suite: Suite = "sha256") -> list[Party]:
    return [
        Party(name, SIGNERS[name].public, chain_anchor(SECRETS[name], LENGTH, suite).hex(), "kept")
        for name in SIGNERS
    ]


def thing(
    name: str, *units: str, tier: str = "", points: int = 0, grounds: tuple[str, ...] = ()
) -> InspectionObject:
    return InspectionObject(candidate_code(SALT, name), tier, points, coded(units), grounds)


def person(name: str, *units: str, grounds: tuple[str, ...] = ()) -> Inspector:
    return Inspector(candidate_code(SALT, name), coded(units), grounds)


def coded(units: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(group_code(SALT, "unit", unit) for unit in units))


def agencies() -> ObjectPlan:
    """Forty agencies of three tiers, one of them just inspected."""
    tiers = "a" * 20 + "b" * 12 + "c" * 8
    rows = tuple(
        thing(f"agency-{i}", f"u{i % 9}", tier=tier, grounds=("inspected_this_year",) * (i == 3))
        for i, tier in enumerate(tiers)
    )
    return ObjectPlan("tiers", (("a", 1), ("b", 2), ("c", 5)), rows, nonce(1))


def projects() -> ObjectPlan:
    """Thirty projects with risk points, one far above the others, some with none."""
    rows = tuple(
        thing(f"project-{i}", points=900 if i == 7 else i * i % 23, grounds=("closed",) * (i == 11))
        for i in range(30)
    )
    return ObjectPlan("systematic", 6, rows, nonce(2))


def team(size: int = 9, most: int = 3, seed: int = 3, per_object: int = 2) -> InspectorPlan:
    crew = tuple(person(f"inspector-{i}", f"u{i}", grounds=("on_leave",) * (i == 5)) for i in range(size))
    return InspectorPlan(per_object, most, crew, nonce(seed))


def opened(
    objects: ObjectPlan | None = None,
    inspectors: InspectorPlan | None = None,
    suite: Suite = "sha256",
    **more: Any,
) -> InspectionRecord:
    record = InspectionRecord.open(
        START,
        HOUSE,
        number="CC-2026-000007",
        suite=suite,
        rules=RULES,
        parties=parties(suite),
        objects=objects or agencies(),
        inspectors=inspectors or team(),
        **more,
    )
    for name, signer in SIGNERS.items():
        record = record.agree(later(1), HOUSE, name, agree_signature(signer, record.events[0].hash))
    return record


def called(record: InspectionRecord, beacon: tuple[str, int] | None = None) -> InspectionRecord:
    return record.call(later(2), HOUSE, later(30), beacon)


def revealed(record: InspectionRecord, *names: str) -> InspectionRecord:
    """The open call with the shares of these parties, or of all."""
    call = record.history.ceremony.call
    assert call is not None
    for name in names or tuple(SIGNERS):
        share = chain_share(SECRETS[name], LENGTH, call.round_no, record.history.opening.suite)
        record = record.reveal(
            later(3), HOUSE, name, share, reveal_signature(SIGNERS[name], call.hash, share)
        )
    return record


def drawn(record: InspectionRecord) -> InspectionRecord:
    """One whole round."""
    return revealed(called(record)).draw(later(4), HOUSE)


def finished() -> InspectionRecord:
    """Two leave, the list of inspectors is stated anew, the vacancies are drawn, the campaign ends.

    Lines: 1 open, 2-3 agree, 4 call, 5-6 reveal, 7 sample, 8 assign, 9-10 leave, 11 inspectors, 12 call, 13-14 reveal,
    15 assign, 16 close.
    """
    record = drawn(opened())
    (first, one), (_, other) = record.pairs[0], record.pairs[-1]
    record = record.leave(later(5), HOUSE, one, "recused", first)
    record = record.leave(later(6), HOUSE, other, "ill")
    record = record.declare(later(7), HOUSE, team(12, 4, 4))
    return drawn(record).close(later(60), HOUSE)


def by_points() -> InspectionRecord:
    """Projects by risk points in the other suite, with a beacon and one inspector each."""
    record = called(opened(projects(), team(per_object=1), "sm3"), ("drand", 4711))
    return revealed(record).mix(later(4), HOUSE, "5e" * 32).draw(later(5), HOUSE).close(later(6), HOUSE)


def crowded() -> InspectionRecord:
    """Too few inspectors: nothing is assigned, then with more of them it is; the load leaves no slack."""
    record = drawn(opened(inspectors=team(3)))
    return drawn(record.declare(later(7), HOUSE, team(7, 3, 5)))


def step_by_step() -> InspectionRecord:
    """So many interests in so tight a load that neither whole attempts nor counted loads come through."""
    things = tuple(
        thing(f"site-{i}", f"u{i % 6}", f"u{(i + 1) % 6}", f"u{(i + 2) % 6}", tier="c") for i in range(30)
    )
    plan = ObjectPlan("tiers", (("c", 30),), things, nonce(6))
    crew = tuple(person(f"expert-{i}", f"u{i % 6}") for i in range(12))
    return drawn(opened(plan, InspectorPlan(2, 5, crew, nonce(7))))


def counted() -> InspectionRecord:
    """Hardly any slack and few interests: drawn by counting loads."""
    plan = ObjectPlan(
        "tiers", (("c", 24),), tuple(thing(f"shop-{i}", f"u{i}", tier="c") for i in range(24)), nonce(8)
    )
    crew = tuple(person(f"expert-{i}", f"u{i}") for i in range(12))
    return drawn(opened(plan, InspectorPlan(2, 4, crew, nonce(9))))


def withheld() -> InspectionRecord:
    record = revealed(called(opened(before="CC-2026-000006")), "center")
    return record.void(later(31), HOUSE, "share_withheld", "supervisor")


GOOD: dict[str, tuple[Callable[[], InspectionRecord], bool]] = {
    "good-closed": (finished, True),
    "good-closed-public-view": (finished, False),
    "good-by-points": (by_points, True),
    "good-crowded": (crowded, True),
    "good-counting": (counted, True),
    "good-stepwise": (step_by_step, True),
    "good-withheld": (withheld, True),
    "good-announced": (opened, False),
}


@cache
def campaign(name: str) -> InspectionRecord:
    """One of the good ones, made once."""
    return GOOD[name][0]()


def lines_of(record: InspectionRecord) -> Lines:
    return [json.loads(event.line) for event in record.events]


def resealed(lines: Lines, openings: tuple[str, ...] = ()) -> bytes:
    """Every line numbered, chained, hashed and signed anew by the house."""
    suite: Suite = "sm3" if lines[0]["body"].get("suite") == "sm3" else "sha256"
    previous, text = "0" * 64, b""
    for number, line in enumerate(lines, start=1):
        content = {name: line[name] for name in ("at", "body", "type")} | {"n": number, "prev": previous}
        hash_ = hash_of(suite, canonical_json(content))
        previous = hash_.hex()
        text += canonical_json({**content, "hash": previous, "sig": HOUSE.sign("line", hash_)}) + b"\n"
    return text + b"".join(one.encode() + b"\n" for one in openings)


def body(lines: Lines, number: int) -> dict[str, Any]:
    found: dict[str, Any] = lines[number - 1]["body"]
    return found


def put(number: int, *path: str | int, value: object) -> Forge:
    """Sets one value inside the body of a line."""

    def forge(lines: Lines) -> None:
        at: Any = body(lines, number)
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return forge


def drop(number: int) -> Forge:
    return lambda lines: lines.__delitem__(number - 1)


def another_object(lines: Lines) -> None:
    """An object that nobody drew takes the place of one that was."""
    chosen, known = body(lines, 7)["chosen"], [one.id for one in agencies().objects]
    old, new = chosen[0], min(code for code in known if code not in chosen)
    chosen[0] = new
    chosen.sort()
    for number in (8, 15, 16):
        pairs = body(lines, number)["pairs"]
        pairs[:] = sorted([new if code == old else code, who] for code, who in pairs)


def another_inspector(lines: Lines) -> None:
    pairs = body(lines, 8)["pairs"]
    busy = {who for _, who in pairs}
    pairs[0][1] = min(one.id for one in team().inspectors if one.id not in busy or one.id != pairs[0][1])
    pairs.sort()


def nobody_left(lines: Lines) -> None:
    """The one who left is said to be another."""
    body(lines, 10)["inspector"] = body(lines, 8)["pairs"][2][1]


def second_sample(lines: Lines) -> None:
    lines.insert(7, lines[6])


def sample_again(lines: Lines) -> None:
    """The objects are drawn again in the second round."""
    lines.insert(14, {**lines[6], "at": lines[14]["at"]})


def after_the_end(lines: Lines) -> None:
    lines.append({**lines[-1], "type": "void", "body": {"party": None, "reason": "second_thoughts"}})


def closed_too_early(lines: Lines) -> None:
    del lines[10:15]


# name: (forge, line of the first finding, its code)
FORGERIES: dict[str, tuple[Forge, int, str]] = {
    "another-object-drawn": (another_object, 7, "inspection.wrong_sample"),
    "object-left-out": (lambda lines: body(lines, 7)["chosen"].pop(), 7, "inspection.wrong_sample"),
    "another-inspector": (another_inspector, 8, "inspection.wrong_pairs"),
    "seed-chosen": (put(7, "seed", value="11" * 32), 7, "inspection.wrong_seed"),
    "seed-of-assignment-chosen": (put(8, "seed", value="11" * 32), 8, "inspection.wrong_seed"),
    "keys-given-twice": (put(7, "tries", value=2), 7, "inspection.wrong_sample"),
    "tries-understated": (put(15, "tries", value=99), 15, "inspection.wrong_pairs"),
    "method-glossed-over": (put(8, "method", value="stepwise"), 8, "inspection.wrong_pairs"),
    "said-to-be-impossible": (lambda lines: body(lines, 8).update(method="none", pairs=[]), 8, "inspection.wrong_pairs"),
    "target-raised": (put(1, "objects", "target", value=[["a", 1], ["b", 2], ["c", 6]]), 2, "record.wrong_party_signature"),
    "share-replaced": (put(5, "share", value="22" * 32), 5, "record.wrong_party_signature"),
    "reveal-left-out": (drop(6), 6, "record.out_of_place"),
    "agreement-left-out": (drop(3), 3, "record.out_of_place"),
    "leave-hidden": (drop(9), 12, "record.wrong_party_signature"),
    "leave-of-another": (nobody_left, 13, "record.wrong_party_signature"),
    "leave-of-nobody": (put(9, "inspector", value=STRANGER), 9, "inspection.not_assigned"),
    "inspectors-per-object-lowered": (put(11, "inspectors", "per_object", value=1), 11, "inspection.per_object_changed"),
    "sampled-twice": (second_sample, 8, "record.out_of_place"),
    "sampled-again-in-round-two": (sample_again, 15, "record.out_of_place"),
    "round-number-skipped": (put(4, "round", value=2), 4, "record.wrong_round"),
    "closed-too-early": (closed_too_early, 11, "inspection.not_staffed"),
    "closing-list-changed": (put(16, "pairs", 0, 1, value=STRANGER), 16, "inspection.wrong_closing"),
    "rounds-miscounted": (put(16, "rounds", value=1), 16, "inspection.wrong_closing"),
    "line-after-the-end": (after_the_end, 17, "record.finished"),
    "name-instead-of-code": (put(9, "inspector", value="张三"), 9, "record.malformed"),
    "another-format": (put(1, "format", value="yuanping-inspection/2"), 1, "record.unknown_format"),
    "another-algorithm": (put(1, "algorithm", value="first-rows"), 1, "record.unknown_format"),
    "unknown-line": (lambda lines: lines[8].__setitem__("type", "round"), 9, "record.unknown_type"),
    "time-goes-back": (lambda lines: lines[8].__setitem__("at", "2026-11-21T00:59:59Z"), 9, "record.time_goes_back"),
}  # fmt: skip


def unmended() -> dict[str, tuple[bytes, int, str]]:
    """Forgeries of the file, not of the lines: (text, line, code)."""
    record = finished()
    text = record.text(openings=True)
    rows = text.splitlines(keepends=True)
    lines = len(record.events)
    first, second, third = rows[lines:]
    flipped = bytearray(text)
    flipped[len(rows[0]) + 40] ^= 1
    cleared = first.replace(b'["inspected_this_year"]', b"[]")
    unsigned = rows[8].replace(b'"sig":"', b'"sig":"0', 1)
    unsigned = unsigned[: unsigned.index(b'","type"') - 1] + unsigned[unsigned.index(b'","type"') :]
    return {
        "byte-flipped": (bytes(flipped), 2, "record.wrong_hash"),
        "signature-of-another": (b"".join([*rows[:8], unsigned, *rows[9:]]), 9, "record.wrong_signature"),
        "line-removed": (b"".join(rows[:8] + rows[9:]), 9, "record.wrong_number"),
        "lines-swapped": (b"".join([*rows[:8], rows[9], rows[8], *rows[10:]]), 9, "record.wrong_number"),
        "ground-removed-from-list": (b"".join([*rows[:lines], cleared, second, third]), 17, "record.wrong_commitment"),
        "opening-missing": (b"".join([*rows[:lines], first, third]), 1, "record.opening_missing"),
        "openings-swapped": (b"".join([*rows[:lines], second, first, third]), 18, "record.opening_order"),
        "opening-of-no-line": (text.replace(b'"line":11,', b'"line":12,'), 19, "record.opening_unknown"),
        "row-missing": (
            b"".join([*rows[:lines], first, second, canonical_json(shortened(third)) + b"\n"]), 19, "record.wrong_size",
        ),
        "written-with-spaces": (text.replace(b'{"kind":"object",', b'{"kind":"object", '), 17, "record.not_canonical"),
        "last-newline-missing": (text[:-1], 19, "record.no_newline"),
    }  # fmt: skip


def shortened(opening: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(opening)
    value["list"]["rows"].pop()
    return value


def falsified_list() -> bytes:
    """The house pins a list that lacks an object of a tier it promises to draw: nobody can draw from it."""
    record = opened()
    lines = lines_of(record)[:1]
    body(lines, 1)["objects"]["target"] = [["a", 1], ["b", 2], ["c", 9]]
    return resealed(lines, record.openings)


def vectors() -> dict[str, tuple[bytes, Expected]]:
    """name → (text, expected verdict: ok, full, and the first finding)."""
    found: dict[str, tuple[bytes, Expected]] = {}
    for name, (make, openings) in GOOD.items():
        found[name] = (
            make().text(openings=openings),
            {"ok": True, "full": openings, "line": None, "code": None},
        )
    openings_ = finished().openings
    broken = {"list-too-short": (falsified_list(), 1, "inspection.tier_short"), **unmended()}
    for name, (forge, line, code) in FORGERIES.items():
        lines = lines_of(finished())
        forge(lines)
        broken[name] = resealed(lines, openings_), line, code
    for name, (text, line, code) in broken.items():
        found[name] = text, {"ok": False, "full": False, "line": line, "code": code}
    return found


def write_vectors(folder: Path) -> None:
    made = vectors()
    folder.mkdir(parents=True, exist_ok=True)
    for name, (text, _) in made.items():
        (folder / f"{name}.jsonl").write_bytes(text)
    expected = {f"{name}.jsonl": verdict for name, (_, verdict) in made.items()}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_vectors(FOLDER)
