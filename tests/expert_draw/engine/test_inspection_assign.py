"""Who inspects what: every permitted assignment as likely as any other, no interest, no overload, and plain words when none exists."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, product
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine import inspection_assign
from expert_draw.engine.inspection import InspectionObject, Inspector
from expert_draw.engine.inspection_assign import (
    Assignment,
    Found,
    Pair,
    Staffing,
    assign,
    foreseen,
    obstacles,
    staffing,
)
from expert_draw.engine.inspection_flow import unplaced
from expert_draw.engine.randomness import Stream

Pairs = tuple[Pair, ...]


def streams(count: int, label: str) -> Iterable[Stream]:
    return (Stream(label.encode().ljust(24, b".") + number.to_bytes(8, "big")) for number in range(count))


def stream(label: str = "one") -> Stream:
    return next(iter(streams(1, label)))


def objects(**units: str) -> tuple[InspectionObject, ...]:
    return tuple(InspectionObject(name, "a", units=tuple(its)) for name, its in units.items())


def crew(**units: str) -> tuple[Inspector, ...]:
    return tuple(Inspector(name, tuple(its)) for name, its in units.items())


def permitted(asked: Staffing) -> set[Pairs]:
    """Every permitted assignment, found by trying all and nothing clever."""
    choices = [
        [[(one.object, who) for who in some] for some in combinations(one.allowed, one.need)]
        for one in asked.vacancies
    ]
    found = set()
    for chosen in product(*choices):
        flat = [pair for pairs in chosen for pair in pairs]
        load = Counter(who for _, who in flat)
        if all(asked.had[who] + times <= asked.most for who, times in load.items()):
            found.add(tuple(sorted((thing, asked.inspectors[who]) for thing, who in flat)))
    return found


def unevenness(asked: Staffing, label: str, each: int = 12) -> float:
    """Chi-square against the uniform law, in standard deviations above its mean. each: how often each is expected."""
    everyone = permitted(asked)
    freedom = len(everyone) - 1
    seen = Counter(assign(asked, it).pairs for it in streams(each * len(everyone), label))
    assert set(seen) <= everyone
    return (sum((seen[one] - each) ** 2 / each for one in everyone) - freedom) / sqrt(2 * freedom)


def never(_: Stream) -> Found | None:
    return None


@pytest.fixture
def no_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole attempts never hold."""
    monkeypatch.setattr(inspection_assign, "_all_at_once", lambda _: never)


LOOSE = staffing(objects(p="x", q="", r="y"), crew(a="x", b="y", c="", d=""), 1, 2)
PAIRED = staffing(objects(p="x", q="", r=""), crew(a="x", b="", c="", d="z"), 2, 2)
TIGHT = staffing(
    objects(p="x", q="", r="", s=""), crew(a="x", b="", c="", d=""), 2, 3, present=[("p", "b"), ("other", "c")]
)  # fmt: skip


@pytest.mark.parametrize("asked", [LOOSE, PAIRED, TIGHT], ids=["loose", "paired", "tight"])
def test_every_permitted_assignment_is_equally_likely(asked: Staffing) -> None:
    assert len(permitted(asked)) > 20
    assert abs(unevenness(asked, "rejection")) < 4


@pytest.mark.parametrize("asked", [LOOSE, PAIRED, TIGHT], ids=["loose", "paired", "tight"])
@pytest.mark.usefixtures("no_luck")
def test_counting_loads_is_equally_uniform(asked: Staffing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_assign, "MAX_TRIES", 200)
    drawn = assign(asked, stream())
    assert drawn.method == "counting"
    assert drawn.tries > 200
    assert abs(unevenness(asked, "counting")) < 4


@pytest.mark.usefixtures("no_luck")
def test_going_object_by_object_is_not_uniform_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_assign, "_countable", lambda _: False)
    monkeypatch.setattr(inspection_assign, "MAX_TRIES", 10)
    uneven = staffing(objects(p="", q="z"), crew(a="", b="", c="z"), 1, 1)
    drawn = [assign(uneven, it) for it in streams(300, "stepwise")]
    assert {it.method for it in drawn} == {"stepwise"}
    assert {it.pairs for it in drawn} == permitted(uneven)
    assert min(it.tries for it in drawn) == 11
    assert unevenness(uneven, "stepwise", 1000) > 10


small = st.builds(
    staffing,
    st.lists(st.text("xyz", max_size=2), max_size=4).map(
        lambda units: tuple(InspectionObject(f"o{i}", "a", units=tuple(it)) for i, it in enumerate(units))
    ),
    st.lists(st.tuples(st.text("xyz", max_size=2), st.sampled_from([(), (), ("ill",)])), max_size=5).map(
        lambda rows: tuple(Inspector(f"i{i}", tuple(units), why) for i, (units, why) in enumerate(rows))
    ),
    st.integers(1, 2),
    st.integers(1, 3),
    present=st.sets(
        st.tuples(st.sampled_from(["o0", "o1", "x"]), st.sampled_from(["i0", "i1", "i9"])), max_size=2
    ),
    parted=st.sets(st.tuples(st.sampled_from(["o0", "o2"]), st.sampled_from(["i0", "i2", "i9"])), max_size=2),
    left=st.sets(st.sampled_from(["i3", "i9"]), max_size=1),
)


@given(small, st.integers(0, 10**6))
def test_what_is_drawn_is_permitted_and_nothing_is_drawn_only_when_nothing_is(
    asked: Staffing, number: int
) -> None:
    drawn = assign(asked, Stream(number.to_bytes(32, "big")))
    ways = permitted(asked)
    assert (drawn.pairs in ways) == (drawn.method != "none")
    assert (drawn.method == "none") == (not ways)
    assert bool(obstacles(asked)) == (not ways)


@given(small, st.integers(0, 10**6))
def test_object_by_object_keeps_every_limit_too(asked: Staffing, number: int) -> None:
    attempt = inspection_assign._step_by_step(asked)
    found = attempt(Stream(number.to_bytes(32, "big"))) if not inspection_assign._hopeless(asked) else None
    if found is not None:
        assert tuple(sorted((thing, asked.inspectors[who]) for thing, who in found)) in permitted(asked)


@given(small)
def test_the_load_advised_is_the_least_that_suffices(asked: Staffing) -> None:
    for refusal in obstacles(asked):
        if refusal.code == "inspection.load_short":
            enough = refusal.params["enough"]
            assert isinstance(enough, int)

            def with_load(most: int) -> Staffing:
                return Staffing(asked.inspectors, asked.had, asked.vacancies, most)

            assert permitted(with_load(enough))
            assert not permitted(with_load(enough - 1))
        else:
            assert refusal.code == "inspection.object_short"


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.lists(st.text("xy", max_size=1), max_size=3)
)
def test_what_blocks_every_sample_is_foreseen(
    per_object: int, most: int, number: int, units: list[str]
) -> None:
    things = objects(p="x", q="", r="y")
    closed = InspectionObject("z", "a", units=("x", "y"), grounds=("closed",))
    team = (
        *(Inspector(f"i{i}", tuple(its)) for i, its in enumerate(units)),
        Inspector("on leave", (), ("leave",)),
    )
    found = foreseen((*things, closed), team, per_object, most, number)
    alone = {one.id for one in things if obstacles(staffing([one], team, per_object, 1))}
    assert {it.params["object"] for it in found if it.code == "inspection.object_short"} == alone
    loads = [it.params["enough"] for it in found if it.code == "inspection.load_short"]
    samples = [staffing(some, team, per_object, most) for some in combinations(things, number)]
    if loads:
        assert not any(permitted(it) for it in samples)
        assert loads == [min(m for m in range(10) if m * len(units) >= number * per_object)]
    assert bool(loads) == bool(units and number * per_object > most * len(units))


def test_who_has_grounds_left_has_enough_or_gave_it_up_is_on_no_list() -> None:
    asked = staffing(
        objects(p="x", q=""),
        (*crew(a="x", b="", c="", d="", e=""), Inspector("f", (), ("leave",))),
        2,
        2,
        present=[("p", "b"), ("m", "c"), ("n", "c"), ("q", "zz")],
        parted=[("p", "d"), ("q", "zz")],
        left=["e"],
    )
    lists = {one.object: ([asked.inspectors[i] for i in one.allowed], one.need) for one in asked.vacancies}
    assert lists == {"p": ([], 1), "q": (["a", "b", "d"], 1)}
    assert asked.places == 2
    assert [it.code for it in obstacles(asked)] == ["inspection.object_short"]
    assert assign(asked, stream()) == Assignment((), "none", 1)


def test_nothing_lacks_nothing_is_drawn() -> None:
    full = staffing(objects(p=""), crew(a=""), 1, 1, present=[("p", "a")])
    assert full.vacancies == ()
    assert obstacles(full) == ()
    assert assign(full, stream()) == Assignment((), "rejection", 1)


def test_an_assignment_that_a_glance_does_not_refute_is_given_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspection_assign, "MAX_TRIES", 30)
    crowded = staffing(objects(p="x", q="x", r=""), crew(a="", b="x", c="x"), 1, 1)
    assert not permitted(crowded)
    assert not inspection_assign._hopeless(crowded)
    assert assign(crowded, stream()) == Assignment((), "none", 30 + 30 + 256)
    (advice,) = obstacles(crowded)
    assert (advice.code, advice.params["enough"]) == ("inspection.load_short", 2)


def test_a_campaign_with_hardly_any_slack_is_still_drawn_exactly() -> None:
    many = tuple(InspectionObject(f"o{i:03}", "a", units=(f"u{i % 40}",)) for i in range(60))
    team = tuple(Inspector(f"i{i:03}", (f"u{i}",)) for i in range(20))
    asked = staffing(many, team, 2, 6)
    drawn = assign(asked, stream("slack"))
    assert drawn.method == "counting"
    assert set(Counter(who for _, who in drawn.pairs).values()) == {6}
    units = {one.id: set(one.units) for one in many} | {one.id: set(one.units) for one in team}
    assert all(units[thing].isdisjoint(units[who]) for thing, who in drawn.pairs)


@pytest.mark.usefixtures("no_luck")
def test_a_large_campaign_gets_fewer_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_assign, "_WORK", 1000)
    many = tuple(InspectionObject(f"o{i:05}", "a") for i in range(30))
    drawn = assign(staffing(many, crew(a="", b="", c=""), 2, 21), stream("large"))
    assert (drawn.method, drawn.tries, len(drawn.pairs)) == ("stepwise", 1000 // 60 + 1, 60)


@given(st.data())
def test_as_many_places_are_filled_as_the_narrowest_cut_lets_through(data: st.DataObject) -> None:
    room = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    some = st.sets(st.integers(0, len(room) - 1)).map(lambda it: tuple(sorted(it)))
    classes = data.draw(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3), some), max_size=4))
    narrowest = max(
        sum(classes[c][0] - sum(classes[c][1] for i in classes[c][2] if not barred[i]) for c in range(len(classes)) if taken[c])
        - sum(room[i] for i in range(len(room)) if barred[i])
        for taken in product([0, 1], repeat=len(classes))
        for barred in product([0, 1], repeat=len(room))
    )  # fmt: skip
    assert unplaced(classes, room) == narrowest


def test_inspectors_move_so_that_others_find_one() -> None:
    # The first two classes take the first they may; only moving both of them leaves room for the third.
    assert unplaced([(1, 1, (0, 1)), (1, 1, (1, 2)), (1, 1, (0,))], [1, 1, 1]) == 0
    assert unplaced([(1, 1, (0, 1)), (1, 1, (0, 1)), (1, 1, (0,))], [1, 1, 1]) == 1
