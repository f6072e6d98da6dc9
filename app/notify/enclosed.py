"""What of a message is sealed: the number it goes to, and what fills its blanks."""

import json
from typing import Protocol

from app.core.sealed_columns import MESSAGE_TO, MESSAGE_VARIABLES
from app.core.sealing import Sealer

PRETEND = "pretend-phone"
"""The purpose of the fingerprints by which pretend phones are known again, and nowhere else."""


class Written(Protocol):
    """A message as it lies in its row."""

    @property
    def id(self) -> str: ...
    @property
    def to_sealed(self) -> str: ...
    @property
    def variables_sealed(self) -> str: ...


def number_of(sealer: Sealer, message: Written) -> str:
    """Where it goes, as `+8613812345678`; Unavailable when that cannot be opened."""
    return sealer.unseal(message.to_sealed, MESSAGE_TO.at(message.id))


def variables_of(sealer: Sealer, message: Written) -> dict[str, str]:
    """What its blanks are filled with; Unavailable when that cannot be opened."""
    place = MESSAGE_VARIABLES.at(message.id)
    found: dict[str, str] = json.loads(sealer.unseal(message.variables_sealed, place))
    return found


def callee_mark(sealer: Sealer, number: str) -> str:
    """By what a number is known again among messages and those who want none, and nowhere else."""
    return sealer.fingerprint(number, "callee")
