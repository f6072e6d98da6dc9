"""An evaluation moves only along its table."""

import itertools

import pytest

from app.core.errors import Conflict
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState, advance, possible


def test_the_way_from_booking_to_sealed_recordings() -> None:
    state = EvaluationState.booked
    for event in (
        EvaluationEvent.commit,
        EvaluationEvent.run,
        EvaluationEvent.fill,
        EvaluationEvent.convene,
        EvaluationEvent.open,
        EvaluationEvent.close,
        EvaluationEvent.seal,
    ):
        state = advance(state, event)
    assert state is EvaluationState.sealed


@pytest.mark.parametrize(("state", "event"), list(itertools.product(EvaluationState, EvaluationEvent)))
def test_every_other_step_is_refused_by_name(state: EvaluationState, event: EvaluationEvent) -> None:
    if event in possible(state):
        assert isinstance(advance(state, event), EvaluationState)
    else:
        with pytest.raises(Conflict, match="evaluation-state"):
            advance(state, event)


def test_what_is_sealed_stays_as_it_is() -> None:
    assert possible(EvaluationState.sealed) == ()
