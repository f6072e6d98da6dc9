"""The second factor: asked for at the door, set up, renewed, and shown once more before what asks for it."""

from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from starlette.responses import Response

from app.accounts import entering, second_factor, staff
from app.accounts.access import Actor, Public, Requires, require_fresh
from app.accounts.entering import Waiting
from app.accounts.permissions import Permission
from app.accounts.second_factor import Offer
from app.accounts.service import SignedIn
from app.accounts.trail import record
from app.audit.tags import Tag
from app.core.i18n import N_
from app.web import cookies
from app.web.navigation import home_of, local
from app.web.pages.forms import TypedDep, one, plain
from app.web.pages.own import account_of
from app.web.pages.sign_in import let_in
from app.web.pages.visit import Visit, VisitDep

router = APIRouter()
SelfDep = Annotated[Actor, Requires(Permission.account_self)]

_WRONG = N_("动态码不正确、已经用过，或尝试次数过多")
_WRONG_REMEDY = N_("等验证器显示下一个动态码再输入；连续多次失败时请等几分钟。手机时间须准确")
_WRONG_RECOVERY = N_("恢复码不正确、已经用过，或尝试次数过多")
_WRONG_RECOVERY_REMEDY = N_("核对后再试，每个恢复码只能用一次；都用完了请联系系统管理员重置")


@router.get("/sign-in/second-factor", dependencies=[Public()])
def second_step(visit: VisitDep) -> Response:
    who = _waiting(visit)
    if who is None:
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    return _step_page(visit, who, visit.request.query_params.get("next", ""))


@router.post("/sign-in/second-factor", dependencies=[Public()])
def second_step_taken(visit: VisitDep, typed: TypedDep) -> Response:
    """All the way in; who had no authenticator yet gets the recovery codes on the way, this one time."""
    who, going_to = _waiting(visit), one(typed, "next")
    if who is None:
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    half_token, browser = cookies.half_token(visit.request), visit.browser
    code, recovery = plain(one(typed, "code")), plain(one(typed, "recovery"))
    accounts = visit.settings.accounts
    if not who.enrolled:
        with visit.database.transaction() as session:
            done = entering.by_enrolling(
                session,
                visit.sealer,
                visit.now,
                accounts,
                half_token=half_token,
                code=code,
                browser=browser,
            )
        if done is None:
            return _step_page(visit, who, going_to, _WRONG, _WRONG_REMEDY)
        signed, codes = done
        response = visit.page(
            "recovery_codes.html", codes=codes, going_to=local(going_to) or home_of(signed.role)
        )
        cookies.keep_session(visit.request, response, signed)
        return response
    with visit.database.transaction() as session:
        found = entering.by_code(
            session,
            visit.sealer,
            visit.now,
            accounts,
            half_token=half_token,
            code=recovery or code,
            recovery=bool(recovery),
            browser=browser,
        )
    if found is None and recovery:
        return _step_page(visit, who, going_to, _WRONG_RECOVERY, _WRONG_RECOVERY_REMEDY, recovering=True)
    if found is None:
        return _step_page(visit, who, going_to, _WRONG, _WRONG_REMEDY)
    return let_in(visit, found, going_to)


@router.get("/step-up")
def step_up_page(visit: VisitDep, actor: SelfDep) -> Response:
    return _step_up(visit, actor, visit.request.query_params.get("next", ""))


@router.post("/step-up")
def step_up(visit: VisitDep, actor: SelfDep, typed: TypedDep) -> Response:
    """The second factor once more. In a demonstration an account without one is believed: nobody there has any."""
    account_id, going_to = account_of(actor), one(typed, "next")
    with visit.database.transaction() as session:
        if visit.settings.demo and not second_factor.enrolled(session, account_id):
            signed: SignedIn | None = entering.proved(
                session, visit.sealer, visit.now, account_id, actor.session_id
            )
        else:
            signed = entering.step_up(
                session,
                visit.sealer,
                visit.now,
                visit.settings.accounts,
                account_id=account_id,
                session_id=actor.session_id,
                code=plain(one(typed, "code")),
                browser=visit.browser,
            )
    if signed is None:
        return _step_up(visit, actor, going_to, failed=True)
    response = RedirectResponse(local(going_to) or home_of(actor.role), HTTPStatus.SEE_OTHER)
    cookies.keep_session(visit.request, response, signed)
    return response


@router.get("/account/second-factor")
def own_factor(visit: VisitDep, actor: SelfDep) -> HTMLResponse:
    return _own(visit, actor)


@router.post("/account/second-factor/told")
def recovery_noticed(visit: VisitDep, actor: SelfDep) -> RedirectResponse:
    with visit.database.transaction() as session:
        second_factor.told(session, account_of(actor))
    return RedirectResponse("/account/second-factor", HTTPStatus.SEE_OTHER)


@router.post("/account/second-factor/codes")
def renew_codes(visit: VisitDep, actor: SelfDep) -> HTMLResponse:
    """Ten new recovery codes, shown this one time."""
    require_fresh(visit.request, actor, visit.now)
    account_id = account_of(actor)
    with visit.database.transaction() as session:
        codes = second_factor.new_recovery_codes(session, visit.sealer, account_id)
        record(session, visit.now, account_id, Tag.account_recovery_renewed, account_id)
    return visit.page("recovery_codes.html", actor=actor, codes=codes, going_to="/account/second-factor")


@router.get("/account/second-factor/new")
def another_authenticator(visit: VisitDep, actor: SelfDep) -> HTMLResponse:
    require_fresh(visit.request, actor, visit.now)
    return _renewing(visit, actor)


@router.post("/account/second-factor/new")
def another_authenticator_confirmed(visit: VisitDep, actor: SelfDep, typed: TypedDep) -> HTMLResponse:
    """The new authenticator takes the place of the earlier one; the account's other sessions end."""
    require_fresh(visit.request, actor, visit.now)
    account_id = account_of(actor)
    codes: tuple[str, ...] = ()
    with visit.database.transaction() as session:
        if second_factor.confirm(
            session,
            visit.sealer,
            visit.now,
            account_id=account_id,
            holder=actor.session_id,
            code=plain(one(typed, "code")),
        ):
            codes = second_factor.new_recovery_codes(session, visit.sealer, account_id)
            record(session, visit.now, account_id, Tag.account_factor_enrolled, account_id)
            staff.end_sessions(
                session, visit.now, account_id=account_id, actor_id=account_id, but=actor.session_id
            )
    if not codes:
        return _renewing(visit, actor, failed=True)
    return visit.page("recovery_codes.html", actor=actor, codes=codes, going_to="/account/second-factor")


def picture_of(offer: Offer) -> Markup:
    """The address of an offered secret as a QR code, which an authenticator's camera reads."""
    drawn = segno.make(offer.uri, error="m", micro=False).svg_inline(
        omitsize=True, dark="#000", light="#fff", border=3
    )
    return Markup(drawn)  # noqa: S704 -- drawn here, of squares


def _waiting(visit: Visit) -> Waiting | None:
    with visit.database.reading() as session:
        return entering.waiting(session, visit.sealer, visit.now, cookies.half_token(visit.request))


def _step_page(
    visit: Visit,
    who: Waiting,
    going_to: str,
    failed: str = "",
    remedy: str = "",
    *,
    recovering: bool = False,
) -> HTMLResponse:
    offer = None
    if not who.enrolled:
        with visit.database.transaction() as session:
            offer = second_factor.offer(
                session,
                visit.sealer,
                visit.now,
                account_id=who.account_id,
                login=who.login,
                holder=who.id,
            )
    return visit.page(
        "second_factor.html" if offer is None else "enrol.html",
        status=HTTPStatus.UNAUTHORIZED if failed else HTTPStatus.OK,
        who=who,
        offer=offer,
        picture=picture_of(offer) if offer else "",
        action="/sign-in/second-factor",
        going_to=local(going_to),
        failed=failed,
        remedy=remedy,
        recovering=recovering,
    )


def _step_up(visit: Visit, actor: Actor, going_to: str, *, failed: bool = False) -> HTMLResponse:
    with visit.database.reading() as session:
        enrolled = second_factor.enrolled(session, account_of(actor))
    return visit.page(
        "step_up.html",
        actor=actor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK,
        enrolled=enrolled,
        provider=visit.settings.accounts.oidc.name if visit.settings.accounts.oidc.enabled else "",
        going_to=local(going_to),
        failed=_WRONG if failed else "",
        remedy=_WRONG_REMEDY,
    )


def _own(visit: Visit, actor: Actor) -> HTMLResponse:
    with visit.database.reading() as session:
        standing = second_factor.standing(session, account_of(actor))
    return visit.page("own_factor.html", actor=actor, standing=standing, most=second_factor.CODES)


def _renewing(visit: Visit, actor: Actor, *, failed: bool = False) -> HTMLResponse:
    account_id = account_of(actor)
    with visit.database.transaction() as session:
        offer = second_factor.offer(
            session,
            visit.sealer,
            visit.now,
            account_id=account_id,
            login=staff.load(session, account_id).login,
            holder=actor.session_id,
        )
    return visit.page(
        "enrol.html",
        actor=actor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK,
        who=None,
        offer=offer,
        picture=picture_of(offer),
        action="/account/second-factor/new",
        going_to="",
        failed=_WRONG if failed else "",
        remedy=_WRONG_REMEDY,
    )
