"""Offers free seats, books them for an evaluation, lets them go again, and shows the seat board."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.guards import BOOKING_OVERLAP
from app.core.i18n import N_
from app.core.ids import new_id
from venue import repository
from venue.booking import Agreement, Window, capacity
from venue.models import Booking, Center, OnlineRoom

READY = "ready"


@dataclass(frozen=True, slots=True)
class SeatOffer:
    """A free evaluation seat (可用工位). place: where it stands among all seats of its room, by label, from 0."""

    seat_id: str
    room_id: str
    label: str
    place: int


@dataclass(frozen=True, slots=True)
class CenterOffer:
    """What one center can give for a time (场地供给); at most `capacity` of its `seats` may be taken."""

    center_id: str
    name: str
    region_code: str
    latitude_e6: int
    longitude_e6: int
    overnight: bool
    seats: tuple[SeatOffer, ...]
    capacity: int


class SeatState(StrEnum):
    """What the seat board shows."""

    free = "free"
    """Nobody has booked it for the coming day."""
    reserved = "reserved"
    """A booking begins within the coming day."""
    occupied = "occupied"
    """A booking is running."""
    fault = "fault"
    """Out of order; not offered to any draw."""


@dataclass(frozen=True, slots=True)
class SeatStatus:
    """One seat on the board; `until` ends the running booking, `next_at` begins the next."""

    seat_id: str
    label: str
    state: SeatState
    until: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RoomBoard:
    room_id: str
    zone: str
    name: str
    seats: tuple[SeatStatus, ...]


@dataclass(frozen=True, slots=True)
class CenterBoard:
    """The seats of one center, with how many are in which state; no counts and no rooms where that is not told."""

    center_id: str
    name: str
    kind: str
    region_code: str
    seats: int
    counts: dict[SeatState, int]
    rooms: tuple[RoomBoard, ...]


@dataclass(frozen=True, slots=True)
class CenterSummary:
    """A center with its rooms counted by function, and whether its agreement is in force."""

    center_id: str
    code: str
    name: str
    kind: str
    region_code: str
    latitude_e6: int
    longitude_e6: int
    opening_halls: int
    witness_rooms: int
    evaluation_rooms: int
    seats: int
    seat_quota: int | None
    overnight: bool
    agreement_from: datetime | None
    agreement_to: datetime | None
    in_force: bool


def offers(session: Session, start: datetime, end: datetime, now: datetime) -> tuple[CenterOffer, ...]:
    """Centers with an agreement in force and a free, ready evaluation seat for the whole time.

    Centers by id, seats by id: the same rows give the same value, whatever order they were read in.
    """
    window = _window(start, end)
    taken = {booking.seat_id for booking in repository.active_bookings(session, start, end)}
    free: defaultdict[str, list[SeatOffer]] = defaultdict(list)
    given: Counter[str] = Counter()
    placed: Counter[str] = Counter()
    for seat, room in repository.seats_with_rooms(session):
        placed[room.id] += 1
        if seat.id in taken:
            given[seat.center_id] += 1
        elif seat.state == READY:
            free[seat.center_id].append(SeatOffer(seat.id, room.id, seat.label, placed[room.id] - 1))
    found = []
    for center in repository.centers(session):
        seats = tuple(sorted(free[center.id], key=lambda seat: seat.seat_id))
        limit = capacity(len(seats), center.seat_quota, given[center.id])
        if limit and _agreement(center).covers(window, now):
            found.append(
                CenterOffer(
                    center.id,
                    center.name,
                    center.region_code,
                    center.latitude_e6,
                    center.longitude_e6,
                    center.overnight,
                    seats,
                    limit,
                )
            )
    return tuple(sorted(found, key=lambda offer: offer.center_id))


def reserve(
    session: Session,
    now: datetime,
    *,
    evaluation_id: str,
    seat_ids: Sequence[str],
    start: datetime,
    end: datetime,
) -> tuple[str, ...]:
    """Books the seats, all or none, and returns the booking ids in the order of `seat_ids`.

    Conflict `seat-taken` when somebody was faster, `seat-not-ready`, `quota-used`; NotFound `seat-unknown`.
    A refusal undoes only what this call did, so the caller may choose other seats in the same transaction.
    """
    _window(start, end)
    if len(set(seat_ids)) != len(seat_ids):
        raise InvalidInput("seat-twice", N_("同一工位被重复选择"), N_("每个工位只选一次"))
    _check_seats(session, seat_ids, start, end)
    ids = {seat_id: new_id(now) for seat_id in seat_ids}
    # Always in the same order: two bookings that share seats then wait for each other instead of locking up.
    rows = [
        {
            "id": ids[seat_id],
            "seat_id": seat_id,
            "evaluation_id": evaluation_id,
            "start_at": start,
            "end_at": end,
            "active": True,
            "created_at": now,
        }
        for seat_id in sorted(seat_ids)
    ]
    if rows:
        try:
            with session.begin_nested():
                session.execute(insert(Booking), rows)
        except IntegrityError as error:
            if BOOKING_OVERLAP not in str(error.orig):
                raise
            raise Conflict(
                "seat-taken",
                N_("所选工位在该时段已被占用"),
                N_("重新查看可用工位后再选"),
            ) from error
    return tuple(ids[seat_id] for seat_id in seat_ids)


def release(session: Session, evaluation_id: str, seat_id: str) -> None:
    """Lets the evaluation's booking of the seat go; NotFound `booking-unknown` when there is none."""
    bookings = repository.bookings_of(session, evaluation_id, seat_id)
    if not bookings:
        raise NotFound("booking-unknown", N_("没有找到该工位的有效预约"), N_("刷新工位状态后再试"))
    for booking in bookings:
        booking.active = False
        session.add(booking)
    session.flush()


def release_all(session: Session, evaluation_id: str) -> int:
    """Lets every booking of the evaluation go; returns how many there were."""
    bookings = repository.bookings_of(session, evaluation_id)
    for booking in bookings:
        booking.active = False
        session.add(booking)
    session.flush()
    return len(bookings)


def booked_seats(session: Session, evaluation_id: str) -> tuple[str, ...]:
    """Ids of the seats the evaluation holds."""
    return tuple(booking.seat_id for booking in repository.bookings_of(session, evaluation_id))


def booked_places(session: Session, evaluation_id: str) -> dict[str, tuple[str, str]]:
    """Where the seats stand that the evaluation holds: id of the seat → (center, room)."""
    found = repository.seats_of(session, booked_seats(session, evaluation_id))
    return {seat.id: (seat.center_id, room.id) for seat, room in found}


def describe_seat(session: Session, seat_id: str) -> str:
    """Where to report, and nothing else: center, zone, room and seat. This may be said in a notice."""
    place = repository.seat_place(session, seat_id)
    if place is None:
        raise _unknown_seat(seat_id)
    seat, room, center = place
    return f"{center.name} {room.zone} {room.name} {seat.label}"


def seat_board(
    session: Session, at: datetime, ahead: timedelta = timedelta(days=1)
) -> tuple[CenterBoard, ...]:
    """Every evaluation seat as it is at that moment, by center; bookings up to `ahead` later count as reserved."""
    return _board(session, at, repository.active_bookings(session, at, at + ahead))


def staff_board(
    session: Session, now: datetime, center_id: str | None, ahead: timedelta = timedelta(days=1)
) -> tuple[CenterBoard, ...]:
    """The board as staff of one center may see it, so that nobody learns from it where a draw has led.

    Their own center seat by seat; a seat that an evaluation holds whose experts are not convened yet is reserved
    and nothing else, however far off. Of other centers only how many seats there are.
    """
    held = repository.unconvened_seats(session, now)
    boards = _board(session, now, repository.convened_bookings(session, now, now + ahead), held)
    return tuple(
        board if board.center_id == center_id else replace(board, counts={}, rooms=()) for board in boards
    )


def _board(
    session: Session, at: datetime, booked: Iterable[Booking], held: Collection[str] = ()
) -> tuple[CenterBoard, ...]:
    bookings: defaultdict[str, list[Booking]] = defaultdict(list)
    for booking in booked:
        bookings[booking.seat_id].append(booking)
    rooms: defaultdict[str, dict[str, RoomBoard]] = defaultdict(dict)
    for seat, room in repository.seats_with_rooms(session):
        status = _status(seat.id, seat.label, seat.state, bookings[seat.id], at)
        if status.state is SeatState.free and seat.id in held:
            status = replace(status, state=SeatState.reserved)
        known = rooms[seat.center_id].get(room.id)
        seats = (*known.seats, status) if known else (status,)
        rooms[seat.center_id][room.id] = RoomBoard(room.id, room.zone, room.name, seats)
    return tuple(
        CenterBoard(
            center.id,
            center.name,
            center.kind,
            center.region_code,
            sum(len(room.seats) for room in rooms[center.id].values()),
            _count(rooms[center.id].values()),
            tuple(rooms[center.id].values()),
        )
        for center in repository.centers(session)
    )


def summaries(session: Session, now: datetime) -> tuple[CenterSummary, ...]:
    """Every center with its counts, by code."""
    counts = repository.room_counts(session)
    seats = Counter(seat.center_id for seat, _ in repository.seats_with_rooms(session))
    return tuple(
        CenterSummary(
            center_id=center.id,
            code=center.code,
            name=center.name,
            kind=center.kind,
            region_code=center.region_code,
            latitude_e6=center.latitude_e6,
            longitude_e6=center.longitude_e6,
            opening_halls=counts.get((center.id, "opening"), 0),
            witness_rooms=counts.get((center.id, "witness"), 0),
            evaluation_rooms=counts.get((center.id, repository.EVALUATION), 0),
            seats=seats[center.id],
            seat_quota=center.seat_quota,
            overnight=center.overnight,
            agreement_from=center.agreement_from,
            agreement_to=center.agreement_to,
            in_force=_agreement(center).in_force(now),
        )
        for center in repository.centers(session)
    )


def _window(start: datetime, end: datetime) -> Window:
    try:
        return Window(start, end)
    except ValueError as error:
        raise InvalidInput(
            "window-empty", N_("结束时间必须晚于开始时间"), N_("重新选择开始时间和时长")
        ) from error


def _agreement(center: Center) -> Agreement:
    return Agreement(center.agreement_from, center.agreement_to)


def _check_seats(session: Session, seat_ids: Sequence[str], start: datetime, end: datetime) -> None:
    seats = {seat.id: seat for seat, _ in repository.seats_of(session, seat_ids)}
    for seat_id in seat_ids:
        if seat_id not in seats:
            raise _unknown_seat(seat_id)
        if seats[seat_id].state != READY:
            raise Conflict("seat-not-ready", N_("所选工位停用或有故障"), N_("改选其他工位"))
    wanted = Counter(seat.center_id for seat in seats.values())
    for center in repository.lock_centers(session, sorted(wanted)):
        if center.seat_quota is None:
            continue
        given = repository.seats_given(session, center.id, start, end)
        if given + wanted[center.id] > center.seat_quota:
            raise Conflict(
                "quota-used",
                N_("{center}在该时段最多提供 {quota} 个工位"),
                N_("改选其他中心，或换一个时段"),
                center=center.name,
                quota=center.seat_quota,
            )


def _unknown_seat(seat_id: str) -> NotFound:
    return NotFound("seat-unknown", N_("没有这个评标工位"), N_("刷新工位状态后再选"), seat_id=seat_id)


def _status(seat_id: str, label: str, state: str, bookings: Sequence[Booking], at: datetime) -> SeatStatus:
    running = next((booking for booking in bookings if booking.start_at <= at), None)
    coming = next((booking for booking in bookings if booking.start_at > at), None)
    until = running.end_at if running else None
    next_at = coming.start_at if coming else None
    if state != READY:
        shown = SeatState.fault
    elif running:
        shown = SeatState.occupied
    else:
        shown = SeatState.reserved if coming else SeatState.free
    return SeatStatus(seat_id, label, shown, until, next_at)


def _count(rooms: Iterable[RoomBoard]) -> dict[SeatState, int]:
    counts = Counter(seat.state for room in rooms for seat in room.seats)
    return {state: counts[state] for state in SeatState}


def host_center_id(session: Session) -> str:
    """The id of the house's own center; NotFound `no-host-center` before any was entered."""
    for center in repository.centers(session):
        if center.kind == "host":
            return center.id
    raise NotFound("no-host-center", N_("还没有主场中心"), N_("先录入本中心，或载入样例数据"))


def center_by_code(session: Session, code: str) -> Center:
    """The center with this code; NotFound `center-unknown`."""
    center = repository.center_of_code(session, code)
    if center is None:
        raise NotFound("center-unknown", N_("没有代码为 {center} 的中心"), N_("核对中心代码"), center=code)
    return center


def center_name(session: Session, center_id: str) -> str | None:
    """The name of a center; None for an unknown one."""
    center = session.get(Center, center_id)
    return center.name if center else None


def zero_of_room(session: Session, room_id: str) -> datetime:
    """The moment at which an online room's clock showed zero; the room must exist."""
    return session.get_one(OnlineRoom, room_id).zero_at
