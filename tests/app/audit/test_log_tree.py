"""The Merkle log against the known vectors of Certificate Transparency, and its proofs for every size and by chance."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.audit.log_tree import (
    EMPTY_ROOT,
    Frontier,
    Subtree,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root_by_inclusion,
    split,
)

ENTRIES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first 0, 1, … 8 entries."""
LEAVES = tuple(leaf_hash(b"%d" % n) for n in range(40))
SIZES = st.integers(0, len(LEAVES))


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    """By the definition of RFC 9162, 2.1.1: nothing of the frontier is in it."""

    def root(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaves[start]
        middle = start + split(end - start)
        return node_hash(root(start, middle), root(middle, end))

    return root


TREE = subtree_of(LEAVES)


def root_of(size: int) -> bytes:
    return TREE(0, size) if size else EMPTY_ROOT


@pytest.mark.parametrize("size", range(9))
def test_the_roots_of_certificate_transparency(size: int) -> None:
    assert Frontier().extended(map(leaf_hash, ENTRIES[:size])).root.hex() == ROOTS[size]


@given(SIZES, SIZES)
def test_a_log_grown_in_two_steps_has_the_root_that_the_definition_says(first: int, more: int) -> None:
    size = min(first + more, len(LEAVES))
    grown = Frontier().extended(LEAVES[:first]).extended(LEAVES[first:size])
    assert (grown.size, grown.root) == (size, root_of(size)) or first > size
    assert Frontier.parse(grown.size, grown.to_text()) == grown


@pytest.mark.parametrize(
    ("size", "text"), [(1, ""), (0, "00"), (1, "00"), (1, "xy"), (2, f"{'0' * 64} " * 2)]
)
def test_what_is_no_frontier_is_refused(size: int, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- also what bytes.fromhex says
        Frontier.parse(size, text)


def test_every_proof_of_every_small_log_holds_and_proves_nothing_else() -> None:
    for size in range(1, 17):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            assert root_by_inclusion(LEAVES[index], index, size, proof) == root_of(size)
            for other in range(size):
                if other != index:
                    assert root_by_inclusion(LEAVES[index], other, size, proof) != root_of(size)
                    assert root_by_inclusion(LEAVES[other], index, size, proof) != root_of(size)
        for first in range(size + 1):
            path = consistency_proof(first, size, TREE)
            assert is_consistent(first, root_of(first), size, root_of(size), path)
            assert not is_consistent(first, LEAVES[0] + b"!", size, root_of(size), path)
            for wrong in range(first):
                assert not is_consistent(wrong, root_of(first), size, root_of(size), path)


@given(SIZES, SIZES, st.data())
def test_no_altered_proof_of_consistency_holds(first: int, second: int, data: st.DataObject) -> None:
    assume(0 < first < second)
    proof = list(consistency_proof(first, second, TREE))
    way = data.draw(st.sampled_from(["flip", "drop", "add"]))
    place = data.draw(st.integers(0, len(proof) - 1))
    if way == "flip":
        proof[place] = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    elif way == "drop":
        del proof[place]
    else:
        proof.insert(place, LEAVES[0])
    assert not is_consistent(first, root_of(first), second, root_of(second), proof)


@given(st.integers(1, len(LEAVES)), st.data())
def test_no_altered_proof_of_inclusion_holds(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, TREE))
    assert root_by_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]]) is None
    if proof:
        assert root_by_inclusion(LEAVES[index], index, size, proof[1:]) != root_of(size)
        proof[0] = bytes([proof[0][0] ^ 1]) + proof[0][1:]
        assert root_by_inclusion(LEAVES[index], index, size, proof) != root_of(size)


def test_what_no_log_has_cannot_be_proven() -> None:
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="no such entry"):
            inclusion_proof(index, size, TREE)
        assert root_by_inclusion(LEAVES[0], index, size, ()) is None
    for first, second in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="not larger"):
            consistency_proof(first, second, TREE)
        assert not is_consistent(first, EMPTY_ROOT, second, root_of(3), (LEAVES[0],))
    assert not is_consistent(0, LEAVES[0], 3, root_of(3), ())
    assert not is_consistent(0, EMPTY_ROOT, 3, root_of(3), (LEAVES[0],))
    assert not is_consistent(3, root_of(3), 3, root_of(3), (LEAVES[0],))
    assert not is_consistent(2, root_of(2), 3, root_of(3), ())
