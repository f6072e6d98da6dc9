"""Whether a further line is allowed where a draw stands, and where it leaves the draw (docs/draw-record.md section 7)."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from expert_draw.engine.entries import Entry
from expert_draw.engine.fixed_entries import SUPERVISOR, Agree, Approve, Declare, Exclude, Lock, Open
from expert_draw.engine.history import History, Holder, Phase
from expert_draw.engine.lines import Event
from expert_draw.engine.lists import Terms
from expert_draw.engine.outcomes import state_after
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.round_entries import Beacon, Call, Close, Outcome, Redraw, Reveal, Round, Void
from expert_draw.engine.wording import RecordBroken

_ALLOWED: Mapping[Phase, tuple[type[Entry], ...]] = MappingProxyType(
    {
        "empty": (Open,),
        "agreeing": (Agree, Void),
        "locking": (Lock, Void),
        "approving": (Approve, Declare, Exclude, Void),
        "between": (Declare, Exclude, Call, Round, Outcome, Close, Void),
        "revealing": (Reveal, Beacon, Void),
        "drawing": (Round, Void),
        "stuck": (Redraw, Void),
    }
)


def after(state: History, entry: Entry, event: Event) -> History:
    """Where the draw stands once this line is written; RecordBroken if it may not be.

    Whether the result of a round is the one that the lists give is for `rerun` to say.
    """
    phase = state.phase
    if phase in ("closed", "void"):
        raise RecordBroken("record.finished", state=phase)
    if not isinstance(entry, _ALLOWED[phase]):
        raise _out_of_place(entry, phase)
    return _STEPS[type(entry)](state, entry, event)


def _out_of_place(entry: Entry, phase: Phase) -> RecordBroken:
    if phase == "empty":
        return RecordBroken("record.not_opened")
    if isinstance(entry, Open):
        return RecordBroken("record.opened_twice")
    if phase == "approving" and isinstance(entry, Call):
        return RecordBroken("record.not_approved")
    return RecordBroken("record.out_of_place", type=entry.TYPE, phase=phase)


def _opened(state: History, entry: Open, event: Event) -> History:
    quotas: dict[DrawKind, dict[str, int]] = {}
    for terms in entry.pools:
        quotas[terms.kind] = own = dict(terms.slots)
        if terms.follows is None:
            continue
        followed = terms.follows[0]
        theirs = quotas.get(followed, {}) if followed is not terms.kind else {}
        if any(quota != 1 or theirs.get(slot) != 1 for slot, quota in own.items()):
            raise RecordBroken("record.follow_unknown", kind=terms.kind.value, followed=followed.value)
    return replace(
        state,
        opened=entry,
        ceremony=state.ceremony.opened(entry.draw, entry.suite, entry.parties, event.hash),
        terms={terms.kind: (terms, event.n) for terms in entry.pools},
    )


def _agreed(state: History, entry: Agree, _: Event) -> History:
    return replace(state, ceremony=state.ceremony.agree(entry))


def _locked(state: History, entry: Lock, event: Event) -> History:
    experts = state.terms.get(DrawKind.expert)
    slots = tuple((slot, needed) for slot, needed, _ in entry.lists)
    if slots != (experts[0].slots if experts else ()):
        raise RecordBroken("record.wrong_figures", where="lists")
    uncounted = experts is None or experts[0].follows is not None or state.opening.law == "uniform-sets"
    if uncounted and entry.feasible is not None:
        raise RecordBroken("record.wrong_figures", where="lock")
    return replace(state, lock=(entry, event.hash))


def _approved(state: History, entry: Approve, _: Event) -> History:
    if state.ceremony.careful and state.lock:
        state.ceremony.check_signed(SUPERVISOR, Approve.TYPE, state.lock[1], entry.sig)
    return replace(state, approved=True)


def _declared(state: History, entry: Declare, event: Event) -> History:
    kind = entry.pool.kind
    before = state.terms_of(kind)[0]
    if kind is DrawKind.expert:
        raise RecordBroken("record.pool_frozen", kind=kind.value)
    if not before.same_draw(entry.pool):
        raise RecordBroken("record.pool_changed_slots", kind=kind.value)
    return replace(state, terms={**state.terms, kind: (entry.pool, event.n)})


def _excluded(state: History, entry: Exclude, _: Event) -> History:
    state.terms_of(entry.kind)
    seated = {holder.code for holder in state.holders if holder.kind is entry.kind}
    for code, _ground in entry.excluded:
        if code in seated:
            raise RecordBroken("record.exclude_seated", who=code)
    out = {(entry.kind, code) for code, _ground in entry.excluded}
    return replace(state, excluded=state.excluded | out)


def _called(state: History, entry: Call, event: Event) -> History:
    ceremony = state.ceremony.begin(entry, event)
    if state.next_kind() is None:
        raise RecordBroken("record.nothing_needed")
    return replace(state, ceremony=ceremony, reserves=None)


def _revealed(state: History, entry: Reveal, _: Event) -> History:
    return replace(state, ceremony=state.ceremony.reveal(entry))


def _mixed(state: History, entry: Beacon, _: Event) -> History:
    return replace(state, ceremony=state.ceremony.mix(entry))


def _drawn(state: History, entry: Round, event: Event) -> History:
    reserve = state.ceremony.running is None
    if reserve is not (entry.method == "reserve"):
        raise RecordBroken("record.out_of_place", type=Round.TYPE, phase=state.phase)
    _check_round(state, entry)
    line = state.terms_of(entry.kind)[1]
    drawn = tuple(Holder(entry.kind, slot, code, line) for slot, code in entry.drawn)
    then = replace(state, holders=(*state.holders, *drawn), stuck=entry.method == "none")
    more = not then.stuck and then.next_kind() is not None
    reserves = state.reserves
    if entry.kind is DrawKind.expert and state.opening.reserve and not reserve:
        reserves = None if then.stuck else (state, entry.drawn)
    running = (event.hash if reserve else state.ceremony.running) if more else None
    return replace(then, ceremony=state.ceremony.go_on(running), reserves=reserves)


def _check_round(state: History, entry: Round) -> None:
    """All that can be said of a round without its lists."""
    reserve = entry.method == "reserve"
    kind = DrawKind.expert if reserve else state.next_kind()
    if entry.round_no != state.round_no:
        raise RecordBroken("record.wrong_round", expected=state.round_no, found=entry.round_no)
    if kind is None or entry.kind is not kind or (reserve and state.reserves is None):
        raise RecordBroken("record.out_of_place", type=Round.TYPE, phase=state.phase)
    needed, terms = state.needed(kind), state.terms_of(kind)[0]
    if not needed:
        raise RecordBroken("record.nothing_needed")
    if entry.needed != needed:
        raise RecordBroken("record.wrong_needed", kind=kind.value)
    state.check_followed(kind)
    if state.ceremony.careful and bytes.fromhex(entry.seed) != state.seed(kind):
        raise RecordBroken("record.wrong_seed", kind=kind.value, round=entry.round_no)
    if not _plausible(state, entry, terms):
        raise RecordBroken("record.wrong_drawn", kind=kind.value, round=entry.round_no)


def _plausible(state: History, entry: Round, terms: Terms) -> bool:
    """Whether the result fills exactly the vacancies, with nobody twice and nobody who must not be drawn."""
    if entry.method == "none":
        return not entry.drawn and entry.level == len(terms.levels)
    codes = {code for _, code in entry.drawn}
    barred = {holder.code for holder in state.holders if holder.kind is entry.kind}
    barred |= {code for kind, code in state.excluded if kind is entry.kind}
    barred |= state.left if entry.kind is DrawKind.expert else frozenset()
    return (
        tuple(sorted(Counter(slot for slot, _ in entry.drawn).items())) == entry.needed
        and len(codes) == len(entry.drawn)
        and codes.isdisjoint(barred)
        and entry.level <= (1 if entry.method == "reserve" else len(terms.levels))
        and (entry.method != "reserve" or entry.tries == 1)
    )


def _answered(state: History, entry: Outcome, _: Event) -> History:
    key = (entry.kind.value, entry.slot, entry.code)
    at = next((holder for holder in state.holders if holder.key == key), None)
    if at is None and key not in state.vacated:
        raise RecordBroken("record.not_drawn", who=entry.code, slot=entry.slot, kind=entry.kind.value)
    now = "vacated" if at is None else "accepted" if at.accepted else "drawn"
    then = state_after(entry.kind, now, entry.outcome)
    if then is None:
        raise RecordBroken("record.outcome_refused", who=entry.code, state=now, outcome=entry.outcome)
    if at is None:
        return state
    if then == "accepted":
        others = tuple(replace(one, accepted=True) if one is at else one for one in state.holders)
        return replace(state, holders=others)
    leaving = (at, *state.followers(at))
    return replace(
        state,
        holders=tuple(holder for holder in state.holders if holder not in leaving),
        vacated=state.vacated | {holder.key for holder in leaving},
        left=state.left | {at.code} if at.kind is DrawKind.expert else state.left,
    )


def _redrawn(state: History, _: Redraw, __: Event) -> History:
    vacated = state.vacated | {holder.key for holder in state.holders}
    return replace(state, stuck=False, holders=(), vacated=vacated, reserves=None)


def _closed(state: History, entry: Close, _: Event) -> History:
    for kind in state.terms:
        unsure = [
            holder.slot
            for holder in state.holders
            if holder.kind is kind is DrawKind.expert and not holder.accepted
        ]
        if open_slots := [*(slot for slot, _ in state.needed(kind)), *unsure]:
            raise RecordBroken("record.not_filled", kind=kind.value, slot=open_slots[0])
    if entry != Close(state.round_no, state.seats()):
        raise RecordBroken("record.wrong_holders")
    return replace(state, ended="closed")


def _voided(state: History, entry: Void, event: Event) -> History:
    state.ceremony.check_void(entry, event)
    return replace(state, ended="void")


_STEPS: Mapping[type[Entry], Callable[..., History]] = MappingProxyType(
    {
        Open: _opened,
        Agree: _agreed,
        Lock: _locked,
        Approve: _approved,
        Declare: _declared,
        Exclude: _excluded,
        Call: _called,
        Reveal: _revealed,
        Beacon: _mixed,
        Round: _drawn,
        Outcome: _answered,
        Redraw: _redrawn,
        Close: _closed,
        Void: _voided,
    }
)
