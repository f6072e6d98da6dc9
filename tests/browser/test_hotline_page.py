"""Staff at the hotline: a call appears by itself, is taken, and registered with two presses."""

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from app.accounts.permissions import Role
from app.notify import hotline
from app.notify.models import HotlineCall, OutgoingMessage
from expert_draw.models import Invitation
from tests.browser.conftest import LOOKS, Visit, Visitor
from tests.support.links import calling, reached
from tests.support.web import WebHouse

pytestmark = pytest.mark.browser


def rings(house: WebHouse, which: int) -> HotlineCall:
    """Somebody who was invited calls back and presses 0."""
    invitation_id = reached(house.world, which)
    with house.world.transaction() as session:
        message = session.exec(select(OutgoingMessage).where(OutgoingMessage.subject == invitation_id)).one()
        return hotline.waits(session, house.world.now(), message, None, put_through=False)


def test_a_call_appears_by_itself_and_is_registered_with_two_presses(house: WebHouse, visit: Visit) -> None:
    calling(house.world)
    page = visit(Role.host_operator).open("/hotline")
    expect(page.get_by_text("没有等待的来电")).to_be_visible()
    call = rings(house, 0)
    card = page.locator(f"[data-reference='{call.reference}']")
    expect(card).to_contain_text("持有待答复的通知")
    card.get_by_role("button", name="接起").click()
    expect(card).to_contain_text("我在接听")
    card.get_by_role("link", name="登记不能参加").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(call.reference)
    page.get_by_role("button", name="对方已确认，登记").click()
    expect(page.locator(".notice")).to_contain_text("已登记：不能参加")
    with house.world.database.reading() as session:
        assert session.get_one(Invitation, call.subject).state == "declined"


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_everyone_can_use_the_hotline(house: WebHouse, visit: Visit, language: str, theme: str) -> None:
    calling(house.world)
    staff: Visitor = visit(Role.host_operator)
    staff.open(f"/hotline?lang={language}&theme={theme}")
    assert staff.barriers() == ""
    mine, _ = rings(house, 0), rings(house, 1)
    with house.world.transaction() as session:
        account = house.account(Role.host_operator)
        hotline.take(session, house.world.now(), mine.id, f"account:{account.id}")
    staff.open("/hotline?said=lapsed")
    expect(staff.page.locator(".hotline-call")).to_have_count(2)
    assert staff.barriers() == ""
    staff.open(f"/hotline/{mine.id}/accept")
    assert staff.barriers() == ""
