"""The terminal is sealed: two drawn sets that have come equally far give the same bytes, in every answer it gets."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.accounts.models import Account
from app.accounts.permissions import Role
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.ground import Ground
from app.evaluation import committee, conductor
from app.main import create_app
from app.notify.delivery import MessageState
from app.notify.models import OutgoingMessage
from app.notify.progress import Progress
from app.web import sse
from expert_draw import answers
from expert_draw.invitation import ACTIVE
from expert_draw.models import DrawSlot, Invitation
from expert_draw.snapshot import Rosters
from recordings.recorder import Recorder
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, START, World, booking

PAGES = ("/evaluations/{id}/invitations", "/evaluations/{id}/invitations?lang=en", "/api/evaluations/{id}")
UNTOLD = frozenset({"date", "server"})


@dataclass(slots=True)
class Twin:
    """One of two houses that began with the same rows."""

    house: WebHouse
    evaluation_id: str
    seen: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.house.world

    def place(self, seat_no: int) -> Invitation:
        """The invitation that this place waits for, or the last of it."""
        with self.world.database.reading() as session:
            rows = session.exec(
                select(Invitation)
                .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
                .where(DrawSlot.seat_no == seat_no, ~col(Invitation.standby))
                .order_by(col(Invitation.created_at).desc())
            ).all()
        return next(iter([*(row for row in rows if row.state in ACTIVE), *rows]))

    def drawn(self) -> list[tuple[int, str, str]]:
        with self.world.database.reading() as session:
            rows = session.exec(
                select(DrawSlot.seat_no, Invitation)
                .join(Invitation, col(DrawSlot.id) == col(Invitation.slot_id))
                .order_by(col(DrawSlot.seat_no), col(Invitation.created_at))
            ).all()
        return [(seat_no, self.world.person(one), one.seat_id) for seat_no, one in rows]

    def step(self, seat_no: int, *reports: MessageState) -> None:
        """The provider takes the step that waits, and reports how it fares."""
        progress = Progress(self.world.invitees)
        with self.world.transaction() as session:
            message = session.exec(
                select(OutgoingMessage)
                .where(OutgoingMessage.subject == self.place(seat_no).id)
                .order_by(col(OutgoingMessage.created_at).desc(), col(OutgoingMessage.due_at).desc())
            ).all()[0]
            sid = f"CA{message.id}"
            for report in (MessageState.sent, *reports):
                progress.reported(session, self.world.now(), message, sid, report)

    def answer(self, seat_no: int, *, accept: bool, channel: str = "voice") -> None:
        with self.world.transaction() as session:
            self.world.invitees.answer(session, self.world.now(), self.place(seat_no).id, accept, channel)

    def sweep(self) -> None:
        with self.world.transaction() as session:
            for invitation_id in answers.due(session, self.world.now()):
                answers.expire(session, self.world.now(), self.world.sealer, invitation_id)
        with self.world.transaction() as session:
            committee.refill(session, self.world.now(), self.world.house, self.evaluation_id)

    def look(self) -> None:
        """Everything the terminal is answered now."""
        visitor = self.house.visitor(Role.host_operator)
        for path in PAGES:
            answer = visitor.get(path.format(id=self.evaluation_id))
            assert answer.status_code == 200
            headers = sorted((name, value) for name, value in answer.headers.items() if name not in UNTOLD)
            self.seen.append(f"{headers}\n{answer.text}")

    def close(self) -> None:
        self.house.recorder.close()
        self.world.database.dispose()


@pytest.fixture
def twins(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Twin, Twin]]:
    """The same evaluation twice, booked and not yet drawn: what the parties put into the draw is chosen in each anew.

    Its parameter, if there is one, is the rule pack.
    """
    asked = {"rule_pack": getattr(request, "param", "cn_tender")}
    (tmp_path / "first").mkdir()
    first = open_web(tmp_path / "first")
    with first.world.transaction() as session:
        booked = conductor.book(
            session, first.world.now(), first.world.house, OPERATOR, booking(first.world, **asked)
        ).id
    first.account(Role.host_operator)
    first.world.database.dispose()
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    second = _opened(first, tmp_path / "second")
    found = Twin(first, booked), Twin(second, booked)
    yield found
    for twin in found:
        twin.close()


def _opened(original: WebHouse, folder: Path) -> WebHouse:
    before = original.world
    settings = before.settings.model_copy(update={"data_dir": folder})
    world = World(
        Database(f"sqlite:///{folder / 'world.db'}"),
        ManualClock(START),
        before.sealer,
        settings,
        Rosters(before.sealer),
        host_id=before.host_id,
    )
    application = create_app(settings, Ground(settings, world.clock, world.database, world.sealer))
    recorder = application.state.recorder = Recorder(settings.recordings_dir, world.clock)
    house = WebHouse(world, application, recorder)
    with world.database.reading() as session:
        house.accounts[Role.host_operator] = session.exec(select(Account)).one()
    return house


def progress_of(twin: Twin) -> None:
    """One accepts, one declines and is replaced, one hears nothing of it, one has left the texts, one never answers."""
    world = twin.world
    for act in (committee.commit_draw, committee.run_draw):
        with world.transaction() as session:
            act(session, world.now(), world.house, OPERATOR, twin.evaluation_id)
    twin.look()
    world.clock.advance(3)
    for seat_no in range(1, 6):
        twin.step(seat_no, MessageState.ringing)
    twin.look()
    world.clock.advance(20)
    twin.answer(1, accept=True)
    twin.step(1, MessageState.answered, MessageState.completed)
    twin.answer(2, accept=False)
    twin.step(3, MessageState.no_answer)
    twin.step(4, MessageState.busy)
    twin.step(5, MessageState.no_answer)
    twin.sweep()
    twin.look()
    world.clock.advance(150)
    twin.step(2, MessageState.ringing)
    twin.step(3, MessageState.delivered)
    twin.step(4, MessageState.failed)
    twin.step(5, MessageState.undelivered)
    twin.answer(3, accept=True, channel="link")
    twin.look()
    world.clock.advance(60)
    twin.answer(2, accept=True)
    twin.look()
    world.clock.advance(900)
    twin.sweep()
    twin.look()
    for seat_no in (4, 5):
        twin.step(seat_no, MessageState.ringing, MessageState.answered)
        twin.answer(seat_no, accept=True)
    twin.sweep()
    twin.look()


async def watched(evaluation_id: str, work: Callable[[], None]) -> list[str]:
    """What an open terminal is told while the work is done."""
    lines: list[str] = []
    stream = sse.events(f"evaluation:{evaluation_id}")
    lines.append(await anext(stream))

    async def listen() -> None:
        async for line in stream:
            lines.append(line)  # noqa: PERF401 -- what came before the end is kept

    listening = asyncio.create_task(listen())
    await asyncio.to_thread(work)
    for _ in range(10):  # whatever was told is in the queue by now
        await asyncio.sleep(0)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    return lines


def test_two_drawn_sets_with_the_same_progress_give_the_same_bytes(twins: tuple[Twin, Twin]) -> None:
    heard = [asyncio.run(watched(twin.evaluation_id, lambda twin=twin: progress_of(twin))) for twin in twins]  # type: ignore[misc]
    first, second = twins
    assert [seat_no for seat_no, *_ in first.drawn()] == [seat_no for seat_no, *_ in second.drawn()]
    assert first.drawn() != second.drawn()  # other people, on other seats
    assert len(first.seen) == 7 * len(PAGES)
    for one, other in zip(first.seen, second.seen, strict=True):
        assert one == other
    assert heard[0] == heard[1]
    assert len(heard[0]) > 10
    states = [
        state
        for state in ("已接受", "已拒绝", "逾期未答", "无人接听", "占线", "未送达")
        if state in "".join(first.seen)
    ]
    assert len(states) == 6


@pytest.mark.parametrize("twins", ["cn_ranked_batch"], indirect=True)
def test_so_they_do_where_several_are_asked_at_once(twins: tuple[Twin, Twin]) -> None:
    for twin in twins:
        progress_of(twin)
    first, second = twins
    assert first.drawn() != second.drawn()
    assert first.seen == second.seen
    assert "另有备选" in "".join(first.seen)


def test_the_terminal_holds_no_code_and_no_id(twins: tuple[Twin, Twin]) -> None:
    twin, _ = twins
    progress_of(twin)
    with twin.world.database.reading() as session:
        invitations = session.exec(select(Invitation)).all()
        messages = session.exec(select(OutgoingMessage)).all()
    told = "".join(twin.seen)
    for invitation in invitations:
        for hidden in (
            invitation.id,
            invitation.code[:4].upper() + "-" + invitation.code[4:8].upper(),
            invitation.code,
            twin.world.person(invitation),
            invitation.seat_id,
            invitation.center_id,
            invitation.report_place,
        ):
            assert hidden not in told
    assert not [message.id for message in messages if message.id in told]
