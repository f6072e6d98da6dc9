"""What somebody sees and does about their own account: who is signed in as them, and their password."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import entering, passwords, sessions, staff
from app.accounts.access import Actor, Requires, require_fresh
from app.accounts.permissions import Permission
from app.core.errors import InvalidInput, NotFound, YuanpingError
from app.core.i18n import N_
from app.web.pages.forms import TypedDep
from app.web.pages.visit import Visit, VisitDep
from venue import service as venues

router = APIRouter()
SelfDep = Annotated[Actor, Requires(Permission.account_self)]
_ACCOUNT = "account:"


def account_of(actor: Actor) -> str:
    """The id of the actor's account; NotFound for an expert, who has none."""
    if not actor.id.startswith(_ACCOUNT):
        raise NotFound("no-account", N_("您没有工作人员账号"), N_("专家凭席位码入席，无需账号"))
    return actor.id.removeprefix(_ACCOUNT)


@router.post("/account/here", status_code=HTTPStatus.NO_CONTENT)
def still_here(actor: SelfDep) -> Response:  # noqa: ARG001 -- its guard does all
    """Somebody is at the page and does something there; the guard has noted it."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/account/sessions")
def own_sessions(visit: VisitDep, actor: SelfDep) -> HTMLResponse:
    with visit.database.reading() as session:
        found = sessions.open_of(session, visit.now, account_of(actor))
    return visit.page("sessions.html", actor=actor, sessions=found)


@router.post("/account/sessions/end-others")
def end_others(visit: VisitDep, actor: SelfDep) -> RedirectResponse:
    """By who has just proved themselves: whoever found or stole a session must not throw its owner out."""
    account_id = account_of(actor)
    require_fresh(visit.request, actor, visit.now)
    with visit.database.transaction() as session:
        staff.end_sessions(
            session, visit.now, account_id=account_id, actor_id=account_id, but=actor.session_id
        )
    return RedirectResponse("/account/sessions", HTTPStatus.SEE_OTHER)


@router.post("/account/sessions/{session_id}/end")
def end_one(session_id: str, visit: VisitDep, actor: SelfDep) -> RedirectResponse:
    """As above."""
    account_id = account_of(actor)
    require_fresh(visit.request, actor, visit.now)
    with visit.database.transaction() as session:
        staff.end_session(
            session, visit.now, account_id=account_id, session_id=session_id, actor_id=account_id
        )
    return RedirectResponse("/account/sessions", HTTPStatus.SEE_OTHER)


@router.get("/account/password")
def password_page(visit: VisitDep, actor: SelfDep) -> HTMLResponse:
    account_of(actor)
    return _password(visit, actor)


@router.post("/account/password")
def change_password(visit: VisitDep, actor: SelfDep, typed: TypedDep) -> Response:
    """Another password, by who knows the present one; the account's other sessions end.

    Where there is none yet, by who has just proved themselves.
    """
    account_id = account_of(actor)
    with visit.database.reading() as session:
        account = staff.load(session, account_id)
        stored = entering.password_hash(session, account.login)
    if stored is None:
        require_fresh(visit.request, actor, visit.now)
    elif not _believed(visit, account_id, stored, typed):
        wrong = InvalidInput("password-wrong", N_("现在的密码不正确，或尝试次数过多"), N_("核对后再试"))
        return _password(visit, actor, wrong)
    try:
        new = chosen(typed, account.login, account.name, *centers(visit))
    except InvalidInput as refusal:
        return _password(visit, actor, refusal)
    new_hash = passwords.hash_password(new)
    with visit.database.transaction() as session:
        staff.require_not_ended(session, account_id, actor.session_id)  # making the hash has taken its time
        staff.set_password(
            session, visit.now, account_id, new_hash, actor_id=account_id, but=actor.session_id
        )
    return RedirectResponse("/account/sessions", HTTPStatus.SEE_OTHER)


def chosen(typed: dict[str, tuple[str, ...]], *names: str) -> str:
    """The new password that was typed twice; InvalidInput when it does not fit, or the two differ."""
    new, again = ("".join(typed.get(field, ())) for field in ("new", "again"))
    passwords.require_fit(new, *names)
    if new != again:
        raise InvalidInput("password-differs", N_("两次输入的密码不同"), N_("重新输入两遍"))
    return new


def centers(visit: Visit) -> tuple[str, ...]:
    """How the centers are called: whoever chooses a password here thinks of that."""
    with visit.database.reading() as session:
        found = venues.summaries(session, visit.now)
    return tuple(word for center in found for word in (center.name, center.code))


def _believed(visit: Visit, account_id: str, stored: str, typed: dict[str, tuple[str, ...]]) -> bool:
    """Whether the present password was typed. Wrong ones are counted: a session left open is no place to guess at."""
    right = passwords.matches(stored, "".join(typed.get("password", ())))
    with visit.database.transaction() as session:
        return entering.believed(
            session,
            visit.sealer,
            visit.now,
            visit.settings.accounts,
            account_id,
            right=right,
            browser=visit.browser,
        )


def _password(visit: Visit, actor: Actor, refusal: YuanpingError | None = None) -> HTMLResponse:
    return visit.page(
        "password.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        refusal=visit.explain(refusal) if refusal else None,
        least=passwords.SHORTEST,
    )
