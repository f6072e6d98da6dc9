"""Three parties keep their own shares in three browsers, a fourth shows the projector; one expert declines, all reveal again."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from app.rehearsal.phones import Part, PhoneCast
from app.rehearsal.service import Desk
from expert_draw.engine.randomness import chain_share
from expert_draw.engine.verify import verify_record
from expert_draw.parties import CHAIN_LENGTH
from expert_draw.statements import OwnShare
from tests.support.people import Person, chromium, person
from tests.support.running import RunningHouse

pytestmark = [pytest.mark.story, pytest.mark.browser]

PARTIES = ("center", "supervisor", "tenderee")


async def windows(
    stack: AsyncExitStack, browser: Browser, house: RunningHouse, evaluation: str
) -> dict[str, Person]:
    """Each party at its own page: two sign in, the tenderee comes by the link the host makes for them."""
    found = {}
    for name, login in (("center", "operator"), ("supervisor", "supervisor"), ("tenderee", None)):
        found[name] = await stack.enter_async_context(person(browser, house, login))
    host = found["center"].page
    await host.goto(f"{house.url}/evaluations/{evaluation}/draw")
    await host.locator("#act-link").press("Enter")
    await expect(host.locator("#f-link")).to_have_value(re.compile("/party/"))
    link = urlsplit(await host.locator("#f-link").input_value()).path
    await found["tenderee"].page.goto(f"{house.url}{link}")
    for name in ("center", "supervisor"):
        await found[name].page.goto(f"{house.url}/evaluations/{evaluation}/draw/parties/{name}")
    return found


async def promise(page: Page, folder: Path, name: str) -> OwnShare:
    """Makes the share in the browser; the backup that is downloaded is a file the offline tool can read."""
    async with page.expect_download() as backup:
        await page.locator("#do-make").press("Enter")
    path = folder / f"{name}.json"
    await (await backup.value).save_as(path)
    await expect(page.locator("#party-said")).to_contain_text("已生成并作出承诺")
    share = OwnShare.read(path.read_text(encoding="utf-8"))
    assert share.party == name
    await expect(page.locator("#standing > [data-due]")).to_have_attribute(
        "data-anchor", share.promise().fields["anchor"]
    )
    return share


async def say(page: Page, stage: Page, name: str, step: str, shown: str) -> None:
    """Presses the one button that is due; the projector shows it without anybody touching it."""
    await expect(page.locator("#standing > [data-due]")).to_have_attribute("data-due", step)
    await page.locator("#do-say").press("Enter")
    await expect(page.locator("#standing > [data-due]")).not_to_have_attribute("data-due", step)
    if shown:
        await expect(stage.locator(f"[data-party={name}]")).to_contain_text(shown)


async def reveal_all(people: dict[str, Person], stage: Page) -> None:
    """The first round, by hand; the tenderee leaves later ones to the page."""
    await expect(people["tenderee"].page.locator("#do-say")).to_be_visible()
    await people["tenderee"].page.locator("#f-auto").press("Space")
    for name in PARTIES:
        await say(people[name].page, stage, name, "reveal", "第 1 轮已揭示")


async def reveal_again(people: dict[str, Person], stage: Page) -> None:
    """The second round: two press their buttons, the tenderee's page has checked and revealed by itself."""
    await expect(stage.locator("[data-party=tenderee]")).to_contain_text("第 2 轮已揭示")
    for name in PARTIES[:2]:
        await say(people[name].page, stage, name, "reveal", "第 2 轮已揭示")


async def approve_if_asked(people: dict[str, Person], stage: Page) -> None:
    """A thin pool waits for the supervisor; a deep one for nobody."""
    await expect(stage.locator("#projector > .stage")).to_have_attribute(
        "data-phase", re.compile(r"^(approving|between)$")
    )
    if await stage.locator("#projector > .stage[data-phase=approving]").count():
        await say(people["supervisor"].page, stage, "supervisor", "approve", "")


async def agree_all(people: dict[str, Person], stage: Page) -> None:
    for name in PARTIES:
        await say(people[name].page, stage, name, "agree", "已同意")
    await approve_if_asked(people, stage)
    await expect(stage.locator("#projector > .stage")).to_have_attribute("data-phase", "between")


async def downloaded(page: Page, folder: Path) -> bytes:
    async with page.expect_download() as record:
        await page.locator("#download-record").press("Enter")
    path = folder / "record.jsonl"
    await (await record.value).save_as(path)
    return path.read_bytes()


async def verifies_on_the_page(page: Page, verdict: str) -> None:
    await page.locator("#verify-now").press("Enter")
    await expect(page.locator("#verify-said [data-verdict]")).to_have_attribute("data-verdict", verdict)


def test_three_parties_draw_together_and_again_when_somebody_declines(
    house: RunningHouse, tmp_path: Path
) -> None:
    async def story(browser: Browser) -> None:
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(Desk(house.url))
            await desk.sign_in_by_link(house.link("operator").removeprefix(house.url))
            evaluation = (await desk.post("/api/evaluations", house.booking()))["id"]
            path = f"{house.url}/evaluations/{evaluation}"
            people = await windows(stack, browser, house, evaluation)
            projector = await stack.enter_async_context(person(browser, house, "operator"))
            stage = projector.page
            await stage.goto(f"{path}/ceremony")

            own = {name: await promise(people[name].page, tmp_path, name) for name in PARTIES}
            await expect(stage.locator(".hex-line")).to_have_count(3)
            await desk.post(f"/api/evaluations/{evaluation}/commit")
            await agree_all(people, stage)
            head_before = await stage.locator(".stage-right img").get_attribute("src")

            phones = PhoneCast(desk, lambda _number, _what: None, cast=(Part.declines,))
            await phones.ignore_what_came_before()
            await desk.post(f"/api/evaluations/{evaluation}/run")
            await reveal_all(people, stage)
            await expect(stage.locator(".say h2")).to_have_text("第 1 轮已经抽出 5 个席位")
            await expect(stage.locator(".stage-place")).to_have_count(5)
            assert await stage.locator(".stage-right img").get_attribute("src") != head_before
            shown = await stage.locator("[data-party=tenderee] .is-share").inner_text()
            assert _first_share(own["tenderee"]) in re.sub(r"\s", "", shown)

            host, supervisor = people["center"].page, people["supervisor"].page
            await host.goto(f"{path}/draw")
            record = await downloaded(host, tmp_path)
            verdict = verify_record(record)
            assert (verdict.ok, verdict.full) == (True, False)
            await verifies_on_the_page(host, "part")
            await host.goto(f"{path}/draw/parties/center")

            playing = asyncio.create_task(phones.play())
            try:
                await expect(stage.locator(".say h2")).to_contain_text("第 2 轮")
                await reveal_again(people, stage)
                await expect(stage.locator(".say h2")).to_have_text(
                    re.compile(r"^第 2 轮已经抽出 \d 个席位$")
                )
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            await supervisor.goto(f"{path}/draw")
            whole = verify_record(await downloaded(supervisor, tmp_path))
            assert (whole.ok, whole.full, whole.findings) == (True, True, ())
            await verifies_on_the_page(supervisor, "full")

    async def with_browser() -> None:
        async with chromium() as browser:
            await story(browser)

    asyncio.run(with_browser())


def _first_share(share: OwnShare) -> str:
    """What this party has to reveal in round 1, computed here from its file."""
    return chain_share(share.secret, CHAIN_LENGTH, 1, share.suite).hex()
