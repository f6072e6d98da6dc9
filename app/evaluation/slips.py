"""Gives an expert the slip that proves: I was in the roster and in the pool of this draw, on these grounds, with this chance."""

from datetime import datetime

from sqlmodel import Session, select

from app.accounts.access import Actor
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.evaluation.cases import House
from expert_draw import keeping
from expert_draw import slips as expert_slips
from expert_draw.models import Expert


def for_expert(
    session: Session, now: datetime, house: House, actor: Actor, number: str, expert_number: str
) -> bytes:
    """The slip as a file, once the draw is over; who asked for it is in the trail. NotFound for who was not in the pool."""
    draw = keeping.by_number(session, number)
    if draw.closed_at is None:
        raise Conflict(
            "slip-early",
            N_("抽取结束之后才能出具凭条：之前它会透露谁在名单中"),
            N_("抽取记录结束后再试"),
        )
    expert = session.exec(select(Expert).where(Expert.number == expert_number)).first()
    slip = (
        expert_slips.write(session, house.sealer, house.rosters, draw, expert.id)
        if expert is not None
        else None
    )
    if slip is None:
        raise NotFound("slip", N_("该专家不在这次抽取的名单中"), N_("核对专家编号和抽取编号"))
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=Tag.draw_slip,
        actor=actor.id,
        subject=f"draw:{draw.number}",
        data={"expert": expert_number},
    )
    return slip
