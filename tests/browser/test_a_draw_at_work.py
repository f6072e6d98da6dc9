"""The pages of a draw in use: three ways to keep a share, news that spares what is being typed, and verifying in place."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.accounts.permissions import Role
from expert_draw.statements import OwnShare
from tests.app.web.test_draw_pages import act, booked, lines, link, number, promised
from tests.browser.conftest import Visit
from tests.support.web import WebHouse

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

INSECURE = """
Object.defineProperty(globalThis, 'isSecureContext', { value: false });
Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined });
"""


def test_a_pasted_promise_needs_no_key_in_the_browser_and_news_spares_what_is_typed(
    visit: Visit, house: WebHouse
) -> None:
    evaluation = booked(house)
    visitor = visit()
    visitor.page.add_init_script(INSECURE)
    page = visitor.open(link(house, evaluation))
    expect(page.locator("#insecure")).to_be_visible()
    expect(page.locator("#do-make")).to_be_disabled()
    own = OwnShare.new("tenderee", "sha256").promise()
    page.fill("#f-promise", own.text[:40])
    promised(house, evaluation, "supervisor")
    expect(page.locator("#more")).to_contain_text("自行保管")
    assert page.input_value("#f-promise") == own.text[:40]
    page.fill("#f-promise", own.text)
    page.locator("#do-promise").press("Enter")
    expect(page.locator("#standing > [data-due]")).to_have_attribute("data-anchor", own.fields["anchor"])
    assert page.input_value("#f-promise") == ""
    page.locator("#do-keep").press("Enter")
    expect(page.locator("#standing > [data-due]")).to_have_attribute("data-held", "kept")


def test_a_refused_statement_is_explained(visit: Visit, house: WebHouse) -> None:
    visitor = visit()
    page = visitor.open(link(house, booked(house)))
    page.fill("#f-promise", "{}")
    page.locator("#do-promise").press("Enter")
    expect(page.locator("#party-said")).to_contain_text("这段文字不是这一步所需的声明")
    assert all("Failed to load resource" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()


def test_the_tools_file_serves_in_the_browser(visit: Visit, house: WebHouse, tmp_path: Path) -> None:
    evaluation = booked(house)
    own = promised(house, evaluation, "tenderee")["tenderee"]
    page = visit().open(link(house, evaluation))
    act(house, evaluation, "commit")
    expect(page.locator("#respond-file")).to_be_visible()
    (tmp_path / "share.json").write_text(own.text, encoding="utf-8")
    page.set_input_files("#f-share", tmp_path / "share.json")
    page.locator("#do-say").press("Enter")
    expect(page.locator("#party-said")).to_contain_text("已同意")
    assert b'"type":"agree"' in lines(house)
    expect(page.locator("#respond")).to_be_hidden()


def test_the_host_hands_out_a_link_and_an_older_one_ends(visit: Visit, house: WebHouse) -> None:
    page = visit(Role.host_operator).open(f"/evaluations/{booked(house)}/draw")
    page.locator("#act-link").press("Enter")
    expect(page.locator("#link-said")).to_contain_text("之前的链接不再有效")
    first = page.input_value("#f-link")
    page.locator("#act-link").press("Enter")
    expect(page.locator("#f-link")).not_to_have_value(first)
    page.locator("#link-copy").press("Enter")
    expect(page.locator("#link-said")).to_contain_text("复制")


def test_anyone_verifies_the_record_where_it_is_published(visit: Visit, house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    act(house, evaluation, "commit", "run")
    host.post(f"/evaluations/{evaluation}/give-up", data={"reason": "停电，无法继续"})
    verdict = visit().open(f"/draws/{number(house)}").locator("#verify-said [data-verdict]")
    verdict.page.locator("#verify-now").press("Enter")
    expect(verdict).to_have_attribute("data-verdict", "part")
    house.visitor(Role.supervisor).post(f"/evaluations/{evaluation}/draw/publish")
    verdict.page.reload()
    verdict.page.locator("#verify-now").press("Enter")
    expect(verdict).to_have_attribute("data-verdict", "full")
    expect(verdict).to_contain_text("每一轮抽取都重算过")


def test_a_printed_draw_says_how_each_round_came_about(visit: Visit, house: WebHouse) -> None:
    evaluation = booked(house)
    act(house, evaluation, "commit", "run")
    page = visit(Role.host_operator).open(f"/evaluations/{evaluation}/draw")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".round dl.facts")).to_be_visible()
    expect(page.locator("#act-link")).to_be_hidden()
    expect(page.locator(".check-head img")).to_be_visible()
