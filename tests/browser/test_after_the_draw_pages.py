"""What the page of an evaluation offers after the draw, everything unfolded: axe finds nothing, nothing sticks out on a phone."""

import pytest
from playwright.sync_api import Page

from app.accounts.permissions import Role
from app.evaluation import leaving
from app.evaluation.causes import Cause
from tests.app.web.test_after_the_draw import short
from tests.browser.conftest import Visit
from tests.browser.test_pages_for_everyone import SIDEWAYS
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.web import WebHouse

pytestmark = pytest.mark.browser

REFRESHED = "() => new Promise((done) => addEventListener('refreshed', () => done(), { once: true }))"
"""Waits until the page has looked at itself: what is typed afterwards stays."""


def unfolded(page: Page) -> Page:
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    return page


def test_a_shortage_is_decided_on_an_accessible_page(visit: Visit, house: WebHouse) -> None:
    case = short(house)
    visitor = visit(Role.host_operator)
    for language in ("zh", "en"):
        unfolded(visitor.open(f"/evaluations/{case.id}?lang={language}"))
        assert not visitor.barriers()
    phone = visit(Role.host_operator, size=(390, 844))
    assert unfolded(phone.open(f"/evaluations/{case.id}")).evaluate(SIDEWAYS) == 0


def test_who_left_and_what_waits_for_a_second_person_is_accessible(visit: Visit, house: WebHouse) -> None:
    case = Case(house.world).in_session()
    world = house.world
    case.score(case.member(1))
    case.left(1, Cause.illness, "突发疾病")
    with world.transaction() as session:
        leaving.order_removal(session, world.now(), SUPERVISOR, case.id, 2, "操作他人评标电脑")
    for role in (Role.host_operator, Role.supervisor):
        visitor = visit(role)
        unfolded(visitor.open(f"/evaluations/{case.id}"))
        assert not visitor.barriers()
    phone = visit(Role.host_operator, size=(390, 844))
    assert unfolded(phone.open(f"/evaluations/{case.id}")).evaluate(SIDEWAYS) == 0


def test_a_removal_is_confirmed_by_a_press_and_the_page_follows(visit: Visit, house: WebHouse) -> None:
    case = Case(house.world).in_session()
    supervisor = visit(Role.supervisor)
    page = supervisor.open(f"/evaluations/{case.id}")
    page.evaluate(REFRESHED)
    unfolded(page)
    page.get_by_label("责令离开的原因").fill("操作他人评标电脑")
    page.evaluate(REFRESHED)
    page.get_by_role("button", name="提出责令离开").click()
    host = visit(Role.host_operator).open(f"/evaluations/{case.id}")
    host.get_by_role("button", name="确认").click()
    host.get_by_text("递补中").first.wait_for()
    assert case.state == "replacing"
