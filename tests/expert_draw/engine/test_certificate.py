"""What is said of the chances before the draw, and which thresholds it warns of."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from hypothesis import HealthCheck, given, settings

from expert_draw.engine.certificate import Certificate, Thresholds, certify
from expert_draw.engine.pool import DrawKind, first_standing
from tests.expert_draw.engine.instances import listed
from tests.support.brute import Asked, asked, committees_of

EASY = Thresholds(depth_ratio=1, greatest_chance=Fraction(1), ten_share=Fraction(1))
POOL = listed({"1": (1, "abc"), "2": (2, "cdefgh")}, grounds="h")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked())
def test_the_certificate_says_what_trying_everything_says(one: Asked) -> None:
    pool = one.pool
    everyone = list(committees_of(pool, first_standing(pool)))
    containing = Counter(code for committee in everyone for _, code in committee)
    listed_codes = [candidate.id for candidate in pool.candidates if not candidate.grounds]
    found = certify(pool, "uniform-labelled", EASY)
    assert found.feasible == len(everyone)
    assert found.chance_rows == tuple((code, containing[code]) for code in sorted(listed_codes))
    chances = [Fraction(containing[code], max(len(everyone), 1)) for code in listed_codes]
    assert (found.greatest, found.least) == (
        max(chances, default=Fraction(0)),
        min(chances, default=Fraction(0)),
    )
    assert found.ten == sum(sorted(chances, reverse=True)[:10])


def test_lists_and_chances_of_a_small_pool() -> None:
    assert certify(POOL, "uniform-labelled", EASY) == Certificate(
        feasible=2 * 10 + 6,
        greatest=Fraction(14, 26),
        least=Fraction(10, 26),
        ten=Fraction(3),
        lists=(("1", 1, 3), ("2", 2, 5)),
        warnings=(),
        chance_rows=(("a", 10), ("b", 10), ("c", 14), ("d", 11), ("e", 11), ("f", 11), ("g", 11)),
    )


def test_each_threshold_that_is_not_met_is_a_warning() -> None:
    assert certify(POOL, "uniform-labelled", Thresholds(3, Fraction(1), Fraction(1))).warnings == (
        "pool_shallow",
    )
    assert certify(POOL, "uniform-labelled", Thresholds(1, Fraction(13, 26), Fraction(1))).warnings == (
        "chance_high",
    )
    assert certify(POOL, "uniform-labelled", Thresholds(1, Fraction(1), Fraction(9, 10))).warnings == (
        "ten_share_high",
    )
    assert certify(POOL, "uniform-labelled", Thresholds(1, Fraction(14, 26), Fraction(1))).warnings == ()


def test_slots_with_one_list_need_depth_for_all_of_them() -> None:
    pool = listed({"1": (1, "abc"), "2": (1, "abc")})
    assert certify(pool, "uniform-labelled", Thresholds(1, Fraction(1), Fraction(1))).warnings == ()
    assert certify(pool, "uniform-labelled", Thresholds(2, Fraction(1), Fraction(1))).warnings == (
        "pool_shallow",
    )


def test_weights_change_the_chances() -> None:
    heavy = listed({"1": (1, "abc")}, weights={"a": 3})
    found = certify(heavy, "weighted", EASY)
    assert (found.feasible, found.greatest, found.least) == (5, Fraction(3, 5), Fraction(1, 5))


def test_what_is_not_computed_says_so() -> None:
    """Nothing is said of chances where sets are equally likely, or where places follow others that are not drawn yet."""
    follows = replace(listed({"1": (1, "ab")}), kind=DrawKind.seat, follows=(DrawKind.venue, "center"))
    for found in (certify(POOL, "uniform-sets", EASY), certify(follows, "uniform-labelled", EASY)):
        assert (found.feasible, found.greatest, found.least, found.ten, found.chance_rows) == (None,) * 5
        assert found.warnings == ("not_counted",)
        assert found.lists


def test_an_impossible_draw_gives_nobody_a_chance() -> None:
    found = certify(listed({"1": (2, "a")}), "uniform-labelled", EASY)
    assert (found.feasible, found.greatest, found.chance_rows) == (0, Fraction(0), (("a", 0),))
    assert found.warnings == ("pool_shallow",)
