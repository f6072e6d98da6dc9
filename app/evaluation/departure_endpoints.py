"""The interface for what happens after the draw: the list of bidders, people who leave, two persons, a pool that falls short."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.evaluation import (
    cases,
    confirming,
    designating,
    joint_views,
    leaving,
    second_phase,
    shortage,
    views,
)
from app.evaluation.cases import HouseDep
from app.evaluation.disclosing import ReadBy
from app.evaluation.recorded import reached
from app.evaluation.schemas import (
    BidderListIn,
    BidderListOut,
    DepartureIn,
    DesignationIn,
    EvaluationOut,
    JointActOut,
    PostponeIn,
    ReasonIn,
    WidenIn,
)

router = APIRouter(prefix="/api", tags=["after the draw"])

Host = Annotated[Actor, Requires(Permission.evaluation_conduct)]
Either = Annotated[Actor, Requires(Permission.member_dismiss)]
Reader = Annotated[Actor, Requires(Permission.evaluation_read)]
SeatNo = Annotated[int, Path(ge=1, le=99)]
_EVALUATION = "/evaluations/{evaluation_id}"


@router.post(f"{_EVALUATION}/bidders")
def deliver_bidders(
    evaluation_id: str,
    wanted: BidderListIn,
    actor: Host,
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> BidderListOut:
    """Takes the sealed list of bidders and checks everyone who is asked or has accepted; what comes back tells nothing of it."""
    with database.transaction() as session:
        second_phase.deliver(session, clock.now(), house, actor, evaluation_id, wanted)
        return second_phase.shown(session, actor, evaluation_id)


@router.get(f"{_EVALUATION}/bidders")
def bidders_delivered(evaluation_id: str, actor: Reader, database: DatabaseDep) -> BidderListOut:
    """Whether the list has come; for supervisors also how many were checked and how many places are filled again."""
    with database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
        return second_phase.shown(session, actor, evaluation_id)


@router.post(f"{_EVALUATION}/seats/{{seat_no}}/removal", status_code=202)
def order_removal(
    evaluation_id: str,
    seat_no: SeatNo,
    wanted: ReasonIn,
    actor: Either,
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
) -> list[JointActOut]:
    """Asks for the removal of a member; it happens once the other side confirms it."""
    with database.transaction() as session:
        leaving.order_removal(session, clock.now(), actor, evaluation_id, seat_no, wanted.reason)
        return joint_views.waiting(session, clock.now(), sealer, actor, evaluation_id)


@router.post(f"{_EVALUATION}/seats/{{seat_no}}/departure")
def declare_left(
    evaluation_id: str,
    seat_no: SeatNo,
    wanted: DepartureIn,
    response: Response,
    actor: Host,
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """The holder of this seat is absent: they leave at once and another one is drawn. For one who is recused or ill that
    is asked of the other side (202) and happens once it confirms."""
    with database.transaction() as session:
        asked = leaving.declare(
            session, clock.now(), house, actor, evaluation_id, seat_no, wanted.cause, wanted.reason
        )
        if asked is not None:
            response.status_code = HTTPStatus.ACCEPTED
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.get(f"{_EVALUATION}/joint-acts")
def joint_acts_waiting(
    evaluation_id: str, actor: Either, database: DatabaseDep, clock: ClockDep, sealer: SealerDep
) -> list[JointActOut]:
    """What waits for its second person, and what does no more since it has lapsed."""
    with database.reading() as session:
        return joint_views.waiting(session, clock.now(), sealer, actor, evaluation_id)


@router.post(f"{_EVALUATION}/joint-acts/{{act_id}}/confirm")
def confirm(
    evaluation_id: str, act_id: str, actor: Either, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> list[JointActOut]:
    """The other side confirms: it happens at once."""
    with database.transaction() as session:
        confirming.settle(session, clock.now(), house, actor, evaluation_id, act_id, confirm=True)
        return joint_views.waiting(session, clock.now(), house.sealer, actor, evaluation_id)


@router.post(f"{_EVALUATION}/joint-acts/{{act_id}}/refuse")
def refuse(
    evaluation_id: str, act_id: str, actor: Either, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> list[JointActOut]:
    """The other side refuses: nothing happens, and it may be asked again."""
    with database.transaction() as session:
        confirming.settle(session, clock.now(), house, actor, evaluation_id, act_id, confirm=False)
        return joint_views.waiting(session, clock.now(), house.sealer, actor, evaluation_id)


@router.post(f"{_EVALUATION}/widen")
def widen(
    evaluation_id: str,
    wanted: WidenIn,
    actor: Host,
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Takes the next rung of the declared ladder; everybody is let go and a new draw may be held."""
    with database.transaction() as session:
        shortage.widen(session, clock.now(), house, actor, evaluation_id, wanted.reason, wanted.starts_at)
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.post(f"{_EVALUATION}/postpone")
def postpone(
    evaluation_id: str,
    wanted: PostponeIn,
    actor: Host,
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> EvaluationOut:
    """Another start with the same conditions; everybody is let go and a new draw may be held."""
    with database.transaction() as session:
        shortage.postpone(session, clock.now(), house, actor, evaluation_id, wanted.reason, wanted.starts_at)
        return views.summary(session, reached(session), ReadBy(actor, house.sealer), evaluation_id)


@router.post(f"{_EVALUATION}/designation", status_code=202)
def propose_designation(
    evaluation_id: str,
    wanted: DesignationIn,
    actor: Host,
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> list[JointActOut]:
    """Proposes experts for the vacant seats; they are invited once the supervisor has approved it."""
    numbers = {place.seat_no: place.expert for place in wanted.places}
    with database.transaction() as session:
        designating.propose(
            session,
            clock.now(),
            house,
            actor,
            evaluation_id,
            numbers,
            wanted.circumstance,
            wanted.reason,
            wanted.consent,
        )
        return joint_views.waiting(session, clock.now(), house.sealer, actor, evaluation_id)
