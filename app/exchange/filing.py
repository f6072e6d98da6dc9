"""Files draws that have ended with another platform (自动备案), each once, without anybody's doing."""

import base64
import dataclasses
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import work
from app.core.canonical import canonical_json, sha256_hex
from app.core.clock import Clock
from app.core.settings_records import ExchangeSettings
from app.core.work import Claim, JobState, JobView, Kind, Result
from app.evaluation import ended_draws
from app.exchange import formats, signing, webhook

FILING = "filing"
_AT_ONCE = 4
_BATCH = 64
_SPARE_S = 5.0


class FilingState(StrEnum):
    none = "none"  # nothing to file yet, or no platform to file with
    queued = "queued"  # waits to be posted
    sent = "sent"  # posted at least once, without a receipt so far
    receipted = "receipted"  # the platform has confirmed it
    dead = "dead"  # given up after many tries; staff decide


def waiting(session: Session) -> tuple[str, ...]:
    """Draws that have ended and that nobody has ordered to be filed: the rows say so, no flag has to be kept."""
    return ended_draws.without_job(session, FILING, _BATCH)


def order(session: Session, now: datetime, draw_id: str) -> None:
    """Orders the filing of a draw that has ended; the document is fixed here, and the same at every attempt."""
    draw = ended_draws.read(session, draw_id)
    told = dataclasses.asdict(draw)
    evaluation_id = told.pop("evaluation_id")
    ordered = work.enqueue(
        session,
        now,
        kind=FILING,
        unique_key=draw_id,
        payload={"about": draw.number, "evaluation_id": evaluation_id, "document": formats.filing(**told)},
    )
    if ordered.new:
        audit.record(
            session,
            now,
            case=evaluation_id,
            tag=Tag.filing_ordered,
            actor="house",
            subject=f"draw:{draw.number}",
            data={"job": ordered.id},
        )


def kind(settings: ExchangeSettings, clock: Clock) -> Kind:
    """How a filing is done: posted, signed, and its receipt kept."""

    async def run(claim: Claim) -> Result:
        body = canonical_json(claim.payload["document"])
        headers = signing.headers(settings.filing_key, claim.id, clock.now(), body)
        receipt = await webhook.post(str(settings.filing_url), headers, body, settings.filing_timeout_s)
        return {
            "document_sha256": sha256_hex(body),
            "receipt": base64.b64encode(receipt.body).decode(),
            "receipt_sha256": sha256_hex(receipt.body),
            "status": receipt.status,
        }

    return Kind(
        FILING,
        run,
        at_once=_AT_ONCE,
        timeout_s=settings.filing_timeout_s + _SPARE_S,
        most_tries=settings.filing_tries,
        done=_receipted,
        died=_died,
    )


def jobs_of(session: Session, evaluation_id: str) -> tuple[tuple[str, JobView | None], ...]:
    """The number of each draw of the evaluation, and its filing once that is ordered."""
    draws = ended_draws.of_evaluation(session, evaluation_id)
    return tuple((number, work.of_key(session, FILING, draw_id)) for draw_id, number in draws)


def state_of(job: JobView) -> FilingState:
    if job.state is JobState.done:
        return FilingState.receipted
    if job.state is JobState.dead:
        return FilingState.dead
    return FilingState.sent if job.tries else FilingState.queued


def _receipted(session: Session, now: datetime, claim: Claim, result: Result) -> None:
    _note(
        session,
        now,
        claim,
        Tag.filing_receipted,
        {name: result[name] for name in ("document_sha256", "receipt_sha256", "status")},
    )


def _died(session: Session, now: datetime, claim: Claim, reason: str) -> None:
    _note(session, now, claim, Tag.filing_dead, {"reason": reason, "tries": claim.tries})


def _note(session: Session, now: datetime, claim: Claim, tag: Tag, data: Result) -> None:
    audit.record(
        session,
        now,
        case=claim.payload["evaluation_id"],
        tag=tag,
        actor="house",
        subject=f"draw:{claim.payload['about']}",
        data={"job": claim.id, **data},
    )
