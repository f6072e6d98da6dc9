"""Keys that sort by the time they were made, and the numbers printed for people."""

import secrets
import uuid
from datetime import datetime


def new_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562 §5.7) as 36 characters: 48 bits of `now` in milliseconds, 74 random bits."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def printed_number(prefix: str, year: int, count: int) -> str:
    """The number on paper, as in `PX-2026-000123`."""
    return f"{prefix}-{year:04d}-{count:06d}"
