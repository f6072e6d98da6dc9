"""Who or what can be drawn, for which places, and what must not come together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar

from expert_draw.engine.wording import misasked

MOST_PLACES = 99
MOST_LEVELS = 8
MOST_WEIGHT = 1 << 24

Group = tuple[str, str]
Law = Literal["uniform-labelled", "uniform-sets", "weighted"]
T = TypeVar("T")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: object) -> None:
    if not isinstance(value, str) or not value:
        raise misasked("draw.id_not_text", value=repr(value))


def _first_twice(values: Iterable[T]) -> T | None:
    seen: set[T] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


class DrawKind(StrEnum):
    """What is drawn (三随机): the experts, the venues or the seats."""

    expert = "expert"
    venue = "venue"
    seat = "seat"


@dataclass(frozen=True, slots=True)
class Level:
    """How strictly members are kept apart (隔离级别).

    caps: (group name, k): at most k members share one value of that group, 1 ≤ k. apart: whether pairs in conflict
    must not sit together. Raises InvalidInput.
    """

    caps: tuple[tuple[str, int], ...] = ()
    apart: bool = True

    def __post_init__(self) -> None:
        for group, cap in self.caps:
            _text(group)
            if not _whole(cap) or cap < 1:
                raise misasked("draw.cap_out_of_range", group=group, cap=cap)
        if twice := _first_twice(group for group, _ in self.caps):
            raise misasked("draw.duplicate_cap", group=twice)
        object.__setattr__(self, "caps", tuple(sorted(self.caps)))


@dataclass(frozen=True, slots=True, order=True)
class Bound:
    """At least `least` and at most `most` members have this value of this group, held members counted (地域上下限).

    0 ≤ least ≤ most; a value nobody has is allowed. Raises InvalidInput.
    """

    group: str
    value: str
    least: int
    most: int

    def __post_init__(self) -> None:
        _text(self.group)
        _text(self.value)
        if not _whole(self.least) or not _whole(self.most) or not 0 <= self.least <= self.most:
            raise misasked(
                "draw.bound_contradicts",
                group=self.group,
                value=self.value,
                least=self.least,
                most=self.most,
            )


@dataclass(frozen=True, slots=True)
class Member:
    """Who sits already (已定成员): appointed, or holding a place.

    groups: (group name, value), for instance ("employer", "91530600…"); a name may occur with several values.
    """

    id: str
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        _text(self.id)
        if len(self.groups) > 1:
            object.__setattr__(self, "groups", tuple(sorted(set(self.groups))))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Anything with an id that can be drawn (候选): a person, a venue, a seat.

    groups: (group name, value), for instance ("employer", "91530600…"), ("center", "zt"), ("room", "zt-3"); a name may
    occur with several values. slots: keys of the slots it qualifies for. grounds: why it must not be drawn (回避事由),
    () for who can be. weight: 1 to 2**24, looked at under the law "weighted" only.
    """

    id: str
    groups: tuple[Group, ...] = ()
    slots: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    weight: int = 1

    def __post_init__(self) -> None:
        _text(self.id)
        if len(self.groups) > 1:
            object.__setattr__(self, "groups", tuple(sorted(set(self.groups))))
        if len(self.slots) > 1:
            object.__setattr__(self, "slots", tuple(sorted(set(self.slots))))
        if len(self.grounds) > 1:
            object.__setattr__(self, "grounds", tuple(sorted(set(self.grounds))))
        if type(self.weight) is not int or not 1 <= self.weight <= MOST_WEIGHT:
            raise misasked("draw.weight_out_of_range", id=self.id, weight=self.weight, most=MOST_WEIGHT)


@dataclass(frozen=True, slots=True)
class Pool:
    """The list for one kind, and all its draw depends on besides the seed and where the kind stands (候选名单).

    It sorts itself: equal pools compare equal in whatever order they were written.

    slots: (key, quota): 1 ≤ quota, 99 places at most. candidates: everyone who qualifies for a slot, once each.
    levels: one to eight, strictest first, tried in this order. follows: (kind, group) when whoever takes a slot must share a value of
    that group with the holder of the same slot in that kind (the seat of place "1" is in the center drawn as the venue
    of place "1"); quotas are 1 then. conflicts: pairs of ids who must not sit together where a level keeps them apart.
    held: already appointed; they count for caps, bounds and conflicts and are not drawn.
    Raises InvalidInput, naming what to mend.
    """

    kind: DrawKind
    slots: tuple[tuple[str, int], ...]
    candidates: tuple[Candidate, ...]
    levels: tuple[Level, ...] = (Level(),)
    follows: tuple[DrawKind, str] | None = None
    bounds: tuple[Bound, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    held: tuple[Member, ...] = ()
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_slots()
        ids = _ids_once(self.candidates)
        if ids != sorted(ids):
            object.__setattr__(self, "candidates", tuple(sorted(self.candidates, key=lambda one: one.id)))
            ids.sort()
        object.__setattr__(self, "_places", dict(zip(ids, range(len(ids)), strict=True)))
        self._check_candidates()
        self._check_held()
        self._check_follows()
        if twice := _first_twice((bound.group, bound.value) for bound in self.bounds):
            raise misasked("draw.duplicate_bound", group=twice[0], value=twice[1])
        object.__setattr__(self, "slots", tuple(sorted(self.slots)))
        object.__setattr__(self, "bounds", tuple(sorted(self.bounds)))
        object.__setattr__(self, "conflicts", self._sorted_conflicts())
        object.__setattr__(self, "held", tuple(sorted(self.held, key=lambda one: one.id)))

    def by_id(self, code: str) -> Candidate:
        """The candidate with that id. Raises KeyError for a stranger."""
        return self.candidates[self._places[code]]

    def place_of(self, code: str) -> int | None:
        """Where that id stands in `candidates`, from 0; None for a stranger."""
        return self._places.get(code)

    @property
    def places(self) -> int:
        """How many places there are in all slots together."""
        return sum(quota for _, quota in self.slots)

    def _check_slots(self) -> None:
        if not self.slots:
            raise misasked("draw.no_slots")
        if not 1 <= len(self.levels) <= MOST_LEVELS:
            raise misasked("draw.levels_out_of_range", levels=len(self.levels), most=MOST_LEVELS)
        for key, quota in self.slots:
            _text(key)
            if not _whole(quota) or not 1 <= quota <= MOST_PLACES:
                raise misasked("draw.quota_out_of_range", slot=key, quota=quota, most=MOST_PLACES)
        if twice := _first_twice(key for key, _ in self.slots):
            raise misasked("draw.duplicate_slot", slot=twice)
        if self.places > MOST_PLACES:
            raise misasked("draw.too_many_places", places=self.places, most=MOST_PLACES)

    def _check_candidates(self) -> None:
        # Thousands of candidates share few combinations, so that each combination is looked at once.
        known = {key for key, _ in self.slots}
        for slots in {one.slots for one in self.candidates}:
            if not slots:
                who = next(one.id for one in self.candidates if not one.slots)
                raise misasked("draw.candidate_without_slot", id=who)
            if strange := sorted(set(slots) - known):
                who = next(one.id for one in self.candidates if one.slots == slots)
                raise misasked("draw.unknown_slot", id=who, slot=strange[0])
        for grounds in {one.grounds for one in self.candidates}:
            for ground in grounds:
                _text(ground)
        carried = {one.groups for one in self.candidates} | {one.groups for one in self.held}
        for groups in carried:
            for name, value in groups:
                _text(name)
                _text(value)

    def _check_held(self) -> None:
        for one in _ids_once(self.held):
            if one in self._places:
                raise misasked("draw.held_is_candidate", id=one)
        refusals = [_over_cap(self.held, level) for level in self.levels]
        # A strict level may be out of reach; a list whose every level is, has been put together wrongly.
        if all(refusals) and refusals[-1]:
            group, count, cap = refusals[-1]
            raise misasked("draw.held_over_cap", group=group, count=count, cap=cap)

    def _check_follows(self) -> None:
        if self.follows is None:
            return
        if self.follows[0] == self.kind:
            raise misasked("draw.follows_itself", kind=self.kind.value)
        for key, quota in self.slots:
            if quota != 1:
                raise misasked("draw.follows_needs_one", slot=key, quota=quota)

    def _sorted_conflicts(self) -> tuple[tuple[str, str], ...]:
        held = {one.id for one in self.held}
        for pair in self.conflicts:
            for one in pair:
                if one not in self._places and one not in held:
                    raise misasked("draw.conflict_unknown", id=one)
            if pair[0] == pair[1]:
                raise misasked("draw.conflict_with_oneself", id=pair[0])
        return tuple(sorted({(min(pair), max(pair)) for pair in self.conflicts}))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a kind stands when it is drawn (抽取时的席位状态).

    needed: the vacancies (slot, how many), ascending. present: who holds a place of that kind now, `held` not among
    them. out: ids excluded later, and those who held a place and left it for good. at_place: for a pool that follows:
    slot → values of the followed group at that place; None: nothing is drawn yet and nobody is left out for it.
    """

    needed: tuple[tuple[str, int], ...]
    present: tuple[Member, ...] = ()
    out: frozenset[str] = frozenset()
    at_place: Mapping[str, frozenset[str]] | None = None


def first_standing(pool: Pool) -> Standing:
    """Nothing drawn yet: every place is vacant."""
    return Standing(pool.slots)


def count_groups(members: Iterable[Member | Candidate]) -> Counter[Group]:
    """How many of the members carry each (group name, value)."""
    return Counter(group for member in members for group in member.groups)


def _over_cap(members: Iterable[Member], level: Level) -> tuple[str, int, int] | None:
    caps = dict(level.caps)
    for (name, _), count in sorted(count_groups(members).items()):
        if name in caps and count > caps[name]:
            return name, count, caps[name]
    return None


def _ids_once(members: Iterable[Member | Candidate]) -> list[str]:
    ids = [one.id for one in members]
    if len(set(ids)) != len(ids):
        raise misasked("draw.duplicate_candidate", id=_first_twice(ids))
    return ids
