"""Photographs the pages in both languages while a rehearsal runs, for people to look at: `make screenshots`."""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from sqlmodel import col, select

from app.accounts import staff as accounts
from app.evaluation import public_draws, views
from app.notify import hotline
from app.notify.models import OutgoingMessage
from app.notify.wording import LINK_PATH
from app.rehearsal.phones import Summons
from app.rehearsal.service import Desk
from app.rehearsal.stage import staff_at
from expert_draw import links
from expert_draw.models import Draw, Invitation
from tests.support.chromium import find_chromium
from tests.support.running import RunningHouse, drawn, prepare, running_house, summonses

FAKE_DEVICES = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
LANGUAGES = ("zh", "en")
DEMONSTRATION = {"YUANPING_DEMO": "true"}
BOTH = ("light", "dark")
DESKTOP, PHONE, PROJECTOR = (1366, 768), (390, 844), (1920, 1080)
_WITHIN_MS = 20_000


@dataclass(frozen=True, slots=True)
class Camera:
    """One person's browser, and where the pictures go."""

    browser: Browser
    house: RunningHouse
    folder: Path

    async def visitor(self, login: str | None, size: tuple[int, int] = DESKTOP) -> BrowserContext:
        """A browser of somebody signed in by link, or of nobody yet."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            permissions=["camera", "microphone"],
        )
        if login is not None:
            page = await context.new_page()
            await page.goto(self.house.link(login))
            await page.close()
        return context

    async def shoot(
        self,
        context: BrowserContext,
        name: str,
        path: str,
        ready: str = "main",
        themes: tuple[str, ...] = ("light",),
    ) -> None:
        """The page in each language and theme, as soon as `ready` is there and still."""
        for language in LANGUAGES:
            for theme in themes:
                page = await context.new_page()
                await page.goto(f"{self.house.url}{path}?lang={language}&theme={theme}")
                await page.wait_for_selector(ready, timeout=_WITHIN_MS)
                if path.endswith("/replay"):
                    await _into_the_middle(page)
                await self.keep(page, "-".join((name, language, *([theme] if theme != "light" else []))))
                await page.close()

    async def keep(self, page: Page, name: str) -> None:
        await page.evaluate("() => document.fonts.ready")
        await page.screenshot(path=self.folder / f"{name}.png", full_page=True, animations="disabled")
        print(f"  {name}.png", flush=True)


async def photograph(house: RunningHouse, folder: Path) -> None:
    """All pages: first of an evaluation that is just being drawn, then of a rehearsal that has been sealed."""
    async with async_playwright() as playwright, Desk(house.url) as operator:
        await operator.sign_in_by_link(house.link("operator").removeprefix(house.url))
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FAKE_DEVICES))
        camera = Camera(browser, house, folder)
        await _doors(camera)
        await _drawing(camera, operator)
        await _rehearsed(camera)
        await browser.close()


async def _doors(camera: Camera) -> None:
    nobody = await camera.visitor(None)
    await camera.shoot(nobody, "sign-in", "/sign-in", themes=BOTH)
    await camera.shoot(nobody, "seat-code", "/seat", themes=BOTH)
    await camera.shoot(nobody, "terminal-enroll", "/terminal/enroll", themes=BOTH)
    await camera.shoot(await camera.visitor(None, PHONE), "terminal-enroll-phone", "/terminal/enroll")
    staff = await camera.visitor("operator")
    await camera.shoot(staff, "today-empty", "/today")
    await camera.shoot(staff, "not-found", "/nowhere")
    for name in ("sessions", "second-factor", "password"):
        await camera.shoot(staff, f"own-{name}", f"/account/{name}")
    await camera.shoot(staff, "own-authenticator", "/account/second-factor/new", "#secret", BOTH)
    await camera.shoot(staff, "step-up", "/step-up")
    keeper, small = await camera.visitor("admin"), await camera.visitor("admin", PHONE)
    await camera.shoot(keeper, "accounts", "/accounts", themes=BOTH)
    await camera.shoot(small, "accounts-phone", "/accounts")
    account = camera.house.read(lambda session: accounts.by_login(session, "operator")).id
    await camera.shoot(keeper, "account", f"/accounts/{account}", themes=BOTH)
    await camera.shoot(small, "account-phone", f"/accounts/{account}")
    for language in LANGUAGES:
        page = await staff.new_page()
        await page.goto(f"{camera.house.url}/evaluations/new?lang={language}&theme=light")
        await _fill_in(page)
        await camera.keep(page, f"booking-{language}")
        await page.close()


async def _fill_in(page: Page) -> None:
    for name, text in (
        ("project_number", "ZT-2026-000777"),
        ("project_name", "示例县第二中学新建教学综合楼工程"),
        ("lot_number", "ZT-2026-000777-01"),
        ("lot_name", "施工标段"),
        ("tenderee_name", "示例县教育体育局"),
        ("slot_specialty-0", "A080104"),
        ("slot_specialty-1", "A060101"),
        ("bidder_name-0", "示例昭阳第一建筑有限公司"),
    ):
        await page.fill(f"#f-{name}", text)
    await page.wait_for_selector(".check-verdict", timeout=_WITHIN_MS)


async def _drawing(camera: Camera, operator: Desk) -> None:
    # The long timers of a real evaluation: a rehearsal's would run out before every picture is taken.
    start = camera.house.ground.clock.now() + timedelta(hours=2)
    booking = camera.house.booking() | {"rehearsal": False, "starts_at": start.isoformat()}
    evaluation = (await operator.post("/api/evaluations", booking))["id"]
    staff, nobody = await camera.visitor("operator"), await camera.visitor(None)
    base = f"/evaluations/{evaluation}"
    link = await operator.post(f"/api{base}/draw/parties/tenderee/link")
    await camera.shoot(staff, "pool", f"{base}/pool")
    await camera.shoot(staff, "ceremony-before", f"{base}/ceremony")
    await camera.shoot(nobody, "party", urlsplit(link["url"]).path, "#ways:not([hidden])", BOTH)
    await operator.post(f"/api{base}/commit")
    await camera.shoot(staff, "ceremony-locked", f"{base}/ceremony")
    await operator.post(f"/api{base}/run")
    await camera.shoot(
        await camera.visitor("operator", PROJECTOR), "ceremony", f"{base}/ceremony", themes=BOTH
    )
    await camera.shoot(nobody, "draws", "/draws")
    draw = camera.house.read(lambda session: public_draws.centers(session)[0].draws[0].number)
    await camera.shoot(nobody, "public-draw", f"/draws/{draw}")
    await camera.shoot(await camera.visitor(None, PHONE), "party-phone", urlsplit(link["url"]).path)
    staff, small = await camera.visitor("operator"), await camera.visitor("operator", PHONE)
    await camera.shoot(staff, "draw", f"/evaluations/{evaluation}/draw", themes=BOTH)
    await camera.shoot(staff, "invitations", f"/evaluations/{evaluation}/invitations", ".ladder", BOTH)
    await camera.shoot(small, "invitations-phone", f"/evaluations/{evaluation}/invitations", ".ladder")
    await camera.shoot(staff, "simulator", "/simulator")
    expert = await camera.visitor(None, PHONE)
    await camera.shoot(expert, "answer", _link_and_call(camera.house, evaluation), ".answer", BOTH)
    await camera.shoot(expert, "answer-gone", "/a/abcdefghjkmn")
    await camera.shoot(staff, "hotline", "/hotline", ".hotline-call", BOTH)
    evaluation = await drawn(operator, camera.house)
    come = await summonses(operator, evaluation)
    await _desks(camera, evaluation, come[0])
    expert = await camera.visitor(None)
    page = await expert.new_page()
    await page.goto(f"{camera.house.url}/seat")
    await page.fill("#f-code", come[0].code)
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/seat/desk")
    member = await page.get_attribute("seat-desk", "data-member")
    await page.close()
    await camera.shoot(expert, "seat-check", "/seat/desk", themes=BOTH)
    await expert.add_init_script(f"sessionStorage.setItem('seat-entered {member}', '')")
    await camera.shoot(expert, "seat-desk", "/seat/desk", themes=BOTH)
    await camera.shoot(staff, "evaluation-convened", f"/evaluations/{evaluation}")
    await camera.shoot(small, "today-phone", "/today")


async def _desks(camera: Camera, evaluation: str, summons: Summons) -> None:
    """What the staff of a center sees: machines, and who is expected."""
    async with staff_at(camera.house.ground, camera.house.url, evaluation) as staff:
        center = await staff.center_of(summons)
        guest, small = await camera.visitor(None), await camera.visitor(None, PHONE)
        for context in (guest, small):
            page = await context.new_page()
            await page.goto(camera.house.url + staff.paths[center])
            await page.close()
        await camera.shoot(guest, "check-in", "/check-in", ".desk-arrivals", BOTH)
        await camera.shoot(small, "check-in-phone", "/check-in", ".desk-arrivals")
        await staff.welcome(summons)
        await camera.shoot(guest, "check-in-admitted", "/check-in", "[data-state=admitted]")
        await camera.shoot(guest, "terminals", "/terminals", themes=BOTH)
        await camera.shoot(small, "terminals-phone", "/terminals")


def _link_and_call(house: RunningHouse, evaluation: str) -> str:
    """Somebody who was invited has a link, and waits on the hotline; returns the path of the link."""
    now, sealer = house.ground.clock.now(), house.ground.sealer
    with house.ground.database.transaction() as session:
        invitation = session.exec(
            select(Invitation)
            .join(Draw, col(Draw.id) == col(Invitation.draw_id))
            .where(Draw.evaluation_id == evaluation, Invitation.state == "contacting")
        ).all()[0]
        message = session.exec(select(OutgoingMessage).where(OutgoingMessage.subject == invitation.id)).all()[
            0
        ]
        hotline.waits(session, now, message, None, put_through=True)
        return f"{LINK_PATH}{links.renew(session, sealer, invitation)}"


async def _rehearsed(camera: Camera) -> None:
    house = camera.house
    rehearsal = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.rehearsal", "--data", str(house.folder), "--url", house.url
    )
    watching = await camera.visitor("supervisor")
    evaluation = await _in_session(house, rehearsal)
    if evaluation is not None:
        await camera.shoot(watching, "live", f"/evaluations/{evaluation}/live", ".live-light[data-on=true]")
        await camera.shoot(watching, "evaluation", f"/evaluations/{evaluation}", themes=BOTH)
        await camera.shoot(watching, "names", f"/evaluations/{evaluation}/names", themes=BOTH)
    status = await rehearsal.wait()
    if status or evaluation is None:
        raise SystemExit(f"the rehearsal ended with status {status}")
    await camera.shoot(watching, "replay", f"/evaluations/{evaluation}/replay", "room-replay", BOTH)
    await camera.shoot(watching, "custody", f"/evaluations/{evaluation}/custody", themes=BOTH)
    await camera.shoot(watching, "audit", "/audit", themes=BOTH)
    await camera.shoot(await camera.visitor("supervisor", PHONE), "audit-phone", "/audit")
    await camera.shoot(watching, "today", "/today", themes=BOTH)


async def _into_the_middle(page: Page) -> None:
    """From the empty beginning of a replay to where every seat has a picture."""
    await page.wait_for_selector("room-replay[data-ready]")
    await page.keyboard.press("ArrowRight")  # five seconds on
    await page.wait_for_function(
        "() => [...document.querySelectorAll('video')].filter((one) => one.readyState >= 2).length >= 3"
    )


async def _in_session(house: RunningHouse, rehearsal: asyncio.subprocess.Process) -> str | None:
    """The evaluation whose session is open, as soon as there is one; None when the rehearsal ends before."""
    while rehearsal.returncode is None:
        shown = house.read(lambda session: views.today(session, house.ground.clock.now()))
        for card in shown.evaluations:
            if card.state == "in_session":
                return card.id
        await asyncio.sleep(0.3)
    return None


def main() -> None:
    """Photographs into var/screenshots, or where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"), help="folder of the pictures")
    folder: Path = parser.parse_args().out
    if find_chromium() is None:
        raise SystemExit("no Chromium found; see the README")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        print("preparing the sample center", flush=True)
        prepare(Path(scratch) / "template")
        with running_house(Path(scratch) / "template", Path(scratch) / "data", DEMONSTRATION) as house:
            print(f"photographing into {folder}", flush=True)
            asyncio.run(photograph(house, folder))


if __name__ == "__main__":
    main()
