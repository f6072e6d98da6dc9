"""How an expert's page gets its one-use way into the room."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep, SettingsDep
from app.core.errors import Forbidden
from app.core.i18n import N_
from venue import at_terminal, proofs
from venue.placement import addresses
from venue.proofs import Proof, Purpose
from venue.room.register import TICKET_LIFETIME, DatabaseRegister

router = APIRouter(prefix="/api/seat", tags=["seat"])


class TicketOut(BaseModel):
    """A ticket for `hello`; opens one connection once. address: the WebSocket to show it at."""

    ticket: str
    expires_in_s: int
    address: str


async def _register(connection: HTTPConnection) -> DatabaseRegister:
    return cast("DatabaseRegister", connection.app.state.register)


RegisterDep = Annotated[DatabaseRegister, Depends(_register)]


class ChallengeIn(BaseModel):
    """What the answer will be for: a ticket, or to write something."""

    purpose: Literal["save", "ticket"] = "ticket"


class ChallengeOut(BaseModel):
    """A question for the seat's terminal; to be answered once within a minute."""

    challenge: str


class ProofIn(BaseModel):
    """The terminal's answer, as in `venue.proofs.Proof`."""

    terminal: str = Field(max_length=36)
    challenge: str = Field(max_length=200)
    signature: str = Field(max_length=100)


@router.post("/challenge")
def ask_terminal(
    actor: Annotated[Actor, Requires(Permission.seat_sit)],
    clock: ClockDep,
    sealer: SealerDep,
    wanted: ChallengeIn | None = None,
) -> ChallengeOut:
    """What the terminal has to sign for the next ticket, or the next that is written, of this very session."""
    purpose = Purpose(wanted.purpose) if wanted is not None else Purpose.ticket
    return ChallengeOut(challenge=proofs.ask(sealer, clock.now(), purpose, actor.session_id))


@router.post("/ticket")
def issue_ticket(
    request: Request,
    actor: Annotated[Actor, Requires(Permission.seat_sit)],
    register: RegisterDep,
    settings: SettingsDep,
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
    proof: ProofIn | None = None,
) -> TicketOut:
    """A way into the room of one's own evaluation: 403 when not admitted now or without the proof of the terminal at which the
    seat was taken, 409 when the room has been closed, 503 while no media worker is there."""
    if actor.member_id is None:
        raise Forbidden("seat-not-admitted", N_("您现在不能进入评标室"), N_("请等候召集，或联系场地工作人员"))
    shown = Proof(proof.terminal, proof.challenge, proof.signature) if proof is not None else None
    with database.transaction() as session:
        at_terminal.require(
            session,
            sealer,
            clock.now(),
            actor,
            shown,
            Purpose.ticket,
            demanded=settings.seat_rules.terminal,
        )
    way = register.way(actor.member_id, actor.session_id)
    host = request.headers.get("host", "")
    asked_at = addresses.asked_at(request.url.scheme, host, settings.public_url)
    return TicketOut(
        ticket=way.ticket,
        expires_in_s=int(TICKET_LIFETIME.total_seconds()),
        address=addresses.base(way.url, asked_at) + addresses.ROOM_PATH,
    )
