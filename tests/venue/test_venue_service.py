"""Seats are offered, reserved, let go and shown on the board."""

from datetime import timedelta

import pytest

from app.core.database import Database
from app.core.errors import Conflict, InvalidInput, NotFound
from tests.support.halls import END, NOW, START, center, enter
from venue import service
from venue.service import SeatState
from venue.setup import CenterKind, RoomFunction, RoomIn

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


def reserve(database: Database, *seat_ids: str, evaluation: str = "e") -> tuple[str, ...]:
    with database.transaction() as session:
        return service.reserve(
            session, NOW, evaluation_id=evaluation, seat_ids=seat_ids, start=START, end=END
        )


def offered(database: Database) -> tuple[service.CenterOffer, ...]:
    with database.reading() as session:
        return service.offers(session, START, END, NOW)


def test_every_free_ready_evaluation_seat_is_offered_and_no_other(database: Database) -> None:
    broken = RoomIn("评标区", RoomFunction.evaluation, "评标01室", ("01号工位", "02号工位"), ("02号工位",))
    enter(database, center("530100", 3, 2), center("530300", rooms=(broken,)), center("530400"))
    offers = {offer.region_code: offer for offer in offered(database)}
    assert set(offers) == {"530100", "530300"}
    assert len(offers["530100"].seats) == offers["530100"].capacity == 5
    assert len({seat.room_id for seat in offers["530100"].seats}) == 2
    assert [seat.label for seat in offers["530300"].seats] == ["01号工位"]


def test_offers_come_in_the_same_order_whatever_order_they_were_entered_in(database: Database) -> None:
    enter(database, center("530300", 2), center("530100", 2))
    offers = offered(database)
    assert [offer.center_id for offer in offers] == sorted(offer.center_id for offer in offers)
    for offer in offers:
        assert [seat.seat_id for seat in offer.seats] == sorted(seat.seat_id for seat in offer.seats)


def test_a_reserved_seat_is_offered_again_once_it_is_let_go(database: Database) -> None:
    enter(database, center("530100", 2))
    taken = offered(database)[0].seats[0].seat_id
    (booking,) = reserve(database, taken)
    assert booking
    assert taken not in {seat.seat_id for seat in offered(database)[0].seats}
    with database.transaction() as session:
        assert service.booked_seats(session, "e") == (taken,)
        service.release(session, "e", taken)
        assert service.booked_seats(session, "e") == ()
    assert taken in {seat.seat_id for seat in offered(database)[0].seats}
    reserve(database, taken, evaluation="f")


def test_all_seats_of_an_evaluation_are_let_go_together(database: Database) -> None:
    enter(database, center("530100", 3))
    reserve(database, *(seat.seat_id for seat in offered(database)[0].seats))
    with database.transaction() as session:
        assert service.release_all(session, "e") == 3
        assert service.release_all(session, "e") == 0


def test_letting_go_what_was_never_reserved_is_refused(database: Database) -> None:
    enter(database, center("530100", 1))
    with database.transaction() as session, pytest.raises(NotFound) as refusal:
        service.release(session, "e", offered(database)[0].seats[0].seat_id)
    assert refusal.value.code == "booking-unknown"


def test_a_taken_seat_is_refused_and_other_seats_may_be_chosen_in_the_same_transaction(
    database: Database,
) -> None:
    enter(database, center("530100", 3))
    first, second, third = (seat.seat_id for seat in offered(database)[0].seats)
    reserve(database, second, evaluation="earlier")
    with database.transaction() as session:
        with pytest.raises(Conflict) as refusal:
            service.reserve(session, NOW, evaluation_id="e", seat_ids=[first, second], start=START, end=END)
        assert refusal.value.code == "seat-taken"
        service.reserve(session, NOW, evaluation_id="e", seat_ids=[third], start=START, end=END)
    with database.reading() as session:
        assert service.booked_seats(session, "e") == (third,)


def test_booking_ids_come_in_the_order_of_the_seats_asked_for(database: Database) -> None:
    enter(database, center("530100", 3))
    asked = [seat.seat_id for seat in reversed(offered(database)[0].seats)]
    ids = reserve(database, *asked)
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id, seat_id FROM booking").all()
        found = {str(id_): str(seat_id) for id_, seat_id in rows}
    assert [found[id_] for id_ in ids] == asked


def test_impossible_wishes_are_refused_by_name(database: Database) -> None:
    broken = RoomIn("评标区", RoomFunction.evaluation, "评标01室", ("01号工位",), ("01号工位",))
    enter(database, center("530100", 2), center("530300", rooms=(broken,)))
    seat = offered(database)[0].seats[0].seat_id
    with database.reading() as session:
        faulty = next(
            status.seat_id
            for board in service.seat_board(session, NOW)
            for room in board.rooms
            for status in room.seats
            if status.state is SeatState.fault
        )
    with database.transaction() as session:
        for seat_ids, start, end, code in (
            ((seat, seat), START, END, "seat-twice"),
            ((seat,), END, START, "window-empty"),
            (("nowhere",), START, END, "seat-unknown"),
            ((faulty,), START, END, "seat-not-ready"),
        ):
            with pytest.raises((InvalidInput, NotFound, Conflict)) as refusal:
                service.reserve(session, NOW, evaluation_id="e", seat_ids=seat_ids, start=start, end=end)
            assert refusal.value.code == code


def test_reserving_no_seat_books_nothing(database: Database) -> None:
    assert reserve(database) == ()


def test_a_partner_gives_no_more_seats_at_a_time_than_its_quota(database: Database) -> None:
    enter(database, center("420500", 4, kind=CenterKind.partner, seat_quota=2))
    (offer,) = offered(database)
    assert (len(offer.seats), offer.capacity) == (4, 2)
    first, second, third, _ = (seat.seat_id for seat in offer.seats)
    reserve(database, first)
    assert offered(database)[0].capacity == 1
    with pytest.raises(Conflict) as refusal:
        reserve(database, second, third)
    assert refusal.value.code == "quota-used"
    assert refusal.value.params == {"center": "420500中心", "quota": 2}
    reserve(database, second)
    assert offered(database) == ()
    with database.reading() as session:
        assert service.offers(session, END, END + HOUR, NOW)[0].capacity == 2


def test_only_centers_with_an_agreement_in_force_offer_seats(database: Database) -> None:
    partner = CenterKind.partner
    enter(
        database,
        center("420500", 1, kind=partner, agreement_from=NOW - DAY, agreement_to=END),
        center("421000", 1, kind=partner, agreement_from=NOW + HOUR, agreement_to=END + DAY),
        center("420800", 1, kind=partner, agreement_from=NOW - DAY, agreement_to=END - HOUR),
        center("150200", 1, kind=partner, agreement_to=NOW - DAY),
    )
    assert [offer.region_code for offer in offered(database)] == ["420500"]
    with database.reading() as session:
        in_force = {item.code: item.in_force for item in service.summaries(session, NOW)}
    assert in_force == {"420500": True, "421000": False, "420800": True, "150200": False}


def test_a_notice_may_say_the_place_and_nothing_else(database: Database) -> None:
    enter(database, center("530100", 1))
    seat = offered(database)[0].seats[0].seat_id
    with database.reading() as session:
        assert service.describe_seat(session, seat) == "530100中心 评标区 评标01室 01号工位"
        with pytest.raises(NotFound):
            service.describe_seat(session, "nowhere")


def test_the_board_shows_what_is_free_reserved_occupied_and_broken(database: Database) -> None:
    room = RoomIn("评标区", RoomFunction.evaluation, "评标01室", ("1号", "2号", "3号", "4号"), ("4号",))
    enter(database, center("530100", rooms=(room,)))
    by_label = {seat.label: seat.seat_id for seat in offered(database)[0].seats}
    reserve(database, by_label["1号"])
    with database.transaction() as session:
        service.reserve(
            session,
            NOW,
            evaluation_id="f",
            seat_ids=[by_label["2号"]],
            start=END + HOUR,
            end=END + 2 * HOUR,
        )
    with database.reading() as session:
        (board,) = service.seat_board(session, START)
        earlier = service.seat_board(session, START - 2 * DAY)[0]
        ended = service.seat_board(session, END)[0]
    shown = {seat.label: (seat.state, seat.until, seat.next_at) for seat in board.rooms[0].seats}
    assert shown == {
        "1号": (SeatState.occupied, END, None),
        "2号": (SeatState.reserved, None, END + HOUR),
        "3号": (SeatState.free, None, None),
        "4号": (SeatState.fault, None, None),
    }
    assert board.counts == dict.fromkeys(SeatState, 1)
    assert earlier.counts[SeatState.free] == 3
    assert ended.counts[SeatState.occupied] == 0


def test_a_center_is_entered_once(database: Database) -> None:
    first = enter(database, center("530100", 3))
    assert enter(database, center("530100", 3, name="改名")) == first
    with database.reading() as session:
        (only,) = service.summaries(session, NOW)
    assert (only.name, only.seats, only.opening_halls, only.witness_rooms, only.evaluation_rooms) == (
        "530100中心", 3, 1, 0, 1,
    )  # fmt: skip
