"""What a cell of an exported table must look like, so that no spreadsheet runs it as a formula (公式注入)."""

import unicodedata

_BEGINS = frozenset("=+-@|%")
_CONTROL = frozenset("\t\r\n")
_BLANK = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_LOOK_ALIKES = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2010": "-",
    "\u207a": "+",
    "\u2795": "+",
    "\ua78a": "=",
}


def as_text(text: str) -> str:
    """The text as every export writes it: behind an apostrophe where its beginning could be taken for a formula.

    Looked at is the first sign that shows, whatever blanks, marks and invisible signs stand before it, and full-width signs and
    other look-alikes count as what they look like: spreadsheets differ in what they take.
    """
    if not text:
        return text
    if text[0] in _CONTROL:
        return f"'{text}"
    shown = next((sign for sign in text if unicodedata.category(sign) not in _BLANK), "")
    plain = unicodedata.normalize("NFKC", _LOOK_ALIKES.get(shown, shown))
    return f"'{text}" if plain[:1] in _BEGINS and plain else text
