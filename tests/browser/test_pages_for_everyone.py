"""Every page, in both languages and both themes: axe finds nothing, the console is silent, nothing sticks out on a phone."""

from itertools import product

import pytest

from app.accounts import welcome_links
from app.accounts.permissions import Role
from app.evaluation import committee, conductor
from expert_draw import parties
from tests.app.web.test_draw_pages import act, agreed, number, promised
from tests.browser.conftest import LOOKS, Visit
from tests.support.authenticators import Authenticator
from tests.support.web import PASSWORD, WebHouse
from tests.support.world import OPERATOR, booking

pytestmark = pytest.mark.browser

DOORS = ("/sign-in", "/sign-in?next=/today", "/seat", "/verify")
STAFF = ("/today", "/evaluations/new", "/rules", "/rules/cn_govproc")
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

DOWNWARDS = "() => document.documentElement.scrollHeight - window.innerHeight"
SPILLING = """() => [...document.querySelectorAll('.stage :not(.visually-hidden)')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
    .map((one) => `${one.className} ${one.scrollWidth} > ${one.clientWidth}: ${one.textContent.trim()}`)"""


def drawn(house: WebHouse) -> str:
    """An evaluation in the middle of its invitations."""
    world = house.world
    acting = world.house
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), acting, OPERATOR, booking(world))
        committee.commit_draw(session, world.now(), acting, OPERATOR, evaluation.id)
        committee.run_draw(session, world.now(), acting, OPERATOR, evaluation.id)
    return str(evaluation.id)


def booked(house: WebHouse, lot: str = "1") -> str:
    world = house.world
    with world.transaction() as session:
        acting = world.house
        return str(conductor.book(session, world.now(), acting, OPERATOR, booking(world, lot_number=lot)).id)


def waiting(house: WebHouse) -> tuple[str, str]:
    """An evaluation whose draw waits for the shares of three parties, one of them by link: (its id, path of the link)."""
    evaluation = booked(house, "2")
    made = house.visitor(Role.host_operator).post(f"/api/evaluations/{evaluation}/draw/parties/tenderee/link")
    own = promised(house, evaluation, *parties.NAMES)
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    return evaluation, f"/party/{made.json()['url'].rsplit('/', 1)[1]}"


def pages_of(evaluation: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"/evaluations/{evaluation}{part}" for part in parts)


def look_at(
    visit: Visit, role: Role | None, paths: tuple[str, ...], looks: tuple[tuple[str, str], ...] = LOOKS
) -> None:
    visitor = visit(role)
    for path, (language, theme) in product(paths, looks):
        page = visitor.open(f"{path}{'&' if '?' in path else '?'}lang={language}&theme={theme}")
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        barriers = visitor.barriers()
        assert not barriers, f"{path} {language} {theme}\n{barriers}"


def test_the_doors_are_accessible(visit: Visit, house: WebHouse) -> None:
    house.account(Role.host_operator)
    look_at(visit, None, DOORS)


def test_today_and_booking_are_accessible(visit: Visit, house: WebHouse) -> None:
    look_at(visit, Role.host_operator, STAFF)
    booked(house)
    look_at(visit, Role.host_operator, ("/today",))


def test_an_evaluation_before_its_draw_is_accessible(visit: Visit, house: WebHouse) -> None:
    look_at(visit, Role.host_operator, pages_of(booked(house), "", "/draw", "/invitations"))


def test_an_evaluation_while_it_invites_is_accessible(visit: Visit, house: WebHouse) -> None:
    paths = pages_of(drawn(house), "", "/draw", "/invitations", "/live", "/replay")
    house.application.state.audit_log.sequencer.advance(at_once=True)
    look_at(visit, Role.supervisor, (*paths, "/audit"))


def test_a_draw_before_its_commitment_is_accessible(visit: Visit, house: WebHouse) -> None:
    paths = pages_of(booked(house), "/pool", "/ceremony", "/draw/parties/center")
    look_at(visit, Role.host_operator, (*paths, "/draws"))


def test_a_draw_that_waits_for_its_parties_is_accessible(visit: Visit, house: WebHouse) -> None:
    evaluation, link = waiting(house)
    paths = pages_of(evaluation, "/draw", "/ceremony", "/draw/parties/supervisor")
    look_at(visit, Role.supervisor, (*paths, link))


def test_the_record_of_a_draw_is_accessible_to_anyone(visit: Visit, house: WebHouse) -> None:
    evaluation = drawn(house)
    look_at(visit, None, ("/draws", f"/draws/{number(house)}", "/verify"))
    look_at(visit, Role.host_operator, pages_of(evaluation, "/ceremony"))


def test_a_projector_shows_everything_at_once(visit: Visit, house: WebHouse) -> None:
    """Nobody scrolls a projector: before, while and after, in both languages and at both sizes."""
    shows = (waiting(house)[0], booked(house, "3"), drawn(house))
    for size, evaluation, language in product(((1366, 768), (1920, 1080)), shows, ("zh", "en")):
        page = visit(Role.host_operator, size=size).open(
            f"/evaluations/{evaluation}/ceremony?lang={language}"
        )
        assert page.evaluate(SIDEWAYS) == 0
        assert page.evaluate(DOWNWARDS) <= 0, f"{size} {language}"
        assert page.evaluate(SPILLING) == [], f"{size} {language}"


def test_the_pages_about_accounts_are_accessible_and_fit_on_a_phone(visit: Visit, house: WebHouse) -> None:
    account = house.account(Role.supervisor)
    house.phone(Role.administrator)
    asked = {"login": "wang", "name": "王芳", "role": Role.archivist, "reason": "岗位需要"}
    assert house.visitor(Role.administrator).post("/accounts", data=asked).status_code == 200
    with house.world.transaction() as session:
        keeper, clock = house.account(Role.administrator).id, house.world.now()
        link = welcome_links.issue(session, house.world.sealer, clock, keeper, "a mark")
    own = ("/account/sessions", "/account/second-factor", "/account/second-factor/new")
    paths = (*own, "/account-acts", "/accounts", f"/accounts/{account.id}")
    look_at(visit, Role.administrator, paths[2:])
    look_at(visit, Role.supervisor, ("/account-acts",))
    look_at(visit, None, (f"/welcome/{link}",))
    visitor = visit(Role.administrator, size=(390, 844))
    for path in (*paths, "/account/password", "/step-up?next=/today"):
        assert visitor.open(path).evaluate(SIDEWAYS) == 0, path


def test_the_way_in_of_staff_leads_through_in_a_real_browser(visit: Visit, house: WebHouse) -> None:
    """From another site, by a link; with cookies that the browser keeps back on the way from there."""
    house.account(Role.host_operator)
    visitor = visit(None, size=(390, 844))
    page = visitor.open("/verify")
    elsewhere = visitor.url.replace("localhost", "127.0.0.1")
    page.set_content(f'<a href="{elsewhere}/evaluations/new">further</a>')
    page.click("a")
    page.wait_for_url("**/sign-in?next=**")
    page.fill("#f-login", Role.host_operator.value)
    page.fill("#f-password", PASSWORD)
    page.press("main form button", "Enter")
    page.wait_for_url("**/sign-in/second-factor?**")
    assert page.evaluate(SIDEWAYS) == 0
    assert not visitor.barriers()
    phone = Authenticator(page.inner_text("#secret"), house.world.now)
    page.fill("#f-code", phone.code())
    page.press("main form button", "Enter")
    page.wait_for_selector(".recovery-codes")
    assert page.evaluate(SIDEWAYS) == 0
    page.press("main a.btn-primary", "Enter")
    page.wait_for_url("**/evaluations/new")
    visitor.open("/verify")
    page.set_content(f'<a href="{elsewhere}/account/sessions">back again</a>')
    page.click("a")
    page.wait_for_selector("table")


def test_refusals_are_accessible(visit: Visit, house: WebHouse) -> None:
    visitor = visit(Role.guest_operator)
    for path in ("/nowhere", f"/evaluations/{booked(house)}"):
        visitor.open(path)
        barriers = visitor.barriers()
        assert not barriers, barriers
    # The browser itself notes each refused page in its console; that is what these visits are for.
    assert all("Failed to load resource" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()


def test_nothing_sticks_out_on_a_phone(visit: Visit, house: WebHouse) -> None:
    parts = ("", "/draw", "/invitations", "/ceremony", "/draw/parties/center")
    (waits, link), paths = waiting(house), pages_of(drawn(house), *parts)
    wanted_by_staff = (
        *STAFF,
        *paths,
        *pages_of(waits, "/draw", "/draw/parties/center"),
        *pages_of(booked(house, "3"), "/pool"),
    )
    for role, wanted in ((None, (*DOORS, link, "/draws")), (Role.host_operator, wanted_by_staff)):
        visitor = visit(role, size=(390, 844))
        for path in wanted:
            assert visitor.open(path).evaluate(SIDEWAYS) == 0, path


def test_nothing_sticks_out_at_a_seat_terminal(visit: Visit, house: WebHouse) -> None:
    visitor = visit(Role.host_operator)
    for path in (*STAFF, *pages_of(drawn(house), "", "/draw", "/invitations"), "/draws"):
        assert visitor.open(path).evaluate(SIDEWAYS) == 0, path


def test_pages_stand_without_the_fetched_files(
    visit: Visit, house: WebHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.templating.VENDOR", house.settings.data_dir / "nothing")
    # Without the fetched style there are no themes to tell apart.
    look_at(
        visit, Role.host_operator, (*STAFF, *pages_of(drawn(house), "", "/draw", "/invitations")), LOOKS[:1]
    )
