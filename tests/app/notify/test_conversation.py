"""Two presses of the same key are an answer, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.conversation import (
    MENUS,
    SENTENCE,
    Ask,
    Confirmed,
    GiveUp,
    LeaveConfirmed,
    Menu,
    Reply,
    Step,
    Talk,
    pressed,
    read_text,
)

keys = st.lists(st.sampled_from(["0", "1", "2", "3", "*", "#", "9", ""]), max_size=40)
WAITING = {Step.hold, Step.dialed}


@given(st.sampled_from([Step.invite, *sorted(MENUS)]), keys)
def test_an_answer_is_always_the_same_key_twice(begins: Step, presses: list[str]) -> None:
    step, silent, heard = begins, 0, []
    for key in presses:
        heard.append(key)
        follows = pressed(step, key, silent)
        if isinstance(follows, Confirmed):
            meant = [key for key in heard if key in {"1", "2"}]
            assert meant[-2:] == (["1", "1"] if follows.accept else ["2", "2"])
            assert begins in {Step.invite, Step.callback}
            return
        if isinstance(follows, LeaveConfirmed):
            meant = [key for key in heard if key in {"1", "3"}]
            assert meant[-2:] == ["3", "3"]
            assert begins in {Step.registered, Step.standby}
            return
        if isinstance(follows, Menu):
            follows = Ask(begins)
        if not isinstance(follows, Ask):
            return
        step, silent = follows.step, follows.silent


@given(st.sampled_from([step for step in Step if step not in WAITING]), st.sampled_from(["", "9", "#"]))
def test_three_times_nothing_useful_ends_the_call(step: Step, key: str) -> None:
    first = pressed(step, key, 0)
    assert first == Ask(step, 1, misheard=bool(key))
    assert pressed(step, key, 1) == Ask(step, 2, misheard=bool(key))
    assert pressed(step, key, 2) == GiveUp()


@given(st.sampled_from(sorted(WAITING)), st.sampled_from(["", "1", "0", "#"]), st.integers(0, 9))
def test_who_waits_for_our_staff_waits_on(step: Step, key: str, silent: int) -> None:
    assert pressed(step, key, silent) == Talk()


def test_who_waits_may_go_back_to_where_they_came_from() -> None:
    assert pressed(Step.hold, "*", 0) == Menu()


@pytest.mark.parametrize("step", Step)
def test_only_who_calls_us_is_put_through_to_our_staff(step: Step) -> None:
    assert (pressed(step, "0", 0) == Talk()) == (step in MENUS | WAITING)


@pytest.mark.parametrize("step", Step)
def test_leave_is_asked_only_by_who_has_accepted(step: Step) -> None:
    assert (pressed(step, "3", 0) == Ask(Step.leave)) == (step in {Step.registered, Step.standby})


def test_every_step_that_asks_has_its_sentence_and_star_repeats_it() -> None:
    assert set(SENTENCE) == set(Step) - WAITING
    for step in SENTENCE:
        assert pressed(step, "*", 2) == Ask(step)


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("1", Reply.accept),
        (" １ ", Reply.accept),
        ("2。", Reply.decline),
        ("TD", Reply.stop),
        ("退订", Reply.stop),
        ("Stop", Reply.stop),
        ("“恢复”", Reply.start),
        ("START", Reply.start),
        ("hf", Reply.start),
        ("12", Reply.other),
        ("", Reply.other),
    ],
)
def test_a_reply_is_read_as_people_type_it(body: str, meant: Reply) -> None:
    assert read_text(body) is meant
