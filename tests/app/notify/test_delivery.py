"""Late news never moves a message back, and only fitting acts move it at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.delivery import (
    RANK,
    TAKEN,
    Event,
    MessageState,
    MoveRefused,
    advance,
    backoff_s,
    heard,
    is_final,
    sources,
    state_of,
)

states = st.sampled_from(MessageState)
reports = st.lists(states)


@given(states, reports)
def test_no_order_of_reports_moves_a_message_back(state: MessageState, news: list[MessageState]) -> None:
    ranks = [RANK[state]]
    for report in news:
        state = heard(state, report)
        ranks.append(RANK[state])
    assert ranks == sorted(ranks)


@given(states, states)
def test_hearing_the_same_report_twice_is_hearing_it_once(state: MessageState, report: MessageState) -> None:
    assert heard(heard(state, report), report) == heard(state, report)


@given(states.filter(is_final), reports)
def test_what_has_ended_stays_as_it_ended(state: MessageState, news: list[MessageState]) -> None:
    for report in news:
        assert heard(state, report) is state


@given(st.sampled_from(["initiated", "ringing", "in-progress", "completed", "no-answer", "failed"]), reports)
def test_a_provider_never_puts_a_message_back_into_our_queue(word: str, news: list[MessageState]) -> None:
    state = MessageState.queued
    for report in news:
        state = heard(state, report)
    last = state_of(word)
    assert last is not None
    assert RANK[heard(state, last)] >= TAKEN


@given(st.permutations(["initiated", "ringing", "in-progress", "completed"]))
def test_reports_in_any_order_end_at_the_same_state(words: list[str]) -> None:
    state = MessageState.unknown
    for word in words:
        report = state_of(word)
        assert report is not None
        state = heard(state, report)
    assert state is MessageState.completed


@given(states, st.sampled_from(Event))
def test_an_act_applies_from_its_sources_and_from_nowhere_else(state: MessageState, event: Event) -> None:
    if state in sources(event):
        assert advance(state, event) is not state
    else:
        with pytest.raises(MoveRefused, match=event.value) as refusal:
            advance(state, event)
        assert (refusal.value.state, refusal.value.event) == (state, event)


@given(st.sampled_from(Event))
def test_nothing_of_ours_moves_a_message_that_has_ended(event: Event) -> None:
    assert not any(is_final(state) for state in sources(event))


def test_only_what_certainly_did_not_arrive_may_be_sent_again() -> None:
    back = {
        event for event in Event for state in sources(event) if advance(state, event) is MessageState.queued
    }
    assert back == {Event.put_back, Event.find_missing}


def test_a_word_nobody_knows_is_no_state() -> None:
    assert state_of("teleported") is None


@given(st.integers(min_value=0, max_value=40))
def test_waiting_doubles_up_to_a_minute(tries: int) -> None:
    assert 1 <= backoff_s(tries) <= backoff_s(tries + 1) <= 60
