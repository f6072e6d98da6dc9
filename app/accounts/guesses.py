"""Passwords that anybody tries first, by how they are made: few pieces that everybody knows, and little else."""

import re
from collections.abc import Collection, Iterator

ENOUGH = 5
"""So many pieces and single signs make a password that is not among the first tries."""
_SHORTEST_RUN = 3
# Rows of a keyboard and its columns, as fingers find them.
_LINES = (
    "1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "!@#$%^&*()",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujmikolp", "741852963", "789456123",
    "147258369", "159357",
)  # fmt: skip
_ROWS = (*_LINES, *(line[::-1] for line in _LINES))
_PARTS = (
    "1314", "520", "5201314", "admin", "administrator", "baby", "changeme", "default", "dragon", "football", "guest", "hello",
    "iloveyou", "letmein", "login", "love", "master", "monkey", "pass", "password", "princess", "qazwsx", "root",
    "secret", "server", "sunshine", "superman", "system", "test", "user", "welcome", "woaini", "wodemima",
    "密码", "我爱你", "我的密码", "管理员", "系统",
)  # fmt: skip
_DATE = re.compile(r"(?:19|20)\d\d(?:[-./年]?(?:1[0-2]|0?[1-9])[-./月]?(?:3[01]|[12]\d|0?[1-9])日?)?")
_LOOKS = str.maketrans("@013457$!", "aoieastsi")
"""Signs that people write for letters."""


def easy(password: str, words: Collection[str], least: int) -> bool:
    """Whether it is among what is tried first.

    words: what anybody here would think of, each in small letters without spaces. least: signs that a password has at least; one
    made of a piece again and again counts as that piece.
    """
    plain = password.casefold().replace(" ", "")
    piece = _piece(plain)
    return len(piece) < min(least, len(plain)) or _cost(piece, (*_PARTS, *words)) < ENOUGH


def _piece(plain: str) -> str:
    """What is said again and again, or all of it; the last time may be cut short."""
    for length in range(1, len(plain) // 2 + 1):
        if plain[length:] == plain[:-length]:
            return plain[:length]
    return plain


def _cost(plain: str, known: Collection[str]) -> int:
    """The fewest pieces and single signs that it can be put together of."""
    looks = plain.translate(_LOOKS)
    costs = [0] * (len(plain) + 1)
    for at in range(len(plain) - 1, -1, -1):
        costs[at] = 1 + min(costs[at + length] for length in _lengths(plain, looks, at, known))
    return costs[0]


def _lengths(plain: str, looks: str, at: int, known: Collection[str]) -> Iterator[int]:
    """How long a piece that everybody knows can be from here on; one sign always is."""
    yield 1
    for part in known:
        if plain.startswith(part, at) or looks.startswith(part, at):
            yield len(part)
    date = _DATE.match(plain, at)
    if date is not None:
        yield len(date[0])
    runs = [_run(plain, at, step) for step in (-1, 0, 1)]
    runs += [_along(plain, at, row) for row in _ROWS]
    longest = max(runs)
    if longest >= _SHORTEST_RUN:
        yield longest


def _run(plain: str, at: int, step: int) -> int:
    """How far each sign is the same as, or the next or the one before, the last."""
    end = at + 1
    while end < len(plain) and ord(plain[end]) - ord(plain[end - 1]) == step:
        end += 1
    return end - at


def _along(plain: str, at: int, row: str) -> int:
    """How far it goes along a row of the keyboard."""
    start = row.find(plain[at])
    end = at
    while start >= 0 and end < len(plain) and row[start + end - at : start + end - at + 1] == plain[end]:
        end += 1
    return end - at
