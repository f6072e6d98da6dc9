"""Whoever has the house's public key can tell whether the house sealed a recording."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from recordings.lines import Malformed
from recordings.signing import PURPOSE, ManifestSignature, Signer, parse_signature

SEED, HASH = bytes(range(32)), "ab" * 32
MADE = ManifestSignature.make(Signer.of_seed(SEED), HASH)


def test_a_signature_is_plain_ed25519_over_the_purpose_and_the_hash() -> None:
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert bytes.fromhex(MADE.key) == key.public_key().public_bytes_raw()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(MADE.key)).verify(
        bytes.fromhex(MADE.signature), PURPOSE + HASH.encode()
    )
    assert MADE.holds


def test_a_signature_is_read_as_written() -> None:
    assert parse_signature(MADE.to_bytes()) == MADE


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(MADE.to_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = parse_signature(bytes(whole))
    except Malformed:
        return
    assert not read.holds


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b'{"key":1,"manifest_sha256":2,"signature":3}', b"[" * 99_999]
)
def test_what_is_no_signature_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_signature(data)


def test_a_key_that_is_no_point_signs_nothing() -> None:
    assert not ManifestSignature(HASH, "ff" * 32, MADE.signature).holds
