"""What an invitation costs the service, how soon a key counts, and how soon the next person is called."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sqlmodel import select

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.settings import OwnSettings
from app.notify.models import OutgoingMessage
from expert_draw.models import Invitation
from tests.bench.invitations_webhooks import nothing_cpu_s
from tests.bench.measuring import percentile
from tests.bench.table import Figure, at_most, told
from tests.faults import places, province, soak
from tests.faults.chance import NONE, Ways
from tests.faults.fleet import (
    KEY,
    ROOT,
    Fleet,
    Process,
    Timers,
    cpu_s,
    fleet,
    phones_alone,
    until,
    whole_service,
)
from tests.faults.province import Province

CPU_MS = 3
KEY_S = 0.1
REPLACED_S = 1
_IDLE_S = 4.0
_AT_ONCE = 1000
"""Calls a second that are allowed: as many as the service can carry, as when thousands are invited in one morning."""
_QUICK = Ways(nobody=0, engaged=0, accepts=1, declines=0, thinks_s=0.1, rings_s=0.1)
_FICKLE = Ways(nobody=0, engaged=0, accepts=0.6, declines=0.4, thinks_s=0.2, rings_s=0.1)
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Stage:
    """A fleet of one node, and the province it serves, if there are draws."""

    fleet: Fleet
    database: Database
    province: Province | None

    @property
    def node(self) -> Process:
        return self.fleet.nodes[0]


def processor(quick: bool) -> Iterator[Figure]:
    """An invitation from its row to the yes: one call, and three posts that must be answered (the document, 1 and 1)."""
    count = 150 if quick else 500
    with stage(phones_alone, _QUICK, per_second=_AT_ONCE, reports=False) as ready:
        seconds = _spent(ready, lambda: _open_places(ready.database, count), soak.rows, count)
    floor = 3 * nothing_cpu_s(count)
    yield at_most(
        "processor time of an invitation with three webhooks",
        1000 * seconds / count,
        CPU_MS,
        unit="ms",
        beside=f"{count} of them, all accepted; the service without draws, its idling subtracted; three posts that do "
        f"nothing take {1000 * floor:.3g} ms of it",
    )
    with stage(phones_alone, _QUICK, per_second=_AT_ONCE) as ready:
        seconds = _spent(ready, lambda: _open_places(ready.database, count), soak.rows, count)
    yield told("the same with four status reports more", f"{1000 * seconds / count:.3g} ms")
    evaluations = count // province.PLACES
    with stage(whole_service, _QUICK, per_second=_AT_ONCE, evaluations=evaluations, reports=False) as ready:
        seconds = _spent(ready, lambda: _draw_all(ready), province.rows, count)
    yield told(
        "the same in the whole service, with record, trail and pages",
        f"{1000 * seconds / count:.3g} ms",
        f"{evaluations} evaluations, drawn by another process",
    )


def promptness(quick: bool) -> Iterator[Figure]:
    """The whole service with real draws, a call every tenth of a second: from the second press to the reply that says it
    is written down; from a no to the invitation of the next."""
    evaluations = 8 if quick else 40
    with stage(whole_service, _FICKLE, per_second=10, evaluations=evaluations) as ready:
        seen: dict[str, float] = {}
        _draw_all(ready)
        until(lambda: _filled(ready, seen), within_s=600, what="every place is filled", every_s=_LOOK_S)
        confirmed = _confirmed(ready.fleet.journal)
        replaced = list(_replaced(ready.database, confirmed, seen))
    yes = [one.took_s for one in confirmed.values() if one.keys == "11"]
    yield at_most(
        "key press to place accepted, p95",
        percentile(yes, 95),
        KEY_S,
        unit="s",
        beside=f"{len(yes)} presses, median {median(yes) * 1000:.0f} ms; over HTTP, on disk",
    )
    yield at_most(
        "decline to replacement queued, slowest",
        max(replaced),
        REPLACED_S,
        unit="s",
        beside=f"{len(replaced)} declines, median {median(replaced):.2f} s, p95 {percentile(replaced, 95):.2f} s; drawn anew",
    )


@contextmanager
def stage(
    program: Callable[[Path, int], tuple[str, ...]],
    ways: Ways,
    *,
    per_second: float,
    evaluations: int = 0,
    reports: bool = True,
    window_s: int = 900,
) -> Iterator[Stage]:
    """One node on SQLite beside a provider that makes no mistakes, up and running; evaluations are committed to, not drawn."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    timers = Timers(window_s=window_s, ring_s=20, grace_s=15, send_timeout_s=10, per_second=per_second)
    with TemporaryDirectory(dir=folder, prefix="bench-") as own:
        address = f"sqlite:///{Path(own) / 'bench.db'}"
        with soak.ground(address) as database:
            laid = None
            with database.engine.begin() as connection:
                places.lay_out(connection, 0)
            if evaluations:
                now = SystemClock().now()
                settings = OwnSettings(
                    data_dir=Path(own), demo=True, secret_key=KEY, invitation=timers.invitation()
                )
                laid = province.lay_out(database, settings, now)
                province.commit(laid, now, evaluations)
            arrangement = fleet(
                Path(own),
                address,
                nodes=1,
                timers=timers,
                seed=1,
                faults=NONE,
                ways=ways,
                program=program,
                extra={"SOAK_PEOPLE": "1000000"},
                reports=reports,
            )
            with arrangement as assembled:
                assembled.start()
                yield Stage(assembled, database, laid)


def _open_places(database: Database, count: int) -> None:
    with database.engine.begin() as connection:
        places.add(connection, count)


def _draw_all(ready: Stage) -> None:
    assert ready.province is not None
    for evaluation_id in province.committed(ready.province):
        province.run(ready.province, SystemClock().now(), evaluation_id)


def _spent(ready: Stage, begin: Callable[[], None], read: soak.Read, count: int) -> float:
    """Seconds of the node's processor time until everybody has accepted, less what it uses when nothing happens."""
    before, started = cpu_s(ready.node), time.monotonic()
    time.sleep(_IDLE_S)
    idle = (cpu_s(ready.node) - before) / (time.monotonic() - started)
    before, started = cpu_s(ready.node), time.monotonic()
    begin()

    def at_rest() -> bool:
        with ready.database.reading() as session:
            found = read(session)
        return found.places == count and not found.unfilled and not ready.fleet.state()["busy"]

    until(at_rest, within_s=600, what=f"{count} places are filled", every_s=0.5)
    return cpu_s(ready.node) - before - idle * (time.monotonic() - started)


def _filled(ready: Stage, seen: dict[str, float]) -> bool:
    """Whether every place is filled; notes when each invitation was first there."""
    with ready.database.reading() as session:
        found = session.exec(select(Invitation.id, Invitation.state)).all()
        at = time.monotonic()
    for invitation_id, _ in found:
        seen.setdefault(invitation_id, at)
    assert ready.province is not None
    accepted = sum(state == "accepted" for _, state in found)
    return accepted == province.PLACES * len(province.evaluations(ready.province))


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The second press of an answer: which keys, seconds until the reply, and when that came on the machine's clock."""

    keys: str
    took_s: float
    at_s: float


def _confirmed(journal: Path) -> Mapping[str, Confirmed]:
    """By our message."""
    found = {}
    with journal.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            if one["kind"] == "confirmed":
                found[one["message"]] = Confirmed(one["keys"], one["took_s"], one["at_s"])
    return found


def _replaced(
    database: Database, confirmed: Mapping[str, Confirmed], seen: Mapping[str, float]
) -> Iterator[float]:
    """Seconds from each no until the next invitation to the same place was there."""
    with database.reading() as session:
        subjects = dict(session.exec(select(OutgoingMessage.subject, OutgoingMessage.id)).all())
        invited = session.exec(select(Invitation).order_by(Invitation.id)).all()
    by_place: defaultdict[str, list[Invitation]] = defaultdict(list)
    for one in invited:
        by_place[one.slot_id].append(one)
    for many in by_place.values():
        for former, following in pairwise(many):
            said = confirmed.get(subjects.get(former.id, ""))
            if said is not None and said.keys == "22":
                yield max(seen[following.id] - said.at_s, 0.0)
