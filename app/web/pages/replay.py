"""The replay of an evaluation: every seat side by side on one clock."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.i18n import translate
from app.evaluation import alarms, custody_views, disclosing, views
from app.evaluation.disclosing import ReadBy
from app.evaluation.recorded import reached
from app.web.pages.visit import VisitDep
from recordings.wording import live_texts, player_texts

router = APIRouter(prefix="/evaluations/{evaluation_id}")


@router.get("/replay")
def replay(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.recording_replay)]
) -> HTMLResponse:
    with visit.database.reading() as session:
        disclosing.load_for(session, actor, evaluation_id, Permission.recording_replay)
        view = views.evaluation_page(session, reached(session), ReadBy(actor, visit.sealer), evaluation_id)
        marks = views.timeline_events(session, evaluation_id)
        disposed = custody_views.disposed(session, evaluation_id)
    events = [
        {"at_ms": mark.at_ms, "seat_no": mark.seat_no, "text": translate(visit.language, mark.text)}
        for mark in marks
    ]
    return visit.page(
        "replay.html",
        actor=actor,
        view=view,
        room_id=view.room_id,
        replay_texts=player_texts(),
        events=events,
        disposed=disposed,
    )


@router.get("/live")
def live(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.recording_watch)]
) -> HTMLResponse:
    with visit.database.reading() as session:
        disclosing.load_for(session, actor, evaluation_id, Permission.recording_watch)
        view = views.evaluation_page(session, reached(session), ReadBy(actor, visit.sealer), evaluation_id)
        alarmed = alarms.shown(session, evaluation_id)
    return visit.page(
        "live.html", actor=actor, view=view, alarms=alarmed, room_id=view.room_id, live_texts=live_texts()
    )
