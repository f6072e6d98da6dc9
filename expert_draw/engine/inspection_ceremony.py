"""The parties of a record and their part in the chance (参与方): who agreed, who was called, who revealed what was promised."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from expert_draw.engine.fixed_entries import Agree, Party
from expert_draw.engine.history import OpenCall
from expert_draw.engine.lines import Event
from expert_draw.engine.randomness import Suite, check_link, round_seed
from expert_draw.engine.round_entries import Beacon, Call, Reveal, Void
from expert_draw.engine.signing import signed
from expert_draw.engine.wording import RecordBroken


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the parties have done so far; every step gives the next value or raises RecordBroken.

    number: of the campaign. first: hash of line 1. promised: per party the last value revealed, in hex. call: the last one;
    open: until everything that it serves is drawn. careful: signatures and promises of further lines are looked at.
    """

    careful: bool = True

    number: str = ""
    suite: Suite = "sha256"
    first: str = ""
    parties: tuple[Party, ...] = ()
    promised: Mapping[str, str] = field(default_factory=dict)
    agreed: frozenset[str] = frozenset()
    call: OpenCall | None = None
    open: bool = False

    @property
    def round_no(self) -> int:
        """The number of the last call; 0 before the first."""
        return self.call.round_no if self.call else 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties that have yet to agree, or to reveal in the open call."""
        done = {party for party, _ in self.call.shares} if self.call and self.open else self.agreed
        return tuple(party.name for party in self.parties if party.name not in done)

    @property
    def revealing(self) -> bool:
        """Whether the open call still waits for a share or the beacon."""
        call = self.call
        return call is not None and self.open and bool(self.missing or (call.beacon and call.value is None))

    def agree(self, entry: Agree) -> "Ceremony":
        """A party has signed the hash of line 1."""
        if entry.party in self.agreed:
            raise RecordBroken("record.party_twice", party=entry.party)
        self._check(entry.party, Agree.TYPE, self.first, entry.sig)
        return replace(self, agreed=self.agreed | {entry.party})

    def begin(self, entry: Call, event: Event) -> "Ceremony":
        """The parties are called; the number follows the last one."""
        if entry.round_no != self.round_no + 1:
            raise RecordBroken("record.wrong_round", expected=self.round_no + 1, found=entry.round_no)
        return replace(self, call=OpenCall(entry.round_no, event.hash, entry.until, entry.beacon), open=True)

    def reveal(self, entry: Reveal) -> "Ceremony":
        """A party reveals what it has promised."""
        call = self._called(Reveal.TYPE)
        if entry.round_no != call.round_no:
            raise RecordBroken("record.wrong_round", expected=call.round_no, found=entry.round_no)
        if entry.party in dict(call.shares):
            raise RecordBroken("record.party_twice", party=entry.party)
        self._check(entry.party, Reveal.TYPE, call.hash + entry.share, entry.sig)
        before, share = bytes.fromhex(self.promised[entry.party]), bytes.fromhex(entry.share)
        if self.careful and not check_link(before, share, self.suite):
            raise RecordBroken("record.broken_commitment", party=entry.party)
        shares = tuple(sorted((*call.shares, (entry.party, entry.share))))
        promised = {**self.promised, entry.party: entry.share}
        return replace(self, call=replace(call, shares=shares), promised=promised)

    def mix(self, entry: Beacon) -> "Ceremony":
        """The public randomness named in the call comes after all shares."""
        call = self._called(Beacon.TYPE)
        if self.missing or call.beacon != (entry.source, entry.number):
            raise RecordBroken("record.wrong_beacon")
        return replace(self, call=replace(call, value=entry.value))

    def finish(self) -> "Ceremony":
        """Everything the call served is drawn."""
        return replace(self, open=False)

    def check_void(self, entry: Void, event: Event) -> None:
        """Whether the party named did withhold its share beyond the time given."""
        if entry.party is None:
            return
        call = self.call
        if call is None or not self.open or entry.party not in self.missing or call.until > event.at:
            raise RecordBroken("record.not_withheld", party=entry.party)

    def seed(self, kind: str, purpose: str) -> bytes:
        """The seed of what is drawn now (docs/draw-record.md section 5)."""
        call = self._called("call")
        return round_seed(
            self.suite,
            beacon=call.value,
            call=call.hash,
            draw=self.number,
            kind=kind,
            purpose=purpose,
            round_no=call.round_no,
            shares=[(party, bytes.fromhex(share)) for party, share in call.shares],
        )

    def _called(self, type_: str) -> OpenCall:
        if self.call is None or not self.open:
            raise RecordBroken("record.out_of_place", type=type_, phase="between")
        return self.call

    def _check(self, party: str, purpose: str, message: str, sig: str) -> None:
        key = next((one.key for one in self.parties if one.name == party), None)
        if key is None:
            raise RecordBroken("record.party_unknown", party=party)
        if self.careful and not signed(key, purpose, bytes.fromhex(message), sig):
            raise RecordBroken("record.wrong_party_signature", party=party)
