"""How long an invited expert can answer: the window, but not so long that somebody who accepts could not come in time."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, update

from app.core.settings import Settings
from app.core.settings_calls import InvitationSettings
from app.notify.listener import Heard
from expert_draw import answers, departures, links
from expert_draw.invitation import InvitationEvent
from expert_draw.models import Invitation
from tests.support.evaluations import Case
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def taken(case: Case) -> None:
    with case.world.transaction() as session:
        for one in case.asked():
            case.world.invitees.taken(session, case.world.now(), one.id)


def minutes_open(case: Case) -> set[float]:
    taken(case)
    return {
        (one.deadline - case.world.now()).total_seconds() / 60
        for one in case.asked()
        if one.deadline is not None
    }


def test_long_before_the_start_the_whole_window_is_open(world: World) -> None:
    case = Case(world).drawn()
    assert {one.answer_by for one in case.asked()} == {case.row.starts_at - timedelta(minutes=30)}
    assert minutes_open(case) == {15}


def test_a_message_that_leaves_late_leaves_less_time_to_answer(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(hours=2)).drawn()
    world.clock.advance(80 * 60)  # the provider takes it forty minutes before the start
    assert minutes_open(case) == {10}


def test_who_is_reached_too_late_has_two_minutes_all_the_same(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(hours=2)).drawn()
    world.clock.advance(100 * 60)
    assert minutes_open(case) == {2}
    one = case.asked()[0]
    world.clock.advance(119)
    assert case.answer(one, accept=True) is Heard.accepted


def test_who_is_invited_shortly_before_the_start_is_told_when_they_can_be_there(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(minutes=20)).drawn()
    assert {one.starts_at for one in case.asked()} == {world.now() + timedelta(minutes=45)}
    assert minutes_open(case) == {15}


def test_in_a_rehearsal_and_a_house_that_sets_no_lead_an_answer_is_of_use_until_the_end(
    world: World, tmp_path: Path
) -> None:
    rehearsal = Case(world, rehearsal=True, starts_at=world.now() + timedelta(minutes=1)).drawn()
    end = timedelta(minutes=rehearsal.row.minutes)
    assert {one.answer_by for one in rehearsal.asked()} == {rehearsal.row.starts_at + end}
    assert {one.starts_at for one in rehearsal.asked()} == {rehearsal.row.starts_at}
    folder = tmp_path / "other"
    folder.mkdir()
    settings = Settings(
        data_dir=folder, secret_key=bytes(range(32)).hex(), invitation=InvitationSettings(lead_s=0)
    )
    other = make_world(folder, settings=settings)
    case = Case(other, starts_at=other.now() + timedelta(minutes=10)).drawn()
    start = case.row.starts_at
    assert {(one.answer_by, one.starts_at) for one in case.asked()} == {(start + end, start)}
    assert minutes_open(case) == {15}


def due(world: World) -> set[str]:
    with world.database.reading() as session:
        return set(answers.due(session, world.now()))


def test_an_invitation_that_no_provider_takes_ends_when_it_is_too_late_to_come(world: World) -> None:
    case = Case(world).drawn()
    first = case.asked()[0]
    assert first.answer_by is not None
    assert [text.expires_at for text in case.texts(first.id)] == [first.answer_by]
    world.clock.advance((first.answer_by - world.now()).total_seconds() - 1)
    assert due(world) == set()
    with world.database.reading() as session:
        assert world.invitees.open_among(session, world.now(), [first.id]) == {first.id}
        assert world.invitees.is_open(session, world.now(), first.id)
        assert links.stage_of(first, world.now()) is links.Stage.open
    world.clock.advance(1)
    assert due(world) == {one.id for one in case.asked()}
    with world.database.reading() as session:
        assert world.invitees.open_among(session, world.now(), [first.id]) == frozenset()
        assert not world.invitees.is_open(session, world.now(), first.id)
        assert links.stage_of(first, world.now()) is links.Stage.lapsed
    with world.transaction() as session:
        assert answers.expire(session, world.now(), world.sealer, first.id)
        assert not answers.expire(session, world.now(), world.sealer, first.id)
    assert case.invitation(first.id).state == "unreachable"
    second = case.asked()[0]
    with world.transaction() as session:
        assert (
            world.invitees.answer(session, world.now(), second.id, accept=True, channel="link")
            is Heard.lapsed
        )
    assert case.invitation(second.id).state == "unreachable"


def test_an_invitation_of_an_earlier_version_without_such_a_time_waits_as_before(world: World) -> None:
    case = Case(world).drawn()
    with world.transaction() as session:
        session.exec(update(Invitation).where(col(Invitation.answer_by).is_not(None)).values(answer_by=None))
    world.clock.advance(23 * 3600 + 50 * 60)
    assert due(world) == set()
    assert case.answer(case.asked()[0], accept=True) is Heard.accepted


def test_who_replaces_somebody_after_the_end_of_a_rehearsal_has_the_whole_window(world: World) -> None:
    case = Case(world, rehearsal=True, starts_at=world.now() + timedelta(minutes=1)).ready()
    world.clock.advance(6 * 3600)
    leaving = case.holder(1)
    with world.transaction() as session:
        row = session.get_one(Invitation, leaving.id)
        departures.depart(session, world.now(), world.sealer, row, InvitationEvent.no_show)
    case.sweep()
    (asked,) = case.asked()
    assert asked.answer_by == world.now() + timedelta(seconds=asked.window_s)
    assert due(world) == set()
    assert case.answer(asked, accept=True) is Heard.accepted
