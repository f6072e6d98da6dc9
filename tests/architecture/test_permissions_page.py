"""The page of permissions says what the table says."""

from tools import permissions_doc


def test_the_page_of_permissions_is_made_from_the_table() -> None:
    assert permissions_doc.PAGE.is_current(), "docs/permissions.md is out of date; run make fix"
