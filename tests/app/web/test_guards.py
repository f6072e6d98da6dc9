"""The doors: every route is guarded, other sites cannot act for us, every answer carries its headers."""

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.accounts.access import unguarded_routes
from app.accounts.permissions import Role
from app.core.ground import Ground
from app.media_worker import create_worker
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


def test_over_https_a_browser_is_told_to_stay_there_and_every_cookie_is_bound_to_this_host(
    house: WebHouse,
) -> None:
    visitor = house.visitor(base_url="https://testserver")
    page = visitor.get("/sign-in?theme=dark&lang=en")
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "strict-transport-security" not in house.visitor().get("/sign-in").headers
    kept = page.headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in kept} == {"__Host-lang", "__Host-theme"}
    assert all({"Secure", "Path=/"} <= set(one.split("; ")) and "Domain" not in one for one in kept)
    assert 'lang="en" data-theme="dark"' in visitor.get("/sign-in").text


def test_a_method_that_nothing_asks_for_reaches_nothing(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    for method in ("TRACE", "CONNECT", "TRACK", "PROPFIND", "PUT"):
        refused = visitor.request(method, "/today", headers={"X-Said": "once more"})
        assert refused.status_code == 404, method
        assert "once more" not in refused.text


def test_neither_documentation_nor_a_list_of_files_is_handed_out(house: WebHouse) -> None:
    visitor = house.visitor(Role.administrator)
    for path in ("/docs", "/redoc", "/openapi.json", "/static/", "/static/js", "/.git/config"):
        assert visitor.get(path).status_code == 404, path


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


@pytest.mark.parametrize("path", ["/ws/room", "/ws/live"])
def test_another_site_cannot_open_a_websocket_at_a_media_worker(house: WebHouse, path: str) -> None:
    world = house.world
    worker = create_worker(Ground(house.settings, world.clock, world.database, world.sealer), "worker", "")
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        TestClient(worker).websocket_connect(path, headers={"Origin": "https://elsewhere.example"}),
    ):
        pass
    assert closed.value.code == 4403


@pytest.mark.parametrize("page", ["http://testserver", "http://testserver:8000", "http://localhost:8000"])
def test_our_own_pages_may_open_a_websocket_at_a_media_worker(house: WebHouse, page: str) -> None:
    world = house.world
    worker = create_worker(Ground(house.settings, world.clock, world.database, world.sealer), "worker", "")
    with TestClient(worker).websocket_connect("/ws/live", headers={"Origin": page}) as socket:
        socket.send_text("nonsense")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4400


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
