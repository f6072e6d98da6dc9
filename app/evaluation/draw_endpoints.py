"""The interface of a draw: its record for those who may have it, and what its parties say."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep
from app.core.errors import NotFound
from app.core.i18n import N_
from app.evaluation import cases, committee, draw_parties, public_draws, slips, views
from app.evaluation.cases import HouseDep
from app.evaluation.schemas import StatementIn
from expert_draw import keeping, parties

router = APIRouter(prefix="/api", tags=["draw"])

Step = Literal["promise", "agree", "approve", "reveal"]
LINES = "application/jsonl"


@router.get("/evaluations/{evaluation_id}/draw/record")
def draw_record(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.draw_read)],
    database: DatabaseDep,
) -> PlainTextResponse:
    """The draw record as a file; `yuanping verify` and `verify.js` run it again without this service.

    With the lists opened for supervisors at any time and for the host once the evaluation is closed; else the lines alone,
    and until the draw is over only those that `public_draws.lines_for_party` gives the host's center.
    """
    with database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        if evaluation.draw_id is None:
            raise NotFound("no-draw", N_("这次评标还没有抽取记录"), N_("先公布抽取承诺"))
        draw = keeping.load(session, evaluation.draw_id)
        opened = views.opens_lists(session, actor, evaluation)
        text = public_draws.text_for_party(session, draw, parties.CENTER, opened=opened)
    return as_file(text, f"{draw.number}.jsonl")


@router.post("/evaluations/{evaluation_id}/draw/approve", status_code=204)
def approve(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.draw_supervise)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> None:
    """The supervisor lets the draw go on although thresholds are not met."""
    with database.transaction() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_supervise)
        committee.approve_warnings(session, clock.now(), house, actor.id, evaluation)


@router.post("/evaluations/{evaluation_id}/draw/publish", status_code=204)
def publish(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.draw_supervise)],
    database: DatabaseDep,
    clock: ClockDep,
) -> None:
    """Makes the record with its lists public, when everything is over."""
    with database.transaction() as session:
        draw_parties.publish(session, clock.now(), actor, evaluation_id)


@router.post("/evaluations/{evaluation_id}/draw/parties/tenderee/link", status_code=201)
def new_link(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.draw_run)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> JSONResponse:
    """A new opaque link for the tenderee's representative; the one before ends."""
    with database.transaction() as session:
        secret = draw_parties.new_link(session, clock.now(), house, actor, evaluation_id)
    return JSONResponse({"url": f"{house.settings.public_url}/party/{secret}"}, 201)


@router.post("/evaluations/{evaluation_id}/draw/parties/{party}/keep", status_code=204)
def keep(
    evaluation_id: str,
    party: str,
    actor: Annotated[Actor, Requires(Permission.draw_read)],
    database: DatabaseDep,
    clock: ClockDep,
) -> None:
    """The party leaves its share with the service."""
    with database.transaction() as session:
        evaluation = draw_parties.of_actor(session, actor, evaluation_id, party)
        draw_parties.keep(session, clock.now(), evaluation, party)


@router.post("/evaluations/{evaluation_id}/draw/parties/{party}/{step}", status_code=204)
def say(
    evaluation_id: str,
    party: str,
    step: Step,
    said: StatementIn,
    actor: Annotated[Actor, Requires(Permission.draw_read)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> None:
    """A party with an account, which keeps its own secret, promises, agrees, approves or reveals."""
    with database.transaction() as session:
        evaluation = draw_parties.of_actor(session, actor, evaluation_id, party)
        draw_parties.say(session, clock.now(), house, evaluation, party, step, said.text)


@router.get("/party/{secret}/record", dependencies=[Public()])
def record_for_party(secret: str, database: DatabaseDep, house: HouseDep) -> PlainTextResponse:
    """The lines of the record so far, as far as the party that came by its link may have them: what it is asked to sign."""
    with database.reading() as session:
        evaluation, party = draw_parties.of_link(session, house, secret)
        if evaluation.draw_id is None:
            raise NotFound("no-draw", N_("这次评标还没有抽取记录"), N_("等待主场公布承诺"))
        draw = keeping.load(session, evaluation.draw_id)
        text = public_draws.text_for_party(session, draw, party, opened=draw.published_at is not None)
    return as_file(text, f"{draw.number}.jsonl")


@router.post("/party/{secret}/keep", status_code=204, dependencies=[Public()])
def keep_by_link(secret: str, database: DatabaseDep, clock: ClockDep, house: HouseDep) -> None:
    """The party behind the link leaves its share with the service."""
    with database.transaction() as session:
        evaluation, party = draw_parties.of_link(session, house, secret)
        draw_parties.keep(session, clock.now(), evaluation, party)


@router.post("/party/{secret}/{step}", status_code=204, dependencies=[Public()])
def say_by_link(
    secret: str, step: Step, said: StatementIn, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> None:
    """The party behind the link promises, agrees or reveals."""
    with database.transaction() as session:
        evaluation, party = draw_parties.of_link(session, house, secret)
        draw_parties.say(session, clock.now(), house, evaluation, party, step, said.text)


@router.get("/draws/{number}/slips/{expert_number}")
def slip(
    number: str,
    expert_number: str,
    actor: Annotated[Actor, Requires(Permission.roster_read)],
    database: DatabaseDep,
    clock: ClockDep,
    house: HouseDep,
) -> PlainTextResponse:
    """The slip of one expert: that they were in the roster and the pool, with which grounds and what chance."""
    with database.transaction() as session:
        text = slips.for_expert(session, clock.now(), house, actor, number, expert_number)
    return as_file(text, f"{number}-{expert_number}.json")


@router.get("/centers/{center_id}/draws", dependencies=[Public()])
def center_list(center_id: str, database: DatabaseDep) -> PlainTextResponse:
    """The center's chained list of its draws."""
    with database.reading() as session:
        return as_file(public_draws.list_of(session, center_id), "draws.jsonl")


def as_file(text: bytes, name: str) -> PlainTextResponse:
    return PlainTextResponse(
        text, media_type=LINES, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
