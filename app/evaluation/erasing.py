"""Erases what the roster knows of a person (个人信息删除), by two persons, and leaves every draw, record and line of the trail
as it was.

Draws and the trail know people by codes and by the number of the roster, so nothing in them has to change. What was sent
stays as it was handed over, sealed, until its retention is over: that it was sent is evidence.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, or_, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.logging import blot
from app.core.sealed_columns import ERASED
from app.core.sealing import Sealer
from app.evaluation import askers
from app.evaluation.cases import House
from app.evaluation.models import Erasure, Evaluation, LegalHold
from app.evaluation.second_phase import OVER
from app.notify import outbox
from expert_draw import keeping, personal, sealed, unmasking
from expert_draw.models import Draw, Expert, ExpertLeave, ExpertRelation, ExpertSpecialty, Invitation

ERASED_STATE = "erased"
_ASKED_FOR = timedelta(days=7)
"""So long a request can be carried out; after that somebody has to ask anew."""


def ask(session: Session, now: datetime, house: House, actor: Actor, number: str, reason: str) -> Erasure:
    """The first step: that it should be done, and why. Conflict while they are on the lists of a draw that is not over or under a legal hold, or gone already."""
    keeping.hold_people(session)
    expert = unmasking.find(session, number)
    _require_free(session, house.sealer, expert)
    asked = session.get(Erasure, expert.id) or Erasure(
        expert_id=expert.id, asked_by="", asked_at=now, asked_reason=""
    )
    asked.asked_by, asked.asked_at, asked.asked_reason = actor.id, now, blot(reason)
    session.add(asked)
    session.flush()
    _note(session, now, Tag.person_erasure_asked, actor, number, reason)
    return asked


def carry_out(
    session: Session, now: datetime, house: House, actor: Actor, number: str, reason: str
) -> Erasure:
    """The second step: after it nobody can tell any more who this was. Conflict unless somebody else who may ask for it did so lately."""
    change = house.rosters.begin(session)
    keeping.hold_people(session)
    expert = unmasking.find(session, number)
    _require_free(session, house.sealer, expert)
    asked = session.get(Erasure, expert.id)
    if asked is None or asked.asked_at < now - _ASKED_FOR:
        raise Conflict(
            "erasure-not-asked",
            N_("没有人在最近七天内申请过删除编号 {number}"),
            N_("先提出删除申请并写明理由，再由本步确认"),
            number=number,
        )
    if asked.asked_by == actor.id:
        raise Conflict(
            "erasure-same-person",
            N_("删除个人信息须由另一个有权的人员确认，不能由申请的人自己确认"),
            N_("请另一位专家库管理员核对后确认"),
        )
    if askers.present(session, asked.asked_by, Permission.person_erase) is None:
        raise askers.gone()
    outbox.forget(session, house.sealer, personal.phone_of(house.sealer, expert))
    _empty(expert)
    expert.revision = change.n
    session.add(expert)
    for table in (ExpertLeave, ExpertRelation, ExpertSpecialty):
        session.exec(delete(table).where(col(table.expert_id) == expert.id))
    asked.done_by, asked.done_at, asked.done_reason = actor.id, now, blot(reason)
    session.add(asked)
    session.flush()
    house.rosters.seal(session, now, change, actor=actor.id)
    _note(session, now, Tag.person_erased, actor, number, reason)
    return asked


def _empty(expert: Expert) -> None:
    """Keeps the number, which is in the trail, and takes everything else that says who this was."""
    expert.name_sealed = expert.identity_sealed = expert.phone_sealed = ERASED
    expert.identity_fingerprint, expert.phone_fingerprint = secrets.token_hex(32), secrets.token_hex(32)
    expert.gender = expert.title = expert.employer = expert.employer_code = ""
    expert.birth_year = expert.years_in_field = 0
    expert.former_employers = expert.declared_avoidance = "[]"
    expert.state = ERASED_STATE


def _require_free(session: Session, sealer: Sealer, expert: Expert) -> None:
    if expert.state == ERASED_STATE:
        raise Conflict("person-erased", N_("此人的个人信息已经删除"), N_("无需再次删除"))
    held = select(LegalHold.evaluation_id).where(col(LegalHold.released_at).is_(None))
    needed = session.exec(
        select(Draw)
        .join(Evaluation, col(Evaluation.id) == col(Draw.evaluation_id))
        .where(or_(col(Evaluation.state).not_in(OVER), col(Evaluation.id).in_(held)))
    ).all()
    asked = sealed.invited(session, sealer, col(Invitation.draw_id).in_([draw.id for draw in needed]))
    # Everybody on the lists is refused alike, under a hold too: else whoever keeps the roster could try who has been drawn.
    listed = any(expert.id in sealed.people_of(session, sealer, draw).values() for draw in needed)
    if listed or any(one.expert_id == expert.id for one in asked):
        raise Conflict(
            "person-needed",
            N_("此人现在不能删除"),
            N_("待名单上有此人的抽取与评标全部结束、证据保全解除后再办理；在此之前可先停用其抽取资格"),
        )


def note_refused(
    session: Session, now: datetime, actor: Actor, number: str, reason: str, refusal: Conflict
) -> None:
    """That one of both steps was tried and refused, and why; what was done for it is undone by then."""
    _note(session, now, Tag.person_erasure_refused, actor, number, reason, why=refusal.code)


def _note(
    session: Session, now: datetime, tag: Tag, actor: Actor, number: str, reason: str, **more: str
) -> None:
    audit.record(
        session,
        now,
        case="house",
        tag=tag,
        actor=actor.id,
        subject=f"expert:{number}",
        data={"reason": blot(reason), **more},
    )
