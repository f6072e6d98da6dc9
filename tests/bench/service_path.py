"""From the button to the record and the queued invitations, with a roster of 100,000 experts in SQLite."""

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import event, insert
from sqlmodel import Session, col, select

from app.core.ids import new_id
from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.evaluation import conductor
from app.evaluation.schemas import SlotIn
from expert_draw import stored_lines
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, Expert, ExpertSpecialty, Invitation
from expert_draw.snapshot import Rosters
from expert_draw.specialties import SPECIALTIES
from tests.bench.measuring import wall
from tests.bench.table import Figure, at_most, told
from tests.support.bigpool import big_pool
from tests.support.node import find_node
from tests.support.world import CITIES, MORE_CITIES, OPERATOR, World, booking, make_world
from tests.verifier.second import PROGRAM

EXPERTS = 100_000
SECONDS = 1.5
EVALUATIONS = 4
FEW = (SlotIn(specialty="A0803", count=3), SlotIn(specialty="A0602", count=2))
MANY = (SlotIn(specialty="A0801", count=3), SlotIn(specialty="A0401", count=2))
"""What is asked for: specialties of some 6 % of the experts, and of more than a quarter of them."""
PLACES = 5
MOST_READ = 100
_CODES = tuple(code for code in SPECIALTIES if len(code) == 7)
_AT_ONCE = 5000


def figures(quick: bool) -> Iterator[Figure]:
    """Committing and drawing, each evaluation on a day of its own, in transactions that end on disk."""
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), experts=0)
        seconds, _ = wall(lambda: fill(world, EXPERTS))
        yield told(f"roster of {EXPERTS:,} entered, with its tree and root", f"{seconds:,.3g} s")
        world.rosters = Rosters(world.sealer)
        seconds, _ = wall(lambda: warmed(world))
        yield told("roster read into memory, as the service does when it starts", f"{seconds:,.3g} s")
        with objects_read() as read:
            few = [drawn(world, number, FEW) for number in range(EVALUATIONS)]
        many = [drawn(world, EVALUATIONS + number, MANY) for number in range(EVALUATIONS)]
        listed = _checked(world)
        world.database.dispose()
    both = [commit + run for commit, run in few]
    yield at_most(
        f"whole service path, {EXPERTS:,} experts in SQLite",
        median(both),
        SECONDS,
        unit="s",
        beside=f"on the clock, {min(both):.2f} to {max(both):.2f} s; {listed[0]:,} listed, {PLACES} drawn",
    )
    yield at_most(
        "of it: experts read from the database one by one, for each draw",
        len(read) / EVALUATIONS,
        MOST_READ,
        unit="",
        beside="the roster stays in memory",
    )
    yield told("of it: lists frozen and committed to", f"{median(commit for commit, _ in few):.3g} s")
    yield told("of it: drawn, seats booked, invitations queued", f"{median(run for _, run in few):.3g} s")
    rare = median(commit + run for commit, run in many)
    yield told("the same with very common specialties", f"{rare:.3g} s", f"{listed[-1]:,} listed")


@contextmanager
def objects_read() -> Iterator[list[object]]:
    """Collects every expert that is made into an object of its own meanwhile."""
    read: list[object] = []

    def note(expert: object, _context: object) -> None:
        read.append(type(expert))

    event.listen(Expert, "load", note)
    try:
        yield read
    finally:
        event.remove(Expert, "load", note)


def fill(world: World, size: int) -> None:
    """A roster in one change: specialties by Zipf's law, employers with heavy tails, seven cities."""
    pool, now = big_pool(size), world.now()
    cities = [city for city, *_ in (*CITIES, *MORE_CITIES)]
    ids = [new_id(now) for _ in range(size)]
    with world.transaction() as session:
        change = world.rosters.begin(session)
        _insert(
            session,
            Expert,
            [
                {
                    "id": ids[number],
                    "number": f"{number:017d}",
                    "name_sealed": world.sealer.seal("张三", EXPERT_NAME.at(ids[number])),
                    "gender": "1",
                    "identity_sealed": world.sealer.seal(f"{number}", EXPERT_IDENTITY.at(ids[number])),
                    "identity_fingerprint": f"{number:064x}",
                    "birth_year": 1960 + number % 36,
                    "region_code": f"{cities[city % len(cities)]}00",
                    "phone_sealed": world.sealer.seal("+8613900000001", EXPERT_PHONE.at(ids[number])),
                    "phone_fingerprint": f"{number:064x}",
                    "employer": f"单位{employer}",
                    "employer_code": f"91530600MA{employer:08d}",
                    "title": "高级工程师",
                    "years_in_field": 8 + number % 30,
                    "former_employers": f'["单位{number % 997}（2024-05-31）"]' if number % 3 == 0 else "[]",
                    "declared_avoidance": f'["单位{number % 499}"]' if number % 9 == 0 else "[]",
                    "valid_until": None,
                    "state": "suspended" if number % 97 == 0 else "active",
                    "entered_at": now - timedelta(days=400),
                    "imported_at": now,
                    "revision": change.n,
                }
                for number, (employer, city) in enumerate(
                    zip(pool.employer.tolist(), pool.city.tolist(), strict=True)
                )
            ],
        )
        held = ((ids[row], _CODES[code % len(_CODES)]) for row, code in _held(pool.specialties))
        rows = [{"expert_id": id_, "code": code} for id_, code in sorted(set(held))]
        _insert(session, ExpertSpecialty, rows)
        world.rosters.seal(session, now, change)


def warmed(world: World) -> None:
    """The roster as every act finds it once the service runs."""
    with world.database.reading() as session:
        world.rosters.current(session)


def drawn(world: World, number: int, slots: tuple[SlotIn, ...]) -> tuple[float, float]:
    """Seconds on the clock to commit and to draw one evaluation; booking it is not counted."""
    wanted = booking(
        world,
        project_number=f"ZT-2026-{number:03d}",
        starts_at=world.now() + timedelta(days=1 + number),
        slots=slots,
    )
    with world.transaction() as session:
        evaluation_id = conductor.book(session, world.now(), world.house, OPERATOR, wanted).id
    commit, _ = wall(lambda: _act(world, evaluation_id, "commit"))
    run, _ = wall(lambda: _act(world, evaluation_id, "run"))
    return commit, run


def _act(world: World, evaluation_id: str, name: str) -> None:
    with world.transaction() as session:
        conductor.perform(session, world.now(), world.house, OPERATOR, evaluation_id, name, lambda _key: None)


def _checked(world: World) -> list[int]:
    """How many were listed in each draw; AssertionError unless each invited whom it should and both verifiers pass the last."""
    with world.database.reading() as session:
        draws = session.exec(select(Draw).order_by(col(Draw.number))).all()
        queued = Counter(session.exec(select(Invitation.draw_id).where(Invitation.state == "queued")).all())
        texts = [stored_lines.text(session, draw, opened=True) for draw in draws]
    verdict = verify_record(texts[-1])
    if not (verdict.ok and verdict.full):
        raise AssertionError(f"the record does not hold: {verdict.findings[:1]}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.jsonl"
        file.write_bytes(texts[-1])
        second = subprocess.run([find_node(), str(PROGRAM), str(file)], capture_output=True, check=False)
    if second.returncode:
        raise AssertionError(f"the second verifier refuses the record: {second.stdout.decode()[:200]}")
    if len(draws) != 2 * EVALUATIONS or set(queued.values()) != {PLACES}:
        raise AssertionError(f"invitations per draw: {dict(queued)}")
    return [json.loads(text.splitlines()[0])["body"]["pools"][0]["size"] for text in texts]


def _held(specialties: Any) -> Iterator[tuple[int, int]]:
    rows, places = np.nonzero(specialties >= 0)
    yield from zip(rows.tolist(), specialties[rows, places].tolist(), strict=True)


def _insert(session: Session, table: type, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        session.execute(insert(table), rows[start : start + _AT_ONCE])
