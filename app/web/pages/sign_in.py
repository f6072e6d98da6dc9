"""Signing in: staff by password or by a link, each followed by the second factor; anyone out again."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import entering, passwords, service, staff
from app.accounts.access import Actor, Public, find_actor
from app.accounts.entering import Half
from app.accounts.permissions import Role
from app.accounts.service import How, SignedIn
from app.core.errors import Forbidden, YuanpingError
from app.core.i18n import N_
from app.web import arriving, cookies
from app.web.navigation import home, home_of, local
from app.web.pages import guessing
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(dependencies=[Public()])
FoundDep = Annotated[Actor | None, Depends(find_actor)]

_FAILED = N_("登录名或密码不正确，或尝试次数过多")
_FAILED_REMEDY = N_("核对后再试；连续多次失败时请等几分钟，或联系系统管理员")
_ORDER = (
    Role.host_operator,
    Role.supervisor,
    Role.guest_operator,
    Role.pool_administrator,
    Role.administrator,
)
_LINK_FAILED = N_("这个登录链接已失效")
_LINK_REMEDY = N_("请改用登录名和密码，或重新取得链接")


@router.get("/")
def root(visit: VisitDep, actor: FoundDep) -> Response:
    if actor is None and arriving.from_elsewhere(visit.request):
        return arriving.again(visit.request)
    return RedirectResponse(home(actor) if actor else "/sign-in", HTTPStatus.SEE_OTHER)


@router.get("/sign-in")
def sign_in_page(visit: VisitDep) -> Response:
    return _page(visit, going_to=visit.request.query_params.get("next", ""))


@router.post("/sign-in")
def sign_in(visit: VisitDep, typed: TypedDep) -> Response:
    """By login and password. A failure never says which part was wrong, nor whether the account is paused.

    A browser that has signed in to this account before is not slowed by what others do from the same address.
    """
    login, going_to = one(typed, "login"), one(typed, "next")
    throttle, browser = guessing.throttle(visit, guessing.SIGN_IN), visit.browser
    known = bool(browser.device) and _knows(visit, login, browser.device)
    number = 0 if known else throttle.attempt(visit.now, browser.whence.address)
    if number is None:
        # Neither compared nor written down: both cost us more than the asking costs whoever floods us.
        return _page(
            visit, going_to=going_to, login=login, failed=_FAILED, status=HTTPStatus.TOO_MANY_REQUESTS
        )
    with visit.database.reading() as session:
        stored = entering.password_hash(session, login)
    password = "".join(typed.get("password", ()))
    right = passwords.matches(stored, password)
    renewed = passwords.hash_password(password) if right and passwords.outdated(str(stored)) else None
    with visit.database.transaction() as session:
        half = entering.by_password(
            session,
            visit.sealer,
            visit.now,
            visit.settings.accounts,
            login=login,
            stored=stored,
            right=right,
            browser=browser,
            renewed=renewed,
        )
    if half is None:
        guessing.note_wrong(visit, guessing.SIGN_IN, number)
        return _page(visit, going_to=going_to, login=login, failed=_FAILED, status=HTTPStatus.UNAUTHORIZED)
    if not known:
        throttle.take_back(browser.whence.address)
    return halfway(visit, half, going_to)


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
            how=How.demonstration,
            browser=visit.browser,
            proved_at=visit.now,
        )
    if signed is None:
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    return let_in(visit, signed, one(typed, "next"))


@router.get("/sign-in/ticket/{token}")
def sign_in_by_link(token: str, visit: VisitDep) -> Response:
    """By a link that was handed out for an account. There is none to a seat: it takes the terminal and the check at the desk.

    A link is one factor; only in a demonstration, whose links somebody at the machine reads, nothing else is asked.
    """
    if arriving.from_elsewhere(visit.request):
        return arriving.again(visit.request)
    accounts, browser = visit.settings.accounts, visit.browser
    found: SignedIn | Half | None = None
    with visit.database.transaction() as session:
        subject = service.redeem_link(session, visit.sealer, visit.now, token)
        kind, _, key = (subject or "").partition(":")
        if kind == "account" and visit.settings.demo:
            found = service.open_session(
                session,
                visit.sealer,
                visit.now,
                accounts,
                account_id=key,
                how=How.demonstration,
                browser=browser,
                proved_at=visit.now,
            )
        elif kind == "account":
            found = entering.halfway(session, visit.sealer, visit.now, key, How.link)
    going_to = visit.request.query_params.get("next", "")
    if isinstance(found, Half):
        return halfway(visit, found, going_to)
    if found is None:
        return _page(visit, failed=_LINK_FAILED, remedy=_LINK_REMEDY, status=HTTPStatus.UNAUTHORIZED)
    return let_in(visit, found, going_to)


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


def halfway(visit: Visit, half: Half, going_to: str) -> RedirectResponse:
    """On to the page that asks for the second factor."""
    on = f"?next={quote(local(going_to), safe='/')}" if local(going_to) else ""
    response = RedirectResponse(f"/sign-in/second-factor{on}", HTTPStatus.SEE_OTHER)
    cookies.keep_half(visit.request, response, half.token)
    return response


def let_in(visit: Visit, signed: SignedIn, going_to: str) -> RedirectResponse:
    """On to the page that was asked for; first to what the holder of the account has to know."""
    wanted = local(going_to) or home_of(signed.role)
    response = RedirectResponse(
        "/account/second-factor" if signed.recovered else wanted, HTTPStatus.SEE_OTHER
    )
    cookies.keep_session(visit.request, response, signed)
    return response


def refusal_page(visit: Visit, refusal: YuanpingError) -> HTMLResponse:
    """The sign-in page, which says why another way in did not work."""
    message, remedy = visit.explain(refusal)
    return _page(visit, failed=message, remedy=remedy, status=HTTPStatus(refusal.status))


def _knows(visit: Visit, login: str, device: str) -> bool:
    with visit.database.reading() as session:
        return entering.knows_device(session, visit.sealer, login, device)


def _page(
    visit: Visit,
    *,
    going_to: str = "",
    login: str = "",
    failed: str = "",
    remedy: str = _FAILED_REMEDY,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    personas: tuple[staff.Persona, ...] = ()
    if visit.settings.demo:
        with visit.database.reading() as session:
            personas = tuple(sorted(staff.personas(session), key=_place_of))
    return visit.page(
        "sign_in.html",
        status=status,
        personas=personas,
        going_to=local(going_to),
        login=login,
        failed=failed,
        remedy=remedy,
        provider=visit.settings.accounts.oidc.name if visit.settings.accounts.oidc.enabled else "",
    )


def _place_of(persona: staff.Persona) -> int:
    return _ORDER.index(persona.role) if persona.role in _ORDER else len(_ORDER)
