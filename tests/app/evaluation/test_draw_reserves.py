"""Reserves as a rule pack orders them: places are filled without new shares until a list's reserves are used up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from app.evaluation import committee, conductor
from app.rules import library
from expert_draw import stored_lines
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, Invitation
from tests.support.world import OPERATOR, World, booking, make_world


@pytest.fixture
def two_behind_each_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The packs that ship, but with two reserves behind each list."""
    folder = tmp_path / "packs"
    folder.mkdir()
    for path in library.PACKS.glob("*.yaml"):
        text = path.read_text("utf-8")
        changed = text.replace("  reserve_depth:\n    value: 0\n", "  reserve_depth:\n    value: 2\n")
        (folder / path.name).write_text(changed, "utf-8")
    usual = library.load
    monkeypatch.setattr(library, "load", lambda name: usual(name, folder))
    assert library.load("cn_tender").integer("draw.reserve_depth") == 2
    yield
    usual.cache_clear()


def record_of(world: World) -> bytes:
    with world.database.reading() as session:
        return stored_lines.text(session, session.exec(select(Draw)).one(), opened=True)


def invited(world: World) -> list[Invitation]:
    with world.database.reading() as session:
        asked = session.exec(select(Invitation).where(Invitation.state == "queued").order_by(Invitation.id))
        return list(asked.all())


def one_of_the_water_experts_declines(world: World, evaluation_id: str) -> None:
    """Someone of A08, the experts with an odd number, says no; the house then fills the place."""
    asked = next(one for one in invited(world) if world.experts.index(world.person(one)) % 2)
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), asked.id)
        world.invitees.answer(session, world.now(), asked.id, accept=False, channel="voice")
    with world.transaction() as session:
        committee.refill(session, world.now(), world.house, evaluation_id)


@pytest.mark.usefixtures("two_behind_each_list")
def test_two_who_decline_are_followed_by_reserves_and_a_third_by_a_new_round(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with world.transaction() as session:
        booked = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        evaluation_id = booked.id
    for step in ("commit", "run"):
        with world.transaction() as session:
            conductor.perform(
                session, world.now(), world.house, OPERATOR, evaluation_id, step, lambda _key: None
            )
    first = record_of(world)
    shares = first.count(b'"type":"reveal"')
    assert (first.count(b'"type":"call"'), b'"reserve":2' in first.split(b"\n")[0]) == (1, True)

    for filled in (1, 2):
        one_of_the_water_experts_declines(world, evaluation_id)
        text = record_of(world)
        assert text.count(b'"method":"reserve"') == filled
        assert (text.count(b'"type":"call"'), text.count(b'"type":"reveal"')) == (1, shares)
        assert len(invited(world)) == 5
        assert verify_record(text).full

    one_of_the_water_experts_declines(world, evaluation_id)
    text = record_of(world)
    assert text.count(b'"method":"reserve"') == 2
    assert (text.count(b'"type":"call"'), text.count(b'"type":"reveal"')) == (2, 2 * shares)
    assert len(invited(world)) == 5
    assert verify_record(text).full
