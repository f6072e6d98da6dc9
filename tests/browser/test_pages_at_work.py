"""Pages while people work with them: checks while typing, news that arrives by itself, and all of it without scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.accounts.permissions import Role
from app.evaluation import committee, conductor
from tests.browser.conftest import Visit
from tests.support.web import PASSWORD, WebHouse
from tests.support.world import OPERATOR, booking

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

FIELDS = {
    "project_number": "ZT-1",
    "project_name": "秘密水库除险加固工程",
    "lot_number": "1",
    "lot_name": "施工一标段",
    "tenderee_name": "某水务局",
    "bidder_name-0": "投标甲",
}


def fill_in(page: Page, experts: str = "3") -> None:
    for name, text in FIELDS.items():
        page.fill(f"#f-{name}", text)
    page.fill("#f-slot_specialty-0", "A08")
    page.fill("#f-slot_count-0", experts)
    page.fill("#f-slot_specialty-1", "A06")


def test_the_rules_are_checked_while_one_types(visit: Visit) -> None:
    page = visit(Role.host_operator).open("/evaluations/new")
    fill_in(page, experts="2")
    expect(page.locator("#check")).to_contain_text("人数应为单数")
    page.fill("#f-slot_count-0", "3")
    expect(page.locator("#check")).to_contain_text("符合规则，可以预约")


def test_lines_can_be_added_and_taken_away(visit: Visit) -> None:
    page = visit(Role.host_operator).open("/evaluations/new")
    slots = page.locator("fieldset", has_text="每行一个专业")
    slots.get_by_role("button", name="添加专业").click()
    expect(page.locator("#f-slot_specialty-2")).to_be_focused()
    assert page.locator("#f-slot_specialty-2").input_value() == ""
    page.fill("#f-slot_specialty-2", "A01")
    slots.get_by_role("button", name="删除本行").nth(1).click()
    assert page.locator("#f-slot_specialty-1").input_value() == "A01"
    assert page.locator("label[for='f-slot_specialty-1']").count() == 1


def test_an_evaluation_is_booked_committed_and_drawn(visit: Visit) -> None:
    page = visit(Role.host_operator).open("/evaluations/new")
    fill_in(page)
    page.get_by_role("button", name="预约", exact=True).press("Enter")  # wherever the live check moves it
    page.wait_for_url(re.compile(r"/evaluations/[0-9a-f-]{36}$"))
    page.get_by_role("button", name="公布抽取承诺").press("Enter")
    page.wait_for_url("**/draw")
    page.get_by_role("button", name="开始抽取").press("Enter")
    expect(page.get_by_role("heading", name="首轮抽取")).to_be_visible()
    page.get_by_role("link", name="邀请").click()
    expect(page.locator(".ladder")).to_have_count(5)


def test_news_arrives_by_itself(visit: Visit, house: WebHouse) -> None:
    world = house.world
    acting = world.house
    watching = visit(Role.supervisor)
    page = watching.open("/today")
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), acting, OPERATOR, booking(world))
    expect(page.locator("#list")).to_contain_text("秘密水库除险加固工程")
    watching.open(f"/evaluations/{evaluation.id}/draw")
    with world.transaction() as session:
        committee.commit_draw(session, world.now(), acting, OPERATOR, evaluation.id)
    expect(page.locator(".big-hash")).to_be_visible()
    expect(page.locator("#guide")).to_contain_text("已公布承诺")


def test_theme_and_language_are_kept(visit: Visit) -> None:
    visitor = visit(color_scheme="dark")
    page = visitor.open("/sign-in")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("link", name="切换到浅色").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    visitor.open("/seat")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_persona_of_the_demonstration_comes_in_with_one_click(visit: Visit, house: WebHouse) -> None:
    house.account(Role.host_operator)
    page = visit().open("/sign-in")
    page.get_by_role("button", name="主场操作员").click()
    page.wait_for_url("**/today")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/sign-in")


def test_everything_can_be_done_without_scripts(visit: Visit, house: WebHouse) -> None:
    phone = house.phone(Role.host_operator)
    visitor = visit(java_script_enabled=False)
    page = visitor.open("/evaluations/new")
    page.fill("#f-login", Role.host_operator)
    page.fill("#f-password", PASSWORD)
    page.get_by_role("button", name="登录", exact=True).press("Enter")
    page.get_by_label("动态码").fill(phone.code())
    page.get_by_role("button", name="进入", exact=True).press("Enter")
    expect(page.locator("[name=project_number]")).to_be_visible()
    assert page.url.endswith("/evaluations/new")
    fill_in(page)
    page.get_by_role("button", name="只检查，不预约").press("Enter")
    expect(page.locator("#check")).to_contain_text("符合规则，可以预约")
    page.get_by_role("button", name="预约", exact=True).press("Enter")
    page.get_by_role("button", name="公布抽取承诺").press("Enter")
    page.get_by_role("button", name="开始抽取").press("Enter")
    expect(page.get_by_role("heading", name="首轮抽取")).to_be_visible()
    page.get_by_role("link", name="切换到深色").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
