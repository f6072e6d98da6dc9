"""Accounts from the command line, and the line on the console by which a new house gets its first one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from app import cli, serving
from app.accounts import sessions, set_up
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.ground import Ground
from app.core.settings import Settings
from tests.support.authenticators import authenticator
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The commands work on this world."""
    made = make_world(tmp_path, experts=0)

    @contextmanager
    def ground(_settings: Settings) -> Iterator[Ground]:
        yield Ground(made.settings, made.clock, made.database, made.sealer)

    monkeypatch.setattr(import_module("app.cli.accounts"), "ground", ground)
    monkeypatch.setattr("app.wiring.raise_up", lambda _ground: None)  # its tables are there
    monkeypatch.setenv("YUANPING_LANG", "en")
    with made.transaction() as session:
        for login, role in (("root", Role.administrator), ("li", Role.agency)):
            session.add(
                Account(id=login, login=login, name="", role=role, password_hash="-", created_at=made.now())
            )
    yield made
    made.database.dispose()


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.main_command, ["account", *words])
    return result.exit_code, result.output


def of(world: World, login: str) -> Account:
    with world.database.reading() as session:
        return session.exec(select(Account).where(Account.login == login)).one()


def test_what_is_lost_is_helped_from_the_machine(world: World) -> None:
    authenticator(world, "li")
    code, said = run("list")
    assert code == 0
    assert "Agency" in said
    code, said = run("link", "li")
    assert re.search(r"/welcome/[\w-]{43}\n", said)
    assert run("reset-factor", "li", "--reason", " ")[0] == 2
    assert run("reset-factor", "li", "--reason", "lost phone, seen in person") == (
        0,
        "Reset the authenticator of li\n",
    )
    assert run("disable", "nobody")[0] == 2


def test_disabling_changing_roles_and_signing_out_end_sessions(world: World) -> None:
    def sign_in() -> None:
        with world.transaction() as session:
            account = session.get_one(Account, "li")
            sessions.open_for_account(session, world.sealer, world.now(), account, sessions.TOUCH_EVERY)

    def signed_in() -> int:
        with world.database.reading() as session:
            return len(sessions.open_of(session, world.now(), "li"))

    for words in (
        ("sign-out", "li"),
        ("role", "li", "grid_officer", "--reason", "another post"),
        ("disable", "li"),
    ):
        sign_in()
        assert signed_in() == 1
        assert run(*words)[0] == 0
        assert signed_in() == 0
    assert (of(world, "li").role, of(world, "li").active) == (Role.grid_officer, False)
    assert run("enable", "li")[0] == 0
    assert of(world, "li").active
    assert run("disable", "root")[0] == 2, "the last administrator stays"
    assert run("role", "root", "grid_officer", "--reason", "another post")[0] == 2


def test_an_empty_house_says_once_where_its_first_account_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")
    ground = Ground(world.settings, world.clock, world.database, world.sealer)
    serving._announce_set_up(ground)
    assert not caplog.messages, "there are accounts"
    with world.transaction() as session:
        for account in session.exec(select(Account)):
            session.delete(account)
    serving._announce_set_up(ground)
    (line,) = caplog.messages
    found = re.search(r"/set-up\?code=([\w-]{43})$", line)
    assert found
    with world.transaction() as session:
        made = set_up.first_account(
            session,
            world.sealer,
            world.now(),
            code=found[1],
            login="first",
            name="",
            password="four unrelated words",
        )
    assert made.role == Role.administrator
    serving._announce_set_up(ground)
    assert len(caplog.messages) == 1


def test_the_machine_confirms_only_while_nobody_else_can(world: World) -> None:
    """The second account of a new house comes so; and whoever has the machine alone is named in the trail."""
    code, said = run("add", "wang", "--name", "", "--role", "supervisor", "--reason", "the house begins")
    assert code == 0
    assert "account confirm wang" in said
    assert re.search(r"Code \d{8},", said), "whoever has the machine has both parts"
    with world.transaction() as session:
        session.get_one(Account, "root").password_hash = "theirs"
    code, said = run("confirm", "wang")
    assert code == 2
    assert "somebody else" in said, "root could"
    with world.transaction() as session:
        session.get_one(Account, "root").password_hash = NO_PASSWORD
    code, said = run("confirm", "wang")
    assert code == 0
    assert re.search(r"/welcome/[\w-]{43}\n", said)
    assert of(world, "wang").role == Role.supervisor
    assert run("confirm", "wang")[1] == "Confirmed 0 acts on account wang\n"
    assert run("link", "wang")[0] == 2, "no reason"
    with world.database.reading() as session:
        lines = [e for e in audit.trail(session, "house") if e.tag.startswith("accounts:act:")]
    assert [(line.tag, line.actor) for line in lines] == [
        (Tag.account_act_asked, "command-line"),
        (Tag.account_act_confirmed, "command-line"),
    ]


def test_the_first_account_is_made_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")
    with world.transaction() as session:
        for account in session.exec(select(Account)):
            session.delete(account)
    words = ("add", "first", "--name", "", "--role", "administrator", "--password", "four unrelated words")
    assert run(*words)[0] == 0
    assert of(world, "first").password_hash == "hash of four unrelated words"
    second = ("add", "second", "--name", "", "--role", "administrator", "--reason", "two are needed")
    assert run(*second)[0] == 0
    assert run("confirm", "second")[0] == 2, "the first one confirms"
