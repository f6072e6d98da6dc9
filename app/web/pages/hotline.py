"""The hotline: callers who want to talk to our staff, by their number on the line, and what the staff registers for them.

Nobody can be looked up here. Who took part in a draw would otherwise be known to whoever tries numbers.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.notify import hotline
from app.notify.hotline import Act
from app.notify.listener import ListenerDep
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import VisitDep

router = APIRouter(prefix="/hotline")

Staff = Annotated[Actor, Requires(Permission.hotline_answer)]


@router.get("")
def calls(visit: VisitDep, actor: Staff, listener: ListenerDep) -> HTMLResponse:
    """Who is on the line; `?said=` what was registered last."""
    with visit.database.reading() as session:
        line = hotline.on_the_line(session, visit.now, listener, actor.id)
    said = visit.request.query_params.get("said", "")
    return visit.page("hotline.html", actor=actor, line=line, said=said if said in _SAID else "", words=_SAID)


@router.post("/{call_id}/take")
def take(call_id: str, visit: VisitDep, actor: Staff) -> RedirectResponse:
    """I talk to this caller."""
    with visit.database.transaction() as session:
        hotline.take(session, visit.now, call_id, actor.id)
    return _back()


@router.get("/{call_id}/{act}")
def sure(call_id: str, act: Act, visit: VisitDep, actor: Staff, listener: ListenerDep) -> HTMLResponse:
    """Asks once more before anything is registered."""
    with visit.database.reading() as session:
        caller = hotline.caller(session, visit.now, listener, call_id, actor.id)
    return visit.page("hotline_sure.html", actor=actor, caller=caller, act=act)


@router.post("/{call_id}/register")
def register(
    call_id: str, visit: VisitDep, actor: Staff, listener: ListenerDep, typed: TypedDep
) -> RedirectResponse:
    """The second press: what the caller said counts."""
    wanted = one(typed, "act")
    if wanted not in set(Act):
        raise InvalidInput("hotline-act", N_("没有选择要登记的内容"), N_("返回热线页重新选择"))
    with visit.database.transaction() as session:
        heard = hotline.register(session, visit.now, listener, call_id, actor.id, Act(wanted))
    return _back(f"?said={heard.value}")


@router.post("/{call_id}/close")
def close(call_id: str, visit: VisitDep, actor: Staff) -> RedirectResponse:
    """The conversation is over, and nothing is to be registered."""
    with visit.database.transaction() as session:
        hotline.close(session, visit.now, call_id, actor.id)
    return _back()


_SAID = {
    "accepted": ("good", N_("已登记：能参加")),
    "declined": ("good", N_("已登记：不能参加")),
    "leave": ("good", N_("已登记：请假")),
    "leave_late": ("warn", N_("请假的截止时间已过，没有登记请假；对方仍需到场")),
    "lapsed": ("warn", N_("通知已失效，没有登记；对方无需到场")),
    "already": ("warn", N_("对方此前已经答复，没有改变")),
}
"""By what became of it: how loudly, and the words."""


def _back(rest: str = "") -> RedirectResponse:
    return RedirectResponse(f"/hotline{rest}", HTTPStatus.SEE_OTHER)
