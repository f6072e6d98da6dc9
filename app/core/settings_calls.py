"""Settings of who carries calls and messages, and of when an expert is called."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class Provider(StrEnum):
    """Who carries calls and messages."""

    simulator = "simulator"
    twilio = "twilio"
    aliyun = "aliyun"


class AliyunSettings(BaseModel):
    """Read only with `YUANPING_NOTIFY__PROVIDER=aliyun`; see [notifications](notifications.md#aliyun)."""

    access_key_id: str | None = Field(None, description="AccessKey of a RAM user that may text and call.")
    access_key_secret: SecretStr | None = Field(None, description="Its secret.")
    sms_endpoint: str = Field("https://dysmsapi.aliyuncs.com", description="Where texts are handed over.")
    voice_endpoint: str = Field("https://dyvmsapi.aliyuncs.com", description="Where calls are handed over.")
    sign_name: str | None = Field(None, description="Approved signature of texts.")
    called_show_number: str | None = Field(None, description="Bought number that calls come from.")
    templates: dict[str, str] = Field(
        default_factory=dict, description='Approved template codes, as `{"zh:invitation_sms": "SMS_123"}`.'
    )


class NotifySettings(BaseModel):
    provider: Provider = Field(
        Provider.simulator,
        description="`twilio` and `aliyun` ring real phones; `simulator` rings pretend ones, in demonstrations only.",
    )
    account_sid: str = Field("AC" + "0" * 32, description="Twilio account; any value with the simulator.")
    auth_token: str | None = Field(
        None, description="Twilio token, also signs webhooks; with the simulator one is made at start."
    )
    auth_token_former: str | None = Field(
        None,
        description="The token before a change of tokens: reports signed with it are still accepted.",
    )
    from_number: str = Field("+8687000000000", description="Number that calls and texts come from.")
    hotline: str = Field("0870-0000000", description="Hotline spoken in invitations.")
    language: Literal["zh", "en"] = Field("zh", description="Language of calls and texts.")
    hotline_agent: str | None = Field(
        None,
        pattern=r"^\+[1-9]\d{6,14}$",
        description="Phone of the staff, as `+8687012345678`, that callers of the hotline are put through to; without one"
        " they wait on the line until the staff has registered what they want.",
    )
    calls_per_second: float | None = Field(
        None,
        gt=0,
        description="Most calls a second handed to the provider, all processes together; default: what the provider allows"
        " (twilio 1, simulator 10). What is handed over faster would wait with the provider for hours.",
    )
    texts_per_second: float | None = Field(
        None, gt=0, description="The same for texts (twilio 10, simulator 50)."
    )
    callee_limits: str | None = Field(
        None,
        pattern=r"^( *(voice|sms) [1-9]\d*/[1-9]\d* *(,|$))*$",
        description="Most messages to one number, as `voice 1/60, voice 5/3600, sms 10/86400`: so many within so many"
        " seconds; default: what suits the provider (simulator: none).",
    )
    quiet_hours: str = Field(
        "21:00-08:00",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="From when to when nobody is called, Beijing time; empty for none. Calls for an evaluation that starts"
        " within `invitation.urgent_h` hours do not wait.",
    )
    send_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for the provider's reply.")
    unknown_grace_s: float = Field(
        15.0, gt=0, description="Seconds before a send of unknown fate is looked up at the provider."
    )
    patience_s: float = Field(
        4.0,
        gt=0,
        description="Seconds a caller waits in silence for a slow database before hearing `one moment`.",
    )
    aliyun: AliyunSettings = Field(default_factory=AliyunSettings)


class InvitationSettings(BaseModel):
    reply_window_s: int | None = Field(
        None,
        ge=1,
        description="Seconds an invited expert has to answer; default: the rule pack's `draw.reply_window`.",
    )
    ring_s: int = Field(25, ge=1, description="Seconds a phone rings before the call counts as unanswered.")
    sms_after_s: int = Field(
        120, ge=0, description="Seconds after an unanswered call before the SMS goes out."
    )
    second_call_after_s: int = Field(180, ge=0, description="Seconds after the SMS before the second call.")
    lead_s: int = Field(
        1800,
        ge=0,
        description="An invited expert can answer until so many seconds before they have to be there; 0: until the end.",
    )
    no_show_grace_s: int = Field(
        1800,
        ge=0,
        description="Seconds after the time told from which an absent expert's place can be vacated.",
    )
    urgent_h: int = Field(
        12,
        ge=0,
        description="Calls for an evaluation that starts within so many hours do not mind quiet hours.",
    )


class RehearsalSettings(InvitationSettings):
    """The invitation's timers, shortened so that a rehearsal takes a minute and a half."""

    reply_window_s: int | None = Field(14, ge=1, description="Seconds a pretend expert has to answer.")
    ring_s: int = Field(4, ge=1, description="Seconds a pretend phone rings.")
    sms_after_s: int = Field(1, ge=0, description="Seconds after an unanswered call before the SMS goes out.")
    second_call_after_s: int = Field(3, ge=0, description="Seconds after the SMS before the second call.")
    lead_s: int = Field(0, ge=0, description="As for invitations; pretend experts need no time to travel.")
    no_show_grace_s: int = Field(30, ge=0, description="As for invitations.")
    session_s: int = Field(
        40, ge=1, le=3600, description="Seconds for which pretend experts evaluate and are recorded."
    )
