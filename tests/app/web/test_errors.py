"""A refusal is a problem document for programs and a page with a way out for people, in the reader's language."""

from pathlib import Path

import pytest

from app.accounts.permissions import Role
from app.core.database import Database
from app.core.errors import Conflict
from app.web.problems import explain
from tests.support.web import WebHouse, open_web


def test_programs_get_a_problem_document(house: WebHouse) -> None:
    answer = house.visitor(Role.host_operator).get("/api/evaluations/none")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:yuanping:problem:evaluation",
        "title": "Not Found",
        "status": 404,
        "detail": "没有这次评标",
        "code": "evaluation",
        "remedy": "从“今日”页面进入",
    }


def test_programs_that_are_not_signed_in_are_not_sent_to_a_page(house: WebHouse) -> None:
    answer = house.visitor().get("/api/evaluations/none")
    assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-needed")


def test_a_payload_that_does_not_fit_is_named_by_its_places(house: WebHouse) -> None:
    answer = house.visitor(Role.host_operator).post("/api/evaluations", json={"minutes": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert "body.minutes" in {item["where"] for item in answer.json()["errors"]}
    assert "body.minutes" in answer.json()["detail"]


def test_the_answer_to_a_bad_payload_does_not_grow_with_it(house: WebHouse) -> None:
    bad = {f"{number}{'x' * 2000}": 1 for number in range(300)}
    answer = house.visitor(Role.host_operator).post("/api/evaluations", json=bad)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert all(len(text) <= 100 for item in answer.json()["errors"] for text in item.values())
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(("language", "words"), [("zh", "没有这个页面"), ("en", "There is no such page")])
def test_people_get_a_page_with_a_way_out(house: WebHouse, language: str, words: str) -> None:
    answer = house.visitor().get(f"/nowhere?lang={language}")
    assert answer.status_code == 404
    assert words in answer.text
    assert 'href="/"' in answer.text


def test_the_way_back_is_the_page_one_came_from_if_it_is_ours(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    ours = visitor.get("/evaluations/none", headers={"Referer": "http://testserver/today"})
    assert 'href="/today"' in ours.text.split("<main")[1]
    theirs = visitor.get("/evaluations/none", headers={"Referer": "https://elsewhere.example/trap"})
    assert "/trap" not in theirs.text


def test_a_script_that_refreshes_a_piece_gets_a_piece(house: WebHouse) -> None:
    answer = house.visitor().post("/evaluations/check", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert "<html" not in answer.text
    assert "请先登录" in answer.text


def test_a_mistake_of_ours_tells_nothing_and_still_carries_the_headers(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.evaluation.views.today", broken)
    answer = house.visitor(Role.host_operator).get("/today")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "content-security-policy" in answer.headers
    assert "secret detail" in caplog.text


def test_the_log_says_who_was_refused_what_and_of_strangers_not_without_end(
    house: WebHouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.web.refusals")
    house.visitor(Role.archivist).get("/hotline")
    house.visitor(Role.host_operator).get("/api/evaluations/of-somebody-else")
    who = {role: f"account:{house.account(role).id}" for role in (Role.archivist, Role.host_operator)}
    assert [(one.levelname, one.message) for one in caplog.records if "refused at" in one.message] == [
        ("WARNING", f"{who[Role.archivist]} was refused at /hotline: role-may-not"),
        ("INFO", f"{who[Role.host_operator]} was refused at /api/evaluations/{{evaluation_id}}: evaluation"),
    ]
    caplog.clear()
    stranger = house.visitor(base_url="http://testserver")
    for _ in range(30):
        stranger.post("/sign-out", headers={"Origin": "https://elsewhere.example"})
    told = [one.message for one in caplog.records if "refused at" in one.message]
    assert told == ["a stranger was refused at an unknown address: foreign-origin"] * 20


def test_states_and_acts_inside_a_refusal_are_said_in_the_readers_language() -> None:
    refusal = Conflict("x", "{state} ↛ {event} ({count})", state="in_session", event="convene", count=2)
    assert explain("zh", refusal)[0] == "评标中 ↛ 召集 (2)"
    assert explain("en", refusal)[0] == "In session ↛ Convene (2)"


def test_a_path_that_looks_like_another_host_never_becomes_a_link_to_it(house: WebHouse) -> None:
    page = house.visitor().get("http://testserver//elsewhere.example/x").text
    assert 'href="//' not in page


@pytest.mark.parametrize(
    ("path", "fields"),
    [("/api/evaluations/%00", None), ("/sign-in", {"login": "li\0", "password": "x"})],
)
def test_what_postgresql_cannot_keep_is_refused_in_words(
    tmp_path: Path, pg_database: Database, path: str, fields: dict[str, str] | None
) -> None:
    house = open_web(tmp_path, database=pg_database)
    try:
        visitor = house.visitor(Role.host_operator)
        answer = visitor.get(path) if fields is None else visitor.post(path, data=fields)
        assert answer.status_code == 422
        assert "无法保存的字符" in answer.text
    finally:
        house.close()
