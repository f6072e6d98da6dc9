"""What every record is, of a draw or of a campaign: signed lines that grow one by one, and parties who sign and reveal."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol, Self

from app.core.canonical import Canonical
from expert_draw.engine.ceremony import Ceremony
from expert_draw.engine.fixed_entries import Agree
from expert_draw.engine.lines import Event, write_event
from expert_draw.engine.randomness import Suite
from expert_draw.engine.round_entries import Beacon, Reveal, Void
from expert_draw.engine.signing import Signer
from expert_draw.engine.wording import RecordBroken


class Line(Protocol):
    """Anything a line can say."""

    TYPE: ClassVar[str]

    def body(self) -> dict[str, Canonical]: ...


@dataclass(frozen=True, slots=True)
class SignedRecord(ABC):
    """The lines so far. Every step returns a longer record and changes nothing.

    Each step takes the time it happens at and the signer of the house, and raises RecordBroken (a Conflict) if it may not
    happen there, so that no record can be written that the verifier refuses.
    """

    events: tuple[Event, ...] = ()

    def agree(self, now: datetime, house: Signer, party: str, sig: str) -> Self:
        """A party has seen the first line. sig: `agree_signature` by that party."""
        return self._next(now, house, Agree(party, sig))

    def reveal(self, now: datetime, house: Signer, party: str, share: bytes, sig: str) -> Self:
        """A party reveals its share of the open call. sig: `reveal_signature` by that party."""
        return self._next(now, house, Reveal(party, self.ceremony.round_no, share.hex(), sig))

    def mix(self, now: datetime, house: Signer, value: str) -> Self:
        """Mixes in the public randomness that the call has named. value: 64 hex digits."""
        call = self.ceremony.call
        if call is None or call.beacon is None:
            raise RecordBroken("record.wrong_beacon")
        return self._next(now, house, Beacon(*call.beacon, value))

    def void(self, now: datetime, house: Signer, reason: str, party: str | None = None) -> Self:
        """Gives it up, for ever visibly. reason: a word. party: who has withheld its share ("share_withheld")."""
        return self._next(now, house, Void(reason, party))

    def text(self, *, openings: bool) -> bytes:
        """The whole record as a file: the bundle with the lists opened, or the public view without."""
        lines = [event.line for event in self.events]
        lines += [one.encode() for one in self.openings] if openings else []
        return b"".join(line + b"\n" for line in lines)

    @property
    def head(self) -> str:
        """Hash of the last line; publishing it pins everything before."""
        return self.events[-1].hash if self.events else "0" * 64

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties that have yet to agree, or to reveal in the open call; () otherwise."""
        return self.ceremony.missing

    @property
    @abstractmethod
    def openings(self) -> Sequence[str]:
        """What opens the lists, in the order in which it stands in the file, without newlines."""

    @property
    @abstractmethod
    def ceremony(self) -> Ceremony:
        """What the parties have done so far."""

    @abstractmethod
    def after(self, event: Event) -> Self:
        """The record with this line at its end; RecordBroken says why it may not stand there. Draws nothing again."""

    @abstractmethod
    def _sealed_by(self, entry: Line) -> tuple[str, Suite]:
        """The public key that signs this line, and its suite; an opening says so itself."""

    def _next(self, now: datetime, house: Signer, entry: Line) -> Self:
        key, suite = self._sealed_by(entry)
        if house.public != key:
            raise RecordBroken("record.wrong_key")
        last = self.events[-1] if self.events else None
        # Read back as the verifier does, so that nothing but codes can get into a record.
        return self.after(write_event(house, suite, last, now, entry.TYPE, entry.body()))
