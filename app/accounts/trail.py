"""What the trail of the house says of accounts."""

from datetime import datetime

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag

CASE = "house"
ACCOUNT = "account:"


def record(
    session: Session,
    now: datetime,
    actor_id: str,
    tag: Tag,
    subject_id: str,
    data: dict[str, str | int] | None = None,
) -> None:
    """One line in the trail of the house: what one account did with another, or with itself."""
    audit.record(
        session,
        now,
        case=CASE,
        tag=tag,
        actor=f"{ACCOUNT}{actor_id}" if actor_id else "command-line",
        subject=f"{ACCOUNT}{subject_id}",
        data=data or {},
    )


def refused(session: Session, now: datetime, subject: str, why: str) -> None:
    """Somebody was not let in, and why."""
    # What was typed is not kept: people type passwords into the wrong field.
    audit.record(
        session,
        now,
        case=CASE,
        tag=Tag.account_sign_in_refused,
        actor="anonymous",
        subject=subject,
        data={"why": why},
    )
