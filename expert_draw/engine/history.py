"""Where a draw stands after the lines written so far, and whether a further line is allowed there."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from expert_draw.engine.draw import draw
from expert_draw.engine.entries import Close, Declare, Entry, Exclude, Open, Outcome, Round
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.randomness import check_link, round_seed
from expert_draw.engine.shapes import Pairs
from expert_draw.engine.wording import DrawInfeasible, RecordBroken

State = Literal["empty", "open", "closed", "void"]

# (what is known of one who was drawn, what happened) -> what is known then. "vacated" frees the place for a further
# round; a late answer is written down and changes nothing.
_EXPERT_OUTCOMES = MappingProxyType(
    {
        ("drawn", "accepted"): "accepted",  # takes part
        ("drawn", "declined"): "vacated",  # said no
        ("drawn", "expired"): "vacated",  # did not answer in time
        ("drawn", "unreachable"): "vacated",  # no message could be delivered
        ("drawn", "struck"): "vacated",  # found ineligible before answering
        ("accepted", "withdrawn"): "vacated",  # asked leave after accepting
        ("accepted", "no_show"): "vacated",  # did not come
        ("accepted", "recused"): "vacated",  # declared a conflict of interest
        ("accepted", "struck"): "vacated",  # found ineligible after accepting
        ("accepted", "removed"): "vacated",  # sent away by the supervisor
        ("accepted", "ill"): "vacated",  # cannot go on
        ("vacated", "late"): "vacated",  # answered after the place was given up
    }
)
_PLACE_OUTCOMES = MappingProxyType(
    {
        ("drawn", "accepted"): "accepted",  # confirmed by the guest center
        ("drawn", "refused"): "vacated",  # refused by the guest center
        ("drawn", "released"): "vacated",  # no longer needed for this place
        ("drawn", "fault"): "vacated",  # out of order
        ("accepted", "released"): "vacated",
        ("accepted", "fault"): "vacated",
    }
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who or what sits at a place now. accepted: has said so."""

    kind: DrawKind
    slot: str
    candidate: Candidate
    accepted: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind.value, self.slot, self.candidate.id


@dataclass(frozen=True, slots=True)
class History:
    """All that the lines so far amount to. `after` gives the next state or raises; nothing is changed in place.

    head: hash of the last line. drawn_in_round: the kinds of the current round, empty once anything else follows.
    vacated: (kind, slot, code) of those who left their place. promised: per party the last value revealed.
    """

    state: State = "empty"
    draw: str = ""
    head: str = "0" * 64
    round_no: int = 0
    drawn_in_round: tuple[DrawKind, ...] = ()
    promised: Mapping[str, bytes] = field(default_factory=dict)
    pools: Mapping[DrawKind, Pool] = field(default_factory=dict)
    holders: tuple[Holder, ...] = ()
    vacated: frozenset[tuple[str, str, str]] = frozenset()

    def after(self, entry: Entry, head: str) -> "History":
        """The state once this line stands, `head` being its hash; RecordBroken or InvalidInput if it may not."""
        if self.state in ("closed", "void"):
            raise RecordBroken("record.finished", state=self.state)
        if self.state == "empty" and not isinstance(entry, Open):
            raise RecordBroken("record.not_opened")
        match entry:
            case Open():
                then = self._opened(entry)
            case Declare():
                then = self._declared(entry.pool)
            case Exclude():
                then = self._excluded(entry)
            case Round():
                then = self._drawn(entry)
            case Outcome():
                then = self._answered(entry)
            case Close():
                then = self._closed(entry)
            case _:  # Void
                then = replace(self, state="void")
        together = then.drawn_in_round if isinstance(entry, Round) else ()
        return replace(then, head=head, drawn_in_round=together)

    def needed(self, kind: DrawKind) -> tuple[tuple[str, int], ...]:
        """(slot, how many are still to be drawn), only slots with a vacancy."""
        seated = Counter(holder.slot for holder in self.holders if holder.kind is kind)
        slots = self._pool(kind).request.slots
        return tuple(
            (slot.key, slot.quota - seated[slot.key]) for slot in slots if slot.quota > seated[slot.key]
        )

    def request_for(self, kind: DrawKind) -> DrawRequest:
        """What the next draw of this kind has to fill, from the lists, exclusions and answers so far."""
        pool, vacancies = self._pool(kind), dict(self.needed(kind))
        if not vacancies:
            raise RecordBroken("record.nothing_needed", kind=kind.value)
        seated = tuple(holder.candidate for holder in self.holders if holder.kind is kind)
        # An expert who gave a place up is not asked again in this draw; a venue or a seat may be.
        again = {code for left, _, code in self.vacated if left == kind.value and kind is DrawKind.expert}
        return replace(
            pool.request,
            slots=tuple(
                Slot(slot.key, vacancies[slot.key], self._fitting(pool, slot))
                for slot in pool.request.slots
                if slot.key in vacancies
            ),
            held=tuple({one.id: one for one in (*pool.request.held, *seated)}.values()),
            excluded=(*pool.request.excluded, *((code, "drawn_before") for code in again)),
        )

    def draw_round(self, kind: DrawKind, round_no: int, shares: Pairs) -> Round:
        """Runs the draw of this kind: the line that has to follow if these shares are revealed now."""
        request = self.request_for(kind)
        revealed = [(party, bytes.fromhex(share)) for party, share in shares]
        seed = round_seed(draw=self.draw, round_no=round_no, kind=kind.value, shares=revealed, head=self.head)
        result = draw(request, seed)
        needed = tuple((slot.key, slot.quota) for slot in request.slots)
        return Round(
            round_no, kind, shares, seed.hex(), needed, result.assignment, result.method, result.tries
        )

    def round_for(self, shares: Pairs, kind: DrawKind) -> int:
        """The round these shares belong to: the current one while nothing but its other kinds came since."""
        same = self.drawn_in_round and kind not in self.drawn_in_round
        if same and all(self.promised.get(party) == bytes.fromhex(share) for party, share in shares):
            return self.round_no
        return self.round_no + 1

    def _pool(self, kind: DrawKind) -> Pool:
        if kind not in self.pools:
            raise RecordBroken("record.kind_unknown", kind=kind.value)
        return self.pools[kind]

    def _fitting(self, pool: Pool, slot: Slot) -> tuple[str, ...]:
        if pool.follows is None:
            return slot.eligible
        followed, name = pool.follows
        at = [
            holder.candidate for holder in self.holders if (holder.kind, holder.slot) == (followed, slot.key)
        ]
        if not at:
            raise RecordBroken(
                "record.followed_vacant", slot=slot.key, followed=followed.value, kind=pool.kind.value
            )
        shared = {group for group in at[0].groups if group[0] == name}
        fits = {one.id for one in pool.request.candidates if not shared.isdisjoint(one.groups)}
        return tuple(id_ for id_ in slot.eligible if id_ in fits)

    def _opened(self, entry: Open) -> "History":
        if self.state != "empty":
            raise RecordBroken("record.opened_twice")
        then = replace(
            self,
            state="open",
            draw=entry.draw,
            promised={party: bytes.fromhex(anchor) for party, anchor in entry.chains},
            pools={pool.kind: pool for pool in entry.pools},
        )
        for pool in entry.pools:
            then._check_follows(pool)  # noqa: SLF001 -- another value of the same class
        return then

    def _declared(self, pool: Pool) -> "History":
        if pool.kind is DrawKind.expert:
            raise RecordBroken("record.pool_frozen", kind=pool.kind.value)
        before = self.pools.get(pool.kind, pool)
        if _terms(before) != _terms(pool):
            raise RecordBroken("record.pool_changed_slots", kind=pool.kind.value)
        self._check_follows(pool)
        return replace(self, pools={**self.pools, pool.kind: pool})

    def _check_follows(self, pool: Pool) -> None:
        if pool.follows is None:
            return
        followed = pool.follows[0]
        theirs = self.pools[followed].request.slots if followed in self.pools else ()
        alone = {slot.key for slot in theirs if slot.quota == 1}
        # Only an earlier kind can be followed, so that no two kinds wait for each other.
        if list(DrawKind).index(followed) >= list(DrawKind).index(pool.kind) or any(
            slot.key not in alone or slot.quota != 1 for slot in pool.request.slots
        ):
            raise RecordBroken("record.follow_unknown", kind=pool.kind.value, followed=followed.value)

    def _excluded(self, entry: Exclude) -> "History":
        pool = self._pool(entry.kind)
        known = {one.id for one in pool.request.candidates}
        seated = {holder.candidate.id for holder in self.holders if holder.kind is entry.kind}
        for code, _ in entry.excluded:
            if code not in known:
                raise RecordBroken("record.exclude_unknown", who=code, kind=entry.kind.value)
            if code in seated:
                raise RecordBroken("record.exclude_seated", who=code)
        request = replace(pool.request, excluded=(*pool.request.excluded, *entry.excluded))
        return replace(self, pools={**self.pools, entry.kind: replace(pool, request=request)})

    def _drawn(self, entry: Round) -> "History":
        revealed = {party: bytes.fromhex(share) for party, share in entry.shares}
        if revealed.keys() != self.promised.keys():
            raise RecordBroken("record.wrong_parties")
        same_round = bool(self.drawn_in_round) and entry.round_no == self.round_no
        if entry.round_no != self.round_no + (not same_round) or (
            same_round and entry.kind in self.drawn_in_round
        ):
            raise RecordBroken("record.wrong_round", expected=self.round_no + 1, found=entry.round_no)
        for party, share in revealed.items():
            if same_round and share != self.promised[party]:
                raise RecordBroken("record.share_differs", party=party)
            if not same_round and not check_link(self.promised[party], share):
                raise RecordBroken("record.broken_commitment", party=party)
        self._check_result(entry)
        groups = {one.id: one for one in self._pool(entry.kind).request.candidates}
        seated = (Holder(entry.kind, slot, groups[code]) for slot, code in entry.drawn)
        return replace(
            self,
            round_no=entry.round_no,
            drawn_in_round=(*self.drawn_in_round, entry.kind) if same_round else (entry.kind,),
            promised=revealed,
            holders=(*self.holders, *seated),
        )

    def _check_result(self, entry: Round) -> None:
        try:
            expected = self.draw_round(entry.kind, entry.round_no, entry.shares)
        except DrawInfeasible as refusal:
            raise RecordBroken(
                "record.not_feasible", kind=entry.kind.value, round=entry.round_no
            ) from refusal
        if entry.needed != expected.needed:
            raise RecordBroken("record.wrong_needed", kind=entry.kind.value)
        if entry != expected:
            raise RecordBroken("record.wrong_drawn", kind=entry.kind.value, round=entry.round_no)

    def _answered(self, entry: Outcome) -> "History":
        key = (entry.kind.value, entry.slot, entry.code)
        at = next((holder for holder in self.holders if holder.key == key), None)
        if at is None and key not in self.vacated:
            raise RecordBroken("record.not_drawn", who=entry.code, slot=entry.slot, kind=entry.kind.value)
        now = "vacated" if at is None else "accepted" if at.accepted else "drawn"
        table = _EXPERT_OUTCOMES if entry.kind is DrawKind.expert else _PLACE_OUTCOMES
        then = table.get((now, entry.outcome))
        if then is None:
            raise RecordBroken("record.outcome_refused", who=entry.code, state=now, outcome=entry.outcome)
        if at is None:
            return self
        if then == "accepted":
            others = tuple(replace(one, accepted=True) if one is at else one for one in self.holders)
            return replace(self, holders=others)
        leaving = [at, *self._followers(at)]
        return replace(
            self,
            holders=tuple(holder for holder in self.holders if holder not in leaving),
            vacated=self.vacated | {holder.key for holder in leaving},
        )

    def _followers(self, holder: Holder) -> list[Holder]:
        """Whatever was drawn to fit this holder at the same place: it leaves together with the holder."""
        kinds = [kind for kind, pool in self.pools.items() if pool.follows and pool.follows[0] is holder.kind]
        direct = [one for one in self.holders if one.kind in kinds and one.slot == holder.slot]
        return [found for one in direct for found in (one, *self._followers(one))]

    def _closed(self, entry: Close) -> "History":
        for kind in self.pools:
            unsure = [
                holder.slot
                for holder in self.holders
                if holder.kind is kind is DrawKind.expert and not holder.accepted
            ]
            if open_slots := [*(slot for slot, _ in self.needed(kind)), *unsure]:
                raise RecordBroken("record.not_filled", kind=kind.value, slot=open_slots[0])
        if entry != Close(self.round_no, self.seats()):
            raise RecordBroken("record.wrong_holders")
        return replace(self, state="closed")

    def seats(self) -> tuple[tuple[str, str, str], ...]:
        """(kind, slot, code) of everyone and everything that holds a place now, sorted."""
        return tuple(sorted(holder.key for holder in self.holders))


def _terms(pool: Pool) -> tuple[object, ...]:
    """What of a list may not change between rounds."""
    request = pool.request
    return [(slot.key, slot.quota) for slot in request.slots], request.group_caps, pool.follows
