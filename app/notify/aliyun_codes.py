"""What Aliyun's words mean here: its error codes, what became of a call, the short id it hands back, numbers as it writes them.

The codes are those of its published lists; one that is new to us is read with care: unknown trouble on its side may mean
that it took the message, any other refusal waits for a person who mends it.
"""

import re

from app.notify.conversation import Ask, Confirmed, Step, pressed
from app.notify.delivery import MessageState
from app.notify.messenger import FateUnknown, PutBack, Rejected, SendResult

_S = MessageState

# The number is at fault, or has had enough for now: no later try will do. Whatever else is refused blames us, our account, our
# signature or template, and is mended by a person: nobody may count as unreachable because of a wrong setting of ours.
_NUMBER = frozenset(
    {
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.BUSINESS_LIMIT_CONTROL",
        "isv.CALLED_NUMBER_ILLEGAL",
        "isv.MOBILE_COUNT_OVER_LIMIT",
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.NO_AVAILABLE_SHORT_MESSAGE_SIGN_FOR_NUMBER",
        "isv.VOICE_CALLEE_LIMIT",
    }
)
_DOOR = (
    "Forbidden",
    "InactiveAccessKeyId",
    "IncompleteSignature",
    "InvalidAccessKey",
    "InvalidSecurityToken",
    "InvalidTimeStamp",
    "MissingAccessKeyId",
    "NoPermission",
    "SignatureDoesNotMatch",
    "Throttling",
)
"""How the codes begin with which the gateway turns a request away before the service sees it."""
_OURS = frozenset(
    {
        "isp.RAM_PERMISSION_DENY",
        "isp.RES_OWNER_ID_UNKNOWN",
        "isp.USER_ASSERT_NOT_EXIST",
        "isp.USER_NOT_EXIST",
    }
)
"""Called trouble of the provider, and our account's all the same."""
_PROVIDER_FAULT = ("isp.", "InternalError", "ServiceUnavailable", "SignatureNonceUsed")
_TOO_MANY, _REQUEST_TIMEOUT, _SERVER_ERROR = 429, 408, 500
_LONGEST_CODE = 32


def refusal(status: int, code: str) -> SendResult:
    """What a reply that is not `OK` says about the message; status: of HTTP, also 200 comes with an error code."""
    short = code[:_LONGEST_CODE]
    if code == "None":  # how the client writes that there was none
        return FateUnknown(str(status))
    if code in _NUMBER:
        return Rejected(short)
    if code in _OURS or code.startswith(_DOOR) or status == _TOO_MANY:
        return PutBack(short)
    if code.startswith(_PROVIDER_FAULT) or not code or status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        return FateUnknown(short or str(status))
    return PutBack(short)


KEY_PRESSED = "300000"
_UNDERWAY = {"200101": _S.sent, "200201": _S.ringing, "200102": _S.answered}
_ENDS = {
    "200000": _S.completed,  # heard all of it
    "200001": _S.completed,  # hung up before the end
    "200008": _S.completed,  # pressed nothing
    "200002": _S.busy,
    "200111": _S.busy,  # declined on the phone
    "200112": _S.busy,
    "200003": _S.no_answer,
    "200005": _S.no_answer,  # no way through: network, or a phone that keeps strangers out
    "200007": _S.no_answer,  # out of reach
    "200010": _S.no_answer,  # switched off
    "200113": _S.no_answer,
    "200120": _S.no_answer,
}
_FAILED = frozenset(
    {
        "200004",  # no such number
        "200006",  # the voice file is no good
        "200011",  # suspended by its network
        "200012",
        "200104",
        "200105",
        "200116",
        "200117",
        "200118",  # not at this hour
        "200119",  # too often
        "200121",  # too many at once
        "200130",
        "400",
        "476",
        "482",
        "500",
        "999999",
    }
)


def call_state(status_code: str, duration_s: int, *, over: bool) -> MessageState | None:
    """How far a call has come, or how it has ended; None for a word that is new to us.

    over: the record says that it has ended; then anybody who was on the line at all counts as picked up.
    """
    if status_code in _ENDS:
        return _ENDS[status_code]
    if status_code in _FAILED:
        return _S.failed
    if over:
        return _S.completed if duration_s > 0 else _S.failed
    return _UNDERWAY.get(status_code)


def text_state(send_status: int | None) -> MessageState | None:
    """A text as a look-up shows it: 1 waits for the phone, 2 failed, 3 arrived."""
    return {1: _S.sent, 2: _S.undelivered, 3: _S.delivered}.get(send_status or 0)


def answer(keys: str) -> bool | None:
    """What the keys of a whole call come to: True or False once the same key was pressed twice, None for no answer.

    Aliyun speaks a fixed menu and tells us afterwards; silence and wrong keys therefore end nothing here.
    """
    step = Step.invite
    for key in keys:
        follows = pressed(step, key, 0)
        if not isinstance(follows, Ask):
            return follows.accept if isinstance(follows, Confirmed) else None
        step = follows.step
    return None


# --- the id that comes back with a receipt ------------------------------------------------------------------------------

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 15
_LOW_BITS = 45  # of a UUIDv7's last 62 random bits only the first 17 find room


def short_id(message_id: str) -> str:
    """Fifteen characters for a message id: a call carries no more.

    They hold the time in milliseconds and 29 of the 74 random bits, in base 36, so that `span` leads back to the row.
    """
    value = int(message_id.replace("-", ""), 16)
    milliseconds, first, last = value >> 80, value >> 64 & 0xFFF, value & (1 << 62) - 1
    number = milliseconds << 29 | first << 17 | last >> _LOW_BITS
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def span(short: str) -> tuple[str, str] | None:
    """The first and the last message id that have this short form; None for what is no short form."""
    if not re.fullmatch(r"[0-9a-z]{15}", short):
        return None
    number = int(short, 36)
    if number >> 77:
        return None
    high = number >> 29 << 80 | 0x7 << 76 | (number >> 17 & 0xFFF) << 64 | 0b10 << 62
    low = (number & (1 << 17) - 1) << _LOW_BITS
    first = high | low
    return _as_id(first), _as_id(first | (1 << _LOW_BITS) - 1)


def _as_id(value: int) -> str:
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


# --- numbers ------------------------------------------------------------------------------------------------------------


def mobile(number: str) -> str | None:
    """`+8613812345678` as `13812345678`; None for what is no mobile phone of the mainland."""
    found = re.fullmatch(r"\+86(1[3-9]\d{9})", number)
    return found[1] if found else None


def callable_number(number: str) -> str | None:
    """A mobile, or a landline such as `+868701234567` as `08701234567`; None for numbers outside the mainland."""
    landline = re.fullmatch(r"\+86([2-9]\d{8,10})", number)
    return f"0{landline[1]}" if landline else mobile(number)


def in_full(number: str) -> str | None:
    """A mobile as a receipt writes it, as we write it: `13812345678`, `8613812345678` and `+8613812345678` are one."""
    found = re.fullmatch(r"(?:\+?86)?(1[3-9]\d{9})", number)
    return f"+86{found[1]}" if found else None
