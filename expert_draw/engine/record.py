"""The record of a draw (抽取记录): one signed line per step, each bound to the one before, so that anyone can run it again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from expert_draw.engine.ceremony import Ceremony, OpenCall
from expert_draw.engine.certificate import Certificate
from expert_draw.engine.entries import read_entry, terms_in
from expert_draw.engine.figures import lock_of
from expert_draw.engine.fixed_entries import (
    Agree,
    Approve,
    Declare,
    Exclude,
    Open,
    Party,
    RosterRoot,
    RulePack,
)
from expert_draw.engine.history import History, Holder, Phase
from expert_draw.engine.lines import (
    Event,
    check_place,
    time_of,
    trust_event,
)
from expert_draw.engine.lists import Lists, Terms, commit, trusted
from expert_draw.engine.pool import DrawKind, Law, Pool, Standing
from expert_draw.engine.randomness import Suite
from expert_draw.engine.rerun import (
    check_lengths,
    check_lists,
    check_rows,
    next_round,
    pool_of,
    reserve_round,
    standing_of,
)
from expert_draw.engine.round_entries import Call, Close, Outcome, Redraw, Reveal, Round
from expert_draw.engine.shapes import Counts, Pairs
from expert_draw.engine.signed_record import Line, SignedRecord
from expert_draw.engine.signing import Signer
from expert_draw.engine.steps import after
from expert_draw.engine.verify import check
from expert_draw.engine.wording import RecordBroken

__all__ = [
    "DrawRecord",
    "Holder",
    "Party",
    "RosterRoot",
    "RulePack",
    "agree_signature",
    "approve_signature",
    "reveal_signature",
]


@dataclass(frozen=True, slots=True)
class DrawRecord(SignedRecord):
    """The lines so far and where they leave the draw. Every step returns a longer record and changes nothing.

    Each step takes the time it happens at and the signer of the house, and raises RecordBroken (a Conflict) if it may not
    happen there, so that no record can be written that the verifier refuses. Steps never draw again what is drawn.
    """

    history: History = field(default_factory=History)
    lists: Lists = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        now: datetime,
        house: Signer,
        *,
        number: str,
        suite: Suite,
        law: Law,
        rules: RulePack,
        parties: Iterable[Party],
        pools: Sequence[tuple[Pool, bytes]],
        roster: RosterRoot | None = None,
        reserve: int = 0,
        before: str | None = None,
    ) -> "DrawRecord":
        """The first line: all that is fixed before any chance exists.

        number: of the draw, such as "CQ-2026-000123"; before: of the draw of the same lot given up before. pools: (list in
        codes, 32 fresh secret bytes) in the order of drawing, at most one per kind. reserve: how many reserves stand behind
        each list of experts.
        """
        pinned = [commit(pool, nonce, 1, suite, weighted=law == "weighted") for pool, nonce in pools]
        entry = Open(
            draw=number,
            before=before,
            suite=suite,
            law=law,
            key=house.public,
            rules=rules,
            roster=roster,
            reserve=reserve,
            parties=tuple(sorted(parties)),
            pools=tuple(terms for terms, _ in pinned),
        )
        empty = cls(lists={(1, one.kind): one for _, one in pinned})
        return empty._next(now, house, entry)

    @classmethod
    def trust(cls, lines: Iterable[str | bytes], openings: Iterable[str] = ()) -> "DrawRecord":
        """A record from the house's own rows: nothing is run, hashed or compared again, so that this is quick."""
        history = History(ceremony=Ceremony(careful=False))
        events = tuple(trust_event(line) for line in lines)
        terms: dict[tuple[int, DrawKind], Terms] = {}
        for event in events:
            entry = read_entry(event.type, event.body)
            terms.update(terms_in(entry, event.n))
            history = after(history, entry, event)
        weighted = history.opened is not None and history.opened.law == "weighted"
        opened = [trusted(text, terms, weighted=weighted) for text in openings]
        history = replace(history, ceremony=replace(history.ceremony, careful=True))
        return cls(events, history, {(one.line, one.kind): one for one in opened})

    @classmethod
    def load(cls, lines: Iterable[str | bytes], openings: Iterable[str] = ()) -> "DrawRecord":
        """A record from lines of any origin, checked throughout: every draw in it is run again.

        Raises RecordBroken with the first thing that is wrong.
        """
        raw = [line.encode() if isinstance(line, str) else line for line in (*lines, *openings)]
        found = check(b"".join(line + b"\n" for line in raw))
        if found.findings:
            raise min(found.findings, key=lambda finding: finding[0])[1]
        return cls(found.events, found.history, found.lists)

    def lock(self, now: datetime, house: Signer, certificate: Certificate) -> "DrawRecord":
        """States what is known of the chances, and which thresholds are not met, before there are any shares."""
        experts = self.lists.get((1, DrawKind.expert))
        entry = lock_of(self.history.opening, certificate, experts)
        check_lengths(self.history, entry, self.lists)
        if experts is not None:
            check_rows(certificate, experts.pool)
        return self._next(now, house, entry)

    def approve(self, now: datetime, house: Signer, sig: str) -> "DrawRecord":
        """The supervisor accepts the warnings. sig: `approve_signature` by the party `supervisor`."""
        return self._next(now, house, Approve(sig))

    def declare(self, now: datetime, house: Signer, pool: Pool, nonce: bytes) -> "DrawRecord":
        """States the list of venues or seats anew, as it is now; slots, levels and follows stay as they were."""
        line = len(self.events) + 1
        opening = self.history.opening
        terms, listing = commit(pool, nonce, line, opening.suite, weighted=opening.law == "weighted")
        longer = self._next(now, house, Declare(terms))
        return replace(longer, lists={**self.lists, (line, pool.kind): listing})

    def exclude(
        self, now: datetime, house: Signer, kind: DrawKind, excluded: Iterable[tuple[str, str]]
    ) -> "DrawRecord":
        """Takes candidates out for all further rounds: (code, ground). Those seated must leave first."""
        entry = Exclude(kind, tuple(sorted(set(excluded))))
        check_lists(self.history, entry, self.lists)
        return self._next(now, house, entry)

    def call(
        self, now: datetime, house: Signer, until: datetime, beacon: tuple[str, int] | None = None
    ) -> "DrawRecord":
        """Calls the parties to reveal until then. beacon: (source, its round) of the public randomness mixed in afterwards.

        RecordBroken("record.reserve_first") while reserves can fill the vacancies of experts.
        """
        entry = Call(self.next_round, time_of(until), beacon)
        longer = self._next(now, house, entry)
        check_lists(self.history, entry, self.lists)
        return longer

    def draw(self, now: datetime, house: Signer) -> "DrawRecord":
        """Draws every kind that has vacancies, one line for each; a line with method `none` ends it (phase "stuck")."""
        record = self
        while record is self or record.phase == "drawing":
            if record.phase != "drawing":
                raise RecordBroken("record.out_of_place", type=Round.TYPE, phase=record.phase)
            record = record._next(now, house, next_round(record.history, self.lists))
        return record

    def draw_reserve(self, now: datetime, house: Signer) -> "DrawRecord":
        """Fills the vacancies of experts from the reserves of the last call, then draws what follows them.

        RecordBroken("record.no_reserve") when a slot finds none; a new call is needed then.
        """
        if self.phase != "between":
            raise RecordBroken("record.out_of_place", type=Round.TYPE, phase=self.phase)
        record = self._next(now, house, reserve_round(self.history, self.lists))
        return record.draw(now, house) if record.phase == "drawing" else record

    def outcome(
        self,
        now: datetime,
        house: Signer,
        kind: DrawKind,
        slot: str,
        code: str,
        outcome: str,
        evidence: str | None = None,
    ) -> "DrawRecord":
        """What became of one who was drawn. evidence: SHA-256 (hex) of the proof kept in the house."""
        return self._next(now, house, Outcome(kind, slot, code, outcome, evidence))

    def redraw(self, now: datetime, house: Signer, reason: str) -> "DrawRecord":
        """After a round in which nothing fitted: all places become vacant and are drawn anew."""
        return self._next(now, house, Redraw(reason))

    def close(self, now: datetime, house: Signer) -> "DrawRecord":
        """Ends a draw all of whose places are filled and whose experts have all accepted."""
        return self._next(now, house, Close(max(self.history.round_no, 1), self.history.seats()))

    @property
    def openings(self) -> tuple[str, ...]:
        """What opens the lists, in the order in which it stands in the file, without newlines."""
        return tuple(one.text for one in self.lists.values())

    @property
    def ceremony(self) -> Ceremony:
        """What the parties have done so far."""
        return self.history.ceremony

    @property
    def phase(self) -> Phase:
        """Where the draw stands, see `Phase`."""
        return self.history.phase

    @property
    def open_call(self) -> OpenCall | None:
        """The call for which parties have yet to reveal or kinds to be drawn."""
        return self.history.ceremony.call if self.history.ceremony.running else None

    @property
    def next_round(self) -> int:
        """The number of the next call."""
        return self.history.round_no + 1

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Who and what holds a place now, in the order drawn."""
        return self.history.holders

    def needed(self, kind: DrawKind) -> Counts:
        """(slot, how many are still to be drawn)."""
        return self.history.needed(kind)

    def pool(self, kind: DrawKind) -> Pool:
        """The list of this kind as it stands now, in codes; RecordBroken when it is not opened here."""
        return pool_of(self.history, kind, self.lists)

    def standing(self, kind: DrawKind) -> Standing:
        """Where this kind stands: vacancies, who is present and who is out."""
        return standing_of(self.history, kind, self.lists)

    def last_drawn(self, kind: DrawKind) -> Pairs:
        """(slot, code) that the last round of this kind has given, () when there was none."""
        for event in reversed(self.events):
            if event.type == Round.TYPE and event.body["kind"] == kind.value:
                return Round.read(event.body).drawn
        return ()

    def after(self, event: Event) -> "DrawRecord":
        """The record with this line at its end; RecordBroken says why it may not stand there. Draws nothing again."""
        check_place(event, self.events[-1] if self.events else None)
        entry = read_entry(event.type, event.body)
        return replace(self, events=(*self.events, event), history=after(self.history, entry, event))

    def _sealed_by(self, entry: Line) -> tuple[str, Suite]:
        opening = entry if isinstance(entry, Open) else self.history.opening
        return opening.key, opening.suite


def agree_signature(party: Signer, first_line_hash: str) -> str:
    """What a party signs when it has seen the first line (its hash in hex)."""
    return party.sign(Agree.TYPE, bytes.fromhex(first_line_hash))


def reveal_signature(party: Signer, call_hash: str, share: bytes) -> str:
    """What a party signs when it reveals: the hash of the `call` line (hex) and the share (32 bytes)."""
    return party.sign(Reveal.TYPE, bytes.fromhex(call_hash) + share)


def approve_signature(party: Signer, lock_hash: str) -> str:
    """What the supervisor signs to accept the warnings of the `lock` line (its hash in hex)."""
    return party.sign(Approve.TYPE, bytes.fromhex(lock_hash))
