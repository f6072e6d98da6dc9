"""What is sealed of an expert of the roster (专家个人信息), opened in memory for whoever has to know it."""

from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.core.sealing import Envelope, Sealer
from expert_draw.models import Expert


def identity_of(sealer: Sealer, expert: Expert) -> str:
    return sealer.unseal(expert.identity_sealed, EXPERT_IDENTITY.at(expert.id))


def name_of(sealer: Sealer, expert: Expert) -> str:
    return sealer.unseal(expert.name_sealed, EXPERT_NAME.at(expert.id))


def phone_unopened(expert: Expert) -> Envelope:
    """The phone number for the sender of notices, who alone opens it."""
    return Envelope(expert.phone_sealed, EXPERT_PHONE.at(expert.id))


def phone_of(sealer: Sealer, expert: Expert) -> str:
    """As `+8613812345678`."""
    return sealer.unseal(expert.phone_sealed, EXPERT_PHONE.at(expert.id))
