"""What failed is tried again later, and holds up nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.core.clock import Clock

logger = logging.getLogger(__name__)

_FIRST_PAUSE_NS, _LONGEST_PAUSE_NS = 1_000_000_000, 60_000_000_000


@dataclass(slots=True)
class Patience:
    """What failed is tried again after a pause that grows, and holds up nothing else meanwhile."""

    clock: Clock
    _pauses: dict[str, tuple[int, int]] = field(default_factory=dict)

    @contextmanager
    def trying(self, what: str, *, passing: type[Exception] | tuple[()] = ()) -> Iterator[bool]:
        """Yields whether it is time to try `what`; an error inside is logged with its trace and ends the block.

        passing: errors that pass by themselves and soon; after one of them the pause does not grow.
        """
        until_ns, pause_ns = self._pauses.get(what, (0, _FIRST_PAUSE_NS))
        if self.clock.monotonic_ns() < until_ns:
            yield False
            return
        try:
            yield True
        except passing as error:
            logger.info("%s waits: %s", what, error)
            self._pauses[what] = (self.clock.monotonic_ns() + _FIRST_PAUSE_NS, pause_ns)
        except Exception:  # whatever it was, it concerns this one only; its transaction is undone
            logger.exception("%s failed and is tried again in %d s", what, pause_ns // 1_000_000_000)
            longer = min(2 * pause_ns, _LONGEST_PAUSE_NS)
            self._pauses[what] = (self.clock.monotonic_ns() + pause_ns, longer)
        else:
            self._pauses.pop(what, None)
