"""Small draws to test with: requests of all shapes, a whole record of three kinds, and a way to forge lines."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from typing import Any

from hypothesis import strategies as st

from app.core.canonical import canonical_json, digest
from expert_draw.engine.entries import RulePack
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.randomness import chain_anchor, chain_share
from expert_draw.engine.record import DrawRecord, code_request

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SALT = b"salt of the sample draw, 32 byte"
CENTER = b"secret of the center, 32 bytes.."
SUPERVISOR = b"secret of the supervisor, 32 b.."
LENGTH = 16
RULES = RulePack("cn_tender", "2026.1", digest("the pack"))
Lines = list[dict[str, Any]]
Forge = Callable[[Lines], None]


def request(
    slots: Mapping[str, tuple[int, str]],
    groups: Mapping[str, tuple[tuple[str, str], ...]] | None = None,
    caps: Mapping[str, int] | None = None,
    *,
    held: tuple[Candidate, ...] = (),
    excluded: tuple[tuple[str, str], ...] = (),
    kind: DrawKind = DrawKind.expert,
) -> DrawRequest:
    """A request in short: slots as {key: (quota, "abc")}, every letter a candidate."""
    carried = groups or {}
    letters = sorted(set("".join(eligible for _, eligible in slots.values())))
    return DrawRequest(
        kind,
        tuple(Slot(key, quota, tuple(eligible)) for key, (quota, eligible) in slots.items()),
        tuple(Candidate(letter, carried.get(letter, ())) for letter in letters),
        tuple((caps or {}).items()),
        held,
        excluded,
    )


@st.composite
def requests(draw: st.DrawFn, *, group_names: tuple[str, ...] = ("employer", "region")) -> DrawRequest:
    """Small requests of every shape, feasible or not: overlapping slots, caps, held members, exclusions."""
    letters = "abcdefgh"[: draw(st.integers(2, 8))]
    values = st.sampled_from(["x", "y", "z"])

    def some_groups() -> tuple[tuple[str, str], ...]:
        return tuple((name, draw(values)) for name in group_names if draw(st.booleans()))

    slots = tuple(
        Slot(key, draw(st.integers(1, 2)), tuple(draw(st.sets(st.sampled_from(letters)))))
        for key in "123"[: draw(st.integers(1, 3))]
    )
    return DrawRequest(
        DrawKind.expert,
        slots,
        tuple(Candidate(letter, some_groups()) for letter in letters),
        tuple((name, draw(st.integers(1, 2))) for name in group_names if draw(st.booleans())),
        held=(Candidate("held", some_groups()),) if draw(st.booleans()) else (),
        excluded=tuple((letter, "busy") for letter in draw(st.sets(st.sampled_from(letters), max_size=2))),
    )


def brute_force(asked: DrawRequest) -> set[frozenset[tuple[str, str]]]:
    """Every feasible committee, found by trying all of them and nothing clever."""
    gone = {id_ for id_, _ in asked.excluded} | {one.id for one in asked.held}
    carried = {one.id: one.groups for one in asked.candidates}
    choices = [
        list(combinations([i for i in slot.eligible if i not in gone], slot.quota)) for slot in asked.slots
    ]

    def allowed(people: list[str]) -> bool:
        if len(people) != len(set(people)):
            return False
        groups = [group for one in asked.held for group in one.groups] + [
            g for p in people for g in carried[p]
        ]
        return all(
            groups.count(group) <= cap
            for name, cap in asked.group_caps
            for group in groups
            if group[0] == name
        )

    return {
        frozenset(
            (slot.key, id_) for slot, members in zip(asked.slots, chosen, strict=True) for id_ in members
        )
        for chosen in product(*choices)
        if allowed([id_ for members in chosen for id_ in members])
    }


def seeds(count: int) -> Iterator[bytes]:
    """Fixed seeds, as many as asked for."""
    return (number.to_bytes(32, "big") for number in range(count))


def later(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def shares(round_no: int) -> dict[str, bytes]:
    return {
        "center": chain_share(CENTER, LENGTH, round_no),
        "supervisor": chain_share(SUPERVISOR, LENGTH, round_no),
    }


def anchors() -> dict[str, bytes]:
    return {"center": chain_anchor(CENTER, LENGTH), "supervisor": chain_anchor(SUPERVISOR, LENGTH)}


def expert_pool() -> Pool:
    """Twelve experts of six employers in three cities for three places; "k" is excluded, an appointed member sits."""
    people = "abcdefghijkl"
    groups = {
        who: (("employer", "uvwxyz"[index % 6]), ("city", "123"[index % 3]))
        for index, who in enumerate(people)
    }
    asked = request(
        {"1": (1, "abcdefgk"), "2": (1, "abcdefgk"), "3": (1, "ghijkl")},
        groups,
        {"employer": 1},
        held=(Candidate("owner", (("employer", "o"),)),),
        excluded=(("k", "employer"), ("k", "busy")),
    )
    return Pool(code_request(asked, SALT)[0])


def venue_pool(*, without: str = "") -> Pool:
    """Two places in each of three cities; the venue of a place lies in the city of its expert."""
    names = [place for place in "mnopqr" if place not in without]
    groups = {place: (("city", "123"["mnopqr".index(place) // 2]), ("center", place)) for place in names}
    asked = request(dict.fromkeys("123", (1, "".join(names))), groups, kind=DrawKind.venue)
    return Pool(code_request(asked, SALT)[0], (DrawKind.expert, "city"))


def seat_pool() -> Pool:
    """Three seats in each center, two of them in one room; no two of the committee in one room."""
    groups = {
        seat: (("center", "mnopqr"[index // 3]), ("room", f"{index // 3}-{index % 3 // 2}"))
        for index, seat in enumerate("ABCDEFGHIJKLMNOPQR")
    }
    asked = request(dict.fromkeys("123", (1, "".join(groups))), groups, {"room": 1}, kind=DrawKind.seat)
    return Pool(code_request(asked, SALT)[0], (DrawKind.venue, "center"))


def opened() -> DrawRecord:
    return DrawRecord.open(
        START,
        number="CQ-2026-000123",
        rules=RULES,
        anchors=anchors(),
        pools=(seat_pool(), expert_pool(), venue_pool()),
    )


def code_at(record: DrawRecord, slot: str, kind: DrawKind = DrawKind.expert) -> str:
    """Who or what holds that place now."""
    return next(one.candidate.id for one in record.holders if (one.kind, one.slot) == (kind, slot))


def two_rounds() -> DrawRecord:
    """One declines, one answers too late, both are replaced in round 2, which nobody has answered yet."""
    record = opened().draw_round(later(1), shares(1))
    gone = code_at(record, "2")
    record = record.outcome(later(3), DrawKind.expert, "1", code_at(record, "1"), "declined", "ab" * 32)
    record = record.outcome(later(9), DrawKind.expert, "2", gone, "expired", "cd" * 32)
    record = record.outcome(later(9), DrawKind.expert, "3", code_at(record, "3"), "accepted")
    record = record.outcome(later(11), DrawKind.expert, "2", gone, "late")
    record = record.declare(later(12), venue_pool(without="m"))
    return record.draw_round(later(13), shares(2))


def finished() -> DrawRecord:
    record = two_rounds()
    for place in "12":
        record = record.outcome(later(20), DrawKind.expert, place, code_at(record, place), "accepted")
    return record.close(later(240))


def lines_of(record: DrawRecord) -> Lines:
    return [json.loads(event.line) for event in record.events]


def forged(record: DrawRecord, forge: Forge) -> bytes:
    """The record after `forge` has edited its lines, with all numbers and hashes made to fit again."""
    lines = lines_of(record)
    forge(lines)
    return resealed(lines)


def resealed(lines: Lines) -> bytes:
    """What an insider would publish: every line numbered, chained and hashed anew."""
    previous, text = "0" * 64, b""
    for number, line in enumerate(lines, start=1):
        content = {**{k: v for k, v in line.items() if k != "hash"}, "n": number, "prev": previous}
        previous = digest(content)
        text += canonical_json({**content, "hash": previous}) + b"\n"
    return text
