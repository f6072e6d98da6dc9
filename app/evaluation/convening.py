"""Opens the online room for the members of a full committee, seats successors, and hands out seat codes."""

from datetime import datetime, timedelta

from sqlmodel import Session

from app.accounts import tickets
from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.evaluation import cases
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation
from app.notify import outbox, wording
from app.notify.wording import TemplateId
from expert_draw import ending, inviting, keeping, sealed
from expert_draw.models import Draw, Invitation
from expert_draw.personal import phone_unopened
from expert_draw.roster_rows import CHINA
from recordings import service as recordings
from venue.models import OnlineRoom

RENEWS = (EvaluationState.convened, EvaluationState.in_session, EvaluationState.replacing)
"""While a seat code may be sent again."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def convene(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Opens the online room for signing in and sends every member a seat code.

    Conflict `place-vacant` while somebody has left whose place has not been noticed to be vacant yet.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    cases.move(session, evaluation, EvaluationEvent.convene)
    draw = keeping.load(session, str(evaluation.draw_id))
    if not ending.filled(session, draw):
        raise Conflict(
            "place-vacant",
            N_("有专家刚刚离开，席位空出，现在不能召集"),
            N_("等待自动补抽，名额补齐后再召集"),
        )
    room = OnlineRoom(id=new_id(now), evaluation_id=evaluation.id, zero_at=now, state="open")
    session.add(room)
    session.flush()
    evaluation.room_id = room.id
    recordings.begin(session, now, room_id=room.id, evaluation_id=evaluation.id)
    seat_accepted(session, now, house, evaluation, draw)
    cases.note(session, now, evaluation, Tag.evaluation_convened, actor.id)


def seat_accepted(session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw) -> int:
    """Makes everyone who has accepted and is no member yet one, with a code name nobody here had before, and sends them
    their seat code. Returns how many there were; doing it again changes nothing."""
    known = cases.everybody(session, evaluation.id)
    seated = {member.invitation_id for member in known}
    fresh = [one for one in inviting.accepted(session, draw) if one[1].id not in seated]
    for number, (slot, invitation) in enumerate(fresh, len(known)):
        member = CommitteeMember(
            id=new_id(now),
            evaluation_id=evaluation.id,
            seat_no=slot.seat_no,
            code_name=_code_name(number),
            invitation_id=invitation.id,
            center_id=invitation.center_id,
            seat_id=invitation.seat_id,
            state="confirmed",
        )
        session.add(member)
        session.flush()
        _send_seat_code(session, now, house, evaluation, member, invitation)
    return len(fresh)


def renew_seat_code(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, seat_no: int
) -> None:
    """Sends the member of this seat another code; the codes before it open nothing any more.

    For a text that never came, or a code that was used up at a machine that failed. Who then signs in takes the
    seat over from the earlier sign-in. Conflict unless the room is open, NotFound for a seat nobody has.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    if evaluation.state not in RENEWS:
        raise Conflict(
            "seat-code-closed",
            N_("只有召集之后、评标结束之前可以重发席位码"),
            N_("按页面顶部的流程提示进行下一步"),
        )
    member = next((one for one in cases.members(session, evaluation.id) if one.seat_no == seat_no), None)
    if member is None:
        raise NotFound("seat", N_("本次评标没有这个席位"), N_("从评标页面进入"))
    tickets.withdraw(session, now, kind=TicketKind.seat_code, subject=f"member:{member.id}")
    outbox.cancel_for(session, now, member.id)
    _send_seat_code(
        session, now, house, evaluation, member, session.get_one(Invitation, member.invitation_id)
    )
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.member_code_renewed,
        actor=actor.id,
        subject=f"seat:{member.seat_no}",
    )
    bus.publish(session, f"evaluation:{evaluation.id}", "members")


def _code_name(number: int) -> str:
    """A, B, … Z, A2, B2, … by the number of members there were before."""
    again, letter = divmod(number, len(_LETTERS))
    return _LETTERS[letter] + (str(again + 1) if again else "")


def _send_seat_code(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    member: CommitteeMember,
    invitation: Invitation,
) -> None:
    expert = sealed.expert(session, house.sealer, invitation)
    _, end = cases.span(evaluation)
    code = tickets.issue(
        session,
        house.sealer,
        now,
        kind=TicketKind.seat_code,
        subject=f"member:{member.id}",
        lifetime=max(end - now, timedelta(hours=1)),
    )
    outbox.enqueue(
        session,
        now,
        house.sealer,
        subject=member.id,
        purpose=outbox.SEAT_CODE,
        channel=outbox.SMS,
        to=phone_unopened(expert),
        template=TemplateId.seat_code_sms,
        variables={
            "code": code,
            "place": invitation.report_place,
            "time": wording.time_words(invitation.starts_at.astimezone(CHINA), "zh"),
        },
        due_at=now,
    )
