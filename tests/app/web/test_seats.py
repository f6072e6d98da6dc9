"""T5. The doors of a seat as a browser meets them: a code, a cookie or a ticket that somebody took along opens nothing elsewhere."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.accounts import service, sessions
from app.accounts.permissions import Role
from app.audit import service as audit
from app.core.sealing import mask_identity
from app.evaluation import cases
from app.notify.enclosed import variables_of
from app.rehearsal.terminals import SoftwareTerminal
from tests.support.evaluations import Case
from tests.support.leases import start_workers
from tests.support.terminals import enrolled, papers, proof
from tests.support.web import WebHouse, open_web
from tests.support.world import identity_of
from venue.proofs import Purpose

_CODE = "12345678"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    opened = open_web(tmp_path_factory.mktemp("seats"))
    opened.settings.accounts.sign_in_tries = 100
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def case(house: WebHouse) -> Case:
    """Half an hour before its start."""
    made = Case(house.world).convened()
    house.world.clock.advance(86_400 - 1800)
    return made


def types_code(house: WebHouse, terminal: SoftwareTerminal | None, code: str = _CODE) -> tuple[int, str]:
    """What somebody is answered who types a code: on this terminal, or on a machine that is none."""
    shown = {"code": code}
    if terminal is not None:
        said = proof(house.world, terminal, Purpose.seat, code)
        shown |= {"terminal": terminal.id, "challenge": said.challenge, "signature": said.signature}
    answer = house.visitor().post("/seat", data=shown)
    return answer.status_code, answer.text


def refusals(house: WebHouse, of: str) -> list[str]:
    """Why codes did not open, as the trail of this case knows it; the house here is one for all tests."""
    with house.world.database.reading() as session:
        found = [one.data for one in audit.trail(session, of) if one.tag == "evaluation:seat:refused"]
    return [text.split('"why":')[1] for text in found]


def test_every_code_that_does_not_open_is_answered_alike_and_the_trail_knows_why(
    house: WebHouse, case: Case
) -> None:
    world = house.world
    before = [len(refusals(house, of)) for of in ("house", case.id)]
    first, second = case.member(1), case.member(2)
    terminals = [enrolled(world, one.seat_id) for one in (first, second)]
    own = _code(case, 1)
    wrong, unchecked, elsewhere = (
        types_code(house, terminal, code)
        for terminal, code in ((terminals[0], "00000000"), (terminals[0], own), (terminals[1], own))
    )
    assert wrong == unchecked == elsewhere
    assert wrong[0] == 401
    nowhere = types_code(house, None, own)
    assert nowhere == types_code(house, None, "00000000")
    assert "这台电脑还不是登记过的工位终端" in nowhere[1]
    told, known = (refusals(house, of)[known:] for of, known in zip(("house", case.id), before, strict=True))
    assert told == ['"code"}', '"terminal-needed"}', '"terminal-needed"}']
    assert known == ['"identity"}', '"seat"}']


def ticket(client: TestClient, terminal: SoftwareTerminal, about: str | None = None) -> tuple[int, str]:
    """(status, code of the refusal) for a ticket that this browser asks for, at that terminal."""
    asked = client.post("/api/seat/challenge").json()["challenge"] if about is None else about
    answer = client.post("/api/seat/ticket", json=terminal.proof(Purpose.ticket, asked))
    return answer.status_code, answer.json().get("code", "")


def test_a_stolen_cookie_gets_no_ticket_on_another_device(house: WebHouse, case: Case) -> None:
    member = case.member(3)
    start_workers(house.world.database, "worker-1", url="")
    own = house.seat(member.id, case.id)
    terminal = house.terminals[member.seat_id]
    thief = house.visitor()
    thief.cookies.set(sessions.cookie_name(secure=False), own.cookies[sessions.cookie_name(secure=False)])
    assert ticket(own, terminal) == (200, "")
    assert thief.post("/api/seat/ticket").json()["code"] == "terminal-proof"
    assert ticket(thief, SoftwareTerminal()) == (403, "terminal-proof")
    neighbour = enrolled(house.world, case.member(4).seat_id)
    assert ticket(thief, neighbour) == (403, "terminal-proof")
    asked = own.post("/api/seat/challenge").json()["challenge"]
    assert ticket(own, terminal, asked) == (200, "")
    assert ticket(thief, terminal, asked) == (403, "terminal-proof")  # overheard, and sent once more
    house.world.clock.advance(1)
    other = house.seat(case.member(5).id, case.id)
    asked = other.post("/api/seat/challenge").json()["challenge"]
    assert ticket(own, terminal, asked) == (403, "terminal-proof")  # asked of another session


def test_a_session_that_was_opened_without_a_terminal_enters_no_room(house: WebHouse, case: Case) -> None:
    member, visitor = case.member(4), house.visitor()
    with house.world.transaction() as session:
        signed = service.open_seat(
            session,
            house.world.sealer,
            house.world.now(),
            house.settings.accounts,
            member_id=member.id,
            evaluation_id=case.id,
        )
    visitor.cookies.set(sessions.cookie_name(secure=False), signed.token)
    assert ticket(visitor, enrolled(house.world, member.seat_id)) == (403, "terminal-proof")
    house.settings.seat.terminal_required = False
    start_workers(house.world.database, "worker-2", url="")
    try:
        assert visitor.post("/api/seat/ticket").status_code == 200
    finally:
        house.settings.seat.terminal_required = None


def test_the_way_from_the_desk_to_the_seat(house: WebHouse, case: Case) -> None:
    world, member = house.world, case.member(2)
    clerk = house.visitor(Role.guest_operator)
    with world.transaction() as session:
        session.merge(house.account(Role.guest_operator)).center_id = member.center_id
    waiting = clerk.get("/check-in").text
    assert member.id in waiting
    assert "专家" not in waiting.split("desk-arrivals")[1].split("证件号码")[0]
    assert "秘密水库" not in waiting
    identity = papers(world, member).identity
    assert "证件号码不对" in clerk.post(f"/check-in/{member.id}", data={"identity": "530102"}).text
    page = clerk.post(f"/check-in/{member.id}", data={"identity": identity, "badge": "1"}).text
    assert "核验相符" in page
    assert identity not in page
    made = clerk.post(f"/terminals/seats/{member.seat_id}/code").text
    code = "".join(made.split('data-part="code">')[1].split("<")[0].split())
    machine, browser = SoftwareTerminal(), house.visitor()
    asked = browser.post("/api/terminal/challenge", json={"purpose": "enroll"}).json()["challenge"]
    body = {
        "code": code,
        "key": machine.jwk,
        "challenge": asked,
        "signature": machine.sign(Purpose.enroll, asked, code),
    }
    answer = browser.post("/api/terminal/enroll", json=body)
    machine.id = answer.json()["terminal_id"]
    assert browser.post("/api/terminal/enroll", json=body).json()["code"] == "terminal-proof"
    assert "已登记" in clerk.get("/terminals").text
    assert types_code(house, machine, _code(case, 2))[0] == 303
    assert clerk.post(f"/terminals/{machine.id}/block").status_code == 303
    assert "本工位的终端已停用" in types_code(house, machine)[1]


@pytest.mark.parametrize(
    ("role", "seat_no", "sees_number"), [(Role.guest_operator, 4, True), (Role.host_operator, 5, False)]
)
def test_the_right_papers_admit_at_every_desk_and_show_the_number_to_whom_the_matrix_does(
    house: WebHouse, case: Case, role: Role, seat_no: int, sees_number: bool
) -> None:
    world, member = house.world, case.member(seat_no)
    clerk = house.visitor(role)
    with world.transaction() as session:
        session.merge(house.account(role)).center_id = member.center_id
    number = papers(world, member).identity
    told = clerk.post(f"/api/check-in/{member.id}", json={"identity": number})
    assert told.status_code == 200, told.text
    assert told.json()["outcome"] == "matched"
    assert told.json()["identity"] == (mask_identity(number) if sees_number else None)


def test_other_papers_raise_an_alarm_that_a_supervisor_clears(house: WebHouse, case: Case) -> None:
    world, member = house.world, case.member(1)
    clerk, supervisor = house.visitor(Role.guest_operator), house.visitor(Role.supervisor)
    with world.transaction() as session:
        session.merge(house.account(Role.guest_operator)).center_id = member.center_id
    told = clerk.post(f"/api/check-in/{member.id}", json={"identity": identity_of(901)}).json()
    assert told == {
        "outcome": "mismatched",
        "name": None,
        "identity": "9999**********" + identity_of(901)[-4:],
    }
    path = f"/evaluations/{case.id}"
    assert "签到台核验身份不符" in supervisor.get(path).text
    assert "签到台核验身份不符" in supervisor.get(f"{path}/live").text
    (alarm,) = supervisor.get(f"/api{path}/alarms").json()
    assert house.visitor(Role.host_operator).post(f"{path}/alarms/{alarm['id']}").status_code == 403
    short = supervisor.post(f"{path}/alarms/{alarm['id']}", data={f"reason-{alarm['id']}": "好"})
    assert short.status_code == 422
    assert (
        supervisor.post(f"/api{path}/alarms/{alarm['id']}", json={"reason": "证件借错了"}).status_code == 204
    )
    assert "签到台核验身份不符" not in supervisor.get(path).text


def test_who_types_wrong_codes_at_a_center_holds_up_nobody_at_another_seat(
    house: WebHouse, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All seats of a center come from one address; whoever spoils its tries must not keep a committee out."""
    monkeypatch.setattr(house.settings.accounts, "sign_in_tries", 3)
    monkeypatch.setattr(house.application.state, "throttles", {}, raising=False)
    guesser, neighbour = (enrolled(house.world, case.member(seat).seat_id) for seat in (1, 2))
    stranger = SoftwareTerminal()
    stranger.id = "no-terminal"
    for machine in (None, stranger):
        assert types_code(house, machine, "00000000")[0] == 401
    assert [types_code(house, None, "00000000")[0] for _ in range(2)] == [401, 429]
    assert [types_code(house, guesser, "00000000")[0] for _ in range(4)] == [401, 401, 401, 429]
    assert types_code(house, neighbour, "00000000")[0] == 401


def test_guessing_an_enrolment_code_gets_slow(house: WebHouse) -> None:
    browser, machine = house.visitor(), SoftwareTerminal()
    house.application.state.throttles = {}
    house.settings.accounts.sign_in_tries = 3

    def tries() -> int:
        asked = browser.post("/api/terminal/challenge", json={"purpose": "enroll"}).json()["challenge"]
        signature = machine.sign(Purpose.enroll, asked, "0000000000")
        body = {"code": "0000000000", "key": machine.jwk, "challenge": asked, "signature": signature}
        return browser.post("/api/terminal/enroll", json=body).status_code

    assert [tries() for _ in range(5)] == [403, 403, 403, 429, 429]
    house.application.state.throttles = {}
    house.settings.accounts.sign_in_tries = 100


def test_what_a_demonstration_does_not_ask_is_said_on_its_pages(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "入席要求已放宽" not in house.visitor().get("/seat").text
    monkeypatch.setattr(house.settings, "demo", True)
    page = house.visitor().get("/seat").text
    for said in (
        "入席要求已放宽",
        "不要求在登记过的工位终端入席",
        "不要求先在签到台核验身份",
        "不限入席时间",
    ):
        assert said in page


def _code(case: Case, seat_no: int) -> str:
    with case.world.database.reading() as session:
        member = next(one for one in cases.members(session, case.id) if one.seat_no == seat_no)
    return variables_of(case.world.sealer, case.texts(member.id)[-1])["code"]
