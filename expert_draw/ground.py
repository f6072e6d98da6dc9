"""What every step of a draw stands on, and how it is noted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.sealed_columns import DRAW_SALT
from app.core.sealing import Sealer
from expert_draw import keeping
from expert_draw.engine.randomness import Suite
from expert_draw.engine.signing import Signer
from expert_draw.models import Draw, DrawSlot
from expert_draw.snapshot import Rosters


@dataclass(frozen=True, slots=True)
class Ground:
    """What every step of a draw stands on: the time, the sealer, the roster in memory."""

    now: datetime
    sealer: Sealer
    rosters: Rosters

    @property
    def house(self) -> Signer:
        return keeping.house_signer(self.sealer)


def noted(
    session: Session, ground: Ground, draw: Draw, tag: Tag, actor: str, data: Mapping[str, str | int]
) -> None:
    """Into the trail, and open pages hear of it."""
    audit.record(
        session,
        ground.now,
        case=draw.evaluation_id,
        tag=tag,
        actor=actor,
        subject=f"draw:{draw.number}",
        data=dict(data),
    )
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")


def salt_of(ground: Ground, draw: Draw) -> bytes:
    return bytes.fromhex(ground.sealer.unseal(draw.salt_sealed, DRAW_SALT.at(draw.id)))


def suite_of(draw: Draw) -> Suite:
    return "sm3" if draw.suite == "sm3" else "sha256"


def slots_of(session: Session, draw: Draw) -> tuple[DrawSlot, ...]:
    """The places of the draw by seat number."""
    return tuple(
        session.exec(
            select(DrawSlot).where(DrawSlot.draw_id == draw.id).order_by(col(DrawSlot.seat_no))
        ).all()
    )
