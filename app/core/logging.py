"""Structured logs on standard error: one JSON object a line, never a personal field."""

import json
import logging
import re
from collections import OrderedDict
from datetime import UTC, datetime

# Whatever looks like a mobile number or an identity number is blotted out, wherever it came from.
_PERSONAL = re.compile(r"(?<!\d)(?:\+?86)?1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)")


_TRACE_AGAIN_S = 60.0
_MOST_TRACES = 64


class JsonLines(logging.Formatter):
    """Time, level, logger, message and, for an error, where it came from.

    While something fails again and again, such as a database that is away, the same trace is written once a minute, and the
    lines between name the moment at which it stands: what is said of a fault must not fill the disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: OrderedDict[str, float] = OrderedDict()

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str] = {
            "at": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": blot(record.getMessage()),
        }
        if record.exc_info:
            line["trace"] = self._trace(blot(self.formatException(record.exc_info)), record.created)
        return json.dumps(line, ensure_ascii=False)

    def _trace(self, trace: str, now: float) -> str:
        told = self._told.get(trace)
        if told is not None and 0 <= now - told < _TRACE_AGAIN_S:
            return f"as at {_moment(told)}"
        self._told[trace] = now
        self._told.move_to_end(trace)
        while len(self._told) > _MOST_TRACES:
            self._told.popitem(last=False)
        return trace


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def blot(text: str) -> str:
    """The text without mobile and identity numbers."""
    return _PERSONAL.sub("[…]", text)


def set_up(level: str = "INFO") -> None:
    """Sends all logs through the one formatter; schedulers and HTTP clients speak up only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("apscheduler", "aiortc", "aioice", "httpx2", "twilio", "twilio.async_http_client"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
