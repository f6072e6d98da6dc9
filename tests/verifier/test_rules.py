"""Rules of the document that a draw rarely comes to: the second program keeps each of them, in every view it can be seen in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.canonical import canonical_json
from expert_draw.engine.lines import write_event
from expert_draw.engine.pool import Candidate, DrawKind, Level, Member, Pool
from expert_draw.engine.randomness import hash_of
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine.forging import OTHER, Book, book, put
from tests.expert_draw.engine.samples import (
    HOUSE,
    answered,
    code,
    code_at,
    expert_pool,
    in_codes,
    later,
    opened,
    played,
    ready,
)
from tests.verifier.random_draws import dealt
from tests.verifier.second import Second, second_opinions

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"
IDENTITY = "01" + "00" * 31
SMALL = (
    "00" * 32,
    IDENTITY,
    "ec" + "ff" * 30 + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)


@pytest.fixture
def opinions(tmp_path: Path) -> Callable[..., list[Second]]:
    """What the second program says of each of these texts."""

    def ask(*texts: bytes) -> list[Second]:
        paths = [tmp_path / f"{number}.jsonl" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text)
        return second_opinions(paths)

    return ask


Ask = Callable[..., list[Second]]


def by_nobody(key: str) -> bytes:
    """A record with this key of the house and a signature that anybody can write on every line."""
    text, previous = b"", "0" * 64
    for line in (VECTORS / "good-closed-public.jsonl").read_text("utf-8").splitlines():
        said = json.loads(line)
        if said["n"] == 1:
            said["body"]["key"] = key
        content = {
            "at": said["at"],
            "body": said["body"],
            "n": said["n"],
            "prev": previous,
            "type": said["type"],
        }
        previous = hash_of("sha256", canonical_json(content)).hex()
        text += canonical_json({**content, "hash": previous, "sig": IDENTITY + "00" * 32}) + b"\n"
    return text


def test_a_key_anybody_can_sign_with_signs_nothing(opinions: Ask) -> None:
    highest_bit = [key[:62] + f"{int(key[62:], 16) | 0x80:02x}" for key in SMALL]
    above_the_field = ["ed" + "ff" * 30 + "7f", "ee" + "ff" * 31]
    said = opinions(*(by_nobody(key) for key in (*SMALL, *highest_bit, *above_the_field)))
    assert [(one.ok, one.line, one.codes) for one in said] == [(False, 1, ("signature",))] * 12


def test_those_already_appointed_keep_within_the_caps_of_a_level(opinions: Ask) -> None:
    colleagues = tuple(Member(code(who), in_codes([("employer", "o")])) for who in ("owner", "clerk"))
    levels = (Level((("employer", 1),)), Level((("employer", 2),)))
    mild = expert_pool(held=colleagues, levels=levels)
    good = opened((mild,)).text(openings=True)
    strict = book(opened((expert_pool(held=colleagues[:1]),)))
    sealed = book(opened((expert_pool(held=colleagues, levels=levels),)))
    # The list of the mild pool under the terms of the strict one: only the levels differ.
    strict.openings = [{**sealed.openings[0], "line": strict.lines[0]}]
    strict.body(1)["pools"][0]["table"] = sealed.body(1)["pools"][0]["table"]
    first, second = opinions(good, strict.text())
    assert (first.ok, first.full) == (True, True)
    assert (second.ok, second.line, second.codes) == (False, 2, ("terms",))
    assert verify_record(strict.text()).findings[0].line == 2


def following() -> tuple[Pool, Pool]:
    """Venues first, all in one city; then experts of that city, each of an employer of their own."""
    slots = (("1", 1), ("2", 1))
    city = in_codes([("city", "1")])
    venues = tuple(Candidate(code(f"v{number}"), city, ("1", "2")) for number in range(6))
    experts = tuple(Candidate(code(f"p{number}"), city, ("1", "2")) for number in range(8))
    return (
        Pool(DrawKind.venue, slots, venues),
        Pool(DrawKind.expert, slots, experts, follows=(DrawKind.venue, "city")),
    )


def without_first_venue(record: DrawRecord, minute: int) -> DrawRecord:
    leaving = code_at(record, "1", DrawKind.venue)
    return record.outcome(later(minute), HOUSE, DrawKind.venue, "1", leaving, "fault")


def reserve_again(number: int) -> DrawRecord | None:
    """A reserve who left with the venue comes up in the reserves of the next round; None if chance has it otherwise."""
    record = played(ready(following(), reserve=4, number=f"CQ-2026-{number:06}"), 10)
    record = answered(record, 20, "1", "declined").draw_reserve(later(21), HOUSE)
    taken = code_at(record, "1")
    record = played(without_first_venue(record, 22), 30)
    if taken in {holder.code for holder in record.holders}:
        return None
    try:
        record = answered(record, 60, "1", "declined").draw_reserve(later(61), HOUSE)
    except RecordBroken:
        return None
    return record if code_at(record, "1") == taken else None


def test_who_left_only_with_their_venue_can_be_a_reserve_again(opinions: Ask) -> None:
    record = next(found for found in map(reserve_again, range(99)) if found)
    (said,) = opinions(record.text(openings=True))
    assert (said.ok, said.full) == (True, True)


def test_no_reserve_takes_a_place_whose_venue_is_vacant(opinions: Ask) -> None:
    record = without_first_venue(played(ready(following(), reserve=4), 10), 22)
    drawn = {holder.code for holder in record.holders}
    free = next(one.id for one in record.pool(DrawKind.expert).candidates if one.id not in drawn)
    (last,) = [
        e for e in record.events if e.type == "round" and json.loads(e.text)["body"]["kind"] == "expert"
    ]
    reserve = {
        **json.loads(last.text)["body"],
        "needed": [["1", 1]],
        "drawn": [["1", free]],
        "method": "reserve",
        "level": 1,
        "tries": 1,
    }
    line = write_event(HOUSE, "sha256", record.events[-1], later(25), "round", reserve).line + b"\n"
    text = record.text(openings=False) + line
    (said,) = opinions(text)
    wrong = len(record.events) + 1
    assert (said.ok, said.line, said.codes) == (False, wrong, ("order",))
    assert verify_record(text).findings[0].line == wrong


FIGURES = {
    "chances": OTHER,
    "feasible": "7",
    "greatest": ["1", "2"],
    "least": ["1", "3"],
    "ten": ["2", "1"],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("greatest", ["1", "0"]),
        ("greatest", ["0", "0"]),
        ("greatest", ["2", "4"]),
        ("greatest", ["3", "2"]),
        ("least", ["2", "6"]),
        ("least", ["7", "1"]),
        ("ten", ["9", "3"]),
        ("ten", ["1", "0"]),
        ("lists", []),
        ("lists", [["0", 1, 8], ["2", 1, 8], ["3", 1, 7]]),
        ("lists", [["1", 2, 8], ["2", 1, 8], ["3", 1, 7]]),
        ("lists", [["1", 1, 8], ["2", 1, 8]]),
    ],
)
def test_figures_that_cannot_be_fail_in_the_public_view(opinions: Ask, name: str, value: object) -> None:
    edited = public(played(ready((expert_pool(),)), 10))
    put("lock", 0, name, value=value)(edited)
    (said,) = opinions(edited.text())
    assert (said.ok, said.line) == (False, edited.number("lock"))


def public(record: DrawRecord) -> Book:
    found = book(record)
    found.openings = []
    return found


def test_no_figures_where_none_are_computed(opinions: Ask) -> None:
    sets = public(played(ready((expert_pool(),), law="uniform-sets"), 10))
    venue_first = public(played(ready(following()), 10))
    for edited in (sets, venue_first):
        edited.body(edited.number("lock")).update(FIGURES)
    said = opinions(sets.text(), venue_first.text())
    assert [(one.ok, one.line) for one in said] == [(False, 5)] * 2


def test_a_flood_of_wrong_lines_gets_a_verdict(opinions: Ask) -> None:
    first = (VECTORS / "good-closed.jsonl").read_bytes().split(b"\n")[0] + b"\n"
    said = opinions(first + b'{"at":1}\n' * 300_000, first + b'{"kind":1}\n' * 300_000)
    assert [(one.ok, one.line) for one in said] == [(False, 2)] * 2
    assert all(len(one.codes) <= 1000 for one in said)


def test_members_of_one_list_are_dealt_to_places_in_order_of_their_codes(opinions: Ask) -> None:
    records = [dealt(number) for number in range(3)]
    assert {json.loads(record.events[-1].text)["body"]["method"] for record in records} == {"counting"}
    said = opinions(*(record.text(openings=True) for record in records))
    assert [(one.ok, one.full) for one in said] == [(True, True)] * 3
