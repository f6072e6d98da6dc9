"""Gives every act its place in the log over all cases, and signs for the log: soon after each act, at once for milestones.

Runs in every process; one at a time does it. Before it signs it looks whether the rows still say what was signed: the newest part
each time, all of it after a start and every hour. Where they do not, nothing is signed any more and an alarm is noted.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from app.audit import log_rows
from app.audit.log_check import LogCheck
from app.audit.log_rows import Entry
from app.audit.log_tree import Frontier, leaf_hash
from app.audit.models import AuditCheckpoint
from app.audit.signed_note import Checkpoint, Note, NoteMalformed, Signer
from app.audit.tags import MILESTONES
from app.core.clock import Clock
from app.core.database import Database

logger = logging.getLogger(__name__)

_MATTER = "audit-log"
_MOST = 5000
_AGAIN = 1000
_SECOND_NS = 1_000_000_000
_SHORT = 20_000
_REVIEW_EVERY_NS = 3600 * _SECOND_NS
_OPEN_AT_MOST = timedelta(minutes=15)
"""PostgreSQL gives numbers out before the commit, so a lower one may appear after a higher one has its one. No transaction is
open as long as this; should one ever be, the hourly look everywhere finds its acts."""
_REST_NS = 60 * _SECOND_NS


class Disagreement(Exception):
    """Rows and what was signed for them differ; says where."""


@dataclass(frozen=True, slots=True)
class Log:
    """How this house signs for its log. period_s: how long an act may be without a signature."""

    signer: Signer
    period_s: float


class Sequencer:
    """To be asked again and again; one in each process."""

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database, self._clock, self._log = database, clock, log
        self._alone = threading.Lock()
        self._reviewing = threading.Lock()
        self._signed_ns: int | None = None
        self._reviewed_ns: int | None = None
        self._rests_until_ns = 0
        self._everywhere = True
        self._seen = Frontier()

    def advance(self, *, at_once: bool = False) -> int:
        """Signs where it is time to, and says for how many acts. at_once: whatever is new is signed for now."""
        if self._short():
            self.review(at_once=at_once)
        with self._alone:
            moment = self._clock.monotonic_ns()
            if moment < self._rests_until_ns:
                return 0
            try:
                signed = step = self._step(moment, at_once=at_once)
                while step == _MOST:
                    step = self._step(moment, at_once=True)
                    signed += step
            except Disagreement as error:
                self._refuse(moment, str(error))
                return 0
            return signed

    def review(self, *, at_once: bool = False) -> None:
        """Compares everything, where it is time to or an alarm stands; beside the signing, as it takes a while for a long trail.

        at_once: also where it was found amiss a moment ago.
        """
        with self._reviewing:
            moment = self._clock.monotonic_ns()
            if moment < self._rests_until_ns and not at_once:
                return
            with self._database.reading() as session:
                alarm = log_rows.alarm(session)
                late = self._reviewed_ns is None or moment - self._reviewed_ns >= _REVIEW_EVERY_NS
                if alarm is None and not late:
                    return
                try:
                    agreed = self._agreed(session, self._seen, whole=True)
                except Disagreement as error:
                    reason = str(error)
                else:
                    reason = ""
            if reason:
                self._refuse(moment, reason)
                return
            if alarm is not None:
                with self._database.transaction() as session:
                    log_rows.tell(session, self._clock.now(), agreed.size, "")
            with self._alone:
                if agreed.size > self._seen.size:
                    self._seen = agreed
                self._reviewed_ns, self._rests_until_ns, self._everywhere = moment, 0, True

    def _short(self) -> bool:
        """Whether the trail is read through so quickly that signing can wait for it."""
        with self._database.reading() as session:
            return log_rows.signed_size(session) <= _SHORT

    def _refuse(self, moment: int, reason: str) -> None:
        self._reviewed_ns, self._rests_until_ns = None, moment + _REST_NS
        with self._database.transaction() as session:
            if log_rows.tell(session, self._clock.now(), log_rows.signed_size(session), reason):
                logger.error("the audit log is not signed any more: %s", reason)

    def _step(self, moment: int, *, at_once: bool) -> int:
        """One checkpoint over at most some thousand acts; how many they are."""
        with self._database.reading() as session:
            floor = 0 if self._everywhere else log_rows.settled(session, self._clock.now() - _OPEN_AT_MOST)
            fresh = log_rows.pending(session, floor, _MOST)
        if not fresh:
            self._everywhere = False
            return 0
        if not self._due(fresh, moment, at_once=at_once):
            return 0
        with self._database.transaction() as session:
            if not _alone(session) or log_rows.alarm(session) is not None:
                return 0
            grown, signed = self._sign(session, floor)
        self._seen, self._signed_ns = grown, moment
        self._everywhere = self._everywhere and signed == _MOST
        return signed

    def _due(self, fresh: tuple[Entry, ...], moment: int, *, at_once: bool) -> bool:
        waited = self._signed_ns is None or moment - self._signed_ns >= self._log.period_s * _SECOND_NS
        return at_once or waited or any(entry.tag in MILESTONES for entry in fresh)

    def _sign(self, session: Session, floor: int) -> tuple[Frontier, int]:
        """The log as it is signed for now, and for how many more acts."""
        frontier = self._agreed(session, self._seen, whole=False)
        fresh = log_rows.pending(session, floor, _MOST)
        if not fresh:
            return frontier, 0
        leaves = [(entry.event_id, leaf_hash(entry.data)) for entry in fresh]
        log_rows.append(session, frontier.size, leaves)
        grown = frontier.extended(leaf for _, leaf in leaves)
        milestone = any(entry.tag in MILESTONES for entry in fresh)
        session.add(_signed(self._log.signer, self._clock.now(), grown, milestone=milestone))
        session.flush()
        return grown, len(fresh)

    def _agreed(self, session: Session, seen: Frontier, *, whole: bool) -> Frontier:
        """The log as it was last signed for, if the rows still say so. Raises Disagreement.

        Goes through the rows from an earlier checkpoint on, or from the beginning, to the last one and past what this process
        itself has seen signed.
        """
        last = log_rows.last_checkpoint(session)
        size = last.size if last else 0
        start = 0 if whole else max(0, size - _AGAIN)
        if seen.size:
            start = min(seen.size, start)
        before = log_rows.last_checkpoint(session, start)
        roots = {row.size: self._vouched(row).root for row in (before, last) if row is not None}
        if seen.size in roots and roots[seen.size] != seen.root:
            raise Disagreement(f"checkpoint {seen.size} is another one")
        check = LogCheck({seen.size: seen.root, **roots}, self._vouched(before))
        for expected, one in enumerate(log_rows.leaves(session, check.frontier.size), check.frontier.size):
            if one.position != expected:
                raise Disagreement(f"leaf {expected} is gone")
            check.see(one.entry, one.leaf)
            if check.faults:
                break
        check.end()
        if check.faults:
            fault = check.faults[0]
            raise Disagreement(f"{fault.kind} at {fault.position}: {fault.case}#{fault.n}")
        if check.frontier.size != size:
            raise Disagreement(f"leaf {size} is beyond the last checkpoint")
        return check.frontier

    def _vouched(self, row: AuditCheckpoint | None) -> Frontier:
        """The log of a checkpoint that this house really signed. Raises Disagreement."""
        if row is None:
            return Frontier()
        try:
            told = Note.parse(row.note.encode()).checkpoint(self._log.signer.verifier)
            frontier = log_rows.frontier_of(row)
        except NoteMalformed as error:
            raise Disagreement(f"checkpoint {row.size} is not signed by this key: {error}") from error
        except ValueError as error:
            raise Disagreement(f"checkpoint {row.size} was changed: {error}") from error
        if (told.size, told.root) != (row.size, frontier.root):
            raise Disagreement(f"checkpoint {row.size} was changed: its row and its note differ")
        return frontier


def _signed(signer: Signer, now: datetime, log: Frontier, *, milestone: bool) -> AuditCheckpoint:
    told = Checkpoint(signer.verifier.name, log.size, log.root, (f"at {now.isoformat(timespec='seconds')}",))
    note = Note(told.to_text()).signed(signer)
    return AuditCheckpoint(
        size=log.size,
        root=log.root.hex(),
        frontier=log.to_text(),
        note=note.to_bytes().decode(),
        milestone=milestone,
        at=now,
    )


def _alone(session: Session) -> bool:
    """Whether no other process is at it; SQLite lets one writer in anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    mine = func.pg_try_advisory_xact_lock(func.hashtextextended(_MATTER, 0))
    return bool(session.execute(select(mine)).scalar_one())
