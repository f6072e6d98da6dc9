"""The service as it is wired: a draw that has ended is filed without anybody's doing, and a file is built, while it runs."""

import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import wiring
from app.accounts.permissions import Role
from app.core.ground import Ground
from app.core.settings import Settings
from app.core.settings_records import ExchangeSettings
from app.core.settings_rooms import MediaSettings
from app.jobs.sweeps import Sweeps
from app.main import create_app
from tests.app.exchange.test_filing import drawn, given_up
from tests.support.receiver import SECRET_WRITTEN, Receiver
from tests.support.web import WebHouse
from tests.support.world import make_world


def test_the_running_service_files_and_exports_by_itself(
    tmp_path: Path, platform: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_WORK_EVERY_S", "_FILING_EVERY_S"):
        monkeypatch.setattr(wiring, name, 0.05)
    monkeypatch.setattr(
        wiring, "require_fit", lambda _ground: None
    )  # tables are made, not migrated; no provider

    async def nobody(_sweeps: Sweeps) -> None:
        """Nobody is rung here."""

    monkeypatch.setattr(Sweeps, "deliver", nobody)
    settings = Settings(
        data_dir=tmp_path,
        secret_key=bytes(range(32)).hex(),
        media=MediaSettings(workers=0),
        exchange=ExchangeSettings(filing_url=platform.url, filing_secret=SecretStr(SECRET_WRITTEN)),
    )
    world = make_world(tmp_path, settings=settings)
    evaluation_id = drawn(world)
    given_up(world, evaluation_id)
    application = create_app(settings, Ground(settings, world.clock, world.database, world.sealer))
    with TestClient(application):
        house = WebHouse(world, application, application.state.recorder)
        operator = house.visitor(Role.host_operator)
        address = f"/api/evaluations/{evaluation_id}"
        export_id = operator.post(f"{address}/exports").json()["id"]
        patience = threading.Event()
        for _ in range(400):
            filed = operator.get(f"{address}/filing").json()[0]["state"]
            built = operator.get(f"{address}/exports/{export_id}").json()["state"]
            if (filed, built) == ("receipted", "done"):
                break
            patience.wait(0.05)
    assert (filed, built) == ("receipted", "done")
    (posted,) = platform.posted
    assert posted.is_genuine()
