"""The people of an evaluation at their screens: the operator, an expert on the phone and at the seat, the supervisor."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from app.core.samples import Source
from app.core.sealing import Sealer
from app.evaluation.models import Evaluation
from app.rehearsal.phones import Part, PhoneCast
from app.rehearsal.service import Desk
from expert_draw import sealed
from expert_draw.models import Draw, Expert, Invitation
from expert_draw.personal import name_of, phone_of
from expert_draw.roster_rows import CHINA
from recordings.sealing import read_room
from recordings.timeline import room_timeline
from tests.support.people import Person, chromium, person, take_seat
from tests.support.running import RunningHouse, becomes, come_in, drawn, summonses

pytestmark = [pytest.mark.story, pytest.mark.browser]


async def signed_in(stack: AsyncExitStack, house: RunningHouse, login: str) -> Desk:
    desk = await stack.enter_async_context(Desk(house.url))
    await desk.sign_in_by_link(house.link(login).removeprefix(house.url))
    return desk


def people(session: Session, sealer: Sealer, *where: ColumnElement[bool]) -> list[Expert]:
    """The experts behind these invitations."""
    return [session.get_one(Expert, one.expert_id) for one in sealed.invited(session, sealer, *where)]


def names_and_numbers(house: RunningHouse, evaluation_id: str) -> list[str]:
    """The names and telephone numbers of everyone ever drawn for this evaluation."""
    sealer = house.ground.sealer

    def query(session: Session) -> list[str]:
        rows = people(session, sealer, col(Draw.evaluation_id) == evaluation_id)
        return [
            secret
            for row in rows
            for secret in (
                name_of(sealer, row),
                phone_of(sealer, row).removeprefix("+86"),
            )
        ]

    return house.read(query)


def phones_of(house: RunningHouse, evaluation_id: str) -> list[str]:
    """The telephone numbers of those invited now."""
    sealer = house.ground.sealer

    def query(session: Session) -> list[str]:
        stands = col(Invitation.state) != "declined"
        rows = people(session, sealer, col(Draw.evaluation_id) == evaluation_id, stands)
        return [phone_of(sealer, row) for row in rows]

    return house.read(query)


async def fill_in_booking(page: Page, house: RunningHouse, number: str) -> None:
    await page.goto(f"{house.url}/evaluations/new")
    start = (house.ground.clock.now() + timedelta(hours=3)).astimezone(CHINA)
    for field, value in {
        "project_number": number,
        "project_name": "示例县第二中学新建教学综合楼工程",
        "lot_number": "1",
        "lot_name": "施工标段",
        "tenderee_name": "示例县教育体育局",
        "starts_at": f"{start:%Y-%m-%dT%H:%M}",
        "minutes": "180",
    }.items():
        await page.locator(f"[name={field}]").fill(value)
    for row, (specialty, count) in enumerate((("A080104", "3"), ("A060101", "2"))):
        if row:
            await (
                page.locator("fieldset", has=page.locator("[name=slot_specialty]"))
                .locator("[data-row-add]")
                .click()
            )
        await page.locator("[name=slot_specialty]").nth(row).fill(specialty)
        await page.locator("[name=slot_count]").nth(row).fill(count)
    await page.locator("[name=bidder_name]").first.fill("示例建设有限公司")
    await page.locator("[name=criterion_name]").first.fill("技术标")
    await page.locator("[name=criterion_points]").first.fill("100")


async def act(page: Page, name: str) -> None:
    """Presses the button of an act."""
    await page.locator(f"#act-{name}").press("Enter")


def test_an_operator_books_and_draws(house: RunningHouse) -> None:
    async def story(browser: Browser) -> None:
        async with person(browser, house, "operator") as operator:
            page = operator.page
            await expect(page).to_have_url(re.compile("/today"))
            await fill_in_booking(page, house, "STORY-BOOK-1")
            await page.locator("button[value=book]").press("Enter")
            await expect(page).to_have_url(re.compile(r"/evaluations/[0-9a-f-]{36}"))
            evaluation_id = page.url.rstrip("/").split("/")[4]
            await page.goto(f"{house.url}/evaluations/{evaluation_id}/draw")
            await act(page, "commit")
            await expect(page.locator(".big-hash code")).to_have_text(re.compile(r"^[0-9a-f]{64}$"))
            await act(page, "run")
            await expect(page.locator("table.places tbody tr")).to_have_count(5)
            codes = await page.locator("table.places td.code").all_inner_texts()
            assert len(codes) == 15
            assert all(re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", code.strip()) for code in codes)
            assert not await operator.saw_any(names_and_numbers(house, evaluation_id))

    play(story)


def test_a_phone_rings_and_is_answered_and_a_declined_expert_is_replaced_unseen(house: RunningHouse) -> None:
    async def story(browser: Browser) -> None:
        async with AsyncExitStack() as stack:
            desk = await signed_in(stack, house, "operator")
            terminal = await stack.enter_async_context(person(browser, house, "operator"))
            trainer = await stack.enter_async_context(person(browser, house, "supervisor"))
            await trainer.page.goto(f"{house.url}/simulator")
            evaluation_id = await drawn(desk, house)
            await terminal.page.goto(f"{house.url}/evaluations/{evaluation_id}/invitations")

            numbers = phones_of(house, evaluation_id)
            await answer_a_phone(trainer, numbers[0], key="1")
            await expect(terminal.page.locator(".confirmed-count b")).to_have_text("1")
            await answer_a_phone(trainer, numbers[1], key="2")
            await expect(
                terminal.page.locator("section[aria-labelledby=earlier-title] tbody tr")
            ).to_have_count(1)

            others = PhoneCast(desk, lambda _number, _what: None, cast=())
            playing = asyncio.create_task(others.play())
            await expect(terminal.page.locator(".confirmed-count b")).to_have_text("5")
            playing.cancel()
            assert Part.accepts in others.parts.values()
            evaluation = await desk.get(f"/api/evaluations/{evaluation_id}")
            assert evaluation["rounds"] >= 2
            secrets = names_and_numbers(house, evaluation_id)
            assert len(secrets) >= 12
            assert not await terminal.saw_any(secrets)

    play(story)


def test_an_expert_joins_the_seat_and_a_supervisor_replays_moving_pictures(house: RunningHouse) -> None:
    async def story(browser: Browser) -> None:
        async with AsyncExitStack() as stack:
            desk = await signed_in(stack, house, "operator")
            evaluation_id = await drawn(desk, house)
            path = f"/api/evaluations/{evaluation_id}"
            own, *others_come = await summonses(desk, evaluation_id)

            expert = await stack.enter_async_context(person(browser, house))
            await take_seat(expert.page, house, evaluation_id, own)

            others = await come_in(house, evaluation_id, others_come)
            for other in others:
                await other.sign_in(stack)
                await other.sit(stack)
            async with asyncio.timeout(60):
                while await desk.refused_as(f"{path}/open") is not None:
                    await asyncio.sleep(0.3)

            scoring = asyncio.gather(*(other.score() for other in others))
            await fill_every_cell(expert.page)
            await expert.page.locator("[data-part=submit]").click()
            await expert.page.locator("dialog [value=yes]").click()
            await expect(expert.page.locator("[data-part=saved]")).to_have_text(re.compile("已提交"))
            await scoring
            await desk.post(f"{path}/close")
            await becomes(desk, path, lambda found: found["state"] == "sealed")

            supervisor = await stack.enter_async_context(person(browser, house, "supervisor"))
            await replay_moves(supervisor.page, house, evaluation_id)
            await expert_saw_nobody(expert, house, evaluation_id)

    play(story)


async def answer_a_phone(trainer: Person, number: str, key: str) -> None:
    """Picks up a ringing phone of the wall and presses the key twice: once to choose, once to confirm."""
    phone = trainer.page.locator(f"#phones > [data-number='{number}']")
    await expect(phone).to_have_attribute("data-state", "ringing")
    await phone.locator("[data-do=answer]").click()
    for heard in ("请按1", "再按一次"):
        await expect(phone.locator(".phone-heard")).to_contain_text(heard)
        button = phone.locator(f"[data-do=key][data-key='{key}']")
        await expect(button).to_have_attribute("aria-disabled", "false")
        await button.click()
    await expect(phone.locator(".phone-heard")).to_contain_text("已登记")


async def fill_every_cell(page: Page) -> None:
    cells = page.locator(".sheet-input")
    await expect(cells.first).to_be_enabled()
    for number in range(await cells.count()):
        await cells.nth(number).fill("8.5")
    await expect(page.locator("[data-part=saved]")).to_have_text(re.compile("已保存"))


async def replay_moves(page: Page, house: RunningHouse, evaluation_id: str) -> None:
    """Goes to a moment at which every camera was on, presses play, and compares what each seat shows a good second apart."""
    room_id = house.read(lambda session: session.get_one(Evaluation, evaluation_id).room_id)
    moment = everybody_on(house.folder / "recordings" / str(room_id), least_ms=2500) + 200
    await page.goto(f"{house.url}/evaluations/{evaluation_id}/replay")
    await expect(page.locator("room-replay video")).to_have_count(5)
    await shows(page, f"document.querySelector('room-replay').group.to > {moment}")
    await page.evaluate(f"document.querySelector('room-replay').group.seek({moment})")
    await page.keyboard.press("Space")
    await shows(page, f"document.querySelector('room-replay').state().roomMs > {moment} + 500")
    before = await pictures(page)
    await shows(page, f"document.querySelector('room-replay').state().roomMs > {moment} + 1700")
    after = await pictures(page)
    assert [one != other for one, other in zip(before, after, strict=True)] == [True] * 5


def everybody_on(room: Path, least_ms: int) -> int:
    """The first room time from which every camera was recorded without a gap for so long."""
    cameras = [track for track in room_timeline(read_room(room)).tracks if track.source is Source.camera]
    starts = sorted(begin for track in cameras for begin, _ in track.coverage)
    for start in starts:
        if all(
            any(begin <= start and start + least_ms <= end for begin, end in one.coverage) for one in cameras
        ):
            return start
    raise AssertionError(f"never all on for {least_ms} ms: {[track.coverage for track in cameras]}")


async def shows(page: Page, true: str) -> None:
    """Waits for a condition in the page from outside: the page's own security forbids polling from within."""
    try:
        async with asyncio.timeout(90):
            while not await page.evaluate(true):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"never came true: {true}\n{await page.evaluate(PLAYERS)}") from None


PLAYERS = """() => JSON.stringify({
    room: document.querySelector('room-replay').state(),
    videos: [...document.querySelectorAll('room-replay video')].map(video => ({
        ready: video.readyState, at: video.currentTime, seeking: video.seeking, error: video.error?.message,
        buffered: [...Array(video.buffered.length).keys()].map(n => [video.buffered.start(n), video.buffered.end(n)]),
    })),
})"""


async def pictures(page: Page) -> list[str]:
    """What each seat shows right now, as pixels."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('room-replay video')].map(video => {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [64, 48];
            const picture = canvas.getContext('2d');
            picture.drawImage(video, 0, 0, 64, 48);
            return picture.getImageData(0, 0, 64, 48).data.join();
        })"""
    )
    return found


async def expert_saw_nobody(expert: Person, house: RunningHouse, evaluation_id: str) -> None:
    """Nothing an expert's browser was sent names another member, or the expert."""
    assert not await expert.saw_any(names_and_numbers(house, evaluation_id))


def play(story: Callable[[Browser], Awaitable[None]]) -> None:
    async def with_browser() -> None:
        async with chromium() as browser:
            await story(browser)

    asyncio.run(with_browser())
