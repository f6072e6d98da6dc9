"""The page about settings says exactly what the settings are."""

from app.core.settings import Settings
from tools import settings_doc


def test_the_settings_page_is_current() -> None:
    assert settings_doc.PAGE.is_current(), "docs/settings.md is out of date; run make fix"


def test_every_setting_is_explained() -> None:
    rows = [row for _, _, section in settings_doc.sections(Settings) for row in section]
    assert len(rows) >= len(Settings.model_fields)
    assert not [row for row in rows if any(odd in row for odd in ("| None |", "<class", "typing."))]
