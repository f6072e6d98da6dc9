"""Signed notes as Go's sumdb writes them, checkpoints, and the signatures of witnesses."""

from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.signed_note import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteMalformed,
    Signer,
    Verifier,
    private_text,
)

# The example of golang.org/x/mod/sumdb/note.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
SIGNED = (
    TEXT + b"\n\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    b"KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SEED = bytes(range(32))
HOUSE = Signer.of_seed("example.org/log", SEED)
WITNESS = Signer.of_seed("witness.example", bytes(32), COSIGNATURE)
POINT = Checkpoint("example.org/log", 7, bytes(32), ("at 2026-11-29T09:00:00+00:00",))
NOTE = Note(POINT.to_text()).signed(HOUSE)


def test_a_note_signed_elsewhere_is_read_and_signed_again_to_the_byte() -> None:
    note, key = Note.parse(SIGNED), Verifier.parse(PUBLIC)
    assert note.signers([key]) == (key,)
    assert Note(TEXT).signed(Signer.parse(PRIVATE)).to_bytes() == SIGNED
    assert key.to_text() == PUBLIC
    assert private_text("PeterNeumann", b64decode(PRIVATE.split("+", 4)[4])[1:], ED25519) == PRIVATE


@pytest.mark.parametrize("signer", [HOUSE, WITNESS])
def test_keys_are_written_down_and_read_again(signer: Signer) -> None:
    assert Verifier.parse(f" {signer.verifier.to_text()}\n") == signer.verifier


def test_a_witness_signs_the_text_with_its_time_and_another_time_does_not_hold() -> None:
    both = NOTE.signed(WITNESS, 1_790_000_000)
    keys = (HOUSE.verifier, WITNESS.verifier)
    assert both.signers(keys) == keys
    assert Note.parse(both.to_bytes()) == both
    assert both.checkpoint(HOUSE.verifier) == POINT
    name, key_id, signature = both.signatures[1]
    later = replace(
        both,
        signatures=((name, key_id, (1_790_000_001).to_bytes(8, "big") + signature[8:]),),
    )
    with pytest.raises(NoteMalformed, match=r"witness\.example does not hold"):
        later.signers(keys)


def test_who_is_not_known_is_passed_over() -> None:
    assert NOTE.signed(WITNESS, 1).signers([HOUSE.verifier]) == (HOUSE.verifier,)
    assert NOTE.signers([Signer.of_seed("example.org/log", bytes(32)).verifier]) == ()


def test_a_checkpoint_counts_only_with_the_signature_of_its_own_log() -> None:
    other = Signer.of_seed("example.org/other", SEED)
    with pytest.raises(NoteMalformed, match="not signed by"):
        NOTE.checkpoint(other.verifier)
    with pytest.raises(NoteMalformed, match=r"not of example\.org/other"):
        Note(POINT.to_text()).signed(other).checkpoint(other.verifier)


@given(st.data())
def test_no_flipped_byte_of_a_note_is_taken(data: st.DataObject) -> None:
    written = bytearray(NOTE.to_bytes())
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NoteMalformed):
        Note.parse(bytes(written)).checkpoint(HOUSE.verifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        TEXT + b"\n\xe2\x80\x94 name AAAA\n",  # too short to hold a key id, which is read all the same
        SIGNED + b"more",
        SIGNED.replace(b"\xe2\x80\x94 Peter", b"\xe2\x80\x94 P+ter"),
        TEXT + b"\n\xe2\x80\x94 name AAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(NoteMalformed):
        Note.parse(data).checkpoint(HOUSE.verifier)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"origin\n7\n",
        b"origin\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"origin\n-7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"origin\n7\nAAAA\n",
        b"origin\n7\n****\n",
        b"\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"origin\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nmore\n",
        b"origin\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        b"\xff\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(NoteMalformed):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("c74f20a3", "xyz"),
        PUBLIC.replace("PeterNeumann", ""),
        PUBLIC[:-4],
        PUBLIC.replace("+AR", "+Ah"),
        "a+00000000+****",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        Verifier.parse(text)
    with pytest.raises(NoteMalformed):
        Signer.parse(f"PRIVATE+KEY+{text}")


def test_a_public_key_cannot_sign() -> None:
    with pytest.raises(NoteMalformed, match="no private key"):
        Signer.parse(PUBLIC)
    with pytest.raises(NoteMalformed, match="another key's"):
        Signer.parse(PRIVATE.replace("Neumann", "Newman"))
