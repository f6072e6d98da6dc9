"""Reads what a call should say and do, the way the provider's exchange reads it."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

_ZH_CHARACTER_S, _OTHER_CHARACTER_S = 0.22, 0.065
_CJK_FROM = "\u2e80"
_GATHER_WAIT_S = 5


class NotReadable(ValueError):
    """The document is not one a call can follow."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Waits for keys while and after speaking; `on_silence` also goes to `action` when none came."""

    action: str
    wait_s: int
    on_silence: bool


@dataclass(frozen=True, slots=True)
class Script:
    """What a document asks for: text to speak, keys to wait for, where to go next, texts to send."""

    text: str = ""
    language: str = ""
    gather: Gather | None = None
    redirect: str | None = None
    replies: tuple[str, ...] = ()


def read(document: str) -> Script:
    """The script of a document; NotReadable when it is not XML or its root is not Response."""
    try:
        root = ET.fromstring(document)  # noqa: S314 -- see the import
    except ET.ParseError as error:
        raise NotReadable(str(error)) from error
    if root.tag != "Response":
        raise NotReadable(f"root is {root.tag}")
    said = [verb for verb in root.iter("Say") if verb.text]
    gather = root.find("Gather")
    redirect = root.find("Redirect")
    return Script(
        text=" ".join(str(verb.text) for verb in said),
        language=said[0].get("language", "") if said else "",
        gather=None if gather is None else _gather(gather),
        redirect=None if redirect is None else (redirect.text or "").strip(),
        replies=tuple(str(verb.text) for verb in root.iter("Message") if verb.text),
    )


def speech_s(text: str) -> float:
    """About how many seconds a voice needs for the text."""
    return sum(_ZH_CHARACTER_S if character >= _CJK_FROM else _OTHER_CHARACTER_S for character in text)


def _gather(verb: ET.Element) -> Gather:
    try:
        wait_s = int(verb.get("timeout", _GATHER_WAIT_S))
    except ValueError as error:
        raise NotReadable("timeout is not a number") from error
    return Gather(
        action=verb.get("action", ""), wait_s=wait_s, on_silence=verb.get("actionOnEmptyResult") == "true"
    )
