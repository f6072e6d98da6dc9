"""How long an invited expert can answer: the window, but not so long that somebody who accepts could not come in time."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.core.settings import InvitationSettings, Settings
from app.notify.listener import Heard
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


def test_a_rehearsal_and_a_house_that_sets_no_lead_know_no_such_limit(world: World, tmp_path: Path) -> None:
    rehearsal = Case(world, rehearsal=True, starts_at=world.now() + timedelta(minutes=1)).drawn()
    assert {one.answer_by for one in rehearsal.asked()} == {None}
    assert {one.starts_at for one in rehearsal.asked()} == {rehearsal.row.starts_at}
    folder = tmp_path / "other"
    folder.mkdir()
    settings = Settings(
        data_dir=folder, secret_key=bytes(range(32)).hex(), invitation=InvitationSettings(lead_s=0)
    )
    other = make_world(folder, settings=settings)
    case = Case(other, starts_at=other.now() + timedelta(minutes=10)).drawn()
    assert {(one.answer_by, one.starts_at) for one in case.asked()} == {(None, case.row.starts_at)}
    assert minutes_open(case) == {15}
