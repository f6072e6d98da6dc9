"""The record of a draw (抽取记录): one line per step, each bound to the one before, so that anyone can run it again."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial

from expert_draw.engine.entries import (
    Close,
    Declare,
    Entry,
    Exclude,
    Open,
    Outcome,
    RulePack,
    Void,
    read_entry,
)
from expert_draw.engine.history import History, Holder
from expert_draw.engine.lines import Event, check_place, read_event, write_event
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.wording import RecordBroken

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class DrawRecord:
    """The lines so far and where they leave the draw. Every step returns a longer record and changes nothing.

    Each step takes the time it happens at and raises RecordBroken (a Conflict) if it may not happen there, so that no
    record can be written that the verifier refuses.
    """

    events: tuple[Event, ...]
    history: History

    @classmethod
    def open(
        cls,
        now: datetime,
        *,
        number: str,
        rules: RulePack,
        anchors: Mapping[str, bytes],
        pools: Iterable[Pool],
    ) -> "DrawRecord":
        """The first line: all that is fixed before any chance exists.

        number: of the draw, such as "CQ-2026-000123". anchors: party → anchor of its hash chain (32 bytes). pools: coded
        lists, at most one per kind; the one of experts can only be given here.
        """
        chains = tuple(sorted((party, anchor.hex()) for party, anchor in anchors.items()))
        lists = tuple(sorted(pools, key=lambda pool: pool.kind))
        return _next(cls((), History()), now, Open(number, rules, chains, lists))

    @classmethod
    def load(cls, lines: Iterable[str | bytes]) -> "DrawRecord":
        """A record from its stored lines, checked throughout: every draw in it is run again."""
        record = cls((), History())
        for line in lines:
            record = record.after(read_event(line.encode() if isinstance(line, str) else line))
        return record

    def after(self, event: Event) -> "DrawRecord":
        """The record with this line at its end; RecordBroken or InvalidInput says why it may not stand there."""
        check_place(event, self.events[-1] if self.events else None)
        history = self.history.after(read_entry(event.type, event.body), event.hash)
        return DrawRecord((*self.events, event), history)

    def declare(self, now: datetime, pool: Pool) -> "DrawRecord":
        """States the list of venues or seats anew, as it is now; slots, caps and follows stay as they were."""
        return _next(self, now, Declare(pool))

    def exclude(self, now: datetime, kind: DrawKind, excluded: Iterable[tuple[str, str]]) -> "DrawRecord":
        """Takes candidates out for all further rounds: (code, ground). Those seated must leave first."""
        return _next(self, now, Exclude(kind, tuple(sorted(set(excluded)))))

    def draw_round(
        self, now: datetime, shares: Mapping[str, bytes], kinds: Iterable[DrawKind] = tuple(DrawKind)
    ) -> "DrawRecord":
        """Draws every vacancy of these kinds, experts before venues before seats: one line for each kind.

        shares: party → share of `next_round`. Raises DrawInfeasible when the pool cannot fill the vacancies, RecordBroken
        when there are none.
        """
        revealed = tuple(sorted((party, share.hex()) for party, share in shares.items()))
        wanted, record = set(kinds), self
        for kind in DrawKind:
            if kind in wanted and kind in record.history.pools and record.history.needed(kind):
                round_no = record.history.round_for(revealed, kind)
                record = _next(record, now, record.history.draw_round(kind, round_no, revealed))
        if record is self:
            raise RecordBroken("record.nothing_needed", kind=", ".join(sorted(wanted)))
        return record

    def outcome(
        self, now: datetime, kind: DrawKind, slot: str, code: str, outcome: str, evidence: str | None = None
    ) -> "DrawRecord":
        """What became of one who was drawn. evidence: SHA-256 (hex) of the proof kept in the house."""
        return _next(self, now, Outcome(kind, slot, code, outcome, evidence))

    def close(self, now: datetime) -> "DrawRecord":
        """Ends a draw all of whose places are filled and whose experts have all accepted."""
        return _next(self, now, Close(self.history.round_no, self.history.seats()))

    def void(self, now: datetime, reason: str, party: str | None = None) -> "DrawRecord":
        """Gives the draw up, for ever visibly. reason: a code in small letters. party: who withheld a share."""
        return _next(self, now, Void(reason, party))

    @property
    def text(self) -> bytes:
        """The whole record as a file: every line ends with a newline."""
        return b"".join(event.line + b"\n" for event in self.events)

    @property
    def head(self) -> str:
        """Hash of the last line; publishing it pins everything before."""
        return self.history.head

    @property
    def next_round(self) -> int:
        """The number of the round that fresh shares are needed for."""
        return self.history.round_no + 1

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Who and what holds a place now, in the order drawn."""
        return self.history.holders

    def needed(self, kind: DrawKind) -> tuple[tuple[str, int], ...]:
        """(slot, how many are still to be drawn)."""
        return self.history.needed(kind)


def _next(record: DrawRecord, now: datetime, entry: Entry) -> DrawRecord:
    last = record.events[-1] if record.events else None
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Read back as the verifier does, so that nothing but codes can get into a record.
    return record.after(
        write_event(
            n=last.n + 1 if last else 1,
            type_=entry.TYPE,
            # A clock set back must not make the record refuse: time stands still until it has caught up.
            at=max(at, last.at) if last else at,
            prev=record.head,
            body=entry.body(),
        )
    )


def candidate_code(salt: bytes, id_: str) -> str:
    """The code that stands for a candidate in the record: 32 hex digits that mean nothing without the draw's salt."""
    return _code(salt, b"candidate", id_)


def group_code(salt: bytes, name: str, value: str) -> str:
    """The code that stands for one value of a group, such as one employer."""
    return _code(salt, b"group", f"{name}\x00{value}")


def code_request(request: DrawRequest, salt: bytes) -> tuple[DrawRequest, dict[str, str]]:
    """The same request in codes, as the record takes it, and who stands behind each code: (request, code → id).

    salt: 32 secret bytes, fresh for every draw.
    """

    code_of_group = cache(partial(group_code, salt))

    def coded(candidate: Candidate) -> Candidate:
        return Candidate(
            codes[candidate.id], tuple((name, code_of_group(name, it)) for name, it in candidate.groups)
        )

    codes = {one.id: candidate_code(salt, one.id) for one in (*request.candidates, *request.held)}
    codes.update({id_: candidate_code(salt, id_) for id_, _ in request.excluded})
    in_codes = DrawRequest(
        kind=request.kind,
        slots=tuple(
            Slot(one.key, one.quota, tuple(codes[id_] for id_ in one.eligible)) for one in request.slots
        ),
        candidates=tuple(coded(one) for one in request.candidates),
        group_caps=request.group_caps,
        held=tuple(coded(one) for one in request.held),
        excluded=tuple((codes[id_], ground) for id_, ground in request.excluded),
    )
    return in_codes, {code: id_ for id_, code in codes.items()}


def _code(salt: bytes, purpose: bytes, value: str) -> str:
    if not isinstance(salt, bytes) or len(salt) < SALT_BYTES:
        raise TypeError("the salt of a draw is at least 32 bytes")
    return hmac.digest(salt, purpose + b"\x00" + value.encode(), "sha256").hex()[:32]
