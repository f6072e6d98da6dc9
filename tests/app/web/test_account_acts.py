"""Nobody makes a second person of themselves: what opens names, recordings or accounts takes two people, seen from the pages."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.accounts import staff_acts
from app.accounts.access import Actor
from app.accounts.models import Account, ExternalIdentity, SecondFactor, StaffAct
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.settings_doors import OidcSettings
from tests.support.accounts import add_account
from tests.support.authenticators import authenticator
from tests.support.web import PASSWORD, WebHouse

ADMINISTRATOR, OPERATOR, SUPERVISOR = Role.administrator, Role.host_operator, Role.supervisor
WHY = {"reason": "岗位需要"}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")


def acts(house: WebHouse) -> list[StaffAct]:
    """Those that nobody has settled."""
    with house.world.database.reading() as session:
        found = session.exec(select(StaffAct).where(StaffAct.state == staff_acts.ASKED)).all()
    return sorted(found, key=lambda act: (act.asked_at, act.kind))


def of(house: WebHouse, login: str) -> Account | None:
    with house.world.database.reading() as session:
        return session.exec(select(Account).where(Account.login == login)).first()


def tags(house: WebHouse) -> list[str]:
    with house.world.database.reading() as session:
        return [e.tag for e in audit.trail(session, "house") if e.tag.startswith("accounts:")]


def add(visitor: TestClient, login: str = "wang", role: Role = SUPERVISOR, reason: str = "") -> int:
    return visitor.post(
        "/accounts", data={"login": login, "name": "王芳", "role": role, "reason": reason}
    ).status_code


def settle(visitor: TestClient, act: StaffAct, how: str = "confirm") -> int:
    return visitor.post(f"/account-acts/{act.id}/{how}", data=WHY).status_code


def test_the_guarded_roles_are_those_that_could_open_something_alone() -> None:
    assert {
        Role.administrator,
        Role.archivist,
        Role.draw_supervisor,
        Role.pool_administrator,
        Role.supervisor,
    } == staff_acts.GUARDED


def test_one_administrator_alone_makes_no_supervisor_and_steps_into_none(house: WebHouse) -> None:
    """By no door: not by adding one, nor raising one of theirs, nor taking over one there is."""
    there, phone = house.account(SUPERVISOR), house.phone(SUPERVISOR)
    house.settings.accounts.oidc = OidcSettings(issuer="https://sso.example.org", client_id="x")
    alone, holder = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    page = f"/accounts/{there.id}"
    assert add(alone) == 422, "without a reason nothing is even asked"
    assert add(alone, reason="岗位需要") == 303
    assert of(house, "wang") is None
    assert add(alone, "mine", OPERATOR) == 200
    mine = of(house, "mine")
    assert mine is not None
    role = {"role": SUPERVISOR, **WHY}
    assert alone.post(f"/accounts/{mine.id}/role", data=role).status_code == 303
    for path, data in (("link", WHY), ("factor", WHY), ("identity", {"subject": "me", **WHY})):
        assert alone.post(f"{page}/{path}", data={**data, "reason": " "}).status_code == 422
        assert alone.post(f"{page}/{path}", data=data).status_code == 303
        assert alone.post(f"{page}/{path}", data=data).status_code == 409, "asked already"
    assert [settle(alone, act) for act in acts(house)] == [409] * 5
    mine = of(house, "mine")
    assert mine is not None
    assert mine.role == OPERATOR
    with house.world.database.reading() as session:
        assert not session.exec(select(ExternalIdentity)).all()
        assert session.exec(select(SecondFactor)).one().account_id == there.id
    assert holder.get("/today").status_code == 200, "nothing about the account changed"
    signing = house.visitor()
    assert signing.post("/sign-in", data={"login": SUPERVISOR, "password": PASSWORD}).status_code == 303
    code = {"code": phone.code()}
    assert signing.post("/sign-in/second-factor", data=code).headers["location"] == "/today"
    listed = alone.get("/accounts").text
    assert "共 5 项待确认" in listed
    assert tags(house).count(Tag.account_act_asked) == 5
    assert Tag.account_act_confirmed not in tags(house)


def test_what_another_person_confirms_is_done_and_only_they_see_the_link(house: WebHouse) -> None:
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    asked = asker.post("/accounts", data={"login": "wang", "name": "", "role": SUPERVISOR, **WHY})
    assert asked.headers["location"] == "/account-acts"
    assert 'id="link"' not in asker.get("/account-acts").text
    (act,) = acts(house)
    unproved = house.visitor(SUPERVISOR, proved=False)
    refused = unproved.post(f"/account-acts/{act.id}/confirm")
    assert refused.headers["location"].startswith("/step-up")
    assert "岗位需要" in second.get("/account-acts").text
    assert 'href="/account-acts"' in second.get("/today").text, "in their bar"
    assert 'href="/account-acts"' not in asker.get("/today").text, "they have the list of accounts"
    page = second.post(f"/account-acts/{act.id}/confirm").text
    assert re.search(r'id="link">\S+/welcome/[\w-]+<', page)
    made = of(house, "wang")
    assert made is not None
    assert made.role == SUPERVISOR
    assert settle(second, act) == settle(second, act, "refuse") == 409, "settled once"
    assert tags(house) == [
        Tag.account_act_asked,
        Tag.account_act_confirmed,
        Tag.account_added,
        Tag.account_invited,
    ]
    with house.world.database.reading() as session:
        lines = [e for e in audit.trail(session, "house") if e.tag.startswith("accounts:")]
    own = [f"account:{house.account(role).id}" for role in (ADMINISTRATOR, SUPERVISOR)]
    assert [line.actor for line in lines] == [own[0], own[1], own[0], own[0]]


def test_the_holder_cannot_confirm_but_refuse_and_so_defends_the_account(house: WebHouse) -> None:
    asker, holder, account = (
        house.visitor(ADMINISTRATOR),
        house.visitor(SUPERVISOR),
        house.account(SUPERVISOR),
    )
    asker.post(f"/accounts/{account.id}/factor", data=WHY)
    (act,) = acts(house)
    assert settle(holder, act) == 409
    assert holder.post(f"/account-acts/{act.id}/refuse", data={"reason": " "}).status_code == 422
    assert settle(holder, act, "refuse") == 303
    assert "现在没有待确认的事项" in holder.get("/account-acts").text
    assert tags(house) == [Tag.account_act_asked, Tag.account_act_refused]
    assert asker.post(f"/accounts/{account.id}/factor", data=WHY).status_code == 303, "may be asked anew"
    assert settle(asker, acts(house)[0], "refuse") == 303, "who asked takes it back"
    assert asker.post("/account-acts/none/confirm").status_code == 404


def test_an_account_that_one_person_made_is_entered_anew_before_it_supervises(house: WebHouse) -> None:
    """Else its maker, who may hold its password and authenticator, waits until it is raised."""
    account, phone = house.account(OPERATOR), authenticator(house.world, house.account(OPERATOR).id)
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    with house.world.transaction() as session:
        session.add(
            ExternalIdentity(
                issuer="x", subject="y", account_id=account.id, linked_at=house.world.now(), linked_by="z"
            )
        )
    asker.post(f"/accounts/{account.id}/role", data={"role": SUPERVISOR, **WHY})
    page = second.post(f"/account-acts/{acts(house)[0].id}/confirm").text
    assert 'id="link"' in page
    tried = house.visitor().post("/sign-in", data={"login": OPERATOR, "password": PASSWORD})
    assert tried.status_code == 401
    with house.world.database.reading() as session:
        assert not session.exec(select(ExternalIdentity)).all()
        assert not session.exec(select(SecondFactor)).all(), phone
    asker.post(f"/accounts/{account.id}/role", data={"role": Role.auditor, **WHY})
    raised = of(house, OPERATOR)
    assert raised is not None
    assert raised.role == Role.auditor, "away from such a role one person changes"
    assert asker.post(f"/accounts/{account.id}/link", data=WHY).headers["location"] == "/account-acts"
    asker.post(f"/accounts/{account.id}/role", data={"role": SUPERVISOR, **WHY})
    assert 'id="link"' not in second.post(f"/account-acts/{acts(house)[0].id}/confirm").text


def test_an_act_lapses_and_falls_with_whoever_asked(house: WebHouse) -> None:
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    add(asker, "wang", reason="岗位需要")
    house.world.clock.advance(staff_acts.LASTS.total_seconds())
    actor = Actor(f"account:{house.account(SUPERVISOR).id}", SUPERVISOR, "")
    with house.world.transaction() as session, pytest.raises(Conflict, match="staff-act-late"):
        staff_acts.confirm(session, house.world.sealer, house.world.now(), acts(house)[0].id, actor=actor)
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    assert add(asker, "wang", reason="岗位需要") == 303, "what lapsed is in nobody's way"
    with house.world.transaction() as session:
        session.get_one(Account, house.account(ADMINISTRATOR).id).role = OPERATOR
    assert settle(second, acts(house)[1]) == 409
    assert of(house, "wang") is None


def test_two_who_confirm_at_once_do_it_once(house: WebHouse) -> None:
    asker = house.visitor(ADMINISTRATOR)
    add(asker, reason="岗位需要")
    (act,) = acts(house)
    with house.world.transaction() as session:
        for number in range(2):
            add_account(session, house.world.now(), f"second-{number}", SUPERVISOR)

    def confirm(number: int) -> bool:
        actor = Actor(f"account:second-{number}", SUPERVISOR, "")
        try:
            with house.world.transaction() as session:
                staff_acts.confirm(session, house.world.sealer, house.world.now(), act.id, actor=actor)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, range(2))) == [False, True]
    assert tags(house).count(Tag.account_added) == 1


def test_a_disabled_supervisor_comes_back_by_two_persons(house: WebHouse) -> None:
    asker, account = house.visitor(ADMINISTRATOR), house.account(Role.archivist)
    asker.post(f"/accounts/{account.id}/disable")
    asker.post(f"/accounts/{account.id}/enable", data=WHY)
    gone = of(house, Role.archivist)
    assert gone is not None
    assert not gone.active
    assert settle(house.visitor(SUPERVISOR), acts(house)[0]) == 303
    back = of(house, Role.archivist)
    assert back is not None
    assert back.active


def test_a_linked_identity_and_another_link_come_with_the_second_person(house: WebHouse) -> None:
    house.settings.accounts.oidc = OidcSettings(issuer="https://sso.example.org", client_id="x")
    asker, account = house.visitor(ADMINISTRATOR), house.account(Role.archivist)
    second = house.visitor(SUPERVISOR)
    asker.post(f"/accounts/{account.id}/identity", data={"subject": "li.min", **WHY})
    asker.post(f"/accounts/{account.id}/link", data=WHY)
    identity, link = acts(house)
    assert settle(second, identity) == 303
    assert 'id="link"' in second.post(f"/account-acts/{link.id}/confirm").text
    with house.world.database.reading() as session:
        assert session.exec(select(ExternalIdentity)).one().account_id == account.id


def test_pages_and_commands_change_accounts_through_the_one_door_alone() -> None:
    """Of what gives somebody a way in; whatever shuts one is done at once."""
    direct = re.compile(
        r"staff\.(invite|invite_again|enable|change_role|reset_factor)\(|duties\.change_role\(|identities\.link\("
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("app/web", "app/cli", "app/jobs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if direct.search(line)
    ]
    assert not found
    assert direct.search("staff.invite(session)")
