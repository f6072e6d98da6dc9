"""The commands that look after the keys of personal fields."""

from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from app import cli
from app.core import work
from app.core.database import Database
from app.core.ground import lay
from app.core.keys import remember
from app.core.settings import OwnSettings
from app.core.work import JobState
from app.migrations import runner
from expert_draw.models import Expert
from tests.support.databases import furnish
from tests.support.environment import plain_environment
from tests.support.world import make_world


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three experts."""
    plain_environment(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        runner, "require_current", lambda _database: None
    )  # the tables were made without migrations
    database = furnish(Database(f"sqlite:///{tmp_path / 'yuanping.db'}"))
    (tmp_path / "secret.key").write_text(bytes(range(32)).hex())
    world = make_world(tmp_path, experts=3, database=database)
    with world.transaction() as session:
        remember(session, world.sealer)
    database.dispose()
    return tmp_path


def key(folder: Path, *asked: str) -> Result:
    return CliRunner().invoke(cli.main_command, ["key", *asked, "--data", str(folder)])


def test_a_key_is_made_listed_and_not_retired_too_soon(folder: Path) -> None:
    before = key(folder, "list")
    assert before.exit_code == 0, before.output
    assert "expert.name_sealed a 3" in before.output
    made = key(folder, "rotate")
    assert made.exit_code == 0, made.output
    assert (folder / "keys" / "2.key").stat().st_mode & 0o777 == 0o600
    assert str(folder / "keys" / "2.key") in made.output.replace("\n", "")
    lines = [line.split() for line in key(folder, "list").output.splitlines()]
    assert [line[:4] for line in lines if line[:1] in (["1"], ["2"])] == [
        ["1", "opens", "only", "9"],
        ["2", "seals", "0"],
    ]
    for number, why in (
        ("1", "still holds 9 values"),
        ("2", "is the one that seals"),
        ("0", "less than an hour old"),
    ):
        refused = key(folder, "retire", number)
        assert refused.exit_code == 2
        assert why in refused.output.replace("\n", " ")
    laid = lay(OwnSettings(data_dir=folder))
    with laid.database.reading() as session:
        assert [job.kind for job in work.listed(session, JobState.queued, 10)] == ["reseal"]
        assert all(sealed.startswith("1.") for sealed in session.exec(select(Expert.name_sealed)).all())
    laid.database.dispose()


def test_a_retired_key_is_put_away_and_opens_nothing_any_more(folder: Path) -> None:
    done = key(folder, "retire", "0")
    assert done.exit_code == 0, done.output
    laid = lay(OwnSettings(data_dir=folder))
    assert laid.sealer.ring.numbers() == (1,)
    laid.database.dispose()
    assert key(folder, "retire", "0").exit_code == 2
