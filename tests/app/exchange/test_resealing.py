"""Rotating keys beside the running service: turns that order one another, a list of what is left, and all of it in the trail."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlmodel import col, select

from app.accounts.permissions import Role
from app.audit.models import AuditEvent
from app.core import rotation, work
from app.core.errors import Conflict
from app.core.keyring import KeyRing
from app.core.sealing import IndexSuite, Sealer, own_keys
from app.core.work import JobState
from app.exchange import resealing
from app.jobs.worker import Worker
from expert_draw.models import Expert
from expert_draw.personal import name_of
from tests.support.sealed_values import unsealed
from tests.support.web import WebHouse
from tests.support.world import World

KEY = bytes(range(32))


@pytest.fixture
def world(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """With a folder of keys, and turns of thirty rows."""
    monkeypatch.setattr(resealing, "_BATCHES", 3)
    monkeypatch.setattr(resealing, "_ROWS_AT_ONCE", 10)
    world = house.world
    world.sealer.ring = KeyRing(own_keys(KEY, IndexSuite.sha256), world.settings.keys_dir)
    yield world
    world.sealer.ring = Sealer(KEY).ring


def until_done(world: World) -> int:
    """How many turns it took."""

    async def story() -> int:
        worker = Worker(world.database, world.clock, [resealing.kind(world.database, world.sealer)])
        turns = 0
        while started := await worker.start_due():
            turns += started
            assert await worker.idle(30)
        return turns

    return asyncio.run(story())


def test_a_rotation_goes_on_turn_by_turn_until_nothing_is_left(house: WebHouse, world: World) -> None:
    administrator = house.visitor(Role.administrator)
    assert house.visitor(Role.host_operator).get("/api/keys").status_code in {403, 404}
    with world.transaction() as session:
        number = resealing.rotate(session, world.now(), world.sealer, "command-line")
    before = {one["number"]: one for one in administrator.get("/api/keys").json()}
    assert (number, before[2]["newest"], before[2]["count"]) == (2, True, 0)
    assert before[1]["count"] == 3 * len(world.experts)
    turns = until_done(world)
    assert turns == -(-before[1]["count"] // 30) > 1
    after = {one["number"]: one for one in administrator.get("/api/keys").json()}
    assert (after[1]["count"], after[2]["count"]) == (0, before[1]["count"])
    jobs = administrator.get("/api/jobs").json()
    assert {job["about"] for job in jobs if job["kind"] == "reseal"} == {
        f"2/{n}" for n in range(1, turns + 1)
    }
    with world.database.reading() as session:
        assert name_of(world.sealer, session.get_one(Expert, world.experts[0])) == "专家1"
        tags = session.exec(
            select(AuditEvent.tag)
            .where(col(AuditEvent.tag).startswith("house:key"))
            .order_by(col(AuditEvent.n))
        ).all()
        assert len(list(unsealed(session, world.sealer))) == before[1]["count"]
    assert tags == ["house:key:rotated", "house:key:resealed"]


def test_a_retired_key_stands_in_the_trail_and_the_newest_is_refused(world: World) -> None:
    with pytest.raises(Conflict, match="key-newest"), world.transaction() as session:
        resealing.retire(session, world.now(), world.sealer, 1, "command-line")
    with world.transaction() as session:
        resealing.retire(session, world.now(), world.sealer, 0, "command-line")
    with world.database.reading() as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.tag == "house:key:retired")).one()
    assert (event.subject, event.actor) == ("key:0", "command-line")


def test_rows_that_stay_locked_are_tried_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.transaction() as session:
        resealing.rotate(session, world.now(), world.sealer, "command-line")
    monkeypatch.setattr(rotation, "reseal", lambda *_given, **_how: rotation.Turn(0, 0, finished=True))
    assert until_done(world) == 1
    with world.database.reading() as session:
        (job,) = work.listed(session, JobState.queued, 10)
    assert job.last_error == "rows-busy"
