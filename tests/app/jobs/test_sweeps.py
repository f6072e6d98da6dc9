"""What is over is forgotten after days, without touching what still counts."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlmodel import col, select

from app.accounts import sessions, tickets
from app.accounts.models import Account, HalfSignIn, SignIn, Ticket, WrongTries
from app.accounts.tickets import TicketKind
from app.core import forgetting, rates
from app.core.database import Database
from app.core.models import RateWindow
from app.jobs.sweeps import Sweeps
from app.jobs.worker import Worker
from app.notify.phone_room import PhoneRoom
from tests.support.accounts import add_account
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, any_database: Database) -> Iterator[World]:
    made = make_world(tmp_path, experts=0, database=any_database)
    with made.transaction() as session:
        add_account(session, made.now())
    yield made
    made.database.dispose()


def sweeps_of(world: World) -> Sweeps:
    nothing = None
    return Sweeps(
        database=world.database,
        clock=world.clock,
        house=world.house,
        phone_room=cast("PhoneRoom", nothing),
        worker=Worker(world.database, world.clock, []),
    )


def something(world: World, name: str) -> None:
    """A ticket, two sessions of which one is ended, one at a seat, a half sign-in, wrong tries and a window, all of an hour at most."""
    now, hour = world.now(), timedelta(hours=1)
    with world.transaction() as session:
        tickets.issue(session, world.sealer, now, kind=TicketKind.websocket, subject=name, lifetime=hour)
        account = session.get_one(Account, "li")
        sessions.open_for_account(session, world.sealer, now, account, hour, how=name)
        sessions.open_for_account(
            session, world.sealer, now, account, timedelta(days=365), how=f"{name}, ended"
        )
        ended = session.exec(select(SignIn).where(col(SignIn.how) == f"{name}, ended")).one()
        ended.revoked_at = now
        sessions.open_for_member(session, world.sealer, now, member_id=name, evaluation_id="e", lifetime=hour)
        session.exec(select(SignIn).where(SignIn.member_id == name)).one().how = f"{name}, at a seat"
        session.add(HalfSignIn(token_hash=name, id=name, account_id="li", how=name, expires_at=now + hour))
        session.add(WrongTries(account_id="li", source=name, wrong=1, last_at=now))
        rates.count(session, now, name, 60)


def kept(world: World) -> list[str]:
    with world.database.reading() as session:
        return sorted(
            name
            for column in (Ticket.subject, SignIn.how, HalfSignIn.how, WrongTries.source, RateWindow.key)
            for name in session.exec(select(column)).all()
        )


def test_what_has_been_over_for_a_week_is_forgotten_however_much_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 1)
    for name in ("first", "second"):
        something(world, name)
    world.clock.advance(2 * 3600)
    something(world, "later")
    everything = kept(world)
    world.clock.advance(7 * 86400 - 3599)
    asyncio.run(sweeps_of(world).forget())
    assert len(everything) == 21
    assert kept(world) == [name for name in everything if name.startswith("later")]
    world.clock.advance(86400)
    asyncio.run(sweeps_of(world).forget())
    assert kept(world) in (["later"], ["later, ended"]), "when the account was used last is still known"


def test_a_package_is_cleared_away_when_its_time_is_over(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=0)
    exports = world.settings.exports_dir
    exports.mkdir(parents=True, exist_ok=True)
    over = world.now() - timedelta(hours=world.settings.recording.package_hours, seconds=1)
    for name, at in (
        ("over.zip", over),
        ("over.zip.part", over),
        ("new.zip", world.now()),
        ("list.csv", over),
    ):
        (exports / name).write_bytes(b"")
        os.utime(exports / name, (at.timestamp(), at.timestamp()))
    asyncio.run(sweeps_of(world).forget())
    assert sorted(one.name for one in exports.iterdir()) == ["list.csv", "new.zip"]
    world.database.dispose()
