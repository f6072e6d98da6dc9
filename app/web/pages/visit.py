"""One visit to a page: the request and everything of the house that answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.access import Actor
from app.accounts.service import Browser
from app.core.clock import BoundedTime
from app.core.database import Database
from app.core.dependencies import BoundedTimeDep, DatabaseDep, SealerDep, SettingsDep
from app.core.errors import NotFound, YuanpingError
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation.cases import House, HouseDep
from app.web.cookies import browser_of
from app.web.problems import explain, language_of
from app.web.templating import Pages, PagesDep


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    time: BoundedTime
    database: Database
    settings: Settings
    sealer: Sealer
    house: House
    pages: Pages

    @property
    def now(self) -> datetime:
        """The moment of the request."""
        return self.time.now

    @property
    def language(self) -> str:
        return language_of(self.request)

    @property
    def browser(self) -> Browser:
        return browser_of(self.request)

    def page(
        self, name: str, *, actor: Actor | None = None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """The whole page `name`."""
        return self.pages.page(self.request, name, actor=actor, status=status, now=self.now, **values)

    def fragment(self, name: str, **values: Any) -> HTMLResponse:
        """A piece of a page."""
        return self.pages.fragment(self.request, name, **values)

    def done_or_why_not(
        self, work: Callable[[Session], None], leads_to: str, again: Callable[[YuanpingError], Response]
    ) -> Response:
        """Does the work and goes on, or shows the page again with the reason; what one may not see is no page at all."""
        try:
            with self.database.transaction() as session:
                work(session)
        except NotFound:
            raise
        except YuanpingError as refusal:
            return again(refusal)
        return RedirectResponse(leads_to, HTTPStatus.SEE_OTHER)

    def explain(self, refusal: YuanpingError) -> tuple[str, str]:
        """Why, and what to do, in the reader's language."""
        return explain(self.language, refusal)


async def _visit(
    request: Request,
    time: BoundedTimeDep,
    database: DatabaseDep,
    settings: SettingsDep,
    sealer: SealerDep,
    house: HouseDep,
    pages: PagesDep,
) -> Visit:
    return Visit(request, time, database, settings, sealer, house, pages)


VisitDep = Annotated[Visit, Depends(_visit)]
