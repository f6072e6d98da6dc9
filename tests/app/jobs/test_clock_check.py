"""A clock that was set stands in the log and in the trail, and at /health until it is over."""

import json
import logging
from pathlib import Path

import anyio
import pytest
from sqlalchemy.exc import OperationalError

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import ManualClock, SystemClock
from app.core.clock_watch import ClockTrouble, ClockWatch
from app.core.database import Database
from app.jobs.clock_check import ClockCheck
from tests.support.web import open_web
from tests.support.world import START


def told(database: Database) -> list[tuple[str, dict[str, object]]]:
    with database.reading() as session:
        lines = [e for e in audit.trail(session, "house") if e.tag.startswith("house:clock:")]
    return [(line.tag, json.loads(line.data)) for line in lines]


def test_a_jump_is_an_error_an_entry_and_an_alarm_until_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_web(tmp_path)
    database, clock, state = house.world.database, house.world.clock, house.application.state
    check = ClockCheck(database, clock, state.clock_watch)

    def health() -> str:
        return str(house.visitor().get("/health").json()["clock"])

    anyio.run(check.look)
    assert health() == "ok"
    clock.jump(3)
    with monkeypatch.context() as broken:
        broken.setattr(audit, "record", _away)
        with pytest.raises(OperationalError):
            anyio.run(check.look)
    assert told(database) == []
    clock.advance(1)
    anyio.run(check.look)
    assert health() == "alarm"
    clock.jump(-3)
    anyio.run(check.look)
    assert health() == "ok"
    assert told(database) == [
        (Tag.clock_off, {"off_ms": 3000, "why": "jumped"}),
        (Tag.clock_right, {"off_ms": 0}),
    ]
    levels = [r.levelno for r in caplog.records if r.name == "app.jobs.clock_check"]
    assert levels == [logging.ERROR, logging.WARNING]
    house.close()


def _away(*_args: object, **_named: object) -> None:
    raise OperationalError("the database is away", None, Exception())


def test_the_databases_own_clock_is_asked_where_it_has_one(pg_database: Database) -> None:
    """Ours by hand stands days from it; the machine's own agrees, since both are one machine's."""
    watch = ClockWatch()
    anyio.run(ClockCheck(pg_database, ManualClock(START), watch).look)
    assert watch.trouble is ClockTrouble.apart
    assert [tag for tag, _ in told(pg_database)] == [Tag.clock_off]
    watch = ClockWatch()
    anyio.run(ClockCheck(pg_database, SystemClock(), watch).look)
    assert watch.trouble is None
