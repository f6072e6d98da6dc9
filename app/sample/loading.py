"""Loads the sample: the centers, and the roster through the very import that a center would use."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict
from app.core.i18n import N_
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


def is_sample(session: Session) -> bool:
    """Whether this database holds the sample: its people are invented, and their numbers may belong to others."""
    return audit.happened(session, Tag.sample_loaded)


def load_sample(
    database: Database, clock: Clock, sealer: Sealer, progress: Callable[[int, int], None] | None = None
) -> SampleReport:
    """Loads what is not there yet; a second time changes nothing. `progress` hears (done, in all) of the roster.

    Conflict when the database holds anything that did not begin with the sample: invented people never get among
    real ones.
    """
    with database.reading() as session:
        ours = is_sample(session)
    if not ours and database.holds_rows():
        raise Conflict(
            "not-a-sample",
            N_("数据库中已有真实数据，不能载入样例"),
            N_("示范与演练请用另一个数据目录（--data）；正式运行请用 yuanping serve"),
        )
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
