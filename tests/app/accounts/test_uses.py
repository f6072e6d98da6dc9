"""Uses of sessions wait in memory to be written down: the latest counts, none is lost on the way, and nobody fills the memory."""

from datetime import timedelta

import pytest

from app.accounts import uses
from app.accounts.uses import Uses
from tests.support.world import START

LATER = START + timedelta(minutes=1)


def test_the_latest_use_counts_wherever_it_stands() -> None:
    known = Uses()
    assert known.latest("a", START) == START
    known.note("a", LATER)
    assert known.latest("a", START) == LATER
    assert known.latest("a", LATER + timedelta(minutes=1)) == LATER + timedelta(minutes=1)


def test_what_comes_while_it_is_written_waits_on() -> None:
    known = Uses()
    known.note("a", START)
    known.note("b", START)
    done = known.waiting()
    known.note("a", LATER)
    known.written(done)
    assert known.waiting() == {"a": LATER}


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "_MOST", 2)
    known = Uses()
    for session_id in ("a", "b", "c"):
        known.note(session_id, START)
    assert known.waiting() == {"b": START, "c": START}
