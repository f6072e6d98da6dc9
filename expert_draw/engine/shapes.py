"""Reads what strangers wrote: every value has one permitted shape, anything else is refused by the name of its field."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from expert_draw.engine.pool import DrawKind
from expert_draw.engine.wording import RecordBroken

# Nothing but codes fits these patterns: a name or a phone number cannot slip into a record.
CODE = re.compile(r"[0-9a-f]{32}")
HASH = re.compile(r"[0-9a-f]{64}")
SIGNATURE = re.compile(r"[0-9a-f]{128}")
KEY = re.compile(r"[A-Za-z0-9._-]{1,32}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMBER = re.compile(r"[A-Za-z0-9._-]{1,40}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,999}")
MOST_WHOLE = 2**53 - 1

Pairs = tuple[tuple[str, str], ...]
Counts = tuple[tuple[str, int], ...]
T = TypeVar("T")


def refused(where: str) -> RecordBroken:
    return RecordBroken("record.malformed", where=where)


def fields_of(value: object, where: str, *names: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise refused(where)
    return value


def many(value: object, read: Callable[[object], T], where: str) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise refused(where)
    return tuple([read(item) for item in value])


def row_of(value: object, length: int, where: str) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise refused(where)
    return value


def pairs(value: object, first: re.Pattern[str], second: re.Pattern[str], where: str) -> Pairs:
    def read(item: object) -> tuple[str, str]:
        left, right = row_of(item, 2, where)
        return string(left, first, where), string(right, second, where)

    return many(value, read, where)


def counts(value: object, pattern: re.Pattern[str], where: str) -> Counts:
    """Rows of a key and a whole number ≥ 1, ascending, keys distinct."""

    def read(item: object) -> tuple[str, int]:
        key, count = row_of(item, 2, where)
        return string(key, pattern, where), whole(count, where)

    return ascending(many(value, read, where), where, lambda row: row[0])


def ascending(items: tuple[T, ...], where: str, key: Callable[[T], Any] = lambda item: item) -> tuple[T, ...]:
    """The same items, if they stand in strictly ascending order."""
    if any(key(left) >= key(right) for left, right in pairwise(items)):
        raise refused(where)
    return items


def some(items: tuple[T, ...], where: str) -> tuple[T, ...]:
    """The same items, if there is at least one."""
    if not items:
        raise refused(where)
    return items


def string(value: object, pattern: re.Pattern[str], where: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise refused(where)
    return value


def maybe(value: object, pattern: re.Pattern[str], where: str) -> str | None:
    return None if value is None else string(value, pattern, where)


def whole(value: object, where: str, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_WHOLE:
        raise refused(where)
    return value


def one_of(value: object, known: Sequence[str], where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise refused(where)
    return value


def kind_of(value: object) -> DrawKind:
    return DrawKind(one_of(value, tuple(DrawKind.__members__), "kind"))
