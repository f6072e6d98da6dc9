"""The accounts of staff: nobody is given a password, nobody raises themselves, whatever is changed ends sessions."""

import re

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.accounts import passwords, set_up, staff
from app.accounts.listing import PAGE, Sort, State, listing
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.ids import new_id
from tests.support.web import PASSWORD, WebHouse

ADMINISTRATOR, AGENCY = Role.administrator, Role.agency
STEP = "/sign-in/second-factor"
WORDS = {"new": "four unrelated words", "again": "four unrelated words"}


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")


def tags(house: WebHouse) -> list[str]:
    with house.world.database.reading() as session:
        return [e.tag for e in audit.trail(session, "house") if e.tag.startswith("accounts:")]


def link_in(page: str) -> str:
    found = re.search(r'id="link">http://localhost:\d+(/welcome/[\w-]+)<', page)
    assert found, page
    return found[1]


def add(visitor: TestClient, login: str = "wang", **fields: str) -> str:
    answer = visitor.post("/accounts", data={"login": login, "name": "王芳", "role": AGENCY, **fields})
    assert answer.status_code == 200, answer.text
    return answer.text


def of(house: WebHouse, login: str) -> Account:
    with house.world.database.reading() as session:
        return session.exec(select(Account).where(Account.login == login)).one()


def test_a_new_account_gets_a_link_its_holder_a_password_and_nobody_else_any(house: WebHouse) -> None:
    keeper, holder = house.visitor(ADMINISTRATOR), house.visitor()
    link = link_in(add(keeper))
    assert "王芳" in keeper.get("/accounts").text
    assert house.visitor().post("/sign-in", data={"login": "wang", "password": "-"}).status_code == 401
    assert holder.get(link).status_code == 200
    assert holder.post(link, data={"new": "short", "again": "short"}).status_code == 422
    assert holder.post(link, data=WORDS).headers["location"] == STEP
    assert 'id="secret"' in holder.get(STEP).text
    assert holder.post(link, data=WORDS).status_code == 401, "the link works once"
    assert tags(house) == [
        Tag.account_added,
        Tag.account_invited,
        Tag.account_sign_in_refused,
        Tag.account_password_set,
    ]


def test_another_link_makes_the_first_void_and_is_asked_for_by_who_proves_themselves(house: WebHouse) -> None:
    keeper = house.visitor(ADMINISTRATOR)
    first, account_id = link_in(add(keeper)), of(house, "wang").id
    unproved = house.visitor(ADMINISTRATOR, proved=False)
    assert unproved.post(f"/accounts/{account_id}/link").headers["location"].startswith("/step-up")
    second = link_in(keeper.post(f"/accounts/{account_id}/link").text)
    assert house.visitor().get(first).status_code == 401
    assert house.visitor().get(second).status_code == 200
    house.world.clock.advance(72 * 3600)
    assert house.visitor().get(second).status_code == 401


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"login": "agency"}, 409),
        ({"login": ""}, 422),
        ({"login": "a b"}, 422),
        ({"login": "x" * 65}, 422),
        ({"name": "x" * 65}, 422),
        ({"role": "expert"}, 422),
        ({"role": "emperor"}, 422),
    ],
)
def test_an_account_that_does_not_fit_is_not_made(
    house: WebHouse, fields: dict[str, str], status: int
) -> None:
    house.account(AGENCY)
    keeper = house.visitor(ADMINISTRATOR)
    answer = keeper.post("/accounts", data={"login": "wang", "name": "王芳", "role": AGENCY, **fields})
    assert answer.status_code == status
    assert tags(house) == []


def test_a_disabled_account_is_out_at_once_and_back_when_enabled(house: WebHouse) -> None:
    keeper, holder, account = house.visitor(ADMINISTRATOR), house.visitor(AGENCY), house.account(AGENCY)
    keeper.post(f"/accounts/{account.id}/disable")
    assert holder.get("/today").status_code == 303
    assert holder.post("/sign-in", data={"login": AGENCY, "password": PASSWORD}).status_code == 401
    keeper.post(f"/accounts/{account.id}/enable")
    assert holder.get("/today").status_code == 303, "what was ended stays ended"
    assert holder.post("/sign-in", data={"login": AGENCY, "password": PASSWORD}).status_code == 303
    assert tags(house)[:2] == [Tag.account_disabled, Tag.account_sign_in_refused]


def test_another_role_ends_the_sessions_of_the_former(house: WebHouse) -> None:
    keeper, holder, account = house.visitor(ADMINISTRATOR), house.visitor(AGENCY), house.account(AGENCY)

    def change(role: str, reason: str = "岗位调整") -> int:
        data = {"role": role, "reason": reason}
        return keeper.post(f"/accounts/{account.id}/role", data=data).status_code

    assert [change("tenderee"), change("emperor")] == [422] * 2
    assert [change(Role.grid_officer, reason) for reason in (" ", "x", "两行\n文字", "长" * 401)] == [422] * 4
    assert change(Role.pool_administrator) == 409, "duties that stay apart"
    assert holder.get("/today").status_code == 200
    assert change(Role.grid_officer) == 303
    assert holder.get("/today").status_code == 303
    assert of(house, AGENCY).role == Role.grid_officer


def test_a_lost_authenticator_is_reset_with_a_reason_by_who_proves_themselves(house: WebHouse) -> None:
    phone, account = house.phone(AGENCY), house.account(AGENCY)
    keeper, holder = house.visitor(ADMINISTRATOR), house.visitor(AGENCY)
    path, why = f"/accounts/{account.id}/factor", {"reason": "手机13812345678遗失，已当面核实"}
    unproved = house.visitor(ADMINISTRATOR, proved=False)
    assert unproved.post(path, data=why).headers["location"].startswith("/step-up")
    assert keeper.post(path, data={"reason": " "}).status_code == 422
    assert holder.get("/today").status_code == 200
    assert keeper.post(path, data=why).status_code == 303
    assert holder.get("/today").status_code == 303
    holder.post("/sign-in", data={"login": AGENCY, "password": PASSWORD})
    assert phone.secret not in holder.get(STEP).text
    assert 'id="secret"' in holder.get(STEP).text
    with house.world.database.reading() as session:
        (line,) = [e for e in audit.trail(session, "house") if e.tag == Tag.account_factor_reset]
    assert "手机[…]遗失，已当面核实" in line.data


@pytest.mark.parametrize(
    "path", ["", "/{}/disable", "/{}/enable", "/{}/factor", "/{}/link", "/{}/role", "/{}/sessions/end"]
)
def test_nothing_is_done_to_an_account_without_a_second_factor_shown_just_now(
    house: WebHouse, path: str
) -> None:
    holder, account = house.visitor(AGENCY), house.account(AGENCY)
    data = {"login": "wang", "name": "", "role": Role.grid_officer, "reason": "岗位调整"}
    unproved = house.visitor(ADMINISTRATOR, proved=False)
    answer = unproved.post(f"/accounts{path.format(account.id)}", data=data)
    assert answer.headers["location"].startswith("/step-up")
    assert holder.get("/today").status_code == 200
    assert tags(house) == []


def test_nobody_changes_their_own_account_and_the_last_administrator_stays(house: WebHouse) -> None:
    keeper, own = house.visitor(ADMINISTRATOR), house.account(ADMINISTRATOR)
    for act, status in (("disable", 409), ("role", 409), ("factor", 409)):
        data = {"role": Role.supervisor, "reason": "岗位调整"}
        assert keeper.post(f"/accounts/{own.id}/{act}", data=data).status_code == status
    with house.world.transaction() as session, pytest.raises(Conflict, match="last-administrator"):
        staff.disable(session, house.world.now(), account_id=own.id, actor_id=staff.COMMAND_LINE)
    assert keeper.get("/today").status_code == 200


def test_only_administrators_see_accounts_and_end_sessions_of_others(house: WebHouse) -> None:
    account = house.account(AGENCY)
    for role in (AGENCY, Role.supervisor, Role.pool_administrator):
        visitor = house.visitor(role)
        assert visitor.get("/accounts").status_code == 403
        assert visitor.post(f"/accounts/{account.id}/sessions/end").status_code == 403
    holder = house.visitor(AGENCY)
    keeper = house.visitor(ADMINISTRATOR)
    assert keeper.get("/accounts/nobody").status_code == 404
    assert keeper.post(f"/accounts/{account.id}/sessions/end").status_code == 303
    assert holder.get("/today").status_code == 303


def test_the_list_is_found_filtered_sorted_and_paged(house: WebHouse) -> None:
    house.phone(AGENCY)
    keeper = house.visitor(ADMINISTRATOR)
    with house.world.transaction() as session:
        for number in range(2 * PAGE):
            session.add(
                Account(
                    id=new_id(house.world.now()),
                    login=f"staff-{number:03d}",
                    name=f"员工{number % 10}_{number}",
                    role=Role.supervisor,
                    password_hash="-",
                    active=number % 5 > 0,
                    created_at=house.world.now(),
                )
            )

    def logins(**asked: object) -> list[str]:
        with house.world.database.reading() as session:
            return [one.login for one in listing(session, **asked).members]  # type: ignore[arg-type]

    assert logins() == sorted(logins())
    assert len(logins()) == PAGE
    assert logins(page=3) == logins(page=99) == ["staff-048", "staff-049"]
    assert logins(words="STAFF-00", state=State.disabled) == ["staff-000", "staff-005"]
    assert logins(words="员工3_3") == ["staff-003", "staff-033"]
    assert logins(words="%") == []
    assert logins(state=State.active) == [AGENCY]
    assert logins(state=State.unfinished, role=ADMINISTRATOR) == [ADMINISTRATOR]
    assert logins(sort=Sort.seen)[0] == ADMINISTRATOR
    assert logins(sort=Sort.role)[0] == ADMINISTRATOR
    page = keeper.get("/accounts?q=staff&state=disabled&sort=login&page=1&role=supervisor").text
    assert "共 10 个账号" in page
    assert keeper.get("/accounts?page=x&sort=y&role=z&state=").status_code == 200
    assert keeper.get(f"/accounts?page={'9' * 5000}").status_code == 200


def test_an_empty_house_is_set_up_once_with_the_code_of_its_console(house: WebHouse) -> None:
    def code() -> str | None:
        with house.world.transaction() as session:
            return set_up.new_code(session, house.world.sealer, house.world.now())

    former, current = code(), code()
    visitor = house.visitor()
    assert visitor.get("/set-up").status_code == 200
    asked = {"login": "first", "name": "", **WORDS}
    assert visitor.post("/set-up", data={**asked, "code": str(former)}).status_code == 403
    assert visitor.post("/set-up", data={**asked, "code": "guess"}).status_code == 403
    assert visitor.post("/set-up", data={**asked, "code": str(current), "new": "short"}).status_code == 422
    done = visitor.post("/set-up", data={**asked, "code": str(current)})
    assert done.headers["location"] == f"{STEP}?next=/accounts"
    assert 'id="secret"' in visitor.get(STEP).text
    assert visitor.get("/today").status_code == 303, "without the second factor nothing is open"
    assert of(house, "first").role == ADMINISTRATOR
    assert house.visitor().get("/set-up").status_code == 404
    again = house.visitor().post("/set-up", data={**asked, "login": "second", "code": str(current)})
    assert again.status_code == 404
    assert code() is None
    assert tags(house) == [Tag.account_added, Tag.account_set_up]


def test_guessing_at_the_set_up_code_gets_slow(house: WebHouse) -> None:
    visitor, tries = house.visitor(), house.settings.accounts.sign_in_tries
    asked = {"login": "first", "name": "", "code": "guess", **WORDS}
    for _ in range(tries + 1):
        answer = visitor.post("/set-up", data=asked)
    assert "尝试次数过多" in answer.text
    assert tags(house) == [Tag.guessing_paused]


def test_a_demonstration_has_no_set_up(demonstration: WebHouse) -> None:
    assert demonstration.visitor().get("/set-up").status_code == 404
