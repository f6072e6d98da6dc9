"""The door to Aliyun, through its official client to a stand-in on the wire: what is posted, and what comes of it."""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.errors import InvalidInput, Unavailable
from app.core.ids import new_id
from app.core.settings import OwnSettings, Settings
from app.core.settings_calls import AliyunSettings, NotifySettings, Provider
from app.core.settings_refusals import require_fit_to_serve, require_sound
from app.notify import aliyun
from app.notify.aliyun import AliyunMessenger, open_aliyun
from app.notify.aliyun_requests import obligatory
from app.notify.delivery import MessageState
from app.notify.messenger import FateUnknown, Found, LookUpFailed, Outgoing, PutBack, Rejected, Taken
from app.notify.pacing import CalleeLimit
from app.notify.wording import VARIABLES, TemplateId
from tests.support.aliyun_house import CODES, AliyunHouse, aliyun_house
from tests.support.aliyun_wire import KEY_ID, SECRET, SHOW_NUMBER, SIGN_NAME, Fault, Refusal, in_china
from tests.support.phones import START, WORDS

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

LI = "+8613812345678"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[AliyunHouse]:
    with aliyun_house(tmp_path) as opened:
        yield opened


def outgoing(home: AliyunHouse, channel: str, **changes: Any) -> Outgoing:
    voice = channel == "voice"
    values: dict[str, Any] = {
        "message_id": new_id(home.clock.now()),
        "channel": channel,
        "to": LI,
        "template": TemplateId.invitation_voice if voice else TemplateId.invitation_sms,
        "variables": WORDS,
        "language": "zh",
        "ring_s": 25,
        "valid_s": None,
    }
    return Outgoing(**{**values, **changes})


def send(home: AliyunHouse, channel: str, **changes: Any) -> Any:
    return home.run(home.room.messenger.send(outgoing(home, channel, **changes)))


def find(home: AliyunHouse, to: str = LI) -> tuple[Found, ...]:
    found: tuple[Found, ...] = home.run(home.room.messenger.find("sms", to))
    return found


def fetch(home: AliyunHouse, channel: str, sid: str, to: str | None = LI) -> Found:
    messenger = home.room.messenger
    assert isinstance(messenger, AliyunMessenger)
    found: Found = home.run(messenger.fetch(channel, sid, to))
    return found


def test_a_text_and_a_call_are_taken(home: AliyunHouse) -> None:
    assert send(home, "sms") == Taken(home.text.biz_id)
    assert send(home, "voice") == Taken(home.call.call_id)
    assert home.text.number == home.call.number == "13812345678"


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_what_was_written_down_is_exactly_what_arrives(home: AliyunHouse, channel: str) -> None:
    for place in ("云岭市 三楼/报到处:1,2;3", "a+b=c&d?e#f%g", "'(1)' ~ _-.!*$", "…“二楼”、‘东’"):
        message = outgoing(home, channel, variables={**WORDS, "place": place})
        written = home.room.messenger.wire(message)
        assert isinstance(home.run(home.room.messenger.send(message)), Taken)
        seen = home.wire.seen[-1]
        assert seen.query == written
        assert seen.body == b""
        assert any(place in value for value in seen.parameters.values())
        home.clock.advance(3600)


def test_nothing_but_approved_templates_and_blanks_reaches_aliyun(home: AliyunHouse) -> None:
    for template in (one for one in TemplateId if one.value.endswith("_sms")):
        assert isinstance(send(home, "sms", template=template), Taken)
    assert isinstance(send(home, "voice"), Taken)
    home.clock.advance(3600)
    find(home)
    home.wire.calls[0].record = {"state": "200000", "endDate": in_china(home.clock.now()), "duration": "9"}
    fetch(home, "voice", home.call.call_id)
    own_ids = {one.out_id for one in home.wire.texts} | {one.out_id for one in home.wire.calls}
    known: dict[str, set[str]] = {
        "PhoneNumbers": {"13812345678"},
        "PhoneNumber": {"13812345678"},
        "CalledNumber": {"13812345678"},
        "SignName": {SIGN_NAME},
        "CalledShowNumber": {SHOW_NUMBER},
        "OutId": own_ids,
        "CallId": {home.call.call_id},
        "ProdId": {"11000000300005"},
        "PlayTimes": {"2"},
        "Timeout": {"6000"},
        "PageSize": {"50"},
        "CurrentPage": {"1"},
        "SendDate": {"20261121"},
        "QueryDate": {"1795190400000"},
        **{f"MenuKeyMap.{place}.Key": {key} for place, key in enumerate("12*", 1)},
    }
    actions = set()
    for seen in home.wire.seen:
        actions.add(seen.action)
        assert seen.body == b""
        for name, value in seen.parameters.items():
            if name.endswith("Code"):
                assert value in CODES.values()
            elif name.endswith(("Param", "Params")):
                blanks = json.loads(value)
                assert set(blanks) <= VARIABLES
                assert all(blanks[blank] == WORDS[blank] for blank in blanks)
            else:
                assert value in known[name], name
        plain = seen.query.decode() + str(dict(seen.headers))
        assert SECRET not in plain
    assert actions == {"SendSms", "IvrCall", "QuerySendDetails", "QueryCallDetailByCallId"}


OUTCOMES: tuple[tuple[Fault | Refusal, object, int], ...] = (
    (Fault.server_error, FateUnknown("ServiceUnavailable"), 0),
    (Fault.server_error_taken, FateUnknown("InternalError"), 1),
    (Fault.drop_reply, FateUnknown("ClientPayloadError"), 1),
    (Fault.not_json, FateUnknown("RuntimeError"), 1),
    (Fault.no_id, FateUnknown("no-sid"), 1),
    (Refusal(503, "Throttling.User"), PutBack("Throttling.User"), 0),
    (Refusal(200, "isp.RAM_PERMISSION_DENY"), PutBack("isp.RAM_PERMISSION_DENY"), 0),
    (Refusal(400, "isp.RAM_PERMISSION_DENY"), PutBack("isp.RAM_PERMISSION_DENY"), 0),
    (Refusal(200, "isv.AMOUNT_NOT_ENOUGH"), PutBack("isv.AMOUNT_NOT_ENOUGH"), 0),
    (Refusal(200, "isv.BUSINESS_LIMIT_CONTROL"), Rejected("isv.BUSINESS_LIMIT_CONTROL"), 0),
    (Refusal(400, "isv.MOBILE_NUMBER_ILLEGAL"), Rejected("isv.MOBILE_NUMBER_ILLEGAL"), 0),
    (Refusal(200, "isp.SYSTEM_ERROR"), FateUnknown("isp.SYSTEM_ERROR"), 0),
)


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_what_comes_of_a_hand_over_that_goes_wrong(home: AliyunHouse, channel: str) -> None:
    for place, (fault, expected, taken) in enumerate(OUTCOMES, 1):
        before = len(home.wire.texts) + len(home.wire.calls)
        home.wire.fails(fault)
        assert send(home, channel) == expected, fault
        assert len(home.wire.texts) + len(home.wire.calls) - before == taken, fault
        assert len(home.wire.seen) == place, "a hand-over is never repeated by the client itself"
        home.clock.advance(3600)


def test_a_reply_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with aliyun_house(tmp_path, send_timeout_s=0.3) as home:
        home.wire.fails(Fault.no_reply)
        assert send(home, "sms") == FateUnknown("timeout")
        assert len(home.wire.seen) == len(home.wire.texts) == 1
        home.wire.fails(Fault.no_reply)
        with pytest.raises(LookUpFailed, match="timeout"):
            find(home)


def test_a_closed_door_has_taken_nothing(home: AliyunHouse) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        account = home.settings.notify.aliyun.model_copy(
            update={"sms_endpoint": address, "voice_endpoint": address}
        )
        messenger = AliyunMessenger(account, home.clock, hotline="0870", timeout_s=5)
        for channel in ("sms", "voice"):
            assert asyncio.run(messenger.send(outgoing(home, channel))) == PutBack("connect")
        with pytest.raises(LookUpFailed, match="RetryError"):
            asyncio.run(messenger.find("sms", LI))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"access_key_secret": "another"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "LTAI-stranger"}, "InvalidAccessKeyId.NotFound"),
    ],
)
def test_a_wrong_key_is_noticed_and_nothing_is_lost(
    home: AliyunHouse, change: dict[str, str], code: str
) -> None:
    account = AliyunSettings.model_validate(
        home.settings.notify.aliyun.model_dump() | {"access_key_secret": SECRET} | change
    )
    messenger = AliyunMessenger(account, home.clock, hotline="0870", timeout_s=5)
    assert asyncio.run(messenger.send(outgoing(home, "sms"))) == PutBack(code)
    assert home.wire.texts == []


def test_what_has_no_approved_code_is_refused_and_posts_nothing(home: AliyunHouse) -> None:
    for channel in ("sms", "voice"):
        assert send(home, channel, language="en") == Rejected(f"no-code:en:invitation_{channel}")
    assert send(home, "sms", to="+868701234567") == Rejected("not-mobile")
    assert send(home, "voice", to="+15550100") == Rejected("not-mainland")
    assert home.room.messenger.wire(outgoing(home, "sms", language="en")) == b""
    assert home.wire.seen == []


def test_a_landline_can_be_called(home: AliyunHouse) -> None:
    assert isinstance(send(home, "voice", to="+868701234567"), Taken)
    assert home.call.number == "08701234567"


def test_the_limits_to_one_number_are_told_and_are_those_of_the_service(home: AliyunHouse) -> None:
    messenger = home.room.messenger
    assert messenger.name == "aliyun"
    assert {(one.most, one.within_s) for one in messenger.limits if one.channel == "voice"} == {
        (1, 60),
        (5, 3600),
        (20, 86_400),
    }
    assert CalleeLimit("sms", 50, 86_400) in messenger.limits
    for _ in range(50):
        assert isinstance(send(home, "sms"), Taken)
    assert send(home, "sms") == Rejected("isv.BUSINESS_LIMIT_CONTROL")
    assert isinstance(send(home, "voice"), Taken)
    home.clock.advance(59)
    assert send(home, "voice") == Rejected("isv.BUSINESS_LIMIT_CONTROL")


def test_a_text_is_found_by_its_number_and_named_by_our_id(home: AliyunHouse) -> None:
    message = outgoing(home, "sms")
    home.run(home.room.messenger.send(message))
    (found,) = find(home)
    assert found.message_id == message.message_id
    assert (found.state, found.created_at) == (MessageState.sent, home.clock.now())
    assert len(found.sid) <= 64
    assert find(home, "+8613900000000") == find(home, "+868701234567") == ()
    home.text.status, home.text.error = 2, "MOBILE_NOT_ON_SERVICE"
    (found,) = find(home)
    assert (found.state, found.error_code) == (MessageState.undelivered, "MOBILE_NOT_ON_SERVICE")
    home.text.status, home.text.error = 3, "DELIVERED"
    (found,) = find(home)
    assert (found.state, found.error_code) == (MessageState.delivered, None)


def test_texts_of_others_from_the_same_account_are_not_ours(home: AliyunHouse) -> None:
    home.run(home.room.messenger.send(outgoing(home, "sms")))
    home.text.out_id = ""
    assert find(home) == ()


def test_a_long_list_is_read_to_its_end(home: AliyunHouse) -> None:
    home.wire.limited = False
    ids = set()
    for _ in range(120):
        message = outgoing(home, "sms")
        ids.add(message.message_id)
        home.run(home.room.messenger.send(message))
    assert {one.message_id for one in find(home)} == ids


def test_after_midnight_in_china_yesterday_is_looked_at_too(home: AliyunHouse) -> None:
    home.clock.advance(14 * 3600 + 3599)  # 23:59:59 in China
    message = outgoing(home, "sms")
    home.run(home.room.messenger.send(message))
    send(home, "voice", message_id=message.message_id)
    home.clock.advance(1800)
    assert [one.message_id for one in find(home)] == [message.message_id]
    assert {one.parameters["SendDate"] for one in home.wire.seen[2:]} == {"20261121", "20261122"}
    home.call.record = {"state": "200003"}
    assert fetch(home, "voice", home.call.call_id).state is MessageState.no_answer
    home.clock.advance(2 * 3600)
    assert find(home) == ()


def test_one_text_is_asked_for_by_its_receipt_and_number(home: AliyunHouse) -> None:
    send(home, "sms")
    first = home.text
    send(home, "sms")
    first.status = 3
    assert fetch(home, "sms", first.biz_id).state is MessageState.delivered
    assert fetch(home, "sms", home.text.biz_id).state is MessageState.sent
    adopted = next(one for one in find(home) if one.message_id == first.out_id)
    assert fetch(home, "sms", adopted.sid) == adopted
    with pytest.raises(LookUpFailed, match="number"):
        fetch(home, "sms", first.biz_id, None)


def test_a_record_that_is_not_there_yet_says_nothing(home: AliyunHouse) -> None:
    send(home, "voice")
    with pytest.raises(LookUpFailed, match="yet"):
        fetch(home, "voice", home.call.call_id)
    with pytest.raises(LookUpFailed, match="yet"):
        fetch(home, "sms", "90061988^0")


def test_one_call_is_asked_for_by_its_receipt(home: AliyunHouse) -> None:
    send(home, "voice")
    records: tuple[tuple[dict[str, Any], MessageState | None, str | None], ...] = (
        ({"state": "200000", "duration": 31, "endDate": "x"}, MessageState.completed, None),
        ({"state": "200100", "duration": "4", "endDate": "x"}, MessageState.completed, None),
        ({"state": "200004", "endDate": ""}, MessageState.failed, "200004"),
        ({"state": "200201"}, MessageState.ringing, None),
        ({"state": "new", "duration": "?"}, None, None),
    )
    for record, state, error in records:
        home.call.record = record
        found = fetch(home, "voice", home.call.call_id)
        assert (found.state, found.error_code) == (state, error)
        assert found.created_at == home.clock.now()


def test_calls_have_no_list_and_say_so(home: AliyunHouse) -> None:
    with pytest.raises(LookUpFailed, match="no calls by number"):
        home.run(home.room.messenger.find("voice", LI))
    assert home.wire.seen == []


def test_a_look_up_that_fails_says_nothing_about_the_message(home: AliyunHouse) -> None:
    outcomes: tuple[tuple[Fault | Refusal, str], ...] = (
        (Refusal(200, "isp.RAM_PERMISSION_DENY"), "isp.RAM_PERMISSION_DENY"),
        (Refusal(400, "Throttling.User"), "400 Throttling.User"),
        (Fault.drop_reply, "ClientPayloadError"),
        (Fault.not_json, "RuntimeError"),
    )
    for fault, words in outcomes:
        home.wire.fails(fault)
        with pytest.raises(LookUpFailed, match=words):
            find(home)


def test_a_record_that_is_no_json_is_a_failed_look_up() -> None:
    with pytest.raises(LookUpFailed, match="no JSON"):
        aliyun._json_object("{")
    assert aliyun._json_object("[1]") == aliyun._json_object(None) == {}
    assert aliyun._moment("soon") is None


# --- what must be set ---------------------------------------------------------------------------------------------------


def with_account(**changes: Any) -> Settings:
    account = AliyunSettings.model_validate(
        {
            "access_key_id": KEY_ID,
            "access_key_secret": token_hex(16),  # one out of a test is refused
            "sign_name": "签名",
            "called_show_number": "087012345678",
            "templates": dict(CODES),
            **changes,
        }
    )
    return OwnSettings(notify=NotifySettings(provider=Provider.aliyun, aliyun=account))


@pytest.mark.parametrize(
    "name", ["access_key_id", "access_key_secret", "sign_name", "called_show_number", "templates"]
)
def test_the_service_does_not_open_without(name: str) -> None:
    require_sound(with_account())
    require_fit_to_serve(with_account())
    for empty in ({} if name == "templates" else "", *([] if name == "templates" else [None])):
        with pytest.raises(InvalidInput, match="aliyun-incomplete") as refused:
            require_sound(with_account(**{name: empty}))
        assert refused.value.params["names"] == f"YUANPING_NOTIFY__ALIYUN__{name.upper()}"


@pytest.mark.parametrize(
    "address",
    [
        "http://dysmsapi.aliyuncs.com",
        "dysmsapi.aliyuncs.com",
        "https://dysmsapi.aliyuncs.com/",
        "https://user@dysmsapi.aliyuncs.com",
        "https://",
        "https://host:port",
        "ftp://127.0.0.1",
    ],
)
def test_numbers_leave_the_machine_under_tls_only(address: str) -> None:
    for name in ("sms_endpoint", "voice_endpoint"):
        with pytest.raises(InvalidInput, match="aliyun-endpoint"):
            require_sound(with_account(**{name: address}))
    require_sound(with_account(sms_endpoint="https://dysmsapi.ap-southeast-1.aliyuncs.com"))
    require_sound(with_account(sms_endpoint="http://127.0.0.1:8080", voice_endpoint="http://localhost:1"))


def test_invented_people_are_never_called() -> None:
    real = with_account()
    with pytest.raises(InvalidInput, match="demo-real-phones"):
        require_sound(OwnSettings(demo=True, notify=real.notify))


@pytest.mark.parametrize("name", obligatory("zh"))
def test_every_obligatory_template_has_its_code(name: str) -> None:
    short = {other: code for other, code in CODES.items() if other != name}
    with pytest.raises(InvalidInput, match="aliyun-templates") as refused:
        open_aliyun(with_account(templates=short), ManualClock(START))
    assert refused.value.params["names"] == name
    english = with_account(templates=CODES)
    english.notify.language = "en"
    with pytest.raises(InvalidInput, match="en:invitation_sms"):
        open_aliyun(english, ManualClock(START))


def test_a_missing_client_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alibabacloud_dysmsapi20170525", None)
    with pytest.raises(Unavailable, match="aliyun-not-installed") as refused:
        open_aliyun(with_account(), ManualClock(START))
    assert "yuanping[aliyun]" in refused.value.remedy


def test_templates_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_NOTIFY__ALIYUN__TEMPLATES", '{"zh:invitation_sms": "SMS_1"}')
    monkeypatch.setenv("YUANPING_NOTIFY__ALIYUN__ACCESS_KEY_SECRET", SECRET)
    read = Settings()
    assert read.notify.aliyun.templates == {"zh:invitation_sms": "SMS_1"}
    assert SECRET not in repr(read) + str(read)


def test_the_client_library_writes_no_log(home: AliyunHouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    send(home, "sms")
    send(home, "voice")
    written = caplog.text
    assert SECRET not in written
    assert "13812345678" not in written
    assert WORDS["place"] not in written
    assert logging.getLogger("darabonba-core").handlers == []
