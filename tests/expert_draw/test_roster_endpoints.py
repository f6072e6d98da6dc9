"""The API of the roster imports sheets and tells figures, to those who keep the roster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.permissions import Role
from app.core.database import Database
from app.sample.sheets import good_rows, write_text
from expert_draw.roster_endpoints import router
from tests.support.desk import desk, refusal
from tests.support.halls import make_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = make_database(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def sheet(tmp_path: Path) -> bytes:
    path = tmp_path / "good.csv"
    write_text(path, 20)
    return path.read_bytes()


def test_a_sheet_is_tried_then_imported_then_counted(database: Database, sheet: bytes) -> None:
    client = desk(database, router, role=Role.pool_administrator)
    files = {"sheet": ("good.csv", sheet)}
    tried = client.post("/api/roster/import?dry_run=true", files=files)
    assert (tried.status_code, tried.json()["new"], tried.json()["applied"]) == (200, 20, False)
    assert client.get("/api/roster").json()["experts"] == 0
    done = client.post("/api/roster/import", files=files)
    assert (done.status_code, done.json()["new"], done.json()["applied"]) == (200, 20, True)
    figures = client.get("/api/roster")
    assert figures.json()["experts"] == figures.json()["active"] == 20
    assert sum(city["experts"] for city in figures.json()["cities"]) == 20
    assert all(
        item["shallow"] == (item["experts"] < 10) and item["name"] for item in figures.json()["specialties"]
    )
    assert str(good_rows(1)[1][1]) not in figures.text


def test_a_sheet_with_an_error_is_refused_with_every_problem_named(database: Database, sheet: bytes) -> None:
    client = desk(database, router, role=Role.pool_administrator)
    broken = sheet.replace("高级工程师".encode(), "助理".encode(), 1).replace(b"199000", b"109000", 1)
    refused = client.post("/api/roster/import?lang=en", files={"sheet": ("bad.csv", broken)})
    assert refused.status_code == 422
    assert [(item["row"], item["column"], item["code"]) for item in refused.json()["problems"]] == [
        (2, "G", "phone-form"),
        (2, "J", "title-not-senior"),
    ]
    assert refused.json()["problems"][0]["message"] == "This is not a mobile number"
    assert client.get("/api/roster").json()["experts"] == 0


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/roster/import"), ("GET", "/api/roster")])
def test_only_those_who_keep_the_roster_reach_it(database: Database, method: str, path: str) -> None:
    assert refusal(desk(database, router), method, path) == "sign-in-needed"
    for role in (Role.host_operator, Role.supervisor, Role.expert):
        assert refusal(desk(database, router, role=role), method, path) == "role-may-not"
    assert refusal(desk(database, router, role=Role.pool_administrator), method, path) == ""
