"""A provider that takes one call a second, and five hundred places at once: do invitations pile up?

Hours pass in a minute, since the clock is moved by hand; for that alone a carrier in this process stands in for the wire.
Everything else is the service's own: draws, outbox, ladder, sweeps, and the webhooks, which are posted to the real routes.
"""

import asyncio
import heapq
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import httpx2
from fastapi import FastAPI
from sqlmodel import func, select

from app.core.clock import ManualClock
from app.core.database import Database
from app.core.settings import OwnSettings
from app.core.settings_calls import InvitationSettings, NotifySettings
from app.core.settings_doors import ServerSettings
from app.evaluation import committee
from app.notify import callbacks, phone_room
from app.notify.messenger import Found, Outgoing, SendResult, Taken
from app.notify.phone_room import PhoneRoom
from app.notify.twilio import TwilioMessenger
from expert_draw import answers
from expert_draw.answers import Invitees
from expert_draw.models import Invitation
from tests.bench.table import Figure, at_most, told
from tests.faults import province, soak
from tests.faults.chance import NONE, Chance, Picks, Ways
from tests.faults.fleet import KEY, TOKEN
from tests.faults.network import signature
from tests.faults.province import Province

PUBLIC = "http://127.0.0.1:9"
"""Nobody listens there: everything is posted inside this process."""
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
STORM = 1.2
WAYS = Ways(nobody=0.2, engaged=0.05, accepts=0.6, declines=0.4, writes_yes=0.3, writes_no=0.3, stops=0)
"""Whoever picks up answers, so that the share of those who accept is plain; see `willing`."""
_STEP_S = 1.0
_TALK_S = 20.0
_READS_S = 60.0
_GATHER = re.compile(r'<Gather\b[^>]*\baction="([^"]*)"')


def figures(quick: bool) -> Iterator[Figure]:
    """All places are asked for at one moment; how many people had to be called until every place was filled."""
    evaluations = 20 if quick else 100
    with TemporaryDirectory() as folder:
        house = asyncio.run(_filled(Path(folder), evaluations))
    places = evaluations * province.PLACES
    yield at_most(
        f"overload: {places} places at 1 call/s, people invited",
        house.invited,
        STORM * places / willing(WAYS),
        unit="",
        beside=f"{willing(WAYS):.0%} of people say yes if asked: {places / willing(WAYS):,.0f} are needed; "
        f"{house.seconds / 60:.0f} minutes pass, the clock moved by hand, a carrier in this process",
    )
    yield told(
        "of it: calls and texts handed over",
        f"{house.sent:,}",
        f"never sent to {house.unsent} of those invited; windows ended {house.counts['expired']}",
    )


def willing(ways: Ways) -> float:
    """The share of people who accept in the end when they are called, written to, and called again."""
    pick_up = 1 - ways.nobody - ways.engaged
    by_phone = pick_up * ways.accepts
    silent = 1 - ways.writes_yes - ways.writes_no
    return by_phone + (1 - pick_up) * (ways.writes_yes + silent * by_phone)


@dataclass(slots=True)
class Outcome:
    """invited: people; sent: calls and texts; seconds on the moved clock; counts: of invitations by state."""

    invited: int = 0
    sent: int = 0
    unsent: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Subscribers:
    """The people behind the carrier: what they will do, in order of time."""

    chance: Chance
    clock: ManualClock
    due: list[tuple[float, int, Outgoing, str]] = field(default_factory=list)
    taken: int = 0
    _order: Iterator[int] = field(default_factory=itertools.count)

    def take(self, message: Outgoing) -> str:
        self.taken += 1
        sid = f"{'CA' if message.channel == 'voice' else 'SM'}{self.taken:032x}"
        after_s = _TALK_S if message.channel == "voice" else _READS_S
        at = self.clock.monotonic_ns() / 1e9 + after_s
        heapq.heappush(self.due, (at, next(self._order), message, sid))
        return sid

    def ready(self) -> Iterator[tuple[Outgoing, str]]:
        while self.due and self.due[0][0] <= self.clock.monotonic_ns() / 1e9:
            _, _, message, sid = heapq.heappop(self.due)
            yield message, sid


class Carrier(TwilioMessenger):
    """The real carrier up to the wire, where `subscribers` stand."""

    subscribers: Subscribers

    async def send(self, message: Outgoing) -> SendResult:
        return Taken(self.subscribers.take(message))

    async def find(self, channel: str, to: str) -> tuple[Found, ...]:
        raise AssertionError(f"nothing here is of unknown fate, yet {channel} to {to[-4:]} was looked up")

    async def fetch(self, channel: str, sid: str, *_: str) -> Found | None:
        return None


async def _filled(folder: Path, evaluations: int) -> Outcome:
    clock = ManualClock(START)
    settings = OwnSettings(
        data_dir=folder,
        demo=True,
        secret_key=KEY,
        server=ServerSettings(public_url=PUBLIC),
        notify=NotifySettings(auth_token=TOKEN, calls_per_second=1, texts_per_second=1, quiet_hours=""),
        invitation=InvitationSettings(),
    )
    with soak.ground(f"sqlite:///{folder / 'overload.db'}") as database:
        laid = province.lay_out(database, settings, clock.now())
        for evaluation_id in province.commit(laid, clock.now(), evaluations):
            province.run(laid, clock.now(), evaluation_id)
        with patch.object(phone_room, "TwilioMessenger", Carrier):
            room = await phone_room.open_phone_room(
                settings, database, clock, laid.house.sealer, Invitees(laid.house.sealer)
            )
        assert isinstance(room.messenger, Carrier)
        room.messenger.subscribers = Subscribers(Chance(1, NONE, WAYS), clock)
        places = evaluations * province.PLACES
        transport = httpx2.ASGITransport(_routes(room, database, clock))
        async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as line:
            while not _full(database, places):
                await _second(line, room, laid, clock)
        await room.close()
        return _outcome(database, room.messenger.subscribers, clock)


async def _second(line: httpx2.AsyncClient, room: PhoneRoom, laid: Province, clock: ManualClock) -> None:
    """One second: what is due is sent, people answer, windows end, vacant places are drawn anew."""
    clock.advance(_STEP_S)
    await room.dispatch.deliver_due()
    assert isinstance(room.messenger, Carrier)
    subscribers = room.messenger.subscribers
    for message, sid in subscribers.ready():
        if message.channel == "voice":
            await _call(line, subscribers.chance, message, sid)
        else:
            await _text(line, subscribers.chance, message, sid)
    _sweep(laid, clock)


def _sweep(laid: Province, clock: ManualClock) -> None:
    """As app.jobs.sweeps does it."""
    database, now = laid.database, clock.now()
    with database.reading() as session:
        due, waiting = answers.due(session, now), committee.waiting_to_move(session, now)
    for invitation_id in due:
        with database.transaction() as session:
            answers.expire(session, now, laid.house.sealer, invitation_id)
    for evaluation_id in waiting:
        with database.transaction() as session:
            committee.refill(session, now, laid.house, evaluation_id)


async def _call(line: httpx2.AsyncClient, chance: Chance, message: Outgoing, sid: str) -> None:
    """A call from its first ring to its end."""
    n = _number(sid)
    picks = chance.picks(n)
    status = {Picks.nobody: "no-answer", Picks.engaged: "busy", Picks.up: "completed"}[picks]
    if picks is Picks.up:
        url, keys = f"/hooks/twilio/voice/{message.message_id}", list(chance.presses(n))
        document = await _post(line, url, {"CallSid": sid})
        while keys and (gather := _GATHER.search(document)) is not None:
            url = unescape(gather[1]).removeprefix(PUBLIC)
            document = await _post(line, url, {"CallSid": sid, "Digits": keys.pop(0)})
    fields = {"CallSid": sid, "CallStatus": status, "SequenceNumber": "3"}
    await _post(line, f"/hooks/twilio/status/{message.message_id}", fields)


async def _text(line: httpx2.AsyncClient, chance: Chance, message: Outgoing, sid: str) -> None:
    """A text that arrives, and perhaps is answered."""
    fields = {"MessageSid": sid, "MessageStatus": "delivered"}
    await _post(line, f"/hooks/twilio/status/{message.message_id}", fields)
    if words := chance.writes(_number(sid)):
        own = {"MessageSid": f"{sid}-reply", "From": message.to, "To": "+8687000000000", "Body": words}
        await _post(line, "/hooks/twilio/inbound/sms", own)


def _number(sid: str) -> int:
    """The how-manieth message it was."""
    return int(sid[-32:], 16)


async def _post(line: httpx2.AsyncClient, path: str, fields: dict[str, str]) -> str:
    headers = {"X-Twilio-Signature": signature(TOKEN, f"{PUBLIC}{path}", fields)}
    return (await line.post(path, data=fields, headers=headers)).raise_for_status().text


def _routes(room: PhoneRoom, database: Database, clock: ManualClock) -> FastAPI:
    application = FastAPI()
    application.state.phone_room = room
    application.state.database = database
    application.state.clock = clock
    application.include_router(callbacks.router)
    return application


def _full(database: Database, places: int) -> bool:
    with database.reading() as session:
        accepted = select(func.count()).select_from(Invitation).where(Invitation.state == "accepted")
        return session.exec(accepted).one() >= places


def _outcome(database: Database, subscribers: Subscribers, clock: ManualClock) -> Outcome:
    with database.reading() as session:
        found = session.exec(select(Invitation.state, Invitation.deadline)).all()
    return Outcome(
        invited=len(found),
        sent=subscribers.taken,
        unsent=sum(deadline is None for _, deadline in found),
        seconds=(clock.now() - START).total_seconds(),
        counts=Counter(state for state, _ in found),
    )
