"""Acts on the page of an evaluation for what happens after the draw: who leaves, what takes two, bidders, a shortage."""

import re
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.evaluation import confirming, designating, leaving, second_phase, shortage
from app.evaluation.cases import House
from app.evaluation.causes import Cause
from app.evaluation.schemas import BidderListIn
from app.web.pages.evaluation import done_or_why_not
from app.web.pages.forms import Typed, TypedDep, instant, one, plain
from app.web.pages.visit import VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}")

Host = Annotated[Actor, Requires(Permission.evaluation_conduct)]
Either = Annotated[Actor, Requires(Permission.member_dismiss)]
_PARTS = re.compile(r"[,，;；\t]+")
_NAMED = "expert-"
_SEAT_DIGITS = 2


@router.post("/departure")
def declare(evaluation_id: str, visit: VisitDep, actor: Host, typed: TypedDep) -> Response:
    """The holder of a seat is absent, or said to be recused or ill, which the other side has to confirm."""

    def work(session: Session, house: House) -> None:
        cause = one(typed, "cause")
        if cause not in set(Cause):
            raise InvalidInput("cause", N_("没有选择离开的原因"), N_("选择未到场、回避或因病"))
        leaving.declare(
            session,
            visit.now,
            house,
            actor,
            evaluation_id,
            _seat(typed, "seat"),
            Cause(cause),
            one(typed, "reason"),
        )

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/removal")
def order_removal(evaluation_id: str, visit: VisitDep, actor: Either, typed: TypedDep) -> Response:
    """Asks the other side to confirm that the holder of a seat is sent away."""

    def work(session: Session, _house: House) -> None:
        leaving.order_removal(
            session,
            visit.now,
            actor,
            evaluation_id,
            _seat(typed, "removal_seat"),
            one(typed, "removal_reason"),
        )

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/joint-acts/{act_id}/{decision}")
def settle(
    evaluation_id: str,
    act_id: str,
    decision: Literal["confirm", "refuse"],
    visit: VisitDep,
    actor: Either,
) -> Response:
    """The second person confirms or refuses."""

    def work(session: Session, house: House) -> None:
        confirming.settle(
            session, visit.now, house, actor, evaluation_id, act_id, confirm=decision == "confirm"
        )

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/bidders")
def deliver_bidders(evaluation_id: str, visit: VisitDep, actor: Host, typed: TypedDep) -> Response:
    """The sealed list of bidders, a line for each."""

    def work(session: Session, house: House) -> None:
        wanted = _bidders(one(typed, "bidders"), one(typed, "persons"))
        second_phase.deliver(session, visit.now, house, actor, evaluation_id, wanted)

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/widen")
def widen(evaluation_id: str, visit: VisitDep, actor: Host, typed: TypedDep) -> Response:
    """The next rung of the ladder, perhaps with another start."""

    def work(session: Session, house: House) -> None:
        other = one(typed, "widen_starts_at")
        starts_at = _starts_at(other) if other else None
        shortage.widen(session, visit.now, house, actor, evaluation_id, one(typed, "widen_reason"), starts_at)

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/postpone")
def postpone(evaluation_id: str, visit: VisitDep, actor: Host, typed: TypedDep) -> Response:
    """Another start."""

    def work(session: Session, house: House) -> None:
        starts_at = _starts_at(one(typed, "postpone_starts_at"))
        reason = one(typed, "postpone_reason")
        shortage.postpone(session, visit.now, house, actor, evaluation_id, reason, starts_at)

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/designation")
def propose(evaluation_id: str, visit: VisitDep, actor: Host, typed: TypedDep) -> Response:
    """Experts by number for the vacant seats, for the supervisor to approve."""

    def work(session: Session, house: House) -> None:
        numbers = {
            int(name.removeprefix(_NAMED)): plain(one(typed, name))
            for name in typed
            if name.startswith(_NAMED) and name.removeprefix(_NAMED).isdecimal() and one(typed, name)
        }
        designating.propose(
            session,
            visit.now,
            house,
            actor,
            evaluation_id,
            numbers,
            one(typed, "circumstance"),
            one(typed, "designation_reason"),
            one(typed, "consent"),
        )

    return done_or_why_not(visit, actor, evaluation_id, work)


def _seat(typed: Typed, name: str) -> int:
    text = plain(one(typed, name))
    if not text.isdecimal() or len(text) > _SEAT_DIGITS:
        raise InvalidInput("seat-missing", N_("没有选择席位"), N_("选择席位后再提交"))
    return int(text)


def _starts_at(text: str) -> datetime:
    found = instant(text)
    if found is None:
        raise InvalidInput("starts-at-missing", N_("请选择日期和时间"), N_("选择新的开始时间后再提交"))
    return found


def _bidders(bidders: str, persons: str) -> BidderListIn:
    """A line for each unit: its name, then its credit code behind a comma. InvalidInput names the first wrong line."""
    units, numbers = [], []
    for number, line in enumerate(bidders.splitlines(), 1):
        parts = [part.strip() for part in _PARTS.split(line) if part.strip()]
        if parts:
            code = plain(parts[1]).upper() if len(parts) > 1 else None
            units.append({"name": parts[0], "credit_code": code})
            numbers.append(number)
    named = [plain(line.strip()).upper() for line in persons.splitlines() if line.strip()]
    try:
        return BidderListIn.model_validate({"bidders": units, "persons": named})
    except ValidationError as error:
        loc = error.errors(include_url=False)[0]["loc"]
        at = loc[1] if len(loc) > 1 else None
        line_no = numbers[at] if loc[:1] == ("bidders",) and isinstance(at, int) else None
        raise _unreadable(line_no, persons=loc[:1] == ("persons",)) from error


def _unreadable(line: int | None, *, persons: bool) -> InvalidInput:
    if persons:
        return InvalidInput("bidders-persons", N_("须回避的个人不能识别"), N_("每行一个 18 位身份证号码"))
    if line is None:
        return InvalidInput(
            "bidders-shape", N_("投标人名单为空，或有重复"), N_("每行一家：名称，统一社会信用代码")
        )
    return InvalidInput(
        "bidders-line",
        N_("投标人名单第 {line} 行不能识别"),
        N_("每行一家：名称，统一社会信用代码"),
        line=line,
    )
