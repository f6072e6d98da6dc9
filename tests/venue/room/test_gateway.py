"""The room through real sockets: a service in a thread, members as the protocol's own client, and some who misbehave."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, WebSocketDisconnect
from fastapi.testclient import TestClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from app.accounts import sessions, tickets
from app.accounts.access import unguarded_routes
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.core.samples import Source, TrackKey
from app.core.settings import Settings
from tests.support.accounts import add_account
from tests.support.rooms import House, Service, serving
from tests.support.seats import play
from venue.media.pretend import PretendSeat
from venue.room import gateway
from venue.room.client import RoomRefused, SeatClient
from venue.room.protocol import (
    LONGEST_FRAME,
    CloseCode,
    Closed,
    ClosedReason,
    Devices,
    DeviceState,
    Error,
    Focus,
    Hello,
    Media,
    Notice,
    NoticeCode,
    Ping,
    Pong,
    Recording,
    Replaced,
    ScreenState,
    State,
    Welcome,
    encode,
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.admit("li", 1)
    house.admit("wang", 2)
    return house


@pytest.fixture
def service(house: House) -> Iterator[Service]:
    with serving(house.application()) as service:
        yield service


def join(house: House, service: Service, member_id: str = "li", page: str | None = None) -> SeatClient:
    return SeatClient(service.url, house.register.issue_ticket(member_id), page=page)


def raw(service: Service, origin: str | None = None) -> connect:
    return connect(f"ws://localhost:{service.port}/ws/room", origin=Origin(origin or service.url), proxy=None)


async def answer_of(socket: ClientConnection) -> tuple[dict[str, object], int | None]:
    """The first message, and how the connection ended after it."""
    told = json.loads(await socket.recv())
    await socket.wait_closed()
    return told, socket.close_code


def test_a_member_joins_and_their_media_arrives_encoded(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            assert (seat.welcome.seat_no, seat.welcome.code_name, seat.welcome.media) == (1, "A", "needed")
            await seat.join_media(PretendSeat(1))
            await seat.wait_for(Media, lambda message: message.state == "connected")
            recording = await seat.wait_for(Recording, lambda message: not message.stale)
            assert recording.camera_ms is not None
            assert recording.microphone_ms is not None

    play(scenario())
    assert house.shelf.count(1, Source.camera) > 0
    house.committee.wait_for(lambda: house.committee.sat == ["li"])


def test_the_ticket_comes_from_the_members_own_session(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with SeatClient(service.url, service.ticket(house.cookie("wang"))) as seat:
            assert seat.welcome.seat_no == 2

    play(scenario())


def test_without_a_session_there_is_no_ticket(house: House, service: Service) -> None:
    assert httpx2.post(f"{service.url}/api/seat/ticket").status_code == 401


def test_staff_get_no_ticket_into_a_seat(house: House, service: Service) -> None:
    with house.database.transaction() as session:
        account = add_account(session, house.clock.now(), "staff", Role.host_operator)
        token = sessions.open_for_account(
            session, house.sealer, house.clock.now(), account, timedelta(hours=1)
        )
    answer = httpx2.post(
        f"{service.url}/api/seat/ticket", cookies={sessions.cookie_name(secure=False): token}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "role-may-not")


def test_every_route_of_the_room_is_guarded(house: House) -> None:
    ours = [path for path in unguarded_routes(house.application()) if "seat" in path or "room" in path]
    assert ours == []


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "file://", "https://"]
)
def test_a_page_of_another_site_is_turned_away_before_it_can_speak(
    house: House, service: Service, origin: str
) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with raw(service, origin):
                pass
        assert refused.value.response.status_code == 403

    play(scenario())


def test_who_does_not_say_where_they_come_from_is_turned_away(house: House, service: Service) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidStatus):
            async with connect(f"ws://localhost:{service.port}/ws/room", proxy=None):
                pass

    play(scenario())


def test_a_service_whose_workers_hold_the_rooms_turns_seats_away(tmp_path: Path) -> None:
    application = FastAPI()
    application.include_router(gateway.router)
    application.state.settings = Settings(data_dir=tmp_path)
    with (
        pytest.raises(WebSocketDisconnect),  # how this client says that it was not let in
        TestClient(application).websocket_connect("/ws/room", headers={"Origin": "http://testserver"}),
    ):
        pass


def test_pages_at_the_public_address_are_our_own(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.settings.server.public_url = "https://pingbiao.example"
    house.admit("li")
    with serving(house.application()) as service:

        async def scenario() -> None:
            ticket = house.register.issue_ticket("li")
            async with SeatClient(service.url, ticket, origin="https://pingbiao.example") as seat:
                assert seat.welcome.seat_no == 1

        play(scenario())


def test_a_used_ticket_opens_nothing(house: House, service: Service) -> None:
    async def scenario() -> None:
        ticket = house.register.issue_ticket("li")
        async with SeatClient(service.url, ticket) as first:
            second = SeatClient(service.url, ticket)
            with pytest.raises(RoomRefused) as refused:
                await second.__aenter__()
            assert refused.value.code == "ticket-refused"
            assert second.close_code == CloseCode.ticket_refused
            await first.send(Ping(t=1))
            await first.wait_for(Pong)

    play(scenario())


def test_an_expired_ticket_opens_nothing(house: House, service: Service) -> None:
    async def scenario() -> None:
        with house.database.transaction() as session:
            ticket = tickets.issue(
                session,
                house.sealer,
                house.clock.now() - timedelta(minutes=1),
                kind=TicketKind.websocket,
                subject="member:li",
                lifetime=timedelta(seconds=30),
            )
        with pytest.raises(RoomRefused, match="ticket-refused"):
            async with SeatClient(service.url, ticket):
                pass

    play(scenario())


def test_a_ticket_of_another_kind_opens_nothing(house: House, service: Service) -> None:
    async def scenario() -> None:
        with house.database.transaction() as session:
            code = tickets.issue(
                session,
                house.sealer,
                house.clock.now(),
                kind=TicketKind.seat_code,
                subject="member:li",
                lifetime=timedelta(hours=1),
            )
        with pytest.raises(RoomRefused, match="ticket-refused"):
            async with SeatClient(service.url, code):
                pass

    play(scenario())


def test_a_member_dismissed_after_the_ticket_is_not_let_in(house: House, service: Service) -> None:
    async def scenario() -> None:
        seat = join(house, service)
        house.committee.change("li", admitted=False)
        with pytest.raises(RoomRefused, match="seat-not-admitted"):
            await seat.__aenter__()
        assert seat.close_code == CloseCode.not_admitted

    play(scenario())


def test_a_closed_room_lets_nobody_in(house: House, service: Service) -> None:
    async def scenario() -> None:
        seat = join(house, service)
        house.close_room_row()
        with pytest.raises(RoomRefused, match="room-closed"):
            await seat.__aenter__()
        assert seat.close_code == CloseCode.room_closed

    play(scenario())


def test_the_first_page_is_told_that_a_second_has_taken_the_seat(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as first, join(house, service) as second:
            await first.wait_for(Replaced)
            assert await first.wait_closed() == CloseCode.replaced
            await second.wait_for(Notice, lambda message: message.code == NoticeCode.earlier_page_replaced)
            await second.send(Ping(t=5))
            await second.wait_for(Pong, lambda message: message.t == 5)

    play(scenario())
    service.stop()
    assert (1, "seat-replaced") in house.events()


def test_members_of_one_room_hear_nothing_of_each_other(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service, "li") as li:
            async with join(house, service, "wang") as wang:
                await wang.join_media(PretendSeat(2))
                await wang.wait_for(Recording, lambda message: not message.stale)
            await li.send(Ping(t=1))
            await li.wait_for(Pong)
            assert {message.type for message in li.received} == {"welcome", "recording", "pong"}
            assert all(message.stale for message in li.received if isinstance(message, Recording))

    play(scenario())


def test_the_evaluations_state_is_pushed(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            house.change("li", evaluation_state="in_session")
            assert (await seat.wait_for(State)).evaluation == "in_session"

    play(scenario())


def test_closing_the_room_ends_the_connection(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            await seat.join_media(PretendSeat(1))
            await seat.wait_for(Recording, lambda message: not message.stale)
            assert service.hub._loop is not None
            closing = asyncio.run_coroutine_threadsafe(service.hub.close_room("room-1"), service.hub._loop)
            await asyncio.wrap_future(closing)
            assert (await seat.wait_for(Closed)).reason == ClosedReason.room_closed
            assert await seat.wait_closed() == CloseCode.room_closed
            with pytest.raises(RoomRefused, match="connection-lost"):
                await seat.send(Ping(t=1))

    play(scenario())
    assert dict(house.shelf.closed) == {
        TrackKey("room-1", 1, source): "room-closed" for source in (Source.camera, Source.microphone)
    }


def test_a_stopped_service_ends_the_connection_and_a_new_one_takes_the_page_back(house: House) -> None:
    async def scenario() -> None:
        with serving(house.application()) as service:
            seat = await join(house, service, page="page-one").__aenter__()
        assert await seat.wait_closed() == CloseCode.service_restart
        await seat.close()
        with serving(house.application(), service.port) as again:
            async with join(house, again, page="page-one") as returned:
                assert returned.welcome.media == "needed"
                assert returned.welcome.room_ms >= seat.welcome.room_ms

    play(scenario())


# ── who misbehaves ──


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"hello"', '{"type":"fly"}', '{"type":"ping","t":"x"}', "\u0000"]
)
def test_a_bad_message_is_refused_in_words_and_the_connection_lives(
    house: House, service: Service, text: str
) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            await seat.send_text(text)
            error = await seat.wait_for(Error)
            assert error.code == "message-malformed"
            assert error.message.startswith("工位发来的消息不符合约定")
            seat.forget()
            await seat.send(Ping(t=3))
            await seat.wait_for(Pong, lambda message: message.t == 3)

    play(scenario())


def test_refusals_come_in_the_readers_language(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with SeatClient(service.url, house.register.issue_ticket("li"), lang="en") as seat:
            await seat.send_text("?")
            error = await seat.wait_for(Error)
            assert error.message.startswith("The seat sent a message")
            assert error.remedy.startswith("Reload the page")

    play(scenario())


def test_the_tenth_bad_message_ends_the_connection(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            for _ in range(10):
                await seat.send_text("?")
            assert await seat.wait_closed() == CloseCode.bad_messages
            assert sum(isinstance(message, Error) for message in seat.received) == 10

    play(scenario())


def test_a_binary_frame_is_refused(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with raw(service) as socket:
            await socket.send(b"\x00\x01")
            told, code = await answer_of(socket)
            assert (told["code"], code) == ("message-malformed", CloseCode.bad_messages)

    play(scenario())


def test_a_flood_ends_the_connection(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            with contextlib.suppress(RoomRefused):  # closed while we still send
                for number in range(500):
                    await seat.send(Ping(t=number))
            assert await seat.wait_closed() == CloseCode.flooding

    play(scenario())


@pytest.mark.parametrize("length", [LONGEST_FRAME + 1, LONGEST_FRAME * 4])
def test_an_oversize_message_ends_the_connection(house: House, service: Service, length: int) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            await seat.send_text("x" * length)
            assert await seat.wait_closed() == CloseCode.too_long

    play(scenario())


@pytest.mark.parametrize(
    ("text", "code", "close"),
    [
        (encode(Ping(t=1)), "hello-first", CloseCode.bad_messages),
        ("?", "message-malformed", CloseCode.bad_messages),
        (
            encode(Hello(v=1, ticket="x", page="page-one", lang="zh")),
            "protocol-version",
            CloseCode.bad_messages,
        ),
        (
            encode(Hello(v=2, ticket="x", page="page-one", lang="zh")),
            "ticket-refused",
            CloseCode.ticket_refused,
        ),
    ],
)
def test_who_does_not_say_a_proper_hello_is_sent_away(
    house: House, service: Service, text: str, code: str, close: CloseCode
) -> None:
    async def scenario() -> None:
        async with raw(service) as socket:
            await socket.send(text)
            told, ended = await answer_of(socket)
            assert (told["type"], told["code"], ended) == ("error", code, close)

    play(scenario())


def test_who_says_nothing_is_sent_away(
    house: House, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "HELLO_WITHIN_S", 0.05)

    async def scenario() -> None:
        async with raw(service) as socket:
            told, ended = await answer_of(socket)
            assert (told["code"], ended) == ("hello-first", CloseCode.bad_messages)
        assert service.hub.lobby == set()

    play(scenario())


def test_a_crowd_that_says_nothing_does_not_fill_the_house(
    house: House, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MOST_WAITING", 0)

    async def scenario() -> None:
        async with raw(service) as socket:
            told, ended = await answer_of(socket)
            assert (told["code"], ended) == ("service-busy", CloseCode.try_again_later)

    play(scenario())


def test_who_goes_before_saying_hello_leaves_nothing_behind(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with raw(service):
            pass
        async with join(house, service) as seat:
            await seat.send(Ping(t=1))
            await seat.wait_for(Pong)

    play(scenario())
    service.stop()
    assert [kind for _, kind in house.events()] == ["seat-joined", "seat-away"]


def test_a_bad_offer_is_told_and_a_good_one_follows(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            await seat.send_text('{"type":"offer","n":1,"sdp":"v=0","screen_mid":null}')
            assert (await seat.wait_for(Error)).code == "media-lines"
            seat.forget()
            await seat.join_media(PretendSeat(1))
            await seat.wait_for(Media, lambda message: message.state == "connected")

    play(scenario())


def test_what_a_seat_says_of_its_devices_is_written_down(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service) as seat:
            await seat.send(
                Devices(camera=DeviceState.denied, microphone=DeviceState.live, screen=ScreenState.not_asked)
            )
            await seat.send(Focus(visible=False))
            await seat.send(Ping(t=1))
            await seat.wait_for(Pong)

    play(scenario())
    service.stop()
    kinds = [kind for _, kind in house.events()]
    assert kinds == ["seat-joined", "camera-denied", "microphone-live", "page-hidden", "seat-away"]


def test_a_page_that_reads_nothing_is_let_go() -> None:
    class Deaf:
        """A socket that takes the first message and then never returns."""

        def __init__(self) -> None:
            self.closed: list[int] = []

        async def send_text(self, text: str) -> None:
            await asyncio.Event().wait()

        async def close(self, code: int) -> None:
            self.closed.append(code)

    async def scenario() -> None:
        deaf = Deaf()
        connection = gateway.SocketConnection(deaf, "zh")  # type: ignore[arg-type]
        writer = connection.start()
        await asyncio.sleep(0)
        for _ in range(200):
            connection.send(State(evaluation="in_session"))
        assert connection._outbox.qsize() == 1, "only the closing waits"
        connection.send(State(evaluation="closed"))
        assert connection._outbox.qsize() == 1
        writer.cancel()

    play(scenario())


def test_the_client_says_what_ended_it(house: House, service: Service) -> None:
    async def scenario() -> None:
        async with join(house, service, page="page-one") as first, join(house, service, page="page-two"):
            await first.wait_closed()
            with pytest.raises(RoomRefused, match="replaced"):
                await first.wait_for(State)
            async with join(house, service, page="page-three") as last:
                assert isinstance(await last.wait_for(Welcome), Welcome)
                with pytest.raises(TimeoutError):
                    await last.wait_for(State, timeout_s=0.05)

    play(scenario())
