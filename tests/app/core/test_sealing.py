"""Sealed fields: opened only where they stand, under the key they name, and by the algorithms that standards describe."""

import base64
import hmac
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.core import sealing
from app.core.errors import Unavailable
from app.core.keyring import KeyRing
from app.core.sealing import (
    FieldSuite,
    IndexSuite,
    Place,
    Sealer,
    bound,
    mask_identity,
    mask_name,
    mask_phone,
    own_keys,
)

MASTER = bytes(range(32))
HERE = Place("expert", "name_sealed", "0192f0c1-0000-7000-8000-000000000001")
SUITES = list(FieldSuite)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def sealed_before_places(text: str, nonce: bytes = bytes(12)) -> str:
    """A field as versions without places wrote it: nonce, ciphertext and tag under the first key there was."""
    cipher = AESGCM(hmac.digest(MASTER, b"yuanping/field", sha256))
    return base64.b64encode(nonce + cipher.encrypt(nonce, text.encode(), None)).decode()


@given(st.text(max_size=40), st.sampled_from(SUITES))
def test_a_sealed_field_opens_in_its_place_only(text: str, suite: FieldSuite) -> None:
    sealer = Sealer(MASTER, suite=suite)
    sealed = sealer.seal(text, HERE)
    assert sealer.unseal(sealed, HERE) == text
    assert sealed != sealer.seal(text, HERE)
    for elsewhere in (
        replace(HERE, table="draw"),
        replace(HERE, column="phone_sealed"),
        replace(HERE, row_id="0192f0c1-0000-7000-8000-000000000002"),
    ):
        with pytest.raises(Unavailable, match="sealed-changed"):
            sealer.unseal(sealed, elsewhere)


@given(st.text(max_size=40))
def test_under_another_key_nothing_opens_and_nobody_is_found(text: str) -> None:
    ours, theirs = Sealer(MASTER), Sealer(bytes(32))
    with pytest.raises(Unavailable, match="sealed-changed"):
        theirs.unseal(ours.seal(text, HERE), HERE)
    assert ours.fingerprint(text) == ours.fingerprint(text) != theirs.fingerprint(text)
    assert ours.fingerprint(text) != ours.fingerprint(text, "callee") != ours.fingerprint(text, "bidder-list")


@pytest.mark.parametrize("suite", SUITES)
def test_no_character_of_a_sealed_field_can_be_changed(suite: FieldSuite) -> None:
    sealer = Sealer(MASTER, suite=suite)
    sealed = sealer.seal("张三", HERE)
    assert sealed.endswith("=")  # the letter before it has spare bits
    for at, now in enumerate(sealed):
        for other in ALPHABET if at == len(sealed) - sealed.count("=") - 1 else ("A", "b", ".", "2", "é", ""):
            if other == now:
                continue
            with pytest.raises(Unavailable):
                sealer.unseal(sealed[:at] + other + sealed[at + 1 :], HERE)


@pytest.mark.parametrize(
    "torn",
    ["", ".", "..", "1.a.", "1.a.AAAA", "0.a.AAAA", "01.a.AAAA", "x.a.AAAA", "²3.a.AAAA", "1.z.AAAA", "AAAA"],
)
def test_what_is_no_sealed_field_is_said_to_be_changed(torn: str) -> None:
    for suite in FieldSuite:
        with pytest.raises(Unavailable, match="sealed-changed"):
            Sealer(MASTER, suite=suite).unseal(torn.replace("a", suite.value), HERE)


def test_a_missing_key_is_named() -> None:
    sealed = Sealer(MASTER).seal("张三", HERE).replace("1.", "7.", 1)
    with pytest.raises(Unavailable, match="sealed-elsewhere") as refused:
        Sealer(MASTER).unseal(sealed, HERE)
    assert refused.value.params == {"key": 7}


def test_fields_of_earlier_versions_are_read_until_their_key_is_retired() -> None:
    old = sealed_before_places("张三")
    sealer = Sealer(MASTER)
    assert sealer.unseal(old, HERE) == "张三"
    again = sealer.reseal(old, HERE)
    assert again is not None
    assert sealer.unseal(again, HERE) == "张三"
    assert sealer.reseal(again, HERE) is None
    # Without its prefix a bound field is none of an earlier version: its key is another one.
    with pytest.raises(Unavailable, match="sealed-changed"):
        sealer.unseal(again.split(".")[2], HERE)
    ring = KeyRing(own_keys(MASTER, IndexSuite.sha256), retired=frozenset({0}))
    with pytest.raises(Unavailable, match="sealed-elsewhere"):
        Sealer(MASTER, ring).unseal(old, HERE)


def test_fingerprints_and_derived_keys_are_what_they_always_were() -> None:
    sealer = Sealer(MASTER)
    lookup = hmac.digest(MASTER, b"yuanping/lookup", sha256)
    assert sealer.fingerprint("张三") == hmac.new(lookup, "张三".encode(), sha256).hexdigest()
    assert sealer.derive("roster-leaf") == hmac.digest(MASTER, b"yuanping/roster-leaf", sha256)


def test_another_suite_reads_what_was_sealed_and_seals_it_anew() -> None:
    international, national = Sealer(MASTER), Sealer(MASTER, suite=FieldSuite.sm4)
    sealed = international.seal("张三", HERE)
    again = national.reseal(sealed, HERE)
    assert again is not None
    assert (sealed[:4], again[:4]) == ("1.a.", "1.s.")
    assert national.unseal(sealed, HERE) == international.unseal(again, HERE) == "张三"


NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
PLACES = st.builds(Place, NAMES, NAMES, st.text(max_size=12))


@given(
    st.tuples(st.integers(1, 99), st.sampled_from("as"), PLACES),
    st.tuples(st.integers(1, 99), st.sampled_from("as"), PLACES),
)
def test_no_two_places_are_spelled_alike(one: tuple[int, str, Place], other: tuple[int, str, Place]) -> None:
    assert (bound(*one) == bound(*other)) == (one == other)


def test_sm4_gcm_is_that_of_rfc_8998() -> None:
    # RFC 8998, appendix A.1.
    key, nonce = bytes.fromhex("0123456789abcdeffedcba9876543210"), bytes.fromhex("00001234567800000000abcd")
    plain = bytes.fromhex(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
        "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
    )
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    cipher = sealing.Sm4(key)
    sealed = cipher.encrypt(nonce, plain, associated)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert cipher.decrypt(nonce, sealed, associated) == plain


def test_sm4_is_that_of_gb_t_32907() -> None:
    # GB/T 32907, example 1: one block; in counter mode it is what a block of zeros is combined with.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.CTR(key)).encryptor()
    assert encryptor.update(bytes(16)).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm3_is_that_of_gb_t_32905_and_its_hmac_that_of_rfc_2104() -> None:
    import hashlib  # noqa: PLC0415

    def sm3(data: bytes) -> bytes:
        return hashlib.new("sm3", data).digest()

    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    sealer = Sealer(MASTER, index=IndexSuite.sm3)
    lookup = sealer.derive("lookup")
    inner, outer = (bytes(one ^ pad for one in lookup.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    assert sealer.fingerprint("张三") == sm3(outer + sm3(inner + "张三".encode())).hex()
    assert sealer.fingerprint("张三") != Sealer(MASTER).fingerprint("张三")


def test_masks_leave_no_more_than_needed() -> None:
    assert mask_phone("+8613812345678") == "+86138****5678"
    assert mask_identity("530102198001011238") == "5301**********1238"
    assert mask_identity("E1234567") == "****"
    assert [mask_name(one) for one in ("张三", "张三丰", "欧阳娜娜", "欧阳", "Anna", "")] == [
        "张*",
        "张**",
        "欧阳**",
        "欧*",
        "A***",
        "*",
    ]
