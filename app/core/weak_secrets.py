"""Tells secrets that anybody could know: those of examples and tests, those typed by hand, those too short (弱密钥)."""

from itertools import pairwise

_WORDS = (
    b"secret",
    b"password",
    b"changeme",
    b"example",
    b"yuanping",
    b"1234567",
    b"qwerty",
    b"test",
    b"demo",
    b"default",
)
_LEAST_DISTINCT = 10
_FEW_STEPS = 3


def weak(secret: bytes, least: int) -> bool:
    """Whether a secret is shorter than `least` bytes or was hardly made by chance.

    Of 16 random bytes fewer than ten differ once in 10¹⁰ times, so that nobody is refused who asked a generator.
    """
    if len(secret) < least or len(set(secret)) < min(_LEAST_DISTINCT, least):
        return True
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    if len(steps) < _FEW_STEPS:
        return True  # counted up or down
    spoken = secret.lower()
    return any(word in spoken for word in _WORDS)
