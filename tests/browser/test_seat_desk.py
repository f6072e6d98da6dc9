"""An expert's desk in a real Chromium with a pretend camera and microphone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from app.accounts import sessions
from app.core.samples import Source
from recordings.container import vp8_size
from tests.browser.conftest import LOOKS
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.desks import DeskHouse
from tests.support.rooms import Service, serving
from tests.support.terminals import keep_in
from venue.room.protocol import CloseCode

pytestmark = pytest.mark.browser

FLAGS = (
    *LEAN,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
)
PATIENCE_MS = 30_000
FULL = {f"b{n}": {"c1": 2650, "c2": 1200, "c3": 3500, "c4": 1100} for n in (1, 2, 3)}
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path: Path) -> DeskHouse:
    house = DeskHouse(tmp_path)
    house.tick_s = 0.2
    house.admit("li", 3)
    return house


@pytest.fixture
def service(house: DeskHouse) -> Iterator[Service]:
    with serving(house.application()) as service:
        yield service


@pytest.fixture
def context(browser: Browser, house: DeskHouse, service: Service) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE_MS)
    name = sessions.cookie_name(secure=False)
    cookie = house.cookie("li")
    context.add_cookies([{"name": name, "value": cookie, "url": service.url}])
    keep_in(context, service.url, house.terminals[cookie])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not complain; what a test provokes on purpose it names in `expected`."""
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    provoked = re.compile(r"Failed to load resource|WebSocket connection to .* failed|ERR_CONNECTION_REFUSED")
    assert [text for text in said if not provoked.search(text)] == []


def sit(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/seat/desk")
    page.get_by_role("button", name="进入评标室").click()
    expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))


def fill_all(page: Page) -> None:
    cells = page.locator(".sheet-input")
    expect(cells).to_have_count(12)
    for number in range(12):
        cells.nth(number).fill(("26.5", "12", "35", "11")[number % 4])


def test_an_expert_joins_and_picture_and_sound_are_recorded(
    house: DeskHouse, service: Service, page: Page
) -> None:
    sit(page, service)
    expect(page.locator("[data-part=light-room]")).to_have_attribute("data-tone", "good")
    expect(page.locator("[data-part=light-media]")).to_have_attribute("data-tone", "good")
    house.shelf.wait_for(
        lambda: house.shelf.count(3, Source.camera) >= 20 and house.shelf.count(3, Source.microphone) >= 50
    )
    camera, microphone = (
        house.shelf.samples[key] for key in sorted(house.shelf.samples, key=lambda key: key.source)
    )
    assert (vp8_size(camera[0].data) or (0, 0))[0] in (160, 320, 480, 640)
    assert all(len(sample.data) < 1500 for sample in microphone)
    house.committee.wait_for(lambda: house.committee.sat == ["li"])
    preview = page.locator("video")
    assert preview.evaluate("video => video.muted && video.videoWidth > 0 && !video.paused")
    expect(page.locator("[data-part=light-recording] b")).to_have_text(re.compile(r"录制中 0:\d\d:\d\d"))


def test_the_sheet_opens_with_the_session_and_saves_by_itself(
    house: DeskHouse, service: Service, page: Page
) -> None:
    sit(page, service)
    expect(page.locator("[data-part=waiting]")).to_be_visible()
    expect(page.locator("[data-part=submit]")).to_be_disabled()
    house.change("li", evaluation_state="in_session")
    fill_all(page)
    expect(page.locator(".sheet output").first).to_have_text("84.5")
    house.wait_for_scores("li", FULL)
    page.locator("#sheet-note").fill("各家均满足资格要求。")
    expect(page.locator("[data-part=saved]")).to_have_text(re.compile(r"已保存 \d\d:\d\d:\d\d"))
    page.reload()
    expect(page.locator(".sheet-input").nth(2)).to_have_value("35")
    expect(page.locator("#sheet-note")).to_have_value("各家均满足资格要求。")


def test_a_sheet_is_submitted_once_it_is_full_and_confirmed(
    house: DeskHouse, service: Service, page: Page
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    page.locator(".sheet-input").first.fill("20")
    page.locator("[data-part=submit]").click()
    expect(page.locator("[data-part=missing]")).to_have_text(re.compile("还有 11 处"))
    expect(page.locator(".sheet-input").nth(1)).to_be_focused()
    fill_all(page)
    page.locator("[data-part=submit]").click()
    dialog = page.locator("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("tbody tr")).to_have_count(3)
    dialog.get_by_role("button", name="返回修改").click()
    assert house.sheet("li").state == "draft"
    page.locator("[data-part=submit]").click()
    dialog.get_by_role("button", name="确认提交").click()
    expect(page.locator("[data-part=saved]")).to_have_text(re.compile("已提交"))
    expect(page.locator(".sheet-input").first).to_be_disabled()
    assert (house.sheet("li").state, house.sheet("li").scores) == ("submitted", FULL)


def test_a_wrong_score_is_shown_and_never_saved(house: DeskHouse, service: Service, page: Page) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    cells = page.locator(".sheet-input")
    cells.nth(0).fill("30.01")
    cells.nth(1).fill("12.345")
    cells.nth(2).fill("-1")
    cells.nth(3).fill("15")
    house.wait_for_scores("li", {"b1": {"c4": 1500}})
    for number in (0, 1, 2):
        expect(cells.nth(number)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-part=saved]")).to_have_text(re.compile("3 处分数不合规"))


def test_while_saving_fails_entries_are_kept_and_sent_later(
    house: DeskHouse, service: Service, page: Page
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    house.broken = True
    page.locator(".sheet-input").first.fill("21")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "retrying")
    page.on("dialog", lambda dialog: dialog.accept())  # "leave although something is unsaved?"
    page.reload()
    expect(page.locator(".sheet-input").first).to_have_value("21")
    house.broken = False
    house.wait_for_scores("li", {"b1": {"c1": 2100}})
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "clean")


def test_the_desk_comes_back_after_the_service_was_gone(
    house: DeskHouse, service: Service, page: Page
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    service.stop()
    expect(page.locator("[data-part=light-room]")).not_to_have_attribute("data-tone", "good")
    expect(page.locator("[data-part=light-recording]")).not_to_have_class(re.compile("is-on"))
    page.locator(".sheet-input").first.fill("19.5")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "retrying")
    before = house.shelf.count(3, Source.camera)
    with serving(house.application(), service.port):
        expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))
        house.wait_for_scores("li", {"b1": {"c1": 1950}})
        house.shelf.wait_for(lambda: house.shelf.count(3, Source.camera) > before + 10)


def test_when_only_the_socket_breaks_the_recording_goes_on(
    house: DeskHouse, service: Service, page: Page
) -> None:
    sit(page, service)
    (sitting,) = service.hub._sittings.values()
    connection, loop = sitting.connection, service.hub._loop
    assert connection is not None
    assert loop is not None
    loop.call_soon_threadsafe(connection.close, CloseCode.service_restart)
    house.shelf.wait_for(lambda: sitting.times_away == 1)
    expect(page.locator("[data-part=light-room]")).to_have_attribute("data-tone", "good")
    before = house.shelf.count(3, Source.camera)
    house.shelf.wait_for(lambda: house.shelf.count(3, Source.camera) > before + 10)
    assert house.shelf.closed == []
    service.stop()
    kinds = [kind for _, kind in house.events()]
    assert kinds.count("media-connected") == 1
    assert "seat-back" in kinds


def test_an_answer_lost_on_the_way_is_no_conflict(house: DeskHouse, service: Service, page: Page) -> None:
    """The service saved, then died before it could say so: the desk finds its own entries there."""
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    lost: list[APIResponse] = []

    def lose_one(route: Route, request: Request) -> None:
        if request.method == "PUT" and not lost:
            lost.append(route.fetch())
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/seat/sheet", lose_one)
    page.locator(".sheet-input").first.fill("18")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "retrying")
    expect(page.locator("[data-part=saved]")).to_have_text(re.compile("已保存"))
    assert house.sheet("li").scores == {"b1": {"c1": 1800}}
    assert house.saves == 1
    assert len(lost) == 1


@pytest.mark.parametrize(("choice", "kept"), [("载入最新一版", 500), ("用此页内容覆盖", 1700)])
def test_a_sheet_changed_elsewhere_is_for_the_expert_to_settle(
    house: DeskHouse, service: Service, page: Page, choice: str, kept: int
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    house.put("li", {"b1": {"c1": 500}})
    page.locator(".sheet-input").first.fill("17")
    expect(page.locator("[data-part=conflict]")).to_be_visible()
    page.get_by_role("button", name=choice).click()
    expect(page.locator("[data-part=conflict]")).to_be_hidden()
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "clean")
    assert house.sheet("li").scores == {"b1": {"c1": kept}}
    expect(page.locator(".sheet-input").first).to_have_value(str(kept // 100))


def test_a_second_page_takes_the_seat_and_the_first_stops_its_camera(
    house: DeskHouse, service: Service, page: Page, context: BrowserContext
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    other = context.new_page()
    sit(other, service)
    expect(page.locator("[data-part=ended]")).to_contain_text("另一个页面")
    expect(page.locator(".sheet-input").first).to_be_disabled()
    assert page.locator("video").evaluate("video => video.srcObject === null")
    page.get_by_role("button", name="在此页继续").click()
    expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))
    expect(page.locator(".sheet-input").first).to_be_enabled()
    expect(other.locator("[data-part=ended]")).to_be_visible()


def test_a_closed_room_switches_camera_and_microphone_off(
    house: DeskHouse, service: Service, page: Page
) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    house.close_room_row()
    house.change("li", evaluation_state="sealed")
    expect(page.locator("[data-part=ended]")).to_contain_text("评标室已经关闭")
    expect(page.locator("[data-part=light-recording]")).not_to_have_class(re.compile("is-on"))
    expect(page.locator("[data-part=next]")).to_contain_text("评标已结束")
    assert page.locator("video").evaluate("video => video.srcObject === null")


def test_who_is_signed_out_is_told_and_loses_nothing(house: DeskHouse, service: Service, page: Page) -> None:
    house.change("li", evaluation_state="in_session")
    sit(page, service)
    house.cookie("li")  # signing in elsewhere ends the earlier session
    page.locator(".sheet-input").first.fill("16")
    expect(page.locator("[data-part=ended]")).to_contain_text("登录已失效")
    expect(page.get_by_role("link", name="重新登录")).to_have_attribute("href", "/seat")
    kept = page.evaluate("localStorage.getItem('score-sheet li')")
    assert '"c1":1600' in kept


FAULTS = {
    "denied": ("NotAllowedError", "denied", "摄像头被拒绝"),
    "not-asked": ("NotAllowedError", "prompt", "摄像头尚未授权"),
    "no-device": ("NotFoundError", "granted", "没有找到摄像头"),
    "busy": ("NotReadableError", "granted", "摄像头被其他程序占用"),
    "over-constrained": ("OverconstrainedError", "granted", "摄像头不支持所需规格"),
}


@pytest.mark.parametrize("state", FAULTS)
def test_each_trouble_with_a_camera_has_its_own_words(
    house: DeskHouse, service: Service, page: Page, state: str
) -> None:
    error, permission, words = FAULTS[state]
    page.add_init_script(
        f"""const whole = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {{
          if (wanted.video && !window.mended) throw new DOMException("", "{error}");
          return whole(wanted);
        }};
        navigator.permissions.query = async () => ({{ state: "{permission}" }});"""
    )
    page.goto(f"{service.url}/seat/desk")
    message = page.locator("[data-part=camera-state]")
    expect(message).to_contain_text(words)
    expect(message).to_have_attribute("data-state", state)
    expect(page.locator("[data-part=microphone-state]")).to_be_hidden()
    expect(page.locator("[data-part=check-camera] [data-part=said]")).to_contain_text(words)
    expect(page.get_by_role("button", name="进入评标室")).to_be_disabled()
    page.get_by_role("button", name="设备一时修不好，先进入").click()
    # The microphone alone is recorded already; the light stays off until both are.
    house.shelf.wait_for(lambda: house.shelf.count(3, Source.microphone) > 10)
    expect(page.locator("[data-part=light-recording]")).not_to_have_class(re.compile("is-on"))
    page.evaluate("window.mended = true")
    page.get_by_role("button", name="重试").click()
    expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))
    for told in (f"camera-{state}", "camera-live"):
        house.wait_for_event(told)


def test_over_an_insecure_connection_the_desk_says_why(service: Service, page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(f"{service.url}/seat/desk")
    expect(page.locator("[data-part=camera-state]")).to_contain_text("HTTPS")
    expect(page.locator("[data-part=microphone-state]")).to_contain_text("HTTPS")
    expect(page.locator("[data-part=light-room]")).to_have_attribute("data-tone", "good")


def test_a_camera_pulled_out_is_told_at_once(house: DeskHouse, service: Service, page: Page) -> None:
    sit(page, service)
    page.evaluate(
        """() => {
          const [track] = document.querySelector("video").srcObject.getVideoTracks();
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }"""
    )
    expect(page.locator("[data-part=camera-state]")).to_contain_text("摄像头已断开")
    house.wait_for_event("camera-ended")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_desk_fits_its_screen_and_everybody_can_use_it(
    house: DeskHouse, service: Service, page: Page, language: str, theme: str
) -> None:
    house.change("li", evaluation_state="in_session")
    page.goto(f"{service.url}/seat/desk?lang={language}&theme={theme}")
    page.locator("[data-part=enter]").click()
    expect(page.locator("[data-part=light-recording]")).to_have_class(re.compile("is-on"))
    expect(page.locator(".sheet-input")).to_have_count(12)
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1366, 768]
    if language == "en":
        assert not re.search("[一-龥]", page.locator(".desk-bar h1").inner_text())
    # Waits for animations to stand still, then asks axe-core itself rather than its loader, which breaks our policy.
    page.emulate_media(reduced_motion="reduce")
    assert Axe().run(page, options={**VIOLATIONS, "preload": False}).response["violations"] == []
