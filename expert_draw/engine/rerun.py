"""What the opened lists say to a record: who stands on them, what a round draws from them, and which lines do not fit them."""

from expert_draw.engine.ballot import ballots, lists_of
from expert_draw.engine.certificate import Certificate
from expert_draw.engine.draw import draw, feasible_with
from expert_draw.engine.entries import Entry
from expert_draw.engine.fixed_entries import Exclude, Lock
from expert_draw.engine.history import History, Holder
from expert_draw.engine.lists import Lists
from expert_draw.engine.pool import DrawKind, Member, Pool, Standing, first_standing
from expert_draw.engine.randomness import Stream
from expert_draw.engine.reserve import reserve_order
from expert_draw.engine.round_entries import Call, Round
from expert_draw.engine.shapes import Pairs
from expert_draw.engine.wording import RecordBroken

_NO_RESERVE = frozenset({"record.followed_vacant", "record.no_reserve"})


def pool_of(history: History, kind: DrawKind, lists: Lists) -> Pool:
    """The list of this kind as it stands now; RecordBroken when it is not opened here."""
    _, line = history.terms_of(kind)
    return _pool_at(lists, line, kind)


def standing_of(history: History, kind: DrawKind, lists: Lists) -> Standing:
    """Where this kind stands: vacancies, who is present, who is out, and what the followed places say."""
    terms, _ = history.terms_of(kind)
    left = history.left if kind is DrawKind.expert else frozenset()
    at_place = None
    if terms.follows is not None:
        followed, group = terms.follows
        at_place = {
            holder.slot: frozenset(value for name, value in _groups(holder, lists) if name == group)
            for holder in history.holders
            if holder.kind is followed
        }
    return Standing(
        needed=history.needed(kind),
        present=tuple(
            Member(holder.code, _groups(holder, lists)) for holder in history.holders if holder.kind is kind
        ),
        out=left | {code for of, code in history.excluded if of is kind},
        at_place=at_place,
    )


def next_round(history: History, lists: Lists) -> Round:
    """The `round` line that has to come next in an open call."""
    kind = history.next_kind()
    if kind is None or history.ceremony.running is None:
        raise RecordBroken("record.nothing_needed")
    opening = history.opening
    history.check_followed(kind)
    seed, standing = history.seed(kind), standing_of(history, kind, lists)
    drawn = draw(pool_of(history, kind, lists), standing, opening.law, seed, opening.suite)
    return Round(
        round_no=history.round_no,
        kind=kind,
        seed=seed.hex(),
        needed=standing.needed,
        drawn=drawn.assignment,
        level=drawn.level,
        method=drawn.method,
        tries=drawn.tries,
    )


def reserve_round(history: History, lists: Lists) -> Round:
    """The `round` line that fills the vacancies of experts from the reserves; RecordBroken when a slot finds none."""
    kind = DrawKind.expert
    standing = standing_of(history, kind, lists)
    if not standing.needed:
        raise RecordBroken("record.nothing_needed")
    if history.reserves is None:
        raise RecordBroken("record.no_reserve", slot=standing.needed[0][0])
    history.check_followed(kind)
    pool, reserves = pool_of(history, kind, lists), _reserves(*history.reserves, lists)
    strictest = ballots(pool, standing, history.opening.law)[0]
    taken: list[tuple[str, int]] = []
    for slot, needed in standing.needed:
        for _ in range(needed):
            fitting = (
                index for index in reserves.get(slot, ()) if feasible_with(strictest, [*taken, (slot, index)])
            )
            index = next(fitting, None)
            if index is None:
                raise RecordBroken("record.no_reserve", slot=slot)
            taken.append((slot, index))
    drawn = tuple(sorted((slot, pool.candidates[index].id) for slot, index in taken))
    return Round(history.round_no, kind, history.seed(kind).hex(), standing.needed, drawn, 1, "reserve", 1)


def check_lists(history: History, entry: Entry, lists: Lists) -> None:
    """Whether a line fits the opened lists, `history` being the state before it; RecordBroken if not."""
    if isinstance(entry, Round):
        _check_round(history, entry, lists)
    elif isinstance(entry, Call):
        _check_no_reserve(history, lists)
    elif isinstance(entry, Exclude):
        pool = pool_of(history, entry.kind, lists)
        for code, _ in entry.excluded:
            if pool.place_of(code) is None:
                raise RecordBroken("record.exclude_unknown", who=code, kind=entry.kind.value)


def check_lengths(history: History, entry: Lock, lists: Lists) -> None:
    """Whether a `lock` line tells the length of each list of experts."""
    if entry.lists != lengths(history, lists):
        raise RecordBroken("record.wrong_figures", where="lists")


def check_rows(certificate: Certificate, pool: Pool) -> None:
    """Whether the chances are those of everyone on a list, and add up to all places of all committees."""
    rows = certificate.chance_rows
    if rows is None or certificate.feasible is None:
        return
    on_list = {index for members in lists_of(pool, first_standing(pool)).values() for index in members}
    codes = [pool.candidates[index].id for index in sorted(on_list)]
    total = sum(count for _, count in rows)
    if [code for code, _ in rows] != codes or total != certificate.feasible * pool.places:
        raise RecordBroken("record.wrong_figures", where="lock")


def lengths(history: History, lists: Lists) -> tuple[tuple[str, int, int], ...]:
    """(slot, needed, candidates on its list) of every slot of experts before the first round."""
    if DrawKind.expert not in history.terms:
        return ()
    pool = pool_of(history, DrawKind.expert, lists)
    found = lists_of(pool, first_standing(pool))
    return tuple((slot, needed, len(found[slot])) for slot, needed in pool.slots)


def _check_round(history: History, entry: Round, lists: Lists) -> None:
    expected = reserve_round(history, lists) if entry.method == "reserve" else next_round(history, lists)
    if entry != expected:
        raise RecordBroken("record.wrong_drawn", kind=entry.kind.value, round=entry.round_no)


def _check_no_reserve(history: History, lists: Lists) -> None:
    """Whether a call is needed: shares of a further round must not choose anew where the reserves have the say."""
    if history.reserves is None or not history.needed(DrawKind.expert):
        return
    try:
        reserve_round(history, lists)
    except RecordBroken as refusal:
        if refusal.code not in _NO_RESERVE:
            raise
        return
    raise RecordBroken("record.reserve_first")


def _reserves(before: History, drawn: Pairs, lists: Lists) -> dict[str, tuple[int, ...]]:
    """Slot → its reserves in order, for the slots that were vacant when the last call drew its experts."""
    kind = DrawKind.expert
    opening = before.opening
    pool, standing = pool_of(before, kind, lists), standing_of(before, kind, lists)
    gone = [pool.place_of(code) for _, code in drawn]
    stream = Stream(before.seed(kind, "reserve"), opening.suite)
    found: dict[str, tuple[int, ...]] = {}
    for role in ballots(pool, standing, opening.law)[0].roles:
        order = reserve_order(role, [place for place in gone if place is not None], opening.reserve, stream)
        found.update({slot: order for slot, _ in role.needs})
    return found


def _groups(holder: Holder, lists: Lists) -> tuple[tuple[str, str], ...]:
    """The groups of a holder as they stood on the list it was drawn from."""
    return _pool_at(lists, holder.line, holder.kind).by_id(holder.code).groups


def _pool_at(lists: Lists, line: int, kind: DrawKind) -> Pool:
    found = lists.get((line, kind))
    if found is None:
        raise RecordBroken("record.list_unopened", kind=kind.value)
    return found.pool
