"""T5. What a committee member writes carries the word of their seat's terminal: a cookie that somebody took along writes nothing."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.accounts import sessions
from app.accounts.access import doors
from app.accounts.permissions import Role, may
from app.rehearsal.terminals import SoftwareTerminal
from tests.support.evaluations import Case
from tests.support.terminals import enrolled
from tests.support.web import WebHouse, open_web
from venue import at_terminal

SHEET = "/api/seat/sheet"
WRITES = {("PUT", SHEET), ("POST", f"{SHEET}/submit")}
"""Every request by which a committee member writes anything: each asks for the terminal's word (`venue.at_terminal`)."""
WRITES_NOTHING = {
    ("POST", "/api/seat/challenge"),  # a question, which only the terminal can answer
    ("POST", "/api/seat/ticket"),  # asks for a proof of its own
    ("POST", "/account/here"),  # that somebody is at the page
}


def writing(method: str, path: str, terminal: SoftwareTerminal, asked: str, body: str = "") -> str:
    """The terminal's word for exactly this request."""
    return terminal.vouch(asked, at_terminal.told(method, path, body))


def writes(client: TestClient, method: str, path: str, body: str, shown: str | None) -> tuple[int, str]:
    """(status, code of the refusal) for a request that writes; shown: the proof that goes with it."""
    headers = {"Content-Type": "application/json"} | ({} if shown is None else {at_terminal.HEADER: shown})
    answer = client.request(method, path, content=body, headers=headers)
    return answer.status_code, answer.json().get("code", "")


def save_question(client: TestClient) -> str:
    return str(client.post("/api/seat/challenge", json={"purpose": "save"}).json()["challenge"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    opened = open_web(tmp_path_factory.mktemp("writes"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def scoring(house: WebHouse) -> Case:
    return Case(house.world).in_session()


def test_every_way_in_which_a_member_writes_is_known(house: WebHouse, scoring: Case) -> None:
    found = {
        (method, door.path)
        for door in doors(house.application)
        for method in set(door.methods) - {"GET", "HEAD", "OPTIONS"}
        for rule in door.rules
        if rule is not None and may(Role.expert, rule)
    }
    assert found >= WRITES | WRITES_NOTHING
    own = house.seat(scoring.member(1).id, scoring.id)
    for method, path in WRITES:
        assert writes(own, method, path, '{"revision": 0, "scores": {}}', None) == (403, "terminal-proof")
    of_staff = found - WRITES - WRITES_NOTHING  # what one does to one's own account: a member has none
    for method, path in sorted(of_staff):
        answer = own.request(method, path.replace("{session_id}", "x"), data={})
        to_step_up = answer.headers.get("location", "").startswith(
            "/step-up?"
        )  # where a member gets no further
        assert answer.status_code == 404 or to_step_up, (method, path, answer.status_code)


def test_what_is_written_from_a_seat_needs_its_terminals_word_for_exactly_this(
    house: WebHouse, scoring: Case
) -> None:
    member = scoring.member(2)
    own = house.seat(member.id, scoring.id)
    terminal = house.terminals[member.seat_id]
    thief = house.visitor()
    thief.cookies.set(sessions.cookie_name(secure=False), own.cookies[sessions.cookie_name(secure=False)])
    body, other = (json.dumps({"revision": 0, "scores": {}, "note": note}) for note in ("本人", "别人"))
    refused = (403, "terminal-proof")
    asked = save_question(own)
    right = writing("PUT", SHEET, terminal, asked, body)
    for shown in (
        None,
        "",
        "a b",
        "a b c d",
        writing("PUT", SHEET, SoftwareTerminal(), asked, body),
        writing("PUT", SHEET, enrolled(house.world, scoring.member(3).seat_id), asked, body),
        writing("POST", f"{SHEET}/submit", terminal, asked, body),
        terminal.vouch(
            own.post("/api/seat/challenge").json()["challenge"], at_terminal.told("PUT", SHEET, body)
        ),
    ):
        assert writes(thief, "PUT", SHEET, body, shown) == refused, shown
    assert writes(thief, "PUT", SHEET, other, right) == refused  # overheard, and put under other words
    assert writes(thief, "POST", f"{SHEET}/submit", "", right) == refused
    answer = thief.put(SHEET, content=body, headers={"Content-Type": "application/json"}).json()
    assert answer["remedy"] == "请现场工作人员检查或重新登记本工位的终端"
    assert scoring.sheet(member) is None
    assert writes(own, "PUT", SHEET, body, right) == (200, "")
    assert writes(thief, "PUT", SHEET, body, right) == refused  # sent once more
    sheet = scoring.sheet(member)
    assert sheet is not None
    assert (sheet.revision, sheet.note) == (1, "本人")
    late = writing("POST", f"{SHEET}/submit", terminal, save_question(own))
    house.world.clock.advance(61)
    assert writes(own, "POST", f"{SHEET}/submit", "", late) == refused
    again = writing("POST", f"{SHEET}/submit", terminal, save_question(own))
    assert writes(own, "POST", f"{SHEET}/submit", "", again)[1] != "terminal-proof"


def test_a_house_that_asks_for_no_terminal_takes_what_is_written_without_one(
    house: WebHouse, scoring: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, visitor = scoring.member(4), house.visitor()
    token = scoring.sign_in(member)
    visitor.cookies.set(sessions.cookie_name(secure=False), token)
    body = '{"revision": 0, "scores": {}}'
    assert writes(visitor, "PUT", SHEET, body, None) == (403, "terminal-proof")
    monkeypatch.setattr(house.settings.seat, "terminal_required", False)
    assert writes(visitor, "PUT", SHEET, body, None) == (200, "")
    at_one = house.seat(member.id, scoring.id)  # where a terminal was used it stays asked for
    assert writes(at_one, "PUT", SHEET, '{"revision": 1, "scores": {}}', None) == (403, "terminal-proof")
