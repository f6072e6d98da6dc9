"""The draw: exactly uniform, the same every time, within every limit."""

import hmac
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import count
from math import sqrt
from random import Random  # noqa: TID251 -- one wrong sampler is imitated with it

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine import draw as draw_module
from expert_draw.engine import quota
from expert_draw.engine.draw import MAX_TRIES, Assignment, committees_of, draw
from expert_draw.engine.pool import Candidate, DrawRequest, Slot, count_groups
from expert_draw.engine.randomness import Stream
from expert_draw.engine.wording import DrawInfeasible
from tests.expert_draw.engine.samples import brute_force, request, requests, seeds

SEED = b"seed of these tests, 32 bytes..."
# List sizes are odd primes: a stream with a wrong remainder would not show on sizes that are powers of two.
TIGHT = request(
    {"law": (1, "abcde"), "tech": (2, "defghij"), "cost": (1, "aeghijklmno")},
    {who: (("employer", "xyzuv"[index % 5]),) for index, who in enumerate("abcdefghijklmno")},
    {"employer": 1},
)
SMALL = request(
    {"law": (1, "abcde"), "tech": (2, "cdefghi")},
    {"a": (("employer", "x"),), "c": (("employer", "x"),), "d": (("employer", "x"),), "e": (("employer", "y"),), "f": (("employer", "y"),)},
    {"employer": 1},
)  # fmt: skip


def how_uneven(asked: DrawRequest, sampler: Callable[[DrawRequest, bytes], Assignment], draws: int) -> float:
    """Chi-square against the uniform law, in standard deviations above its mean."""
    everyone = brute_force(asked)
    seen = Counter(frozenset(sampler(asked, seed)) for seed in seeds(draws))
    assert set(seen) <= everyone
    expected = draws / len(everyone)
    freedom = len(everyone) - 1
    chi_square = sum((seen[one] - expected) ** 2 for one in everyone) / expected
    return (chi_square - freedom) / sqrt(2 * freedom)


@pytest.mark.parametrize("asked", [SMALL, TIGHT], ids=["small", "tight"])
def test_every_feasible_committee_is_equally_likely(asked: DrawRequest) -> None:
    assert (
        abs(how_uneven(asked, lambda one, seed: draw(one, seed).assignment, 8 * len(brute_force(asked)))) < 4
    )


def test_counting_all_committees_is_equally_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_module, "MAX_TRIES", 0)
    assert draw(SMALL, SEED).method == "enumeration"
    assert abs(how_uneven(SMALL, lambda one, seed: draw(one, seed).assignment, 600)) < 4


cached_committees = cache(committees_of)


def role_by_role(asked: DrawRequest, seed: bytes) -> Assignment:
    """A usual but wrong way: fill one slot after the other from whoever still fits, start over at a dead end."""
    stream, groups = Stream(seed), {one.id: one for one in asked.candidates}
    while True:
        chosen: list[tuple[str, str]] = []
        for slot in asked.slots:
            for _ in range(slot.quota):
                sitting = [groups[id_] for _, id_ in chosen]
                free = [
                    id_
                    for id_ in slot.eligible
                    if id_ not in {one.id for one in sitting}
                    and all(seated <= 1 for seated in count_groups([*sitting, groups[id_]]).values())
                ]
                if not free:
                    break
                chosen.append((slot.key, free[stream.below(len(free))]))
        if len(chosen) == sum(slot.quota for slot in asked.slots):
            return tuple(chosen)


def repair_the_seat(asked: DrawRequest, seed: bytes) -> Assignment:
    """Another wrong way: draw everybody and draw again only for a place that clashes."""
    stream, groups = Stream(seed), {one.id: one for one in asked.candidates}
    places = [slot for slot in asked.slots for _ in range(slot.quota)]
    chosen = [slot.eligible[stream.below(len(slot.eligible))] for slot in places]
    while True:
        clash = [
            place
            for place, id_ in enumerate(chosen)
            if id_ in chosen[:place]
            or any(set(groups[id_].groups) & set(groups[other].groups) for other in chosen[:place])
        ]
        if not clash:
            return tuple((slot.key, id_) for slot, id_ in zip(places, chosen, strict=True))
        slot = places[clash[0]]
        chosen[clash[0]] = slot.eligible[stream.below(len(slot.eligible))]


def first_rows(asked: DrawRequest, seed: bytes) -> Assignment:
    """The worst one, found in the wild: always the first rows that fit."""
    return cached_committees(asked)[0]


@pytest.mark.parametrize("wrong", [role_by_role, repair_the_seat, first_rows])
def test_the_uniformity_test_catches_a_wrong_sampler(
    wrong: Callable[[DrawRequest, bytes], Assignment],
) -> None:
    assert how_uneven(SMALL, wrong, 4000) > 8


@given(requests(), st.binary(min_size=32, max_size=32))
def test_a_drawn_committee_is_a_feasible_one(asked: DrawRequest, seed: bytes) -> None:
    possible = brute_force(asked)
    if not possible:
        with pytest.raises(DrawInfeasible):
            draw(asked, seed)
        return
    drawn = draw(asked, seed)
    assert frozenset(drawn.assignment) in possible
    assert list(drawn.assignment) == sorted(drawn.assignment)
    assert 1 <= drawn.tries <= MAX_TRIES
    assert draw(asked, seed) == drawn


@given(requests())
def test_all_committees_are_listed_once_and_in_order(asked: DrawRequest) -> None:
    listed = committees_of(asked)
    assert {frozenset(one) for one in listed} == brute_force(asked)
    assert len(set(listed)) == len(listed)
    assert list(listed) == sorted(listed)


@given(requests(), st.binary(min_size=32, max_size=32), st.randoms(use_true_random=False))
def test_permuting_the_roster_changes_nothing(asked: DrawRequest, seed: bytes, shuffler: Random) -> None:
    if not brute_force(asked):
        return
    people = tuple(shuffler.sample(asked.candidates, len(asked.candidates)))
    slots = tuple(
        Slot(slot.key, slot.quota, tuple(shuffler.sample(slot.eligible, len(slot.eligible))))
        for slot in shuffler.sample(asked.slots, len(asked.slots))
    )
    again = DrawRequest(asked.kind, slots, people, asked.group_caps, asked.held, asked.excluded)
    assert draw(again, seed) == draw(asked, seed)


@given(requests(), st.binary(min_size=32, max_size=32), st.sampled_from(["0", "bb", "zz"]))
def test_adding_an_excluded_person_changes_nothing(asked: DrawRequest, seed: bytes, extra: str) -> None:
    if not brute_force(asked):
        return
    with_extra = DrawRequest(
        asked.kind,
        tuple(Slot(slot.key, slot.quota, (*slot.eligible, extra)) for slot in asked.slots),
        (*asked.candidates, Candidate(extra, (("employer", "x"),))),
        asked.group_caps,
        asked.held,
        (*asked.excluded, (extra, "suspended")),
    )
    assert draw(with_extra, seed) == draw(asked, seed)


def as_documented(asked: DrawRequest, seed: bytes) -> tuple[set[tuple[str, str]], int]:
    """The draw written again from docs/draw-record.md alone, for requests whose caps are all 1."""
    words = (
        int.from_bytes(
            hmac.digest(seed, b"ed-panel/1 stream\0" + block.to_bytes(8, "big"), "sha256")[at : at + 8], "big"
        )
        for block in count()
        for at in (0, 8, 16, 24)
    )
    employer_of = {one.id: dict(one.groups)["employer"] for one in asked.candidates}
    for tries in count(1):
        committee: set[tuple[str, str]] = set()
        for slot in asked.slots:
            n, chosen = len(slot.eligible), set[int]()
            while len(chosen) < slot.quota:
                chosen.add(next(word for word in words if word < 2**64 - 2**64 % n) % n)
            committee |= {(slot.key, slot.eligible[index]) for index in chosen}
        if len({employer_of[id_] for _, id_ in committee}) == len(committee):
            return committee, tries
    raise AssertionError


def test_a_known_seed_gives_the_known_committee() -> None:
    drawn = draw(TIGHT, SEED)
    assert (drawn.assignment, drawn.method, drawn.tries) == (
        (("cost", "l"), ("law", "e"), ("tech", "f"), ("tech", "i")),
        "rejection",
        15,
    )


def test_the_draw_written_again_from_its_description_agrees() -> None:
    for seed in seeds(50):
        drawn = draw(TIGHT, seed)
        assert as_documented(TIGHT, seed) == (set(drawn.assignment), drawn.tries)


def test_a_large_list_is_drawn_from_as_readily_as_a_small_one() -> None:
    people = tuple(Candidate(f"{number:05}", (("employer", str(number // 9)),)) for number in range(30_000))
    asked = DrawRequest(
        TIGHT.kind, (Slot("1", 7, tuple(one.id for one in people)),), people, (("employer", 1),)
    )
    assert len({id_ for _, id_ in draw(asked, SEED).assignment}) == 7


def test_a_pool_that_rejection_hardly_ever_meets_is_drawn_by_counting() -> None:
    """Each place has one candidate of an own employer and ten of one big employer; one in a million attempts fits."""
    big = {place: tuple(f"{place}{number}" for number in range(10)) for place in "ABCDEF"}
    people = [Candidate(place, (("employer", place),)) for place in big]
    people += [Candidate(id_, (("employer", "big"),)) for many in big.values() for id_ in many]
    slots = tuple(Slot(place, 1, (place, *big[place])) for place in big)
    asked = DrawRequest(SMALL.kind, slots, tuple(people), (("employer", 1),))
    found = [draw(asked, seed) for seed in seeds(3)]
    assert {(one.method, one.tries) for one in found} == {("enumeration", MAX_TRIES)}
    assert len(committees_of(asked)) == 1 + 6 * 10
    assert len({one.assignment for one in found}) == 3


def test_a_short_list_is_refused_before_any_attempt() -> None:
    with pytest.raises(DrawInfeasible) as caught:
        draw(request({"1": (3, "abcd")}, excluded=(("a", "busy"), ("b", "busy"))), SEED)
    assert caught.value.code == "draw.slot_short"
    assert caught.value.params == {"slot": "1", "quota": 3, "available": 2, "removed": 2}


def test_a_pool_without_any_committee_says_what_blocks_it() -> None:
    groups = dict.fromkeys("abcd", (("employer", "x"),))
    with pytest.raises(DrawInfeasible) as caught:
        draw(request({"1": (2, "abcd")}, groups, {"employer": 1}), SEED)
    assert caught.value.code == "draw.cap_blocks"
    assert caught.value.params == {"group": "employer", "cap": 1, "enough": 2}


def test_a_pool_proved_empty_only_by_counting_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "SEARCH_STEPS", 0)
    monkeypatch.setattr(draw_module, "MAX_TRIES", 70)
    groups = dict.fromkeys("abc", (("employer", "x"), ("region", "p")))
    with pytest.raises(DrawInfeasible) as caught:
        draw(request({"1": (2, "abc")}, groups, {"employer": 1, "region": 1}), SEED)
    assert caught.value.code == "draw.caps_block"


def test_a_pool_too_large_to_count_says_so_honestly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_module, "MAX_TRIES", 0)
    monkeypatch.setattr(draw_module, "ENUMERATION_STEPS", 3)
    with pytest.raises(DrawInfeasible) as caught:
        draw(SMALL, SEED)
    assert caught.value.code == "draw.not_decided"
