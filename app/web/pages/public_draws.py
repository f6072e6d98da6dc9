"""What anyone may see of draws: a center's chained list, each record as far as it is disclosed, and a party's own page."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from app.accounts.access import Public
from app.evaluation import disclosing, draw_parties, draw_views, public_draws
from app.evaluation.draw_endpoints import as_file
from app.web import sse
from app.web.pages.draw import qr, rules_of
from app.web.pages.visit import VisitDep

router = APIRouter(dependencies=[Public()])
Number = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Secret = Annotated[str, Path(min_length=20, max_length=100)]


@router.get("/draws")
def listing_page(visit: VisitDep) -> HTMLResponse:
    with visit.database.reading() as session:
        centers = public_draws.centers(session)
    return visit.page("draws.html", centers=centers)


@router.get("/draws/{number}")
def record_page(number: Number, visit: VisitDep) -> HTMLResponse:
    with visit.database.reading() as session:
        view = public_draws.disclosed(session, number)
    return visit.page("public_draw.html", view=view)


@router.get("/draws/{number}/record")
def record_file(number: Number, visit: VisitDep) -> PlainTextResponse:
    """The record as far as it is disclosed: its commitment while it runs, its lines once it is over, its lists when published."""
    with visit.database.reading() as session:
        text = public_draws.record(session, number)
    return as_file(text, f"{number}.jsonl")


@router.get("/draws/{number}/head.svg")
def head_code(number: Number, visit: VisitDep) -> Response:
    with visit.database.reading() as session:
        view = public_draws.disclosed(session, number)
    return qr(f"{view.number} {view.lines} {view.head}")


@router.get("/party/{secret}")
def party_page(secret: Secret, visit: VisitDep) -> HTMLResponse:
    """The page of the party behind an opaque link: the tenderee's representative."""
    with visit.database.reading() as session:
        evaluation, party = draw_parties.of_link(session, visit.house, secret)
        view = draw_views.draw_page(
            session, visit.house, disclosing.of_party(session, evaluation), evaluation.id
        )
    base = f"/api/party/{secret}"
    return visit.page(
        "party.html",
        view=view,
        party=party,
        speak=base,
        record=f"{base}/record",
        news=f"/party/{secret}/stream",
        rules=rules_of(evaluation.rule_pack),
        suite=visit.settings.draw.suite,
    )


@router.get("/party/{secret}/stream")
def party_stream(secret: Secret, visit: VisitDep) -> StreamingResponse:
    with visit.database.reading() as session:
        evaluation, _ = draw_parties.of_link(session, visit.house, secret)
    return sse.stream(f"evaluation:{evaluation.id}")
