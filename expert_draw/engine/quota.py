"""What is asked for, whether the rules allow it, whether the pool can give it, and if not what would have to give."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.core.errors import InvalidInput
from expert_draw.engine.pool import Candidate, DrawRequest, Group, Slot, count_groups
from expert_draw.engine.wording import COMMITTEE, DrawInfeasible

SEARCH_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Depth:
    """How many can be drawn for one slot (候选深度). removed: eligible, but excluded or already sitting."""

    slot: str
    quota: int
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


def depths(request: DrawRequest) -> tuple[Depth, ...]:
    """How deep the pool is for every slot, after exclusions."""
    removed = request.removed()
    return tuple(
        Depth(slot.key, slot.quota, len(slot.eligible) - gone, gone)
        for slot in request.slots
        for gone in [sum(id_ in removed for id_ in slot.eligible)]
    )


def shallow_slots(request: DrawRequest, ratio: int) -> tuple[InvalidInput, ...]:
    """The slots with fewer than `ratio` candidates per place: few candidates make a list easy to guess."""
    return tuple(
        _not_allowed(
            "committee.pool_shallow",
            slot=depth.slot,
            quota=depth.quota,
            available=depth.available,
            ratio=ratio,
        )
        for depth in depths(request)
        if depth.available < depth.quota * ratio
    )


def can_be_filled(request: DrawRequest) -> bool | None:
    """Whether any feasible committee exists; None when this could not be decided within SEARCH_STEPS.

    Exact by maximum flow while every candidate carries at most one capped group value. Otherwise places are filled
    by a bounded search over kinds of candidates.
    """
    puzzle = _Puzzle.of(request)
    return puzzle.by_flow()[0] if puzzle.is_flow else puzzle.by_search()


def obstacles(request: DrawRequest) -> tuple[DrawInfeasible, ...]:
    """Everything that makes the draw impossible, each with what would have to give; () if none is known."""
    short = tuple(
        DrawInfeasible(
            "draw.slot_short", slot=one.slot, quota=one.quota, available=one.available, removed=one.removed
        )
        for one in depths(request)
        if one.available < one.quota
    )
    if short:
        return short
    filled, competing = _Puzzle.of(replace(request, group_caps=())).by_flow()
    if not filled:
        slots = [slot for slot in request.slots if slot.key in competing]
        together = frozenset[str]().union(*(slot.eligible for slot in slots)) - request.removed()
        names = "、".join(slot.key for slot in slots)
        needed = sum(slot.quota for slot in slots)
        return (DrawInfeasible("draw.slots_compete", slots=names, quota=needed, available=len(together)),)
    if can_be_filled(request) is not False:
        return ()
    return _blocking_caps(request)


def blocked_because(request: DrawRequest) -> DrawInfeasible:
    """The first obstacle of a request that is known to have no committee."""
    found = obstacles(request)
    return found[0] if found else _caps_together(request)


def _blocking_caps(request: DrawRequest) -> tuple[DrawInfeasible, ...]:
    places = sum(slot.quota for slot in request.slots) + len(request.held)
    found = []
    for group, cap in request.group_caps:
        others = tuple(pair for pair in request.group_caps if pair[0] != group)
        for enough in range(cap + 1, places + 1):
            if can_be_filled(replace(request, group_caps=(*others, (group, enough)))):
                found.append(DrawInfeasible("draw.cap_blocks", group=group, cap=cap, enough=enough))
                break
    return tuple(found) or (_caps_together(request),)


def _caps_together(request: DrawRequest) -> DrawInfeasible:
    return DrawInfeasible("draw.caps_block", groups="、".join(group for group, _ in request.group_caps))


def _not_allowed(code: str, **params: object) -> InvalidInput:
    return InvalidInput(code, COMMITTEE[code], "", **params)


@dataclass(frozen=True, slots=True)
class _Puzzle:
    """A request as a question of seating: slots with who may sit there, and how much room each group has left."""

    slots: tuple[Slot, ...]
    groups: Mapping[str, tuple[Group, ...]]
    room: Mapping[Group, int]

    @classmethod
    def of(cls, request: DrawRequest) -> "_Puzzle":
        removed, caps, held = request.removed(), dict(request.group_caps), count_groups(request.held)
        members = [one for one in request.candidates if one.id not in removed]
        capped = {one.id: _capped(one, caps) for one in members}
        room = {group: caps[group[0]] - held[group] for own in capped.values() for group in own}
        groups = {id_: own for id_, own in capped.items() if all(room[group] for group in own)}
        slots = tuple(
            replace(slot, eligible=tuple(i for i in slot.eligible if i in groups)) for slot in request.slots
        )
        return cls(slots, groups, room)

    @property
    def is_flow(self) -> bool:
        return all(len(own) <= 1 for own in self.groups.values())

    def by_flow(self) -> tuple[bool, frozenset[str]]:
        """Seats people one place at a time, moving others if needed; when stuck, names the slots that compete."""
        seated: dict[str, str] = {}
        by_key = {slot.key: slot for slot in self.slots}
        for slot in self.slots:
            for _ in range(slot.quota):
                reached = self._seat_one_more(slot.key, by_key, seated)
                if reached:
                    return False, reached
        return True, frozenset()

    def _seat_one_more(self, start: str, slots: Mapping[str, Slot], seated: dict[str, str]) -> frozenset[str]:
        """Breadth-first search for a chain of moves that frees a place; the slots reached if there is none."""
        sitting: dict[Group, list[str]] = defaultdict(list)
        for id_ in seated:
            for group in self.groups[id_]:
                sitting[group].append(id_)
        # reached[slot] = (slot that takes, who comes, who has to leave this slot)
        reached: dict[str, tuple[str, str, str] | None] = {start: None}
        queue = deque([start])
        while queue:
            key = queue.popleft()
            for id_ in slots[key].eligible:
                in_the_way = [id_] if id_ in seated else self._in_the_way(id_, sitting)
                if not in_the_way:
                    self._move(key, id_, reached, seated)
                    return frozenset()
                for other in in_the_way:
                    if (their := seated[other]) not in reached:
                        reached[their] = (key, id_, other)
                        queue.append(their)
        return frozenset(reached)

    def _in_the_way(self, id_: str, sitting: Mapping[Group, Sequence[str]]) -> Sequence[str]:
        """Those of whom one would have to leave before this candidate may sit: the members of a full group."""
        for group in self.groups[id_]:
            if len(sitting[group]) >= self.room[group]:
                return sitting[group]
        return ()

    @staticmethod
    def _move(
        key: str, id_: str, reached: Mapping[str, tuple[str, str, str] | None], seated: dict[str, str]
    ) -> None:
        step = reached[key]
        seated[id_] = key
        while step is not None:
            key, comes, leaves = step
            if leaves != comes:
                del seated[leaves]
            seated[comes] = key
            step = reached[key]

    def by_search(self) -> bool | None:
        """Fills place after place with kinds of interchangeable candidates; None when SEARCH_STEPS do not suffice."""
        fits = {slot.key: frozenset(slot.eligible) for slot in self.slots}
        kinds = Counter(
            (tuple(key for key, who in fits.items() if id_ in who), own) for id_, own in self.groups.items()
        )
        order = tuple(kinds)
        places = tuple(slot.key for slot in self.slots for _ in range(slot.quota))
        room = dict(self.room)
        steps = 0

        def fill(place: int, first: int) -> bool | None:
            nonlocal steps
            if place == len(places):
                return True
            for index in range(first, len(order)):
                slots, own = kind = order[index]
                if places[place] not in slots or not kinds[kind] or any(not room[group] for group in own):
                    continue
                steps += 1
                if steps > SEARCH_STEPS:
                    return None
                kinds[kind] -= 1
                room.update({group: room[group] - 1 for group in own})
                # Places of one slot are alike, so that its kinds need be tried in one order only.
                same = place + 1 < len(places) and places[place + 1] == places[place]
                if (answer := fill(place + 1, index if same else 0)) is not False:
                    return answer
                kinds[kind] += 1
                room.update({group: room[group] + 1 for group in own})
            return False

        return fill(0, 0)


def _capped(candidate: Candidate, caps: Mapping[str, int]) -> tuple[Group, ...]:
    return tuple(group for group in candidate.groups if group[0] in caps)
