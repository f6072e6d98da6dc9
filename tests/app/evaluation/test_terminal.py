"""What the terminal says of each place: who is asked now stands first, and some things are none of its business."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.evaluation import terminal
from app.evaluation.disclosing import NOBODY
from app.evaluation.shown import TerminalView
from app.notify.models import OutgoingMessage
from app.notify.wording import TemplateId
from expert_draw import inviting
from expert_draw.invitation import InvitationState
from expert_draw.models import Invitation
from tests.support.links import calling, invitations, reached
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def shown(world: World, evaluation_id: str) -> TerminalView:
    with world.database.reading() as session:
        return terminal.view(session, evaluation_id, NOBODY)


def change(world: World, which: int, **changes: object) -> Invitation:
    with world.transaction() as session:
        found = invitations(session)[which]
        for name, value in changes.items():
            setattr(found, name, value)
        session.add(found)
    return found


def test_five_places_wait_for_the_first_call(world: World) -> None:
    view = shown(world, calling(world))
    assert [one.seat_no for one in view.current] == [1, 2, 3, 4, 5]
    assert {tuple(step.channel for step in one.steps) + one.ahead for one in view.current} == {
        ("voice", "sms", "voice")
    }
    assert (view.earlier, view.standbys) == ((), 0)


@pytest.mark.parametrize("left", ["ill", "no_show", "recused", "removed", "struck", "withdrawn"])
def test_whoever_left_has_vacated_the_place_and_nothing_tells_why(world: World, left: str) -> None:
    evaluation_id = calling(world)
    change(world, 0, state=InvitationState(left))
    states = [one.state for one in shown(world, evaluation_id).current]
    assert sorted(states) == ["queued"] * 4 + ["vacated"]


def test_a_text_that_lets_somebody_go_is_no_step_of_the_ladder(world: World) -> None:
    evaluation_id = calling(world)
    first = reached(world)
    with world.transaction() as session:
        inviting.tell_released(session, world.now(), world.sealer, session.get_one(Invitation, first))
    assert {len(one.steps) for one in shown(world, evaluation_id).current} == {1}


def test_a_text_that_somebody_wants_none_of_is_a_step_like_any_other(world: World) -> None:
    evaluation_id = calling(world)
    with world.transaction() as session:
        message = session.exec(select(OutgoingMessage).limit(1)).one()
        message.channel, message.state, message.error_code = "sms", "failed", "21610"
    steps = [step.state for one in shown(world, evaluation_id).current for step in one.steps]
    assert sorted(steps) == ["opted_out"] + ["queued"] * 4


def test_who_answered_is_called_no_more(world: World) -> None:
    evaluation_id = calling(world)
    first = reached(world)
    with world.transaction() as session:
        world.invitees.answer(session, world.now(), first, True, "link")
    answered = [one for one in shown(world, evaluation_id).current if one.state == "accepted"]
    assert [(one.ahead, one.channel) for one in answered] == [((), "link")]


def test_who_only_holds_themselves_ready_is_a_number(world: World) -> None:
    evaluation_id = calling(world)
    for which, state in enumerate(
        (InvitationState.contacting, InvitationState.accepted, InvitationState.declined)
    ):
        change(world, which, standby=True, state=state)
    view = shown(world, evaluation_id)
    assert len(view.current) == 2
    assert view.standbys == 2


def test_the_place_shows_who_is_asked_now_even_if_named_before_the_last_was_drawn(world: World) -> None:
    evaluation_id = calling(world)
    with world.transaction() as session:
        drawn = invitations(session)[0]
        fields = {**drawn.model_dump(), "id": "named", "designated": True, "round": 0}
        drawn.state = InvitationState.declined
        drawn.created_at = drawn.created_at + timedelta(seconds=9)
        session.flush()
        session.add(Invitation(**{**fields, "answer_hash": None}))
    view = shown(world, evaluation_id)
    (named,) = [one for one in view.current if one.designated]
    assert (named.state, named.round) == ("queued", 0)
    assert [(one.seat_no, one.state) for one in view.earlier] == [(named.seat_no, "declined")]


@pytest.mark.parametrize("purpose", ["assigned", "released"])
@pytest.mark.parametrize("state", ["failed", "undelivered", "delivered", "queued"])
def test_a_place_says_that_its_notice_has_not_arrived(world: World, purpose: str, state: str) -> None:
    evaluation_id = calling(world)
    first = reached(world)

    def tell(state: str) -> None:
        with world.transaction() as session:
            holder = session.get_one(Invitation, first)
            inviting.tell(session, world.now(), world.sealer, holder, purpose, TemplateId.released_sms)
            text = session.exec(
                select(OutgoingMessage)
                .where(OutgoingMessage.purpose == purpose)
                .order_by(col(OutgoingMessage.created_at).desc())
            ).first()
            assert text is not None
            text.state = state

    tell(state)
    not_told = [one.seat_no for one in shown(world, evaluation_id).current if one.not_told]
    assert len(not_told) == (state in {"failed", "undelivered"})
    world.clock.advance(1)
    tell("delivered" if not_told else "failed")  # only the latest counts
    assert len([one for one in shown(world, evaluation_id).current if one.not_told]) == 1 - len(not_told)
