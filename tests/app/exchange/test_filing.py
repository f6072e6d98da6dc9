"""Every draw that ends is filed by itself, once, with a document that names nobody, until a receipt is there or people are asked."""

import asyncio
import base64
import json
import socket
from typing import cast

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.core import work
from app.core.canonical import sha256_hex
from app.core.settings_records import ExchangeSettings
from app.core.work import JobState, JobView
from app.evaluation import committee, conductor, ended_draws
from app.exchange import filing
from app.jobs.sweeps import Sweeps
from app.jobs.worker import Worker
from app.notify.phone_room import PhoneRoom
from expert_draw import ending, keeping, stored_lines
from expert_draw.models import Draw, Invitation
from tests.support.receiver import SECRET_WRITTEN, Receiver
from tests.support.web import WebHouse
from tests.support.world import OPERATOR, World, booking


def drawn(world: World, number: str = "1", *, rehearsal: bool = False) -> str:
    """The id of an evaluation that invites."""
    with world.transaction() as session:
        wanted = booking(world, lot_number=number, rehearsal=rehearsal)
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, wanted)
        draw = committee.commit_draw(session, world.now(), world.house, OPERATOR, evaluation.id)
        if draw.state == "approving":
            committee.approve_warnings(session, world.now(), world.house, "account:supervisor", evaluation)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, evaluation.id)
    return evaluation.id


def given_up(world: World, evaluation_id: str) -> Draw:
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "停电，无法继续")
        return draw_of(session, evaluation_id)


def draw_of(session: Session, evaluation_id: str) -> Draw:
    return session.exec(select(Draw).where(Draw.evaluation_id == evaluation_id)).one()


class Office:
    """The house's sweeps and its worker, woken by hand."""

    def __init__(self, world: World, url: str, tries: int = 60) -> None:
        self.world = world
        self.settings = ExchangeSettings(
            filing_url=url, filing_secret=SecretStr(SECRET_WRITTEN), filing_tries=tries, filing_timeout_s=20
        )

    def tick(self) -> None:
        """Looks for draws to file, and does what is due."""

        async def story() -> None:
            worker = Worker(
                self.world.database, self.world.clock, [filing.kind(self.settings, self.world.clock)]
            )
            nothing = None
            sweeps = Sweeps(
                database=self.world.database,
                clock=self.world.clock,
                house=self.world.house,
                phone_room=cast("PhoneRoom", nothing),
                worker=worker,
            )
            await sweeps.filing()
            await sweeps.work()
            assert await worker.idle(30)

        asyncio.run(story())

    def job(self, draw: Draw) -> JobView:
        with self.world.database.reading() as session:
            job = work.of_key(session, filing.FILING, draw.id)
        assert job is not None
        return job

    def trail(self, draw: Draw) -> list[tuple[str, dict[str, object]]]:
        with self.world.database.reading() as session:
            events = audit.trail(session, draw.evaluation_id)
        return [
            (event.tag.split(":", 1)[1], json.loads(event.data))
            for event in events
            if event.tag.startswith("exchange:")
        ]


def test_a_draw_that_was_given_up_is_filed_once_and_its_receipt_kept(
    house: WebHouse, platform: Receiver
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    draw = given_up(world, drawn(world))
    platform.answer = "受理号 7".encode()
    office.tick()
    office.tick()
    with world.database.reading() as session:
        assert filing.waiting(session) == ()
    (posted,) = platform.posted
    assert posted.is_genuine()
    assert posted.headers["webhook-timestamp"] == str(int(world.now().timestamp()))
    job = office.job(draw)
    assert (posted.id, job.state) == (job.id, JobState.done)
    assert base64.b64decode(job.result["receipt"]) == "受理号 7".encode()
    assert office.trail(draw) == [
        ("filing:ordered", {"job": job.id}),
        (
            "filing:receipted",
            {
                "job": job.id,
                "document_sha256": sha256_hex(posted.body),
                "receipt_sha256": sha256_hex("受理号 7".encode()),
                "status": 200,
            },
        ),
    ]


def test_the_document_holds_the_record_by_its_hashes_and_names_nobody(
    house: WebHouse, platform: Receiver
) -> None:
    world = house.world
    draw = given_up(world, drawn(world))
    Office(world, platform.url).tick()
    (posted,) = platform.posted
    with world.database.reading() as session:
        lines = stored_lines.lines(session, draw)
        people = session.exec(select(Invitation)).all()
    told = json.loads(posted.body)
    assert (told["format"], told["type"]) == ("yuanping-filing/1", "draw.void")
    assert told["data"] == {
        "center": {"code": "C5306", "id": world.host_id},
        "closed_at": "2026-11-23T01:00:00.000000Z",
        "committed_at": "2026-11-23T01:00:00.000000Z",
        "draw": draw.number,
        "first": keeping.hash_of_line(lines[0]),
        "head": keeping.hash_of_line(lines[-1]),
        "lines": len(lines),
        "state": "void",
    }
    text = posted.body.decode()
    assert people
    for secret in ("水库", "水务局", "投标人", "中心", *(world.person(one) for one in people)):
        assert secret not in text


def test_a_committee_that_stands_is_filed_too(house: WebHouse, platform: Receiver) -> None:
    world = house.world
    evaluation_id = drawn(world)
    with world.transaction() as session:
        invited = session.exec(select(Invitation)).all()
    for one in invited:
        with world.transaction() as session:
            world.invitees.taken(session, world.now(), one.id)
            world.invitees.answer(session, world.now(), one.id, True, "voice")
    with world.transaction() as session:
        committee.refill(session, world.now(), world.house, evaluation_id)
        ending.close(session, world.now(), world.sealer, draw_of(session, evaluation_id))
    Office(world, platform.url).tick()
    (posted,) = platform.posted
    assert json.loads(posted.body)["data"]["state"] == "closed"


def test_neither_a_draw_that_runs_nor_a_rehearsal_is_filed(house: WebHouse, platform: Receiver) -> None:
    world = house.world
    running = drawn(world)
    given_up(world, drawn(world, "2", rehearsal=True))
    Office(world, platform.url).tick()
    assert platform.posted == []
    with world.database.reading() as session:
        assert filing.waiting(session) == ()
    with world.transaction() as session, pytest.raises(ValueError, match="has not ended"):
        ended_draws.read(session, draw_of(session, running).id)


def test_one_draw_that_cannot_be_read_keeps_no_other_from_being_filed(
    house: WebHouse, platform: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    broken, fine = given_up(world, drawn(world)), given_up(world, drawn(world, "2"))
    read = ended_draws.read

    def sometimes(session: Session, draw_id: str) -> ended_draws.EndedDraw:
        if draw_id == broken.id:
            raise OSError("torn")
        return read(session, draw_id)

    monkeypatch.setattr(ended_draws, "read", sometimes)
    office.tick()
    assert [json.loads(posted.body)["data"]["draw"] for posted in platform.posted] == [fine.number]
    monkeypatch.undo()
    office.tick()
    assert len(platform.posted) == 2


def test_a_platform_that_is_down_gets_the_same_document_later_under_the_same_id(
    house: WebHouse, platform: Receiver
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    draw = given_up(world, drawn(world))
    platform.status = 503
    office.tick()
    assert (office.job(draw).state, office.job(draw).last_error) == (JobState.queued, "HTTP 503")
    office.tick()
    assert len(platform.posted) == 1
    world.clock.advance(10)
    platform.status = 202
    office.tick()
    first, second = platform.posted
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert second.is_genuine()
    assert office.job(draw).state is JobState.done


def test_a_filing_in_flight_when_the_house_is_killed_is_posted_again_under_the_same_id(
    house: WebHouse, platform: Receiver
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    draw = given_up(world, drawn(world))
    platform.slow = True

    async def killed() -> None:
        kind = filing.kind(office.settings, world.clock)
        worker = Worker(world.database, world.clock, [kind])
        with world.transaction() as session:
            filing.order(session, world.now(), draw.id)
        await worker.start_due()
        async with asyncio.timeout(20):
            while not platform.posted:
                await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # as a kill does: nothing is noted any more

    asyncio.run(killed())
    assert office.job(draw).state is JobState.running
    platform.slow = False
    platform.released.set()
    office.tick()
    assert len(platform.posted) == 1  # the lease protects whoever may still be at it
    world.clock.advance(3600)
    office.tick()
    first, second = platform.posted
    assert (first.id, first.body) == (second.id, second.body)
    assert office.job(draw).state is JobState.done


def test_a_refused_filing_ends_dead_where_supervisors_see_it_and_set_it_going_again(
    house: WebHouse, platform: Receiver
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    draw = given_up(world, drawn(world))
    platform.status = 410
    for _ in range(5):
        office.tick()
        world.clock.advance(3600)
    assert len(platform.posted) == 3
    supervisor = house.visitor(Role.supervisor)
    (dead,) = supervisor.get("/api/jobs?state=dead").json()
    assert (dead["about"], dead["kind"], dead["last_error"], dead["tries"]) == (
        draw.number,
        "filing",
        "HTTP 410",
        3,
    )
    (told,) = supervisor.get(f"/api/evaluations/{draw.evaluation_id}/filing").json()
    assert (told["state"], told["last_error"]) == ("dead", "HTTP 410")
    platform.status = 200
    answer = supervisor.post(f"/api/jobs/{dead['id']}/retry")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    office.tick()
    assert supervisor.get("/api/jobs?state=dead").json() == []
    assert len({posted.id for posted in platform.posted}) == 1
    assert [tag for tag, _ in office.trail(draw)] == [
        "filing:ordered",
        "filing:dead",
        "job:retried",
        "filing:receipted",
    ]


def test_a_filing_without_any_server_dies_after_its_tries(house: WebHouse) -> None:
    world = house.world
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        office = Office(world, f"http://127.0.0.1:{taken.getsockname()[1]}/", tries=2)
        draw = given_up(world, drawn(world))
        for _ in range(3):
            office.tick()
            world.clock.advance(3600)
    job = office.job(draw)
    assert (job.state, job.tries, job.last_error) == (JobState.dead, 2, "ConnectError")
    assert office.trail(draw)[-1] == (
        "filing:dead",
        {"job": job.id, "reason": "ConnectError", "tries": 2},
    )


def test_the_page_of_an_evaluation_is_told_how_far_its_draw_is_filed(
    house: WebHouse, platform: Receiver
) -> None:
    world, office = house.world, Office(house.world, platform.url)
    evaluation_id = drawn(world)
    operator = house.visitor(Role.host_operator)

    def told() -> dict[str, object]:
        (only,) = operator.get(f"/api/evaluations/{evaluation_id}/filing").json()
        assert only["draw"] == draw.number
        return {name: value for name, value in only.items() if value is not None}

    with world.database.reading() as session:
        draw = draw_of(session, evaluation_id)
    assert told()["state"] == "none"
    given_up(world, evaluation_id)
    with world.transaction() as session:
        (draw_id,) = filing.waiting(session)
        filing.order(session, world.now(), draw_id)
        filing.order(session, world.now(), draw_id)
    assert told()["state"] == "queued"
    platform.status = 500
    office.tick()
    answer = told()
    assert (answer["state"], answer["tries"], answer["last_error"]) == ("sent", 1, "HTTP 500")
    assert "receipted_at" not in answer
    world.clock.advance(10)
    platform.status = 200
    office.tick()
    answer = told()
    assert (answer["state"], answer["receipt_sha256"]) == ("receipted", sha256_hex(b"taken"))
    assert "receipted_at" in answer
    assert [tag for tag, _ in office.trail(draw)] == ["filing:ordered", "filing:receipted"]


def test_an_evaluation_without_a_draw_has_nothing_filed(house: WebHouse) -> None:
    world = house.world
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
    answer = house.visitor(Role.host_operator).get(f"/api/evaluations/{evaluation.id}/filing")
    assert (answer.status_code, answer.json()) == (200, [])
