"""Who or what can be drawn, for which places, and what must not come together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from expert_draw.engine.wording import misasked

MOST_PLACES = 99

Group = tuple[str, str]


class DrawKind(StrEnum):
    """What is drawn (三随机): the experts, the venues or the seats. The order is the order of drawing."""

    expert = "expert"
    venue = "venue"
    seat = "seat"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Anything with an id that can be drawn (候选): a person, a venue, a seat.

    groups: (group name, value), for instance ("employer", "91530600…"), ("center", "zt"), ("room", "zt-3"); a name may
    occur with several values.
    """

    id: str
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        _text(self.id)
        object.__setattr__(self, "groups", tuple(sorted(set(self.groups))))


@dataclass(frozen=True, slots=True)
class Slot:
    """Places to be filled under one condition (名额).

    quota: how many, 1 to 99. eligible: ids of the candidates who meet the condition, in any order.
    """

    key: str
    quota: int
    eligible: tuple[str, ...]

    def __post_init__(self) -> None:
        _text(self.key)
        if (
            isinstance(self.quota, bool)
            or not isinstance(self.quota, int)
            or not 1 <= self.quota <= MOST_PLACES
        ):
            raise misasked("draw.quota_out_of_range", slot=self.key, quota=self.quota, most=MOST_PLACES)
        object.__setattr__(self, "eligible", tuple(sorted(set(self.eligible))))


@dataclass(frozen=True, slots=True)
class DrawRequest:
    """All that a draw depends on besides its seed (抽取申请). Equal requests compare equal in whatever order written.

    candidates: everyone named in a slot, once each; others are dropped.
    group_caps: (group name, k): at most k of the committee share one value of that group, `held` included.
    held: those already sitting (accepted earlier, or appointed): count for the caps, are not drawn again.
    excluded: (id, ground): never drawn, whatever the slots say.
    Raises InvalidInput, naming what to mend.
    """

    kind: DrawKind
    slots: tuple[Slot, ...]
    candidates: tuple[Candidate, ...]
    group_caps: tuple[tuple[str, int], ...] = ()
    held: tuple[Candidate, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.slots:
            raise misasked("draw.no_slots")
        if twice := _first_twice(slot.key for slot in self.slots):
            raise misasked("draw.duplicate_slot", slot=twice)
        if (places := sum(slot.quota for slot in self.slots)) > MOST_PLACES:
            raise misasked("draw.too_many_places", places=places, most=MOST_PLACES)
        for members in (self.candidates, self.held):
            if twice := _first_twice(candidate.id for candidate in members):
                raise misasked("draw.duplicate_candidate", id=twice)
        self._check_candidates()
        self._check_caps()
        wanted = frozenset().union(*(slot.eligible for slot in self.slots))
        named = (candidate for candidate in self.candidates if candidate.id in wanted)
        object.__setattr__(self, "slots", tuple(sorted(self.slots, key=lambda slot: slot.key)))
        object.__setattr__(self, "candidates", tuple(sorted(named, key=lambda candidate: candidate.id)))
        object.__setattr__(self, "group_caps", tuple(sorted(self.group_caps)))
        object.__setattr__(self, "held", tuple(sorted(self.held, key=lambda candidate: candidate.id)))
        object.__setattr__(self, "excluded", tuple(sorted(set(self.excluded))))

    def _check_candidates(self) -> None:
        known = {candidate.id for candidate in self.candidates}
        for slot in self.slots:
            if not known.issuperset(slot.eligible):
                stranger = min(str(id_) for id_ in slot.eligible if id_ not in known)
                raise misasked("draw.unknown_candidate", slot=slot.key, id=stranger)

    def _check_caps(self) -> None:
        if twice := _first_twice(group for group, _ in self.group_caps):
            raise misasked("draw.duplicate_cap", group=twice)
        for group, cap in self.group_caps:
            if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
                raise misasked("draw.cap_out_of_range", group=group, cap=cap)
        for (group, _), count in count_groups(self.held).items():
            cap = dict(self.group_caps).get(group, count)
            if count > cap:
                raise misasked("draw.held_over_cap", group=group, count=count, cap=cap)

    def removed(self) -> frozenset[str]:
        """Ids that cannot be drawn: excluded or already sitting."""
        return frozenset(id_ for id_, _ in self.excluded) | frozenset(one.id for one in self.held)


@dataclass(frozen=True, slots=True)
class Pool:
    """The list for one kind as it stands in a record (候选名单).

    follows: (kind, group) when whoever takes a slot must share a value of that group with the holder of the same slot
    in that kind: the seat of place "1" is in the center drawn as the venue of place "1". Such slots have quota 1.
    """

    request: DrawRequest
    follows: tuple[DrawKind, str] | None = None

    @property
    def kind(self) -> DrawKind:
        return self.request.kind


def count_groups(members: Iterable[Candidate]) -> Counter[Group]:
    """How many of the members carry each (group name, value)."""
    return Counter(group for member in members for group in member.groups)


def _text(value: object) -> None:
    if not isinstance(value, str) or not value:
        raise misasked("draw.id_not_text", value=repr(value))


def _first_twice(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
