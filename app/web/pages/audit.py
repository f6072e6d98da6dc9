"""The audit trail for whoever watches over it: looked up, paged through, taken along with its proofs (留痕)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlmodel import Session

from app.accounts import staff
from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.accounts.trail import ACCOUNT
from app.audit import browsing, log_rows
from app.audit.browsing import Act, Chosen
from app.core.dependencies import ClockDep
from app.evaluation import cases
from app.exchange.audit_endpoints import LogDep
from app.exchange.audit_files import handed_out
from app.exchange.audit_scope import within_reach
from app.rules.calendar import CHINA
from app.web import trail_words
from app.web.pages.visit import VisitDep

router = APIRouter(prefix="/audit")
Reader = Annotated[Actor, Requires(Permission.audit_read)]
Exporter = Annotated[Actor, Requires(Permission.audit_export)]

_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says. case: an evaluation's number too. since, until: as a browser writes a moment, in China's time."""

    case: str
    tag: str
    actor: str
    subject: str
    text: str
    since: str
    until: str

    def chosen(self, session: Session) -> Chosen:
        case = cases.of_number(session, self.case) or self.case
        since, until = _moment(self.since), _moment(self.until)
        return Chosen(case, self.tag, self.actor, self.subject, self.text, since, until)

    def query(self, **more: object) -> str:
        """The same again as part of an address; empty fields are left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return urlencode({name: value for name, value in {**fields, **more}.items() if value})


async def _asked(
    case: Annotated[str, Query(max_length=64)] = "",
    tag: Annotated[str, Query(max_length=80)] = "",
    actor: Annotated[str, Query(max_length=80)] = "",
    subject: Annotated[str, Query(max_length=80)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
) -> Asked:
    return Asked(case.strip(), tag, actor.strip(), subject.strip(), text.strip(), since, until)


AskedDep = Annotated[Asked, Depends(_asked)]


@router.get("")
def acts(
    visit: VisitDep,
    actor: Reader,
    log: LogDep,
    asked: AskedDep,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The newest acts that are asked for, from `before` downwards; and how the log stands."""
    with visit.database.reading() as session:
        chosen = within_reach(actor, asked.chosen(session))
        found = browsing.newest(session, chosen, before, _ON_A_PAGE + 1)
        shown = found[:_ON_A_PAGE]
        checkpoint = log_rows.last_checkpoint(session)
        values: dict[str, Any] = {
            "total": browsing.count(session, chosen),
            "alarm": log_rows.alarm(session),
            "checkpoint": checkpoint,
            "note": log_rows.note_of(session, checkpoint).decode() if checkpoint else "",
            "witnessed": log_rows.witnessed(session),
            "stamps": log_rows.stamps(session)[-1:],
            "numbers": cases.numbers(session, actor, {act.case for act in shown}),
            "people": _people(session, actor, shown),
        }
    return visit.page(
        "audit.html",
        actor=actor,
        acts=shown,
        asked=asked,
        key=log.key.to_text(),
        older=asked.query(before=shown[-1].id) if len(found) > _ON_A_PAGE else "",
        newest=asked.query() if before is not None else None,
        words=trail_words,
        **values,
    )


@router.get("/export")
def export(
    visit: VisitDep, clock: ClockDep, actor: Exporter, log: LogDep, asked: AskedDep
) -> StreamingResponse:
    """Exactly the acts that are asked for, whatever page is shown."""
    with visit.database.reading() as session:
        chosen = asked.chosen(session)
    return handed_out(visit.database, clock, log, actor, chosen)


def _people(session: Session, actor: Actor, acts: tuple[Act, ...]) -> Mapping[str, str]:
    """Actor or subject → the name of its account, for who may see accounts of staff; nobody else has a name here."""
    if not (actor.may(Permission.account_confirm) or actor.may(Permission.account_manage)):
        return {}
    named = {text for act in acts for text in (act.actor, act.subject) if text.startswith(ACCOUNT)}
    found = staff.names(session, {text.removeprefix(ACCOUNT) for text in named})
    return {f"{ACCOUNT}{account_id}": name for account_id, name in found.items()}


def _moment(text: str) -> datetime | None:
    """None for what is no moment: the form then asks for nothing there."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=CHINA) if found.tzinfo is None else found
