"""No session begins before every seat is safely recorded, as the holder of the room has written it lately."""

from pathlib import Path

import pytest
from sqlmodel import update

from app.core.errors import Conflict
from app.core.samples import Source, TrackKey
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


def tell(case: Case, age_ms: int = 0, *, missing: Source | None = None) -> None:
    """Every seat is on disk up to far beyond now, which the disk confirmed so long ago."""
    room_id = str(case.row.room_id)
    sources = {Source.camera, Source.microphone} - {missing}
    seats = [
        SeatNow(
            room_id,
            member.seat_no,
            True,
            "connected",
            True,
            {source: Reached(10**9, age_ms) for source in sources},
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


def test_sound_alone_is_not_enough(case: Case) -> None:
    tell(case, missing=Source.camera)
    assert not opens(case)


def test_what_the_disk_had_long_ago_does_not_count(case: Case) -> None:
    tell(case, age_ms=STALE_MS + 100)
    assert not opens(case)
    key = TrackKey(str(case.row.room_id), 1, Source.camera)
    with case.world.database.reading() as session:
        assert reached(session)(key) == 10**9
        assert recorded(session, STALE_MS)(key) is None


def test_nor_does_what_a_worker_said_that_has_fallen_silent(case: Case) -> None:
    tell(case)
    with case.world.transaction() as session:
        session.exec(update(SeatPresence).values(seen_at=in_ms(-STALE_MS - 100)))
    assert not opens(case)
