"""The draw: as likely as the law says, the same every time, within every limit."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_draw.engine import draw as draw_module
from expert_draw.engine.ballot import Ballot, ballots
from expert_draw.engine.counting import counting
from expert_draw.engine.draw import Drawn, draw, feasible_with, pick, ways_to_seat
from expert_draw.engine.pool import (
    Bound,
    Candidate,
    DrawKind,
    Law,
    Level,
    Member,
    Pool,
    Standing,
    first_standing,
)
from expert_draw.engine.randomness import SUITES, Stream, Suite
from tests.expert_draw.engine.instances import (
    LAWS,
    LETTERS,
    Committee,
    chances,
    committees,
    feasible,
    listed,
    lists_by_hand,
    pools,
    too_uneven,
)

SEED = b"seed of these tests, 32 bytes..."
APART = Level()
ANY = Level(apart=False)
WEIGHTS = {letter: 1 + place * 3 % 7 for place, letter in enumerate(LETTERS)}
Instance = tuple[Pool, Standing]


def instance(pool: Pool, **standing: Any) -> Instance:
    return pool, replace(first_standing(pool), **standing)


# List sizes are odd primes: a wrong remainder would not show on sizes that are powers of two.
EMPLOYERS = {"employer": "xyzuvxyzuvx"}
INSTANCES: dict[str, Instance] = {
    "one list of 5": instance(listed({"1": (2, "abcde")}, weights=WEIGHTS)),
    "lists of 5 and 7 that overlap": instance(
        listed({"1": (1, "abcde"), "2": (2, "cdefghi")}, weights=WEIGHTS)
    ),
    "lists of 5, 7 and 11, one of an employer": instance(
        listed(
            {"1": (1, "abcde"), "2": (1, "efghijk"), "3": (1, "abcdefghijk")},
            EMPLOYERS,
            caps={"employer": 1},
            weights=WEIGHTS,
        )
    ),
    "two of an employer": instance(
        listed({"1": (2, "abcdefg"), "2": (1, "cdefg")}, {"employer": "xxxxxyy"}, caps={"employer": 2}, weights=WEIGHTS)
    ),
    "one from the north at least, two from the south at most": instance(
        listed(
            {"1": (2, "abcdefg"), "2": (1, "defgh")},
            {"region": "nnsssssw"},
            bounds=(Bound("region", "n", 1, 3), Bound("region", "s", 0, 2)),
            weights=WEIGHTS,
        )
    ),
    "conflicts": instance(
        listed({"1": (1, "abcde"), "2": (2, "abcdefg")}, conflicts=("ab", "bc", "ag", "ef"), weights=WEIGHTS)
    ),
    "held members who count": instance(
        listed(
            {"1": (1, "abcde"), "2": (1, "abcdefg")},
            {"employer": "xxyyzzu", "region": "nnnnsss"},
            caps={"employer": 2},
            bounds=(Bound("region", "n", 2, 2),),
            conflicts=("hd",),
            held=(Member("h", (("employer", "x"), ("region", "n"))), Member("i", (("employer", "x"),))),
            weights=WEIGHTS,
        )
    ),
    "places that follow": instance(
        listed(
            {"1": (1, "abcdefg"), "2": (1, "abcdefg"), "3": (1, "abcdefg")},
            {"city": "nnnssss"},
            follows=(DrawKind.venue, "city"),
            kind=DrawKind.seat,
            weights=WEIGHTS,
        ),
        at_place={"1": frozenset("n"), "2": frozenset("s"), "3": frozenset("ns")},
    ),
    "a level that cannot be": instance(
        listed(
            {"1": (2, "abcde"), "2": (1, "abcde")},
            {"room": "xxxyy"},
            levels=(Level((("room", 1),)), Level((("room", 2),)), ANY),
            weights=WEIGHTS,
        )
    ),
    "one list for three slots, another between": instance(
        listed({"1": (1, "abcde"), "2": (1, "cdefghi"), "3": (1, "abcde")}, weights=WEIGHTS)
    ),
    "one list for a slot of two and a slot of one": instance(
        listed({"1": (2, "abcde"), "2": (1, "abcde")}, EMPLOYERS, caps={"employer": 1}, weights=WEIGHTS)
    ),
    "later rounds": instance(
        listed(
            {"1": (2, "abcdefg"), "2": (1, "cdefghijklm")},
            EMPLOYERS,
            caps={"employer": 1},
            conflicts=("cf",),
            grounds="b",
            weights=WEIGHTS,
        ),
        needed=(("1", 1), ("2", 1)),
        present=(Member("c", (("employer", "z"),)),),
        out=frozenset("e"),
    ),
    "one ways only": instance(listed({"1": (1, "a"), "2": (2, "abcde")}, weights=WEIGHTS)),
}  # fmt: skip
SEVERAL = instance(
    Pool(
        DrawKind.expert,
        (("1", 1), ("2", 1)),
        tuple(
            Candidate(
                letter, tuple(("employer", value) for value in values), ("1", "2"), weight=WEIGHTS[letter]
            )
            for letter, values in zip("abcdefg", ("xy", "x", "y", "z", "", "xz", "zy"), strict=True)
        ),
        (Level((("employer", 1),)),),
    )
)  # two values of a capped group: such a list is drawn from by whole attempts only


@contextmanager
def soon_counted() -> Iterator[None]:
    """What cannot be drawn is found out sooner than in earnest; nothing else changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw_module, "FIRST_TRIES", 32)
        patch.setattr(draw_module, "SAMPLES", 512)
        yield


def level_of(pool: Pool, standing: Standing) -> int:
    """The first level that has a committee, from 1."""
    return next(at for at, level in enumerate(pool.levels, start=1) if committees(pool, standing, level))


def does_not_fit(pool: Pool, standing: Standing, law: Law, method: str, draws_for_each: int = 12) -> bool:
    """Whether what is drawn, with fixed seeds, is not what the law says."""
    number = level_of(pool, standing)
    expected = chances(pool, committees(pool, standing, pool.levels[number - 1]), law)
    rare = min(expected.values())
    ready = ballots(pool, standing, law)
    seen: Counter[Committee] = Counter()
    for seed in range(min(int(draws_for_each / rare), 3000)):
        picked = pick(ready, Stream(seed.to_bytes(32, "big")))
        assert (picked.level, picked.method) == (number, method)
        seen[frozenset((slot, pool.candidates[index].id) for slot, index in picked.picks)] += 1
    return too_uneven(seen, expected)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", INSTANCES)
def test_whole_attempts_give_every_committee_the_chance_it_has_by_law(
    monkeypatch: pytest.MonkeyPatch, name: str, law: Law
) -> None:
    # Long before it would be so in earnest, what cannot be is found out by counting.
    monkeypatch.setattr(draw_module, "FIRST_TRIES", 128)
    assert not does_not_fit(*INSTANCES[name], law, "rejection")


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", INSTANCES)
def test_counting_gives_every_committee_the_chance_it_has_by_law(
    monkeypatch: pytest.MonkeyPatch, name: str, law: Law
) -> None:
    monkeypatch.setattr(draw_module, "FIRST_TRIES", 0)
    monkeypatch.setattr(draw_module, "counting", lru_cache(counting))
    assert not does_not_fit(*INSTANCES[name], law, "counting")


@pytest.mark.parametrize("law", LAWS)
def test_who_has_two_employers_counts_for_both(law: Law) -> None:
    assert not does_not_fit(*SEVERAL, law, "rejection")


# Five ways of drawing that look right and are not.
Sampler = Callable[[Pool, Stream], Committee]
TIGHT = listed(
    {"1": (1, "abcde"), "2": (1, "cdefghi"), "3": (1, "abcdefghijk")},
    {"employer": "xxyzxyyyyyy"},
    caps={"employer": 1},
)


def fits(pool: Pool, people: list[str]) -> bool:
    return feasible(pool, first_standing(pool), pool.levels[0], people, open_=99)


def honest(pool: Pool, stream: Stream) -> Committee:
    picks = pick(ballots(pool, first_standing(pool), "uniform-labelled"), stream).picks
    return frozenset((slot, pool.candidates[index].id) for slot, index in picks)


def role_by_role(pool: Pool, stream: Stream) -> Committee:
    """Each place uniformly from those who still fit; from the beginning when nobody does."""
    lists = lists_by_hand(pool, first_standing(pool))
    chosen: list[str] = []
    while len(chosen) < len(lists):
        chosen = []
        for own in lists.values():
            left = [id_ for id_ in own if fits(pool, [*chosen, id_])]
            if not left:
                break
            chosen.append(left[stream.below(len(left))])
    return frozenset(zip(lists, chosen, strict=True))


def repair_the_seat(pool: Pool, stream: Stream) -> Committee:
    """Each place from its whole list, the place that clashes once more."""
    lists = lists_by_hand(pool, first_standing(pool))
    chosen: list[str] = []
    for own in lists.values():
        for _ in range(50):
            id_ = own[stream.below(len(own))]
            if fits(pool, [*chosen, id_]):
                chosen.append(id_)
                break
        else:
            return repair_the_seat(pool, stream)
    return frozenset(zip(lists, chosen, strict=True))


def first_rows(pool: Pool, stream: Stream) -> Committee:
    """The number drawn runs over how many are wanted, not over how many there are."""
    lists = lists_by_hand(pool, first_standing(pool))
    while True:
        chosen = [own[stream.below(len(lists))] for own in lists.values()]
        if fits(pool, chosen):
            return frozenset(zip(lists, chosen, strict=True))


class Coarse(Stream):
    """The remainder of one byte."""

    __slots__ = ()

    def below(self, bound: int) -> int:
        return super().below(16) % bound


def biased_modulo(pool: Pool, stream: Stream) -> Committee:
    return honest(pool, Coarse(stream.below(2**250).to_bytes(32, "big")))


def hidden_redraw(pool: Pool, stream: Stream) -> Committee:
    """Draws twice and keeps the one with a friend in it."""
    first, second = honest(pool, stream), honest(pool, stream)
    return second if any(id_ == "k" for _, id_ in second) else first


def caught(sampler: Sampler) -> bool:
    expected = chances(TIGHT, committees(TIGHT), "uniform-labelled")
    draws = 20 * len(expected)
    seen = Counter(sampler(TIGHT, Stream(seed.to_bytes(32, "big"))) for seed in range(draws))
    return too_uneven(seen, expected)


def test_the_draw_passes_what_wrong_draws_do_not() -> None:
    assert not caught(honest)


@pytest.mark.parametrize("sampler", [role_by_role, repair_the_seat, first_rows, biased_modulo, hidden_redraw])
def test_a_wrong_way_of_drawing_is_caught(sampler: Sampler) -> None:
    assert caught(sampler)


def test_a_law_is_not_taken_for_another() -> None:
    pool = INSTANCES["lists of 5 and 7 that overlap"][0]
    everyone = committees(pool)
    laws: list[dict[Committee, Fraction]] = [chances(pool, everyone, law) for law in LAWS]
    ready = ballots(pool, first_standing(pool), "uniform-labelled")
    seen: Counter[Committee] = Counter()
    for seed in range(6000):
        picks = pick(ready, Stream(seed.to_bytes(32, "big"))).picks
        seen[frozenset((slot, pool.candidates[index].id) for slot, index in picks)] += 1
    assert [too_uneven(seen, law) for law in laws] == [False, True, True]


@settings(max_examples=150, deadline=None)
@given(pools(), st.sampled_from(LAWS), st.sampled_from(SUITES), st.binary(min_size=32, max_size=32))
def test_what_is_drawn_is_feasible_and_nothing_is_drawn_only_when_nothing_is(
    pool: Pool, law: Law, suite: Suite, seed: bytes
) -> None:
    with soon_counted():
        drawn = draw(pool, first_standing(pool), law, seed, suite)
        assert drawn == draw(pool, first_standing(pool), law, seed, suite)
    everyone = committees(pool)
    if everyone:
        assert frozenset(drawn.assignment) in everyone
        assert list(drawn.assignment) == sorted(drawn.assignment)
    else:
        assert (drawn.assignment, drawn.method, drawn.level) == ((), "none", 1)


@settings(max_examples=60, deadline=None)
@given(pools(), st.randoms(use_true_random=False), st.sampled_from(LAWS))
def test_the_order_in_which_a_list_was_written_changes_nothing(pool: Pool, shuffler: Any, law: Law) -> None:
    people = list(pool.candidates)
    shuffler.shuffle(people)
    other = replace(
        pool,
        candidates=tuple(people),
        slots=pool.slots[::-1],
        conflicts=tuple((second, first) for first, second in pool.conflicts[::-1]),
    )
    assert other == pool
    standing = first_standing(pool)
    with soon_counted():
        assert draw(other, standing, law, SEED) == draw(pool, standing, law, SEED)


@settings(max_examples=60, deadline=None)
@given(pools(), st.sampled_from(["0", "cc", "z"]), st.sampled_from(LAWS))
def test_somebody_who_cannot_be_drawn_changes_nothing(pool: Pool, id_: str, law: Law) -> None:
    standing = first_standing(pool)
    groups = (("employer", "x"), ("region", "y"))
    excluded = Candidate(id_, groups, tuple(key for key, _ in pool.slots), ("kin",))
    longer = replace(pool, candidates=(*pool.candidates, excluded))
    without = replace(longer, candidates=(*pool.candidates, replace(excluded, grounds=())))
    with soon_counted():
        drawn = draw(pool, standing, law, SEED)
        assert draw(longer, standing, law, SEED) == drawn
        assert draw(without, replace(standing, out=frozenset((id_,))), law, SEED) == drawn


def test_the_suite_and_the_seed_decide() -> None:
    pool = INSTANCES["lists of 5, 7 and 11, one of an employer"][0]
    standing = first_standing(pool)
    drawn = {
        draw(pool, standing, "uniform-labelled", bytes([seed]) * 32, suite)
        for seed in range(20)
        for suite in SUITES
    }
    assert len(drawn) > 20


def people_of(
    count: int, employer: Callable[[int], str], region: Callable[[int], str]
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(f"{number:05}", (("employer", employer(number)), ("region", region(number))), ("1",))
        for number in range(count)
    )


ONE_EACH = (Level((("employer", 1),)),)


def hard(places: int, people: tuple[Candidate, ...], *bounds: Bound) -> Pool:
    return Pool(DrawKind.expert, (("1", places),), people, ONE_EACH, bounds=bounds)


def lawful(pool: Pool, drawn: Drawn) -> bool:
    people = [id_ for _, id_ in drawn.assignment]
    return len(people) == pool.places and feasible(pool, first_standing(pool), pool.levels[0], people)


def test_an_employer_with_nine_of_ten_candidates_does_not_stop_a_draw() -> None:
    pool = hard(7, people_of(2000, lambda one: "big" if one < 1800 else str(one), str))
    drawn = draw(pool, first_standing(pool), "uniform-labelled", SEED)
    assert (drawn.method, drawn.tries) == ("counting", 4097)
    assert lawful(pool, drawn)


def test_as_many_employers_as_places_do_not_stop_a_draw() -> None:
    # nine employers of growing size: a whole attempt finds one of each about once in 16,000
    pool = hard(9, people_of(900, lambda one: str(min(int(one**0.5) // 3, 8)), str))
    drawn = draw(pool, first_standing(pool), "uniform-labelled", SEED)
    assert drawn.method == "counting"
    assert lawful(pool, drawn)


def test_four_of_seven_from_a_small_region_do_not_stop_a_draw() -> None:
    people = people_of(50_000, lambda one: str(one * 7919 % 6000), lambda one: "n" if one % 50 == 0 else "s")
    pool = hard(7, people, Bound("region", "n", 4, 7))
    drawn = draw(pool, first_standing(pool), "uniform-labelled", SEED)
    assert drawn.method == "counting"
    assert lawful(pool, drawn)


def test_five_places_from_four_employers_are_known_to_be_impossible() -> None:
    pool = hard(5, people_of(400, lambda one: str(one % 4), str))
    drawn = draw(pool, first_standing(pool), "uniform-labelled", SEED)
    assert drawn == Drawn((), 1, "none", 4096)


@pytest.mark.parametrize("slots", [(("1", 15),), tuple((f"{place:02}", 1) for place in range(15))])
def test_fifteen_places_are_drawn_at_once(slots: tuple[tuple[str, int], ...]) -> None:
    keys = tuple(key for key, _ in slots)
    people = tuple(Candidate(f"{one:03}", (("employer", str(one % 90)),), keys) for one in range(300))
    pool = Pool(DrawKind.expert, slots, people, ONE_EACH)
    for law in LAWS:
        drawn = draw(pool, first_standing(pool), law, SEED)
        assert drawn.method == "rejection"
        assert lawful(pool, drawn)


def test_slots_with_the_same_list_never_ask_it_for_more_than_it_has() -> None:
    pool = listed({"1": (1, "ab"), "2": (1, "ab"), "3": (1, "ab")})
    assert draw(pool, first_standing(pool), "uniform-labelled", SEED) == Drawn((), 1, "none", 1)
    enough = listed({"1": (1, "abc"), "2": (1, "abc"), "3": (1, "abc")})
    drawn = draw(enough, first_standing(enough), "uniform-labelled", SEED)
    assert (sorted(id_ for _, id_ in drawn.assignment), drawn.tries) == (["a", "b", "c"], 1)


def test_a_list_too_short_takes_nothing_from_the_stream() -> None:
    pool = listed({"1": (3, "ab")}, levels=(APART, ANY))
    stream = Stream(SEED)
    picked = pick(ballots(pool, first_standing(pool), "uniform-labelled"), stream)
    assert (picked.picks, picked.level, picked.method, picked.tries) == ((), 2, "none", 1)
    assert stream.below(2**60) == Stream(SEED).below(2**60)


def test_those_present_who_break_a_level_leave_it_without_a_result() -> None:
    pool = listed({"1": (2, "abcde")}, {"room": "xxxyz"}, levels=(Level((("room", 1),)), Level(apart=False)))
    here = (Member("f", (("room", "w"),)), Member("g", (("room", "w"),)))
    drawn = draw(pool, Standing((("1", 2),), here), "uniform-labelled", SEED)
    assert (drawn.level, drawn.method, drawn.tries) == (2, "rejection", 1)
    one_level = replace(pool, levels=pool.levels[:1])
    drawn = draw(one_level, Standing((("1", 2),), here), "uniform-labelled", SEED)
    assert drawn == Drawn((), 1, "none", 4096)


def test_a_pair_that_sits_already_is_apart_at_no_level_that_keeps_it_apart() -> None:
    pool = listed({"1": (3, "abcde")}, levels=(APART, ANY), conflicts=("ab",))
    drawn = draw(pool, Standing((("1", 1),), (Member("a"), Member("b"))), "uniform-labelled", SEED)
    assert (drawn.level, drawn.method) == (2, "rejection")


def test_conflicts_that_leave_nothing_end_the_samples_too() -> None:
    pool = listed({"1": (2, "abc")}, conflicts=("ab", "bc", "ac"))
    assert draw(pool, first_standing(pool), "uniform-labelled", SEED) == Drawn((), 1, "none", 8192)


def test_what_cannot_be_counted_is_tried_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_module, "FIRST_TRIES", 2)
    monkeypatch.setattr(draw_module, "LAST_TRIES", 300)
    pool = replace(
        SEVERAL[0], conflicts=(), bounds=(Bound("employer", "x", 1, 1), Bound("employer", "y", 1, 1))
    )
    tries = Counter(
        (drawn.method, drawn.tries > 2)
        for seed in range(40)
        for drawn in [draw(pool, first_standing(pool), "uniform-labelled", bytes([seed]) * 32)]
    )
    assert tries["rejection", True] > 20
    impossible = replace(pool, bounds=(Bound("employer", "u", 1, 1),))
    drawn = draw(impossible, first_standing(pool), "uniform-labelled", SEED)
    assert drawn == Drawn((), 1, "none", 300)


def test_a_draw_has_at_least_one_level() -> None:
    with pytest.raises(ValueError, match="at least one level"):
        pick((), Stream(SEED))


def ballot_of(pool: Pool, standing: Standing | None = None) -> Ballot:
    return ballots(pool, standing or first_standing(pool), "uniform-labelled")[0]


@settings(max_examples=100, deadline=None)
@given(pools(most_people=5))
def test_who_may_sit_together_is_told_for_places_still_open_too(pool: Pool) -> None:
    ballot, standing = ballot_of(pool), first_standing(pool)
    lists = lists_by_hand(pool, standing)
    slot, quota = pool.slots[0]
    for first in range(len(pool.candidates)):
        for second in range(len(pool.candidates)):
            people = [pool.candidates[first].id, pool.candidates[second].id]
            expected = (
                quota > 1
                and set(people) <= set(lists[slot])
                and feasible(pool, standing, pool.levels[0], people, open_=pool.places - 2)
            )
            assert feasible_with(ballot, ((slot, first), (slot, second))) == expected
    for committee in committees(pool):
        picks = [(key, place) for key, id_ in committee if (place := pool.place_of(id_)) is not None]
        assert feasible_with(ballot, picks)


def test_a_slot_nobody_asked_for_makes_nothing_feasible() -> None:
    ballot = ballot_of(listed({"1": (1, "abc")}))
    assert feasible_with(ballot, (("1", 0),))
    assert not feasible_with(ballot, (("2", 0),))
    assert not feasible_with(ballot, (("1", 7),))


def test_the_ways_to_seat_a_set_are_counted() -> None:
    ballot = ballot_of(listed({"1": (1, "abc"), "2": (2, "abcde"), "3": (1, "de")}))
    # a, b and one of them for 1; d or e for 3; the others for 2
    assert ways_to_seat(ballot, (0, 1, 2, 3)) == 3
    assert ways_to_seat(ballot, (0, 1, 3, 4)) == 4
