"""The doors: every route is guarded, other sites cannot act for us, every answer carries its headers."""

import pytest
from fastapi.routing import iter_route_contexts
from starlette.websockets import WebSocketDisconnect

from app.accounts.access import unguarded_routes
from app.accounts.permissions import Role
from app.web.headers import CONTENT_SECURITY_POLICY, HEADERS
from tests.support.web import HOST, WebHouse

STAFF_PAGES = {
    "/today": set(Role) - {Role.expert, Role.tenderee},
    "/evaluations/new": {Role.agency, Role.host_operator},
    "/hotline": {Role.host_operator},
    "/simulator": {Role.host_operator, Role.supervisor, Role.administrator},
    "/seat/desk": {Role.expert},
}


def test_every_route_carries_exactly_one_access_rule(house: WebHouse) -> None:
    assert unguarded_routes(house.application) == ()
    paths = {context.path for context in iter_route_contexts(house.application.routes)}
    assert {"/sign-in", "/today", "/evaluations/{evaluation_id}/draw", "/health", "/seat"} <= paths


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_a_page_opens_for_the_roles_it_is_meant_for_and_no_other(house: WebHouse, path: str) -> None:
    for role in set(Role) - {Role.expert}:
        status = house.visitor(role).get(path).status_code
        assert (status == 200) == (role in STAFF_PAGES[path]), role
        if role not in STAFF_PAGES[path]:
            assert status == 403


def test_every_answer_carries_the_headers(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    for path in ("/sign-in", "/today", "/static/app.css", "/health", "/nowhere", "/api/nowhere"):
        headers = visitor.get(path).headers
        assert {name: headers.get(name) for name in HEADERS if name != "Cache-Control"} == {
            name: value for name, value in HEADERS.items() if name != "Cache-Control"
        }, path
    assert visitor.get("/today").headers["cache-control"] == "no-store"
    assert "'unsafe" not in CONTENT_SECURITY_POLICY


def test_no_page_needs_an_inline_script_or_style(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    for path in ("/sign-in", "/today", "/evaluations/new", "/seat"):
        page = visitor.get(path).text
        assert " style=" not in page
        assert " onclick=" not in page
        assert page.count("<script>") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.testserver"},
    ],
)
def test_another_site_cannot_act_with_our_cookie(house: WebHouse, headers: dict[str, str]) -> None:
    visitor = house.visitor(Role.host_operator)
    refused = visitor.post("/sign-out", headers=headers)
    assert refused.status_code == 403
    assert refused.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert visitor.get("/today", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": HOST},
        {"Sec-Fetch-Site": "same-origin", "Origin": HOST},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:8000"},
    ],
)
def test_our_own_pages_and_programs_may_act(house: WebHouse, headers: dict[str, str]) -> None:
    assert house.visitor(Role.host_operator).post("/sign-out", headers=headers).status_code == 303


def test_a_browser_that_does_not_say_where_it_comes_from_cannot_act_with_our_cookie(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    del visitor.headers["Origin"]
    assert visitor.post("/sign-out").status_code == 403
    assert visitor.get("/today").status_code == 200


def test_a_program_without_a_cookie_need_not_say_where_it_comes_from(house: WebHouse) -> None:
    program = house.visitor()
    del program.headers["Origin"]
    assert program.post("/sign-out").status_code == 303


@pytest.mark.parametrize("path", ["/ws/room", "/ws/live"])
def test_another_site_cannot_open_a_websocket(house: WebHouse, path: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        house.visitor().websocket_connect(path, headers={"Origin": "https://elsewhere.example"}),
    ):
        pass
    assert closed.value.code == 4403


def test_static_files_are_asked_for_again_but_not_sent_again(house: WebHouse) -> None:
    visitor = house.visitor()
    first = visitor.get("/static/app.css")
    assert first.headers["cache-control"] == "no-cache"
    again = visitor.get("/static/app.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/static/../templating.py", "/static/%2e%2e/templating.py", "/static/vendor/../words.py"]
)
def test_static_files_end_at_their_folder(house: WebHouse, path: str) -> None:
    assert house.visitor().get(path).status_code == 404


def test_health_asks_the_database(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert house.visitor().get("/health").json()["status"] == "ok"

    def gone() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(house.world.database, "reading", gone)
    answer = house.visitor().get("/health")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
