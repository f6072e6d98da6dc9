"""An invited expert on a small phone: the link is opened, answered with two presses, and holidays are entered."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.accounts.permissions import Role
from expert_draw import sealed
from expert_draw.models import ExpertLeave, Invitation
from tests.browser.conftest import LOOKS, Visit, Visitor
from tests.support.links import calling, reached, texted
from tests.support.web import WebHouse

pytestmark = pytest.mark.browser

PHONE = (360, 740)


@pytest.fixture
def invited(house: WebHouse) -> str:
    """The path of the page of somebody whose window is open."""
    calling(house.world)
    return f"/a/{texted(house.world, reached(house.world))}"


def state(house: WebHouse) -> str:
    with house.world.database.reading() as session:
        return session.exec(select(Invitation.state).where(Invitation.answer_hash != None)).one()  # noqa: E711 -- SQL


def fits(page: Page) -> None:
    """Nothing is wider than the phone, and everything to press is large enough for a thumb."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE[0]
    heights = page.locator("main .btn:visible").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert heights
    assert min(heights) >= 32


def test_a_link_is_opened_and_answered_with_two_presses(house: WebHouse, visit: Visit, invited: str) -> None:
    expert: Visitor = visit(size=PHONE)
    asked: list[str] = []
    expert.page.on("request", lambda request: asked.append(request.headers.get("referer", "")))
    page = expert.open(invited)
    expect(page.get_by_role("heading", level=1)).to_have_text("邀请您参加评标")
    fits(page)
    page.get_by_role("link", name="能参加", exact=True).click()
    expect(page.get_by_text("请再确认一次")).to_be_visible()
    fits(page)
    assert state(house) == "contacting"
    page.get_by_role("link", name="返回").click()
    page.get_by_role("link", name="能参加", exact=True).click()
    page.get_by_role("button", name="确认参加").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("已登记您参加")
    assert page.url.endswith(invited)
    fits(page)
    assert state(house) == "accepted"
    assert asked
    assert not [referer for referer in asked if "/a/" in referer]  # the address is told to nobody


def test_a_place_is_declined_and_leave_is_asked_the_same_way(
    house: WebHouse, visit: Visit, invited: str
) -> None:
    page = visit(size=PHONE).open(invited)
    page.get_by_role("link", name="不能参加").click()
    page.get_by_role("button", name="确认不参加").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("已登记您不参加")
    other = reached(house.world, 1)
    with house.world.transaction() as session:
        session.get_one(Invitation, other).leave_until = None
        world = house.world
        world.invitees.answer(session, world.now(), other, True, "voice")
    page.goto(f"{page.url.rsplit('/', 1)[0]}/{texted(house.world, other)}")
    page.get_by_role("link", name="我要请假").click()
    page.get_by_role("button", name="确认请假").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("已登记您请假")


def test_holidays_are_entered_and_taken_back(house: WebHouse, visit: Visit, invited: str) -> None:
    page = visit(size=PHONE).open(invited)
    page.get_by_label("从", exact=False).first.fill("2026-12-01")
    page.get_by_label("到（含）").fill("2026-12-03")
    page.get_by_role("button", name="登记休假").click()
    expect(page.locator(".absences li")).to_have_count(1)
    expect(page.locator(".absences")).to_contain_text("2026-12-01 – 2026-12-03")
    fits(page)
    page.get_by_role("button", name=re.compile("删除")).click()
    expect(page.locator(".absences li")).to_have_count(0)
    with house.world.database.reading() as session:
        assert session.exec(select(ExpertLeave)).all() == []


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_everyone_can_use_the_page(
    house: WebHouse, visit: Visit, invited: str, language: str, theme: str
) -> None:
    expert: Visitor = visit(size=PHONE)
    with house.world.transaction() as session:
        held = session.exec(select(Invitation).where(Invitation.answer_hash != None)).one()  # noqa: E711 -- SQL
        invitation_id, person = held.id, sealed.person(session, house.world.sealer, held)
        session.add(ExpertLeave(id="away", expert_id=person, from_at=held.created_at, to_at=held.starts_at))
    for query in ("", "&act=accept", "&act=decline", "&said=already"):
        page = expert.open(f"{invited}?lang={language}&theme={theme}{query}")
        fits(page)
        assert expert.barriers() == ""
    for stage, standby in (("accepted", False), ("accepted", True), ("declined", False), ("expired", False)):
        with house.world.transaction() as session:
            found = session.get_one(Invitation, invitation_id)
            found.state, found.standby = stage, standby
        page = expert.open(invited)
        fits(page)
        assert expert.barriers() == ""
    response = expert.page.goto(f"{expert.url}/a/abcdefghjkmn")
    assert response is not None
    assert response.status == 404
    fits_or_has_no_button(expert.page)
    assert expert.barriers() == ""
    expert.complaints.clear()  # the browser notes that the page was not found


def fits_or_has_no_button(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_member_of_staff_who_opens_a_link_is_nobody_there(
    house: WebHouse, visit: Visit, invited: str
) -> None:
    page = visit(Role.host_operator, size=PHONE).open(invited)
    expect(page.locator(".topbar")).not_to_contain_text("主场操作员")
    expect(page.locator(".topbar-menu")).to_have_count(0)
