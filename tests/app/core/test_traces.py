"""A fault that comes again and again is told each time, and where it came from once a minute."""

import json
import logging

from app.core.logging import JsonLines


def failed(formatter: JsonLines, why: str, at: float) -> str:
    record = logging.LogRecord("sweep", logging.ERROR, __file__, 1, "it failed", (), None)
    record.created = at
    record.exc_info = (RuntimeError, RuntimeError(why), None)
    line = json.loads(formatter.format(record))
    assert line["message"] == "it failed"
    return str(line["trace"])


def test_the_same_trace_is_written_once_a_minute() -> None:
    formatter = JsonLines()
    assert "RuntimeError: away" in failed(formatter, "away", 10.0)
    assert failed(formatter, "away", 10.5) == "as at 1970-01-01T00:00:10.000+00:00"
    assert failed(formatter, "away", 69.9) == "as at 1970-01-01T00:00:10.000+00:00"
    assert "RuntimeError: away" in failed(formatter, "away", 70.0)
    assert failed(formatter, "away", 71.0) == "as at 1970-01-01T00:01:10.000+00:00"


def test_another_fault_is_told_at_once_and_no_more_than_some_are_remembered() -> None:
    formatter = JsonLines()
    for number in range(100):
        assert f"RuntimeError: {number}" in failed(formatter, str(number), 10.0)
    assert failed(formatter, "99", 11.0).startswith("as at")
    assert "RuntimeError: 0" in failed(formatter, "0", 11.0)
    assert len(formatter._told) == 64


def test_no_line_can_be_made_to_look_like_two() -> None:
    """Whatever somebody types into what is logged, one record is one line, which says of itself where it came from."""
    forged = 'x"}\n{"level": "info", "message": "all is well"}\r\x1b[2J'
    record = logging.LogRecord("sign-in", logging.WARNING, __file__, 1, "refused: %s", (forged,), None)
    line = JsonLines().format(record)
    assert not set("\n\r\x1b") & set(line)
    assert json.loads(line)["level"] == "warning"
