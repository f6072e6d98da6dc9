"""Everything a soak leaves to chance, from one seed: what the provider does wrong, and what people do with their phones.

Pure: the same seed gives the same decision for the same question, however the processes that ask take turns.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

_WHOLE = float(1 << 64)


class Fate(StrEnum):
    """What comes of one request to call or to text somebody."""

    answered = "answered"  # taken, and the reply says so
    unavailable = "unavailable"  # 503, not taken
    dropped = "dropped"  # the connection breaks before anything was taken
    too_many = "too_many"  # 429, not taken
    broken_taken = "broken_taken"  # 500, and yet taken
    cut_taken = "cut_taken"  # taken, and the connection breaks without a reply
    silent_taken = "silent_taken"  # taken, and no reply before the caller loses patience


TAKES = frozenset({Fate.answered, Fate.broken_taken, Fate.cut_taken, Fate.silent_taken})


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of 1. Of the bad outcomes half are taken all the same, of the others one in two is a 503. lost, twice, late: of
    single reports; mute: of calls and texts that are never reported on at all.
    """

    bad: float = 0.2
    mute: float = 0.1
    lost: float = 0.1
    twice: float = 0.2
    late: float = 0.2
    contrary: float = 0.2


NONE = Faults(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Post:
    """How one report travels: not at all, twice, or so many seconds late that others overtake it."""

    lost: bool
    twice: bool
    late_s: float


class Picks(StrEnum):
    """What happens when a phone rings."""

    up = "up"
    nobody = "nobody"
    engaged = "engaged"


@dataclass(frozen=True, slots=True)
class Ways:
    """What people do: shares of 1, the rest does nothing; pauses in seconds.

    nobody, engaged: of calls. accepts, declines: of those who pick up. writes_yes, writes_no, stops: of texts. later_s:
    until somebody has second thoughts or calls back.
    """

    nobody: float = 0.12
    engaged: float = 0.03
    accepts: float = 0.7
    declines: float = 0.22
    writes_yes: float = 0.25
    writes_no: float = 0.2
    stops: float = 0.02
    thinks_s: float = 0.3
    rings_s: float = 0.3
    later_s: float = 4.0


class Chance:
    """Decisions by number: the n-th request, the n-th report, the n-th call."""

    def __init__(self, seed: int, faults: Faults, ways: Ways) -> None:
        self._seed = seed.to_bytes(8, "big", signed=True)
        self.faults = faults
        self.ways = ways

    def share(self, question: str, n: int) -> float:
        """An even share of 1, the same for the same question."""
        asked = b"%s %d" % (question.encode(), n)
        return int.from_bytes(blake2b(asked, key=self._seed, digest_size=8).digest(), "big") / _WHOLE

    def fate(self, n: int) -> Fate:
        drawn, bad = self.share("fate", n), self.faults.bad
        steps = (
            (1 / 4, Fate.unavailable),
            (3 / 8, Fate.dropped),
            (1 / 2, Fate.too_many),
            (3 / 4, Fate.broken_taken),
            (7 / 8, Fate.cut_taken),
            (1, Fate.silent_taken),
        )
        return next((fate for upto, fate in steps if drawn < upto * bad), Fate.answered)

    def post(self, n: int) -> Post:
        faults = self.faults
        late = self.share("late", n) < faults.late
        return Post(
            lost=self.share("lost", n) < faults.lost,
            twice=self.share("twice", n) < faults.twice,
            late_s=0.3 + 1.7 * self.share("how late", n) if late else 0.0,
        )

    def mute(self, n: int) -> bool:
        return self.share("mute", n) < self.faults.mute

    def picks(self, n: int) -> Picks:
        drawn, ways = self.share("picks", n), self.ways
        if drawn < ways.nobody:
            return Picks.nobody
        return Picks.engaged if drawn < ways.nobody + ways.engaged else Picks.up

    def presses(self, n: int) -> str:
        """The keys somebody presses, one after the other: `11`, `22`, or none at all."""
        return self._one_of("presses", n, (self.ways.accepts, "11"), (self.ways.declines, "22"))

    def writes(self, n: int) -> str:
        """What somebody writes back to a text, empty for nothing."""
        ways = self.ways
        return self._one_of("writes", n, (ways.writes_yes, "1"), (ways.writes_no, "2"), (ways.stops, "TD"))

    def contrary(self, n: int) -> bool:
        """Whether somebody who has answered says the opposite later."""
        return self.share("contrary", n) < self.faults.contrary

    def pause_s(self, question: str, n: int, mean_s: float) -> float:
        """Between half and three halves of the mean."""
        return mean_s * (0.5 + self.share(question, n))

    def _one_of(self, question: str, n: int, *ends: tuple[float, str]) -> str:
        drawn = self.share(question, n)
        for share, end in ends:
            if drawn < share:
                return end
            drawn -= share
        return ""
