"""While the service runs the log is signed; what stamps it may fail without holding anything up."""

import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from app.audit import log_rows
from app.audit import service as audit
from app.audit.house_log import HouseLog, open_log, signer_of
from app.audit.tags import Tag
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import InvalidInput
from app.core.sealing import Sealer
from app.core.settings_records import AuditSettings
from app.jobs.sequencing import Sequencing
from tests.support.databases import furnish
from tests.support.world import START

SEALER = Sealer(bytes(range(32)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = furnish(Database(f"sqlite:///{tmp_path / 'log.db'}"))
    yield made
    made.dispose()


def opened(database: Database, clock: ManualClock, **settings: object) -> HouseLog:
    return open_log(AuditSettings(**settings), database, clock, SEALER)


def record(database: Database, tag: Tag = Tag.sheet_saved) -> None:
    with database.transaction() as session:
        audit.record(session, START, case="c", tag=tag, actor="a", subject="s")


def signed(database: Database) -> int:
    with database.reading() as session:
        return log_rows.signed_size(session)


def test_the_log_is_signed_within_its_time_at_once_for_milestones_and_when_the_service_ends(
    database: Database,
) -> None:
    clock = ManualClock(START)
    sequencing = Sequencing(opened(database, clock), clock)
    sizes = []

    async def live() -> None:
        for tag, seconds in (
            (Tag.sheet_saved, 0.0),
            (Tag.sheet_saved, 8.0),
            (Tag.sheet_saved, 1.0),
            (Tag.draw_round, 0.0),
            (Tag.sheet_saved, 0.0),
        ):
            clock.advance(seconds)
            record(database, tag)
            await sequencing.sign()
            sizes.append(signed(database))
        await sequencing.finish()
        sizes.append(signed(database))

    anyio.run(live)
    assert sizes == [1, 1, 3, 4, 4, 5]


def test_a_stamping_service_that_is_away_is_tried_again_and_holds_no_signature_up(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock(START)
    log = opened(database, clock, tsa_url="http://127.0.0.1:9/", sign_command=("/nowhere/signer",))
    sequencing = Sequencing(log, clock)

    async def live() -> None:
        for _ in range(3):
            record(database, Tag.draw_round)
            await sequencing.sign()
            await sequencing.endorse()

    with caplog.at_level(logging.ERROR):
        anyio.run(live)
    assert signed(database) == 3
    assert caplog.text.count("stamping the audit log failed") == 1
    assert caplog.text.count("countersigning the audit log failed") == 1


def test_a_log_is_named_by_its_key_or_as_the_settings_say_and_signed_by_a_key_of_its_own(
    database: Database,
) -> None:
    own = signer_of(AuditSettings(), SEALER).verifier
    other = signer_of(AuditSettings(), Sealer(bytes(32))).verifier
    assert own.name != other.name
    assert own.name.startswith("yuanping.audit/")
    named = signer_of(AuditSettings(origin="house.example/audit"), SEALER).verifier
    assert (named.name, named.key) == ("house.example/audit", own.key)
    with pytest.raises(InvalidInput, match="witness-key"):
        opened(database, ManualClock(START), witnesses=("nobody",))
