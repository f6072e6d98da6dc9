"""What we write for a call is what an exchange reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify import twilio, twiml
from app.notify.twiml import Gather, NotReadable

spoken = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zs", "Zl", "Zp")), min_size=1
)


@given(spoken)
def test_the_whole_text_stands_inside_the_gather(text: str) -> None:
    script = twiml.read(twilio.ask_document(text, "zh", "http://localhost/keys?step=invite&silent=0", 6))
    assert script.text == text
    assert script.language == "cmn-CN"
    assert script.gather == Gather("http://localhost/keys?step=invite&silent=0", 6, on_silence=True)


def test_a_closing_document_speaks_and_waits_for_nothing() -> None:
    script = twiml.read(twilio.closing_document("再见。", "zh"))
    assert (script.text, script.gather, script.redirect) == ("再见。", None, None)


def test_a_reply_holds_one_text_or_none() -> None:
    assert twiml.read(twilio.reply_document("收到")).replies == ("收到",)
    assert twiml.read(twilio.reply_document(None)).replies == ()


def test_a_redirect_is_followed() -> None:
    script = twiml.read("<Response><Say>请稍候</Say><Redirect> http://localhost/again </Redirect></Response>")
    assert script.redirect == "http://localhost/again"


@pytest.mark.parametrize(
    "document", ["", "not xml", "<Reply/>", "<Response><Gather timeout='soon'/></Response>"]
)
def test_what_is_no_document_is_refused(document: str) -> None:
    with pytest.raises(NotReadable):
        twiml.read(document)


@given(st.text(), st.text())
def test_longer_texts_take_longer(text: str, more: str) -> None:
    assert 0 <= twiml.speech_s(text) <= twiml.speech_s(text + more)
    assert twiml.speech_s("公共资源") > twiml.speech_s("abcd")
