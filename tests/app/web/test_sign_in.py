"""Signing in and out: nobody learns which part was wrong, nobody is sent elsewhere, guessing gets slow."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from argon2 import PasswordHasher

from app.accounts import passwords, tickets
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.models import AuditEvent
from app.audit.tags import Tag
from app.web.navigation import local
from tests.support.web import HOST, PASSWORD, WebHouse

OPERATOR = Role.host_operator


SECOND = "/sign-in/second-factor"


def code_of(house: WebHouse) -> str:
    """A code of the operator's authenticator that has not been used."""
    house.phone(OPERATOR)
    house.world.clock.advance(30)
    return house.phone(OPERATOR).code()


def told(house: WebHouse) -> list[AuditEvent]:
    """What the trail of the house says of accounts and addresses."""
    with house.world.database.reading() as session:
        return [event for event in audit.trail(session, "house") if event.tag.startswith("accounts:")]


def stored_hash(house: WebHouse) -> str:
    with house.world.database.reading() as session:
        return session.get_one(Account, house.account(OPERATOR).id).password_hash


def tags(house: WebHouse) -> list[str]:
    return [event.tag for event in told(house)]


@pytest.mark.parametrize(
    ("base_url", "prefix"), [(HOST, "yuanping"), ("https://testserver", "__Host-yuanping")]
)
def test_password_and_code_let_in_with_cookies_that_stay_at_home(
    house: WebHouse, base_url: str, prefix: str
) -> None:
    code = code_of(house)
    visitor = house.visitor(base_url=base_url)
    answer = visitor.post(
        "/sign-in", data={"login": OPERATOR, "password": PASSWORD, "next": "/today?lang=en"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SECOND}?next=/today%3Flang%3Den")
    assert answer.headers["set-cookie"].startswith(f"{prefix}-half=")
    assert visitor.get("/today").status_code == 303, "a password alone opens nothing"
    answer = visitor.post(SECOND, data={"code": code, "next": "/today?lang=en"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/today?lang=en")
    kept = {one.split("=", 1)[0]: set(one.split("; ")) for one in answer.headers.get_list("set-cookie")}
    assert set(kept) == {prefix, f"{prefix}-device", f"{prefix}-half"}
    for cookie in kept.values():
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= cookie
        assert ("Secure" in cookie) == base_url.startswith("https")
    assert visitor.get("/today").status_code == 200
    assert tags(house) == [Tag.account_signed_in]


def test_a_wrong_login_and_a_wrong_password_get_the_same_answer(house: WebHouse) -> None:
    house.account(OPERATOR)
    wrong_password = house.visitor().post("/sign-in", data={"login": OPERATOR, "password": "no"})
    wrong_login = house.visitor().post("/sign-in", data={"login": "nobody", "password": "no"})
    assert wrong_password.status_code == wrong_login.status_code == 401
    assert wrong_password.text.replace(f'value="{OPERATOR}"', "") == wrong_login.text.replace(
        'value="nobody"', ""
    )
    assert "set-cookie" not in wrong_password.headers
    assert tags(house) == [Tag.account_sign_in_refused] * 2


def test_what_was_typed_never_reaches_the_trail(house: WebHouse) -> None:
    house.visitor().post("/sign-in", data={"login": "my-password-in-the-wrong-field", "password": "x"})
    (event,) = told(house)
    assert "my-password" not in f"{event.actor}{event.subject}{event.data}"


def test_after_too_many_wrong_tries_even_the_right_password_waits(house: WebHouse) -> None:
    house.account(OPERATOR)
    visitor = house.visitor()
    for _ in range(house.settings.accounts.sign_in_tries):
        visitor.post("/sign-in", data={"login": OPERATOR, "password": "no"})
    right = {"login": OPERATOR, "password": PASSWORD}
    assert visitor.post("/sign-in", data=right).status_code == 401
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s + 1)
    assert visitor.post("/sign-in", data=right).status_code == 303


def test_an_older_hash_is_renewed_when_its_owner_signs_in(house: WebHouse) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    account = house.account(OPERATOR)
    with house.world.transaction() as session:
        session.merge(account).password_hash = older
    assert house.visitor().post("/sign-in", data={"login": OPERATOR, "password": "no"}).status_code == 401
    assert stored_hash(house) == older
    for _ in range(2):
        answer = house.visitor().post("/sign-in", data={"login": OPERATOR, "password": PASSWORD})
        assert answer.status_code == 303
    assert not passwords.outdated(stored_hash(house))


def test_a_flood_of_unknown_logins_is_neither_compared_nor_written_down_for_long(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def refuse(_stored: str | None, password: str) -> bool:
        compared.append(password)
        return False

    monkeypatch.setattr(passwords, "matches", refuse)
    most = 4 * house.settings.accounts.sign_in_tries
    visitor = house.visitor()
    answers = [
        visitor.post("/sign-in", data={"login": f"nobody{number}", "password": "no"}).status_code
        for number in range(most + 10)
    ]
    assert answers == [401] * most + [429] * 10
    assert len(compared) == most
    assert tags(house) == [Tag.account_sign_in_refused] * most + [Tag.guessing_paused]
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s)
    assert visitor.post("/sign-in", data={"login": "nobody", "password": "no"}).status_code == 401


def test_an_office_that_signs_in_from_one_address_is_not_slowed(house: WebHouse) -> None:
    house.account(OPERATOR)
    for _ in range(4 * house.settings.accounts.sign_in_tries + 1):
        answer = house.visitor().post("/sign-in", data={"login": OPERATOR, "password": PASSWORD})
        assert answer.status_code == 303


def test_an_account_that_was_switched_off_is_out_at_once(house: WebHouse) -> None:
    account = house.account(OPERATOR)
    visitor = house.visitor(OPERATOR)
    assert visitor.get("/today").status_code == 200
    with house.world.transaction() as session:
        session.merge(account).active = False
    assert visitor.get("/today").status_code == 303
    assert visitor.post("/sign-in", data={"login": OPERATOR, "password": PASSWORD}).status_code == 401


def test_signing_out_ends_the_session_itself(house: WebHouse) -> None:
    visitor = house.visitor(OPERATOR)
    token = visitor.cookies["yuanping"]
    assert visitor.post("/sign-out").headers["location"] == "/sign-in"
    visitor.cookies.set("yuanping", token)
    assert visitor.get("/today").status_code == 303
    assert tags(house) == [Tag.account_signed_out]


def test_a_session_ends_by_itself(house: WebHouse) -> None:
    visitor = house.visitor(OPERATOR)
    house.world.clock.advance(timedelta(hours=13).total_seconds())
    assert visitor.get("/today").status_code == 303


def test_whoever_is_not_signed_in_comes_back_to_the_page_they_wanted(house: WebHouse) -> None:
    answer = house.visitor().get("/evaluations/new?lang=en")
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    assert (parts.path, parse_qs(parts.query)["next"]) == ("/sign-in", ["/evaluations/new?lang=en"])
    assert house.visitor().get("/seat/desk").headers["location"] == "/seat"
    assert house.visitor().post("/evaluations/new").headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "today",
        "/a\nb",
        "",
    ],
)
def test_no_link_to_the_sign_in_page_leads_elsewhere(address: str) -> None:
    assert local(address) == ""


def test_the_way_back_goes_into_the_form_only_when_it_is_ours(house: WebHouse) -> None:
    house.account(OPERATOR)
    data = {"login": OPERATOR, "password": PASSWORD, "next": "https://elsewhere.example/"}
    visitor, code = house.visitor(), code_of(house)
    assert visitor.post("/sign-in", data=data).headers["location"] == SECOND
    answer = visitor.post(SECOND, data={"code": code, "next": "https://elsewhere.example/"})
    assert answer.headers["location"] == "/today"
    assert 'value="https' not in house.visitor().get("/sign-in?next=https://elsewhere.example/").text


def link_for(house: WebHouse, role: Role) -> str:
    account = house.account(role)
    with house.world.transaction() as session:
        secret = tickets.issue(
            session,
            house.world.sealer,
            house.world.now(),
            kind=TicketKind.sign_in,
            subject=f"account:{account.id}",
            lifetime=timedelta(hours=1),
        )
    return f"/sign-in/ticket/{secret}"


def test_a_sign_in_link_works_once_and_is_one_factor(house: WebHouse) -> None:
    code, link, visitor = code_of(house), link_for(house, OPERATOR), house.visitor()
    assert visitor.get(link).headers["location"] == SECOND
    assert visitor.get("/today").status_code == 303
    assert visitor.post(SECOND, data={"code": code}).headers["location"] == "/today"
    again = house.visitor().get(link)
    assert again.status_code == 401
    assert "这个登录链接已失效" in again.text


def test_a_link_of_a_demonstration_leads_straight_in(demonstration: WebHouse) -> None:
    visitor = demonstration.visitor()
    assert visitor.get(link_for(demonstration, Role.supervisor)).headers["location"] == "/today"
    assert visitor.get("/today").status_code == 200


def test_who_comes_from_another_site_goes_once_round_through_ours(house: WebHouse) -> None:
    """The browser has kept back our cookies; a link that works once must not be used up by that."""
    from_elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    link, visitor = link_for(house, Role.supervisor), house.visitor()
    for path in (link, "/", "/today?lang=en"):
        arrived = visitor.get(path, headers=from_elsewhere)
        assert arrived.status_code == 200
        assert f'url={path}"' in arrived.text
        assert "set-cookie" not in arrived.headers or "yuanping" not in arrived.headers["set-cookie"]
    assert visitor.get(link).headers["location"] == SECOND


def test_personas_are_offered_in_a_demonstration_only(demonstration: WebHouse) -> None:
    account = demonstration.account(OPERATOR)
    visitor = demonstration.visitor()
    assert account.id in visitor.get("/sign-in").text
    assert visitor.post("/sign-in/persona", data={"account": account.id}).headers["location"] == "/today"
    assert visitor.get("/today").status_code == 200
    assert visitor.post("/sign-in/persona", data={"account": "nobody"}).headers["location"] == "/sign-in"


def test_outside_of_a_demonstration_the_persona_door_is_shut(house: WebHouse) -> None:
    account = house.account(OPERATOR)
    visitor = house.visitor()
    assert account.id not in visitor.get("/sign-in").text
    assert visitor.post("/sign-in/persona", data={"account": account.id}).status_code == 403


def test_a_wrong_seat_code_is_refused_and_guessing_gets_slow(house: WebHouse) -> None:
    visitor = house.visitor()
    tries = house.settings.accounts.sign_in_tries
    answers = [visitor.post("/seat", data={"code": "00000000"}).status_code for _ in range(tries + 3)]
    assert answers == [401] * tries + [429] * 3
    (line,) = told(house)
    assert (line.tag, line.subject) == (Tag.guessing_paused, "door:seat")
    assert "testclient" in line.data
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s + 1)
    assert visitor.post("/seat", data={"code": "00000000"}).status_code == 401


def test_the_root_leads_everyone_to_where_they_start(house: WebHouse) -> None:
    assert house.visitor().get("/").headers["location"] == "/sign-in"
    assert house.visitor(OPERATOR).get("/").headers["location"] == "/today"
