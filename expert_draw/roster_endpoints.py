"""The API of the roster: import a sheet, and see how deep the roster is."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.core.i18n import LANGUAGES
from expert_draw import roster
from expert_draw.roster_schemas import ImportView, RosterView
from expert_draw.snapshot import Rosters
from expert_draw.spreadsheet import read_cells

router = APIRouter(prefix="/api/roster", tags=["roster"])

_REFUSED = 422
_Language = Annotated[str, Query(pattern=f"^({'|'.join(LANGUAGES)})$")]


async def _rosters(request: Request) -> Rosters:
    rosters: Rosters = request.app.state.rosters
    return rosters


@router.post("/import", responses={_REFUSED: {"model": ImportView, "description": "Nothing was imported."}})
def import_roster(
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
    rosters: Annotated[Rosters, Depends(_rosters)],
    actor: Annotated[Actor, Requires(Permission.roster_import)],
    response: Response,
    sheet: Annotated[UploadFile, File(description="An .xlsx or .csv roster sheet.")],
    dry_run: bool = False,  # noqa: FBT001, FBT002 -- a query parameter
    lang: _Language = "zh",
) -> ImportView:
    """Imports a sheet, all of it or nothing; with `dry_run` only looks. 422 with the same body on errors."""
    cells = read_cells(sheet.file.read(), sheet.filename or "")
    if dry_run:
        with database.reading() as session:
            report = roster.import_sheet(session, sealer, clock.now(), cells, actor=actor.id, dry_run=True)
    else:
        with database.transaction() as session:
            report = roster.import_sheet(session, sealer, clock.now(), cells, actor=actor.id, rosters=rosters)
            if report.errors:
                response.status_code = _REFUSED
    return ImportView.of(report, lang)


@router.get("")
def show_roster(
    database: DatabaseDep, _actor: Annotated[Actor, Requires(Permission.roster_read)]
) -> RosterView:
    """How many experts there are, where they live and how deep each specialty is; never a name."""
    with database.reading() as session:
        return RosterView.of(roster.summary(session))
