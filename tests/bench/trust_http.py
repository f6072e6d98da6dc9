"""The whole interface under hostile requests: every route, by every role and by nobody, on SQLite and on PostgreSQL.

Whoever conducts `soak-trust` takes `figures` as one of its parts.
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.database import Database
from tests.bench.table import Figure, at_least, at_most, told
from tests.support.databases import furnish
from tests.support.hostile import hostile_house, wrong
from tests.support.hostile_cases import cases
from tests.support.postgres import fresh, postgres
from tools.groundwork import say

_EACH, _EACH_QUICK = 12, 1
_POSTGRESQL_SHARE = 4
_LEAST, _LEAST_QUICK = 50_000, 5_000
_SHOWN = 20
_TOLD_EVERY = 5_000


def figures(quick: bool) -> Iterator[Figure]:
    """How many were sent, and what of it was answered as it must not be."""
    each = _EACH_QUICK if quick else _EACH
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        sent, faults = _beset(folder / "sqlite", each, None, 1)
        server = stack.enter_context(postgres())
        address = stack.enter_context(fresh(server))
        also, more = _beset(folder / "postgresql", each, furnish(Database(address)), _POSTGRESQL_SHARE)
    faults += more
    broken = sum(count for what, count in faults.items() if "status" in what)
    yield at_least(
        "hostile requests, every role and nobody", sent + also, _LEAST_QUICK if quick else _LEAST, unit=""
    )
    yield told("of them on PostgreSQL", f"{also:,}")
    yield at_most("answered with 5xx", broken, 0, unit="")
    yield at_most("let in or told what must not be", sum(faults.values()) - broken, 0, unit="")


def _beset(folder: Path, each: int, database: Database | None, share: int) -> tuple[int, Counter[str]]:
    """Sends every case as everybody, at one of `share` doors; how many, and what was wrong by route and kind."""
    folder.mkdir()
    faults: Counter[str] = Counter()
    sent, last = 0, None
    with hostile_house(folder, database) as house:
        known = house.known
        for door, knock in cases(house, each, only=lambda label: zlib.crc32(label.encode()) % share == 0):
            if door is not last:
                house.restore()
                last = door
            for actor in house.actors:
                answer = house.knock(actor, knock)
                sent += 1
                if sent % _TOLD_EVERY == 0:
                    say(f"    {sent:,} sent")
                if (what := wrong(door, actor, knock, answer, known)) is not None:
                    kind = f"{door.method} {door.path} as {actor}: {what}"
                    faults[kind] += 1
                    if faults[kind] == 1 and len(faults) <= _SHOWN:
                        say(f"    {kind}\n      {knock.target[:200]} {knock.body[:200]!r}")
    return sent, faults
