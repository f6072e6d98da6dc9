"""Whatever is done to a log that was signed is found, and the first act that is not as it was is named."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.chain import GENESIS, Link
from app.audit.log_check import MOST_FAULTS, LogCheck, PartCheck
from app.audit.log_tree import Frontier, inclusion_proof, leaf_hash, node_hash, split

Log = list[tuple[bytes | None, bytes | None]]


def acts(cases: list[int]) -> list[bytes]:
    """One act for each number, of the case with that number."""
    heads: dict[int, tuple[int, str]] = {}
    made = []
    for case in cases:
        n, prev = heads.get(case, (0, GENESIS))
        link = Link(f"case-{case}", n + 1, "2026-11-21T00:00:00+00:00", "a:b:c", "house", "x", "{}", prev)
        heads[case] = (n + 1, link.hash())
        made.append(link.to_bytes())
    return made


ACTS = acts([0, 1, 0, 2, 1, 0, 2])
SIGNED = {n: Frontier().extended(map(leaf_hash, ACTS[:n])).root for n in (0, 3, 7)}


def check(log: Log, start: Frontier | None = None) -> list[tuple[str, int | None, str, int]]:
    found = LogCheck(SIGNED, start)
    for entry, stored in log:
        found.see(entry, stored)
    found.end()
    return [(fault.kind, fault.position, fault.case, fault.n) for fault in found.faults]


def log_of(entries: list[bytes]) -> Log:
    return [(entry, leaf_hash(entry)) for entry in entries]


def forged(entry: bytes) -> bytes:
    return entry.replace(b'"x"', b'"y"')


def rechained(entries: list[bytes]) -> list[bytes]:
    heads: dict[str, str] = {}
    made = []
    for entry in entries:
        told = json.loads(entry)
        told["prev"] = heads.get(told["case"], GENESIS)
        link = Link(**told)
        heads[told["case"]] = link.hash()
        made.append(link.to_bytes())
    return made


@given(st.lists(st.integers(0, 3), max_size=30))
def test_a_log_as_it_was_signed_holds(cases: list[int]) -> None:
    entries = acts(cases)
    whole = Frontier().extended(map(leaf_hash, entries))
    found = LogCheck({whole.size: whole.root})
    for entry in entries:
        found.see(entry, leaf_hash(entry))
    found.end()
    assert (found.faults, found.count, found.frontier) == ((), 0, whole)


def test_from_a_place_that_somebody_vouches_for_on_nothing_before_is_needed() -> None:
    start = Frontier().extended(map(leaf_hash, ACTS[:3]))
    assert check(log_of(ACTS[3:]), start) == []
    assert check([(forged(ACTS[3]), leaf_hash(ACTS[3])), *log_of(ACTS[4:])], start) == [
        ("changed", 3, "case-2", 1),
        ("chain", 6, "case-2", 2),
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda log: log.__setitem__(2, (forged(ACTS[2]), leaf_hash(ACTS[2]))),
            [("changed", 2, "case-0", 2), ("chain", 5, "case-0", 3)],
        ),
        (
            lambda log: log.__setitem__(2, (None, leaf_hash(ACTS[2]))),
            [("missing", 2, "", 0), ("missing", 5, "case-0", 2)],
        ),
        (lambda log: log.__setitem__(5, (b"{}", leaf_hash(ACTS[5]))), [("malformed", 5, "", 0)]),
        (lambda log: log.__setitem__(5, (None, None)), [("missing", 5, "", 0), ("root", 3, "case-2", 1)]),
        (lambda log: log.__delitem__(slice(5, 7)), [("cut", 5, "", 0)]),
        (lambda log: log.__delitem__(2), [("root", 0, "case-0", 1), ("missing", 4, "case-0", 2), ("cut", 6, "", 0)]),
        (
            lambda log: log.__setitem__(slice(0, 3), [log[2], log[1], log[0]]),
            [
                ("missing", 0, "case-0", 1),
                ("moved", 2, "case-0", 1),
                ("root", 0, "case-0", 2),
                ("missing", 5, "case-0", 2),
                ("root", 0, "case-0", 2),
            ],
        ),
        (
            lambda log: log.__setitem__(
                slice(0, 7), log_of(rechained([ACTS[0], forged(ACTS[1]), *ACTS[2:]]))
            ),
            [("root", 0, "case-0", 1), ("root", 0, "case-0", 1)],
        ),
        (
            lambda log: log.__setitem__(slice(3, 7), log_of(rechained([*ACTS[:3], forged(ACTS[3]), *ACTS[4:]])[3:])),
            [("root", 3, "case-2", 1)],
        ),
    ],
)  # fmt: skip
def test_what_was_done_to_the_log_is_named(
    change: Callable[[Log], None], expected: list[tuple[str, int | None, str, int]]
) -> None:
    log = log_of(ACTS)
    change(log)
    assert check(log) == expected


def test_only_the_first_faults_are_kept_and_all_are_counted() -> None:
    found = LogCheck({})
    for _ in range(MOST_FAULTS + 5):
        found.see(None, bytes(32))
    assert (len(found.faults), found.count) == (MOST_FAULTS, MOST_FAULTS + 5)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        ACTS[0].replace(b'"n":1', b'"n":"1"'),
        ACTS[0].replace(b'"n":1', b'"n":true'),
        ACTS[0].replace(b'"case":"case-0"', b'"case":0'),
        ACTS[0].replace(f'"prev":"{GENESIS}"'.encode(), b'"prev":null'),
    ],
)
def test_what_is_no_act_is_said_to_be_none(entry: bytes) -> None:
    found = LogCheck({})
    found.see(entry, None)
    part = PartCheck(1, leaf_hash(entry))
    part.see(entry, 0, ())
    assert [fault.kind for fault in (*found.faults, *part.faults)] == ["malformed", "malformed"]


def tree(start: int, end: int) -> bytes:
    if end - start == 1:
        return leaf_hash(ACTS[start])
    middle = start + split(end - start)
    return node_hash(tree(start, middle), tree(middle, end))


def part(chosen: list[tuple[bytes, int]]) -> list[tuple[str, int | None]]:
    found = PartCheck(7, SIGNED[7])
    for entry, position in chosen:
        found.see(entry, position, inclusion_proof(position, 7, tree))
    assert found.count == len(found.faults)
    return [(fault.kind, fault.position) for fault in found.faults]


def test_chosen_acts_are_checked_one_by_one() -> None:
    assert part([(ACTS[0], 0), (ACTS[2], 2), (ACTS[3], 3), (ACTS[5], 5)]) == []
    assert part([(ACTS[1], 1), (ACTS[4], 4)]) == []
    assert part([(ACTS[2], 2), (forged(ACTS[3]), 3)]) == [("changed", 3)]
    assert part([(ACTS[2], 3)]) == [("changed", 3)]
    assert part([(ACTS[2], 2), (ACTS[0], 0)]) == [("moved", 0)]
    assert part([(ACTS[2], 2), (ACTS[2], 2)]) == [("moved", 2)]


def test_chosen_acts_that_are_in_the_log_and_yet_do_not_follow_each_other_are_named() -> None:
    first, second = ACTS[0], forged(ACTS[2]).replace(sha256(ACTS[0]).hexdigest().encode(), b"0" * 64)
    root = node_hash(leaf_hash(first), leaf_hash(second))
    found = PartCheck(2, root)
    found.see(first, 0, (leaf_hash(second),))
    found.see(second, 1, (leaf_hash(first),))
    assert [(fault.kind, fault.case, fault.n) for fault in found.faults] == [("chain", "case-0", 2)]
