"""The API of centers and seats tells what the service knows, to those who may know it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from app.accounts.permissions import Role
from app.core.database import Database
from tests.support.desk import desk, refusal
from tests.support.halls import END, NOW, START, center, enter, make_database
from venue import service
from venue.endpoints import router
from venue.models import Booking, OnlineRoom


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = make_database(tmp_path)
    enter(made, center("530100", 2), center("420500", 3, seat_quota=1))
    with made.transaction() as session:
        seat = service.offers(session, START, END, NOW)[0].seats[0].seat_id
        service.reserve(
            session, NOW, evaluation_id="secret-evaluation", seat_ids=[seat], start=START, end=END
        )
    yield made
    made.dispose()


def test_centers_are_listed_with_their_rooms_counted(database: Database) -> None:
    listed = desk(database, router, role=Role.guest_operator).get("/api/centers").json()
    assert [(item["code"], item["seats"], item["seat_quota"]) for item in listed] == [
        ("420500", 3, 1),
        ("530100", 2, None),
    ]
    assert all(item["in_force"] and item["evaluation_rooms"] == 1 for item in listed)


def test_the_board_shows_now_or_another_moment_and_never_which_evaluation(database: Database) -> None:
    client = desk(database, router, role=Role.supervisor)
    now = client.get("/api/seats/board")
    then = client.get("/api/seats/board", params={"at": START.isoformat()})
    assert now.json()["counts"] == {"free": 5, "reserved": 0, "occupied": 0, "fault": 0}
    assert then.json()["counts"] == {"free": 4, "reserved": 0, "occupied": 1, "fault": 0}
    assert [len(item["rooms"][0]["seats"]) for item in then.json()["centers"]] == [3, 2]
    assert "secret-evaluation" not in then.text


def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    client = desk(database, router, role=Role.supervisor)
    assert client.get("/api/seats/board", params={"at": "2026-11-23T09:00:00"}).status_code == 422


def own_board(database: Database, center_code: str) -> dict[str, Any]:
    """The board as the staff of that center see it."""
    with database.reading() as session:
        center_id = service.center_by_code(session, center_code).id
    client = desk(database, router, role=Role.guest_operator, center_id=center_id)
    found: dict[str, Any] = client.get("/api/seats/board").json()
    return found


def test_before_the_experts_are_convened_nobody_learns_the_place_of_a_draw_from_the_board(
    database: Database,
) -> None:
    for code in ("420500", "530100"):
        board = own_board(database, code)
        own, other = sorted(board["centers"], key=lambda one: not one["rooms"])
        assert (other["counts"], other["rooms"]) == ({}, [])
        assert {own["seats"], other["seats"]} == {2, 3}
        assert board["counts"] == own["counts"]
        assert own["counts"]["occupied"] == 0
        assert START.isoformat()[:16] not in json.dumps(board)
    drawn = [own_board(database, code)["counts"]["reserved"] for code in ("420500", "530100")]
    assert sorted(drawn) == [0, 1]


def test_once_they_are_convened_a_center_sees_when_its_own_seat_is_taken(database: Database) -> None:
    with database.transaction() as session:
        session.add(OnlineRoom(id="room", evaluation_id="secret-evaluation", zero_at=NOW, state="open"))
        for booking in session.exec(select(Booking)).all():
            booking.start_at = NOW - timedelta(minutes=1)
    seen = [
        (seat["state"], seat["until"])
        for code in ("420500", "530100")
        for room in next(one for one in own_board(database, code)["centers"] if one["rooms"])["rooms"]
        for seat in room["seats"]
        if seat["state"] != "free"
    ]
    assert [state for state, _ in seen] == ["occupied"]
    assert seen[0][1].startswith(END.isoformat()[:16])


def test_staff_cannot_try_moment_after_moment_until_a_seat_shows(database: Database) -> None:
    for role in (Role.host_operator, Role.guest_operator, Role.administrator):
        path = f"/api/seats/board?at={START.isoformat().replace('+', '%2B')}"
        assert refusal(desk(database, router, role=role), "GET", path) == "board-moment"


def test_the_list_of_centers_is_the_same_before_and_after_a_draw(database: Database) -> None:
    client = desk(database, router, role=Role.host_operator)
    before = client.get("/api/centers").json()
    with database.transaction() as session:
        service.release_all(session, "secret-evaluation")
    assert client.get("/api/centers").json() == before


@pytest.mark.parametrize("path", ["/api/centers", "/api/seats/board"])
def test_only_staff_see_centers_and_seats(database: Database, path: str) -> None:
    assert refusal(desk(database, router), "GET", path) == "sign-in-needed"
    assert refusal(desk(database, router, role=Role.expert), "GET", path) == "role-may-not"
    assert refusal(desk(database, router, role=Role.supervisor), "GET", path) == ""
