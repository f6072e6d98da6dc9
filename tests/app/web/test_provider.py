"""Signing in by a center's own service that really runs: what it says is believed once, and only if it is said to us."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr
from sqlmodel import Session
from starlette.testclient import TestClient

from app.accounts import identities, tries
from app.accounts.permissions import Role
from app.core.settings_doors import OidcSettings
from tests.support.oidc_house import CLIENT, SECRET, OidcHouse, oidc_house
from tests.support.web import WebHouse

AGENCY = Role.agency


@pytest.fixture(scope="module")
def running() -> Iterator[OidcHouse]:
    from tests.support.halls import NOW  # noqa: PLC0415 -- the clock that worlds begin at

    with oidc_house(NOW) as service:
        yield service


@pytest.fixture
def service(running: OidcHouse, house: WebHouse) -> OidcHouse:
    """The provider says the truth again, and the house believes its second factor when it says `mfa`."""
    running.now, running.subject, running.claims, running.alg, running.broken = (
        house.world.now(),
        "li.min",
        {},
        "RS256",
        False,
    )
    house.settings.accounts.oidc = OidcSettings(
        issuer=running.url,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        second_factor_amr=("mfa",),
    )
    return running


def linked(house: WebHouse, service: OidcHouse, subject: str = "li.min") -> None:
    account = house.account(AGENCY)
    with house.world.transaction() as session:
        identities.link(
            session,
            house.world.now(),
            account_id=account.id,
            issuer=service.url,
            subject=subject,
            actor_id="administrator",
        )


def there_and_back(visitor: TestClient, query: str = "?next=/today") -> str:
    """Follows the way to the provider as a browser does; the address it sends back to, a path of ours."""
    leaving = visitor.get(f"/sign-in/provider{query}")
    assert leaving.status_code == 303, leaving.text
    answer = httpx2.get(leaving.headers["location"])
    back = urlsplit(answer.headers["location"])
    assert back.path == "/sign-in/provider/callback"
    return f"{back.path}?{back.query}"


def test_a_linked_identity_still_shows_its_second_factor_here(house: WebHouse, service: OidcHouse) -> None:
    linked(house, service)
    phone, visitor = house.phone(AGENCY), house.visitor()
    assert "统一身份认证" in visitor.get("/sign-in").text
    arrived = visitor.get(there_and_back(visitor))
    assert arrived.status_code == 200
    assert "/sign-in/second-factor?next=/today" in arrived.text
    assert visitor.get("/today").status_code == 303, "the provider asked for no second factor"
    assert visitor.post("/sign-in/second-factor", data={"code": phone.code()}).status_code == 303
    assert visitor.get("/today").status_code == 200
    assert {"code_challenge", "nonce", "state"} <= set(service.asked)
    assert service.asked["code_challenge_method"] == "S256"


def test_an_identity_that_is_unlinked_while_its_holder_waits_opens_nothing(
    house: WebHouse, service: OidcHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(house, service)
    service.claims = {"amr": ["pwd", "mfa"]}
    visitor = house.visitor()
    back = there_and_back(visitor)

    def waits_for_the_other(session: Session, account_id: str) -> None:
        identities.forget(session, account_id)

    monkeypatch.setattr(tries, "hold_account", waits_for_the_other)
    assert "li.min" in visitor.get(back).text
    assert visitor.get("/today").status_code == 303


def test_a_second_factor_of_the_provider_counts_where_the_settings_say_so(
    house: WebHouse, service: OidcHouse
) -> None:
    linked(house, service)
    service.claims = {"amr": ["pwd", "mfa"]}
    visitor = house.visitor()
    arrived = visitor.get(there_and_back(visitor))
    assert 'url=/today"' in arrived.text
    assert visitor.get("/today").status_code == 200
    house.settings.accounts.oidc = house.settings.accounts.oidc.model_copy(
        update={"second_factor_amr": (), "second_factor_acr": ("gold",)}
    )
    other = house.visitor()
    assert "second-factor" in other.get(there_and_back(other)).text
    service.claims = {"acr": "gold"}
    golden = house.visitor()
    assert 'url=/today"' in golden.get(there_and_back(golden)).text


def test_what_the_provider_has_seen_hours_ago_is_not_shown_just_now(
    house: WebHouse, service: OidcHouse
) -> None:
    linked(house, service)
    now = int(house.world.now().timestamp())
    for seen, status in ((now - 7200, 303), (None, 303), (now - 5, 200)):
        service.claims = {"amr": ["mfa"], "auth_time": seen}
        visitor = house.visitor()
        visitor.get(there_and_back(visitor))
        assert visitor.get("/today").status_code == 200
        assert visitor.get("/account/second-factor/new").status_code == status, seen


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "of an earlier sign-in"}},
    "no nonce": {"claims": {"nonce": None}},
    "for another client": {"claims": {"aud": "somebody-else"}},
    "for two clients, not issued to us": {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
    "of another issuer": {"claims": {"iss": "https://elsewhere.example"}},
    "expired": {"claims": {"exp": 1_000_000_000}},
    "seen at no moment": {"claims": {"auth_time": "yesterday"}},
    "seen at no moment there is": {"claims": {"auth_time": 10**30}},
    "seen at many moments": {"claims": {"auth_time": [1]}},
    "without an end": {"claims": {"exp": None}},
    "of nobody": {"claims": {"sub": None}},
    "not signed": {"alg": "none"},
    "signed with the shared secret": {"alg": "HS256"},
    "signed by somebody else": {"alg": "stranger"},
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_is_not_what_it_should_be_opens_nothing(house: WebHouse, service: OidcHouse) -> None:
    linked(house, service)
    for lie, said in LIES.items():
        service.claims, service.alg = {}, "RS256"
        for name, value in said.items():
            setattr(service, name, value)
        visitor = house.visitor()
        answer = visitor.get(there_and_back(visitor))
        assert answer.status_code == 403, lie
        assert "回答不可信" in answer.text, lie
        assert visitor.get("/sign-in/second-factor").headers["location"] == "/sign-in", lie


def test_a_stranger_learns_what_to_tell_the_administrator(house: WebHouse, service: OidcHouse) -> None:
    linked(house, service)
    service.subject = "zhang.san"
    visitor = house.visitor()
    answer = visitor.get(there_and_back(visitor))
    assert answer.status_code == 403
    assert "zhang.san" in answer.text
    assert visitor.get("/sign-in/second-factor").headers["location"] == "/sign-in"


def test_a_way_back_counts_once_and_only_in_its_own_browser(house: WebHouse, service: OidcHouse) -> None:
    linked(house, service)
    visitor, other = house.visitor(), house.visitor()
    back = there_and_back(visitor)
    kept = visitor.cookies["yuanping-flow"]
    assert other.get(back).status_code == 403
    there_and_back(other)
    assert other.get(back).status_code == 403, "the state of another browser"
    assert visitor.get(back).status_code == 200
    visitor.cookies.set("yuanping-flow", kept)
    again = visitor.get(back)
    assert again.status_code == 403
    assert "已过期" in again.text


def test_a_way_back_that_takes_too_long_or_was_declined_says_so(house: WebHouse, service: OidcHouse) -> None:
    visitor = house.visitor()
    back = there_and_back(visitor)
    house.world.clock.advance(601)
    assert visitor.get(back).status_code == 403
    state = parse_qs(urlsplit(there_and_back(visitor)).query)["state"][0]
    declined = visitor.get(f"/sign-in/provider/callback?error=access_denied&state={state}")
    assert "没有放行" in declined.text


def test_a_provider_that_does_not_answer_or_calls_itself_otherwise_is_said(
    house: WebHouse, service: OidcHouse
) -> None:
    service.broken = True
    assert house.visitor().get("/sign-in/provider").status_code == 503
    service.broken = False
    wrong = house.settings.accounts.oidc.model_copy(
        update={"issuer": service.url.replace("127.0.0.1", "localhost")}
    )
    house.settings.accounts.oidc = wrong
    assert house.visitor().get("/sign-in/provider").status_code == 403


def test_without_a_provider_there_is_no_such_door(house: WebHouse) -> None:
    for path in ("/sign-in/provider", "/sign-in/provider/callback?code=x&state=y"):
        assert house.visitor().get(path).status_code == 404
    assert "统一身份认证" not in house.visitor().get("/sign-in").text


def test_who_has_no_authenticator_here_confirms_at_the_provider(house: WebHouse, service: OidcHouse) -> None:
    linked(house, service)
    visitor = house.visitor(AGENCY, proved=False)
    assert "step_up=1" in visitor.get("/step-up?next=/today").text
    weak = visitor.get(there_and_back(visitor, "?step_up=1&next=/account/second-factor/new"))
    assert weak.status_code == 403
    service.claims = {"amr": ["mfa"]}
    visitor.get(there_and_back(visitor, "?step_up=1&next=/account/second-factor/new"))
    assert service.asked["prompt"] == "login"
    assert visitor.get("/account/second-factor/new").status_code == 200
    somebody = house.visitor(Role.supervisor, proved=False)
    assert somebody.get(there_and_back(somebody, "?step_up=1")).status_code == 403
    assert somebody.get("/account/second-factor/new").status_code == 303


def test_what_the_provider_has_seen_before_it_was_asked_again_is_no_new_proof(
    house: WebHouse, service: OidcHouse
) -> None:
    linked(house, service)
    visitor = house.visitor(AGENCY, proved=False)
    now = int(house.world.now().timestamp())
    for seen, status in ((now - 11, 403), (None, 403), (now - 10, 200)):
        service.claims = {"amr": ["mfa"], "auth_time": seen}
        answer = visitor.get(there_and_back(visitor, "?step_up=1&next=/account/second-factor/new"))
        assert answer.status_code == status, seen


def test_an_administrator_links_and_unlinks_after_proving_themselves(
    house: WebHouse, service: OidcHouse
) -> None:
    account, other = house.account(AGENCY), house.account(Role.grid_officer)
    keeper = house.visitor(Role.administrator)
    path = f"/accounts/{account.id}/identity"
    unproved = house.visitor(Role.administrator, proved=False)
    assert unproved.post(path, data={"subject": "li.min"}).headers["location"].startswith("/step-up")
    assert keeper.post(path, data={"subject": "li.min"}).status_code == 303
    assert "li.min" in keeper.get(f"/accounts/{account.id}").text
    taken = keeper.post(f"/accounts/{other.id}/identity", data={"subject": "li.min"})
    assert taken.status_code == 409
    assert keeper.post(path, data={"subject": "x" * 256}).status_code == 422
    holder = house.visitor(AGENCY)
    assert keeper.post(path, data={"subject": ""}).status_code == 303
    assert holder.get("/today").status_code == 303
    visitor = house.visitor()
    assert visitor.get(there_and_back(visitor)).status_code == 403
