"""The API of the roster: import a sheet, see how deep the roster is, and who somebody is, masked or with a reason."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.core.i18n import LANGUAGES
from expert_draw import roster, unmasking
from expert_draw.bounded_reading import read_bounded
from expert_draw.roster_schemas import ImportView, PersonView, RosterView, UnmaskIn
from expert_draw.snapshot import Rosters

router = APIRouter(prefix="/api/roster", tags=["roster"])

_REFUSED = 422
_LONGEST_NAME = 100
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
    cells = read_bounded(sheet.file.read(), (sheet.filename or "")[:_LONGEST_NAME].replace("\0", ""))
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


@router.get("/{number}")
def show_person(
    number: str,
    _actor: Annotated[Actor, Requires(Permission.roster_read)],
    database: DatabaseDep,
    sealer: SealerDep,
) -> PersonView:
    """One expert by their number; name, identity number and phone are masked."""
    with database.reading() as session:
        return PersonView.of(unmasking.masked(session, sealer, number))


@router.post("/{number}/unmask")
def unmask_person(
    number: str,
    wanted: UnmaskIn,
    actor: Annotated[Actor, Requires(Permission.person_unmask)],
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
) -> PersonView:
    """The fields asked for in clear. Who asked, for which and why, stays in the trail."""
    with database.transaction() as session:
        return PersonView.of(
            unmasking.unmask(session, clock.now(), sealer, actor.id, number, wanted.fields, wanted.reason)
        )
