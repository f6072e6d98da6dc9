"""The second step of signing in, and showing it once more; a password alone opens nothing."""

import re

from sqlmodel import select
from starlette.testclient import TestClient

from app.accounts import entering, second_factor
from app.accounts.models import HalfSignIn
from app.accounts.permissions import Role
from app.accounts.service import Browser
from app.audit import service as audit
from app.audit.tags import Tag
from tests.support.authenticators import Authenticator
from tests.support.web import PASSWORD, WebHouse

STEP = "/sign-in/second-factor"
OPERATOR, SUPERVISOR = Role.host_operator, Role.supervisor


def halfway(house: WebHouse, role: Role = OPERATOR) -> TestClient:
    """A browser that has shown the right password."""
    house.account(role)
    visitor = house.visitor()
    answer = visitor.post("/sign-in", data={"login": role, "password": PASSWORD})
    assert answer.headers["location"] == STEP
    return visitor


def enrol(house: WebHouse, visitor: TestClient) -> tuple[Authenticator, list[str]]:
    """Scans what the page shows and confirms it; the phone and the recovery codes."""
    page = visitor.get(STEP).text
    assert "<svg" in page
    found = re.search(r'id="secret">([A-Z2-7]{32})<', page)
    assert found
    phone = Authenticator(found[1], house.world.now)
    shown = visitor.post(STEP, data={"code": phone.code()})
    assert shown.status_code == 200
    return phone, re.findall(r"<code>([a-z2-9]{6}-[a-z2-9]{6})</code>", shown.text)


def tags(house: WebHouse) -> list[str]:
    with house.world.database.reading() as session:
        return [e.tag for e in audit.trail(session, "house") if e.tag.startswith("accounts:")]


def test_who_has_no_second_factor_sets_one_up_before_anything_else(house: WebHouse) -> None:
    visitor = halfway(house)
    assert visitor.get("/today").status_code == 303
    assert visitor.post(STEP, data={"code": "000000"}).status_code == 401
    phone, codes = enrol(house, visitor)
    assert len(codes) == 10
    assert visitor.get("/today").status_code == 200
    assert tags(house) == [Tag.account_factor_enrolled, Tag.account_signed_in]
    house.world.clock.advance(30)
    again = halfway(house)
    assert phone.secret not in again.get(STEP).text
    assert again.post(STEP, data={"code": phone.code()}).headers["location"] == "/today"


def test_a_password_alone_cannot_put_another_authenticator_in_place(house: WebHouse) -> None:
    early, late = halfway(house), halfway(house)
    secret = re.search(r'id="secret">([A-Z2-7]{32})<', early.get(STEP).text)
    assert secret
    enrol(house, late)
    offered = Authenticator(secret[1], house.world.now)
    assert early.post(STEP, data={"code": offered.code()}).status_code == 401
    assert early.get("/today").status_code == 303
    world, half = house.world, early.cookies["yuanping-half"]
    with world.transaction() as session:  # as if both had been asked at the same moment
        who = entering.waiting(session, world.sealer, world.now(), half)
        assert who is not None
        again = second_factor.offer(
            session, world.sealer, world.now(), account_id=who.account_id, login="", holder=who.id
        )
        assert not entering.by_enrolling(
            session,
            world.sealer,
            world.now(),
            house.settings.accounts,
            half_token=half,
            code=Authenticator(again.secret, world.now).code(),
            browser=Browser(),
        )


def test_a_code_seen_over_somebodys_shoulder_is_used_up(house: WebHouse) -> None:
    phone = house.phone(OPERATOR)
    code = phone.code()
    assert halfway(house).post(STEP, data={"code": code}).status_code == 303
    assert halfway(house).post(STEP, data={"code": code}).status_code == 401


def test_halfway_in_does_not_last(house: WebHouse) -> None:
    phone, visitor = house.phone(OPERATOR), halfway(house)
    house.world.clock.advance(601)
    assert visitor.get(STEP).headers["location"] == "/sign-in"
    assert visitor.post(STEP, data={"code": phone.code()}).headers["location"] == "/sign-in"
    halfway(house)
    with house.world.database.reading() as session:
        assert len(session.exec(select(HalfSignIn)).all()) == 1


def test_guessed_codes_are_counted_and_then_even_the_right_one_waits(house: WebHouse) -> None:
    phone, visitor = house.phone(OPERATOR), halfway(house)
    tries = house.settings.accounts.sign_in_tries
    for _ in range(tries):
        assert visitor.post(STEP, data={"code": "000000"}).status_code == 401
    assert visitor.post(STEP, data={"code": phone.code()}).status_code == 401
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s + 1)
    assert visitor.post(STEP, data={"code": phone.code()}).status_code == 303
    assert tags(house).count(Tag.account_sign_in_refused) == tries + 1


def test_a_recovery_code_opens_once_is_in_the_trail_and_tells_its_holder(house: WebHouse) -> None:
    phone, codes = enrol(house, halfway(house))
    visitor = halfway(house)
    answer = visitor.post(STEP, data={"recovery": codes[0].upper()})
    assert answer.headers["location"] == "/account/second-factor"
    assert "有人用恢复码登录了您的账号" in visitor.get("/account/second-factor").text
    assert Tag.account_recovered in tags(house)
    assert halfway(house).post(STEP, data={"recovery": codes[0]}).status_code == 401
    house.world.clock.advance(30)
    holder = halfway(house)
    told = holder.post(STEP, data={"code": phone.code()})
    assert told.headers["location"] == "/account/second-factor", "the holder learns of it at the next sign-in"
    holder.post("/account/second-factor/told")
    assert "有人用恢复码登录了您的账号" not in holder.get("/account/second-factor").text


def test_what_asks_for_a_fresh_proof_leads_to_it_and_back(house: WebHouse) -> None:
    phone, visitor = house.phone(OPERATOR), house.visitor(OPERATOR, proved=False)
    asked = visitor.get("/account/second-factor/new")
    assert asked.headers["location"] == "/step-up?next=/account/second-factor/new"
    assert visitor.get(asked.headers["location"]).status_code == 200
    going_to = {"next": "/account/second-factor/new"}
    assert visitor.post("/step-up", data={"code": "000000", **going_to}).status_code == 422
    before = house.visitor()
    before.cookies.update(visitor.cookies)
    assert before.get("/today").status_code == 200
    proved = visitor.post("/step-up", data={"code": phone.code(), **going_to})
    assert proved.headers["location"] == "/account/second-factor/new"
    assert before.get("/today").status_code == 303, "the token of before the proof opens nothing any more"
    assert visitor.get("/account/second-factor/new").status_code == 200
    house.world.clock.advance(house.settings.accounts.step_up_minutes * 60)
    assert visitor.get("/account/second-factor/new").status_code == 303
    assert Tag.account_stepped_up in tags(house)


def test_an_act_that_asks_for_it_leads_back_to_its_page_and_a_program_hears_so(house: WebHouse) -> None:
    visitor = house.visitor(OPERATOR, proved=False)
    referer = {"Referer": "http://testserver/account/second-factor"}
    act = visitor.post("/account/second-factor/codes", headers=referer)
    assert act.headers["location"] == "/step-up?next=/account/second-factor"
    elsewhere = visitor.post("/step-up", data={"code": "0", "next": "https://elsewhere.example/"})
    assert "elsewhere.example" not in elsewhere.text


def test_in_a_demonstration_one_click_proves_who_has_no_factor(demonstration: WebHouse) -> None:
    visitor = demonstration.visitor(SUPERVISOR, proved=False)
    assert "这是示范系统" in visitor.get("/step-up").text
    assert visitor.post("/step-up", data={"next": "/today"}).headers["location"] == "/today"
    demonstration.phone(SUPERVISOR)
    assert visitor.post("/step-up", data={"next": "/today"}).status_code == 422


def test_outside_of_a_demonstration_no_click_proves_anything(house: WebHouse) -> None:
    visitor = house.visitor(SUPERVISOR, proved=False)
    assert visitor.post("/step-up", data={"code": ""}).status_code == 422
    assert visitor.get("/account/second-factor/new").status_code == 303


def test_another_authenticator_takes_the_place_of_the_first_and_ends_other_sessions(house: WebHouse) -> None:
    former, other = house.phone(OPERATOR), house.visitor(OPERATOR)
    visitor = house.visitor(OPERATOR)
    page = visitor.get("/account/second-factor/new").text
    found = re.search(r'id="secret">([A-Z2-7]{32})<', page)
    assert found
    phone = Authenticator(found[1], house.world.now)
    assert visitor.post("/account/second-factor/new", data={"code": former.code()}).status_code == 422
    assert "保存恢复码" in visitor.post("/account/second-factor/new", data={"code": phone.code()}).text
    assert visitor.get("/today").status_code == 200
    assert other.get("/today").status_code == 303
    house.world.clock.advance(30)
    assert halfway(house).post(STEP, data={"code": former.code()}).status_code == 401
    assert halfway(house).post(STEP, data={"code": phone.code()}).status_code == 303


def test_recovery_codes_are_renewed_by_who_has_just_proved_themselves(house: WebHouse) -> None:
    _, codes = enrol(house, halfway(house))
    shown = house.visitor(OPERATOR).post("/account/second-factor/codes")
    assert len(re.findall(r"<code>[a-z2-9]{6}-[a-z2-9]{6}</code>", shown.text)) == 10
    assert halfway(house).post(STEP, data={"recovery": codes[0]}).status_code == 401
