"""The whole service on PostgreSQL: booked, drawn, declined, drawn again, accepted; killed, started anew, and verified."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.rehearsal.phones import Part, PhoneCast
from app.rehearsal.service import Desk
from tests.support.running import RunningHouse, becomes, drawn, prepare, running_house

pytestmark = pytest.mark.story


@pytest.fixture
def address(pg_fresh: str) -> str:
    """As an operator would write it."""
    return pg_fresh.replace("postgresql+psycopg://", "postgresql://")


def test_the_service_runs_on_postgresql(tmp_path: Path, address: str) -> None:
    prepare(tmp_path / "template", address)
    with running_house(tmp_path / "template", tmp_path / "data", address=address) as house:
        asyncio.run(_story(house))
    assert not list((tmp_path / "data").glob("*.db")), "nothing was kept beside PostgreSQL"
    told = CliRunner().invoke(
        cli.main_command,
        ["verify"],
        env={"YUANPING_DATA_DIR": str(tmp_path / "data"), "YUANPING_DATABASE_URL": address},
    )
    assert told.exit_code == 0, told.output
    assert "✓" in told.output


async def _story(house: RunningHouse) -> None:
    async with Desk(house.url) as operator:
        await operator.sign_in_by_link(house.link("operator").removeprefix(house.url))
        evaluation_id = await drawn(operator, house)
        path = f"/api/evaluations/{evaluation_id}"
        phones = PhoneCast(operator, lambda _number, _what: None, cast=(Part.declines,))
        playing = asyncio.create_task(phones.play())
        try:
            await becomes(operator, path, lambda found: found["state"] == "ready")
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        before = await operator.get(path)
        assert list(phones.parts.values()).count(Part.declines) == 1
        assert len(phones.parts) == before["places"] + 1, "who declined was followed by another"

        house.kill()
        house.start()
        assert await operator.get(path) == before
        convened = await operator.post(f"{path}/convene")
        assert convened["state"] == "convened"
        assert len(await phones.summonses(convened["places"])) == convened["places"]
