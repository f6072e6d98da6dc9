"""Seat terminals: enrolled once by the center's staff for one seat each, looked after, blocked, and asked to prove themselves."""

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from app.accounts import sessions
from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.database import in_turn
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer
from venue import proofs, repository
from venue.models import Seat, SeatTerminal, TerminalEnrolment
from venue.proofs import Proof, Purpose
from venue.service import describe_seat

BLOCKED, ENROLLED, REPLACED = "blocked", "enrolled", "replaced"
CODE_LIFETIME = timedelta(minutes=15)
_CODE_DIGITS = 10
_CASE = "house"


@dataclass(frozen=True, slots=True)
class TerminalSeat:
    """A seat as the page of terminals shows it; without a terminal the last three are None."""

    seat_id: str
    label: str
    terminal_id: str | None
    state: str | None
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class TerminalRoom:
    zone: str
    name: str
    seats: tuple[TerminalSeat, ...]


def rooms(session: Session, center_id: str | None) -> tuple[TerminalRoom, ...]:
    """The seats of a center by room, with their terminals."""
    standing = {
        one.seat_id: one
        for one in session.exec(
            select(SeatTerminal)
            .join(Seat, col(Seat.id) == col(SeatTerminal.seat_id))
            .where(Seat.center_id == center_id, SeatTerminal.state != REPLACED)
        ).all()
    }
    found: dict[str, TerminalRoom] = {}
    for seat, room in repository.seats_with_rooms(session):
        if seat.center_id != center_id:
            continue
        terminal = standing.get(seat.id)
        shown = TerminalSeat(
            seat.id,
            seat.label,
            terminal.id if terminal else None,
            terminal.state if terminal else None,
            terminal.last_seen_at if terminal else None,
        )
        before = found[room.id].seats if room.id in found else ()
        found[room.id] = TerminalRoom(room.zone, room.name, (*before, shown))
    return tuple(found.values())


def make_code(session: Session, sealer: Sealer, now: datetime, actor: Actor, seat_id: str) -> str:
    """A code that enrolls one machine for this seat within a quarter of an hour; an earlier one for the seat ends.

    NotFound for a seat of another center.
    """
    _own_seat(session, actor, seat_id)
    in_turn(session, f"seat:{seat_id}")
    session.exec(
        update(TerminalEnrolment)
        .where(col(TerminalEnrolment.seat_id) == seat_id, col(TerminalEnrolment.expires_at) > now)
        .values(expires_at=now)
    )
    while True:
        code = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"
        code_hash = _hash(sealer, code)
        if session.get(TerminalEnrolment, code_hash) is None:
            break
    session.add(
        TerminalEnrolment(
            code_hash=code_hash,
            seat_id=seat_id,
            made_by=actor.id,
            made_at=now,
            expires_at=now + CODE_LIFETIME,
        )
    )
    session.flush()
    _note(session, now, Tag.terminal_code_made, actor.id, f"seat:{seat_id}")
    return code


def enroll(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    code: str,
    jwk: Mapping[str, object],
    challenge: str,
    signature: str,
) -> SeatTerminal | None:
    """The machine of this key, now the terminal of the seat that the code is for; None for a code that opens nothing.

    The signature shows that whoever sends the key has its other half. A terminal that the seat had before is replaced.
    """
    public_key = proofs.read_key(jwk)
    typed = digits(code)
    proofs.require(
        session, sealer, now, public_key, Proof("", challenge, signature), Purpose.enroll, said=typed
    )
    used = session.exec(
        update(TerminalEnrolment)
        .where(
            col(TerminalEnrolment.code_hash) == _hash(sealer, typed),
            col(TerminalEnrolment.used_at).is_(None),
            col(TerminalEnrolment.made_at) <= now,
            col(TerminalEnrolment.expires_at) > now,
        )
        .values(used_at=now)
    )
    if used.rowcount != 1:
        return None
    enrolment = session.get_one(TerminalEnrolment, _hash(sealer, typed), populate_existing=True)
    in_turn(session, f"seat:{enrolment.seat_id}")
    if session.exec(select(SeatTerminal.id).where(SeatTerminal.public_key == public_key)).first() is not None:
        raise Conflict(
            "terminal-known", N_("这把密钥已经登记过"), N_("在终端登记页重新登记，会另外生成一把密钥")
        )
    _replace(session, now, enrolment)
    terminal = SeatTerminal(
        id=new_id(now),
        seat_id=enrolment.seat_id,
        public_key=public_key,
        state=ENROLLED,
        enrolled_at=now,
        enrolled_by=enrolment.made_by,
        last_seen_at=now,
    )
    session.add(terminal)
    session.flush()
    _note(
        session,
        now,
        Tag.terminal_enrolled,
        f"terminal:{terminal.id}",
        f"seat:{terminal.seat_id}",
        code_made_by=terminal.enrolled_by,
    )
    return terminal


def block(session: Session, now: datetime, actor: Actor, terminal_id: str) -> None:
    """From now on this terminal proves nothing; only enrolling the seat anew helps. NotFound for one of another center."""
    terminal = session.get(SeatTerminal, terminal_id)
    if terminal is None or terminal.state == REPLACED:
        raise _unknown()
    _own_seat(session, actor, terminal.seat_id)
    if terminal.state == BLOCKED:
        return
    terminal.state = BLOCKED
    session.flush()
    _sign_out(session, now, terminal)
    _note(session, now, Tag.terminal_blocked, actor.id, f"terminal:{terminal_id}", seat=terminal.seat_id)


def prove(
    session: Session,
    sealer: Sealer,
    now: datetime,
    proof: Proof,
    purpose: Purpose,
    *,
    said: str = "",
    about: str = "",
) -> SeatTerminal:
    """The enrolled terminal that shows this proof; see `proofs.require`. Forbidden `terminal-blocked` for a blocked one."""
    terminal = session.get(SeatTerminal, proof.terminal_id, populate_existing=True)
    if terminal is None or terminal.state == REPLACED:
        raise proofs.refused()
    proofs.require(session, sealer, now, terminal.public_key, proof, purpose, said=said, about=about)
    if terminal.state == BLOCKED:
        raise Forbidden(
            "terminal-blocked", N_("本工位的终端已停用"), N_("请现场工作人员重新登记，或换到其他工位")
        )
    terminal.last_seen_at = now
    session.flush()
    return terminal


def stands(session: Session, terminal_id: str) -> bool:
    """Whether there is such a terminal, whatever may be said of who claims to be it."""
    terminal = session.get(SeatTerminal, terminal_id)
    return terminal is not None and terminal.state == ENROLLED


def place(session: Session, seat_id: str) -> str:
    """Where a terminal stands, in words."""
    return describe_seat(session, seat_id)


def digits(typed: str) -> str:
    """The digits of what somebody typed, full-width ones and blanks between them allowed."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", typed) if sign in "0123456789")


def _replace(session: Session, now: datetime, enrolment: TerminalEnrolment) -> None:
    before = session.exec(
        select(SeatTerminal).where(SeatTerminal.seat_id == enrolment.seat_id, SeatTerminal.state != REPLACED)
    ).first()
    if before is not None:
        was, before.state = before.state, REPLACED
        session.flush()
        _sign_out(session, now, before)
        _note(
            session,
            now,
            Tag.terminal_replaced,
            enrolment.made_by,
            f"terminal:{before.id}",
            seat=before.seat_id,
            was=was,
        )


def _sign_out(session: Session, now: datetime, terminal: SeatTerminal) -> None:
    """Whoever sits there leaves the room at once."""
    for evaluation_id in sessions.end_for_terminal(session, now, terminal.id):
        bus.publish(session, f"evaluation:{evaluation_id}", "members")


def _own_seat(session: Session, actor: Actor, seat_id: str) -> Seat:
    seat = session.get(Seat, seat_id)
    if seat is None or not actor.reaches(Permission.device_enroll, *actor.at(seat.center_id)):
        raise _unknown()
    return seat


def _unknown() -> NotFound:
    return NotFound("terminal-unknown", N_("本中心没有这个工位或终端"), N_("刷新“工位终端”页面后再试"))


def _hash(sealer: Sealer, code: str) -> str:
    return sealer.fingerprint(code, purpose="terminal-enrolment")


def _note(session: Session, now: datetime, tag: Tag, actor: str, subject: str, **data: str) -> None:
    audit.record(session, now, case=_CASE, tag=tag, actor=actor, subject=subject, data=data)
