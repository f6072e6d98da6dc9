"""The wall of pretend phones."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.settings_calls import Provider
from app.web.pages.visit import VisitDep

router = APIRouter()


@router.get("/simulator")
def simulator(visit: VisitDep, actor: Annotated[Actor, Requires(Permission.simulator_use)]) -> HTMLResponse:
    if visit.settings.notify.provider is not Provider.simulator:
        raise NotFound(
            "no-simulator", N_("本系统正在使用真实的电话和短信，没有模拟电话"), N_("演练请在示范系统中进行")
        )
    return visit.page("simulator.html", actor=actor, house=visit.settings.public_url)
