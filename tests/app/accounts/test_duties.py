"""Duties stay apart: whoever keeps the roster never draws from it, and no change of an account makes the one before undone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.accounts import duties, sessions
from app.accounts.access import Actor
from app.accounts.models import Account
from app.accounts.permissions import GRANTS, Permission, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.core.ids import new_id
from tests.support.world import World, make_world

ADMINISTRATOR = Actor(id="account:administrator", role=Role.administrator, name="系统管理")
WHY = "岗位调整通知"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("duties")
    made = make_world(folder, experts=0)
    yield made
    made.database.dispose()


def account(world: World, role: Role) -> str:
    with world.transaction() as session:
        made = Account(
            id=new_id(world.now()),
            login=new_id(world.now()),
            name="某人",
            role=role,
            center_id=world.host_id,
            password_hash="none",
            created_at=world.now(),
        )
        session.add(made)
        return made.id


def change(world: World, account_id: str, role: Role, actor: Actor = ADMINISTRATOR) -> Role:
    with world.transaction() as session:
        return Role(duties.change_role(session, world.now(), actor, account_id, role, WHY).role)


@pytest.mark.parametrize("duty", [Role.agency, Role.draw_supervisor, Role.host_operator, Role.supervisor])
def test_the_rosters_keeper_becomes_nobody_who_books_draws_or_supervises_nor_the_other_way_round(
    world: World, duty: Role
) -> None:
    for one, other in ((Role.pool_administrator, duty), (duty, Role.pool_administrator)):
        held = account(world, one)
        with pytest.raises(Conflict, match="duties-apart"):
            change(world, held, other)


def test_a_change_in_between_does_not_launder_it(world: World) -> None:
    keeper = account(world, Role.pool_administrator)
    assert change(world, keeper, Role.witness) is Role.witness
    assert change(world, keeper, Role.grid_officer) is Role.grid_officer
    with pytest.raises(Conflict, match="duties-apart"):
        change(world, keeper, Role.host_operator)
    assert change(world, keeper, Role.pool_administrator) is Role.pool_administrator


def test_no_role_keeps_the_roster_and_draws_from_it() -> None:
    keeps = {role for role in Role if Permission.roster_import in GRANTS[role]}
    books = {role for role in Role if Permission.evaluation_book in GRANTS[role]}
    draws = {role for role in Role if Permission.draw_run in GRANTS[role]}
    oversees = {role for role in Role if Permission.draw_supervise in GRANTS[role]}
    assert keeps
    assert not keeps & (books | draws | oversees)
    assert not (books | draws) & oversees
    for keeper in keeps:
        for other in books | draws | oversees:
            assert duties.conflicts(frozenset({keeper}), other) == {keeper}


def test_nobody_changes_their_own_role_and_only_administrators_change_any(world: World) -> None:
    own = account(world, Role.administrator)
    with pytest.raises(Forbidden, match="own-account"):
        change(world, own, Role.auditor, Actor(id=f"account:{own}", role=Role.administrator, name=""))
    with pytest.raises(Forbidden):
        change(world, own, Role.auditor, Actor(id="account:x", role=Role.supervisor, name=""))


@pytest.mark.parametrize("role", sorted(duties.NOT_STAFF))
def test_nobody_is_given_a_role_that_has_no_account(world: World, role: Role) -> None:
    with pytest.raises(InvalidInput, match="role-not-staff"):
        change(world, account(world, Role.witness), role)


def test_an_unknown_account_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        change(world, "nobody", Role.witness)


def test_a_change_is_in_the_trail_and_ends_every_session(world: World) -> None:
    witness = account(world, Role.witness)
    with world.transaction() as session:
        token = sessions.open_for_account(
            session, world.sealer, world.now(), session.get_one(Account, witness), timedelta(hours=1)
        )
    change(world, witness, Role.auditor)
    with world.database.reading() as session:
        assert sessions.find(session, world.sealer, world.now(), token) is None
        act = audit.trail(session, "house")[-1]
    assert (act.tag, act.actor, act.subject) == (
        Tag.account_role_changed,
        ADMINISTRATOR.id,
        f"account:{witness}",
    )
    assert WHY in act.data
    assert change(world, witness, Role.auditor) is Role.auditor
    with world.database.reading() as session:
        assert audit.trail(session, "house")[-1].n == act.n, "nothing changed, nothing to tell"
