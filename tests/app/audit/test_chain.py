"""The hash chain of a case names the first act that was changed, removed or moved."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from app.audit import service as audit
from app.audit.chain import GENESIS, Break, Link, first_break
from app.audit.tags import Tag
from tests.support.world import make_world

Chain = list[tuple[Link, str]]


def chain(acts: list[str]) -> Chain:
    links: Chain = []
    prev = GENESIS
    for n, data in enumerate(acts, 1):
        link = Link("case", n, "2026-11-21T00:00:00+00:00", "a:b:c", "house", "x", data, prev)
        prev = link.hash()
        links.append((link, prev))
    return links


@given(st.lists(st.text(max_size=8), max_size=8))
def test_an_untouched_chain_holds(acts: list[str]) -> None:
    assert first_break(chain(acts)) is None


@given(st.lists(st.text(max_size=8), min_size=1, max_size=8), st.data())
def test_a_changed_act_is_named(acts: list[str], data: st.DataObject) -> None:
    links = chain(acts)
    place = data.draw(st.integers(0, len(links) - 1))
    link, stored = links[place]
    links[place] = (replace(link, data=link.data + "!"), stored)
    assert first_break(links) == Break(place + 1, "内容被改动")


@given(st.lists(st.text(max_size=8), min_size=2, max_size=8), st.data())
def test_a_removed_act_is_missed(acts: list[str], data: st.DataObject) -> None:
    links = chain(acts)
    place = data.draw(st.integers(0, len(links) - 2))
    del links[place]
    assert first_break(links) == Break(place + 1, "缺少这一条")


@given(st.lists(st.text(max_size=8), min_size=2, max_size=8))
def test_a_rewritten_act_breaks_the_one_after_it(acts: list[str]) -> None:
    links = chain(acts)
    forged = replace(links[0][0], data=links[0][0].data + "!")
    links[0] = (forged, forged.hash())
    assert first_break(links) == Break(2, "与前一条不衔接")


def test_the_database_refuses_to_change_or_remove_an_act(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=0)
    with world.transaction() as session:
        audit.record(
            session, world.now(), case="c", tag=Tag.sheet_saved, actor="a", subject="s", data={"n": 1}
        )
        audit.record(session, world.now(), case="c", tag=Tag.sheet_saved, actor="a", subject="s")
    with world.database.reading() as session:
        assert audit.check_case(session, "c") is None
        assert audit.cases(session) == ("c",)
        assert [act.n for act in audit.trail(session, "c")] == [1, 2]
    for statement in (
        "UPDATE audit_event SET data = '{}' WHERE n = 1",
        "DELETE FROM audit_event WHERE n = 1",
    ):
        with pytest.raises(DBAPIError), world.transaction() as session:
            session.connection().exec_driver_sql(statement)
