"""Secrets out of examples and tests are told from what a generator made."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.weak_secrets import weak

GOOD = hashlib.sha256(b"chance").hexdigest()
WEAK_KEYS = (
    bytes(32), bytes(range(32)), bytes(range(255, 223, -1)), b"\xff" * 32, b"deadbeef" * 4, bytes.fromhex("0123456789abcdef" * 4),
    b"yuanping-development-secret-key!", b"my super secret passphrase 12345", bytes(range(0, 64, 2)), b"abababab" * 4,
)  # fmt: skip


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_keys_that_anybody_could_know_are_weak(key: bytes) -> None:
    assert weak(key, 32)


@given(st.integers())
def test_what_a_generator_makes_is_never_weak(seed: int) -> None:
    made = hashlib.sha256(str(seed).encode()).digest()
    assert not weak(made, 32)
    assert not weak(made.hex().encode(), 16)
    assert weak(made[:15], 16)
