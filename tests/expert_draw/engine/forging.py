"""What a forger needs: a record taken apart, edited, and put together so that everything fits again.

A forger here is an insider: all numbers, hashes, seeds and signatures, those of the house and of every party, are made to fit
again. Where a forger would lack the key of a party, the forgery says so by breaking that signature alone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.core.canonical import canonical_json
from expert_draw.engine.randomness import Suite, hash_of, round_seed
from expert_draw.engine.record import DrawRecord
from tests.expert_draw.engine.samples import HOUSE, SIGNERS

STRANGER = "0" * 32
OTHER = "22" * 32
Rows = list[dict[str, Any]]


@dataclass(slots=True)
class Book:
    """A record taken apart to be edited: its lines and openings as JSON values."""

    lines: Rows
    openings: Rows

    def body(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.lines[number - 1]["body"]
        return found

    def numbers(self, type_: str) -> list[int]:
        """The numbers of all lines of that type."""
        return [number for number, line in enumerate(self.lines, start=1) if line["type"] == type_]

    def number(self, type_: str, which: int = 0) -> int:
        return self.numbers(type_)[which]

    @property
    def suite(self) -> Suite:
        named = self.lines[0]["body"].get("suite")
        return "sm3" if named == "sm3" else "sha256"

    def text(self, *, signers: bool = True) -> bytes:
        """What an insider would publish: every line numbered, seeded, chained and signed anew. signers: parties help."""
        suite = self.suite
        previous, text, seen = "0" * 64, b"", _Seen(suite)
        for number, line in enumerate(self.lines, start=1):
            body = seen.fitting(line["type"], line["body"], signers)
            content = {"at": line["at"], "body": body, "n": number, "prev": previous, "type": line["type"]}
            hash_ = hash_of(suite, canonical_json(content))
            previous = hash_.hex()
            seen.wrote(line["type"], body, previous)
            text += canonical_json({**content, "hash": previous, "sig": HOUSE.sign("line", hash_)}) + b"\n"
        return text + b"".join(canonical_json(self._placed(opening)) + b"\n" for opening in self.openings)

    def _placed(self, opening: dict[str, Any]) -> dict[str, Any]:
        """The opening with the number that its line has now."""
        line = opening["line"]
        if isinstance(line, int):
            return opening
        return {**opening, "line": next((n for n, one in enumerate(self.lines, start=1) if one is line), 1)}


class _Seen:
    """What a forger has to keep in mind to make later lines fit the earlier ones."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.hashes: dict[str, str] = {}
        self.opening: dict[str, Any] = {}
        self.shares: list[tuple[str, bytes]] = []
        self.beacon: str | None = None

    def fitting(self, type_: str, body: Any, signers: bool) -> Any:
        if not isinstance(body, dict):
            return body
        message = {"agree": ("open", ""), "approve": ("lock", ""), "reveal": ("call", body.get("share"))}
        if signers and type_ in message and body.get("party") in SIGNERS and body.get("sig") != "00" * 64:
            of, share = message[type_]
            if of in self.hashes:
                signed = bytes.fromhex(self.hashes[of] + (share or ""))
                return {**body, "sig": SIGNERS[body["party"]].sign(type_, signed)}
        if (
            type_ == "round"
            and body.get("seed") != OTHER
            and self.shares
            and self.opening
            and isinstance(body["round"], int)
        ):
            seed = round_seed(
                self.suite,
                beacon=self.beacon,
                call=self.hashes["call" if body["method"] == "reserve" else "running"],
                draw=self.opening["draw"],
                kind=body["kind"],
                purpose="draw",
                round_no=body["round"],
                shares=self.shares,
            )
            return {**body, "seed": seed.hex()}
        return body

    def wrote(self, type_: str, body: Any, hash_: str) -> None:
        self.hashes[type_] = hash_
        if type_ == "open":
            self.opening = body
        if type_ == "call":
            self.hashes["running"] = hash_
            self.shares, self.beacon = [], None
        if type_ == "reveal":
            self.shares.append((body["party"], bytes.fromhex(body["share"])))
        if type_ == "beacon":
            self.beacon = body["value"]
        if type_ == "round" and body["method"] == "reserve":
            self.hashes["running"] = hash_


Forge = Callable[[Book], None]


def book(record: DrawRecord) -> Book:
    lines = [json.loads(event.line) for event in record.events]
    openings = [json.loads(one) for one in record.openings]
    return Book(lines, [{**one, "line": lines[one["line"] - 1]} for one in openings])


def put(type_: str, which: int, *path: str | int, value: object) -> Forge:
    """Sets one value inside the body of the which-th line of a type."""

    def forge(edited: Book) -> None:
        at: Any = edited.body(edited.number(type_, which))
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return forge


def opened(which: int, *path: str | int, value: object) -> Forge:
    """Sets one value inside an opened list."""

    def forge(edited: Book) -> None:
        at: Any = edited.openings[which]["list"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return forge


def drop(type_: str, *which: int) -> Forge:
    def forge(edited: Book) -> None:
        for number in sorted((edited.number(type_, at) for at in which), reverse=True):
            del edited.lines[number - 1]

    return forge


def insert(before: tuple[str, int], type_: str, body: dict[str, Any]) -> Forge:
    """Slips a line in before the which-th line of a type."""

    def forge(edited: Book) -> None:
        number = edited.number(*before)
        line = {**edited.lines[number - 1], "type": type_, "body": body}
        edited.lines.insert(number - 1, line)

    return forge


def copy(type_: str, which: int, before: tuple[str, int]) -> Forge:
    def forge(edited: Book) -> None:
        insert(before, type_, dict(edited.body(edited.number(type_, which))))(edited)

    return forge
