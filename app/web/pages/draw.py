"""The draw as a ceremony: pool depth before it, the promises, each share as it comes, the rounds, and how to check them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import NotFound, YuanpingError
from app.core.i18n import N_
from app.evaluation import (
    cases,
    committee,
    disclosing,
    draw_parties,
    draw_views,
    public_draws,
    rule_notes,
    views,
)
from app.evaluation.shown import DrawView
from app.rules import library
from app.web.pages.acts import allowed
from app.web.pages.visit import Visit, VisitDep
from expert_draw import parties

router = APIRouter(prefix="/evaluations/{evaluation_id}")
Reader = Annotated[Actor, Requires(Permission.draw_read)]
_SHOWN_RULES = (
    "draw.greatest_chance_max",
    "draw.law",
    "draw.pool_depth_min_ratio",
    "draw.reveal_within",
    "draw.ten_share_max",
)


@router.get("/draw")
def draw(evaluation_id: str, visit: VisitDep, actor: Reader) -> HTMLResponse:
    return _page(visit, actor, evaluation_id)


@router.get("/pool")
def pool(evaluation_id: str, visit: VisitDep, actor: Reader) -> Response:
    """Rule check and pool depth: how the draw would stand, before anything is promised; afterwards the draw says it."""
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        if evaluation.draw_id is not None:
            return RedirectResponse(f"/evaluations/{evaluation_id}/draw", HTTPStatus.SEE_OTHER)
        view = draw_views.forecast(
            session,
            visit.now,
            visit.house,
            disclosing.sight(session, actor, evaluation),
            evaluation_id,
        )
        acts = () if view.obstacles else views.acts_of(evaluation)
    return visit.page(
        "pool.html",
        actor=actor,
        view=view,
        rules=rules_of(evaluation.rule_pack),
        acts=allowed(actor, set(acts) & {"commit"}),
    )


@router.get("/ceremony")
def ceremony(evaluation_id: str, visit: VisitDep, actor: Reader) -> HTMLResponse:
    """For the projector: large, without buttons, codes only; follows by itself."""
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        seen = disclosing.sight(session, actor, evaluation)
        view = draw_views.draw_page(session, visit.house, seen, evaluation_id)
    return visit.page("ceremony.html", actor=actor, view=view)


@router.get("/draw/head.svg")
def head_code(evaluation_id: str, visit: VisitDep, actor: Reader) -> Response:
    """The QR code of the record's number and head, to be photographed and compared later."""
    with visit.database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        view = draw_views.draw_page(session, visit.house, disclosing.NOBODY, evaluation_id)
    if view.head is None:
        raise NotFound("no-draw", N_("这次评标还没有抽取记录"), N_("先公布抽取承诺"))
    return qr(f"{view.number} {view.lines} {view.head}")


@router.post("/draw/approve")
def approve(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.draw_supervise)]
) -> Response:
    """The supervisor lets the draw go on although thresholds are not met."""

    def work(session: Session) -> None:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_supervise)
        committee.approve_warnings(session, visit.now, visit.house, actor.id, evaluation)

    return _done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/draw/publish")
def publish(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.draw_supervise)]
) -> Response:
    """From now on anyone may have the record with its lists opened."""

    def work(session: Session) -> None:
        draw_parties.publish(session, visit.now, actor, evaluation_id)

    return _done_or_why_not(visit, actor, evaluation_id, work)


def _done_or_why_not(
    visit: Visit, actor: Actor, evaluation_id: str, work: Callable[[Session], None]
) -> Response:
    return visit.done_or_why_not(
        work,
        f"/evaluations/{evaluation_id}/draw",
        lambda refusal: _page(visit, actor, evaluation_id, refusal),
    )


@router.get("/draw/parties/{party}")
def party_page(evaluation_id: str, party: str, visit: VisitDep, actor: Reader) -> HTMLResponse:
    """The page of a party with an account: the center's operator, the supervisor."""
    with visit.database.reading() as session:
        evaluation = draw_parties.of_actor(session, actor, evaluation_id, party)
        seen = disclosing.sight(session, actor, evaluation)
        view = draw_views.draw_page(session, visit.house, seen, evaluation_id)
    base = f"/api/evaluations/{evaluation_id}/draw"
    return visit.page(
        "party.html",
        actor=actor,
        view=view,
        party=party,
        speak=f"{base}/parties/{party}",
        record=f"{base}/record",
        news=f"/api/evaluations/{evaluation_id}/stream",
        rules=rules_of(evaluation.rule_pack),
        suite=visit.settings.draw.suite,
    )


def rules_of(rule_pack: str) -> dict[str, rule_notes.RuleRow]:
    """The rules that the pages of a draw name, by their path."""
    rows = rule_notes.rows(library.load(rule_pack), _SHOWN_RULES)
    return {row.path: row for row in rows}


def _kept(view: DrawView, party: str) -> bool:
    """Whether that party's key lies with the service, so that a press of a button can sign."""
    return any(one.name == party and one.held == "kept" for one in view.parties)


def qr(text: str) -> Response:
    """A QR code as an SVG picture."""
    picture = segno.make(text, error="m", micro=False).svg_inline(
        scale=4, dark="#000", light="#fff", border=2
    )
    return Response(
        picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1),
        media_type="image/svg+xml",
        headers={"Cache-Control": "no-store"},
    )


def _page(
    visit: Visit, actor: Actor, evaluation_id: str, refusal: YuanpingError | None = None
) -> HTMLResponse:
    supervises = actor.may(Permission.draw_supervise)
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        seen = disclosing.sight(session, actor, evaluation)
        view = draw_views.draw_page(session, visit.house, seen, evaluation_id)
        links = draw_parties.links_made(session, evaluation_id) if supervises else ()
        opened = views.opens_lists(session, actor, evaluation)
        over = draw_parties.may_publish(session, evaluation)
        served = None
        if evaluation.draw_id is not None and not opened:
            served = public_draws.head_for_party(session, evaluation.draw_id, parties.CENTER)
    speaks_for = parties.SUPERVISOR if supervises else parties.CENTER
    return visit.page(
        "draw.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        view=view,
        acts=allowed(actor, view.acts),
        opened=opened,
        served=served or view.head,
        may_approve=supervises and view.state == "approving" and _kept(view, parties.SUPERVISOR),
        may_publish=supervises and over and view.published_at is None,
        may_link=actor.may(Permission.draw_run),
        speaks_for=speaks_for,
        links=links,
        rules=rules_of(evaluation.rule_pack),
        refusal=visit.explain(refusal) if refusal else None,
    )
