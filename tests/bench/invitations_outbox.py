"""How many messages a second are claimed and written down, on both databases, beside what one commit a row would allow."""

import asyncio
import itertools
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from sqlmodel import Session, text

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings import OwnSettings
from app.core.settings_calls import NotifySettings
from app.migrations.runner import upgrade
from app.notify import outbox, phone_room
from app.notify.messenger import Outgoing, SendResult, Taken
from app.notify.twilio import TwilioMessenger
from app.notify.wording import TemplateId
from tests.bench.table import Figure, at_least
from tests.faults.fleet import KEY, ROOT
from tests.faults.places import WORDS
from tests.support.postgres import fresh, postgres

BATCH = 64
LEAST = 2000
ROUNDS = 5
BATCHES = 20
_FLOOR_S = 0.5


class Instant(TwilioMessenger):
    """The real carrier up to the wire; there somebody says yes at once, so that nothing is measured but our own work."""

    _made = itertools.count()

    async def send(self, message: Outgoing, *_: Any) -> SendResult:
        return Taken(f"CA{next(self._made):032x}")


class Waiting:
    """A listener of invitations nobody has answered yet; what it would write is not this bench's."""

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        """Nothing follows."""

    def open_among(self, session: Session, now: datetime, subjects: Collection[str]) -> frozenset[str]:
        return frozenset(subjects)


def figures(quick: bool) -> Iterator[Figure]:
    """Both databases, each with what a commit for every row would reach there in the same minute."""
    rounds = 2 if quick else ROUNDS
    with databases() as addresses:
        for name, address in addresses():
            rates, floors, work = asyncio.run(_measured(address, rounds))
            yield at_least(
                f"outbox: claim + record in batches of {BATCH}, {name}",
                median(rates),
                LEAST,
                unit="/s",
                beside=f"{min(rates):,.0f} to {max(rates):,.0f}; one commit a row: {median(floors):,.0f}/s; our processor time {median(work) * 1e6:,.0f} µs",
            )


@contextmanager
def databases() -> Iterator[Callable[[], Iterator[tuple[str, str]]]]:
    """Both databases, new and empty, on this project's disk; whatever else is on it, `fsync` is on."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    with (
        TemporaryDirectory(dir=folder, prefix="bench-") as own,
        postgres() as server,
        fresh(server) as address,
    ):

        def both() -> Iterator[tuple[str, str]]:
            yield "SQLite, synchronous=FULL", f"sqlite:///{Path(own) / 'bench.db'}"
            yield "PostgreSQL", address

        yield both


async def _measured(address: str, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Messages a second in each round, single commits a second right before it, seconds of processor time a message."""
    database, clock, sealer = Database(address), SystemClock(), Sealer(bytes.fromhex(KEY))
    upgrade(database)
    settings = OwnSettings(
        demo=True,
        secret_key=KEY,
        notify=NotifySettings(calls_per_second=1e9, texts_per_second=1e9, quiet_hours=""),
    )
    rates, floors, work = [], [], []
    with patch.object(phone_room, "TwilioMessenger", Instant):
        room = await phone_room.open_phone_room(settings, database, clock, sealer, Waiting())  # type: ignore[arg-type]
    try:
        for _ in range(rounds):
            _queue(database, clock.now(), sealer, BATCH * BATCHES)
            floors.append(_single_commits(database))
            started, busy = time.perf_counter(), time.process_time()
            sent = 0
            while more := await room.dispatch.deliver_due():
                sent += more
            rates.append(sent / (time.perf_counter() - started))
            work.append((time.process_time() - busy) / sent)
            if sent != BATCH * BATCHES:
                raise AssertionError(f"{sent} of {BATCH * BATCHES} were sent")
    finally:
        await room.close()
        database.dispose()
    return rates, floors, work


def _queue(database: Database, now: datetime, sealer: Sealer, count: int) -> None:
    with database.transaction() as session:
        for number in range(count):
            outbox.enqueue(
                session,
                now,
                sealer,
                subject=f"bench-{number}",
                purpose=outbox.INVITATION,
                channel=outbox.VOICE,
                to=f"+86139{number:08d}",
                template=TemplateId.invitation_voice,
                variables=WORDS,
                due_at=now,
            )


def _single_commits(database: Database) -> float:
    """Rows a second when every one is committed by itself, in the driver's own words."""
    change = text("UPDATE outgoing_message SET looked_up = looked_up + 1 WHERE id = :id")
    with database.reading() as session:
        ids = [row[0] for row in session.execute(text("SELECT id FROM outgoing_message LIMIT 1000")).all()]
    done, started = 0, time.perf_counter()
    with database.engine.connect() as connection:
        for one in itertools.cycle(ids):
            with connection.begin():
                connection.execute(change, {"id": one})
            done += 1
            if time.perf_counter() - started > _FLOOR_S:
                return done / (time.perf_counter() - started)
    raise AssertionError("unreachable")
