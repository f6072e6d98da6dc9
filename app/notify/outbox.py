"""Puts calls and texts into the table of what goes out, in the caller's transaction."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.core.ids import new_id
from app.core.sealed_columns import MESSAGE_TO, MESSAGE_VARIABLES
from app.core.sealing import Envelope, Sealer
from app.notify import repository, wording
from app.notify.delivery import RANK, MessageState
from app.notify.enclosed import PRETEND, callee_mark
from app.notify.models import OutgoingMessage
from app.notify.progress import INVITATION
from app.notify.wording import TemplateId

__all__ = ["INVITATION", "SEAT_CODE", "SMS", "VOICE", "cancel_for", "enqueue"]

VOICE, SMS = "voice", "sms"
SEAT_CODE = "seat_code"
"""The purpose of a text that nobody can opt out of: the way to a seat its reader has already accepted."""


def enqueue(
    session: Session,
    now: datetime,
    sealer: Sealer,
    *,
    subject: str,
    purpose: str,
    channel: str,
    to: str | Envelope,
    template: TemplateId,
    variables: Mapping[str, str],
    due_at: datetime,
    expires_at: datetime | None = None,
    quiet_until: datetime | None = None,
    ring_s: int = 25,
    language: str = "zh",
) -> str:
    """Queues one message and returns its id; it leaves after `due_at`, and not after `expires_at`.

    `to` is a number as `+8613812345678`, or sealed where it is kept: nobody but the sender of notices opens it. `channel` voice or sms; until `quiet_until` a call minds the
    quiet hours.
    Raises WordingRefused for variables that are not on the white list, so that nothing else can reach a provider.
    """
    wording.check(template, variables)
    message_id = new_id(now)
    number = sealer.unseal(to.sealed, to.place) if isinstance(to, Envelope) else to
    message = OutgoingMessage(
        id=message_id,
        subject=subject,
        purpose=purpose,
        channel=channel,
        to_sealed=sealer.seal(number, MESSAGE_TO.at(message_id)),
        to_fingerprint=callee_mark(sealer, number),
        template=template.value,
        variables_sealed=sealer.seal(
            json.dumps(dict(variables), ensure_ascii=False, sort_keys=True), MESSAGE_VARIABLES.at(message_id)
        ),
        language=language,
        state=MessageState.queued.value,
        rank=RANK[MessageState.queued],
        due_at=due_at,
        expires_at=expires_at,
        quiet_until=quiet_until,
        ring_s=ring_s,
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message.id


def forget(session: Session, sealer: Sealer, number: str) -> None:
    """Erases this number wherever messages to it are kept, and what filled their blanks; that they went out stays known.
    A pretend phone of this number is taken away with all it has heard.
    """
    repository.erase(session, callee_mark(sealer, number), instead=secrets.token_hex(32))
    repository.hang_up(session, sealer.fingerprint(number, PRETEND))


def cancel_for(session: Session, now: datetime, subject: str) -> int:
    """Cancels what has not left yet for this subject; returns how many. What already rings is not recalled."""
    waiting = repository.queued_for(session, subject)
    repository.cancel(session, now, dict.fromkeys(waiting, "cancelled"))
    return len(waiting)
