"""Weights that even out the chances: how even they make them, and that everyone finds the same."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from expert_draw.engine import weights
from expert_draw.engine.ballot import ballots
from expert_draw.engine.count import Count, count
from expert_draw.engine.pool import MOST_WEIGHT, Bound, Candidate, DrawKind, Law, Level, Pool, first_standing
from expert_draw.engine.weights import equalised
from expert_draw.engine.wording import DrawInfeasible
from tests.expert_draw.engine.instances import listed
from tests.support.brute import Asked, asked


def counted(pool: Pool, law: Law) -> Count:
    result = count(ballots(pool, first_standing(pool), law)[0])
    assert result is not None
    return result


def weighed(pool: Pool) -> Pool:
    fitted = equalised(pool)
    return replace(pool, candidates=tuple(replace(one, weight=fitted[one.id]) for one in pool.candidates))


def chances(pool: Pool, law: Law) -> list[Fraction]:
    return [counted(pool, law).chance(at) for at in range(len(pool.candidates))]


def town(size: int) -> Pool:
    """Three single specialties, employers from one to some dozen experts, two cities with bounds."""
    dice = np.random.default_rng(7)
    employer = (dice.random(size) ** 2 * size / 6).astype(int).tolist()
    city, specialty = dice.integers(0, 4, size).tolist(), dice.integers(1, 4, size).tolist()
    return Pool(
        DrawKind.expert,
        (("1", 2), ("2", 2), ("3", 1)),
        tuple(
            Candidate(
                f"{at:04}",
                (("employer", str(employer[at])), ("region", str(city[at]))),
                (str(specialty[at]),),
            )
            for at in range(size)
        ),
        (Level((("employer", 1),)),),
        bounds=tuple(Bound("region", str(at), at % 2, 2) for at in range(2)),
    )


def test_a_town_becomes_as_even_as_its_lists_allow() -> None:
    """The bound is the list with the fewest places for its candidates; the least chance comes to four fifths of it."""
    pool = town(150)
    lists = [[at for at, one in enumerate(pool.candidates) if slot in one.slots] for slot, _ in pool.slots]
    bound = min(Fraction(need, len(own)) for (_, need), own in zip(pool.slots, lists, strict=True))
    before, after = counted(pool, "uniform-labelled"), counted(weighed(pool), "weighted")
    assert after.least * 5 >= bound * 4 > before.least * 5
    assert after.greatest < before.greatest


def test_whoever_fits_two_lists_is_not_twice_as_likely() -> None:
    pool = listed({"1": (1, "abcdx"), "2": (1, "efghx")})
    assert set(chances(pool, "uniform-labelled")) == {Fraction(5, 24), Fraction(1, 3)}
    even = chances(weighed(pool), "weighted")
    assert max(even) - min(even) < Fraction(1, 50)
    assert all(abs(one - Fraction(2, 9)) < Fraction(1, 50) for one in even)


@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked())
def test_weights_are_whole_numbers_never_less_even_and_the_same_each_time(one: Asked) -> None:
    fitted = equalised(one.pool)
    assert fitted == equalised(one.pool)
    assert set(fitted) == {candidate.id for candidate in one.pool.candidates}
    assert all(type(weight) is int and 1 <= weight <= MOST_WEIGHT for weight in fitted.values())
    possible = [at for at, chance in enumerate(chances(one.pool, "uniform-labelled")) if chance]
    assert [at for at, chance in enumerate(chances(weighed(one.pool), "weighted")) if chance] == possible


def test_chances_that_lists_have_settled_stay() -> None:
    """Only "a" fits the first list; the others share the second place whatever they weigh."""
    pool = listed({"1": (1, "a"), "2": (1, "abc")})
    assert chances(weighed(pool), "weighted") == [Fraction(1), Fraction(1, 2), Fraction(1, 2)]


def test_who_cannot_be_chosen_weighs_one() -> None:
    fitted = equalised(listed({"1": (1, "abc")}, grounds="b"))
    assert (fitted["a"], fitted["b"]) == (MOST_WEIGHT, 1)
    assert equalised(listed({"1": (2, "a")})) == {"a": 1}


def test_chances_that_cannot_be_counted_cannot_be_evened_out() -> None:
    pool = listed(
        {"1": (2, "abcdef")}, {"employer": "xxyyzz", "region": "ppppqq"}, caps={"employer": 1, "region": 1}
    )
    with pytest.raises(DrawInfeasible, match="not_counted"):
        equalised(pool)


def test_fitting_ends_where_weights_grow_too_long_to_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the last weights that could be counted stand: here those it started with."""
    monkeypatch.setattr(weights, "count", lambda ballot: count(ballot) if ballot.law != "weighted" else None)
    assert set(equalised(listed({"1": (1, "abx"), "2": (1, "cdx")})).values()) == {MOST_WEIGHT}
