"""A seat page and a live page go straight to the media worker beside the service, as the policy of their pages lets them."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page
from sqlmodel import select

from app.rehearsal.service import Desk
from tests.stories.test_an_evaluation_through_the_browser import shows
from tests.support.people import chromium, person, take_seat
from tests.support.running import PATIENT, RunningHouse, drawn, running_house, summonses, until
from venue.placement.models import MediaWorker

pytestmark = [pytest.mark.story, pytest.mark.browser]

WORKERS = {**PATIENT, "YUANPING_MEDIA__WORKERS": "1"}
LIVE = "document.querySelector('room-live')"
MOVES = f"{LIVE}.state().connected && {LIVE}.querySelector('video')?.videoWidth > 0 && {LIVE}.state().tracks[0].nowMs > "


def test_a_seat_is_recorded_and_watched_at_the_worker(template: Path, tmp_path: Path) -> None:
    with running_house(template, tmp_path / "data", WORKERS) as house:
        until(
            lambda: house.read(lambda session: session.exec(select(MediaWorker)).first()),
            within_s=60,
            what="the worker lives",
        )
        asyncio.run(_story(house))


async def _story(house: RunningHouse) -> None:
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(Desk(house.url))
        await desk.sign_in_by_link(house.link("operator").removeprefix(house.url))
        evaluation_id = await drawn(desk, house)
        summons, *_ = await summonses(desk, evaluation_id)
        browser = await stack.enter_async_context(chromium())

        expert = await stack.enter_async_context(person(browser, house))
        room = _sockets(expert.page)
        await take_seat(expert.page, house, evaluation_id, summons)

        supervisor = await stack.enter_async_context(person(browser, house, "supervisor"))
        live = _sockets(supervisor.page)
        await supervisor.page.goto(f"{house.url}/evaluations/{evaluation_id}/live")
        await shows(supervisor.page, f"{MOVES} 0")
        seen = await supervisor.page.evaluate(f"{LIVE}.state().tracks[0].nowMs")
        await shows(supervisor.page, f"{MOVES} {seen + 1000}")

        (worker,) = {urlsplit(address).netloc for address in room + live}
        assert worker != urlsplit(house.url).netloc
        assert {urlsplit(address).path for address in room + live} == {"/ws/room", "/ws/live"}


def _sockets(page: Page) -> list[str]:
    """The addresses of all WebSockets that the page opens from now on."""
    found: list[str] = []
    page.on("websocket", lambda socket: found.append(socket.url))
    return found
