"""Lets a fleet fill its places while its nodes are killed, and judges what came of it."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlmodel import Session, select

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings import OwnSettings
from app.migrations.runner import upgrade
from tests.faults import places, province
from tests.faults.chance import Chance, Faults, Ways
from tests.faults.fleet import KEY, Fleet, Process, Program, Timers, fleet, phones_alone, until, whole_service
from tests.faults.province import Province
from tests.faults.verdict import Rows, Verdict, judge, read_journal, unsettled

_LOOK_S = 0.25
_OFTEN = 10
_NO_NEWS_S = 120.0
_CALM_WITHIN_S = 180.0
_TELL_S = 15.0

Read = Callable[[Session], Rows]
"""Reads the places, of whatever kind they are."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is tried. people: how many there are to ask. kill_every_s: about, a little more or less by chance; never a node
    that has been up for less than `up_for_s`, or on a slow machine none would get to anything."""

    places: int
    nodes: int = 1
    seed: int = 1
    kill_every_s: float = 8.0
    up_for_s: float = 1.5
    least_kills: int = 0
    most_kills: int = 1_000_000
    people: int = 1_000_000
    timers: Timers = field(default_factory=Timers)
    faults: Faults = field(default_factory=Faults)
    ways: Ways = field(default_factory=Ways)


@dataclass(slots=True)
class Killer:
    """Kills a node every so often, and starts it again at once; never one that has only just come up."""

    nodes: list[Process]
    chance: Chance
    every_s: float
    up_for_s: float
    most: int
    kills: int = 0
    _next_s: float = 0.0
    _up_since: dict[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        self._plan()

    def look(self) -> None:
        now = time.monotonic()
        for number, node in enumerate(self.nodes):
            if number not in self._up_since and node.up():
                self._up_since[number] = now
        ready = [number for number, since in self._up_since.items() if now - since >= self.up_for_s]
        if self.kills >= self.most or now < self._next_s or not ready:
            return
        chosen = ready[int(self.chance.share("whom", self.kills) * len(ready))]
        self.nodes[chosen].kill()
        self.nodes[chosen].begin()
        del self._up_since[chosen]
        self.kills += 1
        self._plan()

    def settle(self) -> None:
        for node in self.nodes:
            node.wait_until_up()

    def _plan(self) -> None:
        self._next_s = time.monotonic() + self.chance.pause_s("kill", self.kills, self.every_s)


def with_draws(folder: Path, database_url: str, scenario: Scenario, tell: Callable[[str], None]) -> Verdict:
    """Fills the committees of real draws in the whole service. An operator asks for the draws over HTTP, again and again
    where a node was killed in the middle of one; bookings and commitments are made beforehand."""
    timers = scenario.timers
    settings = OwnSettings(data_dir=folder, demo=True, secret_key=KEY, invitation=timers.invitation())
    with ground(database_url) as database:
        now = SystemClock().now()
        laid = province.lay_out(database, settings, now)
        province.commit(laid, now, scenario.places // province.PLACES)
        with _arranged(folder, database_url, scenario, whole_service) as assembled:
            desk = Desk(laid, assembled)
            return fill(assembled, database, scenario, province.rows, tell, desk.look)


def with_places(folder: Path, database_url: str, scenario: Scenario, tell: Callable[[str], None]) -> Verdict:
    """Fills places that have nothing around them (see `places`)."""
    with ground(database_url) as database:
        with database.engine.begin() as connection:
            places.lay_out(connection, scenario.places)
        with _arranged(folder, database_url, scenario, phones_alone) as assembled:
            return fill(assembled, database, scenario, rows, tell)


def _arranged(
    folder: Path, database_url: str, scenario: Scenario, program: Program
) -> AbstractContextManager[Fleet]:
    return fleet(
        folder,
        database_url,
        nodes=scenario.nodes,
        timers=scenario.timers,
        seed=scenario.seed,
        faults=scenario.faults,
        ways=scenario.ways,
        program=program,
        extra={"SOAK_PEOPLE": str(scenario.people)},
    )


@contextmanager
def ground(database_url: str) -> Iterator[Database]:
    """A database with the service's schema."""
    database = Database(database_url)
    try:
        upgrade(database)
        yield database
    finally:
        database.dispose()


class Desk:
    """An operator who has every committed evaluation drawn, one after the other, over HTTP."""

    def __init__(self, laid: Province, assembled: Fleet) -> None:
        self._laid = laid
        self._nodes = assembled.nodes
        self._asked: list[Future[None]] = []
        self._hands = ThreadPoolExecutor(max_workers=1)
        self._waiting: list[str] | None = None

    def look(self) -> None:
        """Asks for the draws that are still to be held, unless it is at it already."""
        if self._asked and not self._asked[-1].done():
            return
        if self._waiting is None or self._waiting:
            self._waiting = province.committed(self._laid)
            self._asked = [self._hands.submit(self._ask, tuple(self._waiting))]

    def _ask(self, evaluations: Sequence[str]) -> None:
        for number, evaluation_id in enumerate(evaluations):
            node = self._nodes[number % len(self._nodes)]
            with contextlib.suppress(
                httpx2.TransportError
            ):  # killed meanwhile: the rows say whether it was drawn
                httpx2.post(
                    f"{node.url}/api/evaluations/{evaluation_id}/run",
                    cookies=self._laid.cookie,
                    headers={"Origin": node.url},
                    timeout=30,
                )


def fill(
    assembled: Fleet,
    database: Database,
    scenario: Scenario,
    read: Read,
    tell: Callable[[str], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> Verdict:
    """Starts the fleet and kills until every place is filled, then lets it come to rest and judges."""
    chance = Chance(scenario.seed, scenario.faults, scenario.ways)
    killer = Killer(assembled.nodes, chance, scenario.kill_every_s, scenario.up_for_s, scenario.most_kills)
    assembled.start()
    started = time.monotonic()
    killer.begin()
    best, news_s, told_s = scenario.places, started, started
    while True:
        killer.look()
        meanwhile()
        asked_s = time.monotonic()
        with database.reading() as session:
            seen = read(session)
        now = time.monotonic()
        if seen.unfilled < best:
            best, news_s = seen.unfilled, now
        if now - told_s > _TELL_S:
            told_s = now
            tell(_standing(scenario, seen, now - started, killer.kills))
        if now - news_s > _NO_NEWS_S or (not seen.unfilled and killer.kills >= scenario.least_kills):
            break
        time.sleep(max(_LOOK_S, _OFTEN * (now - asked_s)))  # many places are looked at less often
    killer.settle()
    seconds = time.monotonic() - started

    def at_rest() -> bool:
        with database.reading() as session:
            quiet = not unsettled(session) and not read(session).unfilled
        return quiet and not assembled.state()["busy"]

    with contextlib.suppress(TimeoutError):  # the verdict says what was left
        until(at_rest, within_s=_CALM_WITHIN_S, what="everything comes to rest", every_s=0.5)
    assembled.stop()
    with database.reading() as session:
        return judge(
            session,
            Sealer(bytes.fromhex(KEY)),
            read(session),
            read_journal(assembled.journal),
            kills=killer.kills,
            seconds=seconds,
        )


def _standing(scenario: Scenario, seen: Rows, seconds: float, kills: int) -> str:
    filled = f"{seen.places - seen.unfilled:,} of {scenario.places:,} filled"
    return f"    {seconds:4.0f} s: {filled}, {seen.asked:,} invited, {kills} kills"


def rows(session: Session) -> Rows:
    """The places of `tests.faults.places`."""
    table = places.invitation.c
    found = session.execute(select(table.id, table.place_id, table.phone_fingerprint, table.state)).all()
    accepted: defaultdict[str, list[str]] = defaultdict(list)
    for one in found:
        if one.state == "accepted":
            accepted[str(one.place_id)].append(one.id)
    states = places.states(session)
    kept = [one for one in found if one.state in {"accepted", "left"}]
    return Rows(
        places=len(states),
        asked=len(found),
        unfilled=sum(state != "filled" for state in states),
        accepted={slot: tuple(many) for slot, many in accepted.items()},
        kept=frozenset(one.id for one in kept),
        phones=frozenset(one.phone_fingerprint for one in kept),
    )
