"""Places to fill, and nothing around them: the smallest thing that invites people through the phone room.

It stands in for draws where ten thousand of them would take longer than what is to be measured. What matters for the
promises is real: every move is one conditional update, a partial unique index allows one active invitation to a place,
windows are columns, and the next person of a fixed order follows in a sweep. There is no record and no trail.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, UniqueConstraint, text
from sqlmodel import Session, insert, select, update

from app.core.database import UtcDateTime
from app.core.ids import new_id
from app.core.sealing import Sealer
from app.notify import outbox
from app.notify.delivery import MessageState
from app.notify.listener import Heard, Position, Standing
from app.notify.wording import TemplateId
from expert_draw import ladder
from expert_draw.invitation import ACTIVE, OPEN

WORDS = {
    "time": "11月23日上午9点",
    "place": "云岭市公共资源交易中心三楼报到处",
    "duration": "约需半天",
    "hotline": "0870-1234567",
}
OPEN_STATES, ACTIVE_STATES = (tuple(state.value for state in states) for states in (OPEN, ACTIVE))
_ACTIVE = "state IN ('queued', 'contacting', 'accepted')"
_AT_ONCE = 100

# Tables of their own, apart from the service's schema: its migrations must not know them.
metadata = MetaData()
place = Table(
    "soak_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("state", String(8), nullable=False, index=True),  # vacant, inviting, filled
    Column("asked", Integer, nullable=False, default=0),
)
invitation = Table(
    "soak_invitation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("place_id", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("phone_fingerprint", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("steps_done", Integer, nullable=False, default=0),
    Column("deadline", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime, nullable=True),
    UniqueConstraint("place_id", "turn"),
    Index("soak_invitation_due", "state", "deadline"),
    Index(
        "soak_one_active",
        "place_id",
        unique=True,
        sqlite_where=text(_ACTIVE),
        postgresql_where=text(_ACTIVE),
    ),
)


def lay_out(connection: Connection, places: int) -> None:
    """The tables, with so many vacant places."""
    metadata.create_all(connection)
    if places:
        add(connection, places)


def add(connection: Connection, places: int) -> None:
    """So many vacant places."""
    connection.execute(
        insert(place), [{"id": number, "state": "vacant", "asked": 0} for number in range(places)]
    )


def number_of(place_id: int, turn: int, people: int) -> str:
    """Whose turn it is: one of so many people, by an order that is fixed beforehand."""
    drawn = int.from_bytes(blake2b(b"%d %d" % (place_id, turn), digest_size=8).digest(), "big") % people
    return f"+86139{drawn:08d}"


class Places:
    """Hears what the invited say (implements app.notify.listener.Listener).

    window_s, sms_after_s, second_call_after_s, ring_s as in the invitation settings. people: how many there are to ask.
    """

    def __init__(
        self,
        sealer: Sealer,
        *,
        window_s: int,
        sms_after_s: int,
        second_call_after_s: int,
        ring_s: int,
        people: int,
    ) -> None:
        self._sealer = sealer
        self._window = timedelta(seconds=window_s)
        self._sms_after_s = sms_after_s
        self._second_call_after_s = second_call_after_s
        self._ring_s = ring_s
        self._people = people

    def sweep(self, session: Session, now: datetime) -> int:
        """Closes windows that have ended and asks the next person for vacant places; returns how many of both."""
        due = session.execute(
            select(invitation.c.id, invitation.c.place_id)
            .where(
                invitation.c.state.in_(OPEN_STATES),
                invitation.c.deadline <= now,
            )
            .limit(_AT_ONCE)
        ).all()
        for invitation_id, place_id in due:
            if self._move(session, invitation_id, "expired", invitation.c.deadline <= now):
                self._vacate(session, now, invitation_id, place_id)
        vacant = session.execute(
            select(place.c.id, place.c.asked)
            .where(place.c.state == "vacant")
            .order_by(place.c.id)
            .limit(_AT_ONCE)
        ).all()
        for place_id, asked in vacant:
            self._invite(session, now, place_id, asked)
        return len(due) + len(vacant)

    def anything_to_sweep(self, session: Session, now: datetime) -> bool:
        overdue = select(invitation.c.id).where(
            invitation.c.state.in_(OPEN_STATES), invitation.c.deadline <= now
        )
        vacant = select(place.c.id).where(place.c.state == "vacant")
        return any(session.execute(query.limit(1)).first() is not None for query in (overdue, vacant))

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        session.execute(
            update(invitation)
            .where(invitation.c.id == subject, invitation.c.state == "queued")
            .values(state="contacting", deadline=now + self._window)
        )

    def is_open(self, session: Session, now: datetime, subject: str) -> bool:
        return subject in self.open_among(session, now, (subject,))

    def open_among(self, session: Session, now: datetime, subjects: Collection[str]) -> frozenset[str]:
        found = session.execute(
            select(invitation.c.id).where(
                invitation.c.id.in_(tuple(subjects)),
                invitation.c.state.in_(OPEN_STATES),
                invitation.c.deadline.is_(None) | (invitation.c.deadline > now),
            )
        )
        return frozenset(found.scalars())

    def answer(self, session: Session, now: datetime, subject: str, accept: bool, channel: str) -> Heard:
        state = "accepted" if accept else "declined"
        in_time = invitation.c.deadline.is_(None) | (invitation.c.deadline > now)
        if not self._move(session, subject, state, in_time, answered_at=now):
            return self._late(session, subject)
        if accept:
            outbox.cancel_for(session, now, subject)
            session.execute(
                update(place).where(place.c.id == _place_of(session, subject)).values(state="filled")
            )
        else:
            self._vacate(session, now, subject, _place_of(session, subject))
        return Heard.accepted if accept else Heard.declined

    def ask_leave(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Here leave is always granted."""
        held = invitation.c.id == subject, invitation.c.state == "accepted"
        moved = session.execute(update(invitation).where(*held).values(state="left"))
        if not moved.rowcount:  # type: ignore[attr-defined]
            return Heard.lapsed
        self._vacate(session, now, subject, _place_of(session, subject))
        return Heard.leave

    def position(self, session: Session, now: datetime, subject: str) -> Position:
        found = session.execute(
            select(invitation.c.state, invitation.c.deadline).where(invitation.c.id == subject)
        ).one_or_none()
        if found is not None and found.state == "accepted":
            return Position(Standing.holds)
        if self.is_open(session, now, subject):
            return Position(Standing.open, found.deadline if found else None)
        return Position(Standing.over)

    def step_ended(
        self, session: Session, now: datetime, subject: str, channel: str, outcome: MessageState
    ) -> None:
        found = session.execute(select(*invitation.c).where(invitation.c.id == subject)).mappings().first()
        if found is None or not self.is_open(session, now, subject):
            return
        done = found["steps_done"] + 1
        session.execute(update(invitation).where(invitation.c.id == subject).values(steps_done=done))
        following = ladder.next_step(
            done,
            channel=channel,
            delivered=outcome in {MessageState.delivered, MessageState.completed},
            sms_after_s=self._sms_after_s,
            second_call_after_s=self._second_call_after_s,
        )
        if following is not None:
            number = number_of(found["place_id"], found["turn"], self._people)
            due_at = now + timedelta(seconds=following.after_s)
            self._contact(session, now, subject, number, following.channel, due_at, found["deadline"])
        elif found["deadline"] is None and self._move(session, subject, "unreachable"):
            self._vacate(session, now, subject, found["place_id"])

    def late_contact(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        return self._late(session, subject)

    def subject_for_caller(self, session: Session, now: datetime, phone_fingerprint: str) -> str | None:
        """The latest invitation of the person with this number, an open one before any other."""
        newest = invitation.c.created_at.desc()
        own = select(invitation.c.id).where(invitation.c.phone_fingerprint == phone_fingerprint)
        waiting = session.execute(
            own.where(invitation.c.state.in_(OPEN_STATES)).order_by(newest).limit(1)
        ).scalar()
        return waiting or session.execute(own.order_by(newest).limit(1)).scalar()

    def _invite(self, session: Session, now: datetime, place_id: int, asked: int) -> None:
        moved = session.execute(
            update(place)
            .where(place.c.id == place_id, place.c.state == "vacant", place.c.asked == asked)
            .values(state="inviting", asked=asked + 1)
        )
        if not moved.rowcount:  # type: ignore[attr-defined]
            return  # another node was faster
        number, invitation_id = number_of(place_id, asked, self._people), new_id(now)
        session.execute(
            insert(invitation).values(
                id=invitation_id,
                place_id=place_id,
                turn=asked,
                phone_fingerprint=self._sealer.fingerprint(number),
                state="queued",
                steps_done=0,
                created_at=now,
            )
        )
        self._contact(session, now, invitation_id, number, outbox.VOICE, now, None)

    def _contact(
        self,
        session: Session,
        now: datetime,
        subject: str,
        number: str,
        channel: str,
        due_at: datetime,
        expires_at: datetime | None,
    ) -> None:
        voice = channel == outbox.VOICE
        outbox.enqueue(
            session,
            now,
            self._sealer,
            subject=subject,
            purpose=outbox.INVITATION,
            channel=channel,
            to=number,
            template=TemplateId.invitation_voice if voice else TemplateId.invitation_sms,
            variables=WORDS if voice else {**WORDS, "code": subject[-12:]},
            due_at=due_at,
            expires_at=expires_at,
            ring_s=self._ring_s,
        )

    def _vacate(self, session: Session, now: datetime, invitation_id: str, place_id: int) -> None:
        outbox.cancel_for(session, now, invitation_id)
        session.execute(update(place).where(place.c.id == place_id).values(state="vacant"))

    def _move(self, session: Session, subject: str, state: str, *more: object, **values: object) -> bool:
        moved = session.execute(
            update(invitation)
            .where(invitation.c.id == subject, invitation.c.state.in_(OPEN_STATES), *more)  # type: ignore[arg-type]
            .values(state=state, **values)
        )
        return bool(moved.rowcount)  # type: ignore[attr-defined]

    def _late(self, session: Session, subject: str) -> Heard:
        state = session.execute(select(invitation.c.state).where(invitation.c.id == subject)).scalar()
        return Heard.already if state in {"accepted", "declined"} else Heard.lapsed


def _place_of(session: Session, subject: str) -> int:
    return int(session.execute(select(invitation.c.place_id).where(invitation.c.id == subject)).scalar_one())


def states(session: Session) -> Sequence[str]:
    """The state of each place."""
    return session.execute(select(place.c.state)).scalars().all()
