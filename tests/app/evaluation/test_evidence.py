"""Of a sealed evaluation nothing may be missing, and what is missing has a name."""

from pathlib import Path

import pytest
from sqlmodel import col, select

from app.evaluation import committee, conductor, evidence
from app.evaluation.models import Evaluation
from tests.support.world import OPERATOR, World, booking, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def drawn(world: World) -> str:
    with world.transaction() as session:
        evaluation_id = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
    with world.transaction() as session:
        committee.commit_draw(session, world.now(), world.house, OPERATOR, evaluation_id)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, evaluation_id)
    return evaluation_id


def faults(world: World, folder: Path) -> list[str]:
    with world.database.reading() as session:
        return [fault for checked in evidence.check_house(session, folder, "zh") for fault in checked.faults]


def test_a_missing_record_or_room_of_a_sealed_evaluation_is_a_fault(world: World, tmp_path: Path) -> None:
    evaluation_id = drawn(world)
    assert faults(world, tmp_path) == []
    with world.transaction() as session:
        evaluation = session.exec(select(Evaluation).where(col(Evaluation.id) == evaluation_id)).one()
        evaluation.room_id, evaluation.manifest_sha256 = "room-1", "ab" * 32
    found = faults(world, tmp_path)
    assert len(found) == 2
    assert found[0].endswith(".jsonl 文件缺失")
    assert "room-1" in found[1]
    with world.database.reading() as session:
        evidence.export_record(session, evaluation_id, tmp_path)
    assert faults(world, tmp_path) == found[1:]
