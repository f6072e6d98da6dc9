"""Which objects are inspected: exact chances, proved against every order there is."""

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import permutations
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import YuanpingError
from app.rules.library import load
from expert_draw.engine import inspection
from expert_draw.engine.inspection import (
    MOST_POINTS,
    InspectionObject,
    Method,
    Target,
    bands_of,
    certainty,
    chances,
    check_plan,
    draw_by_points,
    draw_objects,
    draw_some,
    take_stretches,
    tier_sizes,
)
from expert_draw.engine.randomness import Stream

point_lists = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def streams(count: int, label: str) -> Iterable[Stream]:
    """Fixed streams, as many as asked for; another label gives others."""
    return (Stream(label.encode().ljust(24, b".") + number.to_bytes(8, "big")) for number in range(count))


def pointed(*points: int) -> tuple[InspectionObject, ...]:
    return tuple(InspectionObject(f"o{index:04}", points=it) for index, it in enumerate(points))


def tiered(**sizes: int) -> tuple[InspectionObject, ...]:
    return tuple(InspectionObject(f"{tier}{i}", tier) for tier, size in sizes.items() for i in range(size))


def spread(seen: Counter[tuple[str, ...]], expected: dict[tuple[str, ...], float]) -> float:
    """Chi-square in standard deviations above its mean; nothing outside `expected` may have come up."""
    assert set(seen) <= set(expected)
    freedom = len(expected) - 1
    return (sum((seen[it] - e) ** 2 / e for it, e in expected.items()) - freedom) / sqrt(2 * freedom)


@given(point_lists, st.data())
def test_over_all_orders_and_starts_everyone_has_exactly_the_chance_stated(
    points: list[int], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(points)))
    certain, left, rest = certainty(points, number)
    total = sum(points[index] for index in left)
    hits: Counter[int] = Counter()
    runs = 0
    for order in permutations(left) if rest else ():
        sizes = np.array([points[index] for index in order], dtype=np.int64)
        for start in range(total):
            drawn = [order[place] for place in take_stretches(sizes, rest, start)]
            assert len(set(drawn)) == rest
            hits.update(drawn)
            runs += 1
    exact = chances("systematic", number, pointed(*points))
    for index in range(len(points)):
        counted = Fraction(1) if index in certain else Fraction(hits[index], max(1, runs))
        assert exact[f"o{index:04}"] == counted
    assert sum(exact.values()) == number


@given(point_lists, st.data())
def test_certain_are_just_those_whose_share_reaches_one(points: list[int], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(points)))
    certain, left, rest = certainty(points, number)
    assert sorted([*certain, *left]) == list(range(len(points)))
    assert rest == number - len(certain)
    total = sum(points[index] for index in left)
    assert all(rest * points[index] < total for index in left) or not rest
    if certain and left:
        assert min(points[index] for index in certain) >= max(points[index] for index in left)


def test_who_is_certain_is_peeled_off_until_nobody_is() -> None:
    # 60 takes a place for certain; of the rest 20 then does, too; what is left shares one place.
    assert certainty([60, 20, 5, 5, 5], 3) == ([0, 1], [2, 3, 4], 1)
    assert chances("systematic", 3, pointed(60, 20, 5, 5, 5))["o0003"] == Fraction(1, 3)


def test_a_stretch_too_long_for_64_bits_is_still_exact() -> None:
    size, number = 1 << 12, 1 << 10
    sizes = np.full(size, 1 << 50, dtype=np.int64)
    total, start = size << 50, (1 << 61) + 12345
    expected, at, due = [], 0, start
    for index in range(size):
        at += number * (1 << 50)
        if due < at:
            expected.append(index)
            due += total
    assert take_stretches(sizes, number, start).tolist() == expected


@pytest.mark.parametrize(("points", "number"), [((1, 2, 3, 4), 2), ((5, 5, 5, 5, 5), 3), ((9, 1, 1, 1), 2)])
def test_samples_by_points_come_as_often_as_all_orders_say(points: tuple[int, ...], number: int) -> None:
    objects, draws = pointed(*points), 3000
    certain, left, rest = certainty(points, number)
    ways: Counter[tuple[str, ...]] = Counter()
    for order in permutations(left):
        sizes = np.array([points[index] for index in order], dtype=np.int64)
        for start in range(int(sizes.sum())):
            drawn = [*certain, *(order[place] for place in take_stretches(sizes, rest, start))]
            ways[tuple(sorted(f"o{index:04}" for index in drawn))] += 1
    seen = Counter(draw_objects("systematic", number, objects, it).chosen for it in streams(draws, "points"))
    runs = sum(ways.values())
    assert abs(spread(seen, {it: draws * n / runs for it, n in ways.items()})) < 4


def test_every_sample_of_a_tier_is_equally_likely() -> None:
    objects, draws = tiered(a=5, b=3), 4000
    target = (("a", 2), ("b", 1))
    seen = Counter(draw_objects("tiers", target, objects, it).chosen for it in streams(draws, "tiers"))
    assert len(seen) == 30
    assert abs(spread(seen, dict.fromkeys(seen, draws / 30))) < 4


def test_taking_the_first_rows_would_be_noticed() -> None:
    seen: Counter[tuple[str, ...]] = Counter()
    for it in streams(500, "wrong"):
        first = it.below(4)
        seen[tuple(sorted((f"a{first}", f"a{(first + 1) % 5}")))] += 1
    pairs = [(f"a{i}", f"a{j}") for i in range(5) for j in range(i + 1, 5)]
    assert spread(seen, dict.fromkeys(pairs, 50)) > 20


def test_two_thousand_objects_are_drawn_as_often_as_their_points_say() -> None:
    size, number, draws = 2000, 150, 250
    points = np.array([1 + index * index % 97 for index in range(size)], dtype=np.int64)
    exact = chances("systematic", number, pointed(*points.tolist()))
    hits = np.zeros(size)
    for stream in streams(draws, "many"):
        drawn, tries = draw_by_points(points, number, stream)
        assert (len(drawn), tries) == (number, 1)
        hits[drawn] += 1
    chance = np.array([float(exact[f"o{index:04}"]) for index in range(size)])
    z = (hits - draws * chance) / np.sqrt(draws * chance * (1 - chance))
    assert np.abs(z).max() < 5
    assert abs((z**2).mean() - 1) < 0.15


@given(st.integers(0, 30), st.data())
def test_some_are_drawn_once_each(size: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, size))
    drawn = draw_some(size, number, next(iter(streams(1, f"{size}-{number}"))))
    assert len(set(drawn)) == number
    assert set(drawn) <= set(range(size))


@given(st.integers(1, 30))
def test_the_short_memory_draws_what_a_whole_list_would(size: int) -> None:
    stream, items, drawn = next(iter(streams(1, "list"))), list(range(size)), []
    for i in range(size):
        other = i + stream.below(size - i)
        items[i], items[other] = items[other], items[i]
        drawn.append(items[i])
    assert draw_some(size, size, next(iter(streams(1, "list")))) == drawn


@pytest.mark.parametrize(
    ("method", "all_", "none"), [("tiers", (("a", 6),), (("a", 0),)), ("systematic", 6, 0)]
)
def test_all_or_nobody(method: Method, all_: Target, none: Target) -> None:
    objects = tiered(a=6) if method == "tiers" else pointed(7, 1, 1, 3, 3, 2)
    everyone = tuple(one.id for one in objects)
    stream = next(iter(streams(1, "ends")))
    assert draw_objects(method, all_, objects, stream).chosen == everyone
    assert draw_objects(method, none, objects, stream).chosen == ()
    assert set(chances(method, all_, objects).values()) == {1}
    assert set(chances(method, none, objects).values()) == {0}


def test_without_points_or_with_grounds_nobody_is_drawn() -> None:
    objects = (*pointed(0, 3, 2, 0), InspectionObject("x", points=50, grounds=("inspected_this_year",)))
    exact = chances("systematic", 1, objects)
    assert exact == {"o0000": 0, "o0001": Fraction(3, 5), "o0002": Fraction(2, 5), "o0003": 0, "x": 0}
    for stream in streams(50, "grounds"):
        assert draw_objects("systematic", 1, objects, stream).chosen[0] in {"o0001", "o0002"}
    closed = (*tiered(a=1), InspectionObject("a9", "a", grounds=("closed",)))
    assert draw_objects("tiers", (("a", 1),), closed, next(iter(streams(1, "closed")))).chosen == ("a0",)
    assert chances("tiers", (("a", 1),), closed) == {"a0": 1, "a9": 0}


@given(st.permutations(pointed(4, 4, 1, 7, 2, 9)))
def test_the_order_of_the_list_means_nothing(objects: list[InspectionObject]) -> None:
    drawn = draw_objects("systematic", 2, objects, next(iter(streams(1, "order"))))
    assert drawn == draw_objects("systematic", 2, pointed(4, 4, 1, 7, 2, 9), next(iter(streams(1, "order"))))


def test_equal_keys_are_given_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "_KEYS", 2)
    stream = next(iter(streams(1, "ties")))
    drawn, tries = draw_by_points(np.array([1, 1, 1], dtype=np.int64)[:2], 1, stream)
    again = next(iter(streams(1, "ties")))
    keys = [again.below(2), again.below(2)]
    met = 1
    while keys[0] == keys[1]:
        keys, met = [again.below(2), again.below(2)], met + 1
    order = [0, 1] if keys[0] < keys[1] else [1, 0]
    assert (drawn, tries) == ([order[again.below(2)]], met)
    assert met > 1


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(YuanpingError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize(
    ("method", "target", "objects", "code"),
    [
        ("tiers", 3, tiered(a=3), "inspection.target_unfit"),
        ("systematic", (("a", 1),), tiered(a=3), "inspection.target_unfit"),
        ("tiers", (), (), "inspection.target_unfit"),
        ("tiers", (("b", 1), ("a", 1)), tiered(a=3, b=3), "inspection.target_order"),
        ("tiers", (("a", 1), ("a", 1)), tiered(a=3), "inspection.target_order"),
        ("tiers", (("a", -1),), tiered(a=3), "inspection.target_negative"),
        ("systematic", -1, pointed(1), "inspection.target_negative"),
        ("tiers", (("a", 1),), tiered(a=3, c=1), "inspection.object_tier"),
        ("systematic", 1, tiered(a=3), "inspection.object_tier"),
        ("systematic", 1, pointed(1, -1), "inspection.object_points"),
        ("systematic", 1, pointed(1, MOST_POINTS + 1), "inspection.object_points"),
        ("tiers", (("a", 1),), (InspectionObject("x", "a", 1),), "inspection.object_points"),
        ("tiers", (("a", 4),), tiered(a=3), "inspection.tier_short"),
        ("systematic", 3, pointed(1, 1, 0, 0), "inspection.points_short"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    method: Method, target: Target, objects: tuple[InspectionObject, ...], code: str
) -> None:
    assert refusal(lambda: check_plan(method, target, objects)) == code


def test_a_sound_plan_passes() -> None:
    check_plan("tiers", (("a", 3), ("b", 0)), tiered(a=3))
    check_plan("systematic", 2, pointed(1, 0, MOST_POINTS))


BANDS = {
    "a": (Fraction(0), Fraction(5, 100)),
    "b": (Fraction(5, 100), Fraction(20, 100)),
    "d": (Fraction(61, 100), Fraction(1)),
}


@given(
    st.sampled_from(sorted(BANDS)).flatmap(lambda t: st.tuples(st.just(t), st.fractions(*BANDS[t], max_denominator=500))),
    st.integers(0, 5000),
)  # fmt: skip
def test_a_tier_gets_its_share_in_whole_objects(asked: tuple[str, Fraction], size: int) -> None:
    tier, ratio = asked
    ((named, number),) = tier_sizes({tier: ratio}, {tier: size}, BANDS)
    least, most = BANDS[tier]
    assert named == tier
    assert abs(number - ratio * size) < 1
    inside = [n for n in range(size + 1) if least * size <= n <= most * size]
    assert number in inside if inside else number >= ratio * size
    assert number == 0 or number - 1 < ratio * size


def test_shares_outside_what_is_laid_down_are_refused() -> None:
    assert tier_sizes({"b": Fraction(1, 5), "a": Fraction(1, 20)}, {"a": 10, "b": 9}, BANDS) == (
        ("a", 0),
        ("b", 1),
    )
    assert (
        refusal(lambda: tier_sizes({"a": Fraction(6, 100)}, {"a": 100}, BANDS)) == "inspection.ratio_outside"
    )
    assert refusal(lambda: tier_sizes({"d": Fraction(6, 10)}, {}, BANDS)) == "inspection.ratio_outside"
    assert refusal(lambda: tier_sizes({"e": Fraction(1, 2)}, {}, BANDS)) == "inspection.tier_unknown"


def test_the_rule_pack_lays_bands_down_for_four_tiers() -> None:
    rule = load("cn_tender").rule("inspection.tiers")
    assert isinstance(rule.value, list)
    bands = bands_of(row for row in rule.value if isinstance(row, dict))
    assert bands == {
        "a": (Fraction(0), Fraction(1, 20)),
        "b": (Fraction(1, 20), Fraction(1, 5)),
        "c": (Fraction(21, 100), Fraction(3, 5)),
        "d": (Fraction(61, 100), Fraction(1)),
    }
    counts = {"a": 300, "b": 90, "c": 31, "d": 7}
    middle = {tier: (least + most) / 2 for tier, (least, most) in bands.items()}
    assert tier_sizes(middle, counts, bands) == (("a", 8), ("b", 12), ("c", 13), ("d", 6))
    assert rule.evidence == "S"
