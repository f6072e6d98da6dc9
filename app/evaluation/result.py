"""What the score sheets add up to, once everything is sealed: each bidder with total, mean and rank."""

import json

from sqlmodel import Session, select

from app.evaluation import desk, scoring
from app.evaluation.disclosing import Sight
from app.evaluation.disclosure import Field
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import Evaluation, ScoreSheet
from app.evaluation.shown import StandingView
from app.projects import service as projects
from app.projects.service import PartyRole


def standings(session: Session, seen: Sight, evaluation: Evaluation) -> tuple[StandingView, ...]:
    """The bidders, best first, for who may know them. Empty before the evaluation is sealed, for everybody."""
    if evaluation.state != EvaluationState.sealed or not seen.shows(Field.bidder_list):
        return ()
    names = {
        bidder.id: bidder.name for bidder in projects.parties(session, evaluation.lot_id, [PartyRole.bidder])
    }
    sheets = session.exec(
        select(ScoreSheet).where(ScoreSheet.evaluation_id == evaluation.id, ScoreSheet.state == "submitted")
    ).all()
    if not sheets:
        return ()
    return tuple(
        StandingView(
            rank=one.rank,
            bidder=names[one.bidder],
            total=scoring.points(one.sum_hundredths),
            mean=scoring.points(one.mean_hundredths),
        )
        for one in scoring.standings(
            [json.loads(sheet.scores) for sheet in sheets], desk.allowed(session, evaluation)
        )
    )
