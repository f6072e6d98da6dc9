"""What every call and text says, from approved sentences with five blanks and nothing else.

No sentence can name a project, a bidder, a purchaser, a specialty or another expert: there is no blank for it.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from string import Formatter

VARIABLES = frozenset({"code", "duration", "hotline", "place", "time"})
_LONGEST = {"code": 12, "duration": 24, "hotline": 24, "place": 120, "time": 48}
_NEVER = frozenset("<>{}[]@\\\r\n\t")


class TemplateId(StrEnum):
    """The approved sentences (报备模板)."""

    accepted = "accepted"
    already = "already"
    confirm_accept = "confirm_accept"
    confirm_decline = "confirm_decline"
    declined = "declined"
    invitation_sms = "invitation_sms"
    invitation_voice = "invitation_voice"
    lapsed = "lapsed"
    nothing_pending = "nothing_pending"
    one_moment = "one_moment"
    opted_out = "opted_out"
    released_sms = "released_sms"
    repeat_hint = "repeat_hint"
    seat_code_sms = "seat_code_sms"
    sms_not_understood = "sms_not_understood"
    unanswered = "unanswered"


_T = TemplateId

_TEXTS: dict[str, dict[TemplateId, str]] = {
    "zh": {
        _T.invitation_voice: (
            "您好，这里是公共资源交易中心专家抽取系统。请您于{time}到{place}参加评标，{duration}。"
            "能参加请按1，不能参加请按2，重听请按星号键。"
        ),
        _T.confirm_accept: "您选择了参加。确认请再按一次1，改为不参加请按2，重听请按星号键。",
        _T.confirm_decline: "您选择了不参加。确认请再按一次2，改为参加请按1，重听请按星号键。",
        _T.accepted: "已登记您参加。请于{time}到{place}报到，并携带身份证。感谢您的支持，再见。",
        _T.declined: "已登记您不参加。感谢您的答复，再见。",
        _T.lapsed: "您好，本次通知的答复时间已过，通知已失效，您无需答复。如有疑问请拨打{hotline}。再见。",
        _T.already: "您此前的答复已经登记，无需重复答复。如有疑问请拨打{hotline}。再见。",
        _T.nothing_pending: "您好，您的号码目前没有待答复的通知。再见。",
        _T.repeat_hint: "没有听清您的按键。",
        _T.unanswered: "没有收到您的答复，通话即将结束。您可在答复时间内回拨{hotline}。再见。",
        _T.one_moment: "请稍候。",
        _T.invitation_sms: (
            "【公共资源交易中心】请您于{time}到{place}参加评标，{duration}。能参加回复1，不能参加回复2。"
            "咨询及回拨{hotline}，退订回复TD。"
        ),
        _T.seat_code_sms: (
            "【公共资源交易中心】您的席位码为{code}，请于{time}到{place}报到后使用。请勿转告他人。"
        ),
        _T.released_sms: "【公共资源交易中心】原定{time}的评标安排已取消，您无需到场。如有疑问请拨打{hotline}。",
        _T.sms_not_understood: "没有识别您的回复。能参加回复1，不能参加回复2。",
        _T.opted_out: "已为您退订短信，如需恢复请拨打{hotline}。",
    },
    "en": {
        _T.invitation_voice: (
            "Hello, this is the expert draw of the public resource trading center. Please come to {place} "
            "on {time} to evaluate, {duration}. Press 1 if you can attend, 2 if you cannot, star to listen again."
        ),
        _T.confirm_accept: (
            "You chose to attend. Press 1 again to confirm, 2 if you cannot attend, star to listen again."
        ),
        _T.confirm_decline: (
            "You chose not to attend. Press 2 again to confirm, 1 if you can attend, star to listen again."
        ),
        _T.accepted: (
            "Your attendance is recorded. Please report at {place} on {time} with your identity card. Goodbye."
        ),
        _T.declined: "It is recorded that you cannot attend. Thank you for your answer. Goodbye.",
        _T.lapsed: (
            "Hello, the time to answer this notice is over and the notice has lapsed. "
            "You need not answer. For questions call {hotline}. Goodbye."
        ),
        _T.already: (
            "Your earlier answer is recorded, you need not answer again. For questions call {hotline}. Goodbye."
        ),
        _T.nothing_pending: "Hello, no notice is waiting for an answer from your number. Goodbye.",
        _T.repeat_hint: "Your key was not understood.",
        _T.unanswered: (
            "No answer was received and the call will end. "
            "You may call back {hotline} while the time to answer runs. Goodbye."
        ),
        _T.one_moment: "One moment, please.",
        _T.invitation_sms: (
            "[Trading Center] Please come to {place} on {time} to evaluate, {duration}. Reply 1 if you can attend, "
            "2 if you cannot. Questions and call-back {hotline}. Reply STOP to opt out."
        ),
        _T.seat_code_sms: (
            "[Trading Center] Your seat code is {code}. Use it when you have reported at {place} on {time}. "
            "Tell nobody."
        ),
        _T.released_sms: (
            "[Trading Center] The evaluation planned for {time} is cancelled, you need not come. For questions call {hotline}."
        ),
        _T.sms_not_understood: "Reply not understood. Reply 1 if you can attend, 2 if you cannot.",
        _T.opted_out: "You will receive no more texts. To resume, call {hotline}.",
    },
}

LANGUAGES = tuple(_TEXTS)
_SPOKEN = {"zh": "cmn-CN", "en": "en-US"}


class WordingRefused(ValueError):
    """A blank that does not exist, is missing, or was filled with what does not belong there."""


def needed(template: TemplateId) -> frozenset[str]:
    """The blanks of a template."""
    return frozenset(name for _, name, _, _ in Formatter().parse(_TEXTS["zh"][template]) if name)


def check(template: TemplateId, variables: Mapping[str, str]) -> None:
    """WordingRefused unless every blank is filled, none is unknown, and each value is short plain text."""
    unknown = sorted(set(variables) - VARIABLES)
    if unknown:
        raise WordingRefused(f"not on the white list: {', '.join(unknown)}")
    missing = sorted(needed(template) - set(variables))
    if missing:
        raise WordingRefused(f"{template} needs {', '.join(missing)}")
    for name, value in variables.items():
        if not value.strip() or len(value) > _LONGEST[name] or not _NEVER.isdisjoint(value):
            raise WordingRefused(f"{name} must be 1 to {_LONGEST[name]} characters of plain text")
        if "://" in value:
            raise WordingRefused(f"{name} must not hold a link")


def render(template: TemplateId, language: str, variables: Mapping[str, str]) -> str:
    """The sentence to speak or to send; `language` zh or en, anything else is read as zh."""
    check(template, variables)
    return _TEXTS.get(language, _TEXTS["zh"])[template].format(**variables)


def spoken_language(language: str) -> str:
    """The voice that reads it aloud, as `cmn-CN`."""
    return _SPOKEN.get(language, _SPOKEN["zh"])


def time_words(at: datetime, language: str) -> str:
    """A local time as people say it: 3月5日上午9点30分, or 5 March at 09:30."""
    if language == "en":
        return f"{at.day} {_MONTHS[at.month - 1]} at {at:%H:%M}"
    noon = 12
    half = "上午" if at.hour < noon else "下午"
    hour = at.hour if at.hour <= noon else at.hour - noon
    minute = f"{at.minute}分" if at.minute else ""
    return f"{at.month}月{at.day}日{half}{hour}点{minute}"


def duration_words(minutes: int, language: str) -> str:
    """How long it takes, as people say it: 约需半天 up to four hours, else in whole or half days."""
    half_days = max(-(-minutes // 240), 1)
    days, rest = divmod(half_days, 2)
    if language == "en":
        if half_days == 1:
            return "about half a day"
        return f"about {days}{'.5' if rest else ''} day{'s' if half_days > 2 else ''}"  # noqa: PLR2004
    if half_days == 1:
        return "约需半天"
    return f"约需{days}天半" if rest else f"约需{days}天"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
