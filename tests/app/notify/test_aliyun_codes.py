"""Aliyun's words: which refusals are final, how calls end, what keys come to, and the short id that leads back to a row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import new_id
from app.notify.aliyun_codes import (
    answer,
    call_state,
    callable_number,
    in_full,
    mobile,
    refusal,
    short_id,
    span,
    text_state,
)
from app.notify.delivery import MessageState, is_final
from app.notify.messenger import FateUnknown, PutBack, Rejected

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", Rejected("isv.BUSINESS_LIMIT_CONTROL")),
        (400, "isv.BUSINESS_LIMIT_CONTROL", Rejected("isv.BUSINESS_LIMIT_CONTROL")),
        (200, "isv.MOBILE_NUMBER_ILLEGAL", Rejected("isv.MOBILE_NUMBER_ILLEGAL")),
        (200, "isv.SMS_TEMPLATE_ILLEGAL", PutBack("isv.SMS_TEMPLATE_ILLEGAL")),
        (200, "isv.SOMETHING_NEW", PutBack("isv.SOMETHING_NEW")),
        (200, "isp.RAM_PERMISSION_DENY", PutBack("isp.RAM_PERMISSION_DENY")),
        (403, "Forbidden.RAM", PutBack("Forbidden.RAM")),
        (404, "InvalidAccessKeyId.NotFound", PutBack("InvalidAccessKeyId.NotFound")),
        (400, "SignatureDoesNotMatch", PutBack("SignatureDoesNotMatch")),
        (200, "isv.AMOUNT_NOT_ENOUGH", PutBack("isv.AMOUNT_NOT_ENOUGH")),
        (200, "isv.AMOUNT_NOT_ENOUG", PutBack("isv.AMOUNT_NOT_ENOUG")),
        (200, "isv.OUT_OF_SERVICE", PutBack("isv.OUT_OF_SERVICE")),
        (200, "isv.DAY_LIMIT_CONTROL", PutBack("isv.DAY_LIMIT_CONTROL")),
        (400, "Throttling.User", PutBack("Throttling.User")),
        (503, "Throttling.Api", PutBack("Throttling.Api")),
        (429, "TooManyRequests", PutBack("TooManyRequests")),
        (200, "isp.SYSTEM_ERROR", FateUnknown("isp.SYSTEM_ERROR")),
        (400, "SignatureNonceUsed", FateUnknown("SignatureNonceUsed")),
        (500, "InternalError", FateUnknown("InternalError")),
        (502, "BadGateway", FateUnknown("BadGateway")),
        (408, "RequestTimeout", FateUnknown("RequestTimeout")),
        (200, "", FateUnknown("200")),
        (400, "None", FateUnknown("400")),
    ],
)
def test_a_refusal_is_final_only_when_it_blames_the_number(status: int, code: str, expected: object) -> None:
    assert refusal(status, code) == expected


def test_a_long_code_fits_the_column_it_is_kept_in() -> None:
    assert refusal(200, "isv." + "X" * 60) == PutBack(("isv." + "X" * 60)[:32])


@pytest.mark.parametrize(
    ("code", "seconds", "over", "expected"),
    [
        ("200000", 30, True, MessageState.completed),
        ("200008", 0, False, MessageState.completed),
        ("200002", 0, True, MessageState.busy),
        ("200003", 0, False, MessageState.no_answer),
        ("200010", 0, True, MessageState.no_answer),
        ("200004", 0, True, MessageState.failed),
        ("200118", 0, False, MessageState.failed),
        ("200100", 12, True, MessageState.completed),
        ("200100", 0, True, MessageState.failed),
        ("200100", 0, False, None),
        ("200101", 0, False, MessageState.sent),
        ("200201", 0, False, MessageState.ringing),
        ("200102", 0, False, MessageState.answered),
        ("123456", 0, False, None),
    ],
)
def test_how_a_call_stands(code: str, seconds: int, *, over: bool, expected: MessageState | None) -> None:
    assert call_state(code, seconds, over=over) is expected


def test_a_text_waits_failed_or_arrived() -> None:
    assert [text_state(one) for one in (1, 2, 3, 4, None)] == [
        MessageState.sent,
        MessageState.undelivered,
        MessageState.delivered,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("11", True),
        ("22", False),
        ("*11", True),
        ("1*1", True),
        ("122", False),
        ("211", True),
        ("1191", True),
        ("91 1", True),
        ("1", None),
        ("12", None),
        ("121", None),
        ("", None),
        ("***", None),
    ],
)
def test_only_the_same_key_twice_is_an_answer(keys: str, *, expected: bool | None) -> None:
    assert answer(keys) is expected


@given(st.text("12*05#", max_size=12))
def test_no_answer_without_a_key_that_was_pressed_twice(keys: str) -> None:
    heard = answer(keys)
    if heard is not None:
        assert keys.count("1" if heard else "2") >= 2


@given(st.integers(0, 4_000_000_000_000))
def test_the_short_id_leads_back_to_its_row(milliseconds: int) -> None:
    message_id = new_id(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds))
    short = short_id(message_id)
    assert len(short.encode()) == 15
    found = span(short)
    assert found is not None
    assert found[0] <= message_id <= found[1]
    assert short_id(found[0]) == short_id(found[1]) == short


def test_two_messages_of_one_millisecond_have_different_short_ids() -> None:
    ids = {new_id(START) for _ in range(100)}  # among thousands two would meet now and then
    assert len({short_id(one) for one in ids}) == len(ids)


@pytest.mark.parametrize("strange", ["", "z" * 15, "0" * 14, "0" * 16, "ABCDEFGHJKLMNOP", "0000000000000-1"])
def test_what_is_no_short_id_leads_nowhere(strange: str) -> None:
    assert span(strange) is None


def test_numbers_as_aliyun_writes_them() -> None:
    assert mobile("+8613812345678") == "13812345678"
    assert [mobile(one) for one in ("+868701234567", "+85212345678", "13812345678", "+861381234567")] == [
        None
    ] * 4
    assert callable_number("+8613812345678") == "13812345678"
    assert callable_number("+868701234567") == "08701234567"
    assert callable_number("+85212345678") is None
    assert {in_full(one) for one in ("13812345678", "8613812345678", "+8613812345678")} == {"+8613812345678"}
    assert in_full("1381111****") is None


def test_every_end_of_a_call_is_an_end() -> None:
    ends = ("200000", "200002", "200003", "200004", "400", "unknown")
    assert all(is_final(state) for code in ends if (state := call_state(code, 0, over=True)))
