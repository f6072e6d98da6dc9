"""What is evaluated, for whom, and who was drawn with whom reaches no phone, no address, no log and no plain row."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

import pytest
from sqlmodel import col, select

from app.core.sealed_columns import DOCUMENT_BODY
from app.notify.models import MessageEvent, SentDocument, SimulatedCall
from app.rehearsal.phones import Part, PhoneCast
from app.rehearsal.service import Desk
from expert_draw import specialties
from expert_draw.models import Expert
from expert_draw.personal import identity_of, name_of, phone_of
from tests.support.leaks import leaked
from tests.support.running import RunningHouse, becomes, drawn
from tests.support.sealed_values import unsealed

pytestmark = pytest.mark.story

NOT_FOR_PROVIDERS = ("project_name", "project_number", "lot_name")


@dataclass(frozen=True, slots=True)
class People:
    """Everybody on the roster, in clear."""

    names: frozenset[str]
    numbers: frozenset[str]
    identities: frozenset[str]


def test_nothing_of_the_project_or_the_people_gets_where_it_does_not_belong(own_house: RunningHouse) -> None:
    asyncio.run(_played(own_house))
    own_house.stop()
    people = _people(own_house)
    booking = own_house.booking()
    words = _secret_words(booking)

    sent = list(_sent(own_house))
    assert {kind for kind, _ in sent} == {"call", "text", "spoken"}, "the scan looks at all that was sent"
    for kind, text in sent:
        found = [word for word in words if word in text]
        assert not found, f"{kind} tells {found}"
        assert not [name for name in people.names if name in text], f"{kind} names somebody"
    for address in own_house.read(lambda session: session.exec(select(SimulatedCall.document_url)).all()):
        assert not [word for word in (*words, *people.numbers) if word in unquote_plus(address)]

    log = (own_house.folder / "server.log").read_text(encoding="utf-8")
    assert log, "the service has said something"
    dump = _dump(own_house)
    for secret in people.numbers | people.identities:
        assert secret not in log
        assert secret not in dump
    assert not [name for name in people.names if name in log or f"'{name}'" in dump]
    files = b"".join(path.read_bytes() for path in sorted(own_house.folder.rglob("yuanping.db*")))
    called = sorted(number for number in people.numbers if any(number in text for _, text in sent))
    assert called, "somebody was called"
    assert leaked(called, files + log.encode()) == []
    own_house.read(lambda session: list(unsealed(session, own_house.ground.sealer)))
    rows = own_house.read(lambda session: session.exec(select(MessageEvent.payload)).all())
    assert not [word for word in (*words, *people.names, *people.numbers) if any(word in row for row in rows)]


def test_the_scan_would_see_a_name_and_a_number(own_house: RunningHouse) -> None:
    """The same scan on what does leak: so that it is known to be able to fail."""
    with own_house.ground.database.transaction() as session:
        expert = session.exec(select(Expert).limit(1)).one()
        name = name_of(own_house.ground.sealer, expert)
        number = phone_of(own_house.ground.sealer, expert)
        session.add(MessageEvent(key="k", message_id="m", kind="k", payload=number, at=expert.imported_at))
        session.add(MessageEvent(key="l", message_id="m", kind=name[:24], at=expert.imported_at))
    own_house.stop()
    assert number in _dump(own_house)
    assert f"'{name}'" in _dump(own_house)


async def _played(house: RunningHouse) -> None:
    """Everybody answers, one of them no: calls, texts, two rounds, codes for the room."""
    async with Desk(house.url) as operator:
        await operator.sign_in_by_link(house.link("operator").removeprefix(house.url))
        evaluation_id = await drawn(operator, house)
        phones = PhoneCast(operator, lambda _number, _what: None, cast=(Part.declines,))
        playing = asyncio.create_task(phones.play())
        try:
            await becomes(
                operator, f"/api/evaluations/{evaluation_id}", lambda found: found["state"] == "ready"
            )
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        convened = await operator.post(f"/api/evaluations/{evaluation_id}/convene")
        await phones.summonses(convened["places"])


def _people(house: RunningHouse) -> People:
    sealer = house.ground.sealer
    rows = house.read(lambda opened: opened.exec(select(Expert)).all())
    return People(
        frozenset(name_of(sealer, row) for row in rows if len(name_of(sealer, row)) > 2),
        frozenset(phone_of(sealer, row).removeprefix("+86") for row in rows),
        frozenset(identity_of(sealer, row) for row in rows),
    )


def _secret_words(booking: dict[str, object]) -> list[str]:
    """Everything an expert must not learn by phone: project, parties, specialties."""
    words = [str(booking[name]) for name in NOT_FOR_PROVIDERS]
    for role in ("tenderee", "agency", "bidders", "avoid"):
        units = booking[role]
        for unit in units if isinstance(units, list | tuple) else [units]:
            assert isinstance(unit, dict)
            words += [str(value) for value in unit.values() if value]
    slots = booking["slots"]
    assert isinstance(slots, list)
    words += [specialties.specialty_name(slot["specialty"]) for slot in slots]
    return [*words, *(str(slot["specialty"]) for slot in slots)]


def _sent(house: RunningHouse) -> Iterator[tuple[str, str]]:
    """Every byte that was handed to the provider, by kind; of forms the values of all fields but the account's."""
    documents = house.read(
        lambda session: session.exec(select(SentDocument).order_by(col(SentDocument.at))).all()
    )
    for document in documents:
        body = house.ground.sealer.unseal(document.body_sealed, DOCUMENT_BODY.at(document.id))
        if document.kind in {"call", "text"}:
            fields = dict(parse_qsl(body))
            assert set(fields) >= {"To", "From", "StatusCallback"}
            yield document.kind, " ".join(fields.values())
        else:
            yield document.kind, body


def _dump(house: RunningHouse) -> str:
    """The database as text, as a thief would read it; the sealed columns are what they are."""
    with sqlite3.connect(house.folder / "yuanping.db") as raw:
        return "\n".join(raw.iterdump())
