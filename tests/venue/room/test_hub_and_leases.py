"""Only who holds a room lets seats in; who has lost it records on and sends the pages away."""

import asyncio
import threading
from datetime import datetime, timedelta

import pytest

from app.core.errors import Conflict
from app.core.samples import Source, TrackKey
from tests.support.hubs import Bench
from tests.support.ledgers import noted
from tests.support.rooms import ZERO_AT
from tests.support.seats import play
from venue.room.events import EventKind, SeatEvent
from venue.room.ports import HeldSeat, Noted
from venue.room.protocol import CloseCode


def test_a_room_that_another_worker_holds_is_not_entered_here() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.held.epochs["room-1"] = None
        async with bench.hub.running():
            with pytest.raises(Conflict, match="room-elsewhere"):
                await bench.enter("li")
            assert bench.notebook.begun == {}
            assert bench.hub.seats() == ()

    play(scenario())


def test_a_room_is_recorded_under_the_lease_by_which_it_is_held() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.admit("wang", 2)
        async with bench.hub.running():
            await bench.enter("li")
            assert bench.notebook.begun == {"room-1": 1}
            bench.held.epochs["room-1"] = 3
            await bench.enter("wang")
            assert bench.notebook.begun == {"room-1": 3}
            assert {one.lease for one in bench.notebook.noted if one.seat_no == 2} == {3}

    play(scenario())


def test_whoever_takes_over_a_room_writes_the_rows_that_its_former_holder_could_not() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.held.epochs["room-1"] = 2
        left = SeatEvent("room-1", 4, 70, EventKind.seat_away)
        bench.notebook.noted.append(noted(left, ZERO_AT, lease=1, seq=9))
        async with bench.hub.running():
            await bench.enter("li")
            async with asyncio.timeout(10):
                while "seat-away" not in bench.rows.kinds(4):
                    await asyncio.sleep(0.01)
        rows = [(one.lease, one.seq) for one in bench.rows.written if isinstance(one, Noted)]
        assert (1, 9) in rows

    play(scenario())


def test_pages_of_a_room_that_was_lost_are_sent_away_and_their_media_goes_on() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.admit("wang", 1, "room-2")
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            _, other = await bench.enter("wang")
            await bench.offer(sitting, page)
            bench.hub.move_room("room-1")
            assert (page.closed, other.closed) == (CloseCode.moved, None)
            assert bench.peers[0].closed_for is None
            bench.hub.leave(sitting, page)
            assert bench.peers[0].closed_for is None

    play(scenario())


def test_a_seat_whose_page_cannot_come_back_while_the_room_is_not_held_goes_on_being_recorded() -> None:
    """While the database is away no page gets a new ticket; its media has not ended for that."""

    async def scenario() -> None:
        bench = Bench(grace_s=0.01)
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.peers[0].on_state("connected")
            bench.held.epochs["room-1"] = None
            asked = bench.held.asked
            bench.hub.leave(sitting, page)
            async with asyncio.timeout(10):
                while bench.held.asked < asked + 3:
                    await asyncio.sleep(0.01)
            assert bench.peers[0].closed_for is None
            bench.held.epochs["room-1"] = 1
            async with asyncio.timeout(10):
                while bench.peers[0].closed_for is None:
                    await asyncio.sleep(0.01)
            assert bench.hub.seats() == ()

    play(scenario())


def test_without_media_there_is_nothing_to_keep_a_seat_for() -> None:
    async def scenario() -> None:
        bench = Bench(grace_s=0.01)
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.held.epochs["room-1"] = None
            bench.hub.leave(sitting, page)
            async with asyncio.timeout(10):
                while bench.hub.seats():
                    await asyncio.sleep(0.01)

    play(scenario())


def test_many_who_come_at_once_wait_for_one_another() -> None:
    gate, seats = threading.Event(), 40

    async def scenario() -> None:
        bench = Bench()
        for seat_no in range(1, seats + 1):
            bench.rows.admit(f"member-{seat_no}", seat_no, f"room-{seat_no % 20}")
        redeem, begin = bench.rows.redeem, bench.notebook.begin

        def slow_redeem(ticket: str) -> HeldSeat:
            assert gate.wait(10)
            return redeem(ticket)

        def slow_begin(room_id: str, lease: int, zero_at: datetime) -> None:
            assert gate.wait(10)
            begin(room_id, lease, zero_at)

        bench.rows.redeem, bench.notebook.begin = slow_redeem, slow_begin  # type: ignore[method-assign]
        async with bench.hub.running():
            coming = [asyncio.create_task(bench.enter(f"member-{n}")) for n in range(1, seats + 1)]
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.05, gate.set)
            await asyncio.gather(*coming)
            assert len(bench.hub.seats()) == seats

    play(scenario())


def test_an_event_gets_its_row_only_once_it_is_on_disk() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.notebook.slow_disk = True
        async with bench.hub.running():
            await bench.enter("li")
            await bench.settle()
            assert bench.rows.kinds() == []
            bench.notebook.slow_disk = False
            await bench.settle()
            assert bench.rows.kinds() == ["seat-joined"]

    play(scenario())


def test_every_seat_is_told_as_it_is_now() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li", 3) as (sitting, page):
            bench.on_disk(800, 3)
            bench.clock.advance(2)
            bench.clock._now += timedelta(
                hours=1
            )  # what somebody sets a wall clock to makes nothing younger or older
            sitting.stats = '{"rtt_ms":7}'
            (seat,) = bench.hub.seats()
            assert (seat.room_id, seat.seat_no, seat.connected, seat.stats) == (
                "room-1",
                3,
                True,
                '{"rtt_ms":7}',
            )
            camera = seat.reached[Source.camera]
            assert (camera.room_ms, camera.age_ms) == (800, 1200)
            bench.hub.leave(sitting, page)
            assert [one.connected for one in bench.hub.seats()] == [False]
            assert bench.shelf.durable(TrackKey("room-1", 3, Source.camera)) == 800

    play(scenario())
