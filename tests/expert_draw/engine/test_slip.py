"""Slips: an expert proves to have been in the pool, with grounds and chance, and nobody proves anything else."""

import json
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import canonical_json
from expert_draw.engine.certificate import certify
from expert_draw.engine.codes import candidate_code, expert_code, expert_key, group_code
from expert_draw.engine.fixed_entries import Agree
from expert_draw.engine.lines import write_event
from expert_draw.engine.lists import hasher, leaves_of, rest_hash, rest_of, rows_of
from expert_draw.engine.merkle import Tree
from expert_draw.engine.pool import Candidate, DrawKind, Law, Level, Pool
from expert_draw.engine.randomness import Suite, hash_of
from expert_draw.engine.record import DrawRecord, RosterRoot
from expert_draw.engine.signing import Signer
from expert_draw.engine.slip import Slip, roster_leaf, verify_slip, write_slip
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine.forging import book
from tests.expert_draw.engine.samples import EASY, HOUSE, SALT, START, agreed, locked, nonce, opened, played

ROWS = tuple(
    canonical_json(
        [f"ZJ-{number:03d}", f"unit {number // 2}", "530600", "active", ["A08", "C03"], ""]
    ).decode()
    for number in range(14)
)
SALTS = tuple(hash_of("sha256", row.encode()) for row in ROWS)
LEAVES = tuple(roster_leaf(salt, row) for salt, row in zip(SALTS, ROWS, strict=True))
TREE = Tree(lambda data: hash_of("sha256", data), ((leaf, leaf) for leaf in LEAVES))


def pool(suite: Suite) -> Pool:
    """Twelve of the roster's fourteen; the first must not be drawn."""
    return Pool(
        DrawKind.expert,
        (("1", 1), ("2", 1)),
        tuple(
            Candidate(
                expert_code(expert_key(SALT, leaf, suite), leaf, suite),
                (("employer", group_code(SALT, "employer", str(number // 2))),),
                ("1", "2") if number % 3 else ("2",),
                () if number else ("busy", "kin"),
                weight=1 + number,
            )
            for number, leaf in enumerate(LEAVES[:12])
        ),
        (Level((("employer", 1),)),),
    )


@cache
def record(law: Law = "uniform-labelled", suite: Suite = "sha256") -> DrawRecord:
    roster = RosterRoot(TREE.root().hex(), len(LEAVES))
    return locked(opened((pool(suite),), law=law, suite=suite, roster=roster))


def slip_of(number: int, of: DrawRecord | None = None, **changes: Any) -> bytes:
    told = of or record()
    given_ = {
        "key": expert_key(SALT, LEAVES[number], told.history.opening.suite),
        "row": ROWS[number],
        "salt": SALTS[number],
        "path": TREE.path(LEAVES[number]),
        **changes,
    }
    return write_slip(told, **given_)


def proven(text: bytes) -> Slip:
    slip, wrong = verify_slip(text, HOUSE.public)
    assert wrong == ()
    assert slip is not None
    return slip


def refusal(text: bytes, key: str | None = None) -> str:
    slip, (wrong,) = verify_slip(text, key)
    assert slip is None
    return wrong.code


@pytest.mark.parametrize("law", ["uniform-labelled", "weighted"])
@pytest.mark.parametrize("suite", ["sha256", "sm3"])
def test_everyone_on_the_list_can_prove_it(law: Law, suite: Suite) -> None:
    told = record(law, suite)
    certificate = certify(told.pool(DrawKind.expert), law, EASY)
    counts = dict(certificate.chance_rows or ())
    for number in range(12):
        slip = proven(slip_of(number, told, certificate=certificate if number % 2 else None))
        assert (slip.draw, slip.head, slip.house) == (
            told.history.opening.draw,
            told.events[0].hash,
            HOUSE.public,
        )
        assert slip.roster[0] == f"ZJ-{number:03d}"
        assert slip.slots == (("1", "2") if number % 3 else ("2",))
        assert slip.grounds == (() if number else ("busy", "kin"))
        feasible = certificate.feasible or 0
        assert slip.chance == (Fraction(counts[slip.code], feasible) if number else None)


def test_a_slip_stays_good_while_the_draw_goes_on() -> None:
    assert slip_of(5, played(record(), 10)) == slip_of(5)


def test_before_the_figures_and_without_them_there_is_no_chance_to_prove() -> None:
    roster = RosterRoot(TREE.root().hex(), len(LEAVES))
    assert proven(slip_of(1, agreed(opened((pool("sha256"),), roster=roster)))).chance is None
    assert proven(slip_of(1, record("uniform-sets"))).chance is None


def test_who_is_not_on_the_list_gets_no_slip_and_a_public_record_gives_none() -> None:
    with pytest.raises(RecordBroken, match="not_listed"):
        slip_of(13)
    public = DrawRecord.trust([event.line for event in record().events])
    with pytest.raises(RecordBroken, match="list_unopened"):
        slip_of(1, public)


def changed(forge: Callable[[dict[str, Any]], object], number: int = 4) -> bytes:
    value = json.loads(slip_of(number))
    forge(value)
    return canonical_json(value) + b"\n"


OTHER = "11" * 32
FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (lambda slip: slip.update(format="yuanping-slip/0"), "record.unknown_format"),
    "a row of the roster made up": (
        lambda slip: slip["roster"]["row"].__setitem__(1, "x"),
        "slip.not_in_roster",
    ),
    "a leaf with another salt": (lambda slip: slip["roster"].update(salt=OTHER), "slip.not_in_roster"),
    "a path too short": (lambda slip: slip["roster"]["path"].pop(), "slip.not_in_roster"),
    "a path too long": (lambda slip: slip["roster"].update(path=[OTHER] * 257), "slip.not_in_roster"),
    "a row that is none": (lambda slip: slip["roster"]["row"].__setitem__(0, 1), "record.malformed"),
    "specialties that are none": (lambda slip: slip["roster"]["row"][4].append(1), "record.malformed"),
    "another's key": (lambda slip: slip.update(key=OTHER), "slip.wrong_code"),
    "another's code": (lambda slip: slip.update(code="0" * 32), "slip.wrong_code"),
    "grounds invented": (lambda slip: slip["row"][3].append("busy"), "slip.not_in_table"),
    "another's row": (lambda slip: slip["row"].__setitem__(0, "0" * 32), "slip.not_in_table"),
    "another nonce": (lambda slip: slip.update(nonce=OTHER), "slip.not_in_table"),
    "another rest": (lambda slip: slip.update(rest=OTHER), "slip.not_in_table"),
    "a path of the list too long": (lambda slip: slip.update(path=[OTHER] * 129), "slip.not_in_table"),
    "a better chance": (lambda slip: slip["chance"].update(count="9"), "slip.not_in_chances"),
    "a chance without figures": (lambda slip: slip["lines"].pop(), "slip.not_in_chances"),
    "no lines": (lambda slip: slip["lines"].clear(), "record.malformed"),
    "a line too many": (lambda slip: slip["lines"].append(slip["lines"][0]), "record.malformed"),
    "a line that is not text": (lambda slip: slip["lines"].__setitem__(0, 1), "record.malformed"),
    "no first line": (lambda slip: slip["lines"].__delitem__(0), "record.wrong_number"),
    "the first line twice": (lambda slip: slip["lines"].__setitem__(1, slip["lines"][0]), "record.malformed"),
    "another chance to prove": (lambda slip: slip.update(chance=[]), "record.malformed"),
}


@pytest.mark.parametrize("name", sorted(FORGERIES))
def test_nothing_else_can_be_proven(name: str) -> None:
    forge, code = FORGERIES[name]
    assert refusal(changed(forge)) == code


def test_a_line_by_somebody_else_proves_nothing() -> None:
    assert refusal(slip_of(3), Signer(bytes(32)).public) == "record.wrong_key"
    agreement = record().events[1]
    assert (
        refusal(changed(lambda slip: slip["lines"].__setitem__(0, agreement.text))) == "record.wrong_number"
    )


def test_a_slip_is_spelt_in_one_way_and_shows_the_first_line_of_a_draw() -> None:
    assert (
        refusal(json.dumps(json.loads(slip_of(3)), sort_keys=True).encode() + b"\n") == "record.not_canonical"
    )
    agreement = write_event(HOUSE, "sha256", None, START, "agree", Agree("center", "0" * 128).body())
    forged = changed(lambda slip: slip["lines"].__setitem__(0, agreement.text))
    assert refusal(forged) == "record.not_opened"


def test_a_house_that_pinned_the_row_of_another_proves_nothing() -> None:
    """The leaf lies at the expert's code, but its row is somebody else's."""
    hash_, code = hasher("sha256"), json.loads(slip_of(4))["code"]
    mine, rest = pool("sha256"), rest_of(pool("sha256"))
    codes, rows = [one.id for one in mine.candidates], rows_of(mine, weighted=False)
    place = codes.index(code)
    rows[place] = rows[place - 1]
    tree = Tree(hash_, leaves_of(hash_, nonce("expert"), codes, rows))
    table = hash_(b"\x02" + tree.root() + rest_hash(hash_, nonce("expert"), rest)).hex()
    edited = book(record())
    edited.body(1)["pools"][0]["table"] = table
    first = edited.text().splitlines()[0].decode()

    def forge(slip: dict[str, Any]) -> None:
        path = [one.hex() for one in tree.path(bytes.fromhex(code))]
        slip.update(lines=[first], row=json.loads(rows[place]), path=path, chance=None)

    assert refusal(changed(forge)) == "slip.not_in_table"


def test_an_expert_of_no_roster_proves_nothing() -> None:
    told = locked(opened((pool("sha256"),)))
    assert refusal(slip_of(3, told)) == "slip.not_in_roster"


@given(st.integers(0, len(slip_of(4)) - 1), st.integers(1, 255))
def test_any_changed_byte_breaks_a_slip(at: int, change: int) -> None:
    text = bytearray(slip_of(4))
    text[at] ^= change
    assert verify_slip(bytes(text))[0] is None


@given(st.binary(max_size=100))
def test_garbage_is_refused_without_a_crash(data: bytes) -> None:
    assert verify_slip(data)[0] is None


def test_codes_mean_nothing_without_the_salt() -> None:
    assert candidate_code(SALT, "a") != candidate_code(bytes(32), "a")
    assert candidate_code(SALT, "a") != group_code(SALT, "a", "")
    assert candidate_code(SALT, "a", "sm3") != candidate_code(SALT, "a")
    assert len(candidate_code(SALT, "a")) == len(group_code(SALT, "a", "b")) == 32
    with pytest.raises(TypeError):
        candidate_code(b"short", "a")
