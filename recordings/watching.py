"""The WebSocket through which a room is watched while it runs. See `docs/live-protocol.md`."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlmodel import Session

from app.accounts import sessions, tickets
from app.accounts.access import RequiresTicket
from app.accounts.permissions import Permission
from app.core import bus
from app.core.clock import Clock
from app.core.database import Database
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep, SettingsDep
from app.core.samples import Source
from app.core.sealing import Sealer
from recordings import replay, service
from recordings.lines import TrackName
from recordings.live import Fresh, LiveRoom, LiveRooms, TrackOf, past
from recordings.models import RoomRecording
from recordings.timeline import Part, Piece

logger = logging.getLogger(__name__)
router = APIRouter()

VERSION = 1
TICKET_LIFETIME = timedelta(seconds=30)
HELLO_WITHIN_S = 5.0
SLOW_S = 10.0
"""Who does not take a message for this long is let go."""
STAY_S = 3_600
"""After this long a watcher asks for a new ticket: whether they still may is looked at, and noted, again."""
AHEAD_MS = 30_000
"""Of the past, so much is sent ahead of what the watcher says to have reached."""
USED_UP_MS = 1_000
"""Who is this close to the end of what was sent waits for more, however long the gap before it."""
MOST_CHANNELS = 128
LONGEST_MESSAGE = 1_024
MOST_WAITING = 64
AT_ONCE, AGAIN_S = 200, 10.0
"""So many messages a watcher may send within so many seconds."""
ENDED, BAD_MESSAGE, REFUSED, AGAIN, TOO_SLOW, BUSY = 1000, 4400, 4401, 4408, 4429, 1013
_SUBJECT = "{room_id}|{actor_id}"
_KIND = tickets.OPENS[Permission.recording_watch]
_T = TypeVar("_T")


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Hello(_Message):
    type: Literal["hello"]
    v: int
    ticket: str = Field(max_length=64)


class Watch(_Message):
    type: Literal["watch"]
    channel: int = Field(ge=0, lt=2**32)
    seat_no: int = Field(ge=1, lt=1_000_000)
    source: Source = Field(strict=False)
    from_ms: int | None = Field(default=None, ge=0, lt=2**53)


class Stop(_Message):
    type: Literal["stop"]
    channel: int


class At(_Message):
    type: Literal["at"]
    channel: int
    room_ms: int = Field(ge=0, lt=2**53)


_CLIENT: TypeAdapter[Hello | Watch | Stop | At] = TypeAdapter(
    Annotated[Hello | Watch | Stop | At, Field(discriminator="type")]
)


def issue_ticket(
    session: Session, sealer: Sealer, clock: Clock, room_id: str, actor_id: str, session_id: str
) -> str:
    """A ticket that opens one connection to watch one room, which ends with the session. Raises NotFound for a room of which
    nothing is recorded."""
    row = service.find(session, room_id)
    subject = _SUBJECT.format(room_id=row.room_id, actor_id=actor_id)
    now, lifetime = clock.now(), TICKET_LIFETIME
    return tickets.issue(
        session, sealer, now, kind=_KIND, subject=subject, lifetime=lifetime, session_id=session_id
    )


class Refused(Exception):
    """The connection ends with this code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class _Channel:
    """One track on its way to the watcher: first what lies in the past, then what comes.

    at_ms: how far the watcher has come. next: number of the first live fragment still to be sent.
    """

    number: int
    track: TrackOf
    at_ms: int = 0
    parts: dict[TrackName, Part] = field(default_factory=dict)
    history: deque[Piece] = field(default_factory=deque)
    next: int = 0
    last: Piece | None = None
    file: TrackName | None = None

    @property
    def behind(self) -> bool:
        """Whether something of the past may be sent now: not much ahead of the watcher, unless nothing else is left to show."""
        if not self.history:
            return False
        used_up = self.last is not None and self.at_ms >= self.last.to_ms - USED_UP_MS
        return used_up or self.history[0].from_ms <= self.at_ms + AHEAD_MS

    def new(self, fresh: Fresh) -> bool:
        """Whether this follows what was sent: neither sent already, nor of a lease that another has followed."""
        last, piece = self.last, fresh.piece
        if last is None:
            return piece.keyframe
        if piece.name.stem == last.name.stem:
            return piece.offset > last.offset
        return piece.keyframe and piece.name.lease >= last.name.lease and piece.from_ms > last.from_ms


@router.websocket("/ws/live", dependencies=[RequiresTicket(Permission.recording_watch)])
async def live(
    socket: WebSocket, database: DatabaseDep, clock: ClockDep, sealer: SealerDep, settings: SettingsDep
) -> None:
    """The one-use ticket in the first message is the key, and no cookie is."""
    state = socket.app.state
    if not hasattr(state, "live_rooms"):
        state.live_rooms = LiveRooms(settings.recordings_dir, getattr(state, "recorder", None))
        state.live_waiting = set()
    if not hasattr(state, "replay_memory"):
        state.replay_memory = replay.ReplayMemory()
    watcher = _Watcher(socket, database, clock, state.live_rooms, state.replay_memory)
    await socket.accept()
    try:
        row, actor_id, session_id = await _let_in(
            socket, database, clock, sealer, state.live_waiting, state.live_rooms.rows
        )
        await watcher.run(row, actor_id, settings.recordings_dir, session_id)
    except Refused as refusal:
        await _close(socket, refusal.code)
    except WebSocketDisconnect:
        pass  # gone


async def _let_in(
    socket: WebSocket,
    database: Database,
    clock: Clock,
    sealer: Sealer,
    waiting: set[WebSocket],
    rows: CapacityLimiter,
) -> tuple[RoomRecording, str, str]:
    if len(waiting) >= MOST_WAITING:
        raise Refused(BUSY)
    waiting.add(socket)
    try:
        async with asyncio.timeout(HELLO_WITHIN_S):
            hello = _parse(await socket.receive())
    except TimeoutError:
        raise Refused(BAD_MESSAGE) from None
    finally:
        waiting.discard(socket)
    if not isinstance(hello, Hello) or hello.v != VERSION:
        raise Refused(BAD_MESSAGE)

    def redeem() -> tuple[RoomRecording, str, str] | None:
        with database.transaction() as session:
            redeemed = tickets.redeem_whole(session, sealer, clock.now(), kind=_KIND, secret=hello.ticket)
            if redeemed is None:
                return None
            room_id, _, actor_id = redeemed.subject.partition("|")
            return service.find(session, room_id), actor_id, redeemed.session_id

    way = await to_thread.run_sync(redeem, limiter=rows)
    if way is None:
        raise Refused(REFUSED)
    return way


async def _session_over(session_id: str) -> None:
    """Waits until the session has ended, then raises Refused. A ticket that stands by itself waits for ever."""
    if not session_id:
        await asyncio.Event().wait()
    async with bus.subscribe(sessions.topic(session_id)) as news:
        while (await news.get()).kind != sessions.REVOKED:
            pass
    raise Refused(REFUSED)


class _Watcher:
    """One connection. It reads files at its own pace and is let go when it does not take what it asked for."""

    def __init__(
        self,
        socket: WebSocket,
        database: Database,
        clock: Clock,
        rooms: LiveRooms,
        memory: replay.ReplayMemory,
    ) -> None:
        self._socket = socket
        self._database = database
        self._clock = clock
        self._rooms = rooms
        self._memory = memory
        self._news = asyncio.Event()
        self._asked: deque[Watch | Stop | At] = deque()
        self._channels: dict[int, _Channel] = {}
        self._told: list[TrackOf] | None = None

    async def run(self, row: RoomRecording, actor_id: str, recordings: Path, session_id: str) -> None:
        """Until one of the two sides ends it, or the session has ended. Raises Refused with the code to close with."""
        self._row, self._actor_id, self._folder = row, actor_id, recordings / row.room_id
        with self._rooms.watching(row.room_id, self._news) as room:
            tasks = {
                asyncio.create_task(self._listen()),
                asyncio.create_task(self._send(room)),
                asyncio.create_task(_session_over(session_id)),
            }
            try:
                async with asyncio.timeout(STAY_S):
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            except TimeoutError:
                raise Refused(AGAIN) from None
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _listen(self) -> None:
        started_ns, heard = self._clock.monotonic_ns(), 0
        while True:
            message = _parse(await self._socket.receive())
            now_ns = self._clock.monotonic_ns()
            if now_ns - started_ns > AGAIN_S * 1_000_000_000:
                started_ns, heard = now_ns, 0
            heard += 1
            if heard > AT_ONCE or isinstance(message, Hello):
                raise Refused(BAD_MESSAGE)
            self._asked.append(message)
            self._news.set()

    async def _send(self, room: LiveRoom) -> None:
        await self._tell({"type": "welcome", "v": VERSION, "room_id": self._row.room_id})
        while True:
            self._news.clear()
            await self._tell_tracks(room)
            while self._asked:
                await self._answer(room, self._asked.popleft())
            for channel in tuple(self._channels.values()):
                await self._feed(room, channel)
            if room.sealed and not any(channel.history for channel in self._channels.values()):
                await self._tell({"type": "ended"})
                raise Refused(ENDED)
            if not self._asked and not any(channel.behind for channel in self._channels.values()):
                await self._news.wait()

    async def _tell_tracks(self, room: LiveRoom) -> None:
        tracks = sorted(room.tracks)
        if tracks != self._told:
            self._told = tracks
            named = [{"seat_no": seat_no, "source": source} for seat_no, source in tracks]
            await self._tell({"type": "tracks", "tracks": named})

    async def _answer(self, room: LiveRoom, message: Watch | Stop | At) -> None:
        if isinstance(message, Watch):
            if len(self._channels) >= MOST_CHANNELS:
                raise Refused(BAD_MESSAGE)
            self._channels[message.channel] = await self._open(room, message)
        elif isinstance(message, Stop):
            self._channels.pop(message.channel, None)
        elif message.channel in self._channels:
            self._channels[message.channel].at_ms = message.room_ms

    async def _open(self, room: LiveRoom, message: Watch) -> _Channel:
        """Notes who is going to watch what, and only then finds where it begins."""
        track = (message.seat_no, message.source)
        channel = _Channel(message.channel, track)
        await to_thread.run_sync(self._note, track, message.from_ms, limiter=self._rooms.rows)
        if track in room.tracks:
            channel.next = room.tracks[track].count  # counted before files are read: nothing falls in between
        if self._folder.is_dir():
            channel.parts, pieces = await self._read(
                lambda: past(self._folder, self._memory.indexes, track, message.from_ms)
            )
            channel.history.extend(pieces)
        channel.at_ms = channel.history[0].from_ms if channel.history else 0
        return channel

    def _note(self, track: TrackOf, from_ms: int | None) -> None:
        name = f"{track[0]}-{track[1]}"
        seen = f"live {name}"
        now, viewings = self._clock.now(), self._memory.viewings
        if not viewings.first(now, self._actor_id, self._row.room_id, seen):
            return
        try:
            with self._database.transaction() as session:
                service.note_live(session, now, self._actor_id, self._row, name, from_ms)
        except BaseException:
            viewings.forget(self._actor_id, self._row.room_id, seen)
            raise

    async def _feed(self, room: LiveRoom, channel: _Channel) -> None:
        """The next piece of the past, or else all that is new."""
        if channel.history:
            if channel.behind:
                piece = channel.history.popleft()
                data = await self._read(lambda: _bytes(self._folder, piece.file, piece.offset, piece.length))
                await self._give(channel, channel.parts[piece.name], piece, data)
            return
        if channel.track not in room.tracks:
            return
        fresh, late = room.tracks[channel.track].after(channel.next)
        if late and fresh and channel.last is not None:
            from_ms, to_ms = channel.last.to_ms, fresh[0].piece.from_ms
            await self._tell(
                {"type": "skipped", "channel": channel.number, "from_ms": from_ms, "to_ms": to_ms}
            )
        for one in fresh:
            channel.next = one.number + 1
            if channel.new(one):
                await self._give(channel, one.part, one.piece, one.data)

    async def _give(self, channel: _Channel, part: Part, piece: Piece, data: bytes) -> None:
        if channel.file is None or channel.file.stem != piece.name.stem:
            head = await self._read(lambda: _bytes(self._folder, part.name.media, 0, part.header_length))
            await self._tell(
                {
                    "type": "file",
                    "channel": channel.number,
                    "id": part.name.stem,
                    "mime": replay.mime(part),
                    "width": part.width,
                    "height": part.height,
                    "from_ms": piece.from_ms,
                }
            )
            await self._timely(self._socket.send_bytes(channel.number.to_bytes(4, "big") + head))
            channel.file = piece.name
        await self._timely(self._socket.send_bytes(channel.number.to_bytes(4, "big") + data))
        channel.last = piece

    async def _read(self, work: Callable[[], _T]) -> _T:
        return await to_thread.run_sync(work, limiter=self._rooms.limiter)

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._timely(self._socket.send_text(json.dumps(message, separators=(",", ":"))))

    async def _timely(self, sending: Any) -> None:
        try:
            async with asyncio.timeout(SLOW_S):
                await sending
        except TimeoutError:
            logger.warning("a watcher of room %s reads too slowly and is let go", self._row.room_id)
            raise Refused(TOO_SLOW) from None


def _bytes(folder: Path, file: str, offset: int, length: int) -> bytes:
    with (folder / file).open("rb") as media:
        media.seek(offset)
        return media.read(length)


def _parse(received: Any) -> Hello | Watch | Stop | At:
    """A message of the watcher; raises WebSocketDisconnect when it went away, and Refused for what is none."""
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    text = received.get("text")
    if text is None or len(text) > LONGEST_MESSAGE:
        raise Refused(BAD_MESSAGE)
    try:
        return _CLIENT.validate_json(text)
    except ValidationError:
        raise Refused(BAD_MESSAGE) from None


async def _close(socket: WebSocket, code: int) -> None:
    with suppress(RuntimeError, TimeoutError):  # it had been closed already, or does not answer
        async with asyncio.timeout(SLOW_S):
            await socket.close(code)
