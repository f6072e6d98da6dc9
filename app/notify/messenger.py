"""What any carrier of calls and texts must be able to do, and the four things that can come of a send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.notify.delivery import MessageState
from app.notify.pacing import CalleeLimit
from app.notify.wording import TemplateId


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out. `ring_s` and `valid_s` are seconds; `to` as `+8613812345678`."""

    message_id: str
    channel: str
    to: str
    template: TemplateId
    variables: Mapping[str, str]
    language: str
    ring_s: int
    valid_s: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """The carrier has it, under this id."""

    sid: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """The carrier certainly does not have it, and a later try may work."""

    code: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The carrier refuses it for good."""

    code: str


@dataclass(frozen=True, slots=True)
class FateUnknown:
    """The carrier may or may not have it: it must be asked before anything is sent again."""

    code: str


SendResult = Taken | PutBack | Rejected | FateUnknown


@dataclass(frozen=True, slots=True)
class Found:
    """A message as the carrier knows it; `state` None when its word for it is new to us.

    message_id: our own id of it, where the carrier hands it back.
    """

    sid: str
    state: MessageState | None
    created_at: datetime | None
    body: str | None = None
    error_code: str | None = None
    message_id: str | None = None


class LookUpFailed(Exception):
    """The carrier could not be asked now; this says nothing about the message."""


class Messenger(Protocol):
    """A carrier of calls and texts.

    name: as in the settings. pace: messages a second by channel that it takes unless the settings say otherwise; what is
    sent faster it would let wait for hours. limits: what it allows to one number.
    """

    name: str
    pace: Mapping[str, float]
    limits: tuple[CalleeLimit, ...]

    def wire(self, message: Outgoing) -> bytes:
        """The body of the request that `send` will post, byte by byte."""

    async def send(self, message: Outgoing) -> SendResult:
        """Hands one message over, once."""

    async def find(self, channel: str, to: str) -> tuple[Found, ...]:
        """The newest messages to this number, or LookUpFailed."""

    async def fetch(self, channel: str, sid: str, to: str) -> Found | None:
        """One message to this number; None when the carrier does not know it; or LookUpFailed."""

    async def close(self) -> None: ...
