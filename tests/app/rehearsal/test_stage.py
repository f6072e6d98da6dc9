"""A rehearsal keeps to itself whatever a real center has set, and says at once when its player is gone."""

import asyncio
import os
from pathlib import Path

import pytest

from app.core.settings import OwnSettings, Settings
from app.core.settings_calls import InvitationSettings, RehearsalSettings
from app.core.settings_doors import ServerSettings
from app.core.settings_rooms import SeatSettings
from app.rehearsal import stage
from app.rehearsal.phones import PhoneCast
from app.rehearsal.service import Desk, RehearsalFailed

HOSTILE = {
    "YUANPING_DATABASE_URL": "postgresql://real",
    "YUANPING_DATA_DIR": "/real",
    "YUANPING_DEMO": "false",
    "YUANPING_NOTIFY__AUTH_TOKEN": "token",
    "YUANPING_NOTIFY__PROVIDER": "twilio",
    "YUANPING_SECRET_KEY": "12" * 32,
    "YUANPING_SERVER__HOST": "0.0.0.0",  # noqa: S104 -- as a container sets it
    "YUANPING_SERVER__PUBLIC_URL": "https://center.example",
    "yuanping_notify__provider": "twilio",
}


def test_a_rehearsal_takes_its_timers_from_a_real_center_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("YUANPING_REHEARSAL__RING_S", "7")
    monkeypatch.setenv("YUANPING_INVITATION__RING_S", "8")
    settings = stage.own_settings(tmp_path, 9000)
    assert settings == OwnSettings(
        data_dir=tmp_path,
        demo=True,
        server=ServerSettings(port=9000),
        rehearsal=RehearsalSettings(ring_s=7),
        invitation=InvitationSettings(ring_s=8),
        seat=SeatSettings(terminal_required=True, identity_check_required=True, opens_minutes=60),
    )

    given = stage.environment(settings)
    assert given["PATH"] == os.environ["PATH"]
    assert {name for name in given if name.upper() in {one.upper() for one in HOSTILE}} == {"YUANPING_DEMO"}
    for name in [one for one in os.environ if one.upper().startswith("YUANPING_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    child = Settings(data_dir=tmp_path, server=ServerSettings(port=9000))
    assert child.model_dump() == settings.model_dump()


class _Gone(PhoneCast):
    async def play(self) -> None:
        raise RehearsalFailed("gone", "the player is gone")


class _Playing(PhoneCast):
    async def play(self) -> None:
        await asyncio.Event().wait()


def cast_of(kind: type[PhoneCast]) -> PhoneCast:
    return kind(Desk("http://localhost"), lambda _number, _what: None)


def test_a_player_that_is_gone_ends_the_wait_at_once() -> None:
    async def story() -> None:
        async with asyncio.timeout(20), stage._meanwhile(cast_of(_Gone)):
            await asyncio.Event().wait()

    with pytest.raises(RehearsalFailed, match="the player is gone"):
        asyncio.run(story())


def test_what_goes_wrong_beside_the_player_is_raised_as_it_is_and_the_player_stops() -> None:
    async def story(*, fails: bool) -> None:
        async with asyncio.timeout(20), stage._meanwhile(cast_of(_Playing)):
            if fails:
                raise RehearsalFailed("short", "short")

    asyncio.run(story(fails=False))
    with pytest.raises(RehearsalFailed, match="short"):
        asyncio.run(story(fails=True))
