"""What Aliyun pushes moves our rows: once each, in any order, and only for who knows the address."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import select
from typer.testing import CliRunner

from app import cli
from app.core.sealed_columns import DOCUMENT_BODY
from app.core.sealing import Sealer
from app.notify import aliyun_callbacks, aliyun_receipts
from app.notify.aliyun_callbacks import Kind, addresses
from app.notify.enclosed import callee_mark
from app.notify.listener import Heard
from app.notify.models import OutgoingMessage, SentDocument, SmsOptOut
from tests.support.aliyun_house import AliyunHouse, aliyun_house, ended
from tests.support.aliyun_wire import Fault, call_record, call_report, sms_report, sms_up
from tests.support.phones import WORDS

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

LI = "+8613812345678"
SUBJECT = "invitation-1"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[AliyunHouse]:
    with aliyun_house(tmp_path) as opened:
        yield opened


def invited(home: AliyunHouse, channel: str = "voice", subject: str = SUBJECT, **changes: Any) -> str:
    """An invitation that Aliyun has taken."""
    message_id = home.invites(home.person(LI), subject, channel, **changes)
    home.settle()
    return message_id


def presses(home: AliyunHouse, *keys: str) -> list[dict[str, Any]]:
    """The receipts of keys pressed one after the other."""
    reports = []
    for key in keys:
        home.clock.advance(2)
        reports.append(call_report(home.call, "300000", home.clock.now(), dtmf=key))
    return reports


def hangs_up(home: AliyunHouse, status: str = "200000", seconds: int = 20, **more: str) -> dict[str, Any]:
    return call_record(home.call, status, home.clock.now(), seconds, **more)


def answers(home: AliyunHouse) -> list[tuple[str, ...]]:
    return [one[1:] for one in home.invitees.told if one[0] == "answer"]


def queued_texts(home: AliyunHouse) -> list[OutgoingMessage]:
    with home.database.reading() as session:
        rows = session.exec(select(OutgoingMessage)).all()
        return [one for one in rows if one.purpose == aliyun_receipts.REPLY]


# --- texts --------------------------------------------------------------------------------------------------------------


def test_a_text_that_has_arrived_is_delivered(home: AliyunHouse) -> None:
    message_id = invited(home, "sms")
    assert home.state(message_id) == "sent"
    answer = home.pushes(Kind.sms_report, sms_report(home.text, home.clock.now()))
    assert answer.json() == {"code": 0, "msg": "OK"}
    assert home.state(message_id) == "delivered"
    assert home.events(message_id, "status") == [
        {"error": "", "sid": home.text.biz_id, "status": "delivered"}
    ]
    assert ended(home.invitees.told, SUBJECT) == [("sms", "delivered")]


def test_a_text_that_did_not_arrive_says_why(home: AliyunHouse) -> None:
    message_id = invited(home, "sms")
    home.pushes(Kind.sms_report, sms_report(home.text, home.clock.now(), "MK:0001"))
    message = home.message(message_id)
    assert (message.state, message.error_code) == ("undelivered", "MK:0001")


def test_receipts_that_come_twice_and_backwards_are_written_once(home: AliyunHouse) -> None:
    ids = [invited(home, "sms", f"invitation-{place}") for place in range(3)]
    items = [sms_report(one, home.clock.now()) for one in home.wire.texts]
    home.pushes(Kind.sms_report, *reversed([*items, *items]))
    home.pushes(Kind.sms_report, *items)
    for message_id in ids:
        assert home.state(message_id) == "delivered"
        assert len(home.events(message_id, "status")) == 1
    assert [len(ended(home.invitees.told, f"invitation-{place}")) for place in range(3)] == [1, 1, 1]


def test_a_receipt_finds_its_text_although_the_reply_was_lost(home: AliyunHouse) -> None:
    home.wire.fails(Fault.drop_reply)
    message_id = invited(home, "sms")
    assert home.state(message_id) == "unknown"
    home.pushes(Kind.sms_report, sms_report(home.text, home.clock.now()))
    message = home.message(message_id)
    assert (message.state, message.provider_sid) == ("delivered", home.text.biz_id)
    assert home.invitees.count("taken", SUBJECT) == 1
    assert len(home.wire.texts) == 1


def test_a_lost_reply_and_a_lost_receipt_are_made_good_by_a_look_up(home: AliyunHouse) -> None:
    home.wire.fails(Fault.server_error_taken)
    message_id = invited(home, "sms")
    assert home.state(message_id) == "unknown"
    home.pass_time(20)
    assert home.state(message_id) == "sent"
    assert home.message(message_id).provider_sid == f"out:{message_id}"
    home.pushes(Kind.sms_report, sms_report(home.text, home.clock.now()))
    message = home.message(message_id)
    assert (message.state, message.provider_sid) == ("delivered", home.text.biz_id)
    assert len(home.wire.texts) == 1


def test_a_text_that_never_left_is_sent_again_once_it_was_twice_not_found(home: AliyunHouse) -> None:
    home.wire.fails(Fault.server_error)
    message_id = invited(home, "sms")
    home.pass_time(16)
    home.pass_time(16)
    assert home.state(message_id) == "sent"
    assert len(home.wire.texts) == 1


def test_what_left_was_kept_byte_by_byte(home: AliyunHouse) -> None:
    invited(home, "sms")
    with home.database.reading() as session:
        (kept,) = session.exec(select(SentDocument)).all()
    (seen,) = home.wire.seen
    assert home.sealer.unseal(kept.body_sealed, DOCUMENT_BODY.at(kept.id)).encode() == seen.query


# --- calls --------------------------------------------------------------------------------------------------------------


def test_a_call_rings_is_answered_and_a_second_press_confirms(home: AliyunHouse) -> None:
    message_id = invited(home)
    for status, state in (("200101", "sent"), ("200201", "ringing"), ("200102", "answered")):
        home.pushes(Kind.voice_call_report, call_report(home.call, status, home.clock.now()))
        assert home.state(message_id) == state
    home.pushes(Kind.voice_call_report, *presses(home, "1"))
    home.pushes(Kind.voice_call_report, *presses(home, "1"))
    assert answers(home) == [], "more keys may be on their way until the record of the call has come"
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == [(SUBJECT, "yes", "voice")]
    assert home.invitees.answers == {SUBJECT: Heard.accepted}
    assert home.state(message_id) == "completed"
    facts = [one for one in home.invitees.told if one[0] in {"answer", "ended"}]
    assert [one[0] for one in facts] == ["answer", "ended"], "the answer is known when the step ends"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("22", ["no"]), ("11", ["yes"]), ("*22", ["no"]), ("122", ["no"]), ("1", []), ("12", []), ("", [])],
)
def test_the_record_may_tell_all_keys_at_once(home: AliyunHouse, keys: str, expected: list[str]) -> None:
    invited(home)
    home.pushes(Kind.voice_report, hangs_up(home, dtmf=keys))
    assert [one[1] for one in answers(home)] == expected


def test_keys_count_in_the_order_they_were_pressed(home: AliyunHouse) -> None:
    invited(home)
    pressed = presses(home, "1", "2", "2")
    home.pushes(Kind.voice_call_report, *reversed([*pressed, *pressed]))
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == [(SUBJECT, "no", "voice")]


def test_keys_that_overtake_each_other_are_put_in_order(home: AliyunHouse) -> None:
    invited(home)
    first, second, third = presses(home, "1", "2", "1")
    for late in (first, third, second):
        home.clock.advance(1)
        home.pushes(Kind.voice_call_report, late)
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == [], "1, 2, 1 confirms nothing, whatever order it is told in"


def test_one_press_that_is_reported_twice_is_one_press(home: AliyunHouse) -> None:
    invited(home)
    (press,) = presses(home, "1")
    home.pushes(Kind.voice_call_report, press, press)
    home.pushes(Kind.voice_call_report, press)
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == []


def test_a_key_that_comes_after_the_record_still_counts(home: AliyunHouse) -> None:
    invited(home)
    first, second = presses(home, "1", "1")
    home.pushes(Kind.voice_call_report, second)
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == []
    home.pushes(Kind.voice_call_report, first)
    assert answers(home) == [(SUBJECT, "yes", "voice")]


def test_what_the_record_says_of_the_keys_is_the_last_word(home: AliyunHouse) -> None:
    invited(home)
    late = presses(home, "2", "2")
    home.pushes(Kind.voice_report, hangs_up(home, dtmf="11"))
    home.pushes(Kind.voice_call_report, *late)
    home.pushes(Kind.voice_report, hangs_up(home, dtmf="22"))
    assert answers(home) == [(SUBJECT, "yes", "voice")]


def test_the_guide_calls_the_keys_digits(home: AliyunHouse) -> None:
    invited(home)
    item = {"call_id": home.call.call_id, "call_time": "2026-11-21 09:00:09", "digits": "11"}
    home.pushes(Kind.voice_call_report, item)
    home.pushes(Kind.voice_report, hangs_up(home))
    assert answers(home) == [(SUBJECT, "yes", "voice")]


@pytest.mark.parametrize(
    ("status", "state", "error"),
    [
        ("200002", "busy", None),
        ("200003", "no_answer", None),
        ("200010", "no_answer", None),
        ("200004", "failed", "200004"),
    ],
)
def test_a_call_nobody_takes_ends_its_step(
    home: AliyunHouse, status: str, state: str, error: str | None
) -> None:
    message_id = invited(home)
    record = hangs_up(home, status, 0)
    home.pushes(Kind.voice_report, record, record)
    message = home.message(message_id)
    assert (message.state, message.error_code) == (state, error)
    assert ended(home.invitees.told, SUBJECT) == [("voice", state)]
    assert answers(home) == []


def test_a_call_whose_reply_was_lost_waits_for_its_receipt(home: AliyunHouse) -> None:
    home.wire.fails(Fault.drop_reply)
    message_id = invited(home)
    home.pass_time(60)
    assert home.state(message_id) == "unknown"
    assert len(home.wire.calls) == 1, "a call that may ring is not placed again"
    home.pushes(Kind.voice_report, hangs_up(home, dtmf="11"))
    message = home.message(message_id)
    assert (message.state, message.provider_sid) == ("completed", home.call.call_id)
    assert home.invitees.answers == {SUBJECT: Heard.accepted}
    assert [one[0] for one in home.invitees.told] == ["taken", "answer", "ended"]


def test_silence_after_a_call_is_made_good_by_a_look_up(home: AliyunHouse) -> None:
    message_id = invited(home)
    home.pass_time(100)
    assert home.state(message_id) == "sent", (
        "the record takes minutes to appear, and its absence says nothing"
    )
    home.call.record = {"state": "200003", "duration": "0"}
    home.pass_time(61)
    assert home.state(message_id) == "no_answer"


def test_an_answer_after_the_end_changes_nothing(home: AliyunHouse) -> None:
    invited(home)
    home.clock.advance(timedelta(minutes=16).total_seconds())
    home.pushes(Kind.voice_report, hangs_up(home, dtmf="11"))
    assert answers(home) == [(SUBJECT, "yes", "voice")]
    assert home.invitees.answers == {}


def test_keys_in_a_call_that_asks_nothing_are_no_answer(home: AliyunHouse) -> None:
    invited(home, purpose="notice")
    home.pushes(Kind.voice_report, hangs_up(home, dtmf="11"))
    assert answers(home) == []


def test_a_second_call_of_the_same_message_starts_anew(home: AliyunHouse) -> None:
    invited(home)
    other = {"call_id": "other^call"}
    (pressed,) = presses(home, "1")
    home.pushes(Kind.voice_call_report, pressed, pressed | other)
    home.pushes(Kind.voice_report, hangs_up(home), hangs_up(home) | other)
    assert answers(home) == []


# --- texts that come back -----------------------------------------------------------------------------------------------


def writes(home: AliyunHouse, content: str, sequence_id: str = "1", number: str = LI) -> None:
    home.pushes(Kind.sms_up, sms_up(number.removeprefix("+86"), content, sequence_id, home.clock.now()))


@pytest.mark.parametrize(("content", "heard"), [("1", "accepted"), (" ２。", "declined")])
def test_a_text_answers_the_invitation(home: AliyunHouse, content: str, heard: str) -> None:
    message_id = invited(home, "sms")
    writes(home, content)
    writes(home, content)
    assert home.invitees.answers == {SUBJECT: heard}
    assert len(answers(home)) == 1
    assert len(home.events(message_id, "texted")) == 1


def test_a_text_is_answered_where_a_template_was_approved(home: AliyunHouse) -> None:
    invited(home, "sms")
    writes(home, "1")
    home.settle()
    assert [one.template for one in queued_texts(home)] == ["accepted"]
    assert len(home.wire.texts) == 2
    assert home.state(queued_texts(home)[0].id) == "sent"
    writes(home, "1", "2")  # an answer that was recorded before: no approved template says so
    home.settle()
    assert len(home.wire.texts) == 2


def test_a_standby_is_not_told_to_come(home: AliyunHouse) -> None:
    invited(home, "sms")
    home.invitees.standbys.add(SUBJECT)
    writes(home, "1")
    assert queued_texts(home) == [], "the template for standbys has no approved code here"


def test_two_machines_do_not_talk_for_ever(home: AliyunHouse) -> None:
    invited(home, "sms")
    for sequence in range(5):
        writes(home, "正在开车，稍后联系", str(sequence))
    home.settle()
    assert [one.template for one in queued_texts(home)] == ["sms_not_understood"]
    home.clock.advance(3600)
    for sequence in range(5, 8):
        writes(home, "正在开车，稍后联系", str(sequence))
    home.settle()
    assert sorted(one.template for one in queued_texts(home)) == ["lapsed", "sms_not_understood"]
    assert home.invitees.count("late", SUBJECT, "sms") == 3


def test_who_wants_no_texts_gets_none_until_they_say_so(home: AliyunHouse) -> None:
    invited(home, "sms")
    writes(home, "退订")
    with home.database.reading() as session:
        assert [one.phone_fingerprint for one in session.exec(select(SmsOptOut)).all()] == [
            callee_mark(home.sealer, LI)
        ]
    message_id = invited(home, "sms", "invitation-2")
    assert (home.state(message_id), len(home.wire.texts)) == ("failed", 1)
    writes(home, "恢复", "2")
    invited(home, "sms", "invitation-3")
    assert len(home.wire.texts) == 2
    assert queued_texts(home) == []


def test_a_stranger_and_a_masked_number_answer_nothing(home: AliyunHouse) -> None:
    invited(home, "sms")
    writes(home, "1", number="+8613900000000")
    writes(home, "1", "2", number="1381111****")
    writes(home, "TD", "3", number="+8613900000000")
    assert answers(home) == []
    with home.database.reading() as session:
        assert len(session.exec(select(SmsOptOut)).all()) == 1


def test_texts_without_a_number_of_their_own_are_told_apart_by_what_they_say(home: AliyunHouse) -> None:
    message_id = invited(home, "sms")
    item = sms_up("13812345678", "?", "", home.clock.now())
    home.pushes(Kind.sms_up, item, item)
    home.pushes(Kind.sms_up, {**item, "content": "1"})
    assert len(home.events(message_id, "texted")) == 2


# --- who may push -------------------------------------------------------------------------------------------------------


def post(url: str, **how: Any) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.post(url, **how)


def test_only_who_knows_the_address_is_heard(home: AliyunHouse, caplog: pytest.LogCaptureFixture) -> None:
    message_id = invited(home)
    known = addresses(home.url, home.sealer)[Kind.voice_report]
    strangers = addresses(home.url, Sealer(b"another key" * 3))[Kind.voice_report]
    record = [hangs_up(home, dtmf="11")]
    for wrong in (
        strangers,
        known.replace("/hooks/aliyun/", "/hooks/aliyun/0"),
        known[:-20] + "/voice-report",
    ):
        refused = post(wrong, json=record)
        assert refused.status_code == 404
    assert home.state(message_id) == "sent"
    assert post(known, json=record).status_code == 200
    assert home.state(message_id) == "completed"


def test_beside_another_provider_there_is_no_such_address(home: AliyunHouse) -> None:
    home.application.state.settings = home.settings.model_copy(
        update={"notify": home.settings.notify.model_copy(update={"provider": "twilio"})}
    )
    assert post(addresses(home.url, home.sealer)[Kind.sms_report], json=[]).status_code == 404


def test_each_address_is_long_and_known_to_the_key_alone(home: AliyunHouse) -> None:
    ours = addresses(home.url, home.sealer)
    assert set(ours) == set(Kind)
    assert all(len(one.split("/")[-2]) == 64 for one in ours.values())
    assert not set(ours.values()) & set(addresses(home.url, Sealer(b"another")).values())


def test_who_sets_the_service_up_is_told_the_addresses(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        cli.main_command,
        ["receipt-addresses", "--data", str(tmp_path)],
        env={"YUANPING_SERVER__PUBLIC_URL": "https://pb.example.gov.cn/"},
    )
    key = bytes.fromhex((tmp_path / "secret.key").read_text())
    assert told.stdout.split() == list(addresses("https://pb.example.gov.cn", Sealer(key)).values())


def test_what_is_no_push_is_refused(home: AliyunHouse) -> None:
    url = addresses(home.url, home.sealer)[Kind.sms_report]
    for content in (b"", b"{", b"[" * 100_000, b'["' + b"x" * (1024 * 1024) + b'"]', b"\xff\xfe"):
        assert post(url, content=content).status_code == 422
    assert post(url.replace("sms-report", "other"), json=[]).status_code == 422


def test_strange_receipts_change_nothing_and_hold_up_no_others(
    home: AliyunHouse, caplog: pytest.LogCaptureFixture
) -> None:
    message_id = invited(home, "sms")
    strange: list[Any] = [
        None,
        7,
        {},
        {"biz_id": "1^0"},
        {"out_id": message_id},
        {"biz_id": {"a": 1}, "out_id": [message_id]},
        {"call_id": "x", "out_id": "0" * 15, "status_code": "200000"},
    ]
    for kind in Kind:
        home.pushes(kind, *strange)
    assert home.state(message_id) == "sent"
    home.pushes(Kind.sms_report, *strange, sms_report(home.text, home.clock.now()))
    assert home.state(message_id) == "delivered"
    assert "a receipt is a int, not an object" in caplog.text


def test_a_receipt_about_a_call_does_not_move_a_text(home: AliyunHouse) -> None:
    message_id = invited(home, "sms")
    now = home.clock.now().isoformat()
    home.pushes(
        Kind.voice_report,
        {"call_id": home.text.biz_id, "out_id": message_id, "status_code": "200000", "end_time": now},
    )
    assert home.state(message_id) == "sent"


def test_an_unknown_word_about_a_call_changes_nothing(home: AliyunHouse) -> None:
    message_id = invited(home)
    home.pushes(Kind.voice_call_report, call_report(home.call, "200777", home.clock.now()))
    assert (home.state(message_id), home.events(message_id, "status")) == ("sent", [])


def test_when_a_receipt_breaks_aliyun_comes_again_and_no_log_shows_the_address(
    home: AliyunHouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = invited(home, "sms")
    caplog.set_level(logging.DEBUG)
    item = sms_report(home.text, home.clock.now())

    def breaks(*_given: Any) -> bool:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as broken:
        broken.setitem(aliyun_callbacks._WAYS, Kind.sms_report, breaks)
        assert post(addresses(home.url, home.sealer)[Kind.sms_report], json=[item]).status_code == 500
    assert home.state(message_id) == "sent"
    token = addresses("", home.sealer)[Kind.sms_report].split("/")[-2]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("app.")]
    assert any("unexpected error" in line for line in ours)
    assert not any(token in line for line in ours)
    home.pushes(Kind.sms_report, item)
    assert home.state(message_id) == "delivered"


def test_no_receipt_leaves_a_number_or_a_word_of_the_text_in_clear(home: AliyunHouse) -> None:
    voice, text = invited(home), invited(home, "sms", "invitation-2")
    home.pushes(Kind.voice_call_report, *presses(home, "1", "1"))
    home.pushes(Kind.voice_report, hangs_up(home))
    home.pushes(Kind.sms_report, sms_report(home.text, home.clock.now()))
    writes(home, "我是李某，正在外地")
    with home.database.reading() as session:
        connection = session.connection().connection.driver_connection
        assert connection is not None
        dump = "\n".join(connection.iterdump())
    assert voice in dump
    assert text in dump
    for secret in ("13812345678", "李某", WORDS["place"]):
        assert secret not in dump
