"""The invitation log as a file: built beside the service, the same for all with the same progress, for those who may have it."""

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx2 import Response
from sqlmodel import Session, col, select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.core import work
from app.core.canonical import sha256_hex
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation import terminal
from app.evaluation.disclosing import NOBODY, Sight
from app.evaluation.shown import TerminalView
from app.exchange import exports, formats, invitation_log
from app.exchange.exports import EXPORT
from app.jobs.worker import Worker
from expert_draw.models import DrawSlot, Invitation
from tests.app.exchange.test_filing import drawn
from tests.support.web import WebHouse
from tests.support.world import World, make_world
from venue import service as venues


def build(world: World, sealer: Sealer | None = None) -> None:
    async def story() -> None:
        kind = exports.kind(world.database, world.clock, sealer or world.sealer, world.settings.exports_dir)
        worker = Worker(world.database, world.clock, [kind])
        await worker.start_due()
        assert await worker.idle(30)

    asyncio.run(story())


def order(house: WebHouse, evaluation_id: str, role: Role = Role.host_operator) -> Response:
    return house.visitor(role).post(f"/api/evaluations/{evaluation_id}/exports")


def test_the_log_is_ordered_built_and_downloaded(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    ordered = order(house, evaluation_id)
    assert (ordered.status_code, ordered.json()["state"]) == (202, "queued")
    address = f"/api/evaluations/{evaluation_id}/exports/{ordered.json()['id']}"
    operator = house.visitor(Role.host_operator)
    waiting = operator.get(f"{address}/file")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "export-not-ready")
    build(house.world)
    done = operator.get(address).json()
    file = operator.get(f"{address}/file")
    assert (done["state"], done["sha256"], done["bytes"]) == (
        "done",
        sha256_hex(file.content),
        len(file.content),
    )
    assert file.headers["content-type"].startswith("text/csv")
    assert "attachment" in file.headers["content-disposition"]
    header, *rows = csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
    assert tuple(header) == invitation_log.COLUMNS
    assert [(row[0], row[1], row[3], row[7], row[8]) for row in rows] == [
        (str(seat_no), "1", "queued", "voice", "queued") for seat_no in range(1, 6)
    ]
    with house.world.database.reading() as session:
        trail = [event.tag for event in audit.trail(session, evaluation_id) if "export" in event.tag]
    assert trail == ["exchange:export:ordered", "exchange:export:handed-out"]


def test_who_asks_twice_waits_for_the_same_file_and_gets_a_new_one_afterwards(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    first = order(house, evaluation_id).json()["id"]
    assert order(house, evaluation_id, Role.supervisor).json()["id"] == first
    build(house.world)
    second = order(house, evaluation_id).json()["id"]
    assert second != first
    build(house.world)
    assert len(list(house.settings.exports_dir.iterdir())) == 2


def test_the_file_is_asked_for_by_those_only_whose_evaluation_it_is(house: WebHouse) -> None:
    evaluation_id, other = drawn(house.world), drawn(house.world, "2")
    export_id = order(house, evaluation_id).json()["id"]
    build(house.world)
    address = f"/api/evaluations/{evaluation_id}/exports/{export_id}"
    assert house.visitor(Role.supervisor).get(f"{address}/file").status_code == 200
    for role in (Role.administrator, Role.guest_operator, Role.pool_administrator):
        assert house.visitor(role).get(f"{address}/file").status_code == 403
        assert order(house, evaluation_id, role).status_code == 403
    assert house.visitor().get(f"{address}/file").status_code == 401
    operator = house.visitor(Role.host_operator)
    elsewhere = f"/api/evaluations/{other}/exports/{export_id}"
    assert [operator.get(path).status_code for path in (elsewhere, f"{elsewhere}/file")] == [404, 404]
    with house.world.transaction() as session:
        centers = venues.summaries(session, house.world.now())
        session.merge(house.account(Role.host_operator)).center_id = next(
            center.center_id for center in centers if center.center_id != house.world.host_id
        )
    assert [operator.get(path).status_code for path in (address, f"{address}/file")] == [404, 404]


def test_another_kind_of_job_is_no_export(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    with house.world.transaction() as session:
        filing = work.enqueue(
            session,
            house.world.now(),
            kind="filing",
            unique_key="a",
            payload={"about": "", "evaluation_id": evaluation_id},
        )
    address = f"/api/evaluations/{evaluation_id}/exports/{filing.id}"
    assert house.visitor(Role.host_operator).get(address).status_code == 404


def test_a_file_that_was_cleared_away_is_named_and_can_be_built_anew(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    export_id = order(house, evaluation_id).json()["id"]
    build(house.world)
    (file,) = house.settings.exports_dir.iterdir()
    file.unlink()
    gone = house.visitor(Role.host_operator).get(f"/api/evaluations/{evaluation_id}/exports/{export_id}/file")
    assert (gone.status_code, gone.json()["code"]) == (404, "export-gone")


def test_the_name_of_the_file_follows_from_the_key_and_from_nothing_one_can_see(
    house: WebHouse,
) -> None:
    evaluation_id = drawn(house.world)
    export_id = order(house, evaluation_id).json()["id"]
    build(house.world)
    (file,) = house.settings.exports_dir.iterdir()
    assert (file.suffix, len(file.stem)) == (".csv", 64)
    assert export_id not in file.name
    assert house.settings.exports_dir.stat().st_mode & 0o777 == 0o700
    with house.world.database.reading() as session:
        job = work.find(session, export_id)
    assert job is not None
    other_key = Sealer(bytes(32)).fingerprint(f"export {export_id} 1")
    assert file.stem == house.world.sealer.fingerprint(f"export {export_id} 1") != other_key
    assert (
        file.name
        not in house.visitor(Role.host_operator)
        .get(f"/api/evaluations/{evaluation_id}/exports/{export_id}")
        .text
    )


def test_the_log_is_read_off_the_event_loop(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    order(house, drawn(house.world))
    threads = []
    view = terminal.view

    def noting(session: Session, evaluation_id: str, seen: Sight) -> TerminalView:
        threads.append(threading.current_thread())
        return view(session, evaluation_id, seen)

    monkeypatch.setattr(terminal, "view", noting)
    build(house.world)
    assert threads
    assert threading.main_thread() not in threads


@pytest.fixture
def provinces(tmp_path: Path) -> Iterator[tuple[World, World]]:
    """Two provinces that have nobody in common."""
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        found.append(make_world(folder, settings=Settings(data_dir=folder, secret_key=bytes(32).hex())))
    yield found[0], found[1]
    for world in found:
        world.database.dispose()


def test_two_drawn_sets_with_the_same_progress_give_the_same_bytes(provinces: tuple[World, World]) -> None:
    contents = []
    for world in provinces:
        evaluation_id = drawn(world)
        with world.database.reading() as session:
            invited = session.exec(
                select(Invitation)
                .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
                .order_by(col(DrawSlot.seat_no))
            ).all()
        for one, accept in zip(invited[:3], (True, False, True), strict=True):
            world.clock.advance(7)
            with world.transaction() as session:
                world.invitees.taken(session, world.now(), one.id)
                world.invitees.answer(session, world.now(), one.id, accept, "voice")
        with world.database.reading() as session:
            rows = invitation_log.rows(terminal.view(session, evaluation_id, NOBODY))
            people = {world.person(one) for one in session.exec(select(Invitation)).all()}
            codes = {one.code for one in session.exec(select(Invitation)).all()}
        text = formats.table(invitation_log.COLUMNS, rows).decode()
        assert not [secret for secret in people | codes if secret in text]
        contents.append((text, people))
    (first, some), (second, others) = contents
    assert first == second
    assert some.isdisjoint(others)
    assert "declined" in first


def test_rows_stand_by_place_and_round_whenever_somebody_was_asked(house: WebHouse) -> None:
    world = house.world
    evaluation_id = drawn(world)
    with world.transaction() as session:
        one, _ = session.exec(
            select(Invitation, DrawSlot)
            .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
            .where(DrawSlot.seat_no == 1)
        ).one()
        later = {"id": "without", "round": 9, "state": "cancelled", "created_at": world.now()}
        session.add(Invitation(**{**one.model_dump(), **later}))
    with world.database.reading() as session:
        rows = invitation_log.rows(terminal.view(session, evaluation_id, NOBODY))
    assert [row[:2] for row in rows] == [(1, 1), (1, 9), (2, 1), (3, 1), (4, 1), (5, 1)]
    assert rows[1] == (1, 9, 0, "cancelled", *[None] * 6)  # it has caused no message, and has its row


def test_jobs_are_looked_after_by_administrators_and_supervisors_only(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    export_id = order(house, evaluation_id).json()["id"]
    for role in set(Role) - {Role.expert}:
        may = role in {Role.administrator, Role.supervisor}
        visitor = house.visitor(role)
        assert visitor.get("/api/jobs").status_code == (200 if may else 403)
        assert visitor.post(f"/api/jobs/{export_id}/retry").status_code == (200 if may else 403)
    administrator = house.visitor(Role.administrator)
    (job,) = administrator.get("/api/jobs").json()
    assert (job["id"], job["kind"], job["state"]) == (export_id, EXPORT, "queued")
    assert job["about"].startswith("PX-")
    assert administrator.get("/api/jobs?state=sleeping").status_code == 422
    assert administrator.post("/api/jobs/nothing/retry").status_code == 404
    build(house.world)
    busy = administrator.post(f"/api/jobs/{export_id}/retry")
    assert (busy.status_code, busy.json()["code"]) == (409, "job-busy")
