"""Of a sealed evaluation nothing may be missing, and no draw out of its center's list; what does not hold has a name."""

from pathlib import Path

import pytest
from sqlmodel import col, select

from app.evaluation import binding, committee, conductor, evidence, proofs, public_draws, slips
from app.evaluation.models import Evaluation
from expert_draw import keeping, listing
from expert_draw.engine.signing import Signer
from expert_draw.models import Draw, Expert
from tests.support.world import OPERATOR, World, booking, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def booked(world: World) -> str:
    with world.transaction() as session:
        return conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id


def drawn(world: World) -> str:
    evaluation_id = booked(world)
    with world.transaction() as session:
        committee.commit_draw(session, world.now(), world.house, OPERATOR, evaluation_id)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, evaluation_id)
    return evaluation_id


def faults(world: World, folder: Path) -> list[str]:
    with world.database.reading() as session:
        return [fault for checked in evidence.check_house(session, folder, "zh") for fault in checked.faults]


def test_a_missing_record_or_room_of_a_sealed_evaluation_is_a_fault(world: World, tmp_path: Path) -> None:
    evaluation_id = drawn(world)
    assert faults(world, tmp_path) == []
    with world.transaction() as session:
        evaluation = session.exec(select(Evaluation).where(col(Evaluation.id) == evaluation_id)).one()
        evaluation.room_id, evaluation.manifest_sha256 = "room-1", "ab" * 32
    found = faults(world, tmp_path)
    assert len(found) == 2
    assert found[0].endswith(".jsonl 文件缺失")
    assert "room-1" in found[1]
    with world.database.reading() as session:
        binding.export_records(session, evaluation_id, tmp_path)
    assert faults(world, tmp_path) == found[1:]


def given_up(world: World) -> str:
    evaluation_id = drawn(world)
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "项目取消")
    return evaluation_id


def only_list(world: World, folder: Path) -> proofs.Checked:
    with world.database.reading() as session:
        (found,) = [one for one in evidence.check_house(session, folder, "en") if one.kind == "list"]
    return found


def test_a_centers_list_is_checked_with_the_draws_it_names(world: World, tmp_path: Path) -> None:
    given_up(world)
    drawn(world)
    found = only_list(world, tmp_path)
    assert found.faults == ()
    assert (found.name, found.detail) == ("5306中心", "Passes in full · draws: 2, under way: 1")


def test_a_draw_that_is_not_listed_listed_otherwise_or_only_listed_is_named(
    world: World, tmp_path: Path
) -> None:
    given_up(world)
    with world.database.reading() as session:
        draw = session.exec(select(Draw)).one()
        record = keeping.read(session, draw)
    twin, third = (
        Draw(
            **{
                **draw.model_dump(),
                "id": number,
                "number": f"CQ-2026-{number}",
                "evaluation_id": booked(world),
            }
        )
        for number in ("000002", "000003")
    )
    with world.transaction() as session:
        listing.enter(session, world.now(), world.sealer, twin, record, "opened")
    assert only_list(world, tmp_path).faults == (
        "CQ-2026-000002 stands in the list of draws, and the database has no record of it",
    )
    with world.transaction() as session:
        session.add(third)
    assert only_list(world, tmp_path).faults[0] == "CQ-2026-000003 does not stand in the list of draws"
    with world.transaction() as session:
        session.add(twin)
        session.flush()
        keeping.append(session, world.now(), twin, record)
    assert only_list(world, tmp_path).faults[0] == (
        "CQ-2026-000002 stands in the list of draws otherwise than its record says"
    )


def test_a_list_signed_with_another_key_than_its_draws_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "house_signer", lambda _sealer: Signer(bytes(32)))
    drawn(world)
    assert only_list(world, tmp_path).faults == (
        "CQ-2026-000001 is signed with another key than the list of draws",
    )


def test_slips_and_lists_are_known_by_their_look_and_held_against_what_was_published(world: World) -> None:
    given_up(world)
    with world.transaction() as session:
        draw = session.exec(select(Draw)).one()
        expert = session.get_one(Expert, world.experts[0]).number
        slip = slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, expert)
        book = public_draws.list_of(session, world.host_id)
        record = keeping.read(session, draw)
    key, first = record.history.opening.key, record.events[0].hash
    good = proofs.check_text("slip.json", slip, "en", first, key)
    assert (good.kind, good.faults) == ("slip", ())
    assert good.detail.startswith(f"Passes in full · {draw.number} · {expert} · on the list, could be drawn")
    assert "chance in round 1: " in good.detail
    assert good.marks == f"key {key[:16]}… · head {first}"
    for head, house, word in ((record.head, key, "another draw"), (first, "0" * 64, "key")):
        (fault,) = proofs.check_text("slip.json", slip, "en", head, house).faults
        assert word in fault
    (fault,) = proofs.check_text("slip.json", slip.replace(b'"active"', b'"absent"'), "en").faults
    assert "does not lie in the roster" in fault

    last = keeping.hash_of_line(book.decode().splitlines()[-1])
    assert proofs.check_text("draws.jsonl", book, "en", last, key).faults == ()
    assert proofs.kind_of(book) == "list"
    for head, house in ((first, key), (last, "0" * 64)):
        assert proofs.check_text("draws.jsonl", book, "en", head, house).faults
    assert proofs.check_text("draws.jsonl", book.replace(b'"void"', b'"closed"'), "en").faults


def test_an_excluded_experts_slip_names_the_ground(world: World) -> None:
    with world.transaction() as session:
        late = world.add_expert(session, specialty="A080104", employer=90, city="5306", birth_year=1930)
        expert = session.get_one(Expert, late).number
    given_up(world)
    with world.transaction() as session:
        draw = session.exec(select(Draw)).one()
        slip = slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, expert)
    found = proofs.check_text("slip.json", slip, "en")
    assert found.faults == ()
    assert found.detail.endswith("on the list, not to be drawn: over_age")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"", "draw"),
        (b'{"format":"yuanping-slip/1"}', "slip"),
        (b"garbage", "draw"),
        (b'{"format":"x/9"}', "draw"),
    ],
)
def test_what_does_not_say_what_it_is_is_a_broken_record(text: bytes, kind: str) -> None:
    found = proofs.check_text("file", text, "zh")
    assert (found.kind, found.detail.partition(" · ")[0]) == (kind, "不通过")
    assert found.faults
