"""The check of camera, microphone and screen before an expert enters, and what keeps being told of them afterwards."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from pydantic import SecretStr

from app.accounts import sessions
from app.core.samples import Source
from tests.browser.conftest import LOOKS
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.desks import DeskHouse
from tests.support.rooms import Service, serving
from tests.support.terminals import keep_in
from venue.room.quality import read_figures

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
DEVICES = "--use-fake-device-for-media-stream"
FLAGS = (
    *LEAN,
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
)
ENTER = "进入评标室"
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def chromium(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, *flags])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with chromium(playwright, f"{DEVICES}=display-media-type=monitor") as browser:
        yield browser


@pytest.fixture
def house(tmp_path: Path) -> DeskHouse:
    house = DeskHouse(tmp_path)
    house.tick_s = 0.2
    house.admit("li", 3)
    return house


@contextmanager
def visiting(browser: Browser, house: DeskHouse, service: Service) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE_MS)
    name = sessions.cookie_name(secure=False)
    cookie = house.cookie("li")
    context.add_cookies([{"name": name, "value": cookie, "url": service.url}])
    keep_in(context, service.url, house.terminals[cookie])
    yield context.new_page()
    context.close()


@pytest.fixture
def service(house: DeskHouse) -> Iterator[Service]:
    with serving(house.application()) as service:
        yield service


@pytest.fixture
def page(browser: Browser, house: DeskHouse, service: Service) -> Iterator[Page]:
    with visiting(browser, house, service) as page:
        yield page


def said(page: Page, name: str) -> str:
    return page.locator(f"[data-part=check-{name}] [data-part=said]").inner_text()


def recorded(page: Page) -> None:
    expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))


def test_nothing_is_sent_before_the_expert_enters(house: DeskHouse, service: Service, page: Page) -> None:
    page.goto(f"{service.url}/seat/desk")
    expect(page.get_by_role("button", name=ENTER)).to_be_enabled()
    expect(page.locator("[data-part=check-camera]")).to_have_attribute("data-tone", "good")
    expect(page.locator("[data-part=check-room]")).to_have_attribute("data-tone", "good")
    expect(page.locator(".desk-sheet")).to_be_hidden()
    assert page.locator("video").evaluate("video => video.videoWidth") > 0
    expect(page.locator("[data-part=check-microphone] [data-part=said]")).to_have_text("听到声音了")
    house.wait_for_event("camera-live")
    assert house.shelf.samples == {}
    page.get_by_role("button", name=ENTER).press("Enter")
    recorded(page)
    expect(page.locator(".desk-check")).to_be_hidden()
    # Loaded again, the page goes back to the seat without asking anything.
    page.reload()
    recorded(page)


def test_a_shared_screen_is_recorded_beside_the_camera(
    house: DeskHouse, service: Service, page: Page
) -> None:
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name="共享整个屏幕").click()
    expect(page.locator("[data-part=check-screen]")).to_have_attribute("data-tone", "good")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    house.shelf.wait_for(
        lambda: house.shelf.count(3, Source.screen) > 5 and house.shelf.count(3, Source.camera) > 20
    )
    # Whoever ends it is asked at once to share again, and the camera's connection is not touched.
    page.evaluate(
        """() => {
          const { devices } = document.querySelector("seat-desk");
          devices.screenTrack.stop();
          devices.screenTrack.dispatchEvent(new Event("ended"));
        }"""
    )
    expect(page.locator("[data-part=unshared]")).to_contain_text("屏幕共享已停止")
    house.wait_for_event("screen-ended")
    before = house.shelf.count(3, Source.screen)
    page.get_by_role("button", name="重新共享屏幕").click()
    expect(page.locator("[data-part=unshared]")).to_be_hidden()
    house.shelf.wait_for(lambda: house.shelf.count(3, Source.screen) > before + 2)
    service.stop()
    kinds = [kind for _, kind in house.events()]
    assert kinds.count("screen-live") == 2
    assert kinds.count("media-connected") == 1


def test_a_window_instead_of_the_screen_is_explained_and_given_back(
    house: DeskHouse, service: Service, page: Page
) -> None:
    page.add_init_script(
        """const settings = MediaStreamTrack.prototype.getSettings;
        MediaStreamTrack.prototype.getSettings = function () {
          const own = settings.call(this);
          return "displaySurface" in own && !window.whole ? { ...own, displaySurface: "window" } : own;
        };"""
    )
    house.settings.media.screen_required = True
    page.goto(f"{service.url}/seat/desk")
    expect(page.locator("[data-part=check-screen] [data-part=said]")).to_contain_text("本场要求共享整个屏幕")
    expect(page.locator("[data-part=check-camera]")).to_have_attribute("data-tone", "good")
    expect(page.get_by_role("button", name=ENTER)).to_be_disabled()
    page.get_by_role("button", name="共享整个屏幕").click()
    expect(page.locator("[data-part=check-screen] [data-part=said]")).to_contain_text("只是一个窗口或标签页")
    house.wait_for_event("screen-partial")
    assert page.evaluate("document.querySelector('seat-desk').devices.screenTrack") is None
    expect(page.get_by_role("button", name=ENTER)).to_be_disabled()
    page.evaluate("window.whole = true")
    page.get_by_role("button", name="共享整个屏幕").click()
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    assert house.shelf.count(3, Source.screen) > 0


def test_who_does_not_allow_the_screen_is_asked_again(house: DeskHouse, service: Service, page: Page) -> None:
    page.add_init_script(
        """navigator.mediaDevices.getDisplayMedia = async () => {
          throw new DOMException("", "NotAllowedError");
        };"""
    )
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name="共享整个屏幕").click()
    expect(page.locator("[data-part=check-screen] [data-part=said]")).to_contain_text("没有同意共享")
    expect(page.get_by_role("button", name="共享整个屏幕")).to_be_visible()
    house.wait_for_event("screen-denied")


def test_a_silent_microphone_is_noticed_at_the_seat_and_by_the_service(
    house: DeskHouse, service: Service, page: Page
) -> None:
    page.add_init_script(
        """const whole = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          const stream = await whole(wanted);
          if (window.loud) return stream;
          for (const track of stream.getAudioTracks()) track.enabled = false;
          return stream;
        };"""
    )
    page.goto(f"{service.url}/seat/desk")
    expect(page.locator("[data-part=check-microphone] [data-part=said]")).to_contain_text("完全没有声音")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    house.wait_for_event("microphone-silent")
    page.evaluate("document.querySelector('seat-desk').devices.tracks.microphone.enabled = true")
    house.wait_for_event("microphone-heard")


def test_where_there_is_no_device_both_say_so(house: DeskHouse, playwright: Playwright) -> None:
    with (
        serving(house.application()) as service,
        chromium(playwright) as bare,
        visiting(bare, house, service) as page,
    ):
        page.goto(f"{service.url}/seat/desk")
        for name, words in (("camera", "没有找到摄像头"), ("microphone", "没有找到麦克风")):
            row = page.locator(f"[data-part=check-{name}]")
            expect(row).to_have_attribute("data-state", "no-device")
            expect(row).to_contain_text(words)
        expect(page.get_by_role("button", name=ENTER)).to_be_disabled()
        house.wait_for_event("camera-no-device")


def test_figures_of_the_connection_reach_the_service(house: DeskHouse, service: Service, page: Page) -> None:
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    told: list[str] = []

    def figures() -> bool:
        told[:] = [seat.stats for seat in service.hub.seats() if seat.stats is not None]
        return bool(told) and (read_figures(told[0]).width or 0) > 0

    house.shelf.wait_for(figures)
    (text,) = told
    read = read_figures(text)
    assert read.kbps > 50
    assert read.fps is not None
    assert 1 <= read.fps <= 31
    assert read.height in (120, 180, 240, 270, 360, 480)
    assert read.rtt_ms is not None
    assert read.rtt_ms < 2000
    assert not read.relay


def test_a_moved_room_is_followed_at_once_with_a_new_ticket(
    house: DeskHouse, service: Service, page: Page
) -> None:
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    states = page.evaluate_handle(
        """() => {
          const { room } = document.querySelector("seat-desk");
          const states = [];
          room.addEventListener("state", () => states.push(room.state));
          return states;
        }"""
    )
    with page.expect_request("**/api/seat/ticket"):
        assert service.hub._loop is not None
        service.hub._loop.call_soon_threadsafe(service.hub.move_room, "room-1")
    expect(page.locator("[data-part=light-room]")).to_have_attribute("data-tone", "good")
    assert states.json_value() == ["connecting", "connected"]


def test_the_page_connects_where_the_ticket_says(service: Service, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.route(
        "**/api/seat/ticket",
        lambda route: route.fulfill(
            json={
                "ticket": "t",
                "expires_in_s": 30,
                "address": f"{service.url.replace('http', 'ws')}/elsewhere",
            }
        ),
    )
    page.goto(f"{service.url}/seat/desk")
    expect(page.locator("[data-part=light-room] b")).to_contain_text("已断开")
    assert {url.rsplit("/", 1)[1] for url in sockets} == {"elsewhere"}


def test_relays_are_used_with_the_password_of_the_welcome(
    house: DeskHouse, service: Service, page: Page
) -> None:
    house.settings.media.ice_urls = ("turn:127.0.0.1:9?transport=udp",)
    house.settings.media.turn_secret = SecretStr("north")
    page.add_init_script(
        """const Whole = RTCPeerConnection;
        window.RTCPeerConnection = class extends Whole {
          constructor(options) { super(options); window.given = this.getConfiguration().iceServers; }
        };"""
    )
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    (server,) = page.evaluate("window.given")
    assert server["urls"] in ("turn:127.0.0.1:9?transport=udp", ["turn:127.0.0.1:9?transport=udp"])
    assert re.fullmatch(r"\d{10}:seat-3", server["username"])
    assert len(server["credential"]) == 28


def test_a_lost_way_is_replaced_by_a_new_connection(house: DeskHouse, service: Service, page: Page) -> None:
    page.add_init_script(
        """const Whole = RTCPeerConnection;
        window.peers = [];
        window.RTCPeerConnection = class extends Whole {
          constructor(options) { super(options); window.peers.push(this); }
        };"""
    )
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name=ENTER).click()
    recorded(page)
    page.evaluate(
        """() => {
          const [peer] = window.peers;
          Object.defineProperty(peer, "connectionState", { get: () => "disconnected" });
          peer.dispatchEvent(new Event("connectionstatechange"));
        }"""
    )
    expect(page.locator("[data-part=light-media]")).to_have_attribute("data-tone", "warn")
    expect(page.locator("[data-part=light-media]")).to_have_attribute("data-tone", "good")
    assert page.evaluate("window.peers.length") == 2
    before = house.shelf.count(3, Source.camera)
    house.shelf.wait_for(lambda: house.shelf.count(3, Source.camera) > before + 10)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_everybody_can_use_the_check(
    house: DeskHouse, service: Service, page: Page, language: str, theme: str
) -> None:
    house.settings.media.screen_required = True
    page.goto(f"{service.url}/seat/desk?lang={language}&theme={theme}")
    expect(page.locator("[data-part=check-room]")).to_have_attribute("data-tone", "good")
    expect(page.locator("[data-part=check-camera]")).to_have_attribute("data-tone", "good")
    assert page.evaluate("document.documentElement.scrollWidth") == 1366
    if language == "en":
        assert not re.search("[一-龥]", page.locator(".desk-check").inner_text())
    page.emulate_media(reduced_motion="reduce")
    found = Axe().run(page, options={**VIOLATIONS, "preload": False})
    assert found.response["violations"] == []
