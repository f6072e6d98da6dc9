"""What a password must be, and how it is kept."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from app.accounts import passwords
from app.core.errors import InvalidInput, Unavailable


def test_a_password_matches_itself_and_an_unknown_account_matches_nothing() -> None:
    stored = passwords.hash_password("正确的密码")
    assert passwords.matches(stored, "正确的密码")
    assert not passwords.matches(stored, "错误的密码")
    assert not passwords.matches(None, "nobody has this password")
    assert not passwords.matches("not a hash", "x")
    assert not passwords.outdated(stored)
    made_with = extract_parameters(stored)
    assert (made_with.memory_cost, made_with.time_cost, made_with.parallelism) == (19 * 1024, 2, 1)


def test_a_password_counts_sign_by_sign_to_the_end() -> None:
    """Nothing is cut off, folded or trimmed, and two hundred signs are taken."""
    long = "Ä bc" + "".join(chr(0x4E00 + number * number % 9973) for number in range(196))
    passwords.require_fit(long)
    stored = passwords.hash_password(long)
    assert passwords.matches(stored, long)
    for other in (long[:-1], f"{long} ", long.lower(), long.strip("Ä"), f"{long[:72]}{'x' * 128}"):
        assert not passwords.matches(stored, other)


def test_an_older_hash_still_verifies_and_is_to_be_renewed() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=64, parallelism=2).hash("正确的密码")
    assert passwords.matches(older, "正确的密码")
    assert passwords.outdated(older)
    assert not passwords.outdated("-"), "an account without a password has nothing to renew"


def test_four_passwords_are_compared_at_a_time_and_who_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_WAIT_S", 0)
    taken = [passwords._places.acquire() for _ in range(4)]
    try:
        for work in (lambda: passwords.matches(None, "x"), lambda: passwords.hash_password("x")):
            with pytest.raises(Unavailable, match="sign-in-busy"):
                work()
    finally:
        passwords._places.release(len(taken))
    assert not passwords.matches(None, "x")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("elevenchars", "password-short"),
        ("x" * 201, "password-long"),
        ("Password1234", "password-common"),
        ("1qaz2wsx3edc", "password-common"),
        ("zhangwei.operator", "password-common"),
        ("李敏 李敏 李敏 李敏 李敏 ", "password-common"),
        ("YuanPing-2026!", "password-common"),
        ("公共资源交易中心 2026", "password-common"),
        ("qwerty!19980720", "password-common"),
    ],
)
def test_what_anybody_would_guess_is_refused(password: str, code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        passwords.require_fit(password, "zhangwei.operator", "李敏")


@pytest.mark.parametrize(
    "password", ["正确 马匹 电池 订书钉 夏天", "twelve signs", "zhangwei.operator ate 7 pears"]
)
def test_any_signs_in_any_mixture_will_do(password: str) -> None:
    passwords.require_fit(password, "zhangwei.operator", "")
