"""An expert of the roster for those who look after it: masked, and in clear only as an act that stays in the trail."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.logging import blot
from app.core.sealed_columns import ERASED
from app.core.sealing import Sealer, mask_identity, mask_name, mask_phone
from expert_draw.models import Expert
from expert_draw.personal import identity_of, name_of, phone_of


class PersonalField(StrEnum):
    identity = "identity"
    name = "name"
    phone = "phone"


@dataclass(frozen=True, slots=True)
class Person:
    """An expert as whoever looks after the roster sees them; None for what was erased."""

    number: str
    name: str | None
    identity: str | None
    phone: str | None
    employer: str
    state: str


def masked(session: Session, sealer: Sealer, number: str) -> Person:
    """The expert of this number, with no more of name and numbers than tells two people apart."""
    return _person(sealer, find(session, number), ())


def unmask(
    session: Session,
    now: datetime,
    sealer: Sealer,
    actor: str,
    number: str,
    fields: Collection[PersonalField],
    reason: str,
) -> Person:
    """The same with some fields in clear, which stays in the trail with the reason; numbers in the reason are blotted out."""
    expert = find(session, number)
    audit.record(
        session,
        now,
        case="house",
        tag=Tag.person_unmasked,
        actor=actor,
        subject=f"expert:{number}",
        data={"fields": sorted(one.value for one in fields), "reason": blot(reason)},
    )
    return _person(sealer, expert, fields)


def find(session: Session, number: str) -> Expert:
    """NotFound when nobody has this number."""
    expert = session.exec(select(Expert).where(Expert.number == number)).first()
    if expert is None:
        raise NotFound("expert", N_("专家库中没有编号 {number}"), N_("核对专家编号"), number=number)
    return expert


def _person(sealer: Sealer, expert: Expert, clear: Collection[PersonalField]) -> Person:
    if expert.name_sealed == ERASED:
        return Person(expert.number, None, None, None, expert.employer, expert.state)
    name, identity, phone = name_of(sealer, expert), identity_of(sealer, expert), phone_of(sealer, expert)
    return Person(
        number=expert.number,
        name=name if PersonalField.name in clear else mask_name(name),
        identity=identity if PersonalField.identity in clear else mask_identity(identity),
        phone=phone if PersonalField.phone in clear else mask_phone(phone),
        employer=expert.employer,
        state=expert.state,
    )
