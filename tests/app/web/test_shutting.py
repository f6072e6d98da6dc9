"""Whoever has shown half of what it takes is out with everybody else, as soon as the account is to be entered anew."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.accounts import entering, identities, passwords, staff, staff_acts, tickets
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account, ExternalIdentity, StaffAct
from app.accounts.permissions import Role
from app.accounts.service import Browser
from app.accounts.tickets import TicketKind
from tests.support.web import PASSWORD, WebHouse
from tests.support.world import World

ADMINISTRATOR, OPERATOR, SUPERVISOR = Role.administrator, Role.agency, Role.supervisor
STEP = "/sign-in/second-factor"
WHY = "岗位需要"
KEEPER = "keeper"
Act = Callable[[World, Session, str], None]


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")
    monkeypatch.setattr(passwords, "matches", lambda stored, password: bool(stored) and password == PASSWORD)


def halfway(house: WebHouse) -> TestClient:
    """A browser in which the password was typed, and the page of the second factor has offered a secret."""
    visitor = house.visitor()
    typed = {"login": house.account(OPERATOR).login, "password": PASSWORD}
    assert visitor.post("/sign-in", data=typed).headers["location"] == STEP
    assert 'id="secret"' in visitor.get(STEP).text
    return visitor


def raise_and_confirm(house: WebHouse) -> None:
    path = f"/accounts/{house.account(OPERATOR).id}/role"
    house.visitor(ADMINISTRATOR).post(path, data={"role": SUPERVISOR, "reason": WHY})
    with house.world.database.reading() as session:
        act = session.exec(select(StaffAct).where(StaffAct.state == staff_acts.ASKED)).one()
    assert house.visitor(SUPERVISOR).post(f"/account-acts/{act.id}/confirm").status_code == 200


def test_who_waits_halfway_is_not_raised_with_the_account(house: WebHouse) -> None:
    waiting = halfway(house)
    raise_and_confirm(house)
    assert waiting.get(STEP).headers["location"] == "/sign-in"
    assert waiting.post(STEP, data={"code": "000000"}).headers["location"] == "/sign-in"


def unlinked(world: World, session: Session, account_id: str) -> None:
    session.add(
        ExternalIdentity(issuer="x", subject="y", account_id=account_id, linked_at=world.now(), linked_by="z")
    )
    session.flush()
    identities.unlink(session, world.now(), account_id=account_id, issuer="x", actor_id=KEEPER)


ACTS: dict[str, Act] = {
    "another password": lambda world, session, account_id: staff.set_password(
        session, world.now(), account_id, "hash", actor_id=account_id
    ),
    "a reset authenticator": lambda world, session, account_id: staff.reset_factor(
        session, world.now(), account_id=account_id, reason=WHY, actor_id=KEEPER
    ),
    "disabled": lambda world, session, account_id: staff.disable(
        session, world.now(), account_id=account_id, actor_id=KEEPER
    ),
    "an identity unlinked": unlinked,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_shuts_an_account_shuts_half_sign_ins_and_links_too(house: WebHouse, act: Act) -> None:
    waiting, world, account_id = halfway(house), house.world, house.account(OPERATOR).id
    with world.transaction() as session:
        link = tickets.issue(
            session,
            world.sealer,
            world.now(),
            kind=TicketKind.sign_in,
            subject=f"account:{account_id}",
            lifetime=timedelta(hours=1),
        )
    with world.transaction() as session:
        act(world, session, account_id)
    with world.transaction() as session:
        session.get_one(Account, account_id).active = True  # what has been shut stays shut
    assert waiting.get(STEP).headers["location"] == "/sign-in"
    assert house.visitor().get(f"/sign-in/ticket/{link}").status_code == 401


def test_a_password_that_was_compared_before_it_was_taken_away_opens_nothing(house: WebHouse) -> None:
    world, account = house.world, house.account(OPERATOR)

    def come() -> bool:
        with world.transaction() as session:
            half = entering.by_password(
                session,
                world.sealer,
                world.now(),
                house.settings.accounts,
                login=account.login,
                stored=account.password_hash,
                right=True,
                browser=Browser(),
            )
        return half is not None

    assert come()
    with world.transaction() as session:
        session.get_one(Account, account.id).password_hash = NO_PASSWORD
    assert not come()


def test_a_session_that_ends_while_its_new_password_is_hashed_sets_none(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, before = house.visitor(OPERATOR), house.account(OPERATOR).password_hash

    def slowly(password: str) -> str:
        with house.world.transaction() as session:
            staff.end_sessions(
                session, house.world.now(), account_id=house.account(OPERATOR).id, actor_id=KEEPER
            )
        return f"hash of {password}"

    monkeypatch.setattr(passwords, "hash_password", slowly)
    new = "four unrelated words"
    typed = {"password": PASSWORD, "new": new, "again": new}
    assert holder.post("/account/password", data=typed).status_code == 303
    with house.world.database.reading() as session:
        assert session.get_one(Account, house.account(OPERATOR).id).password_hash == before
