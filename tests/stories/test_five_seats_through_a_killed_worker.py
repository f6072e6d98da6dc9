"""Five seats record; one is cut off for ten seconds, the worker that holds the room is killed once; all of it is replayed
in step, and both gaps say why."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.async_api import expect

from app.core.samples import Source
from app.evaluation.models import Evaluation
from app.rehearsal.seats import PretendExpert
from app.rehearsal.service import Desk
from recordings.sealing import read_room
from recordings.timeline import RoomTimeline, room_timeline
from recordings.verify import verify_room
from tests.stories.test_an_evaluation_through_the_browser import shows
from tests.support.media_house import RestlessSeat
from tests.support.people import chromium, person
from tests.support.running import PATIENT, RunningHouse, becomes, come_in, drawn, running_house, summonses
from tests.support.udp_path import Weather

pytestmark = [pytest.mark.story, pytest.mark.browser]

CUT_OFF, CUT_FROM_S, CUT_S = 3, 4.0, 10.0
KILLED = "server-restart"
NAMES = {"network-loss": "网络丢包", KILLED: "服务重启"}
REPLAY = "document.querySelector('room-replay')"
IN_STEP = f"{REPLAY}.state().spreadMs !== null"
WORKERS = {**PATIENT, "YUANPING_MEDIA__WORKERS": "1"}


def test_five_seats_are_replayed_in_step_with_both_gaps_named(template: Path, tmp_path: Path) -> None:
    with running_house(template, tmp_path / "data", WORKERS) as house:
        asyncio.run(_story(house))


async def _story(house: RunningHouse) -> None:
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(Desk(house.url))
        await operator.sign_in_by_link(house.link("operator").removeprefix(house.url))
        evaluation_id = await drawn(operator, house)
        path = f"/api/evaluations/{evaluation_id}"
        experts = await come_in(house, evaluation_id, await summonses(operator, evaluation_id))
        for expert in experts:
            await expert.sign_in(stack)

        seats = [_restless(house, expert) for expert in experts]
        sitting = [asyncio.create_task(seat.sit()) for seat in seats]
        try:
            await becomes(operator, path, _all_recorded)
            await operator.post(f"{path}/open")
            cut = next(seat for seat in seats if seat.seat_no == CUT_OFF)
            await _reaches(cut, cut.reached_ms + 1000 * (CUT_FROM_S + CUT_S + 3))
            cut.weather = Weather()
            moment = asyncio.get_running_loop().time()
            os.kill(_worker_of(house), signal.SIGKILL)
            await asyncio.gather(*(seat.comes_again(moment, within_s=60) for seat in seats))
            await asyncio.gather(*(_reaches(seat, seat.reached_ms + 3000) for seat in seats))
        finally:
            for task in sitting:
                task.cancel()
            await asyncio.gather(*sitting, return_exceptions=True)
        await asyncio.gather(*(expert.score() for expert in experts))
        await operator.post(f"{path}/close")
        await becomes(operator, path, lambda found: found["state"] == "sealed")

        room_id = house.read(lambda session: session.get_one(Evaluation, evaluation_id).room_id)
        room = house.folder / "recordings" / str(room_id)
        timeline = await asyncio.to_thread(_check, room)
        await _replayed(stack, house, evaluation_id, timeline)


def _restless(house: RunningHouse, expert: PretendExpert) -> RestlessSeat:
    async def way() -> tuple[str, str]:
        ticket = await expert.ticket()
        return ticket["ticket"], ticket["address"]

    outages = ((CUT_FROM_S, CUT_FROM_S + CUT_S),) if expert.seat_no == CUT_OFF else ()
    return RestlessSeat(way, house.url, expert.seat_no, Weather(outages=outages))


def _all_recorded(found: dict[str, Any]) -> bool:
    sources = (Source.camera, Source.microphone)
    return all(
        member[f"{source}_durable_ms"] is not None for member in found["members"] for source in sources
    )


async def _reaches(seat: RestlessSeat, room_ms: float) -> None:
    """Waits until the service says that so much of the seat is on disk."""
    async with asyncio.timeout(90):
        while seat.reached_ms < room_ms:
            seat.news.clear()
            await seat.news.wait()


def _worker_of(house: RunningHouse) -> int:
    """The process that holds the rooms: the only child of the service that does."""
    assert house.process is not None
    children = Path(f"/proc/{house.process.pid}/task/{house.process.pid}/children").read_text().split()
    (worker,) = (pid for pid in children if "media_worker" in Path(f"/proc/{pid}/cmdline").read_text())
    return int(worker)


def _check(room: Path) -> RoomTimeline:
    """What the recording says of itself: whole, and with each gap where it was and for the reason it had."""
    assert verify_room(room).ok
    timeline = room_timeline(read_room(room))
    cameras = {track.seat_no: track for track in timeline.tracks if track.source is Source.camera}
    assert len(cameras) == 5
    for seat_no, track in cameras.items():
        reasons = [gap.reason for gap in track.gaps if gap.to_ms - gap.from_ms > 500]
        assert reasons == (["network-loss", KILLED] if seat_no == CUT_OFF else [KILLED])
    cut = next(gap for gap in cameras[CUT_OFF].gaps if gap.reason == "network-loss")
    # A seat sends again what it sent in the last seconds: so much of the cut is no gap.
    assert CUT_S * 1000 - 3500 <= cut.to_ms - cut.from_ms <= CUT_S * 1000 + 2500
    return timeline


async def _replayed(
    stack: AsyncExitStack, house: RunningHouse, evaluation_id: str, timeline: RoomTimeline
) -> None:
    """A supervisor goes into each gap and reads why, and plays on through both with all seats in step."""
    browser = await stack.enter_async_context(chromium())
    supervisor = await stack.enter_async_context(person(browser, house, "supervisor"))
    page = supervisor.page
    await page.goto(f"{house.url}/evaluations/{evaluation_id}/replay")
    await expect(page.locator("room-replay video")).to_have_count(5)
    (camera,) = (one for one in timeline.tracks if (one.seat_no, one.source) == (CUT_OFF, Source.camera))
    for gap in (one for one in camera.gaps if one.to_ms - one.from_ms > 500):
        middle = (gap.from_ms + gap.to_ms) // 2
        await shows(page, f"{REPLAY}.group.to > {gap.to_ms}")
        await page.evaluate(f"{REPLAY}.group.seek({middle})")
        overlay = page.locator(f"[data-seat='{CUT_OFF}'] .replay-gap")
        await expect(overlay).to_be_visible()
        await expect(overlay).to_contain_text(NAMES[gap.reason])
        await page.evaluate(f"{REPLAY}.group.seek({gap.to_ms - 1000})")
        await page.keyboard.press("Space")
        await shows(page, f"{REPLAY}.state().roomMs > {gap.to_ms} + 1000 && {IN_STEP}")
        spreads = [await page.evaluate(f"{REPLAY}.state().spreadMs") for _ in range(10)]
        assert median(spread for spread in spreads if spread is not None) < 150
        await page.keyboard.press("Space")
