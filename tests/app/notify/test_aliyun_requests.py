"""A request to Aliyun holds approved template codes, blanks from the white list, one number, and nothing else."""

import json
from typing import Any

import pytest

from app.notify.aliyun_requests import FAREWELL, MENU, Approved, Unsendable, obligatory
from app.notify.messenger import Outgoing
from app.notify.wording import VARIABLES, TemplateId, needed

MESSAGE_ID = "019a9f1e-4a00-7abc-8def-0123456789ab"
WORDS = {
    "code": "ABCDEFGHJK23",
    "duration": "约需半天",
    "hotline": "0870-1234567",
    "place": "云岭市三楼报到处",
    "time": "11月23日上午9点",
}
CODES = {f"zh:{template.value}": f"CODE_{place}" for place, template in enumerate(TemplateId)}
APPROVED = Approved("签名", "087012345678", CODES, "0870-7654321")


def outgoing(channel: str, template: TemplateId, **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "message_id": MESSAGE_ID,
        "channel": channel,
        "to": "+8613812345678",
        "template": template,
        "variables": WORDS,
        "language": "zh",
        "ring_s": 25,
        "valid_s": None,
    }
    return Outgoing(**{**values, **changes})


@pytest.mark.parametrize("template", [one for one in TemplateId if one.value.endswith("_sms")])
def test_a_text_carries_its_template_and_the_blanks_of_it_alone(template: TemplateId) -> None:
    asked = APPROVED.parameters(outgoing("sms", template))
    assert set(asked) == {"OutId", "PhoneNumbers", "SignName", "TemplateCode", "TemplateParam"}
    assert (asked["OutId"], asked["PhoneNumbers"]) == (MESSAGE_ID, "13812345678")
    assert asked["TemplateCode"] == CODES[f"zh:{template.value}"]
    blanks = json.loads(str(asked["TemplateParam"]))
    assert set(blanks) == needed(template) <= VARIABLES
    assert all(blanks[name] == WORDS[name] for name in blanks)


def test_a_template_without_blanks_is_sent_without_any() -> None:
    asked = APPROVED.parameters(outgoing("sms", TemplateId.sms_not_understood))
    assert "TemplateParam" not in asked


def test_a_call_carries_the_whole_menu() -> None:
    asked = APPROVED.parameters(outgoing("voice", TemplateId.invitation_voice))
    menu = asked["MenuKeyMap"]
    assert isinstance(menu, list)
    assert {one["Key"]: one["Code"] for one in menu} == {
        key: CODES[f"zh:{template.value}"] for key, template in MENU.items()
    }
    assert asked["StartCode"] == menu[2]["Code"]
    assert asked["StartTtsParams"] == menu[2]["TtsParams"]
    assert asked["ByeCode"] == CODES[f"zh:{FAREWELL.value}"]
    assert json.loads(str(asked["ByeTtsParams"])) == {"hotline": WORDS["hotline"]}
    assert len(str(asked["OutId"]).encode()) == 15


def test_the_house_knows_its_hotline_where_a_message_does_not() -> None:
    words = {name: value for name, value in WORDS.items() if name != "hotline"}
    asked = APPROVED.parameters(outgoing("voice", TemplateId.invitation_voice, variables=words))
    assert json.loads(str(asked["ByeTtsParams"])) == {"hotline": "0870-7654321"}


@pytest.mark.parametrize(
    ("channel", "template", "changes", "code"),
    [
        ("sms", TemplateId.invitation_sms, {"language": "en"}, "no-code:en:invitation_sms"),
        ("voice", TemplateId.invitation_voice, {"language": "en"}, "no-code:en:invitation_voice"),
        ("sms", TemplateId.invitation_sms, {"to": "+868701234567"}, "not-mobile"),
        ("voice", TemplateId.invitation_voice, {"to": "+85212345678"}, "not-mainland"),
    ],
)
def test_what_cannot_be_sent_says_why(
    channel: str, template: TemplateId, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(Unsendable) as unsendable:
        APPROVED.parameters(outgoing(channel, template, **changes))
    assert unsendable.value.code == code
    assert len(code) <= 32


def test_what_an_invitation_needs_is_obligatory() -> None:
    named = obligatory("zh")
    assert len(named) == len(set(named))
    assert {"zh:invitation_sms", "zh:seat_code_sms", "zh:released_sms", "zh:invitation_voice"} <= set(named)
    assert {"zh:confirm_accept", "zh:confirm_decline", "zh:unanswered"} <= set(named)
    assert all(name.partition(":")[2] in {one.value for one in TemplateId} for name in named)
