"""Brings the packets of one track into order, knows which are missing and when to stop waiting for them."""

from dataclasses import dataclass

from venue.media.rtp import RtpPacket

_WRAP = 1 << 16
_HALF = 1 << 15
_MOST_WAITING = 2048
_MOST_MISSING = 1024
_MOST_NOTICED_PER_S = 4096
"""Newly missing packets that are waited for in a second. Who skips more has lost its count, or wants to cost us time."""
_LATE_BEFORE_RESTART = 100


@dataclass(frozen=True, slots=True)
class Hole:
    """Packets that will not come any more."""

    packets: int


@dataclass(slots=True)
class _Missing:
    noticed_ms: int
    asked_ms: int | None = None


class ReorderBuffer:
    """Packets in, the same packets in order out, with `Hole` where some are missing for good.

    `give_up_ms`: how long a missing packet may hold up those behind it. `ask_every_ms`: pause between two requests
    for the same packet. Times are room milliseconds. Memory and work are bounded: beyond 2048 waiting or 1024 missing
    packets the oldest hole is given up at once, and not many more are waited for in any second.
    """

    def __init__(self, *, give_up_ms: int, ask_every_ms: int) -> None:
        self._give_up_ms = give_up_ms
        self._ask_every_ms = ask_every_ms
        self._next: int | None = None
        self._highest = 0
        self._waiting: dict[int, RtpPacket] = {}
        self._missing: dict[int, _Missing] = {}
        self._late_in_a_row = 0
        self._noticed = 0
        self._noticed_since_ms = 0

    @property
    def highest(self) -> int:
        """Highest sequence seen, counted on over wraps; 0 before the first packet."""
        return self._highest

    @property
    def is_missing_any(self) -> bool:
        return bool(self._missing)

    def place(self, sequence: int) -> int:
        """The counted-on number of a 16-bit sequence number, nearest to the highest seen."""
        if self._next is None:
            return sequence
        step = (sequence - self._highest) % _WRAP
        return self._highest + (step - _WRAP if step >= _HALF else step)

    def pass_by(self, sequence: int) -> int | None:
        """The place of a packet that is simply the next one, while none waits and none is missing: it needs no buffer.

        None for any other, which then goes to `add`.
        """
        due = self._next
        if due is None or due <= self._highest or sequence != due % _WRAP:
            return None
        self._next, self._highest = due + 1, due
        self._late_in_a_row = 0
        return due

    def add(self, place: int, packet: RtpPacket, now_ms: int) -> tuple[RtpPacket | Hole, ...]:
        """Takes a packet that belongs at `place`; returns what is in order now."""
        if self._next is None:
            self._next = self._highest = place
        if place < self._next:
            return self._late(place, packet)
        self._late_in_a_row = 0
        if place > self._highest:
            if place - self._highest > _MOST_MISSING or not self._may_wait(place - self._highest - 1, now_ms):
                return self._restart(place, packet)
            for lost in range(max(self._highest + 1, self._next), place):
                self._missing[lost] = _Missing(now_ms)
            self._highest = place
        if place not in self._waiting:
            self._missing.pop(place, None)
            self._waiting[place] = packet
        return self.take(now_ms)

    def take(self, now_ms: int) -> tuple[RtpPacket | Hole, ...]:
        """What is in order now, and the holes whose time has run out."""
        return self._take(now_ms, all_of_it=False)

    def flush(self) -> tuple[RtpPacket | Hole, ...]:
        """Everything that waits, with a hole for all that is missing."""
        return self._take(0, all_of_it=True)

    def _take(self, now_ms: int, *, all_of_it: bool) -> tuple[RtpPacket | Hole, ...]:
        taken: list[RtpPacket | Hole] = []
        hole = 0
        while self._next is not None and self._next <= self._highest:
            packet = self._waiting.pop(self._next, None)
            if packet is None:
                if not all_of_it and not self._is_over(self._missing[self._next], now_ms):
                    break
                del self._missing[self._next]
                hole += 1
            else:
                if hole:
                    taken.append(Hole(hole))
                    hole = 0
                taken.append(packet)
            self._next += 1
        if hole:
            taken.append(Hole(hole))
        return tuple(taken)

    def to_ask(self, now_ms: int) -> tuple[int, ...]:
        """16-bit numbers of missing packets to ask for now; each is due again after the pause."""
        due: list[int] = []
        for place, missing in self._missing.items():
            if missing.asked_ms is None or now_ms - missing.asked_ms >= self._ask_every_ms:
                missing.asked_ms = now_ms
                due.append(place % _WRAP)
        return tuple(due)

    def _is_over(self, missing: _Missing, now_ms: int) -> bool:
        return (
            now_ms - missing.noticed_ms >= self._give_up_ms
            or len(self._waiting) > _MOST_WAITING
            or len(self._missing) > _MOST_MISSING
        )

    def _may_wait(self, packets: int, now_ms: int) -> bool:
        """Whether so many more may be waited for now."""
        if now_ms - self._noticed_since_ms >= 1000:  # noqa: PLR2004 -- a second
            self._noticed, self._noticed_since_ms = 0, now_ms
        self._noticed += packets
        return self._noticed <= _MOST_NOTICED_PER_S

    def _late(self, place: int, packet: RtpPacket) -> tuple[RtpPacket | Hole, ...]:
        """Too late or twice; a sender that began to count anew shows by being late for long."""
        self._late_in_a_row += 1
        return self._restart(place, packet) if self._late_in_a_row > _LATE_BEFORE_RESTART else ()

    def _restart(self, place: int, packet: RtpPacket) -> tuple[RtpPacket | Hole, ...]:
        rest = self.flush()
        skipped = max(1, place - self._highest - 1)
        self._late_in_a_row = 0
        self._next, self._highest = place + 1, place
        return (*rest, Hole(skipped), packet)
