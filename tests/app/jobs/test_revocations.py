"""What is open closes when its session ends, also where another process has ended it, or nobody did and its time is over."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, update

from app.accounts import service, sessions, staff
from app.accounts.models import Account, SignIn
from app.accounts.uses import Uses
from app.core import bus
from app.evaluation import binding
from app.jobs.revocations import Revocations
from app.web import sse
from tests.support.accounts import add_account
from tests.support.evaluations import Case
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, experts=0)
    with made.transaction() as session:
        add_account(session, made.now())
    yield made
    made.database.dispose()


def signed_in(world: World, idle: timedelta | None = None) -> str:
    """The id of a new session."""
    with world.transaction() as session:
        account = session.get_one(Account, "li")
        token = sessions.open_for_account(
            session, world.sealer, world.now(), account, timedelta(hours=12), idle=idle
        )
        known = sessions.find(session, world.sealer, world.now(), token)
    assert known is not None
    return known.session_id


def behind_our_back(world: World, **values: object) -> None:
    """As another process would: no news of it reaches this one."""
    with world.transaction() as session:
        session.exec(update(SignIn).values(**values))


def disabled(world: World) -> None:
    with world.transaction() as session:
        session.get_one(Account, "li").active = False


ENDS: dict[str, Callable[[World], None]] = {
    "revoked elsewhere": lambda world: behind_our_back(world, revoked_at=world.now()),
    "disabled elsewhere": disabled,
    "left alone": lambda world: world.clock.advance(1800),
    "its time is over": lambda world: world.clock.advance(12 * 3600),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_stream_ends_with_its_session_however_that_ended(world: World, end: str) -> None:
    session_id = signed_in(world, timedelta(minutes=30))
    revocations = Revocations(world.database, world.clock)

    async def listen() -> list[str]:
        stream = sse.events("evaluations", sessions.topic(session_id))
        lines = [await anext(stream)]
        await revocations.look()
        bus.announce(bus.News("evaluations", "state"))
        lines.append(await anext(stream))
        ENDS[end](world)
        await revocations.look()
        async with asyncio.timeout(5):
            return lines + [line async for line in stream]

    assert len(asyncio.run(listen())) == 2
    assert not bus.listened("session:")


def test_who_used_their_session_here_is_not_left_alone_before_that_is_written_down(world: World) -> None:
    session_id, uses = signed_in(world, timedelta(minutes=30)), Uses()
    here, elsewhere = (Revocations(world.database, world.clock, known) for known in (uses, Uses()))
    world.clock.advance(1799)
    uses.note(session_id, world.now())
    world.clock.advance(1)

    async def told(by: Revocations) -> int:
        async with bus.subscribe(sessions.topic(session_id)) as news:
            await by.look()
            await asyncio.sleep(0)
            return news.qsize()

    assert [asyncio.run(told(by)) for by in (here, elsewhere)] == [0, 1]
    asyncio.run(here.write_down())
    assert [asyncio.run(told(by)) for by in (here, elsewhere)] == [0, 0]
    world.clock.advance(1799)
    assert [asyncio.run(told(by)) for by in (here, elsewhere)] == [1, 1]


def test_in_the_same_process_it_ends_without_anybody_looking(world: World) -> None:
    session_id = signed_in(world)

    async def listen() -> int:
        stream = sse.events("evaluations", sessions.topic(session_id))
        await anext(stream)
        with world.transaction() as session:
            staff.end_session(session, world.now(), account_id="li", session_id=session_id, actor_id="li")
        async with asyncio.timeout(5):
            return len([line async for line in stream])

    assert asyncio.run(listen()) == 0


def test_a_seat_that_was_signed_out_elsewhere_is_news_of_its_evaluation_once(world: World) -> None:
    with world.transaction() as session:
        service.open_seat(
            session,
            world.sealer,
            world.now(),
            world.settings.accounts,
            member_id="m",
            evaluation_id="e",
        )
    revocations = Revocations(world.database, world.clock)

    async def follow() -> list[int]:
        heard = []
        async with bus.subscribe("evaluation:e") as news:
            for _ in range(3):
                await revocations.look()
                await asyncio.sleep(0)
                heard.append(news.qsize())
                behind_our_back(world, revoked_at=world.now())
        return heard

    assert asyncio.run(follow()) == [0, 1, 1]


def test_ended_sessions_are_not_found_by_other_means(world: World) -> None:
    first, second = signed_in(world), signed_in(world)
    with world.transaction() as session:
        assert sessions.alive(session, world.now(), {first, second, "unknown"}) == {first, second}
        assert sessions.end_for_account(session, world.now(), "li", but=second) == 1
        assert sessions.alive(session, world.now(), {first, second}) == {second}
        assert sessions.alive(session, world.now(), set()) == set()
        session.exec(update(SignIn).where(col(SignIn.id) == second).values(revoked_at=world.now()))
        assert not sessions.end_one(session, world.now(), second, "li")


def test_a_seats_session_lasts_until_its_room_is_closed(tmp_path: Path) -> None:
    case = Case(make_world(tmp_path, experts=60, employers=60)).in_session()
    world = case.world
    members = case.members()
    with world.database.reading() as session:
        assert all(sessions.at_seat(session, one.id) for one in members)
    for member in members:
        case.score(member)
    case.act("close")
    with world.transaction() as session:
        binding.seal(session, world.now(), case.id, "0" * 64)
        assert not any(sessions.at_seat(session, one.id) for one in members)
    world.database.dispose()
