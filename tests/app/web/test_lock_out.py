"""Guessing gets slow for who guesses, and never shuts the holder of the account out: not at their own desk, nor at a new one."""

import pytest
from starlette.testclient import TestClient

from app.accounts import passwords
from app.accounts import tries as counting
from app.accounts.permissions import Role
from tests.support.web import PASSWORD, WebHouse

OPERATOR = Role.host_operator
STEP = "/sign-in/second-factor"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing is slow on purpose; here it is told apart by the text alone."""
    monkeypatch.setattr(passwords, "matches", lambda stored, password: bool(stored) and password == PASSWORD)


def at(house: WebHouse, address: str) -> TestClient:
    visitor = house.visitor()
    visitor._transport.client = (address, 50000)  # type: ignore[attr-defined]
    return visitor


def tries(visitor: TestClient, password: str, login: str = OPERATOR) -> int:
    return visitor.post("/sign-in", data={"login": login, "password": password}).status_code


def settled(house: WebHouse, visitor: TestClient) -> TestClient:
    """The owner's own browser, which has signed in with both factors and out again."""
    phone = house.phone(OPERATOR)
    assert tries(visitor, PASSWORD) == 303
    assert visitor.post(STEP, data={"code": phone.code()}).status_code == 303
    visitor.post("/sign-out")
    house.world.clock.advance(30)
    return visitor


def test_who_guesses_from_elsewhere_cannot_shut_the_owner_out_at_home(house: WebHouse) -> None:
    owner = settled(house, at(house, "192.0.2.10"))
    for number in range(8):
        attacker = at(house, f"198.51.100.{number}")
        for _ in range(house.settings.accounts.sign_in_tries):
            assert tries(attacker, "guess") == 401
    assert tries(at(house, "203.0.113.1"), PASSWORD) == 401, "a place nobody knows is slowed down by then"
    assert tries(owner, PASSWORD) == 303
    code = house.phone(OPERATOR).code()
    assert owner.post(STEP, data={"code": code}).headers["location"] == "/today"


def test_not_even_who_guesses_from_the_same_office(house: WebHouse) -> None:
    owner, attacker = settled(house, at(house, "192.0.2.10")), at(house, "192.0.2.10")
    answers = [tries(attacker, "guess") for _ in range(4 * house.settings.accounts.sign_in_tries + 1)]
    assert answers[-1] == 429
    assert tries(attacker, PASSWORD) == 429
    assert tries(owner, PASSWORD) == 303


def test_a_device_is_known_to_its_account_alone_and_guesses_no_faster_itself(house: WebHouse) -> None:
    owner = settled(house, at(house, "192.0.2.10"))
    house.account(Role.supervisor)
    for _ in range(house.settings.accounts.sign_in_tries):
        assert tries(owner, "guess") == 401
    assert tries(owner, PASSWORD) == 401, "a stolen device is no way to guess on and on"
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s)
    assert tries(owner, PASSWORD) == 303
    for number in range(8):
        for _ in range(house.settings.accounts.sign_in_tries):
            tries(at(house, f"198.51.100.{number}"), "guess", Role.supervisor)
    assert tries(owner, PASSWORD, Role.supervisor) == 401, "to this account the device is a stranger"


def test_a_made_up_device_opens_no_faster_way(house: WebHouse) -> None:
    house.account(OPERATOR)
    attacker = at(house, "198.51.100.7")
    answers = []
    for number in range(4 * house.settings.accounts.sign_in_tries + 5):
        attacker.cookies.set("yuanping-device", f"made-up-{number}")
        answers.append(tries(attacker, "guess"))
    assert answers[-1] == 429


def test_the_slow_down_ends_by_itself_and_a_new_place_is_never_shut_out_for_good(house: WebHouse) -> None:
    house.account(OPERATOR)
    for number in range(8):
        for _ in range(house.settings.accounts.sign_in_tries):
            tries(at(house, f"198.51.100.{number}"), "guess")
    house.world.clock.advance(house.settings.accounts.sign_in_pause_s)
    assert tries(at(house, "203.0.113.1"), PASSWORD) == 303


def besiege(house: WebHouse) -> None:
    """More wrong passwords than are free, from many places."""
    for number in range(8):
        attacker = at(house, f"198.51.100.{number}")
        for _ in range(house.settings.accounts.sign_in_tries):
            tries(attacker, "guess")


def test_at_a_new_place_the_right_password_counts_by_lot(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.account(OPERATOR)
    besiege(house)
    house.world.clock.advance(5)
    monkeypatch.setattr(counting, "_draw", lambda: 0.49)
    assert tries(at(house, "203.0.113.1"), PASSWORD) == 303, "five of ten seconds have passed"
    monkeypatch.setattr(counting, "_draw", lambda: 0.51)
    assert tries(at(house, "203.0.113.2"), PASSWORD) == 401
    monkeypatch.setattr(counting, "_draw", lambda: 0.01)
    assert tries(at(house, "203.0.113.2"), PASSWORD) == 401, "whoever asks again at once has no chance"


def test_who_draws_blanks_pauses_as_if_wrong_so_that_asking_often_neither_pays_nor_tells(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.account(OPERATOR)
    besiege(house)
    monkeypatch.setattr(counting, "_draw", lambda: 0.99)
    often = at(house, "203.0.113.1")
    assert [tries(often, PASSWORD) for _ in range(house.settings.accounts.sign_in_tries)] == [401] * 5
    house.world.clock.advance(10)
    assert tries(often, PASSWORD) == 401, "its own pause"
    assert tries(at(house, "203.0.113.2"), PASSWORD) == 303, "nobody else's"


def test_who_does_not_know_the_password_is_in_nobodys_way_at_the_second_step(house: WebHouse) -> None:
    phone, holder = house.phone(OPERATOR), at(house, "203.0.113.1")
    assert tries(holder, PASSWORD) == 303
    besiege(house)
    assert holder.post(STEP, data={"code": phone.code()}).headers["location"] == "/today"
