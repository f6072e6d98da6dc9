"""What people read, in Chinese first and in English second.

Source texts are Chinese; `locale/en/*.po` hold their English. A text without a translation is shown in Chinese.
"""

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LANGUAGES = ("zh", "en")
_LOCALE = Path(__file__).parent / "locale"


def N_(text: str) -> str:  # noqa: N802 -- gettext's own name for "to be translated later"
    """Marks a text for the catalogue and returns it unchanged."""
    return text


@cache
def catalogue(language: str) -> dict[str, str]:
    """All translations into `language` by their Chinese source; empty for Chinese itself."""
    texts: dict[str, str] = {}
    for path in sorted((_LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if message.id and message.string:
                    texts[str(message.id)] = str(message.string)
    return texts


def translate(language: str, text: str, **params: object) -> str:
    """The text in that language with its `{name}` parameters filled in."""
    if not text:
        return ""
    chosen = catalogue(language).get(text, text) if language != "zh" else text
    return chosen.format(**params) if params else chosen
