"""The record of a campaign: only what may happen can be written, and whatever was falsified is found."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import YuanpingError
from app.core.i18n import catalogue
from expert_draw.engine.inspection import InspectionObject
from expert_draw.engine.inspection_entries import read_campaign_entry
from expert_draw.engine.inspection_lists import roll_of_objects
from expert_draw.engine.inspection_record import InspectionRecord, InspectorPlan
from expert_draw.engine.inspection_rerun import check_rolls, next_sample
from expert_draw.engine.randomness import chain_share
from expert_draw.engine.record import agree_signature, reveal_signature
from expert_draw.engine.signing import Signer
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import CAMPAIGN, INSPECTION, RECORD
from tests.expert_draw.engine.inspection_samples import (
    FOLDER,
    HOUSE,
    LENGTH,
    RULES,
    SECRETS,
    SIGNERS,
    START,
    STRANGER,
    agencies,
    by_points,
    called,
    campaign,
    drawn,
    finished,
    later,
    lines_of,
    nonce,
    opened,
    parties,
    person,
    projects,
    resealed,
    revealed,
    team,
    thing,
    vectors,
    withheld,
)

made = cache(vectors)
done = cache(finished)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(YuanpingError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize("name", sorted(made()))
def test_every_vector_gets_the_verdict_expected_of_it(name: str) -> None:
    text, expected = made()[name]
    assert (FOLDER / f"{name}.jsonl").read_bytes() == text
    assert json.loads((FOLDER / "expected.json").read_text())[f"{name}.jsonl"] == expected
    verdict = verify_record(text)
    first = verdict.findings[0] if verdict.findings else None
    assert {
        "ok": verdict.ok,
        "full": verdict.full,
        "line": first and first.line,
        "code": first and first.code,
    } == expected


def test_there_is_no_vector_that_nobody_expects() -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(made())
    assert sum(not verdict["ok"] for _, verdict in made().values()) >= 40


@given(st.data())
def test_no_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    text = bytearray(made()["good-closed"][0])
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= data.draw(st.integers(1, 255))
    assert not verify_record(bytes(text)).ok


def test_a_finished_campaign_shows_who_inspects_what() -> None:
    record = done()
    verdict = verify_record(record.text(openings=True), head=record.head, key=HOUSE.public)
    assert verdict.ok
    assert verdict.full
    summary = verdict.summary
    assert (summary.draw, summary.rounds, summary.drawn, summary.key) == (
        "CC-2026-000007",
        2,
        8,
        HOUSE.public,
    )
    assert summary.holders == tuple(("inspector", *pair) for pair in record.pairs)
    assert set(Counter(code for code, _ in record.pairs).values()) == {2}
    units = {one.id: set(one.units) for one in agencies().objects}
    interests = {one.id: set(one.units) for one in team(12).inspectors}
    assert all(units[code].isdisjoint(interests[who]) for code, who in record.pairs)
    gone = [event.body for event in record.events if event.type == "leave"]
    assert (gone[0]["object"], gone[0]["inspector"]) not in record.pairs
    assert gone[1]["inspector"] not in {who for _, who in record.pairs}


def test_another_head_or_another_house_is_found() -> None:
    text = done().text(openings=True)
    assert verify_record(text, head="1" * 64).findings[0].code == "record.wrong_head"
    assert verify_record(text, key="1" * 64).findings[0].code == "record.wrong_key"
    assert verify_record(b"").findings[0].code == "record.empty"


def test_the_methods_are_told() -> None:
    def methods(record: InspectionRecord) -> list[object]:
        return [event.body["method"] for event in record.events if event.type == "assign"]

    assert methods(campaign("good-crowded")) == ["none", "rejection"]
    assert methods(campaign("good-counting")) == ["counting"]
    assert methods(campaign("good-stepwise")) == ["stepwise"]


def test_what_blocks_an_assignment_is_told_before_the_next_call() -> None:
    record = drawn(opened(inspectors=team(3)))
    assert record.phase == "between"
    assert record.vacancies == dict.fromkeys(record.chosen, 2)
    assert {it.code for it in record.obstacles()} <= {"inspection.object_short", "inspection.load_short"}
    assert record.obstacles()
    assert not record.declare(later(7), HOUSE, team(7, 3, 5)).obstacles()


@pytest.mark.parametrize(
    "name", ["good-closed", "good-by-points", "good-crowded", "good-counting", "good-withheld"]
)
def test_a_record_is_the_same_however_it_is_read(name: str) -> None:
    record = campaign(name)
    lines = [event.text for event in record.events]
    assert InspectionRecord.load(lines, record.openings) == record
    assert InspectionRecord.trust(lines, record.openings) == record


def test_a_record_that_was_falsified_cannot_be_loaded() -> None:
    lines = made()["another-object-drawn"][0].decode().splitlines()
    assert refusal(lambda: InspectionRecord.load(lines[:16], lines[16:])) == "inspection.wrong_sample"


def test_the_trusted_record_still_looks_at_what_comes_after() -> None:
    record = called(opened())
    again = InspectionRecord.trust([event.line for event in record.events], record.openings)
    assert refusal(lambda: again.reveal(later(3), HOUSE, "center", bytes(32), "0" * 128)) == (
        "record.wrong_party_signature"
    )


SHARE = chain_share(SECRETS["center"], LENGTH, 1)


def sign(record: InspectionRecord, share: bytes, name: str = "center") -> str:
    call = record.history.ceremony.call
    assert call is not None
    return reveal_signature(SIGNERS[name], call.hash, share)


STEPS: dict[str, tuple[Callable[[], InspectionRecord], Callable[[InspectionRecord], object], str]] = {
    "nothing before the opening": (InspectionRecord, lambda it: it.close(START, HOUSE), "record.not_opened"),
    "another house": (opened, lambda it: it.void(later(2), SIGNERS["center"], "no_need"), "record.wrong_key"),
    "agreeing twice": (
        lambda: InspectionRecord.load([opened().events[0].line, opened().events[1].line]),
        lambda it: it.agree(later(2), HOUSE, "center", agree_signature(SIGNERS["center"], it.head)),
        "record.party_twice",
    ),
    "a stranger agrees": (
        lambda: InspectionRecord.load([opened().events[0].line]),
        lambda it: it.agree(later(2), HOUSE, "bidder", agree_signature(SIGNERS["center"], it.head)),
        "record.party_unknown",
    ),
    "calling before all agree": (
        lambda: InspectionRecord.load([opened().events[0].line]), called, "record.out_of_place",
    ),
    "leaving before anybody came": (opened, lambda it: it.leave(later(2), HOUSE, STRANGER, "ill"), "record.out_of_place"),
    "drawing before the shares": (lambda: called(opened()), lambda it: it.draw(later(3), HOUSE), "record.out_of_place"),
    "revealing twice": (
        lambda: revealed(called(opened()), "center"), lambda it: revealed(it, "center"), "record.party_twice",
    ),
    "revealing something else": (
        lambda: called(opened()),
        lambda it: it.reveal(later(3), HOUSE, "center", bytes(32), sign(it, bytes(32))),
        "record.broken_commitment",
    ),
    "another signs": (
        lambda: called(opened()),
        lambda it: it.reveal(later(3), HOUSE, "center", SHARE, sign(it, SHARE, "supervisor")),
        "record.wrong_party_signature",
    ),
    "a beacon nobody named": (
        lambda: called(opened()), lambda it: it.mix(later(3), HOUSE, "5e" * 32), "record.wrong_beacon",
    ),
    "a beacon before the shares": (
        lambda: called(opened(), ("drand", 1)), lambda it: it.mix(later(3), HOUSE, "5e" * 32), "record.wrong_beacon",
    ),
    "no beacon though one was named": (
        lambda: revealed(called(opened(), ("drand", 1))), lambda it: it.draw(later(3), HOUSE), "record.out_of_place",
    ),
    "blamed too early": (
        lambda: called(opened()),
        lambda it: it.void(later(29), HOUSE, "share_withheld", "center"),
        "record.not_withheld",
    ),
    "blamed though revealed": (
        lambda: revealed(called(opened()), "center"),
        lambda it: it.void(later(31), HOUSE, "share_withheld", "center"),
        "record.not_withheld",
    ),
    "blamed without a call": (
        opened, lambda it: it.void(later(31), HOUSE, "share_withheld", "center"), "record.not_withheld",
    ),
    "leaving another's object": (
        lambda: drawn(opened()),
        lambda it: it.leave(later(5), HOUSE, it.pairs[0][1], "ill", STRANGER),
        "inspection.not_assigned",
    ),
    "calling when nothing is vacant": (lambda: drawn(opened()), called, "inspection.nothing_needed"),
    "fewer for each object": (
        lambda: drawn(opened()),
        lambda it: it.declare(later(5), HOUSE, replace(team(), per_object=1)),
        "inspection.per_object_changed",
    ),
    "closing with a vacancy": (
        lambda: drawn(opened(inspectors=team(3))), lambda it: it.close(later(5), HOUSE), "inspection.not_staffed",
    ),
    "anything after the end": (finished, lambda it: it.void(later(99), HOUSE, "no_need"), "record.finished"),
    "anything after giving up": (withheld, lambda it: it.close(later(99), HOUSE), "record.finished"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_step_out_of_place_is_refused(name: str) -> None:
    before, step, code = STEPS[name]
    assert refusal(lambda: step(before())) == code


def test_a_second_opening_is_refused() -> None:
    lines = lines_of(opened())
    verdict = verify_record(resealed([lines[0], lines[0]]))
    assert [(it.line, it.code) for it in verdict.findings] == [(2, "record.opened_twice")]
    assert verify_record(resealed(lines[1:])).findings[0].code == "record.not_opened"


def test_a_reveal_of_another_round_is_refused() -> None:
    lines = lines_of(revealed(called(opened())))
    lines[4]["body"]["round"] = 2
    assert verify_record(resealed(lines)).findings[0].code == "record.wrong_round"


def forged(number: int, **changes: object) -> str:
    """The first finding in the finished record without its openings, after these changes of one line."""
    lines = lines_of(done())
    lines[number - 1]["body"].update(changes)
    found = verify_record(resealed(lines)).findings[0]
    assert found.line == number
    return found.code


def pairs_of(number: int) -> list[list[str]]:
    pairs: list[list[str]] = json.loads(json.dumps(done().events[number - 1].body["pairs"]))
    return pairs


def test_even_the_public_view_shows_what_lines_contradict() -> None:
    chosen: Any = done().events[6].body["chosen"]
    assert forged(7, chosen=chosen[1:]) == "inspection.wrong_sample"
    assert forged(7, round=2) == "record.wrong_round"
    assert forged(8, round=2) == "record.wrong_round"
    assert forged(8, method="none") == "inspection.wrong_pairs"
    assert forged(8, pairs=pairs_of(8)[1:]) == "inspection.wrong_pairs"
    assert forged(8, pairs=[[STRANGER, STRANGER]]) == "inspection.wrong_pairs"
    one = pairs_of(8)[0][1]
    overloaded = [[code, who] for code in chosen for who in sorted({one, STRANGER})]
    assert forged(8, pairs=overloaded) == "inspection.wrong_pairs"
    vacant = pairs_of(15)
    gone: Any = [event.body for event in done().events if event.type == "leave"]
    back = next(place for place, pair in enumerate(vacant) if pair[0] == gone[0]["object"])
    again = sorted([*vacant[:back], [gone[0]["object"], gone[0]["inspector"]], *vacant[back + 1 :]])
    assert forged(15, pairs=again) == "inspection.wrong_pairs"
    returned = sorted([*vacant[:back], [gone[0]["object"], gone[1]["inspector"]], *vacant[back + 1 :]])
    assert forged(15, pairs=returned) == "inspection.wrong_pairs"
    assert forged(11, inspectors=[]) == "record.malformed"
    assert forged(1, suite="md5") == "record.unknown_format"
    assert (
        forged(1, objects={**lines_of(done())[0]["body"]["objects"], "method": "lottery"})
        == "record.malformed"
    )


@pytest.mark.parametrize("kind", ["open", "round", "", "sample"])
def test_what_is_no_line_of_a_campaign_is_refused(kind: str) -> None:
    assert refusal(lambda: read_campaign_entry(kind, ["nothing"])) in {
        "record.unknown_type",
        "record.malformed",
    }


def test_nothing_but_codes_gets_into_a_list() -> None:
    def plan(*rows: InspectionObject) -> Callable[[], object]:
        return lambda: roll_of_objects(rows, nonce(1), "sha256")

    assert refusal(plan(InspectionObject("张三"))) == "record.malformed"
    assert refusal(plan(InspectionObject("a" * 32, "Tier A"))) == "record.malformed"
    assert refusal(plan(InspectionObject("a" * 32, grounds=("在办",)))) == "record.malformed"
    assert refusal(plan(thing("one"), thing("one"))) == "record.malformed"
    with pytest.raises(TypeError):
        roll_of_objects((), b"short", "sha256")


def test_a_plan_that_the_list_cannot_serve_is_not_announced() -> None:
    assert (
        refusal(lambda: opened(replace(agencies(), target=(("a", 1), ("b", 2), ("c", 9)))))
        == "inspection.tier_short"
    )
    assert refusal(lambda: opened(replace(projects(), target=29))) == "inspection.points_short"


def test_without_its_lists_nothing_can_be_drawn() -> None:
    record = revealed(called(opened()))
    bare = InspectionRecord.trust([event.line for event in record.events])
    assert refusal(lambda: bare.draw(later(4), HOUSE)) == "record.list_unopened"
    half = InspectionRecord.trust([event.line for event in record.events], record.openings[:1])
    assert refusal(lambda: half.draw(later(4), HOUSE)) == "record.list_unopened"
    assert next_sample(record.history, record.rolls).tries == 1
    check_rolls(record.history, read_campaign_entry("agree", record.events[1].body), record.rolls)


def test_a_file_of_broken_openings_is_refused_not_raised() -> None:
    record = opened()
    lines = record.text(openings=False)
    for opening in (
        b'{"kind":',
        b'{"kind":\xff}',
        b'{"kind":1.5}',
        b'{"kind":"seat","line":1,"list":{},"nonce":""}',
    ):
        assert not verify_record(lines + opening + b"\n").ok


def test_who_falls_ill_never_comes_back() -> None:
    two = replace(agencies(), target=(("a", 0), ("b", 0), ("c", 2)))
    crew = InspectorPlan(1, 1, tuple(person(f"inspector-{i}", "elsewhere") for i in range(4)), nonce(3))
    record, came = drawn(opened(two, crew)), list[str]()
    while record.pairs:
        for _, who in record.pairs:
            record = record.leave(later(10), HOUSE, who, "ill")
            came.append(who)
        record = drawn(record)
    assert sorted(came) == sorted(one.id for one in crew.inspectors)
    assert {it.code for it in record.obstacles()} == {"inspection.object_short"}
    assert verify_record(record.text(openings=True)).full


def test_a_campaign_that_draws_nothing_needs_nobody() -> None:
    none = replace(agencies(), target=(("a", 0), ("b", 0), ("c", 0)))
    record = drawn(opened(none, InspectorPlan(2, 1, (person("one"),), nonce(3)))).close(later(9), HOUSE)
    assert (record.chosen, record.pairs, record.missing) == ((), (), ())
    assert verify_record(record.text(openings=True)).full


def test_a_campaign_can_be_given_up_without_blaming_anybody() -> None:
    verdict = verify_record(opened().void(later(2), HOUSE, "no_need").text(openings=True))
    assert (verdict.full, verdict.summary.state) == (True, "void")


def test_a_campaign_given_up_before_is_named() -> None:
    assert withheld().history.opening.before == "CC-2026-000006"
    assert by_points().history.opening.objects.number == 6
    assert InspectionRecord().head == "0" * 64
    assert refusal(
        lambda: InspectionRecord.open(
            START, Signer(bytes(32)), number="x y", suite="sha256", rules=RULES, parties=parties(),
            objects=agencies(), inspectors=team(),
        )
    ) == "record.malformed"  # fmt: skip


def test_a_record_of_another_format_cannot_be_loaded_as_a_campaign() -> None:
    lines = lines_of(opened())
    lines[0]["body"]["format"] = "yuanping-draw/2"
    text = resealed(lines).splitlines()
    assert refusal(lambda: InspectionRecord.load(text)) == "record.unknown_format"
    assert refusal(lambda: InspectionRecord.load([])) == "record.empty"
    assert refusal(lambda: InspectionRecord.load([opened().events[1].line])) == "record.not_opened"
    assert refusal(lambda: InspectionRecord.trust([opened().events[1].line])) == "record.not_opened"
    assert refusal(lambda: opened().history.ceremony.seed("object", "sample")) == "record.not_called"


@pytest.mark.parametrize("code", sorted({**INSPECTION, **CAMPAIGN}))
def test_a_refusal_of_inspections_has_its_english(code: str) -> None:
    text = {**INSPECTION, **CAMPAIGN}[code]
    english = catalogue("en")[text]
    assert not re.search("[\u4e00-\u9fff]", english)
    assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english))
    assert code not in RECORD
