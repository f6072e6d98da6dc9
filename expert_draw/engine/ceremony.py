"""The parties of a record and their part in the chance (参与方): who agreed, who was called, who revealed what was promised."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from expert_draw.engine.fixed_entries import Agree, Party
from expert_draw.engine.lines import Event
from expert_draw.engine.randomness import Suite, check_link, round_seed
from expert_draw.engine.round_entries import Beacon, Call, Reveal, Void
from expert_draw.engine.shapes import Pairs
from expert_draw.engine.signing import signed
from expert_draw.engine.wording import RecordBroken


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The last call and what was revealed after it. hash: of its line. value: of the beacon. shares: (party, hex)."""

    round_no: int
    hash: str
    until: str
    beacon: tuple[str, int] | None
    shares: Pairs = ()
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the parties have done so far; every step gives the next value or raises RecordBroken.

    number: of the draw or the campaign. first: hash of line 1. promised: per party the last value revealed, in hex. call:
    the last one. running: as long as anything is to be drawn, the hash that its seeds take for the call. careful: signatures
    and promises of further lines are looked at.
    """

    careful: bool = field(default=True, compare=False)
    number: str = ""
    suite: Suite = "sha256"
    first: str = ""
    parties: tuple[Party, ...] = ()
    promised: Mapping[str, str] = field(default_factory=dict)
    agreed: frozenset[str] = frozenset()
    call: OpenCall | None = None
    running: str | None = None

    @property
    def last_call(self) -> OpenCall:
        """The last call, open or not; RecordBroken before there is one."""
        if self.call is None:
            raise RecordBroken("record.not_called")
        return self.call

    @property
    def round_no(self) -> int:
        """The number of the last call; 0 before the first."""
        return self.call.round_no if self.call else 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties that have yet to agree, or to reveal in the open call."""
        done = {party for party, _ in self.call.shares} if self.call and self.running else self.agreed
        return tuple(party.name for party in self.parties if party.name not in done)

    @property
    def revealing(self) -> bool:
        """Whether the open call still waits for a share or the beacon."""
        call = self.call
        return bool(call and self.running and (self.missing or (call.beacon and call.value is None)))

    def opened(self, number: str, suite: Suite, parties: tuple[Party, ...], first: str) -> "Ceremony":
        """Line 1 stands: who the parties are, and what each has promised."""
        promised = {party.name: party.anchor for party in parties}
        return replace(self, number=number, suite=suite, parties=parties, promised=promised, first=first)

    def agree(self, entry: Agree) -> "Ceremony":
        """A party has signed the hash of line 1."""
        if entry.party in self.agreed:
            raise RecordBroken("record.party_twice", party=entry.party)
        self.check_signed(entry.party, Agree.TYPE, self.first, entry.sig)
        return replace(self, agreed=self.agreed | {entry.party})

    def begin(self, entry: Call, event: Event) -> "Ceremony":
        """The parties are called; the number follows the last one."""
        if entry.round_no != self.round_no + 1:
            raise RecordBroken("record.wrong_round", expected=self.round_no + 1, found=entry.round_no)
        call = OpenCall(entry.round_no, event.hash, entry.until, entry.beacon)
        return replace(self, call=call, running=event.hash)

    def reveal(self, entry: Reveal) -> "Ceremony":
        """A party reveals what it has promised."""
        call = self.last_call
        if entry.round_no != call.round_no:
            raise RecordBroken("record.wrong_round", expected=call.round_no, found=entry.round_no)
        if entry.party in dict(call.shares):
            raise RecordBroken("record.party_twice", party=entry.party)
        self.check_signed(entry.party, Reveal.TYPE, call.hash + entry.share, entry.sig)
        before, share = bytes.fromhex(self.promised[entry.party]), bytes.fromhex(entry.share)
        if self.careful and not check_link(before, share, self.suite):
            raise RecordBroken("record.broken_commitment", party=entry.party)
        shares = tuple(sorted((*call.shares, (entry.party, entry.share))))
        promised = {**self.promised, entry.party: entry.share}
        return replace(self, call=replace(call, shares=shares), promised=promised)

    def mix(self, entry: Beacon) -> "Ceremony":
        """The public randomness named in the call comes after all shares."""
        call = self.last_call
        if self.missing or call.beacon != (entry.source, entry.number):
            raise RecordBroken("record.wrong_beacon")
        return replace(self, call=replace(call, value=entry.value))

    def go_on(self, running: str | None) -> "Ceremony":
        """Something is drawn. running: what the seeds of all that is still to be drawn take for the call; None: nothing is."""
        return replace(self, running=running)

    def check_void(self, entry: Void, event: Event) -> None:
        """Whether the party named did withhold its share beyond the time given."""
        if entry.party is None:
            return
        call = self.call
        if call is None or not self.running or entry.party not in self.missing or call.until > event.at:
            raise RecordBroken("record.not_withheld", party=entry.party)

    def seed(self, kind: str, purpose: str) -> bytes:
        """The seed of what is drawn by the shares of the last call (docs/draw-record.md section 5)."""
        call = self.last_call
        return round_seed(
            self.suite,
            beacon=call.value,
            call=self.running or call.hash,
            draw=self.number,
            kind=kind,
            purpose=purpose,
            round_no=call.round_no,
            shares=[(party, bytes.fromhex(share)) for party, share in call.shares],
        )

    def check_signed(self, party: str, purpose: str, message: str, sig: str) -> None:
        """Whether a party of line 1 has signed this. message, sig: hex."""
        key = next((one.key for one in self.parties if one.name == party), None)
        if key is None:
            raise RecordBroken("record.party_unknown", party=party)
        if self.careful and not signed(key, purpose, bytes.fromhex(message), sig):
            raise RecordBroken("record.wrong_party_signature", party=party)
