"""Real media workers over a small world, and seats that find their way to them again and again, as pages do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

from sqlmodel import Session, col, select

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.settings import Settings
from app.core.settings_doors import ServerSettings
from app.core.settings_rooms import MediaSettings
from app.evaluation.desk import CommitteeAdmissions
from app.jobs.media_processes import MediaProcesses
from tests.support.clip import make_clip
from tests.support.evaluations import Case
from tests.support.publisher import Clip, Publisher
from tests.support.running import stamped
from tests.support.udp_path import Weather, lead_through
from tests.support.world import make_world
from venue.models import OnlineRoom, RoomEvent
from venue.placement import addresses
from venue.placement.models import MediaWorker, RoomLease
from venue.room.client import RoomRefused, SeatClient
from venue.room.protocol import Answer, Focus, Offer, Recording
from venue.room.register import DatabaseRegister

ASKED_AT = "http://localhost:8000"
HEARD_WITHIN_S = 2.5
"""The service speaks every second; a page that hears nothing for so long looks for its room anew."""
_PAUSE_S = 0.2
_SEND_EVERY_S = 0.01


@cache
def small_clip() -> Clip:
    return make_clip(width=320, height=240, per_second=10, seconds=2, bitrate=60_000, group=20)


def pids(processes: MediaProcesses) -> tuple[int, ...]:
    """The processes that run now, by number."""
    return tuple(post.process.pid for post in processes._posts if post.process is not None)


class WorkerHouse:
    """An evaluation that is convened, and media workers that hold its room."""

    def __init__(self, folder: Path, database: Database | None = None, *, workers: int = 2) -> None:
        settings = Settings(
            data_dir=folder,
            database_url=database.url if database else f"sqlite:///{folder / 'world.db'}",
            secret_key=bytes(range(32)).hex(),
            server=ServerSettings(port=8000),
            media=MediaSettings(workers=workers),
        )
        self.clock = SystemClock()
        self.case = Case(make_world(folder, settings=settings, database=database)).convened()
        self.settings = settings
        self.database = stamped(self.case.world.database)
        with self.database.transaction() as session:
            self.room_id = str(self.case.row.room_id)
            session.get_one(OnlineRoom, self.room_id).zero_at = self.clock.now() - timedelta(seconds=5)
        self.processes = MediaProcesses(settings, self.database, self.clock)
        self._register = DatabaseRegister(
            self.database, self.clock, self.case.world.sealer, CommitteeAdmissions()
        )

    def watch_for_stale_writes(self) -> None:
        """From now on the database remembers rows that were written under another epoch than the room's."""
        epoch = "(SELECT epoch FROM room_lease WHERE room_id = NEW.room_id)"
        with self.database.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE stale_write (what TEXT)")
            for name, when, condition in (
                ("event", "INSERT ON room_event", f"NEW.kept_under IS NOT {epoch}"),
                ("arrival", "INSERT ON seat_presence", f"NEW.epoch IS NOT {epoch}"),
                ("presence", "UPDATE ON seat_presence", f"NEW.epoch IS NOT {epoch}"),
            ):
                connection.exec_driver_sql(
                    f"CREATE TRIGGER stale_{name} AFTER {when} WHEN {condition}"  # noqa: S608 -- our own names
                    f" BEGIN INSERT INTO stale_write VALUES ('{name}'); END"
                )

    def stale_writes(self) -> list[str]:
        with self.database.engine.begin() as connection:
            return list(connection.exec_driver_sql("SELECT what FROM stale_write").scalars().all())

    def rows_of_events(self) -> list[tuple[int | None, int | None]]:
        """(lease, line) of every row of the room's events, in the order in which they were written."""
        with self.database.reading() as session:
            rows = session.exec(
                select(RoomEvent).where(RoomEvent.room_id == self.room_id).order_by(col(RoomEvent.id))
            ).all()
        return [(row.lease, row.seq) for row in rows]

    async def hears_of(self, number: int) -> None:
        """Waits until a worker has written that it lives."""
        with self.database.reading() as session:
            before = self._seen(session, number)
        async with asyncio.timeout(20):
            while True:
                await asyncio.sleep(0.1)  # another process: there is no event to wait for
                with self.database.reading() as session:
                    if self._seen(session, number) > before:
                        return

    def _seen(self, session: Session, number: int) -> datetime:
        url = self.processes.urls[number]
        found = session.exec(
            select(MediaWorker.seen_at)
            .where(MediaWorker.url == url)
            .order_by(col(MediaWorker.seen_at).desc())
        ).first()
        return found or datetime.min.replace(tzinfo=UTC)

    @property
    def recording(self) -> Path:
        return self.settings.recordings_dir / self.room_id

    def way(self, member_id: str) -> tuple[str, str]:
        """A ticket and the address to show it at."""
        way = self._register.way(member_id, "")
        return way.ticket, addresses.base(way.url, ASKED_AT) + addresses.ROOM_PATH

    def holder(self) -> tuple[int, int]:
        """Which of the workers holds the room, and the epoch."""
        with self.database.reading() as session:
            lease = session.get_one(RoomLease, self.room_id)
            url = session.exec(select(MediaWorker.url).where(MediaWorker.id == lease.worker_id)).one()
        return self.processes.urls.index(url), lease.epoch

    @asynccontextmanager
    async def seated(self, seats: int = 2) -> AsyncIterator["list[RestlessSeat]"]:
        """Workers run, and so many members sit and send."""
        members = self.case.members()[:seats]
        async with self.processes.running():
            found = [
                RestlessSeat(partial(asyncio.to_thread, self.way, member.id), ASKED_AT, member.seat_no)
                for member in members
            ]
            tasks = [asyncio.create_task(seat.sit()) for seat in found]
            try:
                yield found
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
                broken = [end for end in ends if not isinstance(end, asyncio.CancelledError)]
                assert not broken, broken


@dataclass
class RestlessSeat:
    """A seat that comes back whenever its connection or its media has ended, or the service falls silent.

    way: gives a new ticket and the address to show it at. asked_at: the service it is a page of. weather: of the way its media
    goes. arrivals: at which moment (`time.monotonic`) it heard for the first time after coming that media is on disk.
    """

    way: Callable[[], Awaitable[tuple[str, str]]]
    asked_at: str
    seat_no: int
    weather: Weather = field(default_factory=Weather)
    arrivals: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    reached_ms: int = -1
    news: asyncio.Event = field(default_factory=asyncio.Event)
    client: SeatClient | None = None

    async def sit(self) -> None:
        while True:
            with suppress(YuanpingError, RoomRefused, OSError, TimeoutError):
                await self._once()
            await asyncio.sleep(_PAUSE_S)

    async def comes_again(self, since: float, within_s: float) -> float:
        """Seconds from a moment until it was recorded again."""
        async with asyncio.timeout(within_s):
            while not self.arrivals or self.arrivals[-1] < since:
                self.news.clear()
                await self.news.wait()
        return self.arrivals[-1] - since

    async def looks(self, *, here: bool) -> None:
        """The page says whether it is in front, which becomes an event; nothing while the seat is not connected."""
        if self.client is not None:
            with suppress(RoomRefused):
                await self.client.send(Focus(visible=here))

    async def _once(self) -> None:
        ticket, address = await self.way()
        client = SeatClient(self.asked_at, ticket, address=address, timeout_s=HEARD_WITHIN_S)
        publisher = Publisher(small_clip())
        try:
            async with client, AsyncExitStack() as leading:
                self.client = client
                await client.send(Offer(n=1, sdp=await publisher.offer(), screen_mid=None))
                answer, path = await lead_through((await client.wait_for(Answer)).sdp, self.weather)
                leading.callback(path.close)
                await publisher.accept(answer)
                sending = asyncio.create_task(self._send(publisher))
                try:
                    await self._listen(client)
                except TimeoutError:
                    # A page does not wait either until somebody who stands still says goodbye.
                    assert client._socket is not None
                    client._socket.transport.abort()
                    raise
                finally:
                    sending.cancel()
        except RoomRefused as refusal:
            self.refusals.append(refusal.code)
            raise
        finally:
            self.client = None
            await publisher.close()

    async def _listen(self, client: SeatClient) -> None:
        before_ms, arrived = self.reached_ms, False
        while True:
            client.forget()
            told = await client.wait_for(Recording, timeout_s=HEARD_WITHIN_S)
            now_ms = min(told.camera_ms or -1, told.microphone_ms or -1)
            if now_ms > before_ms:
                self.reached_ms = now_ms
                if not arrived:
                    arrived = True
                    self.arrivals.append(time.monotonic())
                self.news.set()

    async def _send(self, publisher: Publisher) -> None:
        reports = time.monotonic()
        while True:
            now = time.monotonic()
            publisher.send_due(now)
            if now >= reports:
                reports += 1
                publisher.send_reports()
            await asyncio.sleep(_SEND_EVERY_S)
