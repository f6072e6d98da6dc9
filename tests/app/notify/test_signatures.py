"""Only what the provider signed is believed."""

from urllib.parse import parse_qsl

import httpx2
import pytest
from fastapi.routing import iter_route_contexts

from app.notify import callbacks, twilio
from app.notify.twilio import Signatures
from tests.support.phones import PhoneHouse

STATUS = {"CallSid": "CA" + "1" * 32, "CallStatus": "completed", "SequenceNumber": "3"}


def test_the_published_example_of_the_provider_is_genuine() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    checks = Signatures("https://mycompany.com", "another-token", "12345")
    good = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert checks.genuine("/myapp.php", "foo=1&bar=2", fields, good)
    assert not checks.genuine("/myapp.php", "bar=2&foo=1", fields, good)
    assert not checks.genuine("/myapp.php", "foo=1&bar=2", {**fields, "Digits": "1"}, good)
    assert not checks.genuine("/myapp.php", "foo=1&bar=2", fields, None)


@pytest.mark.parametrize(
    "path", sorted(context.path or "" for context in iter_route_contexts([*callbacks.router.routes]))
)
@pytest.mark.parametrize("how", ["no signature", "wrong signature", "foreign token"])
def test_an_unsigned_or_forged_report_is_refused_and_changes_nothing(
    house: PhoneHouse, path: str, how: str
) -> None:
    message = house.invites(house.person("+8613800000001"), "invitation-1")
    house.settle()
    address = path.format(message_id=message)
    if how == "foreign token":
        answer = house.reports(address, {**STATUS, "Digits": "1"}, token="somebody else's")
    else:
        answer = house.reports(address, STATUS, signature="" if how == "no signature" else "AAAA")
    assert answer.status_code == 403
    assert answer.json()["code"] == "signature"
    assert house.state(message) == "ringing"
    assert house.invitees.answers == {}


def test_the_query_is_checked_as_it_came(house: PhoneHouse) -> None:
    message = house.invites(house.person("+8613800000001"), "invitation-1")
    house.settle()
    fields = {"CallSid": "CA" + "1" * 32, "Digits": "1"}
    path = f"/hooks/twilio/voice/{message}/keys"
    signed = twilio.sign(house.room.auth_token, f"{house.url}{path}?via=voice&step=accept", fields)
    assert house.reports(f"{path}?step=accept&via=voice", fields, signature=signed).status_code == 403
    assert house.reports(f"{path}?via=voice&step=accept", fields, signature=signed).status_code == 200
    assert house.invitees.answers == {"invitation-1": "accepted"}


def test_a_status_report_is_taken_without_a_word(house: PhoneHouse) -> None:
    message = house.invites(house.person("+8613800000001"), "invitation-1")
    house.settle()
    answer = house.reports(f"/hooks/twilio/status/{message}", STATUS)
    assert (answer.status_code, answer.content) == (204, b"")
    assert house.state(message) == "completed"


def test_a_call_that_has_ended_hears_no_other_ending(house: PhoneHouse) -> None:
    message = house.invites(house.person("+8613800000001"), "invitation-1")
    house.settle()
    for number, word in enumerate(("completed", "busy", "no-answer", "ringing")):
        fields = {**STATUS, "CallStatus": word, "SequenceNumber": str(number)}
        assert house.reports(f"/hooks/twilio/status/{message}", fields).status_code == 204
    assert house.state(message) == "completed"
    assert [fact for fact in house.invitees.told if fact[0] == "ended"] == [
        ("ended", "invitation-1", "voice", "completed")
    ]


@pytest.mark.parametrize(
    ("status", "sip", "state"),
    [("failed", "480", "no_answer"), ("failed", "404", "failed"), ("teleported", "", "ringing")],
)
def test_a_phone_out_of_reach_counts_as_unanswered(
    house: PhoneHouse, status: str, sip: str, state: str
) -> None:
    message = house.invites(house.person("+8613800000001"), "invitation-1")
    house.settle()
    fields = {**STATUS, "CallStatus": status, "SipResponseCode": sip}
    assert house.reports(f"/hooks/twilio/status/{message}", fields).status_code == 204
    assert house.state(message) == state


def test_a_report_on_a_message_we_never_sent_is_taken_and_forgotten(house: PhoneHouse) -> None:
    assert house.reports("/hooks/twilio/status/nobody", STATUS).status_code == 204
    answer = house.reports("/hooks/twilio/voice/nobody", STATUS)
    assert "没有待答复的通知" in answer.text
    answer = house.reports("/hooks/twilio/voice/nobody/keys?step=accept", {**STATUS, "Digits": "1"})
    assert "没有待答复的通知" in answer.text
    assert house.invitees.told == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
        ),
        ("application/json", b"{}"),
        ("", b""),
        ("application/x-www-form-urlencoded", b"a=" + b"1" * (64 * 1024)),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % number for number in range(300))),
        ("application/x-www-form-urlencoded", "a=中".encode()),
    ],
)
def test_what_no_provider_would_send_is_refused_before_it_is_taken_in(
    house: PhoneHouse, kind: str, body: bytes
) -> None:
    address = f"{house.url}/hooks/twilio/inbound/sms"
    headers = {"Content-Type": kind} if kind else {}
    # Signed with the right token: it is the form that is refused, not the signature.
    headers[twilio.SIGNATURE_HEADER] = twilio.sign(
        house.room.auth_token, address, dict(parse_qsl(body.decode()))
    )
    answer = httpx2.post(address, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "report-form")


def test_a_report_up_to_the_limit_is_read_with_its_empty_fields(house: PhoneHouse) -> None:
    fields = {"From": "+8613900000099", "Body": "x" * 60_000, "MessageSid": "SM" + "2" * 32, "Empty": ""}
    assert house.reports("/hooks/twilio/inbound/sms", fields).status_code == 200


def test_while_the_token_is_changed_reports_signed_with_the_former_one_are_genuine() -> None:
    fields = {"CallSid": "CA1"}
    signed = {
        token: twilio.sign(token, "https://pb.example.cn/hooks/x?a=1", fields) for token in ("new", "old")
    }
    changing = twilio.Signatures("https://pb.example.cn", "new", "old")
    assert all(changing.genuine("/hooks/x", "a=1", fields, signature) for signature in signed.values())
    changed = twilio.Signatures("https://pb.example.cn", "new", None)
    assert changed.genuine("/hooks/x", "a=1", fields, signed["new"])
    assert not changed.genuine("/hooks/x", "a=1", fields, signed["old"])
