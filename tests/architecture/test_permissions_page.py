"""The page of permissions says what the table says."""

from tools import permissions_doc


def test_the_page_of_permissions_is_made_from_the_table() -> None:
    current = permissions_doc.PAGE.read_text(encoding="utf-8") == permissions_doc.page()
    assert current, "run python -m tools.permissions_doc"
