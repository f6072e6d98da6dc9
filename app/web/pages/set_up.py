"""First steps: the first administrator of a new house, and whoever was invited, choose their passwords."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from app.accounts import entering, passwords, set_up, staff, welcome_links
from app.accounts.access import Public
from app.accounts.service import How
from app.core.errors import Forbidden, InvalidInput, NotFound, YuanpingError
from app.core.i18n import N_
from app.web import arriving
from app.web.pages import guessing
from app.web.pages.forms import TypedDep, one, plain
from app.web.pages.own import centers, chosen
from app.web.pages.sign_in import halfway
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(dependencies=[Public()])
_WRONG = N_("开通码不正确")
_WRONG_REMEDY = N_("向提出的系统管理员核对后再输入；连错五次，链接即失效")


@router.get("/set-up")
def set_up_page(visit: VisitDep) -> HTMLResponse:
    _require_open(visit)
    return _set_up(visit, visit.request.query_params.get("code", ""))


@router.post("/set-up")
def set_up_house(visit: VisitDep, typed: TypedDep) -> Response:
    """Creates the first administrator and leads on to the second factor. Wrong codes are counted by where they come from."""
    _require_open(visit)
    code, login, name = (one(typed, field) for field in ("code", "login", "name"))
    throttle, address = guessing.throttle(visit, guessing.SET_UP), guessing.address_of(visit)
    number = throttle.attempt(visit.now, address)
    if number is None:
        busy = Forbidden("set-up-paused", N_("尝试次数过多，请稍候再试"), N_("等几分钟再输入"))
        return _set_up(visit, code, login, name, busy)
    try:
        password = chosen(typed, login, name)
        with visit.database.transaction() as session:
            account = set_up.first_account(
                session, visit.sealer, visit.now, code=code, login=login, name=name, password=password
            )
            half = entering.halfway(session, visit.sealer, visit.now, account.id, How.password)
    except NotFound:
        raise
    except InvalidInput as refusal:
        throttle.take_back(address)
        return _set_up(visit, code, login, name, refusal)
    except YuanpingError as refusal:
        guessing.note_wrong(visit, guessing.SET_UP, number)
        return _set_up(visit, code, login, name, refusal)
    throttle.take_back(address)
    return halfway(visit, half, "/accounts") if half else _set_up(visit, code, login, name)


@router.get("/welcome/{secret}")
def welcome_page(secret: str, visit: VisitDep) -> Response:
    if arriving.from_elsewhere(visit.request):
        return arriving.again(visit.request)
    return _welcome(visit, secret)


@router.post("/welcome/{secret}")
def choose_password(secret: str, visit: VisitDep, typed: TypedDep) -> Response:
    """By the link that was handed out, and the code where one belongs to it. That is one factor, the second is asked for next."""
    with visit.database.reading() as session:
        found = welcome_links.invited(session, visit.sealer, visit.now, secret)
    if found is None:
        return _welcome(visit, secret)
    account, code = found.account, plain(one(typed, "code"))
    if found.coded:
        with visit.database.transaction() as session:
            fits = welcome_links.fits(session, visit.sealer, visit.now, secret, code)
        if not fits:
            return _welcome(visit, secret, "", InvalidInput("welcome-code", _WRONG, _WRONG_REMEDY))
    try:
        password = chosen(typed, account.login, account.name, *centers(visit))
    except InvalidInput as refusal:
        return _welcome(visit, secret, code, refusal)
    new_hash = passwords.hash_password(password)
    with visit.database.transaction() as session:
        welcomed = staff.welcome(
            session, visit.sealer, visit.now, secret=secret, code=code, new_hash=new_hash
        )
        half = entering.halfway(session, visit.sealer, visit.now, account.id, How.link) if welcomed else None
    return halfway(visit, half, "") if half else _welcome(visit, secret)


def _require_open(visit: Visit) -> None:
    if visit.settings.demo:
        raise NotFound("page-unknown", N_("没有这个页面"), N_("核对地址，或从首页进入"))
    with visit.database.reading() as session:
        set_up.require_open(session)


def _set_up(
    visit: Visit, code: str, login: str = "", name: str = "", refusal: YuanpingError | None = None
) -> HTMLResponse:
    return visit.page(
        "set_up.html",
        status=refusal.status if refusal else HTTPStatus.OK,
        code=code,
        login=login,
        person=name,
        refusal=visit.explain(refusal) if refusal else None,
        least=passwords.SHORTEST,
    )


def _welcome(visit: Visit, secret: str, code: str = "", refusal: YuanpingError | None = None) -> HTMLResponse:
    with visit.database.reading() as session:
        found = welcome_links.invited(session, visit.sealer, visit.now, secret)
    status = HTTPStatus.UNAUTHORIZED if found is None else refusal.status if refusal else HTTPStatus.OK
    return visit.page(
        "welcome.html",
        status=status,
        account=found.account if found else None,
        coded=found is not None and found.coded,
        code=code,
        secret=secret,
        refusal=visit.explain(refusal) if refusal else None,
        least=passwords.SHORTEST,
    )
