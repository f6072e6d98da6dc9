"""Who shuts an account, or confirms what is asked about it, and who comes in at the same moment wait for each other in one order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from app.accounts import service, staff, staff_acts, tries
from app.accounts.access import Actor
from app.accounts.models import Account, SignIn, StaffAct
from app.accounts.permissions import Role
from app.accounts.service import Browser, How
from app.accounts.staff_acts import StaffActKind
from app.accounts.trail import refused
from app.core.canonical import canonical_json
from app.core.database import Database
from app.core.errors import Conflict
from app.core.sealing import Sealer
from app.core.settings_doors import AccountSettings
from tests.support.accounts import add_account
from tests.support.databases import until_somebody_waits
from tests.support.world import START

SEALER = Sealer(bytes(32))
SECOND = Actor("account:second", Role.supervisor, "")


def entered(database: Database) -> tuple[str, str]:
    """(an administrator's id, the id of a clerk of an agency)."""
    with database.transaction() as session:
        first = add_account(session, START, "first", Role.administrator)
        return first.id, add_account(session, START, "clerk", Role.agency).id


def test_a_session_that_is_just_being_opened_ends_with_the_reset_of_its_factor(pg_database: Database) -> None:
    first, clerk = entered(pg_database)

    def reset() -> None:
        with pg_database.transaction() as session:
            staff.reset_factor(session, START, account_id=clerk, reason="手机丢失", actor_id=first)

    with ThreadPoolExecutor(1) as other:
        with pg_database.transaction() as session:
            tries.hold_account(session, clerk)
            assert service.open_session(
                session,
                SEALER,
                START,
                AccountSettings(),
                account_id=clerk,
                how=How.password,
                browser=Browser(),
                proved_at=START,
            )
            resetting = other.submit(reset)
            until_somebody_waits(pg_database)
        resetting.result()
    with pg_database.reading() as session:
        assert [one.revoked_at for one in session.exec(select(SignIn))] == [START]


def test_whoever_guesses_sends_no_confirmation_back(pg_database: Database) -> None:
    first, clerk = entered(pg_database)
    act_id = asked(pg_database, first, clerk)

    def confirm() -> None:
        with pg_database.transaction() as session:
            staff_acts.confirm(session, SEALER, START, act_id, actor=SECOND)

    with ThreadPoolExecutor(1) as other:
        with pg_database.transaction() as session:
            tries.hold_account(session, clerk)
            confirming = other.submit(confirm)
            until_somebody_waits(pg_database)
            refused(session, START, f"account:{clerk}", "wrong")
        confirming.result()
    with pg_database.reading() as session:
        assert session.get_one(Account, clerk).role == Role.witness


def test_what_was_asked_before_links_had_codes_is_asked_anew(any_database: Database) -> None:
    first, clerk = entered(any_database)
    act_id = asked(any_database, first, clerk)
    with any_database.transaction() as session:
        session.get_one(StaffAct, act_id).detail = canonical_json({"role": "witness"}).decode()
    with any_database.transaction() as session, pytest.raises(Conflict, match="staff-act-late"):
        staff_acts.confirm(session, SEALER, START, act_id, actor=SECOND)


def test_only_who_came_in_by_link_and_code_keeps_their_password_when_raised(any_database: Database) -> None:
    first, clerk = entered(any_database)
    act_id = asked(any_database, first, clerk)
    with any_database.transaction() as session:
        assert staff_acts.confirm(session, SEALER, START, act_id, actor=SECOND).invitation is not None
    later = START + timedelta(hours=1)
    for detail, anew in ((None, False), ("{}", True)):
        with any_database.transaction() as session:
            if detail is not None:  # as those that were settled before links had codes
                session.get_one(StaffAct, act_id).detail = detail
            wish = staff_acts.of_account(session, StaffActKind.role_change, clerk, role="inspector")
            found = staff_acts.request(session, SEALER, later, wish, reason="调岗到督查", actor_id=first)
            assert bool(found.code) is anew
            staff_acts.refuse(session, later, found.act_id, reason="暂不调岗", actor_id=first)


def asked(database: Database, first: str, clerk: str) -> str:
    with database.transaction() as session:
        wish = staff_acts.of_account(session, StaffActKind.role_change, clerk, role="witness")
        return staff_acts.request(session, SEALER, START, wish, reason="轮岗担任见证", actor_id=first).act_id
