"""What happens in a room is on disk at once, in order, and survives a disk that fails for a while."""

import errno
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clock import ManualClock
from recordings import trackfile
from recordings.events import EventLedger, LedgerEvent, read_events, read_ledgers
from recordings.lines import Closed, Ledger
from recordings.recorder import Recorder
from recordings.trackfile import Begun

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
BEGUN = Begun("room-1", 3, 1_000, 1)


def joined(number: int) -> LedgerEvent:
    return LedgerEvent(
        number * 10, number, number or None, "joined", {"n": number, "why": None, "ok": True, "名": "李"}
    )


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return tmp_path / "room-1"


@pytest.fixture
def ledger(room: Path) -> Iterator[EventLedger]:
    ledger = EventLedger(room, BEGUN, ManualClock(START), lambda _: None)
    yield ledger
    ledger.release()


def test_events_are_read_in_the_order_they_were_noted(ledger: EventLedger, room: Path) -> None:
    assert ledger.durable_seq == -1
    assert [ledger.note(joined(number)) for number in range(3)] == [1, 2, 3]
    assert ledger.durable_seq == -1
    assert ledger.store()
    assert ledger.durable_seq == 3
    assert read_events(room) == tuple((3, number + 1, joined(number)) for number in range(3))


def test_a_room_without_a_directory_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "none") == ()


def test_times_before_the_room_began_are_its_beginning(ledger: EventLedger, room: Path) -> None:
    ledger.note(LedgerEvent(-5, -6, None, "early"))
    ledger.store()
    ((_, _, event),) = read_events(room)
    assert (event.room_ms, event.wall_ms) == (0, 0)


def test_a_ledger_ends_with_a_line_of_its_own_and_takes_nothing_after(
    ledger: EventLedger, room: Path
) -> None:
    ledger.note(joined(1))
    ledger.close("room-closed")
    ledger.close("again")
    assert ledger.note(joined(2)) == -1
    assert ledger.store()
    ((lease, reading),) = read_ledgers(room)
    assert lease == 3
    acts = [line.act for line in reading.lines]
    assert acts[0] == Ledger("room-1", 3, 1_000, 1, round(START.timestamp() * 1000))
    assert acts[-1] == Closed("room-closed", round(START.timestamp() * 1000))
    assert (len(acts), reading.faults, reading.ended) == (3, (), True)
    assert ledger.store()


def test_a_line_written_in_part_is_completed_when_the_disk_works_again(
    ledger: EventLedger, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.note(joined(1))
    assert ledger.store()
    real = os.pwrite

    def half(descriptor: int, data: bytes, offset: int) -> int:
        real(descriptor, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        for number in (2, 3, 4):
            ledger.note(joined(number))
            assert not ledger.store()
    assert ledger.durable_seq == 1
    ledger.note(joined(5))
    assert ledger.store()
    ((_, reading),) = read_ledgers(room)
    assert reading.faults == ()
    assert [event for _, _, event in read_events(room)] == [joined(number) for number in range(1, 6)]


def test_what_a_disk_forgot_when_it_failed_to_sync_is_written_again(
    ledger: EventLedger, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error Linux drops the pages, and the next sync of the same file says all is well."""
    ledger.note(joined(1))
    assert ledger.store()
    kept = (room / "events-3.jsonl").stat().st_size

    def fail_and_forget(descriptor: int) -> None:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size - kept), kept)
        raise OSError(errno.EIO, "no")

    ledger.note(joined(2))
    with monkeypatch.context() as patch:
        patch.setattr("recordings.events.sync_file", fail_and_forget)
        assert not ledger.store()
    assert ledger.durable_seq == 1
    assert ledger.store()
    assert ledger.durable_seq == 2
    assert [event for _, _, event in read_events(room)] == [joined(1), joined(2)]


def test_the_name_of_a_ledger_is_durable_before_what_is_in_it(
    ledger: EventLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.note(joined(1))
    with monkeypatch.context() as patch:
        patch.setattr("recordings.events.sync_directory", _refuse)
        assert [ledger.store() for _ in range(2)] == [False, False]
    assert ledger.durable_seq == -1
    assert ledger.store()


def test_a_ledger_that_cannot_be_begun_is_tried_again(
    ledger: EventLedger, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.note(joined(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", _refuse)
        assert not ledger.store()
    assert ledger.store()
    assert read_events(room) == ((3, 1, joined(1)),)


def test_events_are_durable_by_themselves_though_the_media_disk_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, ManualClock(START), wake_s=3_600)
    recorder.begin("room-1", 1, START)
    ledger = recorder.events("room-1")
    synced = threading.Event()
    sync = trackfile.sync_file

    def told(descriptor: int) -> None:
        sync(descriptor)
        synced.set()

    monkeypatch.setattr("recordings.events.sync_file", told)
    number = ledger.note(joined(7))
    while ledger.durable_seq < number:
        assert synced.wait(20)
    assert read_events(tmp_path / "room-1") == ((1, 1, joined(7)),)
    recorder.close()


def test_events_wait_for_a_disk_that_fails_and_are_then_stored_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recordings.writer._AGAIN_S", 0.01)
    sync, failing, stored = trackfile.sync_file, [True] * 3, threading.Event()

    def fail_at_first(descriptor: int) -> None:
        if failing:
            failing.pop()
            raise OSError(errno.EIO, "no")
        sync(descriptor)
        stored.set()

    monkeypatch.setattr("recordings.events.sync_file", fail_at_first)
    recorder = Recorder(tmp_path, ManualClock(START), wake_s=3_600)
    recorder.begin("room-1", 1, START)
    assert recorder.events("room-1").note(joined(1)) == 1
    assert stored.wait(20)
    recorder.close()
    assert failing == []
    assert [event for _, _, event in read_events(tmp_path / "room-1")] == [joined(1)]


def _refuse(*_anything: object) -> int:
    raise OSError(errno.ENOSPC, "no space left")
