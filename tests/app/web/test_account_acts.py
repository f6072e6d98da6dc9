"""Nobody makes a second person of themselves: what shows more than one has booked oneself, or keeps accounts, takes two people, seen from the pages."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.accounts import staff, staff_acts
from app.accounts.access import Actor
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account, ExternalIdentity, SecondFactor, StaffAct
from app.accounts.permissions import GRANTS, Permission, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.settings_doors import OidcSettings
from tests.support.accounts import add_account
from tests.support.authenticators import authenticator
from tests.support.web import PASSWORD, WebHouse

ADMINISTRATOR, AGENCY, SUPERVISOR = Role.administrator, Role.agency, Role.supervisor
WHY = {"reason": "岗位需要"}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")
    monkeypatch.setattr("app.accounts.passwords.hash_password", lambda password: f"hash of {password}")


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


def test_one_person_alone_lets_nobody_in_but_who_sees_no_more_than_they_booked() -> None:
    alone = set(staff.ROLES) - staff_acts.GUARDED
    assert alone == {Role.agency, Role.grid_officer}
    shown = {
        Permission.audit_read,
        Permission.draw_run,
        Permission.evaluation_conduct,
        Permission.identity_check,
        Permission.name_read,
        Permission.recording_replay,
        Permission.recording_watch,
    }
    assert not [role for role in alone if shown & GRANTS[role].keys()]


def test_one_administrator_alone_neither_watches_nor_conducts(house: WebHouse) -> None:
    alone = house.visitor(ADMINISTRATOR)
    for role in (Role.auditor, Role.guest_operator, Role.host_operator, Role.inspector, Role.witness):
        asked = alone.post("/accounts", data={"login": role, "name": "", "role": role, **WHY})
        assert 'id="link"' not in asked.text, role
    assert [settle(alone, act) for act in acts(house)] == [409] * 5
    assert of(house, Role.witness) is None


def test_one_administrator_alone_makes_no_supervisor_and_steps_into_none(house: WebHouse) -> None:
    """By no door: not by adding one, nor raising one of theirs, nor taking over one there is."""
    there, phone = house.account(SUPERVISOR), house.phone(SUPERVISOR)
    house.settings.accounts.oidc = OidcSettings(issuer="https://sso.example.org", client_id="x")
    alone, holder = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    page = f"/accounts/{there.id}"
    assert add(alone) == 422, "without a reason nothing is even asked"
    assert add(alone, reason="岗位需要") == 200
    assert of(house, "wang") is None
    assert add(alone, "mine", AGENCY) == 200
    mine = of(house, "mine")
    assert mine is not None
    role = {"role": SUPERVISOR, **WHY}
    assert alone.post(f"/accounts/{mine.id}/role", data=role).status_code == 200
    wishes = (("link", WHY, 200), ("factor", WHY, 303), ("identity", {"subject": "me", **WHY}, 303))
    for path, data, answer in wishes:
        assert alone.post(f"{page}/{path}", data={**data, "reason": " "}).status_code == 422
        assert alone.post(f"{page}/{path}", data=data).status_code == answer
        assert alone.post(f"{page}/{path}", data=data).status_code == 409, "asked already"
    assert [settle(alone, act) for act in acts(house)] == [409] * 5
    mine = of(house, "mine")
    assert mine is not None
    assert mine.role == AGENCY
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


def test_what_another_person_confirms_is_done_and_only_they_see_the_link_only_who_asked_the_code(
    house: WebHouse,
) -> None:
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    asked = asker.post("/accounts", data={"login": "wang", "name": "", "role": SUPERVISOR, **WHY})
    assert re.search(r'id="code">\d{8}<', asked.text)
    assert 'id="link"' not in asked.text
    for again in (asker, second):
        assert 'id="code"' not in again.get("/account-acts").text, "shown once, and to who asked"
    (act,) = acts(house)
    unproved = house.visitor(SUPERVISOR, proved=False)
    refused = unproved.post(f"/account-acts/{act.id}/confirm")
    assert refused.headers["location"].startswith("/step-up")
    assert "岗位需要" in second.get("/account-acts").text
    assert 'href="/account-acts"' in second.get("/today").text, "in their bar"
    assert 'href="/account-acts"' not in asker.get("/today").text, "they have the list of accounts"
    page = second.post(f"/account-acts/{act.id}/confirm").text
    assert re.search(r'id="link">\S+/welcome/[\w-]+<', page)
    assert 'id="code"' not in page
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
    account, phone = house.account(AGENCY), authenticator(house.world, house.account(AGENCY).id)
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
    tried = house.visitor().post("/sign-in", data={"login": AGENCY, "password": PASSWORD})
    assert tried.status_code == 401
    with house.world.database.reading() as session:
        assert not session.exec(select(ExternalIdentity)).all()
        assert not session.exec(select(SecondFactor)).all(), phone
    asker.post(f"/accounts/{account.id}/role", data={"role": Role.grid_officer, **WHY})
    raised = of(house, AGENCY)
    assert raised is not None
    assert raised.role == Role.grid_officer, "away from such a role one person changes"
    assert 'id="code"' in asker.post(f"/accounts/{account.id}/link", data=WHY).text
    house.world.clock.advance(1)
    asker.post(f"/accounts/{account.id}/role", data={"role": SUPERVISOR, **WHY})
    again = second.post(f"/account-acts/{acts(house)[-1].id}/confirm")
    assert again.status_code == 303, "two let them in"


def test_who_was_let_in_by_one_person_before_it_took_two_is_entered_anew_as_well(house: WebHouse) -> None:
    operator = house.account(Role.host_operator)
    asked = house.visitor(ADMINISTRATOR).post(
        f"/accounts/{operator.id}/role", data={"role": SUPERVISOR, **WHY}
    )
    assert 'id="code"' in asked.text
    page = house.visitor(SUPERVISOR).post(f"/account-acts/{acts(house)[0].id}/confirm").text
    assert 'id="link"' in page
    raised = of(house, Role.host_operator)
    assert raised is not None
    assert (raised.role, raised.password_hash) == (SUPERVISOR, NO_PASSWORD)


def test_an_act_lapses_and_falls_with_whoever_asked(house: WebHouse) -> None:
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    add(asker, "wang", reason="岗位需要")
    house.world.clock.advance(staff_acts.LASTS.total_seconds())
    actor = Actor(f"account:{house.account(SUPERVISOR).id}", SUPERVISOR, "")
    with house.world.transaction() as session, pytest.raises(Conflict, match="staff-act-late"):
        staff_acts.confirm(session, house.world.sealer, house.world.now(), acts(house)[0].id, actor=actor)
    asker, second = house.visitor(ADMINISTRATOR), house.visitor(SUPERVISOR)
    assert add(asker, "wang", reason="岗位需要") == 200, "what lapsed is in nobody's way"
    with house.world.transaction() as session:
        session.get_one(Account, house.account(ADMINISTRATOR).id).role = AGENCY
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


WORDS = {"new": "four unrelated words", "again": "four unrelated words"}
STEP = "/sign-in/second-factor"


def parts(house: WebHouse, path: str = "/accounts", **fields: str) -> tuple[str, str]:
    """The code of who asks for an account or for another link, and the link of who confirms."""
    data = {"login": "wang", "name": "", "role": SUPERVISOR, **WHY, **fields}
    asked = house.visitor(ADMINISTRATOR).post(path, data=data).text
    page = house.visitor(SUPERVISOR).post(f"/account-acts/{acts(house)[0].id}/confirm").text
    code, link = re.search(r'id="code">(\d{8})<', asked), re.search(r'id="link">\S+(/welcome/[\w-]+)<', page)
    assert code
    assert link
    return code[1], link[1]


def other(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10**8:08d}"


def test_neither_the_link_nor_the_code_alone_opens_an_account_and_together_once(house: WebHouse) -> None:
    (code, link), holder = parts(house), house.visitor()
    assert 'name="code"' in holder.get(link).text
    for typed in ({}, {"code": ""}, {"code": other(code)}):
        assert holder.post(link, data={**WORDS, **typed}).status_code == 422
    assert holder.get(f"/welcome/{code}").status_code == 401
    unfit = holder.post(link, data={"new": "short", "again": "short", "code": code})
    assert unfit.status_code == 422
    assert code in unfit.text, "typed once is enough"
    spoken = f"{code[:4]} {code[4:]}"
    assert holder.post(link, data={**WORDS, "code": spoken}).headers["location"] == STEP
    assert holder.post(link, data={**WORDS, "code": code}).status_code == 401, "the link works once"
    assert tags(house)[-1] == Tag.account_password_set


def test_whoever_confirms_cannot_guess_the_code_and_a_new_link_takes_its_own(house: WebHouse) -> None:
    (code, link), confirmer = parts(house), house.visitor()
    answers = [
        confirmer.post(link, data={**WORDS, "code": other(code, by)}).status_code for by in range(1, 6)
    ]
    assert answers == [422] * 4 + [401]
    assert confirmer.post(link, data={**WORDS, "code": code}).status_code == 401, "void, even with the code"
    made = of(house, "wang")
    assert made is not None
    assert made.password_hash == NO_PASSWORD
    new_code, new_link = parts(house, f"/accounts/{made.id}/link")
    assert confirmer.post(new_link, data={**WORDS, "code": code}).status_code == 422, "of an earlier asking"
    assert confirmer.post(new_link, data={**WORDS, "code": new_code}).headers["location"] == STEP


def test_an_account_that_one_person_may_let_in_takes_no_code(house: WebHouse) -> None:
    data = {"login": "wang", "name": "", "role": AGENCY}
    page = house.visitor(ADMINISTRATOR).post("/accounts", data=data).text
    link = re.search(r'id="link">\S+(/welcome/[\w-]+)<', page)
    assert link
    assert 'id="code"' not in page
    holder = house.visitor()
    assert 'name="code"' not in holder.get(link[1]).text
    assert holder.post(link[1], data=WORDS).headers["location"] == STEP


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
