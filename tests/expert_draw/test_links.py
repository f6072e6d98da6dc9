"""A link has so much chance in it that nobody guesses it, and the rows know only its hash."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.notify import wording
from app.notify.wording import TemplateId
from expert_draw import links, sealed
from expert_draw.invitation import InvitationState
from expert_draw.links import ALPHABET, LENGTH, Stage, stage_of
from expert_draw.models import Draw, Invitation
from tests.support.links import calling, invitations, reached, texted
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    calling(made)
    return made


def test_a_code_has_more_than_58_bits_of_chance_and_no_sign_people_mistake(world: World) -> None:
    assert len(ALPHABET) ** LENGTH > 2**58
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert not set("01ilo") & set(ALPHABET)
    invitation_id = reached(world)
    codes = {texted(world, invitation_id) for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) == LENGTH and set(code) <= set(ALPHABET) for code in codes)
    words = {"time": "1", "place": "1", "duration": "1", "hotline": "1", "code": codes.pop()}
    wording.check(TemplateId.invitation_sms, words)


def test_the_rows_know_a_code_by_its_hash_alone(world: World) -> None:
    code = texted(world, reached(world))
    with world.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump())
    assert code not in dump
    with world.database.reading() as session:
        assert links.held(session, world.sealer, world.now(), code) is not None
        assert links.held(session, world.sealer, world.now(), code[:-1] + "0") is None


def test_what_an_invitation_is_to_its_person(world: World) -> None:
    now = world.now()
    with world.database.reading() as session:
        invitation: Invitation = invitations(session)[0]
    expected = {
        InvitationState.queued: Stage.open,
        InvitationState.contacting: Stage.open,
        InvitationState.accepted: Stage.accepted,
        InvitationState.declined: Stage.declined,
        InvitationState.expired: Stage.lapsed,
        InvitationState.unreachable: Stage.lapsed,
        InvitationState.withdrawn: Stage.on_leave,
    }
    for state in InvitationState:
        invitation.state = state
        assert stage_of(invitation, now) is expected.get(state, Stage.released)
        assert stage_of(invitation, invitation.starts_at + timedelta(minutes=240)) is Stage.past
    invitation.state, invitation.deadline = InvitationState.contacting, now
    assert stage_of(invitation, now) is Stage.lapsed
    invitation.state, invitation.standby = InvitationState.accepted, True
    assert stage_of(invitation, now) is Stage.standby


def test_a_caller_is_read_the_open_notice_then_what_they_accepted_then_the_latest(world: World) -> None:
    with world.transaction() as session:
        first, second, third = invitations(session)[:3]
        for number, invitation in enumerate((first, second, third)):
            draw = session.get_one(Draw, invitation.draw_id)
            invitation.caller_mark = sealed.caller_mark(sealed.key_of(world.sealer, draw), "one phone")
            invitation.created_at = world.now() + timedelta(minutes=number)
        first.state = InvitationState.contacting
        second.state = InvitationState.accepted
        third.state = InvitationState.expired
        expected = [first.id, second.id, third.id]
        session.flush()
        read = []
        for invitation in (first, second, third):
            read.append(world.invitees.subject_for_caller(session, world.now(), "one phone"))
            invitation.state = InvitationState.declined
            session.flush()
    assert read == expected
