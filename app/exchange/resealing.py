"""The work that follows a new key: everything older keys hold is sealed anew, beside the service, a turn at a time."""

from datetime import datetime

from anyio import to_thread
from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import rotation, work
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.work import Claim, Failed, Kind, Result

RESEAL = "reseal"
_BATCHES, _ROWS_AT_ONCE = 50, 200  # a turn takes seconds, one transaction of it milliseconds
_TIMEOUT_S, _TRIES = 60.0, 1000


def rotate(session: Session, now: datetime, sealer: Sealer, actor: str) -> int:
    """Makes the next key, under which everything new is sealed from now on, and orders the work for what is there."""
    number = rotation.begin(session, now, sealer)
    _order(session, now, number, 1)
    _note(session, now, Tag.key_rotated, actor, number, {"suite": sealer.suite.name})
    return number


def retire(session: Session, now: datetime, sealer: Sealer, number: int, actor: str) -> None:
    """Takes a key out of use for good; Conflict while anything is sealed under it."""
    rotation.retire(session, now, sealer, number)
    _note(session, now, Tag.key_retired, actor, number, {})


def kind(database: Database, sealer: Sealer) -> Kind:
    """One job is one turn; while anything is left it orders the next. Killed in the middle, the rows tell where it was."""

    def turn() -> Result:
        done = rotation.reseal(database, sealer, batches=_BATCHES, at_once=_ROWS_AT_ONCE)
        with database.reading() as session:
            left = rotation.left(session, sealer)
        if left > done.unreadable and not done.resealed:
            raise Failed("rows-busy")  # somebody holds the rest of them just now
        return {"left": left, "resealed": done.resealed, "unreadable": done.unreadable}

    async def run(_claim: Claim) -> Result:
        return await to_thread.run_sync(turn)

    def done(session: Session, now: datetime, claim: Claim, result: Result) -> None:
        if int(str(result["left"])) > int(str(result["unreadable"])):
            _order(session, now, int(claim.payload["key"]), int(claim.payload["turn"]) + 1)
        else:
            _note(session, now, Tag.key_resealed, "house", int(claim.payload["key"]), result)

    return Kind(RESEAL, run, at_once=1, timeout_s=_TIMEOUT_S, most_tries=_TRIES, done=done)


def _order(session: Session, now: datetime, number: int, turn: int) -> None:
    work.enqueue(
        session,
        now,
        kind=RESEAL,
        unique_key=f"{number}:{now.isoformat()}:{turn}",
        payload={"about": f"{number}/{turn}", "key": number, "turn": turn},
    )


def _note(session: Session, now: datetime, tag: Tag, actor: str, number: int, data: Result) -> None:
    audit.record(session, now, case="house", tag=tag, actor=actor, subject=f"key:{number}", data=data)
