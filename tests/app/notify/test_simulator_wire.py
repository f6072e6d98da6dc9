"""The pretend exchange answers the provider's own client as the provider would."""

import base64
import copy
import logging
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx2
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient

from app.notify.simulator_resources import segments
from app.notify.twilio import TwilioMessenger
from tests.support.phones import START, PhoneHouse

LI, WANG = "+8613800000001", "+8613800000002"


class TwilioClient:
    """A client like the one that the house itself uses, run on the house's loop, but free to post what it likes."""

    def __init__(self, house: PhoneHouse) -> None:
        messenger = house.room.messenger
        assert isinstance(messenger, TwilioMessenger)
        self.client: Any = copy.copy(messenger._client)
        self.client.http_client, self.client._api = house.run(_client()), None
        self.client.api.base_url = f"{house.url}/sim"
        self._house = house

    def close(self) -> None:
        self._house.run(self.client.http_client.close())

    def __call__(self, work: Any) -> Any:
        return self._house.run(work)


async def _client() -> AsyncTwilioHttpClient:
    return AsyncTwilioHttpClient(logger=logging.getLogger("yuanping.twilio-client"))


@pytest.fixture
def provider(house: PhoneHouse) -> Iterator[TwilioClient]:
    client = TwilioClient(house)
    yield client
    client.close()


def test_calls_can_be_listed_by_number_state_and_time(house: PhoneHouse, provider: TwilioClient) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    house.clock.advance(86_400)
    house.invites(house.person(WANG), "invitation-2")
    house.run(house.room.dispatch.deliver_due())
    calls = provider.client.calls
    assert [call.to for call in provider(calls.list_async())] == [WANG, LI]
    assert [call.to for call in provider(calls.list_async(to=LI))] == [LI]
    assert [call.to for call in provider(calls.list_async(status="queued"))] == [WANG]
    assert [call.to for call in provider(calls.list_async(start_time_after=START + timedelta(hours=1)))] == [
        WANG
    ]
    assert [call.to for call in provider(calls.list_async(start_time_before=START))] == [LI]
    assert provider(calls.list_async(from_="+8610000000000")) == []
    assert len(provider(calls.list_async(page_size=1))) == 2


def test_texts_can_be_listed_read_and_taken_back(house: PhoneHouse, provider: TwilioClient) -> None:
    house.invites(house.person(LI), "invitation-1", "sms")
    house.run(house.room.dispatch.deliver_due())
    messages = provider.client.messages
    (text,) = provider(messages.list_async(to=LI, date_sent_after=START - timedelta(days=1)))
    assert (text.status, text.to, text.from_) == ("queued", LI, house.settings.notify.from_number)
    assert provider(messages.list_async(date_sent_before=START - timedelta(days=1))) == []
    assert provider(messages(text.sid).update_async(status="canceled")).status == "canceled"
    house.settle()
    assert provider(messages(text.sid).fetch_async()).status == "canceled"
    assert house.person(LI).inbox == []


def test_a_call_can_be_taken_back_or_ended(house: PhoneHouse, provider: TwilioClient) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    calls = provider.client.calls
    (call,) = provider(calls.list_async())
    assert provider(calls(call.sid).update_async(status="canceled")).status == "canceled"
    house.settle()
    assert house.state(message) == "failed"
    house.invites(li, "invitation-2")
    house.settle()
    li.answers()
    (call,) = provider(calls.list_async(status="in-progress"))
    assert provider(calls(call.sid).update_async(status="completed")).status == "completed"
    with pytest.raises(TwilioRestException) as refused:
        provider(calls(call.sid).update_async(status="completed"))
    assert refused.value.code == 21220


def test_a_text_that_has_left_cannot_be_taken_back(house: PhoneHouse, provider: TwilioClient) -> None:
    house.invites(house.person(LI), "invitation-1", "sms")
    house.settle()
    messages = provider.client.messages
    (text,) = provider(messages.list_async(to=LI))
    with pytest.raises(TwilioRestException) as refused:
        provider(messages(text.sid).update_async(status="canceled"))
    assert refused.value.code == 30409


def test_who_texts_stop_is_blocked_by_the_provider_itself_until_they_text_start(
    house: PhoneHouse, provider: TwilioClient
) -> None:
    li = house.person(LI)
    send = partial(provider.client.messages.create_async, to=LI, from_="+8687000000000", body="x")
    assert provider(send()).status == "queued"
    house.invites(li, "invitation-1")
    house.settle()
    li.writes("stop")
    assert "unsubscribed" in li.inbox[0]
    assert not [text for text in li.inbox if "退订" in text]  # the house's own answer is blocked, too
    with pytest.raises(TwilioRestException) as refused:
        provider(send())
    assert refused.value.code == 21610
    li.writes("START")
    assert {"re-subscribed" in text for text in li.inbox[:2]} == {True, False}
    assert any("已为您恢复短信通知" in text for text in li.inbox)
    assert provider(send()).status == "queued"


def test_a_text_that_waits_longer_than_it_may_is_not_sent(house: PhoneHouse, provider: TwilioClient) -> None:
    li = house.person(LI)
    messages = provider.client.messages
    text = provider(messages.create_async(to=LI, from_="+8687000000000", body="x", validity_period=60))
    house.clock.advance(60)
    house.settle()
    found = provider(messages(text.sid).fetch_async())
    assert (found.status, found.error_code, found.error_message) == (
        "failed",
        30036,
        "Validity Period Expired",
    )
    assert li.inbox == []


def test_a_text_of_ours_that_expires_at_the_provider_ends_its_step(house: PhoneHouse) -> None:
    li = house.person(LI)
    until = house.clock.now() + timedelta(seconds=60)
    message = house.invites(li, "invitation-1", "sms", expires_at=until)
    house.run(house.room.dispatch.deliver_due())
    house.pass_time(60)
    assert (house.state(message), house.message(message).error_code) == ("failed", "30036")
    assert li.inbox == []


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        ("评" * 70, 1),
        ("评" * 71, 2),
        ("评" * 134, 2),
        ("评" * 135, 3),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("", 1),
    ],
)
def test_a_text_is_counted_in_pieces(body: str, pieces: int) -> None:
    assert segments(body) == pieces


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("/Calls.json", {"To": "13800000001", "From": "+8687000000000", "Url": "http://localhost"}, 21211),
        ("/Calls.json", {"To": LI, "From": "us", "Url": "http://localhost"}, 21212),
        ("/Calls.json", {"To": LI, "From": "+8687000000000", "Url": "ftp://x"}, 21205),
        ("/Calls.json", {"To": LI, "From": "+8687000000000", "Url": "http://x", "Timeout": "0"}, 20001),
        ("/Calls.json", {"To": LI, "From": "+8687000000000", "Url": "http://x", "Timeout": "soon"}, 20001),
        ("/Messages.json", {"To": LI, "From": "us", "Body": "x"}, 21606),
        ("/Messages.json", {"To": "+868701234567", "From": "+8687000000000", "Body": "x"}, 21614),
        (
            "/Messages.json",
            {"To": LI, "From": "+8687000000000", "Body": "x", "ValidityPeriod": "36001"},
            90007,
        ),
        ("/Messages.json", {"To": LI, "From": "+8687000000000"}, 21602),
        ("/Messages.json", {"To": LI, "From": "+8687000000000", "Body": "x" * 1601}, 21617),
        ("/Calls/CA0.json", {"Status": "ringing"}, 20001),
        ("/Calls/CA0.json", {"Status": "canceled"}, 20404),
        ("/Messages/SM0.json", {"Status": "sent"}, 20001),
    ],
)
def test_refusals_carry_the_providers_codes(
    house: PhoneHouse, path: str, fields: dict[str, str], code: int
) -> None:
    sid, token = house.room.account_sid, house.room.auth_token
    with httpx2.Client(auth=(sid, token)) as client:
        answer = client.post(f"{house.url}/sim/2010-04-01/Accounts/{sid}{path}", data=fields)
    assert answer.json()["code"] == code
    assert answer.status_code == answer.json()["status"] == (404 if code == 20404 else 400)


def test_the_account_is_asked_for(house: PhoneHouse) -> None:
    sid, token = house.room.account_sid, house.room.auth_token
    with httpx2.Client() as client:
        address = f"{house.url}/sim/2010-04-01/Accounts/{sid}/Calls.json"
        assert client.get(address).json()["code"] == 20003
        assert client.get(address, auth=(sid, "wrong")).status_code == 401
        other = f"{house.url}/sim/2010-04-01/Accounts/AC{'1' * 32}/Calls.json"
        assert client.get(other, auth=(sid, token)).json()["code"] == 20404


def test_a_wrong_token_only_waits_for_the_right_one(house: PhoneHouse) -> None:
    assert isinstance(house.room.messenger, TwilioMessenger)
    strategy = house.room.messenger._client.credential_provider.to_auth_strategy()
    right = strategy._header
    strategy._header = "Basic " + base64.b64encode(b"AC0:wrong").decode()
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    assert house.state(message) == "queued"
    assert house.message(message).error_code == "20003"
    strategy._header = right
    house.pass_time(1)
    assert house.state(message) == "ringing"


def test_a_report_that_nobody_takes_is_tried_five_times(house: PhoneHouse) -> None:
    house.run(
        house.line.act(
            lambda session, now: house.line.exchange.dial(
                session,
                now,
                to=LI,
                document_url="http://127.0.0.1:9/voice",
                status_url="http://127.0.0.1:9/status#rc=5",
                status_events=("initiated",),
                ring_s=5,
            )
        )
    )
    house.settle()

    def waiting() -> int:
        return len(house.run(house.line.look(house.line.exchange.reports.due)))

    for pause in (2, 4, 8, 16):
        house.clock.advance(pause)
        assert waiting() == 1
        house.settle()
    house.clock.advance(3600)
    assert waiting() == 0


def test_a_call_without_a_readable_document_says_so_and_ends(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.run(
        house.line.act(
            lambda session, now: house.line.exchange.dial(
                session,
                now,
                to=LI,
                document_url=f"{house.url}/hooks/twilio/nowhere",
                status_url=None,
                status_events=(),
                ring_s=600,
            )
        )
    )
    house.settle()
    assert li.answers().hears == "应用程序发生错误，通话结束。"
    house.pass_time(60)
    assert li.phone.state == "idle"
