"""How fast acts are recorded, how long a long trail takes to check, and what is found of attacks on it.

python -m tests.bench.trust_audit [--quick] [audit|verify|attacks …]
"""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import insert
from sqlmodel import Session

from app.audit import bundle, service
from app.audit.bundle_check import check
from app.audit.chain import GENESIS, Link
from app.audit.log_proofs import Proofs
from app.audit.log_tree import Frontier, Growing, leaf_hash
from app.audit.models import AuditEvent
from app.audit.signed_note import Checkpoint, Note
from app.audit.tags import Tag
from app.audit.witnessing import Refused, Witness
from app.core.canonical import Canonical, canonical_json
from app.core.clock import ManualClock
from app.core.database import Database
from tests.bench.measuring import wall
from tests.bench.program import Program
from tests.bench.table import Figure, at_least, at_most, told
from tests.support.databases import furnish
from tests.support.postgres import fresh, postgres
from tests.support.trail_attacks import ATTACKS, HIDES_WHEN_REBUILT, KEY, Attack, Trail, rebuild, unguarded

_CASES, _PROCESSES, _THREADS = 64, 2, 4
_NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
_ACTS = 1_000_000
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Load:
    """What one process writes: so many transactions in each of its cases. chained: by `record`, or as plain rows."""

    url: str
    cases: tuple[str, ...]
    transactions: int
    acts: int
    chained: bool


def audit(quick: bool) -> Iterator[Figure]:
    """Acts of 64 cases from two processes, each in a transaction of its own; beside them the same rows without chain."""
    transactions = 20 if quick else 150
    with postgres() as server:
        for acts, name in ((1, "1 act a transaction"), (4, "4 acts a transaction")):
            plain = _rate(server, transactions, acts, chained=False)
            chained = _rate(server, transactions, acts, chained=True)
            beside = f"plain inserts {plain:,.0f}/s"
            yield at_least(f"audit appends, {_CASES} cases, {name}", chained, 2000, unit="/s", beside=beside)


def _rate(server: str, transactions: int, acts: int, *, chained: bool) -> float:
    with fresh(server) as url:
        database = furnish(Database(url))
        with ProcessPoolExecutor(_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as crowd:
            names = [f"case-{number}" for number in range(_CASES)]
            shares = [tuple(names[one::_PROCESSES]) for one in range(_PROCESSES)]
            loads = [_Load(url, share, transactions, acts, chained) for share in shares]
            warm = [_Load(url, (f"warm-{one}",), 3, acts, chained) for one in range(_PROCESSES)]
            list(crowd.map(_write, warm))
            spent = max(crowd.map(_write, loads))
        with database.reading() as session:
            assert not chained or service.check_case(session, "case-0") is None
        database.dispose()
    return _CASES * transactions * acts / spent


def _write(load: _Load) -> float:
    """Seconds it took."""
    database = Database(load.url)
    act: Callable[[Session, str, int], None] = _record if load.chained else _insert

    def fill(case: str) -> None:
        for number in range(load.transactions):
            with database.transaction() as session:
                for one in range(load.acts):
                    act(session, case, number * load.acts + one)

    start = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as threads:
        for done in [threads.submit(fill, case) for case in load.cases]:
            done.result()
    spent = time.perf_counter() - start
    database.dispose()
    return spent


def _record(session: Session, case: str, number: int) -> None:
    service.record(
        session,
        _NOW,
        case=case,
        tag=Tag.sheet_saved,
        actor="account-0123456789",
        subject=f"sheet:{number}",
        data={"bidder": number, "sheet": "technical"},
    )


def _insert(session: Session, case: str, number: int) -> None:
    row = {
        "case": case,
        "n": number + 1,
        "at": _NOW,
        "tag": Tag.sheet_saved.value,
        "actor": "account-0123456789",
        "subject": f"sheet:{number}",
        "data": canonical_json({"bidder": number, "sheet": "technical"}).decode(),
        "prev": GENESIS,
        "hash": GENESIS,
    }
    session.connection().execute(insert(AuditEvent).inline(), row)


def verify(quick: bool) -> Iterator[Figure]:
    """The command that anyone runs, on an export of everything, against a checkpoint kept elsewhere."""
    acts = _ACTS // 10 if quick else _ACTS
    bound = _SECONDS * acts / _ACTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _export(folder, acts)
        command = [sys.executable, "-m", "app", "verify", "audit", str(folder / "audit.zip")]
        command += ["--key", KEY.verifier.to_text(), "--checkpoint", str(folder / "kept.note")]
        spent, done = wall(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
        assert done.returncode == 0, done.stdout + done.stderr
        size = (folder / "audit.zip").stat().st_size / 1e6
        yield at_most(f"verifying {acts:,} acts", spent, bound, unit="s", beside=f"{size:.0f} MB zipped")


def _export(folder: Path, count: int) -> None:
    """An export of so many acts of 64 cases, and the checkpoint of its first half."""
    heads: dict[str, tuple[int, str]] = {}
    log = Growing(Frontier())
    with (folder / bundle.ACTS).open("wb") as acts, (folder / bundle.LEAVES).open("wb") as leaves:
        for number in range(count):
            case = f"01936b4e-0000-7000-8000-{number % _CASES:012}"
            n, prev = heads.get(case, (0, GENESIS))
            link = Link(
                case,
                n + 1,
                _NOW.isoformat(),
                Tag.sheet_saved,
                "01936b4e-1111-7000-8000-000000000000",
                f"sheet:{number}",
                f'{{"bidder":{number},"sheet":"technical"}}',
                prev,
            )
            entry = link.to_bytes()
            heads[case] = (n + 1, sha256(entry).hexdigest())
            leaf = leaf_hash(entry)
            log.add(leaf)
            acts.write(entry + b"\n")
            leaves.write(leaf.hex().encode() + b"\n")
            if number + 1 == count // 2:
                (folder / "kept.note").write_bytes(_signed(log))
    (folder / bundle.NEWEST).write_bytes(_signed(log))
    head: dict[str, Canonical] = {
        "filter": {},
        "format": bundle.FORMAT,
        "key": KEY.verifier.to_text(),
        "kind": "whole",
        "size": count,
    }
    (folder / bundle.HEAD).write_bytes(canonical_json(head))
    with ZipFile(folder / "audit.zip", "w", ZIP_DEFLATED, compresslevel=4) as archive:
        for name in (bundle.HEAD, bundle.NEWEST, bundle.ACTS, bundle.LEAVES):
            archive.write(folder / name, name)


def _signed(log: Growing) -> bytes:
    point = Checkpoint(KEY.verifier.name, log.size, log.frontier.root)
    return Note(point.to_text()).signed(KEY).to_bytes()


def attacks(_quick: bool) -> Iterator[Figure]:
    """Each attack by a superuser with the guards off, first as it is, then signed for anew with the house's own key."""
    found = tried = 0
    with postgres() as server, tempfile.TemporaryDirectory() as name:
        for kind in ("sqlite", "postgresql"):
            for attack in ATTACKS:
                if kind == "postgresql":
                    with fresh(server) as url:
                        said = _attacked(Database(url), Path(name), attack)
                else:
                    address = f"sqlite:///{name}/{attack.__name__}.db"
                    said = _attacked(Database(address), Path(name), attack)
                tried += 1
                found += bool(said)
                yield told(f"{kind}: {attack.__name__.replace('_', ' ')}", said or "NOT FOUND")
    yield at_least(
        "attacks found with one checkpoint kept elsewhere", found, tried, unit="", beside=f"of {tried}"
    )


def _attacked(database: Database, folder: Path, attack: Attack) -> str:
    """By what the attack was found; empty when it was not."""
    trail = Trail(furnish(database), ManualClock(_NOW))
    trail.fill(18)
    trail.sequencer.advance(at_once=True)
    outside = trail.note()
    with unguarded(database) as connection:
        attack(connection)
    trail.record(("case-a", "one more"))
    house = trail.sequencer.advance(at_once=True) == 0
    by = ["the house itself"] if house else []
    trail.fill(6)
    rebuild(trail)
    verdict = check(trail.export(folder / "audit.zip"), KEY.verifier, [outside])
    witness = Witness(KEY.verifier, Note.parse(outside).checkpoint(KEY.verifier))
    try:
        _, point = witness.read(trail.note())
        with database.reading() as session:
            witness.judge(point, Proofs().consistency(session, witness.size, point.size))
    except Refused as refused:
        by.append(f"a witness ({refused.code})")
    if verdict.count:
        by.append(f"verify ({verdict.faults[0].kind})")
    elif attack in HIDES_WHEN_REBUILT:
        by.append("nothing left of it after signing anew")
    database.dispose()
    return ", ".join(by) if len(by) > 1 else ""


TRUST_AUDIT = Program(
    "trust-audit",
    "See what the audit trail costs, and what it finds.",
    "fewer acts than promised",
    {"audit": audit, "verify": verify, "attacks": attacks},
)

if __name__ == "__main__":
    raise SystemExit(TRUST_AUDIT.main(sys.argv[1:]))
