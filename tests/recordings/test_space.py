"""Little room on the disk is said in good time and once, keeps new rooms out, and costs no recording."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

import app.audit.models  # noqa: F401 -- its tables must be known before they are made
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import Unavailable
from app.core.settings_rooms import RecordingSettings
from recordings.space import Space

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
_GB = 1_000_000_000


class Volume(NamedTuple):
    total: int
    free: int


class Disk:
    """A disk of 100 GB that is as full as it is told."""

    def __init__(self) -> None:
        self.free_gb = 50.0
        self.asked: list[Path] = []

    def usage(self, folder: Path) -> Volume:
        self.asked.append(folder)
        return Volume(100 * _GB, round(self.free_gb * _GB))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


@pytest.fixture
def space(database: Database, disk: Disk, tmp_path: Path) -> Space:
    return Space(
        database,
        ManualClock(START),
        tmp_path / "recordings",
        RecordingSettings(reserve_mb=2_000),
        usage=disk.usage,
    )


def said(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(event.tag, event.data) for event in audit.trail(session, "house")]


def test_each_level_is_said_once_while_it_lasts(
    space: Space, disk: Disk, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "recordings.space")
    assert space.check() == ()
    told = []
    for free_gb in (20.0, 19.0, 20.5, 10.0, 9.0, 5.0, 4.9):
        disk.free_gb = free_gb
        told.append(space.check())
    assert told == [(80,), (80,), (80,), (80, 90), (80, 90), (80, 90, 95), (80, 90, 95)]
    assert said(database) == [
        (Tag.space_short, '{"full":80,"level":80}'),
        (Tag.space_short, '{"full":90,"level":90}'),
        (Tag.space_short, '{"full":95,"level":95}'),
    ]
    assert len(caplog.messages) == 3


def test_a_warning_ends_only_when_it_is_clearly_over_and_may_come_again(
    space: Space, disk: Disk, database: Database
) -> None:
    disk.free_gb = 20.0
    space.check()
    for free_gb, levels in ((21.9, (80,)), (22.1, ()), (21.0, ()), (20.0, (80,))):
        disk.free_gb = free_gb
        assert space.check() == levels
    assert [tag for tag, _ in said(database)] == [Tag.space_short, Tag.space_eased, Tag.space_short]


def test_two_who_look_at_one_volume_say_it_once_and_two_volumes_each_for_itself(
    space: Space, disk: Disk, database: Database, tmp_path: Path
) -> None:
    disk.free_gb = 3.0
    clock, settings = ManualClock(START), RecordingSettings()
    other = Space(database, clock, tmp_path, settings, usage=disk.usage)
    elsewhere = Space(database, clock, tmp_path, settings, volume="second", usage=disk.usage)
    for looking in (space, other, elsewhere, elsewhere):
        assert looking.check() == (80, 90, 95)
    assert len(said(database)) == 6


def test_a_level_that_is_no_longer_wanted_is_no_longer_warned_of(
    space: Space, disk: Disk, database: Database, tmp_path: Path
) -> None:
    disk.free_gb = 3.0
    space.check()
    fewer = Space(
        database, ManualClock(START), tmp_path, RecordingSettings(space_alarms=(95,)), usage=disk.usage
    )
    assert fewer.check() == (95,)


def test_no_new_room_begins_below_the_reserve(space: Space, disk: Disk) -> None:
    disk.free_gb = 2.0
    space.require()
    disk.free_gb = 1.999
    with pytest.raises(Unavailable) as refusal:
        space.require()
    assert refusal.value.code == "recording-space"
    assert refusal.value.params == {"free": 1_999}


def test_before_anything_was_recorded_the_volume_of_the_folder_above_counts(
    space: Space, disk: Disk, tmp_path: Path
) -> None:
    space.require()
    assert disk.asked == [tmp_path]
    (tmp_path / "recordings").mkdir()
    space.check()
    assert disk.asked[-1] == tmp_path / "recordings"
