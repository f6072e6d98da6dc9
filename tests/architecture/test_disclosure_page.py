"""The page about who may see what says exactly what the matrix says."""

from tools import disclosure_doc


def test_the_disclosure_page_is_current() -> None:
    current = disclosure_doc.PAGE.read_text(encoding="utf-8") == disclosure_doc.page()
    assert current, "docs/disclosure.md is out of date; run make fix"
