"""Passwords are kept as Argon2id hashes; what anybody would guess first is refused."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.accounts import guesses
from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_

# OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")
# Each comparison takes a core and 19 MiB for a while, on purpose. Whoever asks for many at once must not get them
# all, nor may those who wait take every thread that others' requests need.
_places = threading.BoundedSemaphore(4)
_WAIT_S = 2.0

SHORTEST = 12
LONGEST = 200
# Of the lists of the commonest passwords, those that are long enough to be typed here.
_COMMONEST = frozenset(
    {
        "000000000000", "111111111111", "112233445566", "121212121212", "123123123123", "123321123321",
        "1234567890123", "12345678901234", "123456789012345", "1234567890123456", "123456789012", "123456123456",
        "12345678910111213", "123456789abc", "123456789qwe", "123456abcdef", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv",
        "666666666666", "888888888888", "987654321000", "999999999999", "a123456789012", "aa123456789012",
        "abc123456789", "abcd12345678", "abcd1234abcd", "abcdefghijkl", "administrator", "administrator1",
        "administrator123", "admin1234567", "admin12345678", "admin123admin123", "admin@123456", "adminadminadmin",
        "asdfghjkl123", "asdfghjklzxcvbnm", "changeme1234", "changemechangeme", "iloveyou1234", "letmein12345",
        "letmeinletmein", "p@ssw0rd1234", "password0000", "password1111", "password12345", "password1234",
        "password123456", "passwordpassword", "pass@word1234", "q1w2e3r4t5y6", "qazwsxedcrfv", "qqqqqqqqqqqq",
        "qwertyqwerty", "qwerty123456", "qwertyuiop12", "qwertyuiop123", "qwertyuiop[]", "qwertyuiopasdfgh",
        "qwertyuiopasdfghjkl", "welcome12345", "woaini123456", "woaini520520", "woaini1314520", "zxcvbnm12345",
        "zaq12wsxcde3", "aaaaaaaaaaaa", "abcabcabcabc", "5201314520131", "520131452013", "147258369147",
        "159357159357", "741852963000", "789456123000", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u8i", "!qaz2wsx3edc",
    }
)  # fmt: skip


HOUSE_WORDS = frozenset(
    {
        "admin", "bidding", "evaluation", "expert", "host_operator", "operator", "pingbiao", "supervisor", "tender",
        "yuanping", "yuanpingbiao", "zhaobiao", "zhuanjia",
        "专家", "主场", "公共资源交易中心", "操作员", "招标", "监督", "管理员", "评标", "评标室", "远程异地评标", "远评",
    }
)  # fmt: skip
"""What anybody tries first in this house: alone, again and again, or with figures and signs around it, it is no password."""


def hash_password(password: str) -> str:
    """Waits for a place as `matches` does."""
    with _place():
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Takes as long for an unknown account (None) as for a known one, so that neither can be told apart.

    Four are compared at a time; Unavailable for who has waited two seconds for a place.
    """
    with _place():
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's, and is to be made anew from the right password."""
    try:
        return _hasher.check_needs_rehash(password_hash)
    except InvalidHashError:
        return False


def require_fit(password: str, *names: str) -> None:
    """Refuses a password that is too short or that anybody would try first; any signs may be in it, in any mixture.

    names: the login and the name of whoever chooses it, and what else anybody here would think of. Raises InvalidInput.
    """
    if len(password) < SHORTEST:
        raise InvalidInput(
            "password-short", N_("密码少于 {least} 个字符"), N_("换一个更长的密码"), least=SHORTEST
        )
    if len(password) > LONGEST:
        raise InvalidInput(
            "password-long", N_("密码超过 {most} 个字符"), N_("换一个短一些的密码"), most=LONGEST
        )
    plain = password.casefold().replace(" ", "")
    own = {part for name in names if (part := name.casefold().replace(" ", ""))}
    known = {*own, *HOUSE_WORDS}
    if (
        plain in _COMMONEST
        or any(_little_else(plain, part) for part in known)
        or guesses.easy(password, known, SHORTEST)
    ):
        raise InvalidInput(
            "password-common",
            N_("这个密码人人都会先猜到"),
            N_("不要用登录名、姓名或常见密码；几个不相干的词连在一起就很好"),
        )


def _little_else(plain: str, part: str) -> bool:
    """Whether it is this word with nothing but figures and signs, which is what people add to a word they are refused."""
    return part in plain and not any(sign.isalpha() for sign in plain.replace(part, ""))


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=_WAIT_S):
        raise Unavailable("sign-in-busy", N_("同时登录的人太多"), N_("稍候再试"))
    try:
        yield
    finally:
        _places.release()
