"""Chance: the stream, its whole numbers, the hash chains."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine.randomness import Stream, chain_anchor, chain_share, check_link, link, round_seed

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/draw/stream.json").read_text())
SECRET = b"x" * 32


class Scripted(Stream):
    """A stream whose words are written by the test."""

    def __init__(self, *words: int) -> None:
        super().__init__(bytes(32))
        self._buffer = b"".join(word.to_bytes(8, "big") for word in words)


@pytest.mark.parametrize("case", VECTORS["below"], ids=lambda case: f"below {case['bound']}")
def test_the_stream_gives_the_frozen_numbers(case: dict[str, object]) -> None:
    stream = Stream(bytes.fromhex(VECTORS["seed"]))
    bound = int(str(case["bound"]))
    assert [str(stream.below(bound)) for _ in range(5)] == case["values"]


def test_a_number_is_the_words_of_the_stream_modulo_the_bound() -> None:
    seed = b"s" * 32
    block = hmac.new(seed, b"ed-panel/1 stream\x00" + bytes(8), hashlib.sha256).digest()
    words = [int.from_bytes(block[at : at + 8], "big") for at in range(0, 32, 8)]
    stream = Stream(seed)
    assert [stream.below(1000) for _ in range(4)] == [word % 1000 for word in words]
    wide = Stream(seed)
    assert wide.below(2**64 + 1) == (words[0] << 64 | words[1]) % (2**64 + 1)


def test_the_second_block_follows_the_first() -> None:
    seed = b"s" * 32
    second = hmac.new(seed, b"ed-panel/1 stream\x00" + (1).to_bytes(8, "big"), hashlib.sha256).digest()
    stream = Stream(seed)
    for _ in range(4):
        stream.below(2)
    assert stream.below(2**60) == int.from_bytes(second[:8], "big") % 2**60


@pytest.mark.parametrize("bound", [3, 5, 7, 11, 2**32 + 1, 2**63 + 1])
def test_a_word_in_the_incomplete_last_multiple_is_thrown_away(bound: int) -> None:
    limit = 2**64 - 2**64 % bound
    assert Scripted(limit, 2**64 - 1, limit - 1).below(bound) == bound - 1
    assert Scripted(limit - 1).below(bound) == bound - 1


def test_a_bound_of_two_to_the_sixty_four_wastes_no_word() -> None:
    assert Scripted(2**64 - 1, 7).below(2**64) == 2**64 * (2**64 - 1) + 7 - 2**64 * (2**64 - 1)


@given(st.binary(min_size=32, max_size=40), st.lists(st.integers(1, 10**40), max_size=8))
def test_every_number_lies_below_its_bound_and_comes_again(seed: bytes, bounds: list[int]) -> None:
    one, other = Stream(seed), Stream(seed)
    numbers = [one.below(bound) for bound in bounds]
    assert all(0 <= number < bound for number, bound in zip(numbers, bounds, strict=True))
    assert numbers == [other.below(bound) for bound in bounds]


@pytest.mark.parametrize("bound", [0, -1])
def test_there_is_no_number_below_nothing(bound: int) -> None:
    with pytest.raises(ValueError, match="no whole number"):
        Stream(SECRET).below(bound)


@pytest.mark.parametrize("seed", ["0" * 64, 12345, b"short", bytearray(32)])
def test_a_seed_is_bytes_and_long_enough(seed: object) -> None:
    with pytest.raises(TypeError, match="32 bytes"):
        Stream(seed)  # type: ignore[arg-type]


@given(st.integers(1, 20))
def test_every_share_of_a_chain_keeps_the_promise_made_before_it(length: int) -> None:
    previous = chain_anchor(SECRET, length)
    for round_no in range(1, length + 1):
        share = chain_share(SECRET, length, round_no)
        assert check_link(previous, share)
        assert not check_link(previous, previous)
        previous = share
    assert previous == SECRET


def test_a_link_is_not_a_plain_hash() -> None:
    assert link(SECRET) == hashlib.sha256(b"ed-panel/1 link\x00" + SECRET).digest() == chain_anchor(SECRET, 1)


@pytest.mark.parametrize("round_no", [0, 4, -1])
def test_a_chain_serves_only_its_own_rounds(round_no: int) -> None:
    with pytest.raises(ValueError, match="rounds 1 to 3"):
        chain_share(SECRET, 3, round_no)


@pytest.mark.parametrize("secret", ["x" * 32, b"short", 5])
def test_the_secret_of_a_chain_is_32_bytes(secret: object) -> None:
    with pytest.raises(TypeError, match="32 bytes"):
        chain_anchor(secret, 3)  # type: ignore[arg-type]


def test_the_seed_is_the_hash_of_all_it_depends_on() -> None:
    statement = (
        b'{"algorithm":"ed-panel/1","draw":"CQ-1","head":"aa","kind":"expert","purpose":"round-seed","round":2,'
        b'"shares":[["center","0102"],["supervisor","03"]]}'
    )
    seed = round_seed(
        draw="CQ-1", round_no=2, kind="expert", shares=[("supervisor", b"\3"), ("center", b"\1\2")], head="aa"
    )
    assert seed == hashlib.sha256(statement).digest()


def test_anything_else_gives_another_seed() -> None:
    given_: dict[str, object] = {
        "draw": "CQ-1", "round_no": 1, "kind": "expert", "shares": [("a", b"1"), ("b", b"2")], "head": "00"
    }  # fmt: skip
    others: list[dict[str, object]] = [
        {"draw": "CQ-2"},
        {"round_no": 2},
        {"kind": "seat"},
        {"shares": [("a", b"12"), ("b", b"")]},
        {"shares": [("a", b"2"), ("b", b"1")]},
        {"head": "01"},
    ]
    made = [round_seed(**{**given_, **other}) for other in [{}, *others]]  # type: ignore[arg-type]
    assert len(set(made)) == len(made)
