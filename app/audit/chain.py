"""The hash chain of a case: each act holds the hash of the act before it."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.canonical import Canonical, canonical_json, sha256_hex
from app.core.i18n import N_

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Link:
    """One act as it is hashed. `at` is ISO 8601 in UTC, `data` canonical JSON text."""

    case: str
    n: int
    at: str
    tag: str
    actor: str
    subject: str
    data: str
    prev: str

    def to_bytes(self) -> bytes:
        """The act as it is hashed, signed for and handed out: canonical JSON."""
        body: dict[str, Canonical] = {
            "actor": self.actor,
            "at": self.at,
            "case": self.case,
            "data": self.data,
            "n": self.n,
            "prev": self.prev,
            "subject": self.subject,
            "tag": self.tag,
        }
        return canonical_json(body)

    def hash(self) -> str:
        return sha256_hex(self.to_bytes())


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain no longer holds: the number of the act and why, as a text of the catalogue."""

    n: int
    reason: str


def first_break(links: Iterable[tuple[Link, str]]) -> Break | None:
    """The first act of one case that was changed, removed or moved; None when all stand.

    `links` are the acts in the order of their numbers, each with the hash stored beside it.
    """
    prev, expected = GENESIS, 1
    for link, stored in links:
        if link.n != expected:
            return Break(expected, N_("缺少这一条"))
        if link.prev != prev:
            return Break(link.n, N_("与前一条不衔接"))
        if link.hash() != stored:
            return Break(link.n, N_("内容被改动"))
        prev, expected = stored, expected + 1
    return None
