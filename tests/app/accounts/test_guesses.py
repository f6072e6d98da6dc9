"""Passwords made of little that everybody knows are told from those that only look like it."""

import pytest

from app.accounts.guesses import easy
from app.accounts.passwords import HOUSE_WORDS, SHORTEST

WORDS = (*HOUSE_WORDS, "深圳市评标中心", "zhangwei")


@pytest.mark.parametrize(
    "password",
    [
        "xyxyxyxyxyxyx",
        "mangomangomango",
        "qwertyuiopasdf",
        "poiuytrewq!!!",
        "7894561230789",
        "abcdefghijklmnop",
        "zyxwvutsrqponm",
        "一丁丂七丄丅丆万丈三上下",
        "1998-07-20 2001",
        "19980720 20010911",
        "2025年3月8日 2026年12月31日",
        "P@ssw0rd 2026!",
        "Admin 1234 abcd",
        "深圳市评标中心 20260101",
        "123 zhangwei 123",
        "woaini5201314",
        "1q2w3e4r5t6y7u",
        "6yhn5tgb4rfv",
    ],
)
def test_what_everybody_knows_is_told(password: str) -> None:
    assert easy(password, WORDS, SHORTEST)


@pytest.mark.parametrize(
    "password",
    [
        "four unrelated words",
        "849271563049",
        "正确 马匹 电池 订书钉 夏天",
        "kestrel-90-lamp",
        "zhangwei eats pears",
        "correct horse correct horse",
        "Xq7!mB2#vT9&",
    ],
)
def test_what_it_takes_to_guess_passes(password: str) -> None:
    assert not easy(password, WORDS, SHORTEST)


def test_a_piece_again_and_again_counts_as_the_piece() -> None:
    assert easy("kestrel-90-kestrel-90-", (), 12)
    assert not easy("kestrel-90-kestrel-90-", (), 11)
