"""The whole service on PostgreSQL: booked, drawn, declined, drawn again, accepted; killed, started anew, and verified.

And a second service on the same database: whoever is signed out at one of them is out at the other, open streams included.
"""

import asyncio
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from app import cli
from app.rehearsal.phones import Part, PhoneCast
from app.rehearsal.service import Desk
from tests.support.running import RunningHouse, becomes, drawn, prepare, running_house

pytestmark = pytest.mark.story
_PATIENCE_S = 20


@pytest.fixture
def address(pg_fresh: str) -> str:
    """As an operator would write it."""
    return pg_fresh.replace("postgresql+psycopg://", "postgresql://")


def test_the_service_runs_on_postgresql(tmp_path: Path, address: str) -> None:
    prepare(tmp_path / "template", address)
    with running_house(tmp_path / "template", tmp_path / "data", address=address) as house:
        asyncio.run(_story(house))
        with running_house(tmp_path / "template", tmp_path / "beside", address=address) as beside:
            asyncio.run(_signed_out_elsewhere(house, beside))
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


async def _signed_out_elsewhere(house: RunningHouse, beside: RunningHouse) -> None:
    from_page = {"Origin": house.url}
    async with httpx2.AsyncClient(follow_redirects=True, timeout=_PATIENCE_S) as browser:
        (await browser.get(house.link("supervisor"))).raise_for_status()
        assert (await browser.get(f"{beside.url}/api/centers")).is_success, "one session, both services"
        kept = httpx2.Cookies(browser.cookies)
        async with browser.stream("GET", f"{beside.url}/api/today/stream") as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith("retry:")
            (await browser.post(f"{house.url}/sign-out", headers=from_page)).raise_for_status()
            async with asyncio.timeout(_PATIENCE_S):
                async for _ in lines:
                    pass  # whatever else was told until it ends
    async with httpx2.AsyncClient(cookies=kept) as thief:
        assert (await thief.get(f"{beside.url}/api/centers")).status_code == 401, "the cookie opens nothing"
