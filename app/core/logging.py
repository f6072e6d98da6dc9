"""Structured logs on standard error: one JSON object a line, never a personal field."""

import json
import logging
import re
from datetime import UTC, datetime

# Whatever looks like a mobile number or an identity number is blotted out, wherever it came from.
_PERSONAL = re.compile(r"(?<!\d)(?:\+?86)?1[3-9]\d{9}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)")


class JsonLines(logging.Formatter):
    """Time, level, logger, message and, for an error, where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": blot(record.getMessage()),
        }
        if record.exc_info:
            line["trace"] = blot(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


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
