"""Signing in: staff by password or by a link, anyone out again."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import passwords, service
from app.accounts.access import Actor, Public, find_actor
from app.accounts.permissions import Role
from app.accounts.service import SignedIn
from app.core.errors import Forbidden
from app.core.i18n import N_
from app.evaluation import desk
from app.web import cookies
from app.web.navigation import home, home_of, local
from app.web.pages import guessing
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(dependencies=[Public()])
FoundDep = Annotated[Actor | None, Depends(find_actor)]

_FAILED = N_("登录名或密码不正确，或尝试次数过多")
_FAILED_REMEDY = N_("核对后再试；连续多次失败时请等几分钟，或联系系统管理员重置密码")
_ORDER = (
    Role.host_operator,
    Role.supervisor,
    Role.guest_operator,
    Role.pool_administrator,
    Role.administrator,
    Role.expert,
)
_LINK_FAILED = N_("这个登录链接已失效")
_LINK_REMEDY = N_("请改用登录名和密码，或重新取得链接")


@router.get("/")
def root(actor: FoundDep) -> RedirectResponse:
    return RedirectResponse(home(actor) if actor else "/sign-in", HTTPStatus.SEE_OTHER)


@router.get("/sign-in")
def sign_in_page(visit: VisitDep) -> Response:
    return _page(visit, going_to=visit.request.query_params.get("next", ""))


@router.post("/sign-in")
def sign_in(visit: VisitDep, typed: TypedDep) -> Response:
    """By login and password. A failure never says which part was wrong, nor whether the account is paused."""
    login, going_to = one(typed, "login"), one(typed, "next")
    throttle, address = guessing.throttle(visit, guessing.SIGN_IN), guessing.address_of(visit)
    number = throttle.attempt(visit.now, address)
    if number is None:
        # Neither compared nor written down: both cost us more than the asking costs whoever floods us.
        return _page(
            visit, going_to=going_to, login=login, failed=_FAILED, status=HTTPStatus.TOO_MANY_REQUESTS
        )
    with visit.database.reading() as session:
        stored = service.password_hash(session, login)
    right = passwords.matches(stored, "".join(typed.get("password", ())))
    with visit.database.transaction() as session:
        signed = service.sign_in(
            session, visit.sealer, visit.now, visit.settings.accounts, login=login, right=right
        )
    if signed is None:
        guessing.note_wrong(visit, guessing.SIGN_IN, number)
        return _page(visit, going_to=going_to, login=login, failed=_FAILED, status=HTTPStatus.UNAUTHORIZED)
    throttle.take_back(address)
    return _let_in(visit, signed, going_to)


@router.post("/sign-in/persona")
def step_into_persona(visit: VisitDep, typed: TypedDep) -> Response:
    """Into an account of the sample center; there is no such door outside of a demonstration."""
    if not visit.settings.demo:
        raise Forbidden("not-a-demonstration", N_("只有示范系统可以免密码进入"), N_("请使用登录名和密码登录"))
    with visit.database.transaction() as session:
        signed = service.open_session(
            session,
            visit.sealer,
            visit.now,
            visit.settings.accounts,
            account_id=one(typed, "account"),
            how="demonstration",
        )
    if signed is None:
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    return _let_in(visit, signed, one(typed, "next"))


@router.get("/sign-in/ticket/{token}")
def sign_in_by_link(token: str, visit: VisitDep) -> Response:
    """By a link that was handed out: for an account, or for the seat of a committee member."""
    accounts = visit.settings.accounts
    signed: SignedIn | None = None
    with visit.database.transaction() as session:
        subject = service.redeem_link(session, visit.sealer, visit.now, token)
        kind, _, key = (subject or "").partition(":")
        if kind == "account":
            signed = service.open_session(
                session, visit.sealer, visit.now, accounts, account_id=key, how="link"
            )
        elif kind == "member" and (member := desk.enter(session, visit.now, key)) is not None:
            signed = service.open_seat(
                session,
                visit.sealer,
                visit.now,
                accounts,
                member_id=member.id,
                evaluation_id=member.evaluation_id,
            )
    if signed is None:
        return _page(visit, failed=_LINK_FAILED, remedy=_LINK_REMEDY, status=HTTPStatus.UNAUTHORIZED)
    return _let_in(visit, signed, visit.request.query_params.get("next", ""))


@router.post("/sign-out")
def sign_out(visit: VisitDep, actor: FoundDep) -> RedirectResponse:
    token = cookies.session_token(visit.request)
    if token:
        with visit.database.transaction() as session:
            service.sign_out(session, visit.sealer, visit.now, token)
    expert = actor is not None and actor.member_id is not None
    response = RedirectResponse("/seat" if expert else "/sign-in", HTTPStatus.SEE_OTHER)
    cookies.forget_session(visit.request, response)
    return response


def _let_in(visit: Visit, signed: SignedIn, going_to: str) -> RedirectResponse:
    """On to the page that was asked for."""
    response = RedirectResponse(local(going_to) or home_of(signed.role), HTTPStatus.SEE_OTHER)
    cookies.keep_session(visit.request, response, signed)
    return response


def _page(
    visit: Visit,
    *,
    going_to: str = "",
    login: str = "",
    failed: str = "",
    remedy: str = _FAILED_REMEDY,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    personas: tuple[service.Persona, ...] = ()
    if visit.settings.demo:
        with visit.database.reading() as session:
            personas = tuple(sorted(service.personas(session), key=lambda one: _ORDER.index(one.role)))
    return visit.page(
        "sign_in.html",
        status=status,
        personas=personas,
        going_to=local(going_to),
        login=login,
        failed=failed,
        remedy=remedy,
    )
