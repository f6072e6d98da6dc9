"""Tickets, sessions and roles: what opens a door, how often, until when, and for whom."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts import sessions, tickets
from app.accounts.models import SignIn, Ticket
from app.accounts.permissions import GRANTS, Permission, Role
from app.accounts.tickets import TicketKind
from tests.support.world import World, make_world

HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, experts=0)
    yield made
    made.database.dispose()


def issue(world: World, *, kind: TicketKind = TicketKind.sign_in, reusable: bool = False) -> str:
    with world.transaction() as session:
        return tickets.issue(
            session,
            world.sealer,
            world.now(),
            kind=kind,
            subject="account:1",
            lifetime=HOUR,
            reusable=reusable,
        )


def redeem(world: World, secret: str, kind: TicketKind = TicketKind.sign_in) -> str | None:
    with world.transaction() as session:
        return tickets.redeem(session, world.sealer, world.now(), kind=kind, secret=secret)


def test_a_ticket_opens_once(world: World) -> None:
    secret = issue(world)
    assert redeem(world, secret) == "account:1"
    assert redeem(world, secret) is None


def test_a_reusable_ticket_opens_until_its_time_is_over(world: World) -> None:
    secret = issue(world, reusable=True)
    assert redeem(world, secret) == redeem(world, secret) == "account:1"
    world.clock.advance(HOUR.total_seconds())
    assert redeem(world, secret) is None


def test_a_ticket_is_good_for_its_own_door_only(world: World) -> None:
    secret = issue(world)
    assert redeem(world, secret, TicketKind.websocket) is None
    assert redeem(world, "something else") is None
    assert redeem(world, secret) == "account:1"


def test_withdrawn_tickets_open_nothing(world: World) -> None:
    secret = issue(world)
    with world.transaction() as session:
        tickets.withdraw(session, world.now(), kind=TicketKind.sign_in, subject="account:1")
    assert redeem(world, secret) is None


def test_a_seat_code_is_eight_digits_that_one_can_type(world: World) -> None:
    code = issue(world, kind=TicketKind.seat_code)
    assert len(code) == 8
    assert code.isdecimal()


def test_no_secret_is_stored(world: World) -> None:
    secret = issue(world)
    with world.transaction() as session:
        token = sessions.open_for_member(
            session, world.sealer, world.now(), member_id="m", evaluation_id="e", lifetime=HOUR
        )
    with world.database.reading() as session:
        stored = f"{session.exec(select(Ticket)).all()!r}{session.exec(select(SignIn)).all()!r}"
    assert secret not in stored
    assert token not in stored


def test_a_member_sits_in_one_place_at_a_time(world: World) -> None:
    def sit() -> str:
        with world.transaction() as session:
            return sessions.open_for_member(
                session, world.sealer, world.now(), member_id="m", evaluation_id="e", lifetime=HOUR
            )

    first, second = sit(), sit()
    with world.database.reading() as session:
        assert sessions.find(session, world.sealer, world.now(), first) is None
        known = sessions.find(session, world.sealer, world.now(), second)
    assert known is not None
    assert (known.role, known.member_id, known.evaluation_id) == (Role.expert, "m", "e")


def test_every_role_has_its_grants_and_experts_see_nothing_of_the_house() -> None:
    assert set(GRANTS) == set(Role)
    assert set(GRANTS[Role.expert]) == {Permission.account_self, Permission.seat_sit, Permission.sheet_write}
    for role in (
        Role.administrator,
        Role.grid_officer,
        Role.guest_operator,
        Role.pool_administrator,
        Role.witness,
    ):
        assert Permission.evaluation_read not in GRANTS[role]
    assert Permission.recording_replay not in GRANTS[Role.host_operator]
