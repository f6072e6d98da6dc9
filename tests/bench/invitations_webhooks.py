"""How many reports a second the whole service takes, beside a route of the same service that does nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop
from sqlmodel import func, insert, select

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.ids import new_id
from app.core.sealed_columns import MESSAGE_TO, MESSAGE_VARIABLES
from app.core.sealing import Sealer
from app.notify.delivery import RANK, MessageState
from app.notify.models import OutgoingMessage
from tests.bench.invitations_load import rate, request
from tests.bench.invitations_service import NOTHING
from tests.bench.table import Figure, at_least, told
from tests.faults.chance import NONE, Ways
from tests.faults.fleet import KEY, ROOT, TOKEN, Fleet, Process, Timers, cpu_s, fleet
from tests.faults.soak import ground
from tests.faults.telephony import HOTLINE

CLIENTS = 64
CALLS = 250
ROUNDS = 15
_SHARE = 50
_STATES = ("initiated", "ringing", "in-progress", "completed")
_NEXT = iter(range(10**12))


def figures(quick: bool) -> Iterator[Figure]:
    """SQLite with synchronous=FULL; rounds of both kinds take turns, each with reports of calls nobody has heard of yet."""
    rounds = 4 if quick else ROUNDS
    with _service() as (database, assembled):
        pairs = [_round(database, assembled) for _ in range(rounds)]
    taken, idle = [one for one, _ in pairs], [other for _, other in pairs]
    shares = [100 * one.rate / other.rate for one, other in pairs]
    yield at_least(
        f"webhooks taken, {CLIENTS} clients, share of a route that does nothing",
        median(shares),
        _SHARE,
        unit=" %",
        beside=f"{_median(taken):,.0f}/s of {_median(idle):,.0f}/s, single rounds {min(shares):.0f} to {max(shares):.0f} %; "
        "SQLite, synchronous=FULL",
    )
    work, floor = (median(one.cpu_s for one in many) * 1e6 for many in (taken, idle))
    yield told(
        "of it: the service's processor time for a report",
        f"{work:,.0f} µs",
        f"the route that does nothing {floor:,.0f} µs, so {100 * floor / work:.0f} % on a processor of its own",
    )


def nothing_cpu_s(posts: int) -> float:
    """Seconds of the service's processor time for a post to the route that does nothing: what no webhook goes below."""
    with _service() as (_, assembled):
        fields = _fields("CA" + "0" * 32, "ringing", 1)
        node, public = assembled.nodes[0], assembled.provider.url
        return _posted(node, [request(node.url, NOTHING, fields, public=public, token=TOKEN)] * posts).cpu_s


@contextmanager
def _service() -> Iterator[tuple[Database, Fleet]]:
    """The whole service on SQLite with a route more, up and running."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="bench-") as own:
        address = f"sqlite:///{Path(own) / 'bench.db'}"
        arrangement = fleet(
            Path(own),
            address,
            nodes=1,
            timers=Timers(),
            seed=1,
            faults=NONE,
            ways=Ways(),
            program=lambda _folder, _port: ("-m", "tests.bench.invitations_service"),
        )
        with ground(address) as database, arrangement as assembled:
            assembled.start()
            yield database, assembled


@dataclass(frozen=True, slots=True)
class Round:
    """Requests a second, and seconds of the service's processor time for each."""

    rate: float
    cpu_s: float


def _round(database: Database, assembled: Fleet) -> tuple[Round, Round]:
    """Reports, then the same bytes to the route that does nothing."""
    requests = _reports(database, assembled, CALLS)
    found = [_posted(assembled.nodes[0], [one[kind] for one in requests]) for kind in (0, 1)]
    _check(database, CALLS)
    return found[0], found[1]


def _posted(node: Process, requests: list[bytes]) -> Round:
    before = cpu_s(node)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reached = runner.run(rate(node.url, requests, CLIENTS))
    return Round(reached, (cpu_s(node) - before) / len(requests))


def _median(rounds: list[Round]) -> float:
    return median(one.rate for one in rounds)


def _reports(database: Database, assembled: Fleet, calls: int) -> list[tuple[bytes, bytes]]:
    """Four reports of each of so many new calls, in their order, and the same bytes for the route that does nothing."""
    now, sealer = SystemClock().now(), Sealer(bytes.fromhex(KEY))
    rows = [_sent(now, sealer) for _ in range(calls)]
    with database.transaction() as session:
        session.connection().execute(insert(OutgoingMessage), rows)
    made = []
    base, public = assembled.nodes[0].url, assembled.provider.url
    for number, status in enumerate(_STATES):
        for row in rows:
            fields = _fields(str(row["provider_sid"]), status, number)
            path = f"/hooks/twilio/status/{row['id']}"
            made.append(
                (
                    request(base, path, fields, public=public, token=TOKEN),
                    request(base, NOTHING, fields, public=public, token=TOKEN),
                )
            )
    return made


def _sent(now: datetime, sealer: Sealer) -> dict[str, object]:
    """A call that the provider has taken, about an invitation that is over: its end leads to no further step."""
    number, id_ = next(_NEXT), new_id(now)
    return {
        "id": id_,
        "subject": f"bench-{number}",
        "purpose": "invitation",
        "channel": "voice",
        "to_sealed": sealer.seal(f"+86139{number:08d}", MESSAGE_TO.at(id_)),
        "to_fingerprint": f"{number:064x}",
        "template": "invitation_voice",
        "variables_sealed": sealer.seal("{}", MESSAGE_VARIABLES.at(id_)),
        "language": "zh",
        "state": MessageState.sent.value,
        "rank": RANK[MessageState.sent],
        "due_at": now,
        "quiet": False,
        "ring_s": 25,
        "looked_up": 0,
        "tries": 1,
        "provider_sid": f"CA{number:032x}",
        "created_at": now,
    }


def _fields(sid: str, status: str, number: int) -> dict[str, str]:
    """What Twilio posts about a call."""
    return {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "CallbackSource": "call-progress-events",
        "CallSid": sid,
        "CallStatus": status,
        "Called": "+8613900000001",
        "CalledCity": "",
        "CalledCountry": "CN",
        "CalledState": "",
        "CalledZip": "",
        "Caller": HOTLINE,
        "CallerCity": "",
        "CallerCountry": "CN",
        "CallerState": "",
        "CallerZip": "",
        "Direction": "outbound-api",
        "From": HOTLINE,
        "FromCountry": "CN",
        "SequenceNumber": str(number),
        "Timestamp": "Mon, 23 Nov 2026 01:00:00 +0000",
        "To": "+8613900000001",
        "ToCountry": "CN",
    }


def _check(database: Database, calls: int) -> None:
    """AssertionError unless every call is where its last report says."""
    with database.reading() as session:
        ended = select(func.count()).select_from(OutgoingMessage).where(OutgoingMessage.state == "completed")
        done = session.exec(ended).one()
    if done < calls:
        raise AssertionError(f"{done} of {calls} calls have ended")
