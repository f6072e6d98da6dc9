"""Every byte that a provider is given is kept: sealed, known by its hash, and nothing else is ever handed over."""

import hashlib
import sqlite3
from collections.abc import Sequence
from urllib.parse import parse_qs

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from app.core.guards import install_guards
from app.core.sealed_columns import DOCUMENT_BODY
from app.notify import twilio
from app.notify.models import SentDocument
from tests.support.phones import WORDS, PhoneHouse

LI = "+8613800000001"


def kept(house: PhoneHouse) -> Sequence[SentDocument]:
    with house.database.reading() as session:
        return session.exec(select(SentDocument).order_by(col(SentDocument.at), col(SentDocument.id))).all()


def opened(house: PhoneHouse, document: SentDocument) -> str:
    return house.sealer.unseal(document.body_sealed, DOCUMENT_BODY.at(document.id))


def test_a_call_leaves_its_request_and_everything_it_said_in_the_record(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    request = kept(house)[0]
    fields = parse_qs(opened(house, request))
    assert (request.kind, request.message_id) == ("call", message)
    assert fields["To"] == [LI]
    assert fields["Url"] == [f"{house.url}/hooks/twilio/voice/{message}"]
    said = [li.answers().hears, *(li.presses(key).hears for key in ("1", "1"))]
    spoken = [opened(house, one) for one in kept(house) if one.kind == "spoken"]
    assert [words in document for words, document in zip(said, spoken, strict=True)] == [True] * 3


def test_what_is_kept_is_known_by_its_hash_and_stands_nowhere_in_clear(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    (document,) = kept(house)
    body = opened(house, document)
    assert document.sha256 == hashlib.sha256(body.encode()).hexdigest()
    assert parse_qs(body)["Body"] == [li.inbox[0]]
    with house.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        dump = "\n".join(raw.iterdump())
    assert LI not in dump
    assert WORDS["place"] not in dump


def test_what_is_kept_is_never_changed(house: PhoneHouse) -> None:
    with house.database.engine.begin() as connection:
        install_guards(connection)
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    with pytest.raises(IntegrityError, match="append-only"), house.database.transaction() as session:
        session.exec(update(SentDocument).values(sha256="0" * 64))


def test_nothing_leaves_that_was_not_written_down_before(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the client library one day add a field of its own, the message waits for somebody who mends it."""
    message = house.invites(house.person(LI), "invitation-1")
    monkeypatch.setattr(twilio.TwilioMessenger, "wire", lambda _self, _message: b"To=somebody")
    house.settle()
    assert house.state(message) == "queued"
    assert house.message(message).error_code == "wire-mismatch"
    assert house.provider_calls() == []
