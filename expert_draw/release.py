"""Lets it be shown who was drawn (名单解密): at the moment the rules name, or by two persons; each leaves a row that stays.

The rows decide: a name without one cannot be read here, whoever asks. Who may see a released name is for the disclosure
matrix to say.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.sealing import Sealer
from expert_draw import personal, sealed
from expert_draw.models import Draw, Invitation, NameRelease

HOUSE = "house"


class Cause(StrEnum):
    """Why a name may be shown from then on."""

    admitted = "admitted"  # the person has come and was let in to their seat
    over = "over"  # the evaluation is closed or was given up
    unsealed = "unsealed"  # two persons had reasons to open it early


def admit(session: Session, now: datetime, evaluation_id: str, invitation_id: str) -> None:
    """The person of this invitation was let in; doing it again changes nothing."""
    _enter(session, now, evaluation_id, (session.get_one(Invitation, invitation_id),), Cause.admitted, HOUSE)


def finish(session: Session, now: datetime, sealer: Sealer, evaluation_id: str) -> None:
    """The evaluation is over: whoever was ever invited for it, in whichever draw, may be counted from now on."""
    asked = _asked(session, evaluation_id)
    _enter(session, now, evaluation_id, asked, Cause.over, HOUSE, sealer)


def unseal(session: Session, now: datetime, evaluation_id: str, by: str) -> None:
    """Two persons have opened the names of everybody who was invited until now; by: the second of them."""
    _enter(session, now, evaluation_id, _asked(session, evaluation_id), Cause.unsealed, by)


def causes(session: Session, invitation_ids: Collection[str]) -> dict[str, frozenset[Cause]]:
    """Invitation → why its name may be shown; those whose name is sealed are left out."""
    rows = session.exec(
        select(NameRelease.invitation_id, NameRelease.cause).where(
            col(NameRelease.invitation_id).in_(invitation_ids)
        )
    ).all()
    found: dict[str, frozenset[Cause]] = {}
    for invitation_id, cause in rows:
        found[invitation_id] = found.get(invitation_id, frozenset()) | {Cause(cause)}
    return found


def name(session: Session, sealer: Sealer, invitation: Invitation) -> str:
    """The name of who was invited; Conflict `name-sealed` while nothing has released it."""
    if not causes(session, (invitation.id,)):
        raise Conflict(
            "name-sealed", N_("名单尚未解密"), N_("等到专家入席或评标结束；确需提前解密时由两人共同办理")
        )
    return personal.name_of(sealer, sealed.expert(session, sealer, invitation))


def _asked(session: Session, evaluation_id: str) -> Sequence[Invitation]:
    return session.exec(
        select(Invitation)
        .join(Draw, col(Draw.id) == col(Invitation.draw_id))
        .where(Draw.evaluation_id == evaluation_id)
        .order_by(col(Invitation.id))
    ).all()


def _enter(
    session: Session,
    now: datetime,
    evaluation_id: str,
    invitations: Sequence[Invitation],
    cause: Cause,
    by: str,
    sealer: Sealer | None = None,
) -> None:
    """The rows that are missing, and one line in the trail; sealer: to say in them whose card may count it."""
    known = causes(session, [one.id for one in invitations])
    fresh = [one for one in invitations if cause not in known.get(one.id, frozenset())]
    if not fresh:
        return
    session.add_all(
        NameRelease(
            invitation_id=one.id,
            cause=cause,
            at=now,
            released_by=by,
            expert_id=sealed.person(session, sealer, one) if sealer is not None else None,
        )
        for one in fresh
    )
    session.flush()
    audit.record(
        session,
        now,
        case=evaluation_id,
        tag=Tag.draw_names_released,
        actor=by,
        subject=f"evaluation:{evaluation_id}",
        data={"cause": cause.value, "invitations": len(fresh)},
    )
