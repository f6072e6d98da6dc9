"""Signing in by the center's own sign-in service, and showing its second factor once more."""

import hmac
import secrets
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts import entering, identities, oidc, service, tickets, tries
from app.accounts.access import Actor, Public, find_actor
from app.accounts.entering import Half
from app.accounts.oidc import Identity, Provider
from app.accounts.service import How, SignedIn
from app.accounts.tickets import Redeemed, TicketKind
from app.core.errors import Forbidden, NotFound, YuanpingError
from app.core.i18n import N_
from app.web import arriving, cookies
from app.web.navigation import home_of, local
from app.web.pages.sign_in import refusal_page
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(dependencies=[Public()])
FoundDep = Annotated[Actor | None, Depends(find_actor)]

_FLOW = "flow"
_FLOW_LASTS = timedelta(minutes=10)
_SKEW = timedelta(seconds=10)
"""So much the provider's clock may be behind ours when it says that it has asked again."""
_SIGN_IN, _STEP_UP = "sign-in", "step-up"
_CALLBACK = "/sign-in/provider/callback"


@router.get("/sign-in/provider")
def leave(visit: VisitDep, actor: FoundDep) -> Response:
    """Off to the provider; what comes back has to fit to what this browser keeps."""
    asked = visit.request.query_params
    step_up = "step_up" in asked and actor is not None
    token = secrets.token_urlsafe(32)
    going_to = local(asked.get("next", ""))
    try:
        address = _provider(visit).address(oidc.flow_of(visit.sealer, token), fresh=step_up)
    except YuanpingError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return refusal_page(visit, refusal)
    purpose = f"{_STEP_UP}:{actor.session_id}" if step_up and actor else _SIGN_IN
    with visit.database.transaction() as session:
        ticket = tickets.issue(
            session,
            visit.sealer,
            visit.now,
            kind=TicketKind.provider,
            subject=purpose,
            lifetime=_FLOW_LASTS,
        )
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    cookies.keep_flow(visit.request, response, _FLOW, f"{token}.{ticket}.{going_to}", _FLOW_LASTS)
    return response


@router.get(_CALLBACK)
def come_back(visit: VisitDep) -> Response:
    """Back from the provider. Each way there counts once, and only in the browser it began in."""
    kept, _, rest = cookies.flow(visit.request, _FLOW).partition(".")
    ticket, _, going_to = rest.partition(".")
    try:
        provider, flow = _provider(visit), oidc.flow_of(visit.sealer, kept)
        asked = visit.request.query_params
        if not kept or not hmac.compare_digest(asked.get("state", "").encode(), flow.state.encode()):
            raise _stale()
        with visit.database.transaction() as session:
            begun = tickets.redeem_whole(
                session, visit.sealer, visit.now, kind=TicketKind.provider, secret=ticket
            )
        if begun is None:
            raise _stale()
        if "code" not in asked:
            raise Forbidden("oidc-declined", N_("统一身份认证没有放行"), N_("重新登录，或改用登录名和密码"))
        identity = provider.identity(flow, asked["code"], visit.now)
        response = _received(visit, identity, begun, local(going_to))
    except YuanpingError as refusal:
        if isinstance(refusal, NotFound):
            raise
        response = refusal_page(visit, refusal)
    cookies.forget_flow(visit.request, response, _FLOW)
    return response


def _provider(visit: Visit) -> Provider:
    settings = visit.settings.accounts.oidc
    if not settings.enabled:
        raise NotFound("page-unknown", N_("没有这个页面"), N_("核对地址，或从首页进入"))
    return Provider(settings, visit.settings.public_url + _CALLBACK)


def _received(visit: Visit, identity: Identity, begun: Redeemed, going_to: str) -> Response:
    with visit.database.transaction() as session:
        account_id = _holding(session, identity)
        if account_id is None:
            raise Forbidden(
                "identity-unlinked",
                N_("统一身份认证中的身份（{subject}）没有关联账号"),
                N_("把这个标识告诉系统管理员，由其关联到您的账号"),
                subject=identity.subject,
            )
        if begun.subject.startswith(_STEP_UP):
            return _stepped_up(visit, session, identity, account_id, begun, going_to)
        found: SignedIn | Half | None
        if identity.second_factor:
            found = service.open_session(
                session,
                visit.sealer,
                visit.now,
                visit.settings.accounts,
                account_id=account_id,
                how=How.provider,
                browser=visit.browser,
                proved_at=_seen_at(visit, identity),
            )
            if found is not None:
                device = tries.remember_device(
                    session, visit.sealer, visit.now, account_id, visit.browser.device
                )
                found = SignedIn(found.token, found.role, found.lifetime, device)
        else:
            found = entering.halfway(session, visit.sealer, visit.now, account_id, How.provider)
    if found is None:
        raise Forbidden("account-disabled", N_("账号已停用"), N_("联系系统管理员"))
    # A redirect would still count as coming from the other site, and the browser would keep our cookies back.
    if isinstance(found, Half):
        response = arriving.step(visit.request, f"/sign-in/second-factor?next={quote(going_to, safe='/')}")
        cookies.keep_half(visit.request, response, found.token)
    else:
        response = arriving.step(visit.request, going_to or home_of(found.role))
        cookies.keep_session(visit.request, response, found)
    return response


def _holding(session: Session, identity: Identity) -> str | None:
    """The account of this identity, held; None where it has none, or has lost it while somebody else held it."""
    account_id = identities.account_of(session, identity.issuer, identity.subject)
    if account_id is None:
        return None
    tries.hold_account(session, account_id)
    return (
        account_id
        if identities.account_of(session, identity.issuer, identity.subject) == account_id
        else None
    )


def _stepped_up(
    visit: Visit, session: Session, identity: Identity, account_id: str, begun: Redeemed, going_to: str
) -> Response:
    """The provider has asked for its second factor since this way there began, in the name of who is signed in here."""
    session_id = begun.subject.removeprefix(f"{_STEP_UP}:")
    earliest = int((begun.issued_at - _SKEW).timestamp())
    if not identity.second_factor or identity.seen_at is None or identity.seen_at < earliest:
        raise Forbidden(
            "oidc-not-fresh", N_("统一身份认证没有重新验证您的身份"), N_("重新验证，或设置本系统的验证器")
        )
    signed = entering.proved_elsewhere(session, visit.sealer, visit.now, account_id, session_id)
    if signed is None:
        raise Forbidden(
            "oidc-other-account", N_("统一身份认证的是另一个人"), N_("用当前账号本人的身份重新验证")
        )
    response = arriving.step(visit.request, going_to or "/")
    cookies.keep_session(visit.request, response, signed)
    return response


def _seen_at(visit: Visit, identity: Identity) -> datetime | None:
    """When the provider has seen the second factor, which may be hours ago: whoever is signed in there is not asked again."""
    if identity.seen_at is None:
        return None
    return min(datetime.fromtimestamp(identity.seen_at, visit.now.tzinfo), visit.now)


def _stale() -> Forbidden:
    return Forbidden("oidc-stale", N_("这次登录已过期或不是从这个浏览器开始的"), N_("回到登录页面重新开始"))
