"""Whom the phone room tells what people said: the part that sent the invitation decides what follows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import Depends
from sqlmodel import Session
from starlette.requests import HTTPConnection

from app.notify.delivery import MessageState


class Heard(StrEnum):
    """What became of an answer."""

    accepted = "accepted"  # counts, the place is theirs
    declined = "declined"  # counts, somebody else is asked
    lapsed = "lapsed"  # came after the window, kept but without effect
    already = "already"  # an answer was recorded before; this one changes nothing
    leave = "leave"  # leave was granted after accepting, somebody else is asked
    leave_late = "leave_late"  # leave was asked after its cut-off: they are expected to come


class Standing(StrEnum):
    """How somebody stands to the notice they were sent."""

    open = "open"  # an answer would count
    holds = "holds"  # has accepted and is expected to come
    standby = "standby"  # has accepted and holds themselves ready, should somebody before them fall out
    over = "over"  # declined, lapsed, or let go


@dataclass(frozen=True, slots=True)
class Position:
    """`until`: when the answer stops to count while it is open, until when leave may be asked after accepting."""

    standing: Standing
    until: datetime | None = None


class Listener(Protocol):
    """Told inside the caller's transaction; `subject` is the id the message was queued for."""

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        """The provider took a message: the first one arms the answer window, later ones change nothing."""

    def is_open(self, session: Session, now: datetime, subject: str) -> bool:
        """Whether an answer would still count. True as well before the window was armed."""

    def answer(self, session: Session, now: datetime, subject: str, accept: bool, channel: str) -> Heard:  # noqa: FBT001 -- the answer is a yes or a no
        """The person answered, confirmed by a second press; channel is `voice`, `sms`, `link` or `hotline`."""

    def open_among(self, session: Session, now: datetime, subjects: Collection[str]) -> frozenset[str]:
        """Those of the subjects for which `is_open` holds."""

    def ask_leave(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Somebody who has accepted asks leave: `leave`, `leave_late`, or `lapsed` when they hold no place."""

    def position(self, session: Session, now: datetime, subject: str) -> Position:
        """How the person stands to this notice now: what they hear when they call, and what our staff may register."""

    def step_ended(
        self, session: Session, now: datetime, subject: str, channel: str, outcome: MessageState
    ) -> None:
        """A call or text reached its end, once per message: `channel` voice or sms, `outcome` a final state.

        Also `completed` (picked up, over, maybe without an answer), `delivered`, and `untold`. Not told for messages that
        were cancelled before they left.
        """

    def late_contact(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Somebody called or wrote when no answer is open: `lapsed` after the window, kept as a fact; `already` when
        their answer had counted.
        """

    def subject_for_caller(self, session: Session, now: datetime, phone_fingerprint: str) -> str | None:
        """The latest invitation of the person with this number, open or not; None when there is none lately."""


async def _invitees(connection: HTTPConnection) -> Listener:
    listener: Listener = connection.app.state.invitees
    return listener


ListenerDep = Annotated[Listener, Depends(_invitees)]
