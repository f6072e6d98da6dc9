"""No session begins before every seat is safely recorded, as the holder of the room has written it lately."""

from pathlib import Path

import pytest
from sqlmodel import update

from app.core.errors import Conflict
from app.core.samples import Source, TrackKey
from app.core.settings_rooms import MediaSettings
from app.evaluation import conductor
from app.evaluation.recorded import reached, recorded
from tests.support.evaluations import Case
from tests.support.world import OPERATOR, make_world
from venue.placement import leases, presence
from venue.placement.models import SeatPresence
from venue.placement.moments import in_ms
from venue.placement.presence import Reached, SeatNow

STALE_MS = 5000


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(make_world(tmp_path)).convened()


REACHED_MS = 1_000


def tell(case: Case, age_ms: int = 0, *sources: Source) -> None:
    """Every seat is on disk up to the room's first second, which was so long ago."""
    room_id = str(case.row.room_id)
    sources = sources or (Source.camera, Source.microphone)
    seats = [
        SeatNow(
            room_id,
            member.seat_no,
            True,
            "connected",
            True,
            {source: Reached(REACHED_MS, age_ms) for source in sources},
        )
        for member in case.members()
    ]
    with case.world.transaction() as session:
        leases.claim(session, room_id, "one")
        presence.write(session, leases.held_by(session, "one"), seats)


def opens(case: Case) -> bool:
    try:
        with case.world.transaction() as session:
            durable = recorded(session, STALE_MS)
            conductor.open_session(session, case.world.now(), case.world.house, OPERATOR, case.id, durable)
    except Conflict as refusal:
        return refusal.code != "seats-not-recorded"
    return True


def test_it_opens_once_the_disk_has_every_seat(case: Case) -> None:
    assert not opens(case)
    tell(case)
    assert opens(case)


def test_a_wall_clock_that_was_set_forward_keeps_nobody_from_beginning(case: Case) -> None:
    """Room time follows the monotonic clock of the worker, and cannot be told from the time of day."""
    tell(case)
    case.world.clock.advance(3600)
    assert opens(case)


def test_where_screens_have_to_be_shared_they_have_to_be_recorded(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    case = Case(world).convened()
    world.house.settings.media = MediaSettings(screen_required=True)
    tell(case)
    assert not opens(case)
    tell(case, 0, *Source)
    assert opens(case)


def test_sound_alone_is_not_enough(case: Case) -> None:
    tell(case, 0, Source.microphone)
    assert not opens(case)


def test_what_the_disk_had_long_ago_does_not_count(case: Case) -> None:
    tell(case, age_ms=STALE_MS + 100)
    assert not opens(case)
    key = TrackKey(str(case.row.room_id), 1, Source.camera)
    with case.world.database.reading() as session:
        assert reached(session)(key) == REACHED_MS
        assert recorded(session, STALE_MS)(key) is None


def test_nor_does_what_a_worker_said_that_has_fallen_silent(case: Case) -> None:
    tell(case)
    with case.world.transaction() as session:
        session.exec(update(SeatPresence).values(seen_at=in_ms(-STALE_MS - 100)))
    assert not opens(case)
