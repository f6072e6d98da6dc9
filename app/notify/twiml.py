"""Reads what a call should say and do, the way the provider's exchange reads it."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, replace

_ZH_CHARACTER_S, _OTHER_CHARACTER_S = 0.22, 0.065
_CJK_FROM = "\u2e80"
_GATHER_WAIT_S, _DIAL_RING_S, _DIAL_LIMIT_S, _PAUSE_S = 5, 30, 14_400, 1


class NotReadable(ValueError):
    """The document is not one a call can follow."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Waits for keys while and after speaking; `on_silence` also goes to `action` when none came."""

    action: str
    wait_s: int
    on_silence: bool


@dataclass(frozen=True, slots=True)
class Dial:
    """Puts the call through to `number`, which sees `caller_id`; when that ends it goes on at `action`, if there is one."""

    number: str
    caller_id: str
    action: str
    ring_s: int
    limit_s: int


@dataclass(frozen=True, slots=True)
class Script:
    """What a document asks for, in this order: speak, be silent for `pause_s`, then one of wait for keys, dial, go on elsewhere.

    With none of the three the call ends. `redirect` beside a `gather` or `dial` is where it goes when nothing came of
    those. `replies` are texts to send, in the answer to a text.
    """

    text: str = ""
    language: str = ""
    pause_s: int = 0
    gather: Gather | None = None
    dial: Dial | None = None
    redirect: str | None = None
    replies: tuple[str, ...] = ()


def read(document: str) -> Script:
    """The script of a document; NotReadable when it is not XML, its root is not Response, or it asks for what we cannot do."""
    try:
        root = ET.fromstring(document)  # noqa: S314 -- the documents are our own
    except ET.ParseError as error:
        raise NotReadable(str(error)) from error
    if root.tag != "Response":
        raise NotReadable(f"root is {root.tag}")
    script = Script()
    for verb in root:
        follow = _VERBS.get(verb.tag)
        if follow is None:
            raise NotReadable(f"no verb {verb.tag}")
        if verb.tag in {"Say", "Pause", "Gather", "Dial"} and (script.gather or script.dial):
            raise NotReadable(f"{verb.tag} after a Gather or Dial")
        script = follow(script, verb)
        if _goes_away(script, verb):
            break
    return script


def speech_s(text: str) -> float:
    """About how many seconds a voice needs for the text."""
    return sum(_ZH_CHARACTER_S if character >= _CJK_FROM else _OTHER_CHARACTER_S for character in text)


def _goes_away(script: Script, verb: ET.Element) -> bool:
    """Whether nothing behind this verb is ever reached."""
    if verb.tag == "Gather":
        return script.gather is not None and script.gather.on_silence and bool(script.gather.action)
    if verb.tag == "Dial":
        return script.dial is not None and bool(script.dial.action)
    return verb.tag in {"Hangup", "Redirect"}


def _say(script: Script, verb: ET.Element) -> Script:
    if not verb.text:
        return script
    return replace(
        script,
        text=f"{script.text} {verb.text}" if script.text else verb.text,
        language=script.language or verb.get("language", ""),
    )


def _pause(script: Script, verb: ET.Element) -> Script:
    return replace(script, pause_s=script.pause_s + _whole(verb, "length", _PAUSE_S))


def _gather(script: Script, verb: ET.Element) -> Script:
    for inner in verb:
        if inner.tag not in {"Say", "Pause"}:
            raise NotReadable(f"{inner.tag} inside a Gather")
        script = _VERBS[inner.tag](script, inner)
    gather = Gather(
        action=verb.get("action", ""),
        wait_s=_whole(verb, "timeout", _GATHER_WAIT_S),
        on_silence=verb.get("actionOnEmptyResult") == "true",
    )
    return replace(script, gather=gather)


def _dial(script: Script, verb: ET.Element) -> Script:
    inner = verb.find("Number")
    number = ((verb.text if inner is None else inner.text) or "").strip()
    if not number:
        raise NotReadable("Dial without a number")
    dial = Dial(
        number=number,
        caller_id=verb.get("callerId", ""),
        action=verb.get("action", ""),
        ring_s=_whole(verb, "timeout", _DIAL_RING_S),
        limit_s=_whole(verb, "timeLimit", _DIAL_LIMIT_S),
    )
    return replace(script, dial=dial)


def _redirect(script: Script, verb: ET.Element) -> Script:
    return replace(script, redirect=(verb.text or "").strip())


def _hang_up(script: Script, verb: ET.Element) -> Script:
    del verb
    return script


def _message(script: Script, verb: ET.Element) -> Script:
    return replace(script, replies=(*script.replies, verb.text)) if verb.text else script


def _whole(verb: ET.Element, name: str, default: int) -> int:
    try:
        return int(verb.get(name, default))
    except ValueError as error:
        raise NotReadable(f"{name} is not a number") from error


_VERBS: dict[str, Callable[[Script, ET.Element], Script]] = {
    "Dial": _dial,
    "Gather": _gather,
    "Hangup": _hang_up,
    "Message": _message,
    "Pause": _pause,
    "Redirect": _redirect,
    "Say": _say,
}
