"""The rules from line to line: each is broken once, and the step is refused by name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from expert_draw.engine.entries import Entry, read_entry
from expert_draw.engine.fixed_entries import Exclude
from expert_draw.engine.history import History
from expert_draw.engine.lines import read_event, write_event
from expert_draw.engine.outcomes import state_after
from expert_draw.engine.pool import DrawKind, Level
from expert_draw.engine.record import DrawRecord, Party, reveal_signature
from expert_draw.engine.round_entries import Call, Close, Outcome, Reveal, Round
from expert_draw.engine.shapes import Pairs
from expert_draw.engine.signing import Signer
from expert_draw.engine.steps import after
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine import stories
from tests.expert_draw.engine.samples import (
    HOUSE,
    SIGNERS,
    accepted,
    agreed,
    answered,
    called,
    code_at,
    expert_pool,
    finished,
    later,
    nonce,
    opened,
    played,
    ready,
    revealed,
    share,
    two_rounds,
    venue_pool,
)

EXPERT, VENUE, SEAT = DrawKind.expert, DrawKind.venue, DrawKind.seat
AT = later(100)
STRANGER = "0" * 32
Step = Callable[[DrawRecord], DrawRecord]


def drawn() -> DrawRecord:
    return played(ready(), 10)


def waiting() -> DrawRecord:
    """A call is open, the center has revealed."""
    return revealed(called(ready(), 10), 11, ("center",))


def stuck() -> DrawRecord:
    pool = expert_pool(candidates=expert_pool().candidates[:2], conflicts=())
    return played(ready((pool,)), 10)


def drawing() -> DrawRecord:
    return revealed(called(ready(), 10), 11)


def written(record: DrawRecord, entry: Entry) -> DrawRecord:
    """The record with this line, whatever it says, if it may stand there."""
    last, suite = record.events[-1], record.history.opening.suite
    return record.after(write_event(HOUSE, suite, last, AT, entry.TYPE, entry.body()))


def round_line(record: DrawRecord, **changes: object) -> Step:
    """A round line that is right but for the changes."""
    kind = record.history.next_kind() or EXPERT
    needed = record.needed(kind)
    line = Round(1, kind, record.history.seed(kind).hex(), needed, (), 1, "none", 4096)
    return lambda told: written(told, replace(line, **changes))  # type: ignore[arg-type]


def reveal_of(party: str, round_no: int = 1, value: bytes | None = None) -> Step:
    def step(record: DrawRecord) -> DrawRecord:
        call = record.history.last_call
        own = share(record, party) if value is None else value
        sig = reveal_signature(SIGNERS[party], call.hash, own)
        return written(record, Reveal(party, round_no, own.hex(), sig))

    return step


def vacate(kind: DrawKind, slot: str, outcome: str) -> Step:
    return lambda record: record.outcome(AT, HOUSE, kind, slot, code_at(record, slot, kind), outcome)


def repeated(type_: str) -> Step:
    """Writes again what a line of that type said."""

    def step(record: DrawRecord) -> DrawRecord:
        event = next(event for event in record.events if event.type == type_)
        return written(record, read_entry(event.type, event.body))

    return step


REFUSED: dict[str, tuple[Callable[[], DrawRecord], Step, str]] = {
    "a second opening": (drawn, repeated("open"), "opened_twice"),
    "a line after the end": (finished, lambda r: r.void(AT, HOUSE, "regret"), "finished"),
    "a line after void": (stories.given_up, repeated("open"), "finished"),
    "a call before all agree": (opened, lambda r: r.call(AT, HOUSE, AT), "out_of_place"),
    "an agreement twice": (lambda: agreed_by("center"), repeated("agree"), "party_twice"),
    "an agreement too late": (drawn, repeated("agree"), "out_of_place"),
    "a call before the figures": (lambda: agreed(opened()), lambda r: r.call(AT, HOUSE, AT), "out_of_place"),
    "an exclusion before the figures": (
        lambda: agreed(opened()),
        lambda r: r.exclude(AT, HOUSE, EXPERT, [(expert_pool().candidates[0].id, "ill")]),
        "out_of_place",
    ),
    "figures twice": (drawn, repeated("lock"), "out_of_place"),
    "approval without warnings": (drawn, lambda r: r.approve(AT, HOUSE, "0" * 128), "out_of_place"),
    "a call with nothing vacant": (drawn, lambda r: r.call(AT, HOUSE, AT), "nothing_needed"),
    "a call out of turn": (ready, lambda r: written(r, Call(2, "2026-11-21T02:00:00Z")), "wrong_round"),
    "a call in a call": (waiting, lambda r: r.call(AT, HOUSE, AT), "out_of_place"),
    "an answer in a call": (
        lambda: called(answered(drawn(), 20, "1", "declined"), 30),
        vacate(EXPERT, "2", "declined"),
        "out_of_place",
    ),
    "a list changed in a call": (
        waiting,
        lambda r: r.declare(AT, HOUSE, venue_pool(), nonce("x")),
        "out_of_place",
    ),
    "an exclusion in a call": (
        waiting,
        lambda r: r.exclude(AT, HOUSE, EXPERT, [(expert_pool().candidates[0].id, "ill")]),
        "out_of_place",
    ),
    "a reveal without a call": (
        ready,
        lambda r: written(r, Reveal("center", 1, "0" * 64, "0" * 128)),
        "out_of_place",
    ),
    "a reveal of another round": (waiting, reveal_of("tenderee", 2), "wrong_round"),
    "a reveal twice": (waiting, reveal_of("center"), "party_twice"),
    "a share never promised": (waiting, reveal_of("tenderee", 1, bytes(32)), "broken_commitment"),
    "a draw before all have revealed": (waiting, lambda r: r.draw(AT, HOUSE), "out_of_place"),
    "a draw without a call": (ready, lambda r: r.draw(AT, HOUSE), "out_of_place"),
    "a round line without a call": (ready, round_line(drawing()), "out_of_place"),
    "a beacon nobody named": (drawing, lambda r: r.mix(AT, HOUSE, "1" * 64), "wrong_beacon"),
    "a beacon before the reveals": (
        lambda: revealed(called(ready(), 10, ("drand", 1)), 11, ("center",)),
        lambda r: r.mix(AT, HOUSE, "1" * 64),
        "wrong_beacon",
    ),
    "a beacon twice": (
        lambda: revealed(called(ready(), 10, ("drand", 1)), 11).mix(AT, HOUSE, "1" * 64),
        lambda r: r.mix(AT, HOUSE, "2" * 64),
        "out_of_place",
    ),
    "a beacon without a call": (opened, lambda r: r.mix(AT, HOUSE, "1" * 64), "wrong_beacon"),
    "another kind's turn": (drawing, round_line(drawing(), kind=VENUE), "out_of_place"),
    "a round of another number": (drawing, round_line(drawing(), round_no=2), "wrong_round"),
    "places left out": (drawing, round_line(drawing(), needed=(("1", 1),)), "wrong_needed"),
    "a chosen seed": (drawing, round_line(drawing(), seed="1" * 64), "wrong_seed"),
    "no result at a level that is not the last": (drawing, round_line(drawing(), level=2), "wrong_drawn"),
    "a result without members": (drawing, round_line(drawing(), method="rejection"), "wrong_drawn"),
    "a reserve in a call": (drawing, round_line(drawing(), method="reserve"), "out_of_place"),
    "an answer after nothing fitted": (stuck, repeated("call"), "out_of_place"),
    "a redraw though something fitted": (drawn, lambda r: r.redraw(AT, HOUSE, "regret"), "out_of_place"),
    "an answer of somebody never drawn": (
        drawn,
        lambda r: written(r, Outcome(EXPERT, "1", STRANGER, "accepted")),
        "not_drawn",
    ),
    "an answer of another place": (
        drawn,
        lambda r: r.outcome(AT, HOUSE, EXPERT, "2", code_at(r, "1"), "accepted"),
        "not_drawn",
    ),
    "an answer as another kind": (
        drawn,
        lambda r: r.outcome(AT, HOUSE, VENUE, "1", code_at(r, "1"), "accepted"),
        "not_drawn",
    ),
    "a second yes": (lambda: accepted(drawn(), 20), vacate(EXPERT, "1", "accepted"), "outcome_refused"),
    "a refusal after yes": (
        lambda: accepted(drawn(), 20),
        vacate(EXPERT, "1", "declined"),
        "outcome_refused",
    ),
    "a seat that falls ill": (drawn, vacate(SEAT, "1", "ill"), "outcome_refused"),
    "experts listed anew": (drawn, lambda r: r.declare(AT, HOUSE, expert_pool(), nonce("x")), "pool_frozen"),
    "venues with other levels": (
        drawn,
        lambda r: r.declare(AT, HOUSE, replace(venue_pool(), levels=(Level((("city", 1),)),)), nonce("x")),
        "pool_changed_slots",
    ),
    "venues that no longer follow": (
        drawn,
        lambda r: r.declare(AT, HOUSE, venue_pool(follows=None), nonce("x")),
        "pool_changed_slots",
    ),
    "a kind that has no list": (
        lambda: ready((expert_pool(),)),
        lambda r: r.declare(AT, HOUSE, venue_pool(), nonce("x")),
        "kind_unknown",
    ),
    "a stranger excluded": (
        drawn,
        lambda r: r.exclude(AT, HOUSE, EXPERT, [(STRANGER, "ill")]),
        "exclude_unknown",
    ),
    "a holder excluded": (
        drawn,
        lambda r: r.exclude(AT, HOUSE, EXPERT, [(code_at(r, "1"), "ill")]),
        "exclude_seated",
    ),
    "nobody excluded": (drawn, lambda r: r.exclude(AT, HOUSE, EXPERT, []), "malformed"),
    "an end with a vacancy": (
        lambda: answered(drawn(), 20, "2", "declined"),
        lambda r: r.close(AT, HOUSE),
        "not_filled",
    ),
    "an end before all have answered": (drawn, lambda r: r.close(AT, HOUSE), "not_filled"),
    "an end before anything was drawn": (ready, lambda r: r.close(AT, HOUSE), "not_filled"),
    "an end with others": (
        lambda: accepted(drawn(), 20),
        lambda r: written(r, Close(1, (("expert", "1", STRANGER),))),
        "wrong_holders",
    ),
    "an end after another number of rounds": (
        lambda: accepted(drawn(), 20),
        lambda r: written(r, Close(2, r.history.seats())),
        "wrong_holders",
    ),
    "withholding without a call": (
        drawn,
        lambda r: r.void(AT, HOUSE, "share_withheld", "center"),
        "not_withheld",
    ),
    "withholding by who has revealed": (
        waiting,
        lambda r: r.void(AT, HOUSE, "share_withheld", "center"),
        "not_withheld",
    ),
    "withholding before the time is out": (
        waiting,
        lambda r: r.void(later(39), HOUSE, "share_withheld", "tenderee"),
        "not_withheld",
    ),
    "withholding by a stranger": (
        waiting,
        lambda r: r.void(AT, HOUSE, "share_withheld", "notary"),
        "not_withheld",
    ),
    "withholding by nobody": (waiting, lambda r: r.void(AT, HOUSE, "share_withheld"), "malformed"),
    "another reason that names a party": (
        waiting,
        lambda r: r.void(AT, HOUSE, "regret", "center"),
        "malformed",
    ),
    "another house": (drawn, lambda r: r.void(AT, Signer(bytes(32)), "regret"), "wrong_key"),
}


def agreed_by(party: str) -> DrawRecord:
    record = opened()
    return record.agree(later(1), HOUSE, party, SIGNERS[party].sign("agree", bytes.fromhex(record.head)))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_step_out_of_order_is_refused_by_name(name: str) -> None:
    told, step, code = REFUSED[name]
    record = told()
    with pytest.raises(RecordBroken) as refusal:
        step(record)
    assert refusal.value.code == f"record.{code}"


def test_the_same_steps_are_allowed_where_they_belong() -> None:
    """So that the refusals above are for the reason they name."""
    assert waiting().void(later(40), HOUSE, "share_withheld", "tenderee").phase == "void"
    assert reveal_of("tenderee")(waiting()).missing == ("supervisor",)
    assert stuck().redraw(AT, HOUSE, "nobody_fits").phase == "between"
    assert vacate(SEAT, "1", "fault")(drawn()).needed(SEAT) == (("1", 1),)
    assert accepted(drawn(), 20).close(AT, HOUSE).phase == "closed"
    assert drawn().declare(AT, HOUSE, venue_pool(without="m"), nonce("x")).phase == "between"


@pytest.mark.parametrize(
    ("drawn_", "level"),
    [
        (lambda r: (("1", code_at(r, "3")), ("2", free(r))), 1),  # one already sits
        (lambda r: (("1", min(r.standing(EXPERT).out)), ("2", free(r))), 1),  # one has left
        (lambda r: (("1", free(r)), ("2", free(r))), 1),  # one sits twice
        (lambda r: (("1", free(r)),), 1),  # a place stays empty
        (lambda r: (("1", free(r)), ("2", free(r, 1))), 9),  # there is no such level
    ],
)
def test_what_no_list_could_give_is_refused_without_the_list(
    drawn_: Callable[[DrawRecord], Pairs], level: int
) -> None:
    record = two_rounds()
    number = [event.n for event in record.events if event.type == "round"][3]
    told = DrawRecord.trust([event.line for event in record.events[: number - 1]], record.openings[:4])
    entry = Round.read(record.events[number - 1].body)
    assert written(told, entry).phase == "drawing"
    assert written(told, replace(entry, drawn=(("1", free(told)), ("2", free(told, 1))))).phase == "drawing"
    with pytest.raises(RecordBroken, match="wrong_drawn"):
        written(told, replace(entry, drawn=drawn_(told), level=level))


def free(record: DrawRecord, which: int = 0) -> str:
    """Somebody who was never drawn."""
    drawn_ever = {holder.code for holder in record.holders} | record.standing(EXPERT).out
    return [one.id for one in expert_pool().candidates if one.id not in drawn_ever and not one.grounds][which]


def test_somebody_excluded_cannot_have_been_drawn() -> None:
    record = stories.excluded_later()
    (line,) = [event for event in record.events if event.type == "exclude"]
    ((excluded, _),) = Exclude.read(line.body).excluded
    number = [event.n for event in record.events if event.type == "round"][1]
    told = DrawRecord.trust([event.line for event in record.events[: number - 1]])
    entry = Round.read(record.events[number - 1].body)
    with pytest.raises(RecordBroken, match="wrong_drawn"):
        written(told, replace(entry, drawn=(("3", excluded),)))


def test_a_kind_that_follows_waits_for_the_place_it_follows() -> None:
    history = ready().history
    with pytest.raises(RecordBroken, match="followed_vacant"):
        history.check_followed(VENUE)
    history.check_followed(EXPERT)


def test_before_the_first_line_there_is_nothing_to_ask() -> None:
    empty = History()
    assert (empty.phase, empty.missing, empty.round_no, empty.next_kind()) == ("empty", (), 0, None)
    with pytest.raises(RecordBroken, match="not_opened"):
        _ = empty.opening
    with pytest.raises(RecordBroken, match="not_called"):
        _ = ready().history.last_call
    void = read_event(stories.given_up().events[-1].line)
    with pytest.raises(RecordBroken, match="not_opened"):
        after(empty, read_entry(void.type, void.body), void)


def test_a_venue_that_leaves_takes_along_what_follows_it_and_nothing_else() -> None:
    record = drawn()
    gone = record.outcome(AT, HOUSE, VENUE, "2", code_at(record, "2", VENUE), "taken")
    left = {one.key for one in record.holders} - {one.key for one in gone.holders}
    assert {(kind, slot) for kind, slot, _ in left} == {("venue", "2"), ("seat", "2")}
    assert left == gone.history.vacated
    assert gone.history.left == frozenset()


def test_every_outcome_leads_to_one_state_and_all_others_are_wrong() -> None:
    words = [
        "accepted",
        "declined",
        "expired",
        "unreachable",
        "struck",
        "withdrawn",
        "no_show",
        "recused",
        "removed",
        "ill",
        "late",
        "refused",
        "released",
        "taken",
        "fault",
    ]
    table = {
        (kind, state, word): then
        for kind in DrawKind
        for state in ("drawn", "accepted", "vacated")
        for word in words
        if (then := state_after(kind, state, word))
    }
    expert = {(state, word) for kind, state, word in table if kind is EXPERT}
    assert expert == {
        *(("drawn", word) for word in ("accepted", "declined", "expired", "unreachable", "struck")),
        *(("accepted", word) for word in ("withdrawn", "no_show", "recused", "struck", "removed", "ill")),
        ("vacated", "late"),
    }
    for place in (VENUE, SEAT):
        assert {(state, word) for kind, state, word in table if kind is place} == {
            *(("drawn", word) for word in ("accepted", "refused", "released", "taken", "fault")),
            *(("accepted", word) for word in ("released", "fault")),
        }
    assert all((then == "accepted") is (word == "accepted") for (_, _, word), then in table.items())


def test_parties_are_known_by_name_and_key() -> None:
    told = [Party("b", "1" * 64, "2" * 64, "own"), Party("a", "3" * 64, "4" * 64, "kept")]
    assert [party.name for party in sorted(told)] == ["a", "b"]
