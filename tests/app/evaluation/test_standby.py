"""The turn of those who stand by: whichever round asked them, on the terms of now, and never twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session, col, select, update

from app.core.database import Database
from app.evaluation import cases, committee, places
from app.notify.listener import Heard
from app.notify.wording import TemplateId
from expert_draw import answers, departures, inviting, keeping, standby
from expert_draw.invitation import InvitationEvent
from expert_draw.inviting import Placed, Terms
from expert_draw.models import Draw, DrawSlot, Invitation
from tests.support.databases import until_somebody_waits
from tests.support.evaluations import Case
from tests.support.world import World, make_world

TOGETHER = "cn_ranked_batch"
TERMS = Terms(900, 25, 60, 120, "0870-1", 1800, 3600, None, "zh")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, experts=60, employers=60)


@pytest.fixture
def few(tmp_path: Path) -> World:
    """Five experts of A08, three of whom are drawn and two stand by; of A06 there are enough for some rounds."""
    world = make_world(tmp_path, experts=0)
    with world.transaction() as session:
        for number in range(17):
            specialty, city = ("A080104" if number < 5 else "A060101"), ("5306", "5301", "5303")[number % 3]
            world.add_expert(session, specialty=specialty, employer=number, city=city)
    return world


def holding(case: Case, *states: str) -> list[Invitation]:
    return [one for one in case.invitations(*states) if not one.standby]


def standing_by(case: Case, seats: range, *states: str) -> list[Invitation]:
    """In drawn order."""
    with case.world.database.reading() as session:
        slots = {slot.id: slot.seat_no for slot in session.exec(select(DrawSlot)).all()}
    found = [one for one in case.invitations(*states) if one.standby and slots[one.slot_id] in seats]
    return sorted(found, key=lambda one: one.rank)


def seat(case: Case, invitation: Invitation) -> int:
    with case.world.database.reading() as session:
        return session.get_one(DrawSlot, invitation.slot_id).seat_no


def leaves(case: Case, invitation: Invitation, event: InvitationEvent) -> None:
    world = case.world
    with world.transaction() as session:
        row = session.get_one(Invitation, invitation.id)
        assert departures.depart(session, world.now(), world.sealer, row, event)


def words(case: Case, invitation: Invitation) -> list[str]:
    """What was queued for this person, by kind."""
    return sorted(one.template for one in case.texts(invitation.id))


def test_who_stood_by_in_an_earlier_round_is_not_asked_again_and_their_answer_counts(few: World) -> None:
    case = Case(few, rule_pack=TOGETHER).drawn()
    no, yes = standing_by(case, range(1, 4))
    assert case.answer(no, accept=False) is Heard.declined
    assert case.answer(yes, accept=True) is Heard.accepted
    for _ in range(20):  # those of A06 say no until chance is asked again for that list alone
        waiting = [one for one in case.asked() if seat(case, one) > 3]
        if case.draw.rounds > 1:
            break
        for one in waiting:
            case.answer(one, accept=False)
        case.sweep()
    assert case.draw.rounds == 2
    for one in [*holding(case, "queued", "contacting")]:
        assert case.answer(one, accept=True) is Heard.accepted
    case.sweep()
    assert case.state == "ready"
    assert words(case, yes) == ["invitation_voice", "not_required_sms"]
    calls = len(case.texts(no.id))
    leaves(case, case.holder(1), InvitationEvent.no_show)
    for _ in range(3):
        case.sweep()
    assert case.draw.rounds == 3
    rows = [
        one
        for one in case.invitations()
        if case.world.person(one) in {case.world.person(no), case.world.person(yes)}
    ]
    assert {one.id for one in rows} == {no.id, yes.id}, "no second invitation of either"
    now = case.invitation(yes.id)
    assert (now.state, now.standby, now.round, now.code) == ("queued", False, 3, yes.code)
    assert len(case.texts(no.id)) == calls
    assert case.answer(now, accept=True) is Heard.accepted
    case.sweep()
    assert case.state == "ready"
    assert words(case, yes).count("not_required_sms") == 1
    refused = case.invitation(no.id)
    assert refused.state == "declined"
    case.verified()


def test_who_holds_themselves_ready_since_an_earlier_round_takes_the_place_without_another_call(
    few: World,
) -> None:
    case = Case(few, rule_pack=TOGETHER).drawn()
    no, yes = standing_by(case, range(1, 4))
    case.answer(no, accept=False)
    case.answer(yes, accept=True)
    drawn = [one for one in holding(case) if seat(case, one) <= 3]
    for one in drawn:
        case.answer(one, accept=True)
    for _ in range(20):
        if case.draw.rounds > 1:
            break
        for one in [one for one in case.asked() if seat(case, one) > 3]:
            case.answer(one, accept=False)
        case.sweep()
    assert case.draw.rounds == 2
    leaves(case, drawn[0], InvitationEvent.strike)
    for _ in range(6):
        case.sweep()
    assert case.draw.rounds == 3
    now = case.invitation(yes.id)
    assert (now.state, now.standby, now.round) == ("accepted", False, 3)
    assert words(case, yes) == ["assigned_sms", "invitation_voice"]
    for one in holding(case, "queued", "contacting"):
        case.answer(one, accept=True)
    case.sweep()
    assert case.state == "ready"
    assert words(case, yes) == ["assigned_sms", "invitation_voice"], "who holds a place is not sent home"
    case.verified()


def test_the_turn_comes_on_the_terms_of_then(world: World) -> None:
    case = Case(world, rule_pack=TOGETHER, starts_at=world.now() + timedelta(minutes=40)).drawn()
    first, _ = standing_by(case, range(1, 4))
    assert first.starts_at == world.now() + timedelta(minutes=45)
    case.answer(first, accept=True)
    world.clock.advance(600)
    gone = next(one for one in holding(case) if seat(case, one) == 1)
    case.answer(gone, accept=False)
    case.sweep()
    now = case.invitation(first.id)
    assert (now.slot_id, now.standby, now.state) == (gone.slot_id, False, "accepted")
    start = world.now() + timedelta(minutes=45)
    assert now.starts_at == start
    assert now.answer_by == start - timedelta(minutes=30)
    assert now.leave_until is not None
    assert first.leave_until is not None
    assert now.leave_until - first.leave_until == timedelta(minutes=10)
    assert now.quiet_before is not None
    assert first.quiet_before is not None
    assert now.quiet_before - first.quiet_before == timedelta(minutes=10)


@pytest.mark.parametrize("end", ["accepted", "declined", "expired"])
def test_who_once_stood_by_and_is_designated_is_designated(world: World, end: str) -> None:
    case = Case(world, rule_pack=TOGETHER).drawn()
    first, _ = standing_by(case, range(1, 4))
    for one in holding(case):
        case.answer(one, accept=True)
    case.sweep()
    assert (case.state, case.invitation(first.id).state) == ("ready", "cancelled")
    gone = case.holder(1)
    leaves(case, gone, InvitationEvent.no_show)
    before = case.record()
    with world.transaction() as session:
        slot = session.get_one(DrawSlot, gone.slot_id)
        named = Placed(slot, world.person(first), "", gone.center_id, gone.seat_id, designated=True)
        evaluation, draw = cases.load(session, case.id), session.get_one(Draw, case.draw.id)
        places.take(session, world.now(), world.house, evaluation, draw, [named])
    (asked,) = holding(case, "queued")
    assert (asked.designated, asked.code, asked.round, asked.slot_id) == (True, "", 0, gone.slot_id)
    assert case.invitation(first.id).standby
    if end == "expired":
        with world.transaction() as session:
            world.invitees.taken(session, world.now(), asked.id)
        world.clock.advance(3600)
        with world.transaction() as session:
            assert answers.expire(session, world.now(), world.sealer, asked.id)
    else:
        case.answer(asked, accept=end == "accepted")
    assert case.invitation(asked.id).state == end
    assert case.record() == before, "the record hears nothing of who was not drawn"


def behind_its_back(session: Session, invitation: Invitation, **values: object) -> None:
    """Somebody else changes the row after this session has read it."""
    change = update(Invitation).where(col(Invitation.id) == invitation.id).values(**values)
    session.connection().execute(change)


def test_whoever_is_reached_while_everybody_is_let_go_is_told(world: World) -> None:
    case = Case(world, rule_pack=TOGETHER).drawn()
    held, waits = holding(case)[0], standing_by(case, range(1, 4))[0]
    deadline = world.now() + timedelta(minutes=15)
    with world.transaction() as session:
        draw = session.get_one(Draw, case.draw.id)
        read = session.get_one(Invitation, waits.id)
        behind_its_back(session, read, state="contacting", deadline=deadline)
        assert standby.dismiss(session, world.now(), world.sealer, draw) == 4
        read = session.get_one(Invitation, held.id)
        behind_its_back(session, read, state="contacting", deadline=deadline)
        inviting.release_all(session, world.now(), world.sealer, draw)
    assert words(case, waits) == ["invitation_voice", "not_required_sms"]
    assert words(case, held) == ["invitation_voice", "released_sms"]
    assert {one.state for one in case.invitations()} == {"cancelled"}


def test_whose_turn_has_come_meanwhile_is_not_dismissed(world: World) -> None:
    case = Case(world, rule_pack=TOGETHER).drawn()
    waits = standing_by(case, range(1, 4))[0]
    with world.transaction() as session:
        read = session.get_one(Invitation, waits.id)
        behind_its_back(session, read, state="declined")
        text, sealer = TemplateId.not_required_sms, world.sealer
        assert not inviting.take_back(session, world.now(), sealer, read, standby.NOT_REQUIRED, text)
        assert (read.state, words(case, waits)) == ("declined", ["invitation_voice"])


def test_a_place_goes_to_nobody_by_their_standing_by_who_does_not_stand_by_any_more(world: World) -> None:
    case = Case(world, rule_pack=TOGETHER).drawn()
    waits = standing_by(case, range(1, 4))[0]
    gone = next(one for one in holding(case) if seat(case, one) == 1)
    with world.transaction() as session:
        draw, slot = session.get_one(Draw, case.draw.id), session.get_one(DrawSlot, gone.slot_id)
        read = session.get_one(Invitation, waits.id)
        place = Placed(slot, world.person(waits), waits.code, gone.center_id, gone.seat_id)
        changes = event.listens_for(session, "do_orm_execute")

        @changes
        def overtaken(state: ORMExecuteState) -> None:
            if state.is_update and read.standby:
                behind_its_back(session, read, standby=False, state="cancelled")

        ground = committee.ground(world.now(), world.house)
        taken = standby.promote(
            session,
            ground,
            draw,
            place,
            report_place="x",
            starts_at=gone.starts_at,
            minutes=240,
            terms=TERMS,
        )
        assert not taken


def test_nobody_is_called_anew_but_who_was_taken_back(world: World) -> None:
    case = Case(world, rule_pack=TOGETHER).drawn()
    waits = standing_by(case, range(1, 4))[0]
    with world.transaction() as session:
        read = session.get_one(Invitation, waits.id)
        assert not inviting.ask_again(session, world.now(), world.sealer, read)
        behind_its_back(session, read, state="cancelled")
        assert inviting.ask_again(session, world.now(), world.sealer, read)
        assert not inviting.ask_again(session, world.now(), world.sealer, read), "nor twice"
    assert words(case, waits) == ["invitation_voice"] * 2


def test_a_message_is_taken_in_turn_with_whoever_takes_the_invitation_back(
    tmp_path: Path, pg_database: Database
) -> None:
    world = make_world(tmp_path, experts=60, employers=60, database=pg_database)
    case = Case(world, rule_pack=TOGETHER).drawn()
    held = holding(case)[0]

    def taken() -> None:
        with world.transaction() as session:
            world.invitees.taken(session, world.now(), held.id)

    with ThreadPoolExecutor(1) as other:
        with world.transaction() as session:
            keeping.hold(session, session.get_one(Invitation, held.id))
            waiting = other.submit(taken)
            until_somebody_waits(world.database)
            inviting.release_all(session, world.now(), world.sealer, session.get_one(Draw, case.draw.id))
        waiting.result()
    assert case.invitation(held.id).state == "cancelled"
    assert words(case, held) == ["invitation_voice"]
