"""The API of centers and seats tells what the service knows, to those who may know it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.permissions import Role
from app.core.database import Database
from tests.support.desk import desk, refusal
from tests.support.halls import END, NOW, START, center, enter, make_database
from venue import service
from venue.endpoints import router


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
    client = desk(database, router, role=Role.host_operator)
    now = client.get("/api/seats/board")
    then = client.get("/api/seats/board", params={"at": START.isoformat()})
    assert now.json()["counts"] == {"free": 5, "reserved": 0, "occupied": 0, "fault": 0}
    assert then.json()["counts"] == {"free": 4, "reserved": 0, "occupied": 1, "fault": 0}
    assert [len(item["rooms"][0]["seats"]) for item in then.json()["centers"]] == [3, 2]
    assert "secret-evaluation" not in then.text


def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    client = desk(database, router, role=Role.host_operator)
    assert client.get("/api/seats/board", params={"at": "2026-11-23T09:00:00"}).status_code == 422


@pytest.mark.parametrize("path", ["/api/centers", "/api/seats/board"])
def test_only_staff_see_centers_and_seats(database: Database, path: str) -> None:
    assert refusal(desk(database, router), "GET", path) == "sign-in-needed"
    assert refusal(desk(database, router, role=Role.expert), "GET", path) == "role-may-not"
    assert refusal(desk(database, router, role=Role.supervisor), "GET", path) == ""
