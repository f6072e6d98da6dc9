"""The interface of the audit log: what partner centers, supervisors and anyone else may fetch, check and sign; and what is exported.

Everything that is public shows hashes and signatures alone.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.audit import cosigning, log_rows
from app.audit.browsing import Chosen
from app.audit.house_log import HouseLog
from app.core.dependencies import ClockDep, DatabaseDep
from app.core.errors import InvalidInput, NotFound
from app.core.i18n import N_
from app.exchange.audit_files import handed_out

router = APIRouter(prefix="/api/audit", tags=["audit"])

_SIZE_MOST = 2**31 - 1  # what the databases count with
_TEXT_MOST = 200
Size = Annotated[int, Query(ge=0, le=_SIZE_MOST)]
Exporter = Annotated[Actor, Requires(Permission.audit_export)]


async def _log(connection: HTTPConnection) -> HouseLog:
    log: HouseLog = connection.app.state.audit_log
    return log


LogDep = Annotated[HouseLog, Depends(_log)]


class ProofOut(BaseModel):
    """proof: hashes in hex digits, as RFC 9162 orders them."""

    first: int
    last: int
    proof: list[str]


class InclusionOut(BaseModel):
    """position: the place of the act in the log, from 0."""

    position: int
    size: int
    proof: list[str]


class CosignatureIn(BaseModel):
    """note: a checkpoint as it was fetched, with one signature line or more of witnesses added."""

    note: str = Field(max_length=16_384)


class CosignedOut(BaseModel):
    """witnesses: whose signatures stand under the checkpoint now."""

    witnesses: list[str]


async def chosen_acts(
    case: Annotated[str, Query(max_length=64)] = "",
    tag: Annotated[str, Query(max_length=80)] = "",
    actor: Annotated[str, Query(max_length=80)] = "",
    subject: Annotated[str, Query(max_length=80)] = "",
    text: Annotated[str, Query(max_length=_TEXT_MOST)] = "",
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
) -> Chosen:
    """Which acts a request is about; each word must fit wholly, `text` may stand anywhere in what was recorded."""
    return Chosen(case, tag, actor, subject, text, since, until)


ChosenDep = Annotated[Chosen, Depends(chosen_acts)]


@router.get("/key", dependencies=[Public()])
def key(log: LogDep) -> PlainTextResponse:
    """What checkpoints are verified with, as C2SP writes keys down. To be compared with what was published elsewhere."""
    return PlainTextResponse(log.key.to_text() + "\n")


@router.get("/checkpoint", dependencies=[Public()])
def newest_checkpoint(database: DatabaseDep) -> PlainTextResponse:
    """The newest checkpoint, a C2SP signed note with every cosignature that is kept for it."""
    with database.reading() as session:
        row = log_rows.last_checkpoint(session)
        if row is None:
            raise NotFound("checkpoint", N_("没有这个检查点"), N_("从 /api/audit/checkpoint 重新获取"))
        return PlainTextResponse(log_rows.note_of(session, row))


@router.get("/checkpoints/{size}", dependencies=[Public()])
def one_checkpoint(database: DatabaseDep, size: int) -> PlainTextResponse:
    """The checkpoint that was signed for so many acts."""
    with database.reading() as session:
        row = log_rows.checkpoint(session, size) if 0 <= size <= _SIZE_MOST else None
        if row is None:
            raise NotFound("checkpoint", N_("没有这个检查点"), N_("从 /api/audit/checkpoint 重新获取"))
        return PlainTextResponse(log_rows.note_of(session, row))


@router.get("/consistency", dependencies=[Public()])
def consistency(database: DatabaseDep, log: LogDep, first: Size, last: Size) -> ProofOut:
    """That the log of `last` acts begins with the log of `first`."""
    with database.reading() as session:
        _within(log_rows.signed_size(session), first, last)
        proof = log.proofs.consistency(session, first, last)
    return ProofOut(first=first, last=last, proof=[node.hex() for node in proof])


@router.get("/inclusion", dependencies=[Public()])
def inclusion(
    database: DatabaseDep,
    log: LogDep,
    leaf: Annotated[str, Query(pattern="^[0-9a-f]{64}$")],
    size: Size,
) -> InclusionOut:
    """That the act with this leaf hash is among the first `size` of the log."""
    with database.reading() as session:
        _within(log_rows.signed_size(session), 1, size)
        position = log_rows.position_of(session, bytes.fromhex(leaf))
        if position is None or position >= size:
            raise NotFound("leaf", N_("日志中没有这个叶哈希"), N_("核对哈希，或换用更新的检查点"))
        proof = log.proofs.inclusion(session, position, size)
    return InclusionOut(position=position, size=size, proof=[node.hex() for node in proof])


@router.post("/cosignatures", dependencies=[Public()])
def cosign(database: DatabaseDep, clock: ClockDep, log: LogDep, body: CosignatureIn) -> CosignedOut:
    """Takes the signature of a witness that this house knows, under a checkpoint of its own; doing it again changes nothing."""
    with database.transaction() as session:
        names = cosigning.accept(session, clock.now(), log.key, log.witnesses, body.note.encode())
    return CosignedOut(witnesses=list(names))


@router.get("/export")
def export(
    actor: Exporter,
    database: DatabaseDep,
    clock: ClockDep,
    log: LogDep,
    chosen: ChosenDep,
    comparable: Size | None = None,
) -> StreamingResponse:
    """The acts that are asked for, with all that is needed to check them elsewhere. comparable: the size of a checkpoint kept
    elsewhere."""
    return handed_out(database, clock, log, actor, chosen, comparable)


def _within(size: int, first: int, second: int) -> None:
    """Refuses sizes that the log does not have."""
    if not 0 <= first <= second <= size:
        raise InvalidInput(
            "no-such-size",
            N_("日志没有这么多条留痕，或起点大于终点"),
            N_("起点和终点取自两个检查点：起点不大于终点，终点不大于 {size}"),
            size=size,
        )
