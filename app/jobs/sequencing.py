"""Has the audit log signed while the service runs, and what was signed stamped and countersigned beside."""

from functools import partial

from anyio import to_thread

from app.audit.house_log import HouseLog
from app.core.clock import Clock
from app.jobs.patience import Patience


class Sequencing:
    """Signing comes first: nothing that stamps or countersigns holds it up."""

    def __init__(self, log: HouseLog, clock: Clock) -> None:
        self._log = log
        self._patience = Patience(clock)

    async def sign(self) -> None:
        await to_thread.run_sync(self._sign)

    async def review(self) -> None:
        await to_thread.run_sync(self._review)

    async def endorse(self) -> None:
        await to_thread.run_sync(self._endorse)

    async def finish(self) -> None:
        """Before the service ends, whatever is new is signed for."""
        await to_thread.run_sync(partial(self._sign, at_once=True))

    def _sign(self, *, at_once: bool = False) -> None:
        with self._patience.trying("signing the audit log") as time_to_try:
            if time_to_try:
                self._log.sequencer.advance(at_once=at_once)

    def _review(self) -> None:
        with self._patience.trying("reviewing the audit log") as time_to_try:
            if time_to_try:
                self._log.sequencer.review()

    def _endorse(self) -> None:
        for what, act in (
            ("stamping the audit log", self._log.endorser.stamp),
            ("countersigning the audit log", self._log.endorser.sign),
        ):
            with self._patience.trying(what) as time_to_try:
                if time_to_try:
                    act()
