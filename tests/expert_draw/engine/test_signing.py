"""Signatures: they hold for the one who signed, what was signed and why, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine.signing import Signer, one_can_sign_for, signed

HOUSE = Signer(b"the house signs with this secret")


def test_the_key_is_that_of_rfc_8032() -> None:
    """Test 1 of section 7.1."""
    signer = Signer(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert signer.public == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@given(st.binary(max_size=80), st.integers(0, 63), st.integers(1, 255))
def test_a_signature_holds_and_no_changed_one_does(message: bytes, at: int, change: int) -> None:
    signature = HOUSE.sign("line", message)
    assert signed(HOUSE.public, "line", message, signature)
    changed = bytearray(bytes.fromhex(signature))
    changed[at] ^= change
    assert not signed(HOUSE.public, "line", message, changed.hex())
    assert not signed(HOUSE.public, "line", message + b"!", signature)


def test_a_signature_for_one_purpose_or_by_one_party_is_none_for_another() -> None:
    signature = HOUSE.sign("line", bytes(32))
    assert not signed(HOUSE.public, "agree", bytes(32), signature)
    assert not signed(Signer(bytes(32)).public, "line", bytes(32), signature)


@pytest.mark.parametrize(
    "key",
    [
        "01" + "00" * 31,
        "00" * 32,
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "ee" + "ff" * 30 + "7f",
    ],
)
def test_a_key_for_which_anybody_can_sign_or_with_a_second_spelling_signs_nothing(key: str) -> None:
    anybodys = "01" + "00" * 63  # holds for every message under a key of small order
    assert not signed(key, "line", b"anything", anybodys)
    assert not one_can_sign_for(key)


def test_what_is_no_key_signs_nothing() -> None:
    assert not signed("ab", "line", b"", "00" * 64)
    assert not signed("ff" * 32, "line", b"", "00" * 64)
    for wrong in (b"short", "a text of thirty-two characters.", bytearray(32)):
        with pytest.raises(TypeError):
            Signer(wrong)  # type: ignore[arg-type]
