"""What the replay's timeline says happened, in words, whoever noted it: a seat or the recorder itself."""

from datetime import timedelta
from pathlib import Path

from app.evaluation import views
from app.evaluation.ledgers import RecordedLedgers
from recordings.recorder import CLOCK_STEPPED, Recorder
from tests.support.evaluations import Case
from tests.support.world import make_world
from venue.room import register
from venue.room.events import EventKind, SeatEvent


def test_a_wall_clock_that_was_set_is_a_mark_of_the_whole_room(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    case = Case(world).convened()
    room_id = str(case.row.room_id)
    recorder = Recorder(world.settings.recordings_dir, world.clock)
    ledgers = RecordedLedgers(recorder, world.clock)
    ledgers.begin(room_id, 1, world.now() - timedelta(seconds=1))
    ledgers.note(SeatEvent(room_id, 1, 900, EventKind.seat_joined))
    world.clock._now += timedelta(seconds=40)  # set, while monotonic time stands still
    recorder.settle()
    recorder.close()
    read = ledgers.read(room_id)
    assert [noted.kind for noted in read] == ["seat-joined", CLOCK_STEPPED]
    with world.transaction() as session:
        register.keep(session, 1, read)
    with world.database.reading() as session:
        marks = views.timeline_events(session, case.id)
    assert [(mark.at_ms, mark.seat_no, mark.text) for mark in marks] == [
        (900, 1, "进入评标室"),
        (1000, None, "服务器时钟被调整"),
    ]
