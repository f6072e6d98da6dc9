"""A database of an earlier version is made one whose tables cannot be joined by fingerprints, and nobody's wish is lost."""

import hmac
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlmodel import select

from app.core.database import Database
from app.core.sealed_columns import ERASED
from app.evaluation import renewing
from app.notify.enclosed import callee_mark, number_of
from app.notify.models import OutgoingMessage, SimulatedOptOut, SmsOptOut
from expert_draw.models import Expert
from tests.app.core.test_rotation import MASTER, sealed_before
from tests.support.world import World, make_world

PHONE, OTHER = "+8613900000001", "+8613988888888"


@pytest.fixture
def world(tmp_path: Path, any_database: Database) -> World:
    return make_world(tmp_path, experts=2, database=any_database)


def old_mark(text: str) -> str:
    """What versions without purposes made of a number."""
    return hmac.new(hmac.digest(MASTER, b"yuanping/lookup", sha256), text.encode(), sha256).hexdigest()


def message(world: World, id_: str, number: str, sealed: str) -> OutgoingMessage:
    now = world.now()
    return OutgoingMessage(
        id=id_,
        subject="s",
        purpose="invitation",
        channel="sms",
        to_sealed=sealed,
        to_fingerprint=old_mark(number),
        template="opted_out",
        variables_sealed=sealed_before("{}"),
        language="zh",
        state="sent",
        due_at=now,
        expires_at=now + timedelta(hours=1),
        ring_s=25,
        created_at=now,
    )


def test_marks_of_before_get_purposes_of_their_own_once(world: World) -> None:
    with world.transaction() as session:
        expert = session.get_one(Expert, world.experts[0])
        expert.phone_sealed = sealed_before(PHONE)
        session.add_all(
            [
                expert,
                message(world, "m1", OTHER, sealed_before(OTHER)),
                message(world, "m2", "lost", sealed_before("x")[:-8] + "AAAAAAA="),
                message(world, "m3", "gone", ERASED),
                *(SmsOptOut(phone_fingerprint=old_mark(one), at=world.now()) for one in (PHONE, OTHER, "+1")),
                SimulatedOptOut(phone_fingerprint=old_mark(PHONE), at=world.now()),
            ]
        )
    for _ in range(2):  # a second time changes nothing
        with world.transaction() as session:
            renewing.renew(session, world.sealer)
        with world.database.reading() as session:
            m1 = session.get_one(OutgoingMessage, "m1")
            assert (m1.to_fingerprint, number_of(world.sealer, m1)) == (
                callee_mark(world.sealer, OTHER),
                OTHER,
            )
            assert m1.to_sealed.startswith("1.a.")
            for kept, mark in (("m2", "lost"), ("m3", "gone")):
                assert session.get_one(OutgoingMessage, kept).to_fingerprint == old_mark(mark)
            out = set(session.exec(select(SmsOptOut.phone_fingerprint)).all())
            assert out == {callee_mark(world.sealer, PHONE), callee_mark(world.sealer, OTHER), old_mark("+1")}
            pretend = session.exec(select(SimulatedOptOut.phone_fingerprint)).all()
            assert pretend == [world.sealer.fingerprint(PHONE, "pretend-phone")]
            assert session.get_one(Expert, world.experts[0]).phone_fingerprint == old_mark(PHONE)
