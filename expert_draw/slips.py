"""Writes the slip by which an expert proves what a draw knew of them, from the house's own rows."""

from sqlmodel import Session

from app.core.sealed_columns import DRAW_SALT
from app.core.sealing import Sealer
from expert_draw import keeping, sealed
from expert_draw.engine.codes import expert_key
from expert_draw.engine.slip import write_slip
from expert_draw.models import Draw
from expert_draw.snapshot import Rosters


def write(session: Session, sealer: Sealer, rosters: Rosters, draw: Draw, expert_id: str) -> bytes | None:
    """The slip as a file; None for an expert who was not on the list of this draw."""
    listed = expert_id in sealed.people_of(session, sealer, draw).values()
    record = keeping.read(session, draw)
    roster = record.history.opening.roster
    if not listed or roster is None:
        return None
    proof = rosters.proof_then(session, roster.root, expert_id)
    salt = bytes.fromhex(sealer.unseal(draw.salt_sealed, DRAW_SALT.at(draw.id)))
    return write_slip(
        record,
        key=expert_key(salt, proof.leaf, record.history.opening.suite),
        row=proof.text,
        salt=proof.salt,
        path=proof.path,
    )
