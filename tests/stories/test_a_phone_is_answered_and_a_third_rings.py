"""Two phones ring, one is answered with 1 and 1 again, the other declines: the terminal counts up and a third phone rings."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlmodel import Session, col, select

from app.rehearsal.service import Desk
from expert_draw import sealed
from expert_draw.models import Draw, Invitation
from expert_draw.personal import phone_of
from tests.support.people import Person, chromium, person
from tests.support.running import RunningHouse, drawn

pytestmark = [pytest.mark.story, pytest.mark.browser]


def invited(house: RunningHouse, evaluation_id: str) -> list[str]:
    """The telephone numbers of everyone ever invited to it, oldest first."""

    def query(session: Session) -> list[str]:
        rows = session.exec(
            select(Invitation)
            .join(Draw, col(Draw.id) == col(Invitation.draw_id))
            .where(Draw.evaluation_id == evaluation_id)
            .order_by(col(Invitation.created_at), col(Invitation.id))
        ).all()
        sealer = house.ground.sealer
        return [phone_of(sealer, sealed.expert(session, sealer, row)) for row in rows]

    return house.read(query)


def phone(wall: Page, number: str) -> Locator:
    return wall.locator(f"#phones > [data-number='{number}']")


async def picks_up_and_presses(wall: Page, number: str, *keys: str) -> None:
    """Answers a ringing phone; every key waits for the sentence that asks for it."""
    card = phone(wall, number)
    await expect(card).to_have_attribute("data-state", "ringing")
    await card.locator("[data-do=answer]").click()
    for heard, key in zip(("请按1", "再按一次"), keys, strict=True):
        await expect(card.locator(".phone-heard")).to_contain_text(heard)
        await presses(card, key)


async def presses(card: Locator, key: str) -> None:
    button = card.locator(f"[data-do=key][data-key='{key}']")
    await expect(button).to_have_attribute("aria-disabled", "false")
    await button.click()


async def signed_in(stack: AsyncExitStack, house: RunningHouse, login: str) -> Desk:
    desk = await stack.enter_async_context(Desk(house.url))
    await desk.sign_in_by_link(house.link(login).removeprefix(house.url))
    return desk


async def people(browser: Browser, stack: AsyncExitStack, house: RunningHouse) -> tuple[Desk, Person, Person]:
    """The operator as a program, the supervisor before the wall of phones, and the operator before the terminal."""
    desk = await signed_in(stack, house, "operator")
    trainer = await stack.enter_async_context(person(browser, house, "supervisor"))
    operator = await stack.enter_async_context(person(browser, house, "operator"))
    await trainer.page.goto(f"{house.url}/simulator")
    return desk, trainer, operator


def play(story: Callable[[Browser, AsyncExitStack], Awaitable[None]]) -> None:
    async def with_browser() -> None:
        async with chromium() as browser, AsyncExitStack() as stack:
            await story(browser, stack)

    asyncio.run(with_browser())


def test_a_phone_is_answered_and_a_third_rings(house: RunningHouse) -> None:
    async def story(browser: Browser, stack: AsyncExitStack) -> None:
        desk, trainer, operator = await people(browser, stack, house)
        wall, terminal = trainer.page, operator.page
        evaluation_id = await drawn(desk, house)
        await terminal.goto(f"{house.url}/evaluations/{evaluation_id}/invitations")
        await expect(terminal.locator(".confirmed-count b")).to_have_text("0")
        first, second, *rest = invited(house, evaluation_id)
        assert len(rest) == 3

        await picks_up_and_presses(wall, first, "1", "1")
        await expect(phone(wall, first).locator(".phone-heard")).to_contain_text("已登记您参加")
        await expect(terminal.locator(".confirmed-count b")).to_have_text("1")

        await picks_up_and_presses(wall, second, "2", "2")
        await expect(phone(wall, second).locator(".phone-heard")).to_contain_text("已登记您不参加")
        async with asyncio.timeout(60):
            while len(numbers := invited(house, evaluation_id)) < 6:
                await asyncio.sleep(0.1)
        third = numbers[-1]
        assert third not in {first, second, *rest}
        await expect(phone(wall, third)).to_have_attribute("data-state", "ringing")
        await expect(terminal.locator("section[aria-labelledby=earlier-title] tbody tr")).to_have_count(1)
        await expect(terminal.locator(".ladder", has_text="第 2 轮")).to_have_count(1)
        assert not await operator.saw_any(number.removeprefix("+86") for number in numbers)

    play(story)


def test_a_text_is_answered_by_its_link_and_a_caller_is_registered_by_the_staff(house: RunningHouse) -> None:
    async def story(browser: Browser, stack: AsyncExitStack) -> None:
        desk, trainer, operator = await people(browser, stack, house)
        wall, terminal = trainer.page, operator.page
        evaluation_id = await drawn(desk, house)
        await terminal.goto(f"{house.url}/evaluations/{evaluation_id}/invitations")
        li = invited(house, evaluation_id)[0]

        # The call is pushed away, so a text follows; its link opens a page on the phone.
        await expect(phone(wall, li)).to_have_attribute("data-state", "ringing")
        await phone(wall, li).locator("[data-do=busy]").click()
        link = phone(wall, li).locator(".phone-texts a")
        await expect(link).to_have_attribute("href", re.compile(rf"^{house.url}/a/[2-9a-z]{{12}}$"))
        async with trainer.context.expect_page() as opened:
            await link.click()
        answer = await opened.value
        await answer.get_by_role("link", name="能参加", exact=True).click()
        await answer.get_by_role("button", name="确认参加").click()
        await expect(answer.get_by_role("heading", level=1)).to_have_text("已登记您参加")
        await expect(terminal.locator(".confirmed-count b")).to_have_text("1")
        await expect(terminal.locator(".ladder", has_text="短信链接")).to_have_count(1)

        # Later they call back and press 0: the staff sees a number of the line, and registers leave for it.
        await phone(wall, li).locator("[data-do=call-hotline]").click()
        await expect(phone(wall, li).locator(".phone-heard")).to_contain_text("您已登记参加")
        await presses(phone(wall, li), "0")
        await terminal.goto(f"{house.url}/hotline")
        await terminal.get_by_role("button", name="接起").click()
        await terminal.get_by_role("link", name="登记请假").click()
        await terminal.get_by_role("button", name="对方已确认，登记").click()
        await expect(terminal.locator(".notice")).to_contain_text("已登记：请假")
        await expect(phone(wall, li).locator(".phone-heard")).to_contain_text("已登记您请假")
        await terminal.goto(f"{house.url}/evaluations/{evaluation_id}/invitations")
        await expect(terminal.locator("[data-state=vacated]")).to_be_visible()  # vacant again, and not why
        assert not await operator.saw_any([li.removeprefix("+86")])

    play(story)
