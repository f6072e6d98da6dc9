"""What is sealed of an expert of the roster (专家个人信息), opened in memory for whoever has to know it."""

from app.core.sealed_columns import ERASED, EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.core.sealing import Envelope, Sealer
from expert_draw.models import Expert

GONE = "（已删除）"
"""What stands for a name that was erased for good."""


def identity_of(sealer: Sealer, expert: Expert) -> str:
    return sealer.unseal(expert.identity_sealed, EXPERT_IDENTITY.at(expert.id))


def name_of(sealer: Sealer, expert: Expert) -> str:
    """The name; what stands for it when the person was erased since."""
    if expert.name_sealed == ERASED:
        return GONE
    return sealer.unseal(expert.name_sealed, EXPERT_NAME.at(expert.id))


def phone_unopened(expert: Expert) -> Envelope:
    """The phone number for the sender of notices, who alone opens it."""
    return Envelope(expert.phone_sealed, EXPERT_PHONE.at(expert.id))


def phone_of(sealer: Sealer, expert: Expert) -> str:
    """As `+8613812345678`."""
    return sealer.unseal(expert.phone_sealed, EXPERT_PHONE.at(expert.id))
