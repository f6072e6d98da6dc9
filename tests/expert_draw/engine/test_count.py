"""The exact count, compared with trying everything; and how long it takes for a large pool."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from expert_draw.engine import clusters
from expert_draw.engine.ballot import Ballot, Bounded, Cap, Role, ballots
from expert_draw.engine.count import Count, committees, count
from expert_draw.engine.counting import counting
from expert_draw.engine.crowd import numbered
from expert_draw.engine.pool import Bound, Law, Standing, first_standing
from tests.expert_draw.engine.instances import listed
from tests.support.bigpool import BigPool, all_overlapping, big_pool, like_for_like, overlapping
from tests.support.brute import Asked, asked, committees_of, weight_of

MANY = settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def counted(ballot: Ballot) -> Count:
    result = count(ballot)
    assert result is not None
    return result


def ballot_of(**pool: object) -> Ballot:
    made = listed(**pool)  # type: ignore[arg-type]
    return ballots(made, first_standing(made), "uniform-labelled")[0]


def agrees_with_trying_everything(one: Asked, law: Law) -> None:
    (ballot,) = ballots(one.pool, one.standing, law)
    everyone = list(committees_of(one.pool, one.standing))
    containing: Counter[str] = Counter()
    for committee in everyone:
        containing.update({code: weight_of(one.pool, committee, law) for _, code in committee})
    total = sum(weight_of(one.pool, committee, law) for committee in everyone)
    result = counted(ballot)
    assert result.feasible == total
    codes = [candidate.id for candidate in one.pool.candidates]
    assert [result.containing(index) for index in range(len(codes))] == [containing[code] for code in codes]
    assert sum(map(result.containing, range(len(codes)))) == total * ballot.places
    assert committees(ballot) == len(everyone)


@MANY
@given(asked())
def test_the_count_and_every_chance_agree_with_trying_everything(one: Asked) -> None:
    agrees_with_trying_everything(one, "uniform-labelled")


@MANY
@given(asked(weighted=True))
def test_total_weights_agree_with_trying_everything(one: Asked) -> None:
    agrees_with_trying_everything(one, "weighted")


@MANY
@given(asked(weighted=True, crowded=True))
def test_employers_with_room_for_several_agree_with_trying_everything(one: Asked) -> None:
    agrees_with_trying_everything(one, "weighted")


@MANY
@given(asked(weighted=True, conflicts=False))
def test_the_total_is_that_of_the_sampler_that_counts(one: Asked) -> None:
    """The two share no code: this one merges employers, the sampler goes from block to block."""
    law: Law
    for law in ("uniform-labelled", "weighted"):
        (ballot,) = ballots(one.pool, one.standing, law)
        exact = counting(ballot)
        if exact is not None:
            ways = counted(
                replace(ballot, roles=tuple(Role(role.members, (("1", role.need),)) for role in ballot.roles))
            )
            assert exact.total == ways.feasible


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked(weighted=True, conflicts=False))
def test_choosing_one_after_the_other_by_the_counts_is_the_law(one: Asked) -> None:
    """Whoever is chosen first for a one-place list by these weights leaves a smaller draw whose total is that weight."""
    (ballot,) = ballots(one.pool, one.standing, "weighted")
    weights = ballot.weights
    assert weights is not None
    place = replace(ballot, roles=tuple(role for role in ballot.roles if role.need == 1))
    whole = counted(place).feasible
    if not place.roles or place.bounds or place.caps:
        return
    first, *others = place.roles
    rest = 0
    for index in first.members.tolist():
        left = tuple(Role(role.members[role.members != index], role.needs) for role in others)
        rest += int(weights[index]) * counted(replace(place, roles=left)).feasible
    assert rest == whole


def test_two_capped_values_of_one_person_are_not_computed_where_both_can_bind() -> None:
    pool = {"slots": {"1": (3, "abcdef")}, "groups": {"employer": "xxyyzz", "region": "ppqqpq"}}
    assert count(ballot_of(**pool, caps={"employer": 1, "region": 1})) is None
    loose = counted(ballot_of(**pool, caps={"employer": 1, "region": 3}))
    assert loose.feasible == 2 * 2 * 2  # three of a region never exceed a cap of three


def test_a_person_of_two_capped_values_counts_for_both() -> None:
    """ "c" belongs to employers x and y; y has room for everyone, so that only x binds."""
    token = np.array([0, 0, 0, 1], np.int64)
    role = Role(np.arange(4), (("1", 2),))
    alone = Ballot(4, (role,), (Cap(1, token, {}, {2: (1,)}),))
    assert count(alone) is None  # both x (a, b, c) and y (c, d) can be too many
    roomy = Ballot(4, (role,), (Cap(1, np.array([0, 0, 0, 2], np.int64), {}, {2: (1,)}),))
    assert counted(roomy).feasible == 3  # one of a, b, c, and the one of employer 2
    full = Ballot(4, (role,), (Cap(1, token, {1: 1}, {2: (1,)}),))
    assert counted(full).feasible == 0  # y is full: "c" and "d" cannot sit, and of a and b only one
    assert counted(full).greatest == 0


def test_sets_are_not_counted() -> None:
    (ballot,) = ballots(listed({"1": (1, "ab")}), first_standing(listed({"1": (1, "ab")})), "uniform-sets")
    assert count(ballot) is None
    assert committees(ballot) == 2


def test_whoever_is_on_no_list_has_no_class_and_no_chance() -> None:
    result = counted(ballot_of(slots={"1": (1, "abc")}, grounds="b"))
    assert result.of.tolist() == [0, -1, 0]
    assert [result.chance(index) for index in range(3)] == [Fraction(1, 2), Fraction(0), Fraction(1, 2)]
    assert result.least == Fraction(1, 2)


def test_whoever_is_listed_and_cannot_sit_has_the_least_chance() -> None:
    one = listed({"1": (1, "abc")}, {"employer": "xyz"}, caps={"employer": 1})
    ballot = ballots(one, first_standing(one), "uniform-labelled")[0]
    result = counted(replace(ballot, barred=frozenset({1})))
    assert (result.feasible, result.containing(1)) == (2, 0)
    assert (result.least, result.greatest) == (Fraction(0), Fraction(1, 2))


def test_the_places_of_the_likeliest() -> None:
    result = counted(ballot_of(slots={"1": (1, "a"), "2": (2, "bcde")}))
    assert [result.top(many) for many in (1, 2, 3, 10)] == [1, Fraction(3, 2), 2, 3]


def test_no_vacancy_is_one_committee() -> None:
    pool = listed({"1": (1, "ab")})
    (ballot,) = ballots(pool, Standing(()), "uniform-labelled")
    assert counted(ballot).feasible == 1


@pytest.mark.parametrize("bound", [-1, 0])
def test_a_value_nobody_may_have_keeps_its_people_out(bound: int) -> None:
    role = Role(np.arange(3), (("1", 1),))
    has = np.array([True, True, False])
    result = counted(Ballot(3, (role,), bounds=(Bounded(has, 0, bound),)))
    assert result.feasible == (1 if bound == 0 else 0)


def test_bounds_and_lists_that_cannot_be_met_leave_nothing() -> None:
    role = Role(np.arange(3), (("1", 2),))
    alone = Bounded(np.array([True, False, False]), 2, 2)
    assert counted(Ballot(3, (role,), bounds=(alone,))).feasible == 0
    twice = Role(np.arange(3), (("2", 2),))
    assert counted(Ballot(3, (role, twice))).feasible == 0
    four = Bounded(np.array([True, True, True, False]), 3, 3)
    assert counted(Ballot(4, (Role(np.arange(4), (("1", 2),)),), bounds=(four,))).feasible == 0


@pytest.mark.parametrize("cap", [1, 2, 3, 4])
def test_a_large_employer_with_members_of_every_sort(cap: int) -> None:
    pool = listed(
        {"1": (2, "abcdefg"), "2": (3, "cdefghi")},
        {"employer": "xxxxxxyyy", "region": "ppqqpqpq."},
        caps={"employer": cap},
        weights={"a": 3, "d": 2},
        bounds=(Bound("region", "p", 1, 3), Bound("region", "q", 0, 2)),
    )
    agrees_with_trying_everything(Asked(pool, first_standing(pool)), "weighted")


def test_one_employer_in_conflict_with_itself_and_with_others() -> None:
    """a and b of x do not sit with c of y, nor a with b; three of x, two of y and one other; two of x at most."""
    ballot = ballot_of(
        slots={"1": (3, "abcdef")},
        groups={"employer": "xxyxy."},
        caps={"employer": 2},
        conflicts=["ac", "bc", "ab"],
    )
    everyone = [set(one) for one in combinations("abcdef", 3)]
    lawful = [
        one
        for one in everyone
        if not any(set(pair) <= one for pair in ("ac", "bc", "ab")) and len(one & set("abd")) <= 2
    ]
    assert counted(ballot).feasible == len(lawful)


def test_above_the_bound_nothing_is_computed() -> None:
    ballot = ballot_of(slots={"1": (2, "abcd"), "2": (2, "cdef")})
    assert count(ballot, 100) is None  # too many states
    assert count(ballot, 10_000) is not None
    assert count(all_overlapping(big_pool(5_000)), 3_000_000) is None  # few states, too many employers
    for lists in (40, 50):
        many = Ballot(lists, tuple(Role(np.array([at]), ((str(at), 1),)) for at in range(lists)))
        assert count(many) is None


def test_too_many_tied_together_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = ["ab", "bc", "cd"]
    ballot = ballot_of(slots={"1": (2, "abcdef")}, conflicts=pairs)
    assert counted(ballot).feasible == 15 - 3
    monkeypatch.setattr(clusters, "MOST_TIED", 3)
    assert count(ballot) is None
    monkeypatch.setattr(clusters, "MOST_TIED", 4)
    monkeypatch.setattr(clusters, "MOST_CLUSTERS", 0)
    assert count(ballot) is None


def test_a_block_with_numbers_too_wide_for_columns_is_counted_by_itself() -> None:
    """Four at most of one employer with thirty thousand: its coefficients leave 64 bits."""
    size = 30_000
    role = Role(np.arange(size + 10), (("1", 5),))
    token = np.where(np.arange(size + 10) < size, 0, -1)
    ballot = Ballot(size + 10, (role,), (Cap(4, token),))
    result = counted(ballot)
    whole = counted(replace(ballot, caps=()))
    alone = size * (size - 1) * (size - 2) * (size - 3) * (size - 4) // 120
    assert result.feasible == whole.feasible - alone
    members = Counter(result.of.tolist())
    assert sum(members[at] * own for at, own in enumerate(result.sums)) == result.feasible * 5


@pytest.mark.parametrize("instance", [overlapping, all_overlapping, like_for_like])
def test_a_large_pool_is_counted_consistently(instance: Callable[[BigPool], Ballot]) -> None:
    ballot = instance(big_pool(20_000))
    result = counted(ballot)
    members = np.bincount(result.of[result.of >= 0], minlength=len(result.sums)).tolist()
    assert sum(many * own for many, own in zip(members, result.sums, strict=True)) == result.feasible * 7
    assert 0 < result.least < result.greatest < 1


def test_weights_of_a_large_pool_need_longer_numbers() -> None:
    """All weights 2**20 multiply every total by the same and change no chance."""
    ballot = like_for_like(big_pool(2_000))
    heavy = replace(ballot, weights=np.full(ballot.size, 1 << 20, np.int64), law="weighted")
    plain, weighed = counted(ballot), counted(heavy)
    assert weighed.feasible == plain.feasible << 20 * 7
    assert (weighed.greatest, weighed.least, weighed.top(10)) == (plain.greatest, plain.least, plain.top(10))


def test_values_are_numbered_in_order_however_large() -> None:
    for factor in (1, 1 << 40):
        numbers, different = numbered(np.array([5, 3, 5, 9], np.int64) * factor)
        assert numbers.tolist() == [1, 0, 1, 2]
        assert different.tolist() == [3 * factor, 5 * factor, 9 * factor]
