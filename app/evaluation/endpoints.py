"""The interface of an evaluation: for staff who conduct it, and for the expert at their desk."""

from typing import Annotated, Literal

from fastapi import APIRouter

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.evaluation import booking, cases, conductor, convening, desk, views
from app.evaluation.cases import HouseDep
from app.evaluation.disclosing import ReadBy
from app.evaluation.recorded import reached, recorded
from app.evaluation.schemas import BookingIn, DeskOut, EvaluationOut, GiveUpIn, SheetIn, SheetOut
from venue.at_terminal import WritingDep

router = APIRouter(prefix="/api", tags=["evaluation"])

Act = Literal["commit", "run", "convene", "open", "close"]


@router.post("/evaluations", status_code=201)
def book(
    wanted: BookingIn,
    actor: Annotated[Actor, Requires(Permission.evaluation_book)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Books an evaluation after checking it against the rules in force and the depth of the pool."""
    with database.transaction() as session:
        evaluation = conductor.book(session, clock.now(), house, actor, wanted)
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation.id)


@router.post("/evaluations/check")
def check(
    wanted: BookingIn,
    _actor: Annotated[Actor, Requires(Permission.evaluation_book)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> list[booking.Problem]:
    """Everything wrong with a booking, without entering it."""
    with database.reading() as session:
        return list(booking.check(session, clock.now(), house.rosters, wanted))


@router.get("/evaluations/{evaluation_id}")
def read(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.evaluation_read)],
    database: DatabaseDep,
    sealer: SealerDep,
) -> EvaluationOut:
    with database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
        return views.summary(session, reached(session), ReadBy(actor, sealer), evaluation_id)


@router.post("/evaluations/{evaluation_id}/give-up")
def give_up(
    evaluation_id: str,
    wanted: GiveUpIn,
    actor: Annotated[Actor, Requires(Permission.evaluation_conduct)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Ends an evaluation that cannot go on: people are told, seats let go, what was recorded is sealed."""
    with database.transaction() as session:
        conductor.give_up(session, clock.now(), house, actor, evaluation_id, wanted.reason)
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.post("/evaluations/{evaluation_id}/seats/{seat_no}/code")
def renew_seat_code(
    evaluation_id: str,
    seat_no: int,
    actor: Annotated[Actor, Requires(Permission.evaluation_conduct)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Sends the member of this seat a new code; the codes before it end."""
    with database.transaction() as session:
        convening.renew_seat_code(session, clock.now(), house, actor, evaluation_id, seat_no)
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.post("/evaluations/{evaluation_id}/{act}")
def conduct(
    evaluation_id: str,
    act: Act,
    actor: Annotated[Actor, Requires(Permission.evaluation_conduct)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Moves the evaluation on: commit and run the draw, convene the experts, open and close the session."""
    with database.transaction() as session:
        conductor.perform(
            session,
            clock.now(),
            house,
            actor,
            evaluation_id,
            act,
            recorded(session, house.settings.recording.stale_after_ms),
        )
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.get("/seat/desk")
def seat_desk(
    actor: Annotated[Actor, Requires(Permission.seat_sit)],
    database: DatabaseDep,
) -> DeskOut:
    with database.reading() as session:
        return desk.desk(session, str(actor.member_id))


@router.put("/seat/sheet")
def save_sheet(
    sheet: SheetIn,
    actor: Annotated[Actor, Requires(Permission.sheet_write)],
    writing: WritingDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> SheetOut:
    """Stores the sheet; once this answers, the entries survive anything that happens to the service."""
    with database.transaction() as session:
        writing.require(session, actor)
        return desk.save(session, clock.now(), str(actor.member_id), sheet)


@router.post("/seat/sheet/submit")
def submit_sheet(
    actor: Annotated[Actor, Requires(Permission.sheet_write)],
    writing: WritingDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> SheetOut:
    with database.transaction() as session:
        writing.require(session, actor)
        return desk.submit(session, clock.now(), str(actor.member_id))
