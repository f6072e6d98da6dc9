"""Small draws to test records with: three parties, lists of all kinds in codes, and whole stories told line by line."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache

from app.core.canonical import digest
from expert_draw.engine.certificate import Thresholds, certify
from expert_draw.engine.codes import candidate_code, group_code
from expert_draw.engine.pool import Bound, Candidate, DrawKind, Law, Level, Member, Pool
from expert_draw.engine.randomness import Suite, chain_anchor, chain_share, hash_of
from expert_draw.engine.record import (
    DrawRecord,
    Party,
    RosterRoot,
    RulePack,
    agree_signature,
    approve_signature,
    reveal_signature,
)
from expert_draw.engine.signing import Signer

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SALT = b"salt of the sample draw, 32 byte"
HOUSE = Signer(b"the house signs with this secret")
LENGTH = 16
NAMES = ("center", "supervisor", "tenderee")
SIGNERS = {name: Signer(name.encode().ljust(32, b"!")) for name in NAMES}
SECRETS = {name: name.encode().ljust(32, b"?") for name in NAMES}
RULES = RulePack("cn_tender", "2026.1", digest("the pack"))
STRICT = Thresholds(100, Fraction(1, 100), Fraction(1, 100))
EASY = Thresholds(0, Fraction(1), Fraction(1))


def later(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def nonce(name: str) -> bytes:
    return hash_of("sha256", name.encode())


def code(name: str) -> str:
    return candidate_code(SALT, name)


def in_codes(groups: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, group_code(SALT, name, value)) for name, value in groups)


def parties(suite: Suite = "sha256", names: Sequence[str] = NAMES) -> tuple[Party, ...]:
    """The center leaves its share with the service, the others keep theirs."""
    return tuple(
        Party(
            name,
            SIGNERS[name].public,
            chain_anchor(SECRETS[name], LENGTH, suite).hex(),
            "kept" if name == "center" else "own",
        )
        for name in names
    )


def expert_pool(**changes: object) -> Pool:
    """Twelve experts of six employers in three cities for three places; "k" is excluded, an appointed member sits.

    "a" and "i" are kin, at least one comes from city 1.
    """
    pool = Pool(
        DrawKind.expert,
        (("1", 1), ("2", 1), ("3", 1)),
        tuple(
            Candidate(
                code(who),
                in_codes([("employer", "uvwxyz"[index % 6]), ("city", "123"[index % 3])]),
                ("1", "2") if who in "abcdef" else ("1", "2", "3") if who in "gk" else ("3",),
                ("busy", "employer") if who == "k" else (),
            )
            for index, who in enumerate("abcdefghijkl")
        ),
        (Level((("employer", 1),)),),
        bounds=(Bound("city", group_code(SALT, "city", "1"), 1, 3),),
        conflicts=((code("a"), code("i")),),
        held=(Member(code("owner"), in_codes([("employer", "o")])),),
    )
    return replace(pool, **changes)  # type: ignore[arg-type]


def venue_pool(
    *, without: str = "", follows: tuple[DrawKind, str] | None = (DrawKind.expert, "city")
) -> Pool:
    """Two centers in each of three cities; the venue of a place lies in the city of its expert."""
    return Pool(
        DrawKind.venue,
        (("1", 1), ("2", 1), ("3", 1)),
        tuple(
            Candidate(
                code(place), in_codes([("center", place), ("city", "123"[index // 2])]), ("1", "2", "3")
            )
            for index, place in enumerate("mnopqr")
            if place not in without
        ),
        follows=follows,
    )


def seat_pool() -> Pool:
    """Three seats in each center, two of them in one room; at first no two of the committee in one room, nor neighbours."""
    seats = "ABCDEFGHIJKLMNOPQR"
    return Pool(
        DrawKind.seat,
        (("1", 1), ("2", 1), ("3", 1)),
        tuple(
            Candidate(
                code(seat),
                in_codes([("center", "mnopqr"[index // 3]), ("room", f"{index // 3}-{index % 3 // 2}")]),
                ("1", "2", "3"),
            )
            for index, seat in enumerate(seats)
        ),
        (Level((("room", 1),)), Level((), apart=True), Level((), apart=False)),
        follows=(DrawKind.venue, "center"),
        conflicts=tuple((code(seats[index]), code(seats[index + 1])) for index in range(0, 18, 3)),
    )


def all_pools() -> tuple[Pool, ...]:
    return expert_pool(), venue_pool(), seat_pool()


def opened(
    pools: Sequence[Pool] | None = None,
    *,
    number: str = "CQ-2026-000123",
    suite: Suite = "sha256",
    law: Law = "uniform-labelled",
    reserve: int = 0,
    names: Sequence[str] = NAMES,
    before: str | None = None,
    roster: RosterRoot | None = None,
) -> DrawRecord:
    chosen = all_pools() if pools is None else pools
    return DrawRecord.open(
        START,
        HOUSE,
        number=number,
        suite=suite,
        law=law,
        rules=RULES,
        parties=parties(suite, names),
        pools=[(pool, nonce(pool.kind)) for pool in chosen],
        roster=roster,
        reserve=reserve,
        before=before,
    )


def agreed(record: DrawRecord) -> DrawRecord:
    for party in record.missing:
        record = record.agree(later(1), HOUSE, party, agree_signature(SIGNERS[party], record.events[0].hash))
    return record


def locked(record: DrawRecord, thresholds: Thresholds = EASY) -> DrawRecord:
    """All have agreed and the figures are stated; the supervisor has approved warnings if there are any."""
    record = agreed(record)
    law = record.history.opening.law
    record = record.lock(later(2), HOUSE, certify(record.pool(DrawKind.expert), law, thresholds))
    if record.phase == "approving":
        record = record.approve(later(3), HOUSE, approve_signature(SIGNERS["supervisor"], record.head))
    return record


def ready(pools: Sequence[Pool] | None = None, **options: object) -> DrawRecord:
    return locked(opened(pools, **options))  # type: ignore[arg-type]


def called(record: DrawRecord, minute: int, beacon: tuple[str, int] | None = None) -> DrawRecord:
    return record.call(later(minute), HOUSE, later(minute + 30), beacon)


def share(record: DrawRecord, party: str) -> bytes:
    return chain_share(SECRETS[party], LENGTH, record.history.round_no, record.history.opening.suite)


def revealed(record: DrawRecord, minute: int, names: Iterable[str] | None = None) -> DrawRecord:
    call = record.open_call
    assert call is not None
    for party in record.missing if names is None else names:
        own = share(record, party)
        sig = reveal_signature(SIGNERS[party], call.hash, own)
        record = record.reveal(later(minute), HOUSE, party, own, sig)
    return record


def played(record: DrawRecord, minute: int, beacon: tuple[str, int] | None = None) -> DrawRecord:
    """A whole round: the call, all reveals (the last party first), the beacon, the draw."""
    record = called(record, minute, beacon)
    record = revealed(record, minute + 1, reversed(record.missing))
    if beacon:
        record = record.mix(later(minute + 2), HOUSE, "5a" * 32)
    return record.draw(later(minute + 3), HOUSE)


def code_at(record: DrawRecord, slot: str, kind: DrawKind = DrawKind.expert) -> str:
    """Who or what holds that place now."""
    return next(one.code for one in record.holders if (one.kind, one.slot) == (kind, slot))


def answered(
    record: DrawRecord, minute: int, slot: str, outcome: str, evidence: str | None = None
) -> DrawRecord:
    return record.outcome(
        later(minute), HOUSE, DrawKind.expert, slot, code_at(record, slot), outcome, evidence
    )


def accepted(record: DrawRecord, minute: int) -> DrawRecord:
    """Everyone who has not answered yet accepts."""
    for one in record.holders:
        if one.kind is DrawKind.expert and not one.accepted:
            record = record.outcome(later(minute), HOUSE, one.kind, one.slot, one.code, "accepted")
    return record


def first_of(tell: Callable[[str], DrawRecord | None]) -> DrawRecord:
    """The story under the first number with which chance lets it happen."""
    told = (tell(f"CQ-2026-{number:06d}") for number in range(123, 999))
    return next(record for record in told if record is not None)


@cache
def two_rounds() -> DrawRecord:
    """One declines, one answers too late, both are replaced in round 2, which nobody has answered yet."""

    def tell(number: str) -> DrawRecord | None:
        record = played(ready(number=number), 10)
        gone = code_at(record, "2")
        record = answered(record, 20, "1", "declined", "ab" * 32)
        record = record.outcome(later(25), HOUSE, DrawKind.expert, "2", gone, "expired", "cd" * 32)
        record = answered(record, 26, "3", "accepted")
        record = record.outcome(later(27), HOUSE, DrawKind.expert, "2", gone, "late")
        record = record.declare(later(28), HOUSE, venue_pool(without="m"), nonce("venues again"))
        record = played(record, 30)
        return record if record.phase == "between" else None

    return first_of(tell)


@cache
def finished() -> DrawRecord:
    return accepted(two_rounds(), 50).close(later(240), HOUSE)
