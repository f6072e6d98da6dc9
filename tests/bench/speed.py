"""How long a draw takes by itself, how long it takes to count every committee, and to freeze a list."""

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import log2

from expert_draw.engine.ballot import Ballot, ballots
from expert_draw.engine.certificate import Thresholds, certify
from expert_draw.engine.codes import expert_code, expert_key
from expert_draw.engine.count import Count, count
from expert_draw.engine.draw import pick
from expert_draw.engine.pool import Bound, Candidate, DrawKind, Level, Pool, first_standing
from expert_draw.engine.randomness import Stream
from expert_draw.engine.weights import equalised
from tests.bench.measuring import cpu, percentile
from tests.bench.table import Figure, at_most, told
from tests.expert_draw.engine.samples import opened
from tests.support.bigpool import BigPool, all_overlapping, big_pool, overlapping

SIZES = (10_000, 100_000, 1_000_000)
DRAWS = 2_500
COUNTED = ((100_000, 1.0), (1_000_000, 3.0))
"""Experts, and how many seconds counting may take."""
_COUNT_RUNS = 3
NO_WARNING = Thresholds(1, Fraction(1), Fraction(1))


def draw_alone(quick: bool) -> Iterator[Figure]:
    """The time of single draws from lists made ready, each on a stream of its own."""
    for size in SIZES:
        ballot = overlapping(big_pool(size))
        for seed in range(DRAWS // 10):
            drawn(ballot, seed)
        took = [drawn(ballot, seed) for seed in range(DRAWS)]
        listed = sum(len(role.members) for role in ballot.roles)
        beside = f"{DRAWS:,} draws, lists of {listed:,} together"
        yield at_most(
            f"draw alone, pool of {size:,}, p50", percentile(took, 50) * 1000, 0.1, unit="ms", beside=beside
        )
        yield at_most(
            f"draw alone, pool of {size:,}, p99", percentile(took, 99) * 1000, 5, unit="ms", beside=beside
        )


def exact_count(quick: bool) -> Iterator[Figure]:
    """The number of committees and everyone's chance: some 6 % of the roster on the lists, then everybody."""
    for size, most in COUNTED:
        pool = big_pool(size)
        seconds, found = counted(overlapping(pool))
        yield at_most(
            f"exact count + all chances, pool of {size:,}",
            seconds,
            most,
            unit="s",
            beside=_counted_words(found),
        )
        seconds, found = counted(all_overlapping(pool))
        yield told(f"the same with all {size:,} on a list", f"{seconds:,.3g} s", _counted_words(found))


def lists_and_chances(quick: bool) -> Iterator[Figure]:
    """What it takes to freeze a list and commit to it, and what evening out the chances does to a small pool."""
    pool = big_pool(SIZES[1])
    ballot = overlapping(pool)
    seconds, frozen = cpu(lambda: frozen_pool(pool, ballot))
    yield told(
        f"list frozen in codes, pool of {SIZES[1]:,}",
        f"{seconds:,.3g} s",
        f"{len(frozen.candidates):,} on it",
    )
    seconds, _ = cpu(lambda: opened((frozen,)))
    yield told("record opened, list committed to", f"{seconds:,.3g} s", f"{len(frozen.candidates):,} on it")
    seconds, _ = cpu(lambda: certify(frozen, "uniform-labelled", NO_WARNING))
    yield told("chances locked: counted and written down", f"{seconds:,.3g} s")
    yield from _evened(frozen_pool(small := big_pool(200, 7), all_overlapping(small)))


def drawn(ballot: Ballot, seed: int) -> float:
    """Seconds of processor time for one draw, its stream made anew."""
    stream = Stream(seed.to_bytes(32, "big"))
    started = time.process_time_ns()
    picked = pick((ballot,), stream)
    took = time.process_time_ns() - started
    if len(picked.picks) != ballot.places:
        raise AssertionError(f"drew {len(picked.picks)} of {ballot.places}")
    return took / 1e9


def counted(ballot: Ballot) -> tuple[float, Count]:
    """Seconds of processor time (the median of three) to count and to state everyone's chance as a fraction."""
    runs = []
    for _ in range(_COUNT_RUNS):
        seconds, found = cpu(lambda: _with_fractions(ballot))
        runs.append((seconds, found))
    return sorted(runs, key=lambda run: run[0])[len(runs) // 2]


def frozen_pool(pool: BigPool, ballot: Ballot) -> Pool:
    """The lists of a ballot as a pool in codes, the way the service freezes it."""
    salt = bytes(32)
    slots: dict[int, list[str]] = {}
    for role in ballot.roles:
        for index in role.members.tolist():
            slots.setdefault(index, []).append(role.needs[0][0])
    candidates = []
    for index, keys in slots.items():
        leaf = index.to_bytes(32, "big")
        groups = (("employer", f"{pool.employer[index]:032x}"), ("region", f"{pool.city[index]:032x}"))
        candidates.append(Candidate(expert_code(expert_key(salt, leaf), leaf), groups, tuple(keys)))
    needs = tuple(need for role in ballot.roles for need in role.needs)
    bounds = (Bound("region", f"{0:032x}", 1, 4), Bound("region", f"{3:032x}", 0, 2))
    return Pool(DrawKind.expert, needs, tuple(candidates), (Level((("employer", 1),)),), bounds=bounds)


def _with_fractions(ballot: Ballot) -> Count:
    found = count(ballot)
    if found is None or not found.feasible:
        raise AssertionError("not counted")
    for contained in found.sums:
        Fraction(contained, found.feasible)
    return found


def _counted_words(found: Count) -> str:
    return f"{found.feasible:.2e} committees, {len(found.sums):,} different chances"


def _evened(pool: Pool) -> Iterator[Figure]:
    """Least and greatest chance, and how many bits a committee's chance has, plain and evened out."""
    plain = count(ballots(pool, first_standing(pool), "uniform-labelled")[0])
    seconds, weights = cpu(lambda: equalised(pool))
    heavier = replace(pool, candidates=tuple(replace(one, weight=weights[one.id]) for one in pool.candidates))
    evened = count(ballots(heavier, first_standing(heavier), "weighted")[0])
    if plain is None or evened is None:
        raise AssertionError("not counted")
    size = len(pool.candidates)
    even = sum(need for _, need in pool.slots) / size
    beside = f"{log2(plain.feasible):.1f} bits; an even share is {even:.4f}"
    yield told(f"plain law, pool of {size}", _spread(plain), beside)
    yield told(
        f"evened out by weights, pool of {size}",
        _spread(evened),
        f"{_bits(heavier, evened):.1f} bits; weights found in {seconds:.2g} s",
    )


def _spread(found: Count) -> str:
    return f"chances {float(found.least):.4f} to {float(found.greatest):.4f}"


def _bits(pool: Pool, found: Count) -> float:
    """Entropy of the weighted law: log Z less the expected sum of the members' log weights."""
    expected = sum(
        float(found.chance(index)) * log2(candidate.weight) for index, candidate in enumerate(pool.candidates)
    )
    return log2(found.feasible) - expected
