"""The wall of pretend phones for its page and for rehearsals: who rings, what is spoken, and every key one can press."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.sealed_columns import CALL_PHONE, CALL_SPOKEN, TEXT_BODY, TEXT_PHONE
from app.core.sealing import mask_phone
from app.notify.enclosed import PRETEND
from app.notify.models import SimulatedCall, SimulatedText
from app.notify.phone_room import LineDep
from app.notify.simulator import CallState, Exchange
from app.notify.simulator_line import Line
from app.notify.simulator_reports import Fault, faults, set_fault

router = APIRouter(prefix="/api/simulator", tags=["simulator"])

_MOST_CALLS, _MOST_TEXTS, _TEXTS_SHOWN = 400, 800, 6

Number = Annotated[str, Path(pattern=r"^\+[1-9]\d{6,14}$", description="As +8613812345678.")]
Trainee = Annotated[Actor, Requires(Permission.simulator_use)]


class TextSeen(BaseModel):
    """One text on a pretend phone."""

    sent_by_phone: bool
    body: str
    at: datetime


class Phone(BaseModel):
    """One pretend phone. `turn` changes with every sentence, so that each is read aloud once; `rings_until`: when it rings out."""

    number: str
    label: str
    state: Literal["idle", "ringing", "in_call"]
    calls_hotline: bool = False
    spoken: str = ""
    language: str = ""
    turn: str = ""
    awaits_key: bool = False
    rings_until: datetime | None = None
    ended: str | None = None
    texts: list[TextSeen] = Field(default_factory=list)
    changed_at: datetime


class Wall(BaseModel):
    """All phones with any activity, ringing ones first, and the faults that are set."""

    phones: list[Phone]
    faults: dict[str, int]


class KeyPressed(BaseModel):
    digit: str = Field(pattern=r"^[0-9*#]$")


class TextWritten(BaseModel):
    body: str = Field(min_length=1, max_length=300)


class FaultSet(BaseModel):
    kind: Fault
    count: int = Field(ge=0, le=1000)


@router.get("/phones")
async def wall(_actor: Trainee, line: LineDep) -> Wall:
    """Every pretend phone that was called, texted or used."""
    return await line.look(
        lambda session, _now: Wall(phones=phones(session, line.exchange), faults=dict(faults(session)))
    )


@router.post("/phones/{number}/answer")
async def answer(number: Number, _actor: Trainee, line: LineDep) -> Phone:
    """Picks up the ringing phone."""
    return await _do(line, number, lambda session, now: line.exchange.answer(session, now, number))


@router.post("/phones/{number}/keys")
async def keys(number: Number, pressed: KeyPressed, _actor: Trainee, line: LineDep) -> Phone:
    """Presses a key during the call."""
    return await _do(
        line, number, lambda session, now: line.exchange.press(session, now, number, pressed.digit)
    )


@router.post("/phones/{number}/hangup")
async def hang_up(number: Number, _actor: Trainee, line: LineDep) -> Phone:
    """Ends the call."""
    return await _do(line, number, lambda session, now: line.exchange.hang_up(session, now, number))


@router.post("/phones/{number}/busy")
async def busy(number: Number, _actor: Trainee, line: LineDep) -> Phone:
    """Pushes the ringing call away."""
    return await _do(line, number, lambda session, now: line.exchange.decline(session, now, number))


@router.post("/phones/{number}/call-hotline")
async def call_hotline(number: Number, _actor: Trainee, line: LineDep) -> Phone:
    """Rings the hotline from this phone."""
    return await _do(line, number, lambda session, now: line.exchange.call_hotline(session, now, number))


@router.post("/phones/{number}/sms")
async def sms(number: Number, written: TextWritten, _actor: Trainee, line: LineDep) -> Phone:
    """Sends a text from this phone."""
    return await _do(
        line, number, lambda session, now: line.exchange.write(session, now, number, written.body)
    )


@router.post("/faults")
async def fault(wanted: FaultSet, _actor: Trainee, line: LineDep) -> Wall:
    """The next `count` times the provider misbehaves in this way; 0 takes the fault back."""
    await line.act(lambda session, _now: set_fault(session, wanted.kind, wanted.count))
    return await wall(_actor, line)


async def _do(line: Line, number: str, act: Callable[[Session, datetime], object]) -> Phone:
    """One act on one phone, then whatever follows from it at once, then how the phone looks."""
    await line.act(act)
    await line.tick()
    return await line.look(lambda session, now: phone(session, now, line.exchange, number))


def phones(session: Session, exchange: Exchange) -> list[Phone]:
    """All phones with activity, the most urgent first."""
    calls = session.exec(
        select(SimulatedCall).order_by(col(SimulatedCall.created_at).desc()).limit(_MOST_CALLS)
    ).all()
    texts = session.exec(
        select(SimulatedText).order_by(col(SimulatedText.created_at).desc()).limit(_MOST_TEXTS)
    ).all()
    known: dict[str, tuple[list[SimulatedCall], list[SimulatedText]]] = {}
    for call in calls:
        known.setdefault(call.phone_fingerprint, ([], []))[0].append(call)
    for text in texts:
        known.setdefault(text.phone_fingerprint, ([], []))[1].append(text)
    seen = [_phone(exchange, own_calls, own_texts) for own_calls, own_texts in known.values()]
    urgency = {"ringing": 0, "in_call": 1, "idle": 2}
    return sorted(seen, key=lambda one: (urgency[one.state], -one.changed_at.timestamp(), one.number))


def phone(session: Session, now: datetime, exchange: Exchange, number: str) -> Phone:
    """One phone; an unused one is idle."""
    mark = exchange.sealer.fingerprint(number, PRETEND)
    calls = session.exec(
        select(SimulatedCall)
        .where(col(SimulatedCall.phone_fingerprint) == mark)
        .order_by(col(SimulatedCall.created_at).desc())
    ).all()
    texts = session.exec(
        select(SimulatedText)
        .where(col(SimulatedText.phone_fingerprint) == mark)
        .order_by(col(SimulatedText.created_at).desc())
    ).all()
    if not calls and not texts:
        return Phone(number=number, label=mask_phone(number), state="idle", changed_at=now)
    return _phone(exchange, list(calls), list(texts))


def _phone(exchange: Exchange, calls: list[SimulatedCall], texts: list[SimulatedText]) -> Phone:
    """Both lists newest first, at least one of them not empty."""
    if calls:
        number = exchange.sealer.unseal(calls[0].phone_sealed, CALL_PHONE.at(calls[0].sid))
    else:
        number = exchange.sealer.unseal(texts[0].phone_sealed, TEXT_PHONE.at(texts[0].sid))
    moments = [call.ended_at or call.answered_at or call.created_at for call in calls[:1]]
    moments += [text.created_at for text in texts[:1]]
    seen = Phone(number=number, label=mask_phone(number), state="idle", changed_at=max(moments))
    seen.texts = [
        TextSeen(
            sent_by_phone=text.direction == "inbound",
            body=exchange.sealer.unseal(text.body_sealed, TEXT_BODY.at(text.sid)),
            at=text.created_at,
        )
        for text in texts[:_TEXTS_SHOWN]
        if text.state not in {"queued", "canceled", "failed"}
    ]
    live = next((call for call in calls if call.state in _SHOWN), None)
    call = live or (calls[0] if calls else None)
    if call is not None:
        seen.state = _SHOWN.get(call.state, "idle")
        seen.calls_hotline = call.direction == "inbound"
        seen.ended = call.state if live is None else None
        seen.awaits_key = live is not None and call.action_url is not None
        seen.rings_until = call.due_at if seen.state == "ringing" else None
        seen.turn = f"{call.sid}:{call.turn}"
        if call.spoken_sealed is not None:
            seen.spoken = exchange.sealer.unseal(call.spoken_sealed, CALL_SPOKEN.at(call.sid))
            seen.language = call.spoken_language
    return seen


_SHOWN: dict[str, Literal["idle", "ringing", "in_call"]] = {
    CallState.ringing.value: "ringing",
    CallState.in_progress.value: "in_call",
}
