"""The rules in force: what each asks for, by which article, and how well that is known."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.i18n import N_
from app.evaluation import rule_notes
from app.rules import calendar, library
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(prefix="/rules")
Reader = Annotated[Actor, Requires(Permission.center_read)]

_TITLES = {
    "cn_chongqing": N_("重庆"),
    "cn_govproc": N_("政府采购"),
    "cn_henan": N_("河南"),
    "cn_intl_mech_elec": N_("机电产品国际招标"),
    "cn_ranked_batch": N_("分批邀请"),
    "cn_tender": N_("招标投标"),
    "cn_venue_first": N_("先抽场地"),
    "cn_yunnan_loop": N_("云南大循环"),
}


@router.get("")
def usual(visit: VisitDep, actor: Reader) -> HTMLResponse:
    """The pack of a booking that names none."""
    return _page(visit, actor, library.DEFAULT)


@router.get("/{pack}")
def one(visit: VisitDep, actor: Reader, pack: str) -> HTMLResponse:
    return _page(visit, actor, pack)


def _page(visit: Visit, actor: Actor, name: str) -> HTMLResponse:
    rules = library.load(name)
    year = visit.now.astimezone(calendar.CHINA).year
    return visit.page(
        "rules.html",
        actor=actor,
        rules=rules,
        title=_TITLES.get(name, name),
        packs=[(known, _TITLES.get(known, known)) for known in library.names()],
        groups=rule_notes.groups(rules),
        years=[(shown, calendar.year_of(shown)) for shown in (year, year + 1)],
    )
