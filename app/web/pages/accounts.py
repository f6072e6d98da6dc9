"""The accounts of staff, for who keeps them: list, add, disable, change roles, help who has lost something."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import identities, listing, sessions, staff, staff_acts, welcome_links
from app.accounts.access import Actor, Requires, require_fresh
from app.accounts.listing import Sort, State
from app.accounts.permissions import Permission, Role
from app.accounts.staff_acts import Outcome, StaffActKind, Wish
from app.core.errors import Conflict, InvalidInput, YuanpingError
from app.core.i18n import N_
from app.web.pages import account_acts
from app.web.pages.forms import Typed, TypedDep, one
from app.web.pages.own import account_of
from app.web.pages.visit import Visit, VisitDep
from venue import service as venues

router = APIRouter()
KeeperDep = Annotated[Actor, Requires(Permission.account_manage)]
_LONGEST_NUMBER = 4
"""Digits of a page; nobody has so many accounts."""


@router.get("/accounts")
def accounts_page(visit: VisitDep, actor: KeeperDep) -> HTMLResponse:
    return _list(visit, actor)


@router.post("/accounts")
def add(visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    """A new account, with the link by which its holder chooses a password: shown this one time, or to who confirms it."""
    require_fresh(visit.request, actor, visit.now)
    try:
        with visit.database.transaction() as session:
            center = one(typed, "center")
            detail = {
                "name": one(typed, "name").strip(),
                "role": str(_role(typed)),
                "center_id": venues.center_by_code(session, center).id if center else "",
            }
            wish = Wish(StaffActKind.invitation, one(typed, "login").strip(), detail=detail)
            came = staff_acts.request(
                session,
                visit.sealer,
                visit.now,
                wish,
                reason=one(typed, "reason"),
                actor_id=account_of(actor),
            )
    except YuanpingError as refusal:
        return _list(visit, actor, typed, refusal)
    return _after(visit, actor, came)


@router.get("/accounts/{account_id}")
def account_page(account_id: str, visit: VisitDep, actor: KeeperDep) -> HTMLResponse:
    return _one(visit, actor, account_id)


@router.post("/accounts/{account_id}/link")
def new_link(account_id: str, visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    """Another link to choose a password by: it opens the account, so who asks for it proves themselves first."""
    require_fresh(visit.request, actor, visit.now)
    return _request(visit, actor, typed, StaffActKind.welcome_link, account_id)


@router.post("/accounts/{account_id}/disable")
def disable(account_id: str, visit: VisitDep, actor: KeeperDep) -> Response:
    require_fresh(visit.request, actor, visit.now)
    with visit.database.transaction() as session:
        staff.disable(session, visit.now, account_id=account_id, actor_id=account_of(actor))
    return _back(account_id)


@router.post("/accounts/{account_id}/enable")
def enable(account_id: str, visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    require_fresh(visit.request, actor, visit.now)
    return _request(visit, actor, typed, StaffActKind.enable, account_id)


@router.post("/accounts/{account_id}/role")
def change_role(account_id: str, visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    require_fresh(visit.request, actor, visit.now)
    try:
        role = _role(typed)
    except InvalidInput as refusal:
        return _one(visit, actor, account_id, refusal=refusal)
    return _request(visit, actor, typed, StaffActKind.role_change, account_id, role=str(role))


@router.post("/accounts/{account_id}/factor")
def reset_factor(account_id: str, visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    """Takes away the second factor of who has lost it; with a reason, by who has just shown their own."""
    require_fresh(visit.request, actor, visit.now)
    return _request(visit, actor, typed, StaffActKind.factor_reset, account_id)


@router.post("/accounts/{account_id}/identity")
def link_identity(account_id: str, visit: VisitDep, actor: KeeperDep, typed: TypedDep) -> Response:
    """Says whom of the center's own sign-in service the account belongs to, or, without a name, that it is nobody's."""
    require_fresh(visit.request, actor, visit.now)
    issuer, subject = str(visit.settings.accounts.oidc.issuer), one(typed, "subject")
    if subject:
        kind = StaffActKind.identity_link
        return _request(visit, actor, typed, kind, account_id, issuer=issuer, subject=subject)
    try:
        with visit.database.transaction() as session:
            identities.unlink(
                session, visit.now, account_id=account_id, issuer=issuer, actor_id=account_of(actor)
            )
    except (Conflict, InvalidInput) as refusal:
        return _one(visit, actor, account_id, refusal=refusal)
    return _back(account_id)


@router.post("/accounts/{account_id}/sessions/end")
def end_sessions(
    account_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.session_manage)]
) -> Response:
    """Signs somebody out everywhere, at once."""
    require_fresh(visit.request, actor, visit.now)
    own = account_of(actor)
    with visit.database.transaction() as session:
        staff.load(session, account_id)
        staff.end_sessions(session, visit.now, account_id=account_id, actor_id=own, but=actor.session_id)
    return _back(account_id)


def _role(typed: Typed) -> Role:
    try:
        return Role(one(typed, "role"))
    except ValueError:
        raise InvalidInput("role-unknown", N_("没有选择岗位"), N_("选择一个岗位")) from None


def _request(
    visit: Visit, actor: Actor, typed: Typed, kind: StaffActKind, account_id: str, **detail: str
) -> Response:
    """Done at once, or asked for where it takes a second person."""
    try:
        with visit.database.transaction() as session:
            came = staff_acts.request(
                session,
                visit.sealer,
                visit.now,
                staff_acts.of_account(session, kind, account_id, **detail),
                reason=one(typed, "reason"),
                actor_id=account_of(actor),
            )
    except (Conflict, InvalidInput) as refusal:
        return _one(visit, actor, account_id, refusal=refusal)
    return _after(visit, actor, came, account_id)


def _after(visit: Visit, actor: Actor, came: Outcome, account_id: str = "") -> Response:
    if came.invitation is not None:
        return _one(visit, actor, came.invitation.account_id, secret=came.invitation.secret)
    if came.act_id:
        return account_acts.asked(visit, actor, came.code)
    return _back(account_id)


def _back(account_id: str) -> RedirectResponse:
    return RedirectResponse(f"/accounts/{account_id}", HTTPStatus.SEE_OTHER)


def _list(
    visit: Visit, actor: Actor, typed: Typed | None = None, refusal: YuanpingError | None = None
) -> HTMLResponse:
    asked = visit.request.query_params
    words = asked.get("q", "")
    role = next((role for role in staff.ROLES if role == asked.get("role")), None)
    state = next((state for state in State if state == asked.get("state")), None)
    sort = next((sort for sort in Sort if sort == asked.get("sort")), Sort.login)
    number = asked.get("page", "")
    counted = number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER
    page = int(number) if counted else 1
    with visit.database.reading() as session:
        found = listing.listing(session, words=words, role=role, state=state, sort=sort, page=page)
        centers = venues.summaries(session, visit.now)
        waiting = staff_acts.waiting(session, visit.now, account_of(actor))
    return visit.page(
        "accounts.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        found=found,
        centers=centers,
        waiting=waiting,
        names={center.center_id: center.name for center in centers},
        roles=staff.ROLES,
        states=tuple(State),
        asked={"q": words, "role": role or "", "state": state or "", "sort": sort},
        typed={name: one(typed or {}, name) for name in ("login", "name", "role", "center", "reason")},
        refusal=visit.explain(refusal) if refusal else None,
    )


def _one(
    visit: Visit, actor: Actor, account_id: str, *, secret: str = "", refusal: YuanpingError | None = None
) -> HTMLResponse:
    with visit.database.reading() as session:
        account = staff.load(session, account_id)
        member = listing.member(session, account)
        found = sessions.open_of(session, visit.now, account_id)
        center = venues.center_name(session, account.center_id) if account.center_id else None
        subjects = identities.subjects_of(session, account_id)
        two = staff_acts.takes_two(session, Wish(StaffActKind.enable, account.login, account_id))
    return visit.page(
        "account.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        member=member,
        own=account_id == account_of(actor),
        center=center,
        subjects=subjects,
        two=two,
        provider=visit.settings.accounts.oidc.name if visit.settings.accounts.oidc.enabled else "",
        sessions=found,
        roles=staff.ROLES,
        link=f"{visit.settings.public_url.rstrip('/')}/welcome/{secret}" if secret else "",
        hours=int(welcome_links.LASTS.total_seconds() // 3600),
        refusal=visit.explain(refusal) if refusal else None,
    )
