"""Several are asked at once for a place, and the earliest in drawn order keeps it, whoever answers first."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.evaluation import committee, conductor, terminal, views
from app.evaluation.disclosing import NOBODY
from app.evaluation.models import Evaluation
from app.notify.listener import Heard
from app.notify.models import OutgoingMessage
from expert_draw import answers, inviting, standby
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, DrawSlot, Invitation
from tests.support.drawing import whole
from tests.support.world import OPERATOR, World, booking, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, experts=60, employers=60)


@pytest.fixture
def evaluation_id(world: World) -> str:
    with world.transaction() as session:
        asked = booking(world, rule_pack="cn_ranked_batch")
        found = conductor.book(session, world.now(), world.house, OPERATOR, asked).id
    for step in ("commit", "run"):
        with world.transaction() as session:
            conductor.perform(session, world.now(), world.house, OPERATOR, found, step, lambda _key: None)
    with world.transaction() as session:
        for one in session.exec(select(Invitation)).all():
            world.invitees.taken(session, world.now(), one.id)
    return found


def asked(world: World, *, holding: bool, seats: range = range(1, 6)) -> Sequence[Invitation]:
    """Who holds a place of these seats, by seat; or who stands by for one of them, in drawn order."""
    with world.database.reading() as session:
        return session.exec(
            select(Invitation)
            .join(DrawSlot)
            .where(
                col(DrawSlot.seat_no).in_(seats),
                col(Invitation.standby).is_(not holding),
                col(Invitation.state).in_(["queued", "contacting", "accepted", "declined"]),
            )
            .order_by(col(Invitation.rank), col(DrawSlot.seat_no), col(Invitation.created_at))
        ).all()


def says(world: World, invitation: Invitation, accept: bool) -> Heard:
    world.clock.advance(1)
    with world.transaction() as session:
        return world.invitees.answer(session, world.now(), invitation.id, accept, "voice")


def moves_on(world: World, evaluation_id: str) -> None:
    """The sweeps, as often as they find something to do."""
    for _ in range(12):
        with world.transaction() as session:
            for due in answers.due(session, world.now()):
                answers.expire(session, world.now(), world.sealer, due)
            if evaluation_id not in committee.waiting_to_move(session, world.now()):
                return
            committee.refill(session, world.now(), world.house, evaluation_id)
    raise AssertionError("it does not come to rest")


def first_holder_declines(world: World, evaluation_id: str) -> None:
    """All who hold a place accept but the first; then the committee is complete all the same."""
    first, *others = asked(world, holding=True)
    for one in others:
        says(world, one, accept=True)
    says(world, first, accept=False)
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "ready"


def state(world: World, evaluation_id: str) -> str:
    with world.database.reading() as session:
        return session.get_one(Evaluation, evaluation_id).state


def texts(world: World, invitation: Invitation) -> list[str]:
    with world.database.reading() as session:
        return list(
            session.exec(
                select(OutgoingMessage.template)
                .where(OutgoingMessage.subject == invitation.id, OutgoingMessage.channel == "sms")
                .order_by(col(OutgoingMessage.created_at))
            ).all()
        )


def test_the_reserves_are_asked_together_with_the_drawn_and_hold_no_place(
    world: World, evaluation_id: str
) -> None:
    assert len(asked(world, holding=True)) == 5
    ready = asked(world, holding=False)
    assert [one.rank for one in ready] == [1, 1, 2, 2], "two behind each of the two lists"
    assert {one.report_place for one in ready} == {standby.ELSEWHERE["zh"]}
    for one in ready:
        assert says(world, one, accept=True) is Heard.accepted
    with world.database.reading() as session:
        evaluation = session.get_one(Evaluation, evaluation_id)
        assert views.card(session, evaluation, NOBODY).confirmed == 0
        view = terminal.view(session, evaluation_id, NOBODY)
        assert (len(view.current), view.earlier, view.standbys) == (5, (), 4)
    assert b'"type":"outcome"' not in whole(world), "the record hears of them when their turn comes"
    assert verify_record(whole(world)).full


def test_whoever_answers_first_gains_nothing(world: World, evaluation_id: str) -> None:
    """The last in order says yes at once, the first one late: the first one sits."""
    first, second = (one for one in asked(world, holding=False, seats=range(1, 4)))
    assert (first.rank, second.rank) == (1, 2)
    says(world, second, accept=True)
    for one in asked(world, holding=True)[1:]:
        says(world, one, accept=True)
    (drawn,) = (one for one in asked(world, holding=True) if one.state == "contacting")
    world.clock.advance(600)
    says(world, first, accept=True)
    says(world, drawn, accept=False)
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "ready"
    with world.database.reading() as session:
        draw = session.exec(select(Draw)).one()
        seated = {one.id for _, one in inviting.accepted(session, draw)}
    assert first.id in seated
    assert second.id not in seated
    assert texts(world, first) == ["assigned_sms"]
    assert texts(world, second) == ["not_required_sms"]
    text = whole(world)
    assert (text.count(b'"method":"reserve"'), verify_record(text).full) == (1, True)


def test_one_who_stood_by_and_said_no_is_passed_over_in_order(world: World, evaluation_id: str) -> None:
    first, second = asked(world, holding=False, seats=range(1, 4))
    says(world, first, accept=False)
    says(world, second, accept=True)
    first_holder_declines(world, evaluation_id)
    text = whole(world)
    assert text.count(b'"method":"reserve"') == 2
    assert text.count(b'"outcome":"declined"') == 2
    assert verify_record(text).full


def test_one_who_stood_by_and_never_answered_holds_the_place_only_until_the_window_ends(
    world: World, evaluation_id: str
) -> None:
    holders = asked(world, holding=True)
    for one in holders[1:]:
        says(world, one, accept=True)
    _, second = asked(world, holding=False, seats=range(1, 4))
    says(world, second, accept=True)
    says(world, holders[0], accept=False)
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "inviting", "the first in order still has time to answer"
    world.clock.advance(900)
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "ready"
    assert texts(world, second) == ["assigned_sms"]
    assert whole(world).count(b'"outcome":"expired"') == 1


def test_one_who_was_told_that_they_are_not_needed_is_asked_anew(world: World, evaluation_id: str) -> None:
    first, _ = asked(world, holding=False, seats=range(1, 4))
    says(world, first, accept=True)
    for one in asked(world, holding=True):
        says(world, one, accept=True)
    moves_on(world, evaluation_id)
    assert texts(world, first) == ["not_required_sms"]
    leaving = asked(world, holding=True)[0]
    with world.transaction() as session:
        row = session.get_one(Invitation, leaving.id)
        row.leave_until = world.now() + timedelta(hours=1)
        session.add(row)
    with world.transaction() as session:
        assert world.invitees.ask_leave(session, world.now(), leaving.id, "link") is Heard.leave
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "inviting"
    with world.database.reading() as session:
        again = session.get_one(Invitation, first.id)
        assert (again.state, again.standby, again.deadline) == ("queued", False, None)
        assert again.report_place != standby.ELSEWHERE["zh"]
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), first.id)
    assert says(world, first, accept=True) is Heard.accepted
    moves_on(world, evaluation_id)
    assert state(world, evaluation_id) == "ready"
    assert verify_record(whole(world)).full


def test_leave_of_somebody_who_stands_by_is_heard_by_the_record_in_their_turn(
    world: World, evaluation_id: str
) -> None:
    first, second = asked(world, holding=False, seats=range(1, 4))
    says(world, first, accept=True)
    with world.transaction() as session:
        row = session.get_one(Invitation, first.id)
        row.leave_until = world.now() + timedelta(hours=1)
        session.add(row)
    with world.transaction() as session:
        assert world.invitees.ask_leave(session, world.now(), first.id, "link") is Heard.leave
    says(world, second, accept=True)
    first_holder_declines(world, evaluation_id)
    text = whole(world)
    assert text.count(b'"outcome":"withdrawn"') == 1
    assert verify_record(text).full


def test_giving_up_tells_those_who_stand_by_too(world: World, evaluation_id: str) -> None:
    first, _ = asked(world, holding=False, seats=range(1, 4))
    says(world, first, accept=True)
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "项目终止招标")
    assert texts(world, first) == ["released_sms"]
