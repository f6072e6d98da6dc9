"""T5. A real browser becomes the terminal of a seat, with a key that nobody can take out of it; a copied cookie enters no room and writes nothing."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from app.accounts.permissions import Role
from app.core.settings_rooms import SeatSettings
from app.evaluation import desk
from app.evaluation.models import CommitteeMember
from app.notify.enclosed import variables_of
from tests.browser.conftest import Visit, Visitor
from tests.support.evaluations import Case
from tests.support.leases import start_workers
from tests.support.terminals import papers
from tests.support.web import WebHouse

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

TAKE_OUT = """async () => {
  const here = await new Promise((resolve, reject) => {
    const opening = indexedDB.open("yuanping-terminal", 1);
    opening.onsuccess = () => {
      const asked = opening.result.transaction("terminal").objectStore("terminal").get("here");
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    };
  });
  const tries = ["jwk", "pkcs8", "raw"].map((form) => crypto.subtle.exportKey(form, here.key).then(() => form, () => ""));
  return { extractable: here.key.extractable, usages: here.key.usages, out: (await Promise.all(tries)).join("") };
}"""

KEEPS_NOTHING = "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };"


def asks_for_a_ticket(visitor: Visitor) -> int:
    """Opens the desk, whose first act is to ask for a ticket; the answer's status. Sockets lead nowhere here."""
    visitor.page.route_web_socket("**/ws/room", lambda _socket: None)
    with visitor.page.expect_response("**/api/seat/ticket") as told:
        visitor.open("/seat/desk")
    status = told.value.status
    visitor.page.goto("about:blank")
    return status


def opens(house: WebHouse, case: Case) -> None:
    """The session is open, as if everybody sat in the room."""
    for other in case.members():
        case.check_in(other)
        if other.state == "confirmed":
            with house.world.transaction() as session:
                assert desk.enter(session, house.world.now(), other.id) is not None
    case.open()


def writes_a_note(member: CommitteeMember, visitor: Visitor, note: str) -> Page:
    """At the desk of somebody who has entered before; the room is left out of it: its ticket never comes."""
    visitor.page.add_init_script(f"sessionStorage.setItem('seat-entered {member.id}', '')")
    visitor.page.route("**/api/seat/ticket", lambda _route: None)
    page = visitor.open("/seat/desk")
    page.locator("#sheet-note").fill(note)
    return page


def saves_where_a_copied_cookie_does_not(
    house: WebHouse, case: Case, member: CommitteeMember, expert: Visitor, thief: Visitor
) -> None:
    """The very key that no script can read signs what is saved; without it the page keeps what was typed and says what to do."""
    opens(house, case)
    stale = [{"challenge": "too.old.it-is"}]

    def answer(route: Route) -> None:
        if stale and "save" in (route.request.post_data or ""):
            route.fulfill(json=stale.pop())
        else:
            route.continue_()

    expert.page.route("**/api/seat/challenge", answer)
    page = writes_a_note(member, expert, "三家均满足资格要求")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "refused")
    # Else the page tries again by itself when it next looks at the desk.
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "clean")
    assert [said for said in expert.complaints if "403" not in said] == []
    expert.complaints.clear()
    page = writes_a_note(member, thief, "另一个人写的")
    expect(page.locator("[data-part=saved]")).to_have_attribute("data-kind", "refused")
    expect(page.locator("[data-part=saved]")).to_contain_text("请现场工作人员检查或重新登记本工位的终端")
    expect(page.locator("#sheet-note")).to_have_value("另一个人写的")
    sheet = case.sheet(member)
    assert sheet is not None
    assert (sheet.revision, sheet.note) == (1, "三家均满足资格要求")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.press("Enter")


def test_a_browser_is_enrolled_takes_its_seat_and_a_copied_cookie_gets_no_ticket(
    visit: Visit, house: WebHouse
) -> None:
    house.settings.seat = SeatSettings(terminal_required=True, identity_check_required=True, opens_minutes=60)
    world, case = house.world, Case(house.world).convened()
    world.clock.advance(timedelta(hours=23, minutes=30).total_seconds())
    member = case.member(1)
    code = variables_of(world.sealer, case.texts(member.id)[-1])["code"]
    house.account(Role.guest_operator)
    with world.transaction() as session:
        session.merge(house.account(Role.guest_operator)).center_id = member.center_id

    staff = visit(Role.guest_operator)
    page = staff.open("/check-in")
    arrival = page.locator(f"[data-member='{member.id}']")
    assert staff.barriers() == ""
    arrival.locator("[name=identity]").fill(papers(world, member).identity)
    arrival.locator("[name=badge]").check()
    arrival.get_by_role("button", name="核对证件").press("Enter")
    expect(page.locator(".notice.tone-good")).to_contain_text("核验相符")
    page = staff.open("/terminals")
    page.locator(f"[data-seat='{member.seat_id}'] button").first.press("Enter")
    enrolment = page.locator("[data-part=code]").inner_text()
    assert staff.barriers() == ""

    forgetful = visit()
    forgetful.page.add_init_script(KEEPS_NOTHING)
    page = forgetful.open("/terminal/enroll")
    expect(page.locator("[data-part=told]")).to_have_attribute("data-tone", "bad")
    expect(page.locator("[data-part=here]")).to_have_attribute("data-state", "none")

    expert = visit()
    page = expert.open("/terminal/enroll")
    expect(page.locator("[data-part=here]")).to_have_attribute("data-state", "none")
    assert expert.barriers() == ""
    page.locator("[name=code]").fill(enrolment)
    press(page, "登记本机")
    expect(page.locator("[data-part=told]")).to_have_attribute("data-tone", "good")
    assert page.evaluate(TAKE_OUT) == {"extractable": False, "usages": ["sign"], "out": ""}

    page = expert.open("/seat")
    expect(page.locator("[data-part=here]")).to_have_attribute("data-state", "enrolled")
    page.locator("[name=code]").fill(code)
    page.route_web_socket("**/ws/room", lambda _socket: None)
    start_workers(world.database, "worker-1", url="")
    press(page, "入席")
    page.wait_for_url("**/seat/desk")
    start_workers(world.database, "worker-2", url="")
    assert asks_for_a_ticket(expert) == 200

    thief = visit()
    (copied,) = expert.context.cookies()
    thief.context.add_cookies([{"name": copied["name"], "value": copied["value"], "url": thief.url}])
    start_workers(world.database, "worker-3", url="")
    assert asks_for_a_ticket(thief) == 403
    saves_where_a_copied_cookie_does_not(house, case, member, expert, thief)
    assert [said for said in thief.complaints if "403" not in said] == []
    thief.complaints.clear()
