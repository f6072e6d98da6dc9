"""Rooms for tests: members with seats, a service in a thread that holds only the room, and seats that join it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session, SQLModel, select

from app.accounts import sessions
from app.accounts.uses import Uses
from app.audit import models as _audit  # noqa: F401 -- its tables
from app.core import bus
from app.core.clock import Clock, SystemClock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.samples import ClockNote, Codec, EncodedSample, Source, TrackKey
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.rehearsal.terminals import SoftwareTerminal
from tests.support.leases import HOUR_MS, start_workers
from tests.support.ledgers import Held, Notebook
from tests.support.terminals import enroll
from venue.models import Center, OnlineRoom, Room, RoomEvent, Seat
from venue.placement import leases
from venue.proofs import Purpose
from venue.room import endpoints, gateway
from venue.room.hub import RoomHub
from venue.room.ports import Entry, PeerFactory, SeatHolder
from venue.room.protocol import LONGEST_FRAME
from venue.room.register import DatabaseRegister

ZERO_AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def holder(member_id: str, seat_no: int = 1, room_id: str = "room-1") -> SeatHolder:
    return SeatHolder(
        member_id=member_id,
        evaluation_id=f"evaluation-of-{room_id}",
        room_id=room_id,
        seat_no=seat_no,
        code_name=chr(ord("A") + seat_no - 1),
        zero_at=ZERO_AT,
        evaluation_state="convened",
        admitted=True,
    )


class Committee:
    """Says who may sit, as a test wants it, and remembers who sat and left."""

    def __init__(self) -> None:
        self.holders: dict[str, SeatHolder] = {}
        self.sat: list[str] = []
        self.gone: list[str] = []
        self.contests: list[str] = []
        self.news = threading.Condition()

    def change(self, member_id: str, **changes: Any) -> None:
        self.holders[member_id] = replace(self.holders[member_id], **changes)

    def holder(self, session: Session, member_id: str) -> SeatHolder | None:
        return self.holders.get(member_id)

    def seated(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        with self.news:
            self.sat.append(holder.member_id)
            self.news.notify_all()

    def left(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        with self.news:
            self.gone.append(holder.member_id)
            self.news.notify_all()

    def contested(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        with self.news:
            self.contests.append(holder.member_id)
            self.news.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        with self.news:
            assert self.news.wait_for(condition, timeout_s), "nobody came or left in time"


class Shelf:
    """A sink factory that remembers all samples of every track; `durable` says what it has."""

    def __init__(self) -> None:
        self.samples: dict[TrackKey, list[EncodedSample]] = {}
        self.closed: list[tuple[TrackKey, str]] = []
        self.news = threading.Condition()

    def __call__(self, key: TrackKey, codec: Codec) -> "_ShelfSink":
        return _ShelfSink(self, key)

    def durable(self, key: TrackKey, /) -> int | None:
        samples = self.samples.get(key)
        return samples[-1].room_ms if samples else None

    def count(self, seat_no: int, source: Source, room_id: str = "room-1") -> int:
        return len(self.samples.get(TrackKey(room_id, seat_no, source), ()))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        with self.news:
            assert self.news.wait_for(condition, timeout_s), "the samples did not come in time"


class _ShelfSink:
    def __init__(self, shelf: Shelf, key: TrackKey) -> None:
        self._shelf = shelf
        self._key = key

    def write(self, sample: EncodedSample) -> None:
        with self._shelf.news:
            self._shelf.samples.setdefault(self._key, []).append(sample)
            self._shelf.news.notify_all()

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None: ...

    def clock(self, note: ClockNote) -> None: ...

    def close(self, reason: str) -> None:
        with self._shelf.news:
            self._shelf.closed.append((self._key, reason))
            self._shelf.news.notify_all()


class _TellingRegister(DatabaseRegister):
    """Announces when something has been written. All rooms are held by one worker, `worker-1`, for an hour."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, committee: Committee) -> None:
        super().__init__(database, clock, sealer, committee, "worker-1", ttl_ms=HOUR_MS)
        self.news = threading.Condition()

    def issue_ticket(self, member_id: str) -> str:
        """A ticket for the session that the member has, or for none."""
        with self._database.reading() as session:
            sits = sessions.at_seat(session, member_id)
        return self.way(member_id, sits.id if sits is not None else "").ticket

    def write(self, entries: Sequence[Entry]) -> None:
        super().write(entries)
        with self.news:
            self.news.notify_all()


class House:
    """All that the room stands on, with a database in a folder of the test."""

    def __init__(self, folder: Path, *, clock: Clock | None = None, peers: PeerFactory | None = None) -> None:
        self.settings = Settings(data_dir=folder, secret_key="07" * 32)
        self.clock = clock or SystemClock()
        self.sealer = Sealer(self.settings.key)
        self.database = Database(f"sqlite:///{folder / 'rooms.db'}")
        SQLModel.metadata.create_all(self.database.engine)
        start_workers(self.database, "worker-1", url="")
        self.committee = Committee()
        self.notebook = Notebook(self.clock)
        self.shelf = Shelf()
        self.terminals: dict[str, SoftwareTerminal] = {}
        """By the cookie whose session is bound to it."""
        self._terminals: dict[str, SoftwareTerminal] = {}
        self.register = _TellingRegister(self.database, self.clock, self.sealer, self.committee)
        self.grace_s = 20.0
        self.tick_s = 0.05
        self._peers = {"peers": peers} if peers is not None else {}

    def hub(self) -> RoomHub:
        return RoomHub(
            register=self.register,
            clock=self.clock,
            sinks=self.shelf,
            durable=self.shelf.durable,
            leases=Held(),
            ledgers=self.notebook,
            media=self.settings.media,
            recording=self.settings.recording,
            grace_s=self.grace_s,
            tick_s=self.tick_s,
            **self._peers,
        )

    def admit(self, member_id: str, seat_no: int = 1, room_id: str = "room-1") -> SeatHolder:
        """Gives a member a seat; the room begins when its first member gets one."""
        with self.database.transaction() as session:
            if session.get(OnlineRoom, room_id) is None:
                session.add(
                    OnlineRoom(
                        id=room_id,
                        evaluation_id=f"evaluation-of-{room_id}",
                        zero_at=self.clock.now(),
                        state="open",
                    )
                )
                session.flush()
                leases.claim(session, room_id, "worker-1", HOUR_MS)
        seat = replace(holder(member_id, seat_no, room_id), zero_at=self.clock.now())
        self.committee.holders[member_id] = seat
        return seat

    def change(self, member_id: str, **changes: Any) -> None:
        """Changes what the rows say of a member, and tells the room that something changed."""
        self.committee.change(member_id, **changes)
        bus.announce(bus.News(f"evaluation:{self.committee.holders[member_id].evaluation_id}", "members"))

    def close_room_row(self, room_id: str = "room-1") -> None:
        with self.database.transaction() as session:
            row = session.get(OnlineRoom, room_id)
            assert row is not None
            row.closed_at = self.clock.now()

    def cookie(self, member_id: str) -> str:
        """A session of that member, at the terminal of a seat of theirs."""
        terminal = self._terminals.get(member_id)
        if terminal is None:
            terminal = self._terminals[member_id] = self._enroll(member_id)
        with self.database.transaction() as session:
            token = sessions.open_for_member(
                session,
                self.sealer,
                self.clock.now(),
                member_id=member_id,
                evaluation_id=self.committee.holders[member_id].evaluation_id,
                lifetime=timedelta(hours=1),
                terminal_id=terminal.id,
            )
        self.terminals[token] = terminal
        return token

    def _enroll(self, member_id: str) -> SoftwareTerminal:
        with self.database.transaction() as session:
            if session.get(Center, "center") is None:
                session.add(Center(id="center", code="C1", name="中心", region_code="530600", kind="host"))
                session.flush()
                session.add(Room(id="hall", center_id="center", zone="区", function="evaluation", name="室"))
                session.flush()
            session.add(Seat(id=member_id, room_id="hall", center_id="center", label=member_id))
        return enroll(self.database, self.sealer, self.clock.now, member_id)

    def events(self, room_id: str = "room-1") -> list[tuple[int | None, str]]:
        """Seat numbers and kinds of what was written down, in order."""
        with self.database.reading() as session:
            rows = session.exec(select(RoomEvent).where(RoomEvent.room_id == room_id).order_by(RoomEvent.id))  # type: ignore[arg-type]
            return [(row.seat_no, row.kind) for row in rows]

    def wait_for_event(self, kind: str, timeout_s: float = 20.0) -> None:
        """Until something of that kind has been written down."""
        with self.register.news:
            found = self.register.news.wait_for(lambda: kind in {k for _, k in self.events()}, timeout_s)
            assert found, self.events()

    def application(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(application: FastAPI) -> Any:
            async with application.state.hub.running():
                yield

        application = FastAPI(lifespan=lifespan)
        application.state.settings = self.settings
        application.state.database = self.database
        application.state.clock = self.clock
        application.state.sealer = self.sealer
        application.state.uses = Uses()
        application.state.hub = self.hub()
        application.state.terminals = self.terminals
        application.state.register = self.register
        application.include_router(gateway.router)
        application.include_router(endpoints.router)

        @application.exception_handler(YuanpingError)
        def refuse(request: Request, error: YuanpingError) -> JSONResponse:
            return JSONResponse({"code": error.code, "title": error.message}, error.status)

        return application


class Service:
    """A service running in a thread of the test. `url` is its address."""

    def __init__(self, application: FastAPI, port: int = 0) -> None:
        self.application = application
        self.hub: RoomHub = application.state.hub
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                port=port,
                log_config=None,
                ws="websockets-sansio",
                ws_max_size=LONGEST_FRAME + 1024,
                timeout_graceful_shutdown=5,
            )
        )
        self._started = threading.Event()
        self._server.startup = self._startup  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.run, name="service")
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(20), "the service did not start"
        assert self._server.started, "the service refused to start"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the service did not stop"

    def ticket(self, cookie: str) -> str:
        """As a seat's page gets one: asked, the terminal of this session proves itself."""
        with httpx2.Client(
            base_url=self.url,
            cookies={sessions.cookie_name(secure=False): cookie},
            headers={"Origin": self.url},
        ) as page:
            asked = page.post("/api/seat/challenge").json()["challenge"]
            proof = self.application.state.terminals[cookie].proof(Purpose.ticket, asked)
            answer = page.post("/api/seat/ticket", json=proof)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ticket"])

    async def _startup(self, sockets: Any = None) -> None:
        try:
            await uvicorn.Server.startup(self._server, sockets)
            if self._server.started:
                self.port = self._server.servers[0].sockets[0].getsockname()[1]
        finally:
            self._started.set()


@contextmanager
def serving(application: FastAPI, port: int = 0) -> Iterator[Service]:
    service = Service(application, port)
    service.start()
    try:
        yield service
    finally:
        service.stop()
