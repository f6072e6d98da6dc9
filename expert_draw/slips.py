"""Writes the slip by which an expert proves what a draw knew of them, from the house's own rows."""

from sqlmodel import Session, select

from app.core.sealing import Sealer
from expert_draw import keeping
from expert_draw.engine.codes import expert_key
from expert_draw.engine.slip import write_slip
from expert_draw.models import Draw, DrawCandidate
from expert_draw.snapshot import Rosters


def write(session: Session, sealer: Sealer, rosters: Rosters, draw: Draw, expert_id: str) -> bytes | None:
    """The slip as a file; None for an expert who was not on the list of this draw."""
    listed = session.exec(
        select(DrawCandidate.code).where(
            DrawCandidate.draw_id == draw.id, DrawCandidate.expert_id == expert_id
        )
    ).first()
    record = keeping.read(session, draw)
    roster = record.history.opening.roster
    if listed is None or roster is None:
        return None
    proof = rosters.proof_then(session, roster.root, expert_id)
    salt = bytes.fromhex(sealer.unseal(draw.salt_sealed))
    return write_slip(
        record,
        key=expert_key(salt, proof.leaf, record.history.opening.suite),
        row=proof.text,
        salt=proof.salt,
        path=proof.path,
    )
