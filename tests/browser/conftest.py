"""A Chromium with pretend camera and microphone, the house it visits, and an ear for what pages complain about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from app.accounts.permissions import Role
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.web import WebHouse, open_web, serving

# Words do not change colours, nor colours words: each of both once on every page.
LOOKS = (("zh", "light"), ("en", "dark"))
FLAGS = (
    *LEAN,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed at the end of each module: while it is open, no other test of this process may run an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Visitor:
    """Somebody at a browser. `complaints` are the errors and warnings of their console."""

    context: BrowserContext
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def barriers(self, *, offline: bool = False) -> str:
        """What axe finds on the page, as a report; empty when it finds nothing. offline: axe must fetch no style sheets."""
        before = tuple(self.complaints)
        found = Axe().run(self.page, options={**VIOLATIONS, "preload": not offline})
        # While it measures contrast, axe itself tries inline styles, which our policy refuses and the console notes.
        self.complaints[:] = before
        return found.generate_report() if found.violations_count else ""


Visit = Callable[..., Visitor]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path, demo=True)
    yield opened
    opened.close()


@pytest.fixture
def visit(browser: Browser, house: WebHouse) -> Iterator[Visit]:
    """Opens browsers of people with a role, or of nobody; fails when one of their pages complained."""
    opened: list[Visitor] = []
    with serving(house) as url:

        def start(role: Role | None = None, size: tuple[int, int] = (1366, 768), **options: Any) -> Visitor:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                **options,
            )
            if role is not None:
                for name, value in house.visitor(role).cookies.items():
                    context.add_cookies([{"name": name, "value": value, "url": url}])
            visitor = Visitor(context, context.new_page(), url)
            _listen(visitor)
            opened.append(visitor)
            return visitor

        with _closing(opened):
            yield start
    assert not [complaint for visitor in opened for complaint in visitor.complaints]


def _listen(visitor: Visitor) -> None:
    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visitor.complaints.append(f"{visitor.page.url}: {message.text}")

    visitor.page.on("console", console)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"{visitor.page.url}: {error}"))


@contextmanager
def _closing(opened: list[Visitor]) -> Iterator[None]:
    try:
        yield
    finally:
        for visitor in opened:
            visitor.context.close()
