"""Chance that nobody can steer: from shares promised beforehand to whole numbers that all are equally likely."""

import hashlib
import hmac
from collections.abc import Sequence

from app.core.canonical import Canonical, canonical_json

ALGORITHM = "ed-panel/1"
SHARE_BYTES = 32
_LINK = b"ed-panel/1 link\x00"
_STREAM = b"ed-panel/1 stream\x00"
_WORD_BYTES = 8


class Stream:
    """An endless stream of unbiased whole numbers that a seed determines completely.

    Block i is HMAC-SHA-256(seed, "ed-panel/1 stream" 0x00 i), i as 8 bytes big-endian from 0; the blocks are read
    one after another in words of 8 bytes.
    """

    __slots__ = ("_blocks", "_buffer", "_seed")

    def __init__(self, seed: bytes) -> None:
        if not isinstance(seed, bytes) or len(seed) < SHARE_BYTES:
            raise TypeError("a seed is at least 32 bytes, never a number or a text")
        self._seed = seed
        self._blocks = 0
        self._buffer = b""

    def below(self, bound: int) -> int:
        """A whole number 0 ≤ x < bound, each equally likely; bound ≥ 1, of any size.

        Takes as many words as `bound` has started 64 bits; a value in the incomplete last multiple of `bound` is
        thrown away and the next words are taken, so that the remainder favours nobody.
        """
        if bound < 1:
            raise ValueError("there is no whole number below that bound")
        size = _WORD_BYTES * -(-bound.bit_length() // 64)
        whole = 1 << 8 * size
        limit = whole - whole % bound
        while (value := int.from_bytes(self._take(size), "big")) >= limit:
            pass
        return value % bound

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += hmac.digest(self._seed, _STREAM + self._blocks.to_bytes(8, "big"), "sha256")
            self._blocks += 1
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


def link(share: bytes) -> bytes:
    """One step along a hash chain: 32 bytes in, 32 bytes out, no way back."""
    return hashlib.sha256(_LINK + share).digest()


def chain_anchor(secret: bytes, length: int) -> bytes:
    """What a party publishes before a draw: `link` applied `length` times. It can then serve `length` rounds."""
    return _walk(secret, length)


def chain_share(secret: bytes, length: int, round_no: int) -> bytes:
    """What that party reveals in round 1 ≤ round_no ≤ length: the round_no-th link before its anchor."""
    if not 1 <= round_no <= length:
        raise ValueError(f"a chain of {length} links serves rounds 1 to {length}, not {round_no}")
    return _walk(secret, length - round_no)


def check_link(previous: bytes, share: bytes) -> bool:
    """Whether `share` is what had been promised by `previous` (an anchor, or the share of the round before)."""
    return hmac.compare_digest(link(share), previous)


def round_seed(
    *, draw: str, round_no: int, kind: str, shares: Sequence[tuple[str, bytes]], head: str
) -> bytes:
    """The 32-byte seed of one kind in one round.

    shares: (party, share) of every party. head: hash of the record's last line before this one, 64 hex digits; it
    binds pool, exclusions and answers so far.
    """
    statement: dict[str, Canonical] = {
        "algorithm": ALGORITHM,
        "draw": draw,
        "head": head,
        "kind": kind,
        "purpose": "round-seed",
        "round": round_no,
        "shares": [[party, share.hex()] for party, share in sorted(shares)],
    }
    return hashlib.sha256(canonical_json(statement)).digest()


def _walk(secret: bytes, steps: int) -> bytes:
    if not isinstance(secret, bytes) or len(secret) != SHARE_BYTES:
        raise TypeError("the secret of a hash chain is 32 bytes")
    for _ in range(steps):
        secret = link(secret)
    return secret
