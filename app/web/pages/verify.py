"""Anyone may check the record of a draw here, without an account; the file never leaves the reader's browser."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Public
from app.web.pages.visit import VisitDep

router = APIRouter(dependencies=[Public()])


@router.get("/verify")
def verify_page(visit: VisitDep) -> HTMLResponse:
    return visit.page("verify.html")
