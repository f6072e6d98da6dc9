"""Whether the clock that everything here goes by has been set: decided from what is read, without reading anything itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MOST = timedelta(seconds=2)
"""By so much clocks may differ and nobody is told."""
STEADY = timedelta(minutes=10)
"""After so long without another jump the time that was set counts as the right one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockTrouble(StrEnum):
    apart = "apart"  # from the database's
    jumped = "jumped"


@dataclass(frozen=True, slots=True)
class ClockFinding:
    """What is new about the clock. trouble: None when it is right again. off_ms: by how much, signed."""

    trouble: ClockTrouble | None
    off_ms: int


class ClockWatch:
    """Remembers how the wall clock stood to the monotonic one, which nobody can set; time servers that slew move both alike."""

    def __init__(self) -> None:
        self._base: timedelta | None = None
        self._stood = timedelta()
        self._since_ns: int | None = None
        self.trouble: ClockTrouble | None = None

    def look(self, now: datetime, monotonic_ns: int, apart: timedelta = timedelta()) -> ClockFinding | None:
        """What is new since the last look; None: nothing. apart: by how much the database's clock differs for certain."""
        stands = now - _EPOCH - timedelta(microseconds=monotonic_ns // 1000)
        again = self._jumped(stands, monotonic_ns)
        jumped = self._since_ns is not None
        trouble = ClockTrouble.apart if abs(apart) > MOST else ClockTrouble.jumped if jumped else None
        told, self.trouble = self.trouble, trouble
        if trouble is told and not (again and trouble is ClockTrouble.jumped):
            return None
        off = apart if trouble is ClockTrouble.apart else stands - (self._base or stands)
        return ClockFinding(trouble, round(off.total_seconds() * 1000))

    def _jumped(self, stands: timedelta, monotonic_ns: int) -> bool:
        """Whether it has jumped since the last look; keeps since when it stands elsewhere than it did."""
        if self._base is None:
            self._base = stands
        if abs(stands - self._base) <= MOST:
            self._since_ns = None
            return False
        if self._since_ns is None or abs(stands - self._stood) > MOST:
            self._since_ns, self._stood = monotonic_ns, stands
            return True
        if monotonic_ns - self._since_ns >= STEADY.total_seconds() * 1_000_000_000:
            self._base, self._since_ns = stands, None
        return False
