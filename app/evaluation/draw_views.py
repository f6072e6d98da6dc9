"""Reads from the rows what the draw page and the invitation terminal show: codes, never a name."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from app.evaluation import booking, cases, views
from app.evaluation.shown import (
    DrawnPlace,
    DrawView,
    InvitationView,
    RoundView,
    SlotView,
    StepView,
    TerminalView,
)
from app.notify.models import OutgoingMessage
from expert_draw import service as draws
from expert_draw import specialties
from expert_draw.engine.entries import Round, read_entry
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.models import DrawSlot, Invitation
from expert_draw.pooling import depth


def draw_page(session: Session, evaluation_id: str) -> DrawView:
    """The draw by codes: what was promised, what was asked for, who was left out on which ground, what came out."""
    evaluation = cases.load(session, evaluation_id)
    card = views.card(session, evaluation)
    acts = views.acts_of(evaluation)
    if evaluation.draw_id is None:
        slots = tuple(
            SlotView(
                slot.specialty,
                specialties.specialty_name(slot.specialty),
                slot.count,
                depth(session, slot.specialty),
            )
            for slot in booking.slots(evaluation)
        )
        return DrawView(card, None, None, None, 0, slots, (), (), None, 0, acts)
    draw = draws.load(session, evaluation.draw_id)
    record = draws.read(session, draw)
    request = record.history.pools[DrawKind.expert].request
    out = request.removed()
    by_seat = {slot.key: sum(code not in out for code in slot.eligible) for slot in request.slots}
    seat_no = 1
    slots_seen = []
    for slot in booking.slots(evaluation):
        slots_seen.append(
            SlotView(
                slot.specialty, specialties.specialty_name(slot.specialty), slot.count, by_seat[str(seat_no)]
            )
        )
        seat_no += slot.count
    by_slot = {str(slot.seat_no): slot.specialty for slot in draws.slots_of(session, draw)}
    return DrawView(
        card=card,
        number=draw.number,
        state=draw.state,
        anchor=draw.anchor,
        pool_size=len(request.candidates),
        slots=tuple(slots_seen),
        excluded=tuple(sorted(Counter(ground for _, ground in request.excluded).items())),
        rounds=_rounds(record, by_slot),
        head=record.head,
        lines=len(record.events),
        acts=acts,
    )


def terminal(session: Session, evaluation_id: str) -> TerminalView:
    """The invitations by code and seat number; nothing from which a name could be inferred."""
    evaluation = cases.load(session, evaluation_id)
    rows = session.exec(
        select(Invitation, DrawSlot)
        .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
        .where(Invitation.draw_id == evaluation.draw_id)
        .order_by(col(DrawSlot.seat_no), col(Invitation.round).desc())
    ).all()
    latest: set[int] = set()
    current: list[InvitationView] = []
    earlier: list[InvitationView] = []
    for invitation, slot in rows:
        view = InvitationView(
            seat_no=slot.seat_no,
            round=invitation.round,
            code=short_code(invitation.code),
            state=invitation.state,
            steps=tuple(
                StepView(message.channel, message.state, message.due_at)
                for message in session.exec(
                    select(OutgoingMessage)
                    .where(OutgoingMessage.subject == invitation.id)
                    .order_by(col(OutgoingMessage.created_at))
                ).all()
            ),
            deadline=invitation.deadline,
            answered_at=invitation.answered_at,
            channel=invitation.answer_channel,
        )
        (earlier if slot.seat_no in latest else current).append(view)
        latest.add(slot.seat_no)
    return TerminalView(views.card(session, evaluation), tuple(current), tuple(earlier))


def short_code(code: str) -> str:
    """A record code as people compare it by eye: the first eight digits in two groups."""
    return f"{code[:4]}-{code[4:8]}".upper()


def _rounds(record: DrawRecord, specialty_of: Mapping[str, str]) -> tuple[RoundView, ...]:
    """The rounds of the record; the three kinds of a round stand together."""
    found: dict[int, dict[DrawKind, tuple[Round, str]]] = {}
    for event in record.events:
        entry = read_entry(event.type, event.body)
        if isinstance(entry, Round):
            found.setdefault(entry.round_no, {})[entry.kind] = (entry, event.at)
    views = []
    for number, kinds in sorted(found.items()):
        experts, at = kinds[DrawKind.expert]
        venue_of = dict(kinds[DrawKind.venue][0].drawn)
        seat_of = dict(kinds[DrawKind.seat][0].drawn)
        views.append(
            RoundView(
                number=number,
                at=datetime.fromisoformat(at),
                share=experts.shares[0][1],
                tries=sum(entry.tries for entry, _ in kinds.values()),
                places=tuple(
                    DrawnPlace(
                        seat_no=int(slot),
                        specialty=specialty_of[slot],
                        expert_code=short_code(code),
                        venue_code=short_code(venue_of[slot]),
                        seat_code=short_code(seat_of[slot]),
                    )
                    for slot, code in sorted(experts.drawn, key=lambda pair: int(pair[0]))
                ),
            )
        )
    return tuple(views)
