"""What is asked for, whether the rules allow it, whether the pool can give it, and if not what would have to give."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.core.errors import InvalidInput
from expert_draw.engine.ballot import Ballot, ballots
from expert_draw.engine.count import committees
from expert_draw.engine.feasibility import can_be_filled, competing, witnessed
from expert_draw.engine.pool import Bound, Candidate, Law, Pool, Standing, count_groups, first_standing
from expert_draw.engine.wording import COMMITTEE, DrawInfeasible

# Obstacles are looked for while somebody waits: some tenths of a second for each thing that could give.
PATIENCE = 150_000_000


@dataclass(frozen=True, slots=True)
class Depth:
    """How many can be drawn for one slot (候选深度).

    needed: its vacancies. together: those of all slots with the same list. available: length of the list. removed: who
    qualifies and is not on it, being excluded, seated, or gone.
    """

    slot: str
    needed: int
    together: int
    available: int
    removed: int


def committee_problems(
    experts: int, others: int, *, least: int = 5, share: tuple[int, int] = (2, 3)
) -> tuple[InvalidInput, ...]:
    """Why a committee of so many experts and other members (tenderee's representatives) is not allowed; () if it is.

    share: experts over all members, at least, as (numerator, denominator).
    """
    size, (numerator, denominator) = experts + others, share
    problems = []
    if size < least:
        problems.append(_not_allowed("committee.too_small", size=size, least=least))
    if size % 2 == 0:
        problems.append(_not_allowed("committee.even", size=size))
    if experts * denominator < size * numerator:
        problems.append(
            _not_allowed(
                "committee.expert_share",
                experts=experts,
                size=size,
                numerator=numerator,
                denominator=denominator,
            )
        )
    return tuple(problems)


def depths(pool: Pool, standing: Standing | None = None) -> tuple[Depth, ...]:
    """How deep the pool is for every vacant slot, ascending by slot; without a standing, before anything is drawn."""
    return depths_of(pool, ballots(pool, standing or first_standing(pool), "uniform-labelled")[-1])


def shallow_slots(pool: Pool, ratio: int) -> tuple[InvalidInput, ...]:
    """The slots with fewer than `ratio` candidates per place of their list: few candidates make a list easy to guess."""
    return tuple(
        _not_allowed(
            "committee.pool_shallow",
            slot=depth.slot,
            quota=depth.together,
            available=depth.available,
            ratio=ratio,
        )
        for depth in depths(pool)
        if depth.available < depth.together * ratio
    )


def obstacles(
    pool: Pool, law: Law = "uniform-labelled", standing: Standing | None = None
) -> tuple[DrawInfeasible, ...]:
    """Everything that makes the draw impossible at every level, each with what would have to give; () if none is known.

    Each of the refusals about a limit says how many committees there are once that limit alone gives way (parameter
    `committees`: a number, or "≥ 1" where they are too many to count). Those about the lists come first; grounds of
    exclusion are named when lifting that one ground would help. What the last level forbids is what is named.
    """
    where = standing or first_standing(pool)
    all_levels = ballots(pool, where, law)
    if any(witnessed(ballot) for ballot in all_levels) or any(_many(ballot) != 0 for ballot in all_levels):
        return ()
    ballot = all_levels[-1]
    short = tuple(
        DrawInfeasible(
            "draw.slot_short", slot=one.slot, quota=one.needed, available=one.available, removed=one.removed
        )
        for one in depths_of(pool, ballot)
        if one.available < one.needed
    )
    structural = short or tuple(_competing(ballot))
    relaxed = () if structural else tuple(_relaxed(pool, where, ballot))
    found = (*structural, *relaxed, *_grounds(pool, where, law))
    return found or (DrawInfeasible("draw.limits_block"),)


def _many(ballot: Ballot) -> int | str | None:
    """How many committees there are: the number; or "≥ 1"; or None where it is not known whether there is one."""
    exact = committees(ballot, PATIENCE)
    if exact is not None:
        return exact
    return {True: "≥ 1", False: 0, None: None}[can_be_filled(ballot)]


def _helps(ballot: Ballot) -> int | str | None:
    """How many committees there are, or None when there is none or it is not known."""
    return _many(ballot) or None


def depths_of(pool: Pool, ballot: Ballot) -> tuple[Depth, ...]:
    """The same as `depths` for a ballot made ready."""
    qualified = Counter(slot for one in pool.candidates for slot in one.slots)
    return tuple(
        sorted(
            (
                Depth(slot, need, role.need, len(role.members), qualified[slot] - len(role.members))
                for role in ballot.roles
                for slot, need in role.needs
            ),
            key=lambda depth: depth.slot,
        )
    )


def _competing(ballot: Ballot) -> Iterator[DrawInfeasible]:
    roles = [ballot.roles[at] for at in sorted(competing(ballot))]
    if roles:
        yield DrawInfeasible(
            "draw.slots_compete",
            slots="、".join(sorted(slot for role in roles for slot, _ in role.needs)),
            quota=sum(role.need for role in roles),
            available=len({index for role in roles for index in role.members.tolist()}),
        )


def _relaxed(pool: Pool, standing: Standing, ballot: Ballot) -> Iterator[DrawInfeasible]:
    """Each limit of the last level that blocks by itself, given way just as far as it takes."""
    level, sitting = pool.levels[-1], (*pool.held, *standing.present)
    seated = count_groups(sitting)
    ids = {one.id for one in sitting}
    touching = level.apart and any(ids.issuperset(pair) for pair in pool.conflicts)
    most_of = {
        name: max((count for (own, _), count in seated.items() if own == name), default=0)
        for name, _ in level.caps
    }
    over = {name for name, cap in level.caps if most_of[name] > cap}
    for at, (name, cap) in enumerate(level.caps):
        still = touching or bool(over - {name})
        looser = range(max(cap + 1, most_of[name]), ballot.places + len(sitting) + 1)
        if given := _first((most, _with_cap(ballot, at, most, hopeless=still)) for most in looser):
            yield DrawInfeasible("draw.cap_blocks", group=name, cap=cap, enough=given[0], committees=given[1])
    for at, bound in enumerate(pool.bounds):
        yield from _relaxed_bound(ballot, at, bound, seated[bound.group, bound.value])
    apart = replace(ballot, conflicts=(), barred=frozenset(), hopeless=bool(over))
    if level.apart and pool.conflicts and (many := _helps(apart)):
        yield DrawInfeasible("draw.conflicts_block", pairs=len(pool.conflicts), committees=many)


def _relaxed_bound(ballot: Ballot, at: int, bound: Bound, have: int) -> Iterator[DrawInfeasible]:
    """have: how many who sit already have the value."""
    named = {"group": bound.group, "value": bound.value}
    least, most = bound.least - have, bound.most - have
    fewer = range(bound.least - 1, -1, -1)
    if given := _first((enough, _with_bound(ballot, at, enough - have, most)) for enough in fewer):
        yield DrawInfeasible(
            "draw.least_blocks", **named, least=bound.least, enough=given[0], committees=given[1]
        )
    more = range(max(bound.most + 1, have), have + ballot.places + 1)
    if given := _first((enough, _with_bound(ballot, at, least, enough - have)) for enough in more):
        yield DrawInfeasible(
            "draw.most_blocks", **named, most=bound.most, enough=given[0], committees=given[1]
        )


def _with_cap(ballot: Ballot, at: int, most: int, *, hopeless: bool) -> Ballot:
    caps = (*ballot.caps[:at], replace(ballot.caps[at], most=most), *ballot.caps[at + 1 :])
    return replace(ballot, caps=caps, hopeless=hopeless)


def _with_bound(ballot: Ballot, at: int, least: int, most: int) -> Ballot:
    own = replace(ballot.bounds[at], least=max(least, 0), most=min(most, ballot.places))
    return replace(ballot, bounds=(*ballot.bounds[:at], own, *ballot.bounds[at + 1 :]))


def _first(looser: Iterable[tuple[int, Ballot]]) -> tuple[int, int | str] | None:
    """The first value with which there is a committee, and how many there are then."""
    for value, ballot in looser:
        if many := _helps(ballot):
            return value, many
    return None


def _grounds(pool: Pool, standing: Standing, law: Law) -> Iterator[DrawInfeasible]:
    """Each ground of exclusion that blocks by itself, most candidates first."""
    alone: Counter[str] = Counter(one.grounds[0] for one in pool.candidates if len(one.grounds) == 1)
    for ground, removed in sorted(alone.items(), key=lambda own: (-own[1], own[0])):
        lifted = tuple(_without(one, ground) for one in pool.candidates)
        if many := _helps(ballots(replace(pool, candidates=lifted), standing, law)[-1]):
            yield DrawInfeasible("draw.ground_blocks", ground=ground, removed=removed, committees=many)


def _without(candidate: Candidate, ground: str) -> Candidate:
    return replace(candidate, grounds=()) if candidate.grounds == (ground,) else candidate


def _not_allowed(code: str, **params: object) -> InvalidInput:
    return InvalidInput(code, COMMITTEE[code], "", **params)
