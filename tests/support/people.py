"""Staff and experts at a real browser, and what every page said to them."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Error, Page, Response, async_playwright, expect

from app.rehearsal.phones import Summons
from app.rehearsal.stage import staff_at
from tests.support.chromium import LEAN, find_chromium
from tests.support.running import RunningHouse

FLAGS = (
    *LEAN,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
PATIENCE_MS = 90_000
READABLE = re.compile(r"text/html|application/json")
expect.set_options(timeout=PATIENCE_MS)


@dataclass(slots=True)
class Person:
    """One browser window. `heard`: every text the service sent to it. `complaints`: errors in its console."""

    page: Page
    context: BrowserContext
    heard: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def saw_any(self, secrets: Iterable[str]) -> bool:
        """Whether anything sent to this window holds one of them."""
        while self.missed:
            answer = await self.context.request.get(self.missed.pop())
            self.heard.append(await answer.text())
        return any(secret in text for text in self.heard for secret in secrets)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def person(browser: Browser, house: RunningHouse, login: str | None = None) -> AsyncIterator[Person]:
    """A new window, signed in as a persona; at its end the console must have stayed silent."""
    context = await browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(PATIENCE_MS)
    found = Person(await context.new_page(), context)
    found.page.on(
        "console", lambda message: found.complaints.append(message.text) if message.type == "error" else None
    )
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))

    async def keep(response: Response) -> None:
        """Keeps what was said; what the page left before it could be read is asked for again at the end."""
        if not response.ok or not READABLE.match(response.headers.get("content-type", "")):
            return
        try:
            found.heard.append(await response.text())
        except Error:
            found.missed.append(response.url)

    found.page.on("response", keep)
    try:
        if login is not None:
            await found.page.goto(house.link(login))
        yield found
        assert found.complaints == [], found.complaints
    finally:
        await context.close()


async def be_terminal(page: Page, house: RunningHouse, evaluation_id: str, summons: Summons) -> None:
    """The desk checks whoever brings this text in, and this browser is enrolled as the terminal of their seat."""
    async with staff_at(house.ground, house.url, evaluation_id) as staff:
        code = await staff.code(summons)
    await page.goto(f"{house.url}/terminal/enroll")
    await page.locator("[name=code]").fill(code)
    await page.locator("form.seat-form button").press("Enter")
    await expect(page.locator("[data-part=told][data-tone=good]")).to_be_visible()


async def take_seat(page: Page, house: RunningHouse, evaluation_id: str, summons: Summons) -> None:
    """Signs an expert in at the terminal of their seat, passes the check of their devices and enters; returns once they are
    recorded."""
    await be_terminal(page, house, evaluation_id, summons)
    await page.goto(f"{house.url}/seat")
    await page.locator("[name=code]").fill(summons.code)
    await page.locator("form.seat-form button").press("Enter")
    await expect(page).to_have_url(re.compile("/seat/desk"))
    await page.get_by_role("button", name="进入评标室").click()
    await expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))
