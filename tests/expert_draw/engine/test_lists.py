"""Lists in a record: pinned row by row, spelt as canonical JSON, and nothing but codes in them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.canonical import Canonical, canonical_json
from expert_draw.engine.lists import rest_of, rows_of
from expert_draw.engine.pool import Bound, Candidate, DrawKind, Law, Level, Member, Pool
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine.samples import HOUSE, expert_pool, later, opened, ready, venue_pool

codes = st.binary(min_size=16, max_size=16).map(bytes.hex)
words = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
groups = st.lists(st.tuples(words, codes), max_size=4).map(tuple)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    ids = draw(st.lists(codes, min_size=1, max_size=8, unique=True))
    keys = draw(
        st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,5}", fullmatch=True), min_size=1, max_size=3, unique=True)
    )
    held = ids[: draw(st.integers(0, 2)) if len(ids) > 3 else 0]
    free = ids[len(held) :]
    some = st.lists(st.sampled_from(keys), min_size=1, unique=True).map(tuple)
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda pair: pair[0] != pair[1])
    bounds = draw(st.lists(st.tuples(words, codes), max_size=3, unique=True))
    return Pool(
        DrawKind.expert,
        tuple((key, draw(st.integers(1, 9))) for key in keys),
        tuple(
            Candidate(
                one,
                draw(groups),
                draw(some),
                tuple(draw(st.lists(words, max_size=2))),
                draw(st.integers(1, 99)),
            )
            for one in free
        ),
        (Level(),),
        bounds=tuple(Bound(name, value, 0, draw(st.integers(0, 5))) for name, value in bounds),
        conflicts=tuple(draw(st.lists(pairs, max_size=3))) if len(ids) > 1 else (),
        held=tuple(Member(one, draw(groups)) for one in held),
    )


@settings(max_examples=60, derandomize=True)
@given(pools(), st.booleans())
def test_rows_written_quickly_are_canonical_json(pool: Pool, weighted: bool) -> None:
    def pairs(of: Candidate | Member) -> list[Canonical]:
        return [list(group) for group in of.groups]

    for one, row in zip(pool.candidates, rows_of(pool, weighted=weighted), strict=True):
        value: list[Canonical] = [
            one.id,
            pairs(one),
            list(one.slots),
            list(one.grounds),
            *([one.weight] if weighted else []),
        ]
        assert row.encode() == canonical_json(value)
    assert rest_of(pool).encode() == canonical_json(
        {
            "bounds": [[one.group, one.value, one.least, one.most] for one in pool.bounds],
            "conflicts": [list(pair) for pair in pool.conflicts],
            "held": [[one.id, pairs(one)] for one in pool.held],
        }
    )


@settings(max_examples=40, derandomize=True)
@given(pools(), st.booleans())
def test_any_list_in_codes_can_be_pinned_and_opened(pool: Pool, weighted: bool) -> None:
    law: Law = "weighted" if weighted else "uniform-labelled"
    record = opened((pool,), law=law)
    read = DrawRecord.load([event.line for event in record.events], record.openings)
    plain = {"candidates": tuple(Candidate(c.id, c.groups, c.slots, c.grounds) for c in pool.candidates)}
    assert read.pool(DrawKind.expert) == (pool if weighted else expert_pool(**vars_of(pool) | plain))
    opening = json.loads(record.openings[0])
    assert canonical_json(opening).decode() == record.openings[0]


def vars_of(pool: Pool) -> dict[str, object]:
    return {
        "slots": pool.slots,
        "levels": pool.levels,
        "bounds": pool.bounds,
        "conflicts": pool.conflicts,
        "held": pool.held,
    }


@pytest.mark.parametrize(
    "pool",
    [
        expert_pool(candidates=(Candidate("Zhang San", (), ("1",)),), conflicts=()),
        expert_pool(
            candidates=(Candidate("ab" * 16, (("employer", "Town hospital"),), ("1",)),), conflicts=()
        ),
        expert_pool(candidates=(Candidate("ab" * 16, (), ("1",), ("Wrong reason",)),), conflicts=()),
        expert_pool(held=(Member("13800000000"),), conflicts=()),
        expert_pool(held=(Member("ab" * 16, (("Employer", "ab" * 16),)),)),
        expert_pool(bounds=(Bound("city", "Zhaotong", 0, 1),)),
        expert_pool(slots=(("first place", 1), ("1", 1), ("2", 1), ("3", 1))),
        expert_pool(levels=(Level((("Employer", 1),)),)),
        expert_pool(levels=(Level((("employer", 2**53),)),)),
    ],
)
def test_nothing_but_codes_gets_into_a_record(pool: Pool) -> None:
    with pytest.raises(RecordBroken, match="malformed"):
        opened((pool,))


def test_secrets_have_their_length() -> None:
    with pytest.raises(TypeError):
        ready().declare(later(9), HOUSE, venue_pool(), b"short")
