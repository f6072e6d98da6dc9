"""Whether what is counted and drawn is exactly what the law says: against trying all, and against five wrong ways of drawing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expert_draw.engine.ballot import Ballot, ballots
from expert_draw.engine.count import count
from expert_draw.engine.counting import counting
from expert_draw.engine.pool import Law, Level, Pool
from tests.bench.table import Figure, at_least, at_most
from tests.expert_draw.engine.test_draw import (
    biased_modulo,
    caught,
    first_rows,
    hidden_redraw,
    honest,
    repair_the_seat,
    role_by_role,
)
from tests.expert_draw.engine.test_randomness import Modulo, Scripted, crafted_right
from tests.support.brute import Asked, Committee, asked, committees_of, weight_of

EXAMPLES = 1200
INSTANCES = 300
MOST_NUMBERS = 2000
"""An instance with more committees than that is counted, but not every number of it is looked up."""
WRONG = (role_by_role, repair_the_seat, first_rows, biased_modulo, hidden_redraw)


@dataclass(slots=True)
class Tally:
    """What was compared on how many different instances, and where it differed."""

    instances: set[tuple[Pool, str]] = field(default_factory=set)
    feasible: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    differs: list[str] = field(default_factory=list)

    def note(self, what: str, *, same: bool, asked: Asked) -> None:
        """One comparison."""
        self.compared[what] += 1
        if not same:
            self.differs.append(f"{what}: {asked}")


def figures(quick: bool) -> Iterator[Figure]:
    """Instances, comparisons that differ, the honest draw and the wrong ones."""
    tally = compared()
    others = len(tally.instances) - tally.feasible
    yield at_least(
        "random instances with a committee, against brute force",
        tally.feasible,
        INSTANCES,
        unit="",
        beside=f"no two alike; and {others:,} without one",
    )
    done = ", ".join(f"{many:,} {what}" for what, many in tally.compared.items())
    yield at_most("mismatches with brute force", len(tally.differs), 0, unit="", beside=done)
    wrongly = int(caught(honest)) + int(not crafted_right(Scripted))
    yield at_most("chi-square on lists of 5, 7 and 11: the draw refused", wrongly, 0, unit="")
    found = [wrong.__name__ for wrong in WRONG if caught(wrong)]
    # A remainder of 64 bits is too even to be seen in a sample; words made for it show it all the same.
    if crafted_right(Modulo):
        found.remove(biased_modulo.__name__)
    yield at_least("wrong samplers caught, of five", len(found), len(WRONG), unit="", beside=", ".join(found))


def compared() -> Tally:
    """Counts, every chance and the number of every committee, on random instances."""
    tally = Tally()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(asked(weighted=True), st.sampled_from(("uniform-labelled", "weighted")))
    def compare(one: Asked, law: str) -> None:
        if (key := (one.pool, law)) not in tally.instances:
            tally.instances.add(key)
            _compare(tally, one, cast("Law", law))

    compare()
    return tally


def _compare(tally: Tally, one: Asked, law: Law) -> None:
    ballot = ballots(one.pool, one.standing, law)[0]
    everyone = {
        committee: weight_of(one.pool, committee, law) for committee in committees_of(one.pool, one.standing)
    }
    tally.feasible += bool(everyone)
    found = count(ballot)
    if found is not None:
        tally.note("counts", same=found.feasible == sum(everyone.values()), asked=one)
        with_whom: Counter[str] = Counter()
        for committee, weight in everyone.items():
            with_whom.update({code: weight for _, code in committee})
        for index, candidate in enumerate(one.pool.candidates):
            tally.note("chances", same=found.containing(index) == with_whom[candidate.id], asked=one)
    _compare_numbers(tally, one, law, ballot)


def _compare_numbers(tally: Tally, one: Asked, law: Law, ballot: Ballot) -> None:
    """The counting sampler looks at conflicts only afterwards, so it is compared without them."""
    exact = counting(ballot)
    if exact is None or ballot.hopeless:
        return
    level = Level(one.pool.levels[0].caps, apart=False)
    apart = replace(one.pool, levels=(level,))
    expected: Counter[tuple[tuple[int, ...], ...]] = Counter()
    for committee in committees_of(apart, one.standing):
        expected[_by_role(ballot, apart, committee)] = weight_of(apart, committee, law)
    tally.note("totals", same=exact.total == expected.total(), asked=one)
    if exact.total == expected.total() <= MOST_NUMBERS:
        numbered = Counter(exact.committee(number) for number in range(exact.total))
        for members in expected | numbered:
            tally.note("committees by number", same=numbered[members] == expected[members], asked=one)


def _by_role(ballot: Ballot, pool: Pool, committee: Committee) -> tuple[tuple[int, ...], ...]:
    """Who sits for which list; which of its slots each takes is drawn afterwards."""
    members: list[list[int]] = [[] for _ in ballot.roles]
    at = {slot: number for number, role in enumerate(ballot.roles) for slot, _ in role.needs}
    for slot, code in committee:
        members[at[slot]].append(cast("int", pool.place_of(code)))
    return tuple(tuple(sorted(own)) for own in members)
