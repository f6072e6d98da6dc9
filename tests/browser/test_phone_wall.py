"""The wall of pretend phones in a real Chromium: it rings, is answered with keys and texts, and can be made to fail."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from app.accounts.permissions import Role
from tests.browser.conftest import LOOKS
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.phones import WORDS, PhoneHouse, phone_house

pytestmark = pytest.mark.browser

LI, WANG = "+8613800000001", "+8613800000002"
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(LEAN))
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[PhoneHouse]:
    with phone_house(tmp_path, pages=True) as opened:
        yield opened


@pytest.fixture
def complaints() -> list[str]:
    """Whatever the page wrote to its console."""
    return []


@pytest.fixture
def wall(browser: Browser, house: PhoneHouse, complaints: list[str]) -> Iterator[Page]:
    """The page of a host operator; any message on its console fails the test."""
    context = browser.new_context(locale="zh-CN")
    ((name, value),) = house.cookie(Role.host_operator).items()
    context.add_cookies([{"name": name, "value": value, "url": house.url}])
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{house.url}/simulator")
    expect(page.locator("phone-wall[data-ready]")).to_be_attached()
    yield page
    context.close()
    assert complaints == []


def test_a_phone_rings_is_answered_and_two_presses_accept(house: PhoneHouse, wall: Page) -> None:
    expect(wall.get_by_text("还没有电话响过")).to_be_visible()
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    expect(phone).to_have_attribute("data-state", "ringing")
    expect(phone).to_contain_text("+86138****0001")
    expect(wall.get_by_role("status")).to_contain_text("响铃")
    phone.get_by_role("button", name="接听").click()
    expect(phone.locator(".phone-heard")).to_contain_text(WORDS["time"])
    expect(phone.get_by_role("button", name="1", exact=True)).to_be_focused()
    phone.get_by_role("button", name="1", exact=True).click()
    expect(phone.locator(".phone-heard")).to_contain_text("再按一次1")
    phone.get_by_role("button", name="1", exact=True).click()
    expect(phone.locator(".phone-heard")).to_contain_text("已登记您参加")
    assert house.invitees.answers == {"invitation-1": "accepted"}
    phone.get_by_role("button", name="挂断").click()
    expect(phone).to_have_attribute("data-state", "idle")
    house.settle()
    assert house.state(message) == "completed"


def test_a_text_is_read_and_answered_while_the_wall_refreshes(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1", "sms")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    expect(phone.locator(".is-received")).to_contain_text("能参加回复1")
    reply = phone.get_by_role("textbox")
    reply.type("2")
    house.invites(house.person(WANG), "invitation-2")
    house.settle()
    expect(wall.locator(".phone").first).to_have_attribute("data-number", WANG)  # who rings stands first
    expect(reply).to_have_value("2")
    expect(reply).to_be_focused()
    reply.press("Enter")
    expect(phone.locator(".is-sent")).to_have_count(1)
    expect(phone.locator(".phone-texts")).to_contain_text("已登记您不参加")
    assert house.invitees.answers == {"invitation-1": "declined"}


def test_a_declined_call_and_a_late_call_back(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    phone.get_by_role("button", name="拒接").click()
    expect(phone).to_contain_text("已拒接")
    house.pass_time(3600)
    phone.get_by_role("button", name="回拨热线").click()
    expect(phone.locator(".phone-heard")).to_contain_text("已失效")
    expect(phone.get_by_role("button", name="1", exact=True)).to_have_attribute("aria-disabled", "true")


def test_phones_are_found_by_their_last_digits(house: PhoneHouse, wall: Page) -> None:
    for number in range(15):
        house.invites(house.person(f"+86138000001{number:02}"), f"invitation-{number}", "sms")
    house.settle()
    expect(wall.locator(".phone")).to_have_count(12)
    wall.get_by_role("button", name=re.compile("再显示 3 部")).click()
    expect(wall.locator(".phone")).to_have_count(15)
    wall.get_by_label("按号码查找").fill("0114")
    expect(wall.locator(".phone")).to_have_count(1)
    wall.get_by_label("按号码查找").fill("9999")
    expect(wall.get_by_text("没有符合这个尾号的电话。")).to_be_visible()


def test_faults_are_set_and_taken_back(house: PhoneHouse, wall: Page) -> None:
    wall.get_by_text("制造故障").click()
    wall.get_by_label("故障", exact=True).select_option("drop-reply")
    wall.get_by_label("次数").fill("2")
    wall.get_by_role("button", name="设置").click()
    expect(wall.locator("#fault-list")).to_contain_text("已受理，但回复中断：还剩 2 次")
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    expect(wall.locator("#fault-list")).to_contain_text("还剩 1 次")
    wall.get_by_role("button", name=re.compile("取消")).click()
    expect(wall.locator("#fault-list li")).to_have_count(0)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_everyone_can_use_the_wall(
    house: PhoneHouse, wall: Page, complaints: list[str], language: str, theme: str
) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.invites(house.person("+8613800000003"), "invitation-3", "sms")
    house.settle()
    li.answers()
    house.invites(house.person(WANG), "invitation-2")
    house.settle()
    wall.goto(f"{house.url}/simulator?lang={language}&theme={theme}")
    expect(wall.locator(".phone")).to_have_count(3)
    wall.locator("#phone-faults summary").click()
    assert complaints == []
    found = Axe().run(wall, options=VIOLATIONS)
    complaints.clear()  # the checker itself tries inline styles, which the page refuses
    assert found.violations_count == 0, found.generate_report()


def test_a_key_pressed_before_hanging_up_is_heard_first(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    phone.get_by_role("button", name="接听").click()
    expect(phone.locator(".phone-heard")).to_contain_text("请按1")
    asked: list[str] = []
    wall.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
    held: list[Route] = []
    wall.route("**/keys", lambda route: held.append(route))  # noqa: PLW0108 -- playwright hangs notes on its handlers
    with wall.expect_request("**/keys"):
        phone.get_by_role("button", name="1", exact=True).click()
    phone.get_by_role("button", name="挂断").click()
    wall.evaluate(
        "fetch(location.href).then((answer) => answer.text())"
    )  # by now a hang-up that had not waited would have been sent
    assert "hangup" not in asked
    with wall.expect_response("**/hangup"):
        held[0].continue_()
    assert asked.index("keys") < asked.index("hangup")


def test_who_calls_the_hotline_uses_the_whole_keypad(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    phone.get_by_role("button", name="接听").click()
    for said in ("请按1", "再按一次1"):
        expect(phone.locator(".phone-heard")).to_contain_text(said)
        phone.get_by_role("button", name="1", exact=True).click()
    phone.get_by_role("button", name="挂断").click()
    phone.get_by_role("button", name="回拨热线").click()
    expect(phone.locator(".phone-heard")).to_contain_text("请假请按3")
    expect(phone.locator(".phone-state")).to_have_text("正在拨打热线")
    phone.get_by_role("button", name="3", exact=True).click()
    expect(phone.locator(".phone-heard")).to_contain_text("再按一次3")
    phone.get_by_role("button", name="星号键").click()
    expect(phone.locator(".phone-heard")).to_contain_text("您选择了请假")
    phone.get_by_role("button", name="1", exact=True).click()
    expect(phone.locator(".phone-heard")).to_contain_text("请假请按3")
    phone.get_by_role("button", name="0", exact=True).click()
    expect(phone.locator(".phone-heard")).to_contain_text("来电编号")
    assert house.invitees.answers == {"invitation-1": "accepted"}


def test_only_links_of_the_house_can_be_clicked_in_a_text(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1", "sms")
    house.person(LI).writes("https://elsewhere.example/a/x")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    expect(phone.locator(".is-sent").first).to_contain_text("elsewhere")
    links = phone.locator(".phone-texts a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", f"{house.url}/a/{WORDS['code']}")
    with wall.context.expect_page() as opened:
        links.click()
    expect(opened.value.get_by_role("heading")).to_have_text("这个链接无效或已失效")


def test_a_ringing_phone_says_how_long_it_still_rings(house: PhoneHouse, wall: Page) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    phone = wall.locator(f"[data-number='{LI}']")
    expect(phone.get_by_text("不接就让它响完")).to_be_visible()
    expect(phone.locator("count-down")).to_have_attribute(
        "data-until", house.person(LI).phone.model_dump(mode="json")["rings_until"]
    )
