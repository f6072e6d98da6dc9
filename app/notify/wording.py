"""What every call and text says, from approved sentences with five blanks and nothing else.

No sentence can name a project, a bidder, a purchaser, a specialty or another expert: there is no blank for it. Where a
text holds a link, the address of the house comes from the settings and only the code at its end from the message.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from string import Formatter

VARIABLES = frozenset({"code", "duration", "hotline", "place", "time"})
_LONGEST = {"code": 12, "duration": 24, "hotline": 24, "place": 120, "time": 48}
_NEVER = frozenset("<>{}[]@\\\r\n\t")
_LINK = "link"
"""Stands in a text where the link goes: the house's address and the `code`, never a value of its own."""
LINK_PATH = "/a/"


class TemplateId(StrEnum):
    """The approved sentences (报备模板)."""

    accepted = "accepted"
    accepted_standby = "accepted_standby"
    already = "already"
    assigned_sms = "assigned_sms"
    confirm_accept = "confirm_accept"
    confirm_decline = "confirm_decline"
    declined = "declined"
    farewell = "farewell"
    hotline_connect = "hotline_connect"
    hotline_over = "hotline_over"
    hotline_unanswered = "hotline_unanswered"
    hotline_wait = "hotline_wait"
    invitation_callback = "invitation_callback"
    invitation_sms = "invitation_sms"
    invitation_voice = "invitation_voice"
    lapsed = "lapsed"
    leave_confirm = "leave_confirm"
    leave_granted = "leave_granted"
    leave_too_late = "leave_too_late"
    not_required_sms = "not_required_sms"
    nothing_pending = "nothing_pending"
    one_moment = "one_moment"
    opted_in = "opted_in"
    opted_out = "opted_out"
    registered = "registered"
    registered_standby = "registered_standby"
    released_sms = "released_sms"
    repeat_hint = "repeat_hint"
    seat_code_sms = "seat_code_sms"
    sms_not_understood = "sms_not_understood"
    too_slow = "too_slow"
    unanswered = "unanswered"


_T = TemplateId

_TEXTS: dict[str, dict[TemplateId, str]] = {
    "zh": {
        _T.invitation_voice: (
            "您好，这里是公共资源交易中心专家抽取系统。请您于{time}到{place}参加评标，{duration}。"
            "能参加请按1，不能参加请按2，重听请按星号键。"
        ),
        _T.invitation_callback: (
            "您好，这里是公共资源交易中心专家抽取系统。请您于{time}到{place}参加评标，{duration}。"
            "能参加请按1，不能参加请按2，转人工请按0，重听请按星号键。"
        ),
        _T.confirm_accept: "您选择了参加。确认请再按一次1，改为不参加请按2，重听请按星号键。",
        _T.confirm_decline: "您选择了不参加。确认请再按一次2，改为参加请按1，重听请按星号键。",
        _T.accepted: "已登记您参加。请于{time}到{place}报到，并携带身份证。感谢您的支持，再见。",
        _T.accepted_standby: "已登记您可以参加。是否需要您到场，将另发短信通知，请留意。感谢您的支持，再见。",
        _T.declined: "已登记您不参加。感谢您的答复，再见。",
        _T.registered: (
            "您好，您已登记参加评标，请于{time}到{place}报到，并携带身份证。"
            "请假请按3，转人工请按0，重听请按星号键。"
        ),
        _T.registered_standby: (
            "您好，您已登记可以参加评标，是否需要您到场将另发短信通知。"
            "不能再参加请按3，转人工请按0，重听请按星号键。"
        ),
        _T.leave_confirm: "您选择了请假，不再参加{time}的评标。确认请再按一次3，仍然参加请按1，重听请按星号键。",
        _T.leave_granted: "已登记您请假，您无需到场。感谢您及时告知，再见。",
        _T.leave_too_late: "请假的截止时间已过，您仍需按时到场。确有特殊情况，请与{hotline}的工作人员联系。",
        _T.lapsed: "您好，本次通知的答复时间已过，通知已失效，您无需答复。如有疑问请拨打{hotline}。再见。",
        _T.already: "您此前的答复已经登记，无需重复答复。如有疑问请拨打{hotline}。再见。",
        _T.nothing_pending: "您好，您的号码目前没有待答复的通知。再见。",
        _T.repeat_hint: "没有听清您的按键。",
        _T.unanswered: "没有收到您的答复，通话即将结束。您可在答复时间内回拨{hotline}。再见。",
        _T.one_moment: "请稍候。",
        _T.too_slow: "系统繁忙，您的按键可能已经登记，请稍后回拨{hotline}听取登记结果。再见。",
        _T.hotline_wait: "请稍候，正在等待工作人员。您的来电编号是{code}。返回请按星号键。",
        _T.hotline_connect: "正在为您接通工作人员，请稍候。您的来电编号是{code}。",
        _T.hotline_over: "人工服务已结束。如仍需帮助，请稍后再拨{hotline}。再见。",
        _T.hotline_unanswered: "工作人员暂时无法接听，请您稍后再拨。再见。",
        _T.farewell: "感谢您的来电，再见。",
        _T.invitation_sms: (
            "【公共资源交易中心】请您{time}到{place}评标，{duration}。能参加回复1，不能回复2，或点 {link} 。"
            "电话{hotline}，退订回TD。"
        ),
        _T.assigned_sms: (
            "【公共资源交易中心】您已确定参加评标，请于{time}到{place}报到，{duration}，请带身份证。"
            "不能到场请立即致电{hotline}。"
        ),
        _T.not_required_sms: "【公共资源交易中心】此前征询的评标本次不需要您到场，感谢您的答复。咨询{hotline}。",
        _T.seat_code_sms: (
            "【公共资源交易中心】您的席位码为{code}，请于{time}到{place}报到后使用。请勿转告他人。"
        ),
        _T.released_sms: "【公共资源交易中心】原定{time}的评标不再需要您到场。如有疑问请拨打{hotline}。",
        _T.sms_not_understood: "没有识别您的回复。能参加回复1，不能参加回复2。",
        _T.opted_out: "已为您退订短信，今后以电话联系。如需恢复请回复“恢复”，或拨打{hotline}。",
        _T.opted_in: "已为您恢复短信通知。",
    },
    "en": {
        _T.invitation_voice: (
            "Hello, this is the expert draw of the public resource trading center. Please come to {place} "
            "on {time} to evaluate, {duration}. Press 1 if you can attend, 2 if you cannot, star to listen again."
        ),
        _T.invitation_callback: (
            "Hello, this is the expert draw of the public resource trading center. Please come to {place} "
            "on {time} to evaluate, {duration}. Press 1 if you can attend, 2 if you cannot, 0 to talk to our staff, "
            "star to listen again."
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
        _T.accepted_standby: (
            "It is recorded that you can attend. A text will tell you whether you are needed. Goodbye."
        ),
        _T.declined: "It is recorded that you cannot attend. Thank you for your answer. Goodbye.",
        _T.registered: (
            "Hello, your attendance is recorded. Please report at {place} on {time} with your identity card. "
            "Press 3 to ask leave, 0 to talk to our staff, star to listen again."
        ),
        _T.registered_standby: (
            "Hello, it is recorded that you can attend. A text will tell you whether you are needed. "
            "Press 3 if you can no longer attend, 0 to talk to our staff, star to listen again."
        ),
        _T.leave_confirm: (
            "You chose to ask leave and not to evaluate on {time}. Press 3 again to confirm, 1 if you will attend, "
            "star to listen again."
        ),
        _T.leave_granted: "Your leave is recorded, you need not come. Thank you for telling us in time. Goodbye.",
        _T.leave_too_late: (
            "The time to ask leave is over, and you are expected to come. In an emergency talk to our staff at {hotline}."
        ),
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
        _T.too_slow: (
            "We are busy. Your key may have been recorded: please call {hotline} in a while to hear how you are registered. "
            "Goodbye."
        ),
        _T.hotline_wait: (
            "One moment, please, while you wait for our staff. The number of your call is {code}. Press star to go back."
        ),
        _T.hotline_connect: "We are connecting you to our staff. The number of your call is {code}.",
        _T.hotline_over: "The conversation with our staff is over. If you need more help, call {hotline} again later. Goodbye.",
        _T.hotline_unanswered: "Our staff cannot take your call now. Please call again later. Goodbye.",
        _T.farewell: "Thank you for your call. Goodbye.",
        _T.invitation_sms: (
            "[Trading Center] Please come to {place} on {time} to evaluate, {duration}. Reply 1 if you can attend, "
            "2 if you cannot, or answer at {link} . Questions: {hotline}. Reply STOP to opt out."
        ),
        _T.assigned_sms: (
            "[Trading Center] You are needed: please report at {place} on {time}, {duration}, with your identity card. "
            "If you cannot come, call {hotline} at once."
        ),
        _T.not_required_sms: (
            "[Trading Center] You are not needed for the evaluation you were asked about. Thank you for your answer. "
            "Questions: {hotline}."
        ),
        _T.seat_code_sms: (
            "[Trading Center] Your seat code is {code}. Use it when you have reported at {place} on {time}. "
            "Tell nobody."
        ),
        _T.released_sms: (
            "[Trading Center] You are no longer needed for the evaluation planned for {time}. For questions call {hotline}."
        ),
        _T.sms_not_understood: "Reply not understood. Reply 1 if you can attend, 2 if you cannot.",
        _T.opted_out: (
            "You will receive no more texts, we will call you instead. To resume reply START, or call {hotline}."
        ),
        _T.opted_in: "You will receive texts again.",
    },
}

LANGUAGES = tuple(_TEXTS)
_SPOKEN = {"zh": "cmn-CN", "en": "en-US"}


class WordingRefused(ValueError):
    """A blank that does not exist, is missing, or was filled with what does not belong there."""


def needed(template: TemplateId) -> frozenset[str]:
    """The blanks of a template; a link is filled by its `code`."""
    return frozenset("code" if name == _LINK else name for name in _blanks(template))


def holds_link(template: TemplateId) -> bool:
    return _LINK in _blanks(template)


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
    code = variables.get("code", "")
    if holds_link(template) and not (code.isascii() and code.isalnum()):
        raise WordingRefused("the code of a link is letters and digits")


def render(template: TemplateId, language: str, variables: Mapping[str, str], origin: str = "") -> str:
    """The sentence to speak or to send; `language` zh or en, anything else is read as zh.

    origin: the house's own public address as `https://pb.example.gov.cn`, needed by templates that hold a link.
    """
    check(template, variables)
    if holds_link(template) and not origin.startswith(("https://", "http://")):
        raise WordingRefused(f"{template} needs the address of the house")
    link = f"{origin}{LINK_PATH}{variables.get('code', '')}"
    return _TEXTS.get(language, _TEXTS["zh"])[template].format(**{**variables, _LINK: link})


def _blanks(template: TemplateId) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(_TEXTS["zh"][template]) if name)


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
