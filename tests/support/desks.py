"""A seat desk for browser tests: the real room and the real page over a sheet that a test can change and break."""

import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import Conflict, Unavailable
from app.evaluation.schemas import DeskOut, NamedOut, SheetIn, SheetOut
from app.web import errors, files
from app.web.security import Security
from app.web.templating import Pages, PagesDep
from tests.support.rooms import House

BIDDERS = (
    NamedOut(id="b1", name="云岭建设集团有限公司"),
    NamedOut(id="b2", name="昭通市乌蒙水利水电工程有限责任公司"),
    NamedOut(id="b3", name="金沙江第三建筑工程股份有限公司"),
)
CRITERIA = (
    NamedOut(id="c1", name="施工组织设计", max=3000),
    NamedOut(id="c2", name="项目管理机构", max=1500),
    NamedOut(id="c3", name="投标报价", max=4000),
    NamedOut(id="c4", name="企业业绩与信誉", max=1500),
)


class DeskHouse(House):
    """The sheets by member, as the rows would hold them; `broken` makes saving fail as an outage does."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.sheets: dict[str, SheetOut] = {}
        self.broken = False
        self.saves = 0
        self.news = threading.Condition()

    def sheet(self, member_id: str) -> SheetOut:
        empty = SheetOut(revision=0, scores={}, note="", state="draft", saved_at=None)
        return self.sheets.get(member_id, empty)

    def wait_for_scores(
        self, member_id: str, scores: dict[str, dict[str, int]], timeout_s: float = 20
    ) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.sheet(member_id).scores == scores, timeout_s), self.sheet(
                member_id
            )

    def put(
        self, member_id: str, scores: dict[str, dict[str, int]], note: str = "", state: str = "draft"
    ) -> SheetOut:
        with self.news:
            before = self.sheet(member_id)
            saved_at = self.clock.now()
            sheet = SheetOut(
                revision=before.revision + 1, scores=scores, note=note, state=state, saved_at=saved_at
            )
            self.sheets[member_id] = sheet
            self.saves += 1
            self.news.notify_all()
            return sheet

    def desk(self, member_id: str) -> DeskOut:
        holder = self.committee.holders[member_id]
        shown = holder.evaluation_state in {"in_session", "closed", "sealed"}
        return DeskOut(
            evaluation_number="PX-2026-000123",
            evaluation_state=holder.evaluation_state,
            starts_at=holder.zero_at,
            minutes=120,
            seat_no=holder.seat_no,
            code_name=holder.code_name,
            room_id=holder.room_id,
            bidders=BIDDERS if shown else (),
            criteria=CRITERIA,
            sheet=self.sheet(member_id),
        )

    def application(self) -> FastAPI:
        application = super().application()
        application.exception_handlers.clear()
        errors.install(application)
        application.add_middleware(Security)
        application.state.templates = Pages()
        application.state.desk_house = self
        application.include_router(_desk_routes(self))
        application.include_router(files.router)
        return application


def _desk_routes(house: DeskHouse) -> APIRouter:
    router = APIRouter()

    @router.get("/seat/desk")
    def page(
        request: Request, actor: Annotated[Actor, Requires(Permission.seat_sit)], pages: PagesDep
    ) -> HTMLResponse:
        return pages.page(
            request,
            "seat_desk.html",
            actor=actor,
            desk=house.desk(str(actor.member_id)),
            screen_required=house.settings.media.screen_required,
        )

    @router.get("/api/seat/desk")
    def desk(actor: Annotated[Actor, Requires(Permission.seat_sit)]) -> DeskOut:
        return house.desk(str(actor.member_id))

    @router.put("/api/seat/sheet")
    def save(sheet: SheetIn, actor: Annotated[Actor, Requires(Permission.sheet_write)]) -> SheetOut:
        member_id = str(actor.member_id)
        before = house.sheet(member_id)
        if house.broken:
            raise Unavailable("broken", "评分表暂时存不下", "稍候再试")
        if house.committee.holders[member_id].evaluation_state != "in_session":
            raise Conflict("session-not-open", "评标尚未开始或已经结束，评分表不可填写", "等待主场开启评标")
        if before.state == "submitted":
            raise Conflict("sheet-submitted", "评分表已提交，不能再修改", "需要更正时请联系监督人员")
        if before.revision != sheet.revision:
            raise Conflict("sheet-moved-on", "评分表已在别处更新", "载入最新一版后再继续填写")
        return house.put(member_id, sheet.scores, sheet.note)

    @router.post("/api/seat/sheet/submit")
    def submit(actor: Annotated[Actor, Requires(Permission.sheet_write)]) -> SheetOut:
        member_id = str(actor.member_id)
        before = house.sheet(member_id)
        return house.put(member_id, before.scores, before.note, "submitted")

    return router
