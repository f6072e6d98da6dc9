"""What is asked of Aliyun for a message: which approved template it is, its blanks, and whose number it goes to.

Nothing else has a place in a request, so nothing else can leak: a text carries one template, a call the whole menu.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.notify import aliyun_codes, wording
from app.notify.messenger import Outgoing
from app.notify.wording import TemplateId

_Value = str | int | list[dict[str, str]]

MENU: Mapping[str, TemplateId] = {
    "1": TemplateId.confirm_accept,
    "2": TemplateId.confirm_decline,
    "*": TemplateId.invitation_voice,
}
"""What is spoken when a key is pressed."""
FAREWELL = TemplateId.unanswered
_PLAY_TIMES, _KEY_WAIT_MS = 2, 6000
_LONGEST_CODE = 32


class Unsendable(Exception):
    """Nothing can be asked for this message, and no later try will change that."""

    def __init__(self, code: str) -> None:
        self.code = code[:_LONGEST_CODE]
        super().__init__(code)


def obligatory(language: str) -> tuple[str, ...]:
    """The templates without which no expert can be invited and seated, named as in the settings: `zh:invitation_sms`."""
    alone = [template for template in TemplateId if template.value.endswith(("_sms", "_voice"))]
    return tuple(f"{language}:{one.value}" for one in dict.fromkeys((*alone, *MENU.values(), FAREWELL)))


@dataclass(frozen=True, slots=True)
class Approved:
    """What Aliyun has approved or sold to the house; templates: its codes, by `language:template`."""

    sign_name: str
    show_number: str
    templates: Mapping[str, str]
    hotline: str

    def parameters(self, message: Outgoing) -> dict[str, _Value]:
        """The parameters of SendSms or IvrCall by Aliyun's names, or Unsendable."""
        return self._call(message) if message.channel == "voice" else self._text(message)

    def _text(self, message: Outgoing) -> dict[str, _Value]:
        number = aliyun_codes.mobile(message.to)
        if number is None:
            raise Unsendable("not-mobile")
        return {
            "OutId": message.message_id,
            "PhoneNumbers": number,
            "SignName": self.sign_name,
            **self._spoken(message, message.template, "TemplateCode", "TemplateParam"),
        }

    def _call(self, message: Outgoing) -> dict[str, _Value]:
        number = aliyun_codes.callable_number(message.to)
        if number is None:
            raise Unsendable("not-mainland")
        return {
            "CalledNumber": number,
            "CalledShowNumber": self.show_number,
            **self._spoken(message, message.template, "StartCode", "StartTtsParams"),
            "MenuKeyMap": [
                {"Key": key, **self._spoken(message, template, "Code", "TtsParams")}
                for key, template in MENU.items()
            ],
            **self._spoken(message, FAREWELL, "ByeCode", "ByeTtsParams"),
            "PlayTimes": _PLAY_TIMES,
            "Timeout": _KEY_WAIT_MS,
            "OutId": aliyun_codes.short_id(message.message_id),
        }

    def _spoken(
        self, message: Outgoing, template: TemplateId, code_name: str, blanks_name: str
    ) -> dict[str, str]:
        """The code of a template and, if it has blanks, what fills them as JSON."""
        name = f"{message.language}:{template.value}"
        code = self.templates.get(name)
        if not code:
            raise Unsendable(f"no-code:{name}")
        known = {"hotline": self.hotline, **message.variables}
        blanks = {blank: known[blank] for blank in sorted(wording.needed(template) & wording.VARIABLES)}
        if not blanks:
            return {code_name: code}
        return {code_name: code, blanks_name: json.dumps(blanks, ensure_ascii=False, separators=(",", ":"))}
