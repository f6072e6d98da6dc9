"""Two presses of the same key are an answer, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.conversation import Ask, Confirmed, GiveUp, Reply, Step, pressed, read_text

keys = st.lists(st.sampled_from(["1", "2", "*", "#", "9", ""]), max_size=40)


@given(keys)
def test_an_answer_is_always_the_same_key_twice(presses: list[str]) -> None:
    step, silent, heard = Step.invite, 0, []
    for key in presses:
        heard.append(key)
        follows = pressed(step, key, silent)
        if isinstance(follows, Confirmed):
            meant = [key for key in heard if key in {"1", "2"}]
            assert meant[-2:] == (["1", "1"] if follows.accept else ["2", "2"])
            return
        if isinstance(follows, GiveUp):
            return
        step, silent = follows.step, follows.silent


@given(st.sampled_from(Step), st.sampled_from(["", "9", "#"]))
def test_three_times_nothing_useful_ends_the_call(step: Step, key: str) -> None:
    first = pressed(step, key, 0)
    assert first == Ask(step, 1, misheard=bool(key))
    assert pressed(step, key, 1) == Ask(step, 2, misheard=bool(key))
    assert pressed(step, key, 2) == GiveUp()


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("1", Reply.accept),
        (" １ ", Reply.accept),
        ("2。", Reply.decline),
        ("TD", Reply.stop),
        ("退订", Reply.stop),
        ("Stop", Reply.stop),
        ("12", Reply.other),
        ("", Reply.other),
    ],
)
def test_a_reply_is_read_as_people_type_it(body: str, meant: Reply) -> None:
    assert read_text(body) is meant
