"""Loads the sample: the centers, and the roster through the very import that a center would use."""

from collections.abc import Callable
from dataclasses import dataclass

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database
from app.core.sealing import Sealer
from app.sample.centers import load_centers, sample_centers
from app.sample.sheets import GOOD, shipped
from expert_draw.roster import ImportReport, import_sheet
from expert_draw.spreadsheet import read_sheet

ACTOR = "sample"


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What was loaded: the id of the host center, how many centers there are, and the import of the roster."""

    host_center_id: str
    centers: int
    roster: ImportReport


def load_sample(
    database: Database, clock: Clock, sealer: Sealer, progress: Callable[[int, int], None] | None = None
) -> SampleReport:
    """Loads what is not there yet; a second time changes nothing. `progress` hears (done, in all) of the roster."""
    cells = read_sheet(shipped(GOOD))
    with database.transaction() as session:
        now = clock.now()
        host = load_centers(session, now)
        roster = import_sheet(session, sealer, now, cells, actor=ACTOR, progress=progress)
        report = SampleReport(host, len(sample_centers()), roster)
        if roster.new or roster.changed:
            audit.record(
                session,
                now,
                case="house",
                tag=Tag.sample_loaded,
                actor=ACTOR,
                subject="sample",
                data={"centers": report.centers, "experts": roster.rows},
            )
        return report
