"""What is uploaded is read in a process of its own, and one that takes too much ends."""

import pytest

from app.core.errors import InvalidInput
from expert_draw.bounded_reading import read_bounded


def test_the_cells_and_the_refusals_are_those_of_the_reader() -> None:
    assert read_bounded("姓名,电话\n张三,1".encode(), "a.csv") == (("姓名", "电话"), ("张三", "1"))
    with pytest.raises(InvalidInput, match="sheet-unreadable") as refused:
        read_bounded(b"PK\x03\x04 no archive", "名单.xlsx")
    assert refused.value.params == {"name": "名单.xlsx"}


@pytest.mark.parametrize("limits", [{"patience_s": 0.01}, {"memory": 1024 * 1024}], ids=["time", "memory"])
def test_who_takes_too_much_is_ended_with_a_word_on_what_to_do(limits: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="sheet-costly") as refused:
        read_bounded(b"a,b,c,d\n" * 60_000, "a.csv", **limits)
    assert "csv" in refused.value.remedy
