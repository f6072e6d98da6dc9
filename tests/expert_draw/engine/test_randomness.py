"""Chance: the stream, its whole numbers, the hash chains, in both suites."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine.ballot import Role
from expert_draw.engine.randomness import (
    SUITES,
    Stream,
    Suite,
    chain_anchor,
    chain_share,
    check_link,
    hash_of,
    link,
    round_seed,
)
from expert_draw.engine.reserve import reserve_order

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/draw/stream.json").read_text())
SEED = bytes.fromhex(VECTORS["seed"])
SECRET = b"x" * 32
Case = dict[str, Any]
suites = pytest.mark.parametrize("suite", SUITES)


class Scripted(Stream):
    """A stream whose words are written by the test."""

    def __init__(self, *words: int) -> None:
        super().__init__(bytes(32))
        self._words = words

    @property
    def used(self) -> int:
        return self._at


class Modulo(Scripted):
    """A wrong stream: the remainder of whatever word comes, so that small numbers come a little too often."""

    def below(self, bound: int) -> int:
        return self._value(1) % bound


def words_of(seed: bytes, suite: Suite) -> Iterator[int]:
    """The words of a stream, read off the specification and nothing clever."""
    inner, outer = (bytes(byte ^ pad for byte in seed.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    for number in range(10_000):
        message = b"ed-panel/2 stream\x00" + number.to_bytes(8, "big")
        block = hashlib.new(suite, outer + hashlib.new(suite, inner + message).digest()).digest()
        yield from (int.from_bytes(block[at : at + 8], "big") for at in (0, 8, 16, 24))


@pytest.mark.parametrize("case", VECTORS["below"], ids=lambda case: f"{case['suite']} below {case['bound']}")
def test_the_stream_gives_the_frozen_numbers(case: Case) -> None:
    stream = Stream(SEED, case["suite"])
    assert [str(stream.below(int(case["bound"]))) for _ in range(5)] == case["values"]


@pytest.mark.parametrize("case", VECTORS["mixed"], ids=lambda case: case["suite"])
def test_narrow_and_wide_numbers_share_one_row_of_words(case: Case) -> None:
    stream = Stream(SEED, case["suite"])
    assert [str(stream.below(int(bound))) for bound in case["bounds"]] == case["values"]


def crafted_right(stream: type[Scripted]) -> bool:
    """Whether a stream skips what it must skip, in all the crafted cases."""
    for case in VECTORS["crafted"]:
        one = stream(*map(int, case["words"]))
        if str(one.below(int(case["bound"]))) != case["value"] or one.used != case["used"]:
            return False
    return True


def test_words_in_the_incomplete_last_multiple_are_thrown_away() -> None:
    assert crafted_right(Scripted)


def test_a_stream_that_only_takes_the_remainder_is_caught_by_the_crafted_words() -> None:
    assert not crafted_right(Modulo)


@given(
    st.binary(min_size=32, max_size=40),
    st.sampled_from(SUITES),
    st.lists(st.integers(1, 10**40) | st.integers(1, 12), max_size=8),
)
def test_every_number_is_the_one_the_specification_gives(
    seed: bytes, suite: Suite, bounds: list[int]
) -> None:
    stream, words = Stream(seed, suite), words_of(seed, suite)
    for bound in bounds:
        count = -(-bound.bit_length() // 64)
        whole = 2 ** (64 * count)
        while True:
            value = sum(word << 64 * place for place, word in enumerate(reversed([*islice(words, count)])))
            if value < whole - whole % bound:
                break
        number = stream.below(bound)
        assert number == value % bound
        assert 0 <= number < bound


@suites
def test_block_follows_block_for_as_long_as_one_likes(suite: Suite) -> None:
    stream, bound = Stream(SEED, suite), 2**63
    assert [stream.below(bound) for _ in range(600)] == [
        word % bound for word in islice(words_of(SEED, suite), 600)
    ]


@suites
def test_a_wide_number_may_begin_with_the_last_word_of_what_was_read_ahead(suite: Suite) -> None:
    stream, words = Stream(SEED, suite), [*islice(words_of(SEED, suite), 40)]
    for _ in range(31):
        stream.below(2)
    assert stream.below(2**127) == (words[31] << 64 | words[32]) % 2**127


@pytest.mark.parametrize("bound", [0, -1])
def test_there_is_no_number_below_nothing(bound: int) -> None:
    with pytest.raises(ValueError, match="no whole number"):
        Stream(SECRET).below(bound)


@pytest.mark.parametrize("seed", ["0" * 64, 12345, b"short", bytearray(32)])
def test_a_seed_is_bytes_and_long_enough(seed: Any) -> None:
    with pytest.raises(TypeError, match="32 bytes"):
        Stream(seed)


def test_a_suite_that_does_not_exist_is_refused() -> None:
    strange: Any = "md5"
    with pytest.raises(ValueError, match="md5"):
        Stream(SECRET, strange)
    with pytest.raises(ValueError, match="md5"):
        link(SECRET, strange)


def test_the_suites_are_the_published_hash_functions() -> None:
    assert hash_of("sha256", b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")
    # the example of GB/T 32905, appendix A.1
    assert hash_of("sm3", b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@suites
@given(length=st.integers(1, 20))
def test_every_share_of_a_chain_keeps_the_promise_made_before_it(suite: Suite, length: int) -> None:
    previous = chain_anchor(SECRET, length, suite)
    for round_no in range(1, length + 1):
        share = chain_share(SECRET, length, round_no, suite)
        assert check_link(previous, share, suite)
        assert not check_link(previous, previous, suite)
        previous = share
    assert previous == SECRET


@pytest.mark.parametrize("case", VECTORS["link"], ids=lambda case: case["suite"])
def test_an_anchor_is_the_frozen_one(case: Case) -> None:
    assert chain_anchor(bytes.fromhex(case["secret"]), case["length"], case["suite"]).hex() == case["anchor"]


def test_a_link_is_not_a_plain_hash() -> None:
    assert link(SECRET) == hashlib.sha256(b"ed-panel/2 link\x00" + SECRET).digest() == chain_anchor(SECRET, 1)


@pytest.mark.parametrize("round_no", [0, 4, -1])
def test_a_chain_serves_only_its_own_rounds(round_no: int) -> None:
    with pytest.raises(ValueError, match="rounds 1 to 3"):
        chain_share(SECRET, 3, round_no)


@pytest.mark.parametrize("secret", ["x" * 32, b"short", 5])
def test_the_secret_of_a_chain_is_32_bytes(secret: Any) -> None:
    with pytest.raises(TypeError, match="32 bytes"):
        chain_anchor(secret, 3)


def seed_of(case: Case, shares: Sequence[tuple[str, bytes]]) -> str:
    return round_seed(
        case["suite"],
        beacon=case["beacon"],
        call=case["call"],
        draw=case["draw"],
        kind=case["kind"],
        purpose=case["purpose"],
        round_no=case["round"],
        shares=shares,
    ).hex()


@pytest.mark.parametrize("case", VECTORS["round_seed"])
def test_a_seed_is_the_frozen_one_in_whatever_order_the_parties_revealed(case: Case) -> None:
    shares = [(party, bytes.fromhex(share)) for party, share in case["shares"]]
    assert seed_of(case, shares) == seed_of(case, shares[::-1]) == case["seed"]


def test_anything_else_gives_another_seed() -> None:
    first = {**VECTORS["round_seed"][0], "shares": [("a", b"1"), ("b", b"2")]}
    others: list[Case] = [
        {"suite": "sm3"},
        {"beacon": "00" * 32},
        {"call": "00" * 32},
        {"draw": "CQ-2"},
        {"kind": "seat"},
        {"purpose": "reserve"},
        {"round": 3},
        {"shares": [("a", b"12"), ("b", b"")]},
        {"shares": [("a", b"2"), ("b", b"1")]},
    ]
    made = [seed_of({**first, **other}, {**first, **other}["shares"]) for other in [{}, *others]]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("case", VECTORS["reserve"])
def test_reserves_stand_in_the_frozen_order(case: Case) -> None:
    role = Role(np.arange(100, 100 + case["length"]), (("1", 1),))
    order = reserve_order(role, (), case["most"], Stream(SEED, case["suite"]))
    assert [index - 100 for index in order] == case["order"]


@given(
    st.sets(st.integers(0, 30), min_size=1),
    st.sets(st.integers(0, 30)),
    st.integers(1, 40),
    st.binary(min_size=32),
)
def test_reserves_are_people_of_the_list_who_were_not_drawn_each_once(
    members: set[int], drawn: set[int], most: int, seed: bytes
) -> None:
    order = reserve_order(Role(np.array(sorted(members)), (("1", 1),)), drawn, most, Stream(seed))
    assert set(order) <= members - drawn
    assert len(order) == len(set(order)) == min(most, len(members - drawn))
