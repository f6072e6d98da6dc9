"""Reads what strangers wrote: every value has one permitted shape, anything else is refused by the name of its field."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from expert_draw.engine.pool import DrawKind
from expert_draw.engine.wording import RecordBroken

# Nothing but codes fits these patterns: a name or a phone number cannot slip into a record.
CODE = re.compile(r"[0-9a-f]{32}")
HASH = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[A-Za-z0-9._-]{1,32}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMBER = re.compile(r"[A-Za-z0-9._-]{1,40}")

Pairs = tuple[tuple[str, str], ...]
T = TypeVar("T")


def fields_of(value: object, where: str, *names: str) -> Mapping[str, object]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise RecordBroken("record.malformed", where=where)
    return value


def many(value: object, read: Callable[[object], T], where: str) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise RecordBroken("record.malformed", where=where)
    return tuple(read(item) for item in value)


def row_of(value: object, length: int, where: str) -> Sequence[object]:
    if not isinstance(value, list) or len(value) != length:
        raise RecordBroken("record.malformed", where=where)
    return value


def pairs(value: object, first: re.Pattern[str], second: re.Pattern[str], where: str) -> Pairs:
    def read(item: object) -> tuple[str, str]:
        left, right = row_of(item, 2, where)
        return string(left, first, where), string(right, second, where)

    return many(value, read, where)


def distinct(pairs: Pairs, where: str) -> Pairs:
    return ascending(pairs, lambda pair: pair[0], where)


def ascending(items: tuple[T, ...], key: Callable[[T], str], where: str) -> tuple[T, ...]:
    """The same items, at least one, if they stand in strictly ascending order."""
    keys = [key(item) for item in items]
    if not keys or any(left >= right for left, right in pairwise(keys)):
        raise RecordBroken("record.malformed", where=where)
    return items


def string(value: object, pattern: re.Pattern[str], where: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise RecordBroken("record.malformed", where=where)
    return value


def whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RecordBroken("record.malformed", where=where)
    return value


def kind_of(value: object) -> DrawKind:
    if not isinstance(value, str) or value not in DrawKind.__members__:
        raise RecordBroken("record.malformed", where="kind")
    return DrawKind(value)
