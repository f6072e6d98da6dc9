"""The hash chain of a case names the first act that was changed, removed or moved."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.audit import service as audit
from app.audit.chain import GENESIS, Break, Link, first_break
from app.audit.tags import Tag
from app.core.database import Database
from tests.support.databases import until_somebody_waits
from tests.support.world import START

Chain = list[tuple[Link, str]]
_WRITERS, _ACTS = 4, 10


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


def test_the_database_refuses_to_change_or_remove_an_act(any_database: Database) -> None:
    with any_database.transaction() as session:
        audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="a", subject="s", data={"n": 1})
        audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="a", subject="s")
    with any_database.reading() as session:
        assert audit.check_case(session, "c") is None
        assert audit.cases(session) == ("c",)
        assert [act.n for act in audit.trail(session, "c")] == [1, 2]
    for statement in (
        "UPDATE audit_event SET data = '{}' WHERE n = 1",
        "DELETE FROM audit_event WHERE n = 1",
    ):
        with pytest.raises(DBAPIError), any_database.transaction() as session:
            session.connection().exec_driver_sql(statement)


def test_of_two_who_write_into_one_trail_at_once_the_second_waits_and_follows_the_first(
    any_database: Database,
) -> None:
    gate = threading.Barrier(_WRITERS)

    def write(writer: int) -> None:
        gate.wait()
        for number in range(_ACTS):
            with any_database.transaction() as session:
                for case in ("shared", f"own-{writer}"):
                    audit.record(
                        session,
                        START,
                        case=case,
                        tag=Tag.sheet_saved,
                        actor=f"a{writer}",
                        subject=f"s{number}",
                    )

    with ThreadPoolExecutor(_WRITERS) as crowd:
        for done in [crowd.submit(write, writer) for writer in range(_WRITERS)]:
            done.result()
    with any_database.reading() as session:
        assert all(audit.check_case(session, case) is None for case in audit.cases(session))
        assert len(audit.trail(session, "shared")) == _WRITERS * _ACTS


def test_an_act_waits_for_the_one_before_it_to_be_written_or_given_up(pg_database: Database) -> None:
    """While one transaction has an act in a trail, another cannot put one there, and follows it as soon as it may."""
    written = threading.Event()

    def second() -> None:
        with pg_database.transaction() as session:
            audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="b", subject="s")
        written.set()

    with ThreadPoolExecutor(1) as other:
        with pg_database.transaction() as session:
            audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="a", subject="s")
            waiting = other.submit(second)
            until_somebody_waits(pg_database)
            assert not written.is_set()
        waiting.result()
    with pg_database.reading() as session:
        assert [act.actor for act in audit.trail(session, "c")] == ["a", "b"]
        assert audit.check_case(session, "c") is None


def test_an_act_that_was_undone_with_its_savepoint_is_not_followed(any_database: Database) -> None:
    def write(session: Session, subject: str) -> None:
        audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="a", subject=subject)

    with any_database.transaction() as session:
        write(session, "first")
        undone = session.begin_nested()
        write(session, "undone")
        undone.rollback()
        write(session, "second")
        with session.begin_nested():
            write(session, "third")
        write(session, "fourth")
    with any_database.reading() as session:
        assert [act.subject for act in audit.trail(session, "c")] == ["first", "second", "third", "fourth"]
        assert audit.check_case(session, "c") is None
