"""Chance that nobody can steer: from shares promised beforehand to whole numbers that all are equally likely."""

import hashlib
import hmac
import struct
from collections.abc import Sequence
from typing import Literal

from app.core.canonical import Canonical, canonical_json

ALGORITHM = "ed-panel/2"
SHARE_BYTES = 32
Suite = Literal["sha256", "sm3"]
SUITES: tuple[Suite, ...] = ("sha256", "sm3")
_LINK = b"ed-panel/2 link\x00"
_STREAM = b"ed-panel/2 stream\x00"
_WORD = 64
_ONE_WORD = 1 << _WORD
# Most draws end within the first blocks; one that goes on is served many blocks at a time.
_FIRST_BLOCKS, _MORE_BLOCKS = 8, 64


def hash_of(suite: Suite, data: bytes) -> bytes:
    """H of that suite (docs/draw-record.md section 2), 32 bytes: SHA-256, or SM3 (GB/T 32905)."""
    return hashlib.new(_known(suite), data).digest()


class Stream:
    """An endless stream of unbiased whole numbers that a seed determines completely (docs/draw-record.md section 5).

    Block i is HMAC(seed, "ed-panel/2 stream" 0x00 i), i as 8 bytes big-endian from 0; the blocks are read one after
    another in words of 8 bytes. seed: at least 32 bytes, never a number or a text (TypeError).
    """

    __slots__ = ("_at", "_blocks", "_seed", "_suite", "_words")

    def __init__(self, seed: bytes, suite: Suite = "sha256") -> None:
        if not isinstance(seed, bytes) or len(seed) < SHARE_BYTES:
            raise TypeError("a seed is at least 32 bytes, never a number or a text")
        self._seed = seed
        self._suite = _known(suite)
        self._blocks = 0
        self._words: tuple[int, ...] = ()
        self._at = 0

    def below(self, bound: int) -> int:
        """A whole number 0 ≤ x < bound, each equally likely; bound ≥ 1 of any size (ValueError).

        Takes as many words as `bound` has started 64 bits; a value in the incomplete last multiple of `bound` is
        thrown away and the next words are taken, so that the remainder favours nobody.
        """
        if bound < 1:
            raise ValueError("there is no whole number below that bound")
        if bound >= _ONE_WORD:
            return self._below_wide(bound)
        limit = _ONE_WORD - _ONE_WORD % bound
        while True:
            if self._at == len(self._words):
                self._refill()
            word = self._words[self._at]
            self._at += 1
            if word < limit:
                return word % bound

    def _below_wide(self, bound: int) -> int:
        count = -(-bound.bit_length() // _WORD)
        whole = 1 << _WORD * count
        limit = whole - whole % bound
        while (value := self._value(count)) >= limit:
            pass
        return value % bound

    def _value(self, count: int) -> int:
        value = 0
        for _ in range(count):
            if self._at == len(self._words):
                self._refill()
            value = value << _WORD | self._words[self._at]
            self._at += 1
        return value

    def _refill(self) -> None:
        count = _MORE_BLOCKS if self._blocks else _FIRST_BLOCKS
        numbers = range(self._blocks, self._blocks + count)
        text = b"".join(hmac.digest(self._seed, _STREAM + i.to_bytes(8, "big"), self._suite) for i in numbers)
        self._blocks += count
        self._words = struct.unpack(f">{len(text) // 8}Q", text)
        self._at = 0


def link(share: bytes, suite: Suite = "sha256") -> bytes:
    """One step along a hash chain: 32 bytes in, 32 bytes out, no way back."""
    return hash_of(suite, _LINK + share)


def chain_anchor(secret: bytes, length: int, suite: Suite = "sha256") -> bytes:
    """What a party publishes before a draw: `link` applied `length` times. It can then serve `length` rounds."""
    return _walk(secret, length, suite)


def chain_share(secret: bytes, length: int, round_no: int, suite: Suite = "sha256") -> bytes:
    """What that party reveals in round 1 ≤ round_no ≤ length: the round_no-th link before its anchor.

    Raises ValueError for a round that the chain does not serve, TypeError for a secret that is not 32 bytes.
    """
    if not 1 <= round_no <= length:
        raise ValueError(f"a chain of {length} links serves rounds 1 to {length}, not {round_no}")
    return _walk(secret, length - round_no, suite)


def check_link(previous: bytes, share: bytes, suite: Suite = "sha256") -> bool:
    """Whether `share` is what had been promised by `previous` (an anchor, or the share of the round before)."""
    return hmac.compare_digest(link(share, suite), previous)


def round_seed(
    suite: Suite,
    *,
    beacon: str | None,
    call: str,
    draw: str,
    kind: str,
    purpose: str,
    round_no: int,
    shares: Sequence[tuple[str, bytes]],
) -> bytes:
    """The 32-byte seed of one kind in one round (docs/draw-record.md section 5).

    call: hash of the `call` line, 64 hex digits; it binds lists, exclusions and answers so far. beacon: its value, 64
    hex digits, or None. purpose: "draw" or "reserve". shares: (party, share) of every party, in any order.
    """
    statement: dict[str, Canonical] = {
        "algorithm": ALGORITHM,
        "beacon": beacon,
        "call": call,
        "draw": draw,
        "kind": kind,
        "purpose": purpose,
        "round": round_no,
        "shares": [[party, share.hex()] for party, share in sorted(shares)],
    }
    return hash_of(suite, canonical_json(statement))


def _walk(secret: bytes, steps: int, suite: Suite) -> bytes:
    if not isinstance(secret, bytes) or len(secret) != SHARE_BYTES:
        raise TypeError("the secret of a hash chain is 32 bytes")
    for _ in range(steps):
        secret = link(secret, suite)
    return secret


def _known(suite: Suite) -> Suite:
    if suite not in SUITES:
        raise ValueError(f"no suite is called {suite!r}; there are {SUITES}")
    return suite
