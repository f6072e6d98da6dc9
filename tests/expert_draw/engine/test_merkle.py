"""Hash trees: the quick ways give what the definition gives, after any change; a path proves its leaf and no other."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine.merkle import EMPTY, Tree, climb, root_of


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf(number: int) -> bytes:
    return sha(b"leaf %d" % number)


def defined(leaves: Mapping[bytes, bytes], depth: int = 0) -> bytes:
    """The definition of docs/draw-record.md, word by word."""
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    halves: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
    for key, value in leaves.items():
        halves[key[depth // 8] >> (7 - depth % 8) & 1][key] = value
    return sha(b"\x01" + defined(halves[0], depth + 1) + defined(halves[1], depth + 1))


# Few first bytes and a few different last ones: long common beginnings, empty siblings, neighbours that differ in one bit.
keys = st.builds(
    lambda first, last: bytes([first]) + bytes(14) + bytes([last]),
    st.sampled_from([0, 1, 2, 0x40, 0x80, 0xFE, 0xFF]) | st.integers(0, 255),
    st.integers(0, 3),
)
some = st.dictionaries(keys, st.integers(0, 999).map(leaf), max_size=90)


@given(some)
def test_a_root_is_the_one_of_the_definition(leaves: dict[bytes, bytes]) -> None:
    assert root_of(sha, leaves.items()) == Tree(sha, leaves.items()).root() == defined(leaves)


@given(some, st.lists(st.tuples(keys, st.none() | st.integers(0, 9).map(leaf)), max_size=80))
def test_after_any_changes_the_tree_is_as_if_made_anew(
    leaves: dict[bytes, bytes], changes: list[tuple[bytes, bytes | None]]
) -> None:
    tree = Tree(sha, leaves.items())
    for number, (key, value) in enumerate(changes):
        if value is not None:
            tree.put(key, value)
            leaves[key] = value
        elif key in leaves:
            tree.drop(key)
            del leaves[key]
        if number % 3 == 0:
            assert tree.root() == defined(leaves)
    assert tree.root() == defined(leaves)
    assert len(tree) == len(leaves)


@given(some)
def test_a_path_leads_to_the_root_and_only_for_its_own_leaf(leaves: dict[bytes, bytes]) -> None:
    tree = Tree(sha, leaves.items())
    for key, value in leaves.items():
        path = tree.path(key)
        assert climb(sha, key, value, path) == tree.root()
        assert climb(sha, key, leaf(1000), path) != tree.root()


def test_a_tree_grows_from_nothing_to_many_and_stays_right() -> None:
    tree, leaves = Tree(sha), {}
    assert tree.root() == EMPTY
    for number in range(700):
        key = sha(b"key %d" % number)
        leaves[key] = leaf(number)
        tree.put(key, leaf(number))
    assert tree.root() == defined(leaves) == root_of(sha, leaves.items())
    assert all(climb(sha, key, leaves[key], tree.path(key)) == tree.root() for key in list(leaves)[:50])
    for key in list(leaves):
        tree.drop(key)
        del leaves[key]
        if len(leaves) % 50 < 3:
            assert tree.root() == defined(leaves)
            assert all(
                climb(sha, one, leaves[one], tree.path(one)) == tree.root() for one in list(leaves)[:3]
            )
    assert tree.root() == EMPTY


def test_one_change_hashes_a_few_nodes_not_the_tree() -> None:
    asked = 0

    def counting(data: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return sha(data)

    tree = Tree(counting, [(sha(b"%d" % number), leaf(number)) for number in range(5000)])
    tree.root()
    asked = 0
    tree.put(sha(b"7"), leaf(5001))
    tree.root()
    assert 0 < asked < 60
    before = asked
    tree.root()
    assert asked == before


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="same key"):
        root_of(sha, [(bytes(16), leaf(1)), (bytes(16), leaf(2))])
    with pytest.raises(ValueError, match="same key"):
        Tree(sha, [(bytes(16), leaf(1)), (bytes(16), leaf(2))])
    with pytest.raises(ValueError, match="one length"):
        root_of(sha, [(bytes(16), leaf(1)), (bytes(32), leaf(2))])
    with pytest.raises(ValueError, match="one length"):
        Tree(sha, [(bytes(16), leaf(1))]).put(bytes(32), leaf(2))
    with pytest.raises(KeyError):
        Tree(sha, [(bytes(16), leaf(1))]).path(b"\x01" * 16)
    with pytest.raises(KeyError):
        Tree(sha, [(bytes(16), leaf(1))]).drop(b"\x01" * 16)
    with pytest.raises(ValueError, match="longer than its key"):
        climb(sha, bytes(16), leaf(1), [EMPTY] * 129)
