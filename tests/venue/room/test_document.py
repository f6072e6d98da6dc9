"""The document comes first: what it says of messages, refusals and events is what the service speaks."""

import re
from pathlib import Path
from typing import get_args

from app.core.i18n import catalogue
from venue.room import protocol, sitting
from venue.room.events import EVENT_TEXTS, EventKind
from venue.room.protocol import (
    ClientMessage,
    CloseCode,
    ClosedReason,
    DeviceState,
    MediaState,
    NoticeCode,
    ScreenState,
    ServerMessage,
)
from venue.room.quality import Quality

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "room-protocol.md").read_text(encoding="utf-8")
JAVASCRIPT = (ROOT / "app" / "web" / "static" / "js" / "seat-room.js").read_text(encoding="utf-8")
LIMITS = get_args(protocol.Stats.model_fields["limit"].annotation)
NAME = re.compile(r"`([a-z][a-z_-]*)`")


def rows(title: str) -> dict[str, list[str]]:
    """A table under a title: first name of each row → names in its second cell."""
    part = DOCUMENT.split(f"# {title}\n", 1)[1].split("\n#", 1)[0]
    lines = [line.split("|")[1:-1] for line in part.splitlines() if line.startswith("| `")]
    return {NAME.findall(cells[0])[0]: NAME.findall(cells[1]) for cells in lines}


def fields(messages: object) -> dict[str, set[str]]:
    return {
        kind.model_fields["type"].default: set(kind.model_fields) - {"type"} for kind in get_args(messages)
    }


def test_the_document_names_every_message_with_its_fields() -> None:
    values = {
        *DeviceState,
        *MediaState,
        *NoticeCode,
        *ClosedReason,
        *ScreenState,
        *LIMITS,
        "zh",
        "en",
        "needed",
        "kept",
        "type",
    }
    for title, messages in (("From the seat", ClientMessage), ("From the service", ServerMessage)):
        written = {
            kind: set(names) - values | ({"state"} & set(names)) for kind, names in rows(title).items()
        }
        assert written == fields(messages)


def test_the_document_names_every_value_a_field_can_have() -> None:
    for value in (*DeviceState, *ScreenState, *MediaState, *NoticeCode, *ClosedReason, *Quality):
        assert re.search(f"`(link-)?{value}`", DOCUMENT), value


def test_the_document_names_every_closing_code_and_refusal() -> None:
    for code in CloseCode:
        assert str(int(code)) in DOCUMENT, code
    refusals = rows("Refusals")
    for refusal in sitting._CLOSING:
        assert refusal in refusals, refusal
        assert "closed" in DOCUMENT.split(f"| `{refusal}` |", 1)[1].split("|", 1)[0]


def test_the_documents_figures_are_the_services() -> None:
    assert f"{protocol.LONGEST_FRAME:,} bytes" in DOCUMENT
    assert f"{protocol.LONGEST_SDP:,} characters" in DOCUMENT
    assert f"`v`: {protocol.VERSION}" in DOCUMENT


def test_the_browsers_copy_stops_where_the_document_says() -> None:
    final = {int(code) for code in re.findall(r"\[(4\d{3}), ", JAVASCRIPT)}
    sentence = re.search(r"reconnects after every close except ([^,]*), (\d+) and (\d+)", DOCUMENT)
    assert sentence is not None
    assert final == {int(code) for code in sentence.groups()}
    assert f"const VERSION = {protocol.VERSION};" in JAVASCRIPT


def test_every_event_has_words_in_both_languages() -> None:
    assert set(EVENT_TEXTS) == set(EventKind)
    assert set(EVENT_TEXTS.values()) <= set(catalogue("en"))
    for state in DeviceState:
        assert {f"camera-{state}", f"microphone-{state}"} <= set(EventKind)
    assert {f"screen-{state}" for state in ScreenState} <= set(EventKind)
    assert {f"link-{light}" for light in Quality} <= set(EventKind)
    for media in MediaState:
        assert f"media-{media}" in set(EventKind)
