"""The page about who may see what says exactly what the matrix says."""

from tools import disclosure_doc


def test_the_disclosure_page_is_current() -> None:
    assert disclosure_doc.PAGE.is_current(), "docs/disclosure.md is out of date; run make fix"
