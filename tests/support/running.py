"""The whole service in a process of its own, that a story can talk to, kill and start again."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from alembic import command
from sqlmodel import Session

from app import wiring
from app.core.database import Database
from app.core.ground import Ground, lay
from app.core.listening import free_port
from app.core.settings import Settings
from app.migrations.runner import configuration
from app.rehearsal.phones import Part, PhoneCast, Summons
from app.rehearsal.seats import PretendExpert
from app.rehearsal.service import Desk
from app.rehearsal.stage import sample_booking_body, staff_at
from app.sample import personas
from app.sample.loading import load_sample
from venue import service as venues

T = TypeVar("T")
# A pretend expert has time enough to answer, however slow the machine is.
PATIENT = {
    "YUANPING_DEMO": "true",
    "YUANPING_REHEARSAL__REPLY_WINDOW_S": "300",
    "YUANPING_REHEARSAL__RING_S": "250",
    "YUANPING_MEDIA__WORKERS": "0",
    # A demonstration asks for less at a seat than a center does: the stories are told as in a center.
    "YUANPING_SEAT__TERMINAL_REQUIRED": "true",
    "YUANPING_SEAT__IDENTITY_CHECK_REQUIRED": "true",
    "YUANPING_SEAT__OPENS_MINUTES": "60",
}
ROOT = Path(__file__).resolve().parents[2]


def prepare(folder: Path, address: str | None = None) -> None:
    """A data folder with the sample center in it, to be copied for each house; its database lies there or at `address`."""
    with laid(folder, address) as ground:
        wiring.raise_up(ground)
        report = load_sample(ground.database, ground.clock, ground.sealer)
        with ground.database.transaction() as session:
            personas.ensure_accounts(session, ground.clock.now(), report.host_center_id)


def stamped(database: Database) -> Database:
    """The database, which says of itself that it is up to date."""
    with database.engine.begin() as connection:
        command.stamp(configuration(connection), "head")
    return database


@contextmanager
def laid(folder: Path, address: str | None = None) -> Iterator[Ground]:
    settings = Settings(data_dir=folder, database_url=address, demo=True)
    ground = lay(settings)
    try:
        yield ground
    finally:
        ground.database.dispose()


@dataclass(slots=True)
class RunningHouse:
    """A service on a data folder. Its rows can be read here while it runs."""

    folder: Path
    port: int
    ground: Ground
    links: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    environment: dict[str, str] = field(default_factory=lambda: PATIENT)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Starts the service and returns once it answers; raises with its log when it does not come up."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--data", str(self.folder), "--port", str(self.port)],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **self.environment},
            )
        until(self._answers, within_s=90, what=f"the service; its log:\n{log.read_text()[-3000:]}")

    def kill(self) -> None:
        """As `kill -9` does: nothing is said goodbye to."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def link(self, login: str) -> str:
        """The address that signs a persona in."""
        if not self.links:
            with self.ground.database.transaction() as session:
                found = personas.links(session, self.ground.sealer, self.ground.clock.now())
            self.links = {one.login: self.url + one.path for one in found}
        return self.links[login]

    def read(self, query: Callable[[Session], T]) -> T:
        with self.ground.database.reading() as session:
            return query(session)

    def booking(self) -> dict[str, object]:
        """The body of a booking that starts soon, with the short timers of a rehearsal."""
        return sample_booking_body(self.ground.clock.now(), self.read(venues.host_center_id))

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the service ended with {self.process.returncode}")
        try:
            return httpx2.get(f"{self.url}/health").is_success
        except httpx2.TransportError:
            return False


@contextmanager
def running_house(
    template: Path, folder: Path, environment: dict[str, str] = PATIENT, address: str | None = None
) -> Iterator[RunningHouse]:
    """A started service on a copy of the template; stopped at the end, whatever happened.

    address: where its database lies, if not in the folder.
    """
    shutil.copytree(template, folder)
    if address is not None:
        environment = {**environment, "YUANPING_DATABASE_URL": address}
    with laid(folder, address) as ground:
        house = RunningHouse(folder, free_port(), ground, environment=environment)
        try:
            house.start()
            yield house
        finally:
            house.stop()


async def drawn(operator: Desk, house: RunningHouse) -> str:
    """Books and draws; returns the evaluation's id with its invitations on their way."""
    evaluation = await operator.post("/api/evaluations", house.booking())
    for act in ("commit", "run"):
        await operator.post(f"/api/evaluations/{evaluation['id']}/{act}")
    found: str = evaluation["id"]
    return found


async def summonses(operator: Desk, evaluation_id: str) -> tuple[Summons, ...]:
    """Everyone accepts, the evaluation is convened; returns the texts with their seat codes."""
    phones = PhoneCast(operator, lambda _number, _what: None, cast=())
    playing = asyncio.create_task(phones.play())
    try:
        await becomes(operator, f"/api/evaluations/{evaluation_id}", lambda found: found["state"] == "ready")
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    convened: dict[str, Any] = await operator.post(f"/api/evaluations/{evaluation_id}/convene")
    assert set(phones.parts.values()) == {Part.accepts}
    return await phones.summonses(convened["places"])


async def come_in(
    house: RunningHouse, evaluation_id: str, come: Sequence[Summons]
) -> tuple[PretendExpert, ...]:
    """Experts whose papers were checked at the desk of their center, each at the terminal of their seat."""
    async with staff_at(house.ground, house.url, evaluation_id) as staff:
        return tuple([PretendExpert(house.url, one.code, await staff.welcome(one)) for one in come])


async def becomes(
    operator: Desk, path: str, true: Callable[[dict[str, Any]], bool], *, within_s: float = 120
) -> None:
    """Asks again and again until the answer is as expected; TimeoutError when it never is."""
    async with asyncio.timeout(within_s):
        while not true(await operator.get(path)):
            await asyncio.sleep(0.2)  # another process: there is no event to wait for


def until(true: Callable[[], object], *, within_s: float, what: str) -> None:
    """Waits until something holds; raises TimeoutError naming what it waited for."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not happen within {within_s:.0f} s: {what}")
        time.sleep(0.1)
