"""A phone room for tests: the real Twilio client, the pretend exchange and the real webhooks over real HTTP.

Nothing here waits for time: the clock is moved by hand, and `settle` lets everything happen that is due.
"""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from sqlmodel import Session, col, select

from app.accounts import sessions
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.uses import Uses
from app.core.clock import BoundedClock, ManualClock
from app.core.database import Database
from app.core.ids import new_id
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.core.settings_calls import NotifySettings
from app.core.settings_doors import ServerSettings
from app.evaluation.cases import House
from app.notify import callbacks, outbox, simulator_endpoints, simulator_wire, twilio
from app.notify.delivery import MessageState
from app.notify.listener import Heard, Position, Standing
from app.notify.models import MessageEvent, OutgoingMessage
from app.notify.phone_room import PhoneRoom, open_phone_room
from app.notify.simulator_endpoints import Phone
from app.notify.simulator_reports import Fault, set_fault
from app.notify.wording import TemplateId
from app.web import entrance, errors
from app.web.sse import stop_all
from expert_draw.snapshot import Rosters
from tests.support.databases import furnish

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
WORDS = {
    "time": "11月23日上午9点",
    "place": "云岭市公共资源交易中心三楼报到处",
    "duration": "约需半天",
    "hotline": "0870-1234567",
    "code": "ABCDEFGHJK23",
}
_DEADLINE_S = 20


@dataclass
class Invitees:
    """Stands where the invitations are: keeps what it was told, and lets the first answer in time count."""

    numbers: dict[str, str] = field(default_factory=dict)
    deadlines: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    leave_until: dict[str, datetime] = field(default_factory=dict)
    standbys: set[str] = field(default_factory=set)
    told: list[tuple[str, ...]] = field(default_factory=list)

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        self.told.append(("taken", subject))
        self.deadlines.setdefault(subject, now + WINDOW)

    def is_open(self, session: Session, now: datetime, subject: str) -> bool:
        return subject not in self.answers and now < self.deadlines.get(subject, now + WINDOW)

    def open_among(self, session: Session, now: datetime, subjects: Collection[str]) -> frozenset[str]:
        return frozenset(one for one in subjects if self.is_open(session, now, one))

    def ask_leave(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        self.told.append(("leave", subject, channel))
        if self.answers.get(subject) != Heard.accepted:
            return Heard.lapsed
        if subject in self.leave_until and self.leave_until[subject] <= now:
            return Heard.leave_late
        self.answers[subject] = Heard.leave
        return Heard.leave

    def position(self, session: Session, now: datetime, subject: str) -> Position:
        if self.is_open(session, now, subject):
            return Position(Standing.open, self.deadlines.get(subject))
        if self.answers.get(subject) != Heard.accepted:
            return Position(Standing.over)
        standing = Standing.standby if subject in self.standbys else Standing.holds
        return Position(standing, self.leave_until.get(subject))

    def answer(self, session: Session, now: datetime, subject: str, accept: bool, channel: str) -> Heard:
        self.told.append(("answer", subject, "yes" if accept else "no", channel))
        if subject in self.answers:
            return Heard.already
        if not self.is_open(session, now, subject):
            return Heard.lapsed
        self.answers[subject] = Heard.accepted if accept else Heard.declined
        outbox.cancel_for(session, now, subject)
        return Heard(self.answers[subject])

    def step_ended(
        self, session: Session, now: datetime, subject: str, channel: str, outcome: MessageState
    ) -> None:
        self.told.append(("ended", subject, channel, outcome.value))

    def late_contact(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        if self.answers.get(subject, Heard.leave) != Heard.leave:
            return Heard.already
        self.told.append(("late", subject, channel))
        return Heard.lapsed

    def subject_for_caller(self, session: Session, now: datetime, phone_fingerprint: str) -> str | None:
        return self.numbers.get(phone_fingerprint)

    def count(self, *fact: str) -> int:
        return self.told.count(fact)


class Person:
    """Somebody with a pretend phone."""

    def __init__(self, house: "PhoneHouse", number: str) -> None:
        self.house = house
        self.number = number

    @property
    def phone(self) -> Phone:
        line = self.house.line
        phone: Phone = self.house.run(
            line.look(lambda s, now: simulator_endpoints.phone(s, now, line.exchange, self.number))
        )
        return phone

    @property
    def hears(self) -> str:
        return self.phone.spoken

    @property
    def inbox(self) -> list[str]:
        return [text.body for text in self.phone.texts if not text.sent_by_phone]

    def answers(self) -> "Person":
        return self._act(lambda s, now: self.house.line.exchange.answer(s, now, self.number))

    def presses(self, *keys: str) -> "Person":
        for key in keys:
            self._act(lambda s, now, key=key: self.house.line.exchange.press(s, now, self.number, key))
        return self

    def hangs_up(self) -> "Person":
        return self._act(lambda s, now: self.house.line.exchange.hang_up(s, now, self.number))

    def declines_the_call(self) -> "Person":
        return self._act(lambda s, now: self.house.line.exchange.decline(s, now, self.number))

    def calls_back(self) -> "Person":
        return self._act(lambda s, now: self.house.line.exchange.call_hotline(s, now, self.number))

    def writes(self, body: str) -> "Person":
        return self._act(lambda s, now: self.house.line.exchange.write(s, now, self.number, body))

    def _act(self, work: Any) -> "Person":
        self.house.clock.advance(0.001)  # nobody does two things at one instant
        self.house.run(self.house.line.act(work))
        self.house.settle()
        return self


class PhoneHouse:
    """The service reduced to its phones, running in a thread; `pages` adds everything a browser can reach."""

    def __init__(
        self, folder: Path, public_url: str, *, pages: bool = False, database: Database | None = None
    ) -> None:
        self.clock = ManualClock(START)
        self.settings = Settings(
            data_dir=folder,
            demo=True,
            secret_key="5a" * 32,
            server=ServerSettings(public_url=public_url),
            notify=NotifySettings(calls_per_second=1000, send_timeout_s=10, hotline=WORDS["hotline"]),
        )
        self.url = public_url
        self.database = database or furnish(Database(self.settings.resolved_database_url()))
        self.sealer = Sealer(self.settings.key)
        self.invitees = Invitees()
        self.opened = threading.Event()
        self.loop: asyncio.AbstractEventLoop
        self.room: PhoneRoom
        self.application = self._application(pages=pages)

    @property
    def line(self) -> Any:
        return self.room.line

    def run(self, work: Any) -> Any:
        """Runs a coroutine on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_DEADLINE_S)

    def settle(self) -> "PhoneHouse":
        """Until nothing is due any more."""
        for _ in range(200):
            if self.run(self.room.tick()) == 0:
                return self
        raise AssertionError("the phone room does not come to rest")

    def pass_time(self, seconds: float) -> "PhoneHouse":
        """Moves the clock and lets happen what follows."""
        self.clock.advance(seconds)
        return self.settle()

    def person(self, number: str, subject: str | None = None) -> Person:
        if subject is not None:
            self.invitees.numbers[self.sealer.fingerprint(number)] = subject
        return Person(self, number)

    def invites(self, person: Person, subject: str, channel: str = "voice", **changes: Any) -> str:
        """Queues an invitation; it leaves when the house settles."""
        self.invitees.numbers[self.sealer.fingerprint(person.number)] = subject
        template = TemplateId.invitation_voice if channel == "voice" else TemplateId.invitation_sms
        order: dict[str, Any] = {
            "subject": subject,
            "purpose": outbox.INVITATION,
            "channel": channel,
            "to": person.number,
            "template": template,
            "variables": WORDS,
            "due_at": self.clock.now(),
            "ring_s": 25,
        }
        with self.database.transaction() as session:
            return outbox.enqueue(session, self.clock.now(), self.sealer, **{**order, **changes})

    def fails(self, fault: Fault, count: int = 1) -> None:
        self.run(self.line.act(lambda session, _now: set_fault(session, fault, count)))

    def message(self, message_id: str) -> OutgoingMessage:
        with self.database.reading() as session:
            return session.get_one(OutgoingMessage, message_id)

    def state(self, message_id: str) -> str:
        return self.message(message_id).state

    def events(self, message_id: str, kind: str) -> list[dict[str, str]]:
        with self.database.reading() as session:
            rows = session.exec(
                select(MessageEvent)
                .where(col(MessageEvent.message_id) == message_id, col(MessageEvent.kind) == kind)
                .order_by(col(MessageEvent.at), col(MessageEvent.key))
            ).all()
        return [json.loads(row.payload) for row in rows]

    def provider_calls(self) -> list[dict[str, Any]]:
        """Every call the provider has ever taken."""
        calls: list[dict[str, Any]] = self._ask("/Calls.json")["calls"]
        return calls

    def provider_texts(self) -> list[dict[str, Any]]:
        texts: list[dict[str, Any]] = self._ask("/Messages.json")["messages"]
        return texts

    def _ask(self, path: str) -> Any:
        sid = self.room.account_sid
        with httpx2.Client(auth=(sid, self.room.auth_token)) as client:
            return client.get(f"{self.url}/sim/2010-04-01/Accounts/{sid}{path}").raise_for_status().json()

    def reports(
        self, path: str, fields: dict[str, str], *, token: str | None = None, signature: str | None = None
    ) -> httpx2.Response:
        """Posts what the provider would post, signed with its token unless told otherwise."""
        signed = signature
        if signed is None:
            signed = twilio.sign(token or self.room.auth_token, f"{self.url}{path}", fields)
        headers = {twilio.SIGNATURE_HEADER: signed} if signed else {}
        with httpx2.Client() as client:
            return client.post(f"{self.url}{path}", data=fields, headers=headers)

    def staff(self, role: Role) -> httpx2.Client:
        """A program that is signed in as somebody of that role."""
        return httpx2.Client(base_url=self.url, cookies=self.cookie(role), headers={"Origin": self.url})

    def cookie(self, role: Role) -> dict[str, str]:
        """The cookie of somebody signed in."""
        now = self.clock.now()
        with self.database.transaction() as session:
            account = Account(
                id=new_id(now), login=new_id(now), name="值班", role=role, password_hash="-", created_at=now
            )
            session.add(account)
            session.flush()
            token = sessions.open_for_account(session, self.sealer, now, account, timedelta(hours=12))
        return {sessions.cookie_name(secure=False): token}

    def _application(self, *, pages: bool) -> FastAPI:
        @asynccontextmanager
        async def lifespan(application: FastAPI) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            self.room = await open_phone_room(
                self.settings, self.database, self.clock, self.sealer, self.invitees
            )
            application.state.phone_room = self.room
            self.opened.set()
            yield
            await self.room.close()

        application = FastAPI(lifespan=lifespan)
        application.state.database = self.database
        application.state.clock = self.clock
        application.state.bounded_clock = BoundedClock(self.clock)
        application.state.settings = self.settings
        application.state.sealer = self.sealer
        application.state.uses = Uses()
        application.state.house = House(self.settings, self.sealer, Rosters(self.sealer))
        application.state.invitees = self.invitees
        if pages:
            entrance.install(application)
            return application
        for router in (callbacks.router, simulator_wire.router, simulator_endpoints.router):
            application.include_router(router)
        errors.install(application)
        return application


@contextmanager
def phone_house(
    folder: Path, *, pages: bool = False, database: Database | None = None
) -> Iterator[PhoneHouse]:
    """A phone house on a free port of this machine; on a furnished database without rows, or else on one in the folder."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        house = PhoneHouse(folder, address, pages=pages, database=database)
        server = uvicorn.Server(
            uvicorn.Config(house.application, log_level="critical", lifespan="on", ws="none")
        )
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert house.opened.wait(_DEADLINE_S), "the phone house did not open"
            yield house
        finally:
            stop_all()
            server.should_exit = True
            thread.join(_DEADLINE_S)
            house.database.dispose()
