"""Every question asked of the tables of centers, rooms, seats and bookings."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from venue.models import Booking, Center, OnlineRoom, Room, Seat

EVALUATION = "evaluation"
"""The function of a room whose seats are for evaluating."""


def centers(session: Session) -> Sequence[Center]:
    return session.exec(select(Center).order_by(col(Center.code))).all()


def center_of_code(session: Session, code: str) -> Center | None:
    return session.exec(select(Center).where(Center.code == code)).first()


def room_counts(session: Session) -> dict[tuple[str, str], int]:
    """Rooms by (center id, function)."""
    rows = session.exec(
        select(Room.center_id, Room.function, func.count()).group_by(Room.center_id, Room.function)
    ).all()
    return {(center_id, function): count for center_id, function, count in rows}


def seats_with_rooms(session: Session) -> Sequence[tuple[Seat, Room]]:
    """Every evaluation seat with its room, in the order of center, room and label."""
    return session.exec(
        select(Seat, Room)
        .join(Room, col(Seat.room_id) == col(Room.id))
        .where(Room.function == EVALUATION)
        .order_by(col(Seat.center_id), col(Room.name), col(Seat.label))
    ).all()


def seats_of(session: Session, seat_ids: Sequence[str]) -> Sequence[tuple[Seat, Room]]:
    """The evaluation seats among these ids, by seat id."""
    return session.exec(
        select(Seat, Room)
        .join(Room, col(Seat.room_id) == col(Room.id))
        .where(col(Seat.id).in_(seat_ids), Room.function == EVALUATION)
        .order_by(col(Seat.id))
    ).all()


def seat_place(session: Session, seat_id: str) -> tuple[Seat, Room, Center] | None:
    return session.exec(
        select(Seat, Room, Center)
        .join(Room, col(Seat.room_id) == col(Room.id))
        .join(Center, col(Seat.center_id) == col(Center.id))
        .where(Seat.id == seat_id)
    ).first()


def unconvened_seats(session: Session, at: datetime) -> frozenset[str]:
    """Seats booked at that moment or later by evaluations whose experts are not convened yet: they have no room."""
    return frozenset(
        session.exec(
            select(Booking.seat_id).where(
                col(Booking.active),
                Booking.end_at > at,
                col(Booking.evaluation_id).not_in(select(OnlineRoom.evaluation_id)),
            )
        ).all()
    )


def convened_bookings(session: Session, start: datetime, end: datetime) -> Sequence[Booking]:
    """As `active_bookings`, of evaluations whose experts are convened."""
    convened = select(OnlineRoom.evaluation_id)
    return session.exec(
        select(Booking)
        .where(
            col(Booking.active),
            Booking.start_at < end,
            Booking.end_at > start,
            col(Booking.evaluation_id).in_(convened),
        )
        .order_by(col(Booking.start_at), col(Booking.id))
    ).all()


def active_bookings(session: Session, start: datetime, end: datetime) -> Sequence[Booking]:
    """Active bookings that overlap the time, the earliest first."""
    return session.exec(
        select(Booking)
        .where(col(Booking.active), Booking.start_at < end, Booking.end_at > start)
        .order_by(col(Booking.start_at), col(Booking.id))
    ).all()


def seats_given(session: Session, center_id: str, start: datetime, end: datetime) -> int:
    """How many seats of the center are taken at some moment of the time."""
    return session.exec(
        select(func.count(func.distinct(Booking.seat_id)))
        .join(Seat, col(Booking.seat_id) == col(Seat.id))
        .where(
            Seat.center_id == center_id,
            col(Booking.active),
            Booking.start_at < end,
            Booking.end_at > start,
        )
    ).one()


def lock_centers(session: Session, center_ids: Sequence[str]) -> Sequence[Center]:
    """The centers by id, held until the transaction ends so that two bookings cannot both use the last of a quota."""
    return session.exec(
        select(Center).where(col(Center.id).in_(center_ids)).order_by(col(Center.id)).with_for_update()
    ).all()


def bookings_of(session: Session, evaluation_id: str, seat_id: str | None = None) -> Sequence[Booking]:
    """Active bookings of an evaluation, of one seat or of all."""
    wanted = select(Booking).where(Booking.evaluation_id == evaluation_id, col(Booking.active))
    if seat_id is not None:
        wanted = wanted.where(Booking.seat_id == seat_id)
    return session.exec(wanted.order_by(col(Booking.seat_id))).all()
