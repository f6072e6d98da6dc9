"""Who says in advance that they are away is not drawn for those days."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.audit import service as audit
from app.core.errors import Conflict, InvalidInput, NotFound
from expert_draw import holidays, keeping
from expert_draw.engine.pool import DrawKind
from expert_draw.holidays import MOST, Absence
from expert_draw.invitation import InvitationState
from expert_draw.models import Draw, ExpertLeave, Invitation
from tests.support.links import calling, invitations, reached
from tests.support.world import World, make_world

TODAY = date(2026, 11, 23)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    calling(made)
    return made


def enter(world: World, invitation_id: str, first: date, last: date | None = None) -> None:
    with world.transaction() as session:
        holidays.enter(session, world.now(), world.sealer, invitation_id, first, last or first)


def ahead(world: World, invitation_id: str) -> tuple[Absence, ...]:
    with world.database.reading() as session:
        return holidays.ahead(session, world.now(), world.sealer, invitation_id)


def test_days_are_whole_days_in_china_and_the_last_one_counts(world: World) -> None:
    me = reached(world)
    enter(world, me, date(2026, 12, 1), date(2026, 12, 3))
    with world.database.reading() as session:
        (row,) = session.exec(select(ExpertLeave)).all()
    assert row.from_at.isoformat() == "2026-11-30T16:00:00+00:00"
    assert row.to_at.isoformat() == "2026-12-03T16:00:00+00:00"
    (absence,) = ahead(world, me)
    assert (absence.first, absence.last, absence.begun) == (date(2026, 12, 1), date(2026, 12, 3), False)
    enter(world, me, date(2026, 12, 1), date(2026, 12, 3))
    assert len(ahead(world, me)) == 1


def test_a_day_that_has_begun_stays(world: World) -> None:
    me = reached(world)
    enter(world, me, TODAY)
    (absence,) = ahead(world, me)
    assert absence.begun
    with world.transaction() as session, pytest.raises(NotFound):
        holidays.remove(session, world.now(), world.sealer, me, absence.id)
    world.clock.advance(86_400)
    assert ahead(world, me) == ()


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (TODAY - timedelta(days=1), TODAY),
        (TODAY + timedelta(days=2), TODAY + timedelta(days=1)),
        (TODAY, TODAY + timedelta(days=367)),
        (TODAY + timedelta(days=700), TODAY + timedelta(days=732)),
        (date.min, date.min),
        (date.max, date.max),
    ],
)
def test_days_that_cannot_be_meant_are_refused(world: World, first: date, last: date) -> None:
    with pytest.raises(InvalidInput, match="absence-days"):
        enter(world, reached(world), first, last)


def test_there_is_an_end_to_what_one_person_enters(world: World) -> None:
    me = reached(world)
    for number in range(MOST):
        enter(world, me, date(2027, 1, 1) + timedelta(days=number))
    with pytest.raises(Conflict, match="absence-many"):
        enter(world, me, date(2027, 6, 1))


@pytest.mark.parametrize("changes", [{"starts_at": "evening"}, {}])
def test_an_accepted_evaluation_in_those_days_needs_leave_first(
    world: World, changes: dict[str, str]
) -> None:
    me = reached(world)
    with world.transaction() as session:
        invitation = session.get_one(Invitation, me)
        invitation.state = InvitationState.accepted
        if changes:  # from the evening of the 24th into the 25th
            invitation.starts_at = invitation.starts_at + timedelta(hours=12)
            invitation.minutes = 600
    with pytest.raises(Conflict, match="absence-accepted"):
        enter(world, me, date(2026, 11, 25 if changes else 24))
    enter(world, me, date(2026, 11, 26))


def test_who_is_away_is_in_no_list_of_those_days(world: World) -> None:
    with world.database.reading() as session:
        me = invitations(session)[0]
    enter(world, me.id, date(2026, 12, 24))
    world.clock.advance(1)
    day = world.now() + timedelta(days=31)
    calling(world, starts_at=day, project_number="ZT-2026-002")
    with world.database.reading() as session:
        draw = session.exec(select(Draw).order_by(col(Draw.committed_at).desc())).first()
        assert draw is not None
        left_out = [
            one for one in keeping.read(session, draw).pool(DrawKind.expert).candidates if one.grounds
        ]
        later = [world.person(one) for one in invitations(session) if one.starts_at == day]
    assert [one.grounds for one in left_out] == [("on_leave",)]
    assert later
    assert world.person(me) not in later


def test_the_trail_says_that_and_never_which_days(world: World) -> None:
    me = reached(world)
    enter(world, me, date(2026, 12, 1))
    (absence,) = ahead(world, me)
    with world.transaction() as session:
        holidays.remove(session, world.now(), world.sealer, me, absence.id)
    with world.database.reading() as session:
        trail = [one for one in audit.trail(session, "house") if "absence" in one.tag]
    assert [(one.tag, one.actor) for one in trail] == [
        ("draw:absence:entered", f"invitation:{me}"),
        ("draw:absence:removed", f"invitation:{me}"),
    ]
    assert "2026-12" not in str([(one.data, one.subject) for one in trail])
