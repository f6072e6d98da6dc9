"""The interface of seat terminals: staff makes codes and blocks, a machine is asked and enrolls itself."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.core.errors import Forbidden, TooMany, YuanpingError
from app.core.i18n import N_
from app.web.pages import guessing
from app.web.pages.visit import VisitDep
from venue import devices, proofs
from venue.proofs import Purpose

router = APIRouter(prefix="/api", tags=["terminals"])

Keeper = Annotated[Actor, Requires(Permission.device_enroll)]


class TerminalOut(BaseModel):
    """A seat and its terminal, if it has one."""

    seat_id: str
    room: str
    seat: str
    terminal_id: str | None
    state: str | None
    last_seen_at: datetime | None


class CodeOut(BaseModel):
    code: str
    expires_in_s: int


class QuestionIn(BaseModel):
    """What the answer will be for; the question for a ticket into the room is asked of the session."""

    purpose: Literal["enroll", "seat"]


class QuestionOut(BaseModel):
    challenge: str


class JwkIn(BaseModel):
    """A public P-256 key as Web Crypto exports it; other members of it are left out."""

    kty: str = Field(max_length=8)
    crv: str = Field(max_length=16)
    x: str = Field(max_length=64)
    y: str = Field(max_length=64)


class EnrolmentIn(BaseModel):
    code: str = Field(max_length=40)
    key: JwkIn
    challenge: str = Field(max_length=200)
    signature: str = Field(max_length=100)


class EnrolledOut(BaseModel):
    """place: center, zone, room and seat."""

    terminal_id: str
    place: str


@router.get("/terminals")
def terminals(visit: VisitDep, actor: Keeper) -> list[TerminalOut]:
    """The seats of the actor's own center and their terminals."""
    with visit.database.reading() as session:
        return [
            TerminalOut(
                seat_id=seat.seat_id,
                room=f"{room.zone} {room.name}",
                seat=seat.label,
                terminal_id=seat.terminal_id,
                state=seat.state,
                last_seen_at=seat.last_seen_at,
            )
            for room in devices.rooms(session, actor.center_id)
            for seat in room.seats
        ]


@router.post("/terminals/seats/{seat_id}/code")
def make_code(seat_id: str, visit: VisitDep, actor: Keeper) -> CodeOut:
    """A code that enrolls one machine for this seat; an earlier one for it ends."""
    with visit.database.transaction() as session:
        code = devices.make_code(session, visit.sealer, visit.now, actor, seat_id)
    return CodeOut(code=code, expires_in_s=int(devices.CODE_LIFETIME.total_seconds()))


@router.post("/terminals/{terminal_id}/block", status_code=204)
def block(terminal_id: str, visit: VisitDep, actor: Keeper) -> None:
    """From now on this terminal proves nothing; whoever sits at it leaves the room."""
    with visit.database.transaction() as session:
        devices.block(session, visit.now, actor, terminal_id)


@router.post("/terminal/challenge", dependencies=[Public()])
def ask(question: QuestionIn, visit: VisitDep) -> QuestionOut:
    """What a terminal has to sign within a minute."""
    return QuestionOut(challenge=proofs.ask(visit.sealer, visit.now, Purpose(question.purpose)))


@router.post("/terminal/enroll", dependencies=[Public()])
def enroll(wanted: EnrolmentIn, visit: VisitDep) -> EnrolledOut:
    """This machine becomes the terminal of the seat that the code was made for. Wrong codes are counted by where they come from."""
    throttle, address = guessing.throttle(visit, guessing.TERMINAL), guessing.address_of(visit)
    enrolled, refusal = None, _wrong()
    with throttle.turn:
        number = throttle.attempt(visit.now, address)
        if number is None:
            raise _paused(visit.settings.accounts.sign_in_pause_s)
        try:
            with visit.database.transaction() as session:
                terminal = devices.enroll(
                    session,
                    visit.sealer,
                    visit.now,
                    code=wanted.code,
                    jwk=wanted.key.model_dump(),
                    challenge=wanted.challenge,
                    signature=wanted.signature,
                )
                if terminal is not None:
                    enrolled = EnrolledOut(
                        terminal_id=terminal.id, place=devices.place(session, terminal.seat_id)
                    )
        except YuanpingError as error:
            refusal = error
        if enrolled is not None:
            throttle.right(address)
    if enrolled is None:
        guessing.note_wrong(visit, guessing.TERMINAL, number)
        raise refusal
    return enrolled


def _wrong() -> YuanpingError:
    return Forbidden(
        "terminal-code", N_("终端登记码不正确，或已失效"), N_("请工作人员在“工位终端”页面重新生成登记码")
    )


def _paused(pause_s: int) -> TooMany:
    return TooMany(
        "terminal-guessing",
        N_("尝试次数过多，请稍候再试"),
        N_("等几分钟再输入，或请工作人员协助"),
        again_s=pause_s,
    )
