"""An invitation moves only along its table; the ladder is a call, a text, a call."""

import itertools

import pytest

from app.core.errors import Conflict
from expert_draw.invitation import (
    ACTIVE,
    OPEN,
    VACATES,
    InvitationEvent,
    InvitationState,
    advance,
    states_before,
)
from expert_draw.ladder import SMS, VOICE, Step, next_step


@pytest.mark.parametrize(("state", "event"), list(itertools.product(InvitationState, InvitationEvent)))
def test_an_event_happens_exactly_where_its_update_allows_it(
    state: InvitationState, event: InvitationEvent
) -> None:
    if state in states_before(event):
        assert advance(state, event) in InvitationState
    else:
        with pytest.raises(Conflict, match="invitation-state"):
            advance(state, event)


def test_a_given_up_place_is_never_taken_back() -> None:
    for state in VACATES:
        assert all(state not in states_before(event) for event in InvitationEvent)
        assert state not in ACTIVE
    assert set(OPEN) < set(ACTIVE)


def test_a_call_is_followed_by_a_text_and_the_text_by_one_more_call() -> None:
    def following(steps: int, channel: str, *, delivered: bool) -> Step | None:
        return next_step(
            steps, channel=channel, delivered=delivered, sms_after_s=120, second_call_after_s=180
        )

    assert following(1, VOICE, delivered=False) == Step(SMS, 120)
    assert following(2, SMS, delivered=True) == Step(VOICE, 180)
    assert following(2, SMS, delivered=False) == Step(VOICE, 0)
    assert following(3, VOICE, delivered=True) is None
