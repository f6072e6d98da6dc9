"""What we write for a call is what an exchange reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify import twilio, twiml
from app.notify.twiml import Dial, Gather, NotReadable

spoken = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zs", "Zl", "Zp")), min_size=1
)
KEYS = "http://localhost/keys?step=invite&silent=0"


@given(spoken)
def test_the_whole_text_stands_inside_the_gather(text: str) -> None:
    script = twiml.read(twilio.ask_document(text, "zh", KEYS, 6))
    assert script.text == text
    assert script.language == "cmn-CN"
    assert script.gather == Gather(KEYS, 6, on_silence=True)


@pytest.mark.parametrize("text", ["</Say><Dial>+8613800000001</Dial>", "a & b", "\"'", "]]>", "<!-- -->"])
def test_nothing_that_is_said_becomes_something_that_is_done(text: str) -> None:
    for document in (
        twilio.ask_document(text, "zh", KEYS),
        twilio.closing_document(text, "zh"),
        twilio.connecting_document(text, "zh", "+8687012345678", "+8687000000000", KEYS),
    ):
        script = twiml.read(document)
        assert script.text == text
        assert script.dial is None or script.dial.number == "+8687012345678"
    assert twiml.read(twilio.reply_document(text)).replies == (text,)


def test_a_closing_document_speaks_and_waits_for_nothing() -> None:
    script = twiml.read(twilio.closing_document("再见。", "zh"))
    assert (script.text, script.gather, script.dial, script.redirect) == ("再见。", None, None, None)


def test_who_is_put_through_is_seen_under_our_own_number() -> None:
    script = twiml.read(
        twilio.connecting_document("请稍候。", "zh", "+8687012345678", "+8687000000000", KEYS)
    )
    assert script.text == "请稍候。"
    assert script.dial == Dial("+8687012345678", "+8687000000000", KEYS, ring_s=30, limit_s=1800)


def test_a_reply_holds_one_text_or_none() -> None:
    assert twiml.read(twilio.reply_document("收到")).replies == ("收到",)
    assert twiml.read(twilio.reply_document(None)).replies == ()
    assert twiml.read("<Response><Message/></Response>").replies == ()


def test_a_redirect_is_followed_and_nothing_behind_it() -> None:
    script = twiml.read(
        "<Response><Say>请稍候</Say><Pause length='2'/><Pause/><Say/><Redirect> http://localhost/again </Redirect>"
        "<Say>不会听到</Say></Response>"
    )
    assert script.redirect == "http://localhost/again"
    assert script.text == "请稍候"
    assert script.pause_s == 3


def test_a_hang_up_ends_the_call() -> None:
    script = twiml.read("<Response><Say>再</Say><Say>见</Say><Hangup/><Say>不会听到</Say></Response>")
    assert script.text == "再 见"


def test_after_silence_a_call_goes_on_behind_the_gather() -> None:
    script = twiml.read(
        "<Response><Gather action='/keys'><Say>请按键</Say><Pause/></Gather><Redirect>/again</Redirect></Response>"
    )
    assert script.gather == Gather("/keys", 5, on_silence=False)
    assert (script.text, script.pause_s, script.redirect) == ("请按键", 1, "/again")


def test_nothing_behind_what_is_never_left_is_read() -> None:
    """A gather that answers silence, and a dial that has somewhere to go, never come back."""
    for verb in (
        "<Gather action='/keys' actionOnEmptyResult='true'/>",
        "<Dial action='/after'>+8687012345678</Dial>",
    ):
        script = twiml.read(f"<Response>{verb}<Redirect>/again</Redirect><Say>不会听到</Say></Response>")
        assert (script.redirect, script.text) == (None, "")


def test_a_dial_without_an_action_goes_on_behind_it() -> None:
    script = twiml.read(
        "<Response><Dial><Number> +8687012345678 </Number></Dial><Redirect>/again</Redirect></Response>"
    )
    assert script.dial == Dial("+8687012345678", "", "", 30, 14_400)
    assert script.redirect == "/again"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not xml",
        "<Reply/>",
        "<Response><Play>x</Play></Response>",
        "<Response><Dial/></Response>",
        "<Response><Gather timeout='soon'/></Response>",
        "<Response><Gather><Dial>+8613800000001</Dial></Gather></Response>",
        "<Response><Gather action='/keys'/><Say>我们在听</Say></Response>",
    ],
)
def test_what_no_call_can_follow_is_refused(document: str) -> None:
    with pytest.raises(NotReadable):
        twiml.read(document)


@given(st.text(), st.text())
def test_longer_texts_take_longer(text: str, more: str) -> None:
    assert 0 <= twiml.speech_s(text) <= twiml.speech_s(text + more)
    assert twiml.speech_s("公共资源") > twiml.speech_s("abcd")
