"""That what is done in a seat's session is done at the terminal at which the seat was taken, so that a copied cookie does nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlmodel import Session

from app.accounts import sessions
from app.accounts.access import Actor
from app.core.dependencies import ClockDep, SealerDep, SettingsDep
from app.core.sealing import Sealer
from venue import devices, proofs
from venue.proofs import Proof, Purpose

HEADER = "Terminal-Proof"
"""Of a request that writes: terminal, challenge and signature, blanks between them; page: `app/web/static/js/terminal.js`."""
_LONGEST = 400


def require(
    session: Session,
    sealer: Sealer,
    now: datetime,
    actor: Actor,
    proof: Proof | None,
    purpose: Purpose,
    *,
    demanded: bool,
    said: str = "",
) -> None:
    """Forbidden `terminal-proof` unless the terminal of this very session has answered a question that was asked of it.

    demanded: by the house, also of a session without a terminal. Where a terminal was used it stays asked for, whatever the
    settings say by now.
    """
    sits = sessions.at_seat(session, str(actor.member_id))
    terminal_id = sits.terminal_id if sits is not None and sits.id == actor.session_id else None
    if terminal_id is None and not demanded:
        return
    if terminal_id is None or proof is None or proof.terminal_id != terminal_id:
        raise proofs.refused()
    devices.prove(session, sealer, now, proof, purpose, said=said, about=actor.session_id)


def told(method: str, path: str, body: str) -> str:
    """What a proof vouches for that goes with a request: exactly this one."""
    return f"{method} {path}\n{body}"


@dataclass(frozen=True, slots=True)
class Writing:
    """A request by which somebody at a seat writes, and what it shows. said: as `told` has it."""

    sealer: Sealer
    now: datetime
    demanded: bool
    said: str
    proof: Proof | None

    def require(self, session: Session, actor: Actor) -> None:
        """Forbidden `terminal-proof` unless the terminal of the actor's seat vouches for this request; asked in its transaction."""
        require(
            session,
            self.sealer,
            self.now,
            actor,
            self.proof,
            Purpose.save,
            demanded=self.demanded,
            said=self.said,
        )


async def _writing(
    request: Request,
    clock: ClockDep,
    sealer: SealerDep,
    settings: SettingsDep,
    terminal_proof: Annotated[str, Header(max_length=_LONGEST)] = "",
) -> Writing:
    body = (await request.body()).decode(errors="replace")
    said = told(request.method, request.url.path, body)
    return Writing(sealer, clock.now(), settings.seat_rules.terminal, said, _proof(terminal_proof))


WritingDep = Annotated[Writing, Depends(_writing)]
"""For every endpoint by which a committee member writes anything."""


def _proof(shown: str) -> Proof | None:
    parts = shown.split(" ")
    return Proof(parts[0], parts[1], parts[2]) if len(parts) == 3 else None  # noqa: PLR2004 -- as HEADER says
