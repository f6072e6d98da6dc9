"""A value has one spelling, so that the same value always has the same hash."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import Canonical, canonical_json, digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_the_same_value_has_one_spelling_whatever_the_order_of_its_keys(value: Canonical) -> None:
    def turned(one: Canonical) -> Canonical:
        if isinstance(one, Mapping):
            return {key: turned(one[key]) for key in reversed(list(one))}
        return [turned(item) for item in one] if isinstance(one, list) else one

    assert canonical_json(turned(value)) == canonical_json(value)
    assert len(digest(value)) == 64


@pytest.mark.parametrize("value", [1.0, b"x", {1: 2}, {"a": {"b": [1.5]}}, {1, 2}])
def test_a_value_with_more_than_one_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)  # type: ignore[arg-type]


def test_canonical_text_is_sorted_tight_and_utf_8() -> None:
    assert canonical_json({"b": [1, True, None], "a": "昭通"}) == '{"a":"昭通","b":[1,true,null]}'.encode()
