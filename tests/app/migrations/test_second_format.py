"""A house that was begun with the first format of draws is brought to the second with everything that is in it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Integer, bindparam, text
from sqlalchemy.exc import IntegrityError

from app.core.database import Database, UtcDateTime
from app.core.errors import Unavailable
from app.core.guards import missing_guards
from app.core.sealed_columns import CANDIDATES, DRAW_KEY, INVITED
from app.core.sealing import Place, Sealer
from app.migrations import runner
from tests.support.databases import SQLITE

AT = datetime(2026, 9, 21, 13, 33, 20, tzinfo=UTC)

_EXPERT = """
INSERT INTO expert (id, number, name_sealed, gender, identity_sealed, identity_fingerprint, birth_year, region_code,
  phone_sealed, phone_fingerprint, employer, employer_code, title, years_in_field, former_employers, declared_avoidance,
  state, imported_at)
VALUES ('e1', 'ZJ-0001', 'x', '1', 'x', 'i', 1980, '530102', 'x', 'p', '', '', '', 1, '[]', '[]', 'active', :at)
"""
_EVALUATION = """
INSERT INTO evaluation (id, number, lot_id, host_center_id, state, starts_at, minutes, rehearsal, rule_pack,
  rule_pack_version, rule_pack_hash, slots, booked_by, booked_at)
VALUES ('v1', 'PX-1', 'l1', 'c1', 'void', :at, 60, FALSE, 'p', '1', 'h', '[]', 'a', :at)
"""
_DRAW = """
INSERT INTO draw (id, number, evaluation_id, state, salt_sealed, chain_sealed, anchor, rounds, committed_at)
VALUES (:id, :number, :evaluation, 'void', 's', 'c', 'a', 1, :at)
"""
_SLOT = "INSERT INTO draw_slot (id, draw_id, seat_no, specialty, state) VALUES ('s1', 'd1', 1, 'A', 'open')"
_INVITATION = """
INSERT INTO invitation (id, draw_id, slot_id, expert_id, phone_fingerprint, code, round, state, center_id, seat_id,
  report_place, starts_at, minutes, window_s, ring_s, sms_after_s, second_call_after_s, hotline, steps_done, created_at)
VALUES (:id, 'd1', 's1', 'e1', 'p', 'k', :round, :state, 'c1', 'x', '', :at, 60, 1, 1, 1, 1, '1', 0, :at)
"""


_AROUND = (
    "INSERT INTO project (id, number, name) VALUES ('p1', 'P-1', 'x')",
    "INSERT INTO lot (id, project_id, number, name) VALUES ('l1', 'p1', '1', 'x')",
    """INSERT INTO center (id, code, name, address, region_code, kind, latitude_e6, longitude_e6, overnight)
    VALUES ('c1', '530100', 'x', '', '530100', 'host', 0, 0, TRUE)""",
    "INSERT INTO room (id, center_id, zone, function, name) VALUES ('r1', 'c1', 'x', 'evaluation', 'x')",
    "INSERT INTO seat (id, room_id, center_id, label, state) VALUES ('x1', 'r1', 'c1', 'x', 'ready')",
)
_HELD = (
    "INSERT INTO expert_specialty (expert_id, code) VALUES ('e1', 'A01')",
    "INSERT INTO draw_event (draw_id, n, line, at) VALUES ('d1', 1, '{}', :at)",
    """INSERT INTO committee_member (id, evaluation_id, seat_no, code_name, expert_id, invitation_id, center_id, seat_id,
    state) VALUES ('m1', 'v1', 1, 'A', 'e1', 'n1', 'c1', 'x1', 'admitted')""",
)
_FACT = """
INSERT INTO performance_fact (id, expert_id, invitation_id, evaluation_id, kind, at)
VALUES ('f1', 'e1', 'n1', 'v1', 'accepted', :at)
"""
_CANDIDATE = "INSERT INTO draw_candidate (draw_id, code, expert_id) VALUES ('d1', :code, 'e1')"
_PROPOSAL = """
INSERT INTO joint_act (id, evaluation_id, kind, subject, detail, reason, side, asked_by, asked_at, state)
VALUES ('j1', 'v1', 'designation', 'evaluation:1', :places, 'x', 'host', 'a', :at, 'asked')
"""
SEALER = Sealer(bytes(range(32)))


def run(connection: Connection, statement: str, **values: object) -> None:
    wanted = text(statement)
    if ":at" in statement:
        wanted = wanted.bindparams(bindparam("at", AT, type_=UtcDateTime()))
    connection.execute(wanted, values)


@pytest.fixture
def database(any_fresh: str) -> Iterator[Database]:
    """The first schema with a drawn and seated expert, and every row that leans on another one."""
    made = Database(any_fresh)
    runner.upgrade(made, "0001")
    with made.engine.begin() as connection:
        for statement in _AROUND:
            run(connection, statement)
        for statement, values in (
            (_EXPERT, {}),
            (_EVALUATION, {}),
            (_DRAW, {"id": "d1", "number": "CQ-1", "evaluation": "v1"}),
            (_DRAW, {"id": "d2", "number": "CQ-2", "evaluation": "lost"}),
            (_SLOT, {}),
            (_INVITATION, {"id": "n1", "round": 1, "state": "accepted"}),
        ):
            run(connection, statement, **values)
        for statement in _HELD:
            run(connection, statement)
    yield made
    made.dispose()


@pytest.mark.parametrize("any_fresh", [SQLITE], indirect=True)
def test_a_database_with_rows_that_lean_on_nothing_is_left_as_it_is(database: Database) -> None:
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DELETE FROM lot")
        connection.commit()
        driver.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(Unavailable, match="rows-loose"):
        runner.upgrade(database, "0002")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0001"
        assert connection.exec_driver_sql("SELECT anchor FROM draw WHERE id = 'd1'").scalar_one() == "a"


def invite(connection: Connection, id_: str, round_no: int, state: str) -> None:
    run(connection, _INVITATION, id=id_, round=round_no, state=state)


def test_earlier_draws_are_told_where_they_belong_and_experts_when_they_came(database: Database) -> None:
    runner.upgrade(database, "0002")
    with database.engine.connect() as connection:
        draws = connection.exec_driver_sql(
            'SELECT id, center_id, lot_id, suite, law, "order" FROM draw ORDER BY id'
        )
        assert draws.all() == [
            ("d1", "c1", "l1", "sha256", "uniform-labelled", "expert_first"),
            ("d2", "", "", "sha256", "uniform-labelled", "expert_first"),
        ]
        experts = text("SELECT entered_at, imported_at, revision FROM expert").columns(
            entered_at=UtcDateTime(), imported_at=UtcDateTime(), revision=Integer()
        )
        assert connection.execute(experts).all() == [(AT, AT, 0)]


def test_what_leans_on_a_table_made_anew_still_does(database: Database) -> None:
    runner.upgrade(database, "0002")
    with database.engine.connect() as connection:
        for table in ("committee_member", "draw_event", "expert_specialty", "invitation"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 1  # noqa: S608
        if connection.dialect.name == SQLITE:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            connection.exec_driver_sql("UPDATE committee_member SET invitation_id = 'nobody'")


def test_somebody_may_be_asked_again_in_another_round_but_a_place_has_one_open_invitation(
    database: Database,
) -> None:
    runner.upgrade(database, "0002")
    with database.engine.connect() as connection:
        invite(connection, "n2", 2, "declined")
        with pytest.raises(IntegrityError, match=r"(?i)unique"), connection.begin_nested():
            invite(connection, "n3", 2, "declined")
        with pytest.raises(IntegrityError, match=r"(?i)unique"), connection.begin_nested():
            invite(connection, "n4", 3, "queued")


def test_a_house_begun_with_the_first_schema_reaches_this_one_with_its_rows_and_guards(
    database: Database,
) -> None:
    runner.upgrade(database, sealer=SEALER)
    runner.require_current(database)
    with database.engine.connect() as connection:
        asked = 'SELECT state, language, standby, "rank", designated FROM invitation'
        assert [tuple(row) for row in connection.exec_driver_sql(asked)] == [
            ("accepted", "zh", False, 0, False)
        ]
        assert missing_guards(connection) == ()


def test_whom_earlier_draws_were_about_is_sealed_and_opens_again_with_the_house_s_key(
    database: Database,
) -> None:
    runner.upgrade(database, "0004")
    places = json.dumps({"places": [[1, "e1"]], "rule": "r"})
    with database.engine.begin() as connection:
        run(connection, "UPDATE evaluation SET state = 'closed', closed_at = :at")
        for code in ("c1", "c2"):
            run(connection, _CANDIDATE, code=code)
        run(connection, _FACT)
        run(connection, _PROPOSAL, places=places)
    with pytest.raises(Unavailable, match="schema-key"):
        runner.upgrade(database, "0005")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT expert_id FROM invitation").scalar_one() == "e1"
    runner.upgrade(database, "0005", SEALER)
    with database.engine.connect() as connection:
        key = SEALER.unseal(
            connection.exec_driver_sql("SELECT key_sealed FROM draw WHERE id = 'd1'").scalar_one(),
            DRAW_KEY.at("d1"),
        )
        own = Sealer(bytes.fromhex(key))
        sealed, mark, caller = connection.exec_driver_sql(
            "SELECT expert_sealed, mark, caller_mark FROM invitation"
        ).one()
        assert own.unseal(sealed, INVITED.at("n1")) == "e1"
        assert (mark, caller) == (own.fingerprint("expert:e1"), own.fingerprint("caller:p"))
        first, people = connection.exec_driver_sql("SELECT first, people_sealed FROM candidate_batch").one()
        assert json.loads(own.unseal(people, CANDIDATES.at("d1", first))) == {"c1": "e1", "c2": "e1"}
        (seat_no, kept), *_ = json.loads(
            connection.exec_driver_sql("SELECT detail FROM joint_act").scalar_one()
        )["places"]
        assert own.unseal(kept, Place("joint_act", "detail", f"d1:{seat_no}")) == "e1"
        released = connection.exec_driver_sql(
            "SELECT invitation_id, cause, expert_id FROM name_release"
        ).all()
        assert [tuple(row) for row in released] == [("n1", "over", "e1")]
        assert connection.exec_driver_sql("SELECT invitation_id, kind FROM performance_fact").one() == (
            "n1",
            "accepted",
        )
