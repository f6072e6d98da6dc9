"""Anyone verifies a record in a browser that is cut off from everything; a falsified one is named line by line."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"
GOOD = VECTORS / "good-closed.jsonl"
PUBLIC = VECTORS / "good-closed-public.jsonl"


def give(page: Page, *, name: str, text: bytes) -> str:
    """Choose the file and wait for the verdict; returns its kind."""
    page.evaluate("document.getElementById('verdict').replaceChildren()")
    file: Any = {"name": name, "mimeType": "application/jsonl", "buffer": text}
    page.locator("#f-file").set_input_files(file)
    verdict = page.locator("[data-verdict]")
    verdict.wait_for()
    return verdict.get_attribute("data-verdict") or ""


def test_a_good_and_a_falsified_record_are_told_apart_offline(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/sign-in")
    page.locator("a[href='/verify']").click()
    # Its address, its scripts and everything it shows: the load state alone would still be that of the page before.
    page.wait_for_url("**/verify", wait_until="networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visitor.context.set_offline(True)
    assert give(page, name="good.jsonl", text=GOOD.read_bytes()) == "passes_full"
    assert page.locator(".verify-rounds tbody tr").count() >= 3
    lines = page.locator(".verify-lines details")
    assert lines.count() == sum(line.startswith(b'{"at"') for line in GOOD.read_bytes().splitlines())
    lines.first.locator("summary").click()
    expect(lines.first.locator("pre")).to_contain_text("yuanping-draw/2")
    assert not visitor.barriers(offline=True)
    assert give(page, name="public.jsonl", text=PUBLIC.read_bytes()) == "passes_part"
    assert not visitor.barriers(offline=True)

    forged = GOOD.read_bytes().replace(b'"outcome":"accepted"', b'"outcome":"struck"', 1)
    line = GOOD.read_bytes().split(b'"outcome":"accepted"')[0].count(b"\n") + 1
    assert give(page, name="forged.jsonl", text=forged) == "fails"
    assert f"第 {line} 行" in page.locator(".verify-findings li").first.inner_text()
    assert page.locator(".verify-lines details.is-bad").count() == 1
    assert not visitor.barriers(offline=True)
    assert not asked


def test_a_record_can_be_pasted_dropped_and_compared_with_what_was_published(visit: Visit) -> None:
    page = visit().open("/verify?lang=en")
    page.locator("#f-pasted").fill(PUBLIC.read_text("utf-8"))
    page.locator("#f-key").fill("0" * 64)
    page.get_by_role("button", name="Verify").click()
    page.locator("[data-verdict=fails]").wait_for()
    assert "not the published key" in page.locator(".verify-findings").inner_text()

    page.locator("#f-key").fill("")
    page.evaluate(
        """text => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], "good.jsonl"));
            const options = {dataTransfer: carried, bubbles: true, cancelable: true};
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", options));
        }""",
        GOOD.read_text("utf-8"),
    )
    page.locator("[data-verdict=passes_full]").wait_for()
    assert "Passes in full" in page.locator("#verdict").inner_text()


def test_a_file_that_is_no_record_gets_a_verdict_too(visit: Visit) -> None:
    page = visit().open("/verify")
    assert give(page, name="holiday.jpg", text=bytes(range(256))) == "fails"


def test_the_verifier_can_be_taken_along(visit: Visit) -> None:
    page = visit().open("/verify")
    with page.expect_download() as waiting:
        page.locator("a[download='verify.js']").click()
    program = Path(__file__).parents[2] / "app" / "web" / "static" / "js" / "verify.js"
    assert Path(waiting.value.path()).read_bytes() == program.read_bytes()
