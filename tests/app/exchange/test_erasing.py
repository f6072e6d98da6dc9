"""Personal data is masked, shown in clear for a reason only, and erased without breaking what rests on it."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select as every
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel, col, select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.models import AuditEvent
from app.core.sealed_columns import ERASED
from app.core.sealing import mask_identity
from app.evaluation.erasing import ERASED_STATE
from app.evaluation.models import Erasure, LegalHold
from app.notify import outbox
from app.notify.enclosed import callee_mark
from app.notify.models import OutgoingMessage, SmsOptOut
from app.notify.wording import TemplateId
from expert_draw import personal, stored_lines, unmasking
from expert_draw.engine.verify import verify_record
from expert_draw.models import Expert, ExpertRelation, ExpertSpecialty, Invitation
from expert_draw.personal import identity_of
from expert_draw.snapshot import Rosters
from tests.app.exchange.test_filing import draw_of, drawn, given_up
from tests.support.accounts import add_account
from tests.support.web import WebHouse

NUMBER = f"{1:017d}"
REASON = {"reason": "本人书面申请"}
PHONE = "+8613900000001"


def another_keeper(house: WebHouse) -> TestClient:
    """A browser of a second account that keeps the roster."""
    with house.world.transaction() as session:
        other = add_account(session, house.world.now(), "other-keeper", Role.pool_administrator)
    house.accounts[Role.pool_administrator] = other
    return house.visitor(Role.pool_administrator)


def expert_of(house: WebHouse) -> Expert:
    with house.world.database.reading() as session:
        return unmasking.find(session, NUMBER)


def events(house: WebHouse, beginning: str) -> list[AuditEvent]:
    with house.world.database.reading() as session:
        found = (
            select(AuditEvent).where(col(AuditEvent.tag).startswith(beginning)).order_by(col(AuditEvent.n))
        )
        return list(session.exec(found).all())


def test_a_person_is_masked_unless_a_reason_is_given_which_stays_in_the_trail(house: WebHouse) -> None:
    keeper = house.visitor(Role.pool_administrator)
    shown = keeper.get(f"/api/roster/{NUMBER}").json()
    hidden = mask_identity(identity_of(house.world.sealer, expert_of(house)))
    assert hidden.count("*") >= 4
    assert (shown["name"], shown["phone"], shown["identity"]) == ("专**", "+86139****0001", hidden)
    assert not events(house, "draw:person")
    wanted = {"fields": ["phone", "name"], "reason": "核对来电 13812345678 是否本人"}
    answer = keeper.post(f"/api/roster/{NUMBER}/unmask", json=wanted)
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["name"], answer.json()["phone"], answer.json()["identity"]) == (
        "专家1",
        PHONE,
        hidden,
    )
    (event,) = events(house, "draw:person")
    assert (event.tag, event.subject) == ("draw:person:unmasked", f"expert:{NUMBER}")
    assert event.actor == f"account:{house.account(Role.pool_administrator).id}"
    assert '"fields":["name","phone"]' in event.data
    assert "核对来电 […] 是否本人" in event.data


@pytest.mark.parametrize(
    "wanted",
    [
        {"fields": ["phone"], "reason": "  "},
        {"fields": [], "reason": "本人申请"},
        {"fields": ["x"], "reason": "本人申请"},
    ],
)
def test_nothing_is_shown_without_a_reason_or_a_field(house: WebHouse, wanted: dict[str, object]) -> None:
    assert (
        house.visitor(Role.pool_administrator).post(f"/api/roster/{NUMBER}/unmask", json=wanted).status_code
        == 422
    )
    assert not events(house, "draw:person")


def test_a_stranger_is_not_found_and_not_everybody_may_look(house: WebHouse) -> None:
    keeper = house.visitor(Role.pool_administrator)
    assert keeper.get("/api/roster/0").json()["code"] == "expert"
    wanted = {"fields": ["phone"], "reason": "本人申请查询"}
    for role in (Role.administrator, Role.host_operator, Role.supervisor):
        assert house.visitor(role).post(f"/api/roster/{NUMBER}/unmask", json=wanted).status_code in {403, 404}
        assert house.visitor(role).post(f"/api/roster/{NUMBER}/erasure", json=REASON).status_code in {
            403,
            404,
        }
    unproved = house.visitor(Role.pool_administrator, proved=False)
    assert unproved.post(f"/api/roster/{NUMBER}/unmask", json=wanted).json()["code"] == "step-up-needed"
    assert unproved.post(f"/api/roster/{NUMBER}/erasure", json=REASON).json()["code"] == "step-up-needed"


def test_who_is_on_the_lists_of_a_draw_is_not_erased_whether_drawn_or_not(house: WebHouse) -> None:
    evaluation_id = drawn(house.world)
    keeper = house.visitor(Role.pool_administrator)
    answers = [keeper.post(f"/api/roster/{n:017d}/erasure", json=REASON).json() for n in range(1, 41)]
    assert {answer.get("code") for answer in answers} == {"person-needed"}
    given_up(house.world, evaluation_id)
    assert keeper.post(f"/api/roster/{NUMBER}/erasure", json=REASON).status_code == 200


def test_under_a_legal_hold_everybody_on_the_lists_is_refused_alike(house: WebHouse) -> None:
    world = house.world
    evaluation_id = drawn(world)
    given_up(world, evaluation_id)
    with world.transaction() as session:
        session.add(
            LegalHold(id="h", evaluation_id=evaluation_id, reason="投诉", set_by="a", set_at=world.now())
        )
    drawn_ones = {world.expert(one).number for one in invitations(house)}
    keeper = house.visitor(Role.pool_administrator)
    address = "/api/roster/{}/erasure"
    told = {}
    for number in (*sorted(drawn_ones), *(f"{n:017d}" for n in range(1, 9))):
        answer = keeper.post(address.format(number), json=REASON)
        told[number] = {**answer.json(), "status": answer.status_code, "instance": ""}
    assert set(told) > drawn_ones
    assert {answer["code"] for answer in told.values()} == {"person-needed"}
    assert len({repr(answer) for answer in told.values()}) == 1, "in the same words, whether drawn or not"
    with world.transaction() as session:
        session.get_one(LegalHold, "h").released_at = world.now()
    assert keeper.post(address.format(NUMBER), json=REASON).status_code == 200


def invitations(house: WebHouse) -> list[Invitation]:
    with house.world.database.reading() as session:
        return list(session.exec(select(Invitation)).all())


def test_a_refused_erasure_stays_in_the_trail_with_who_tried_it_and_why(house: WebHouse) -> None:
    drawn(house.world)
    keeper = house.visitor(Role.pool_administrator)
    assert keeper.post(f"/api/roster/{NUMBER}/erasure", json=REASON).status_code == 409
    assert keeper.post(f"/api/roster/{NUMBER}/erasure/confirm", json=REASON).status_code == 409
    tried = events(house, "draw:person")
    assert [one.tag for one in tried] == ["draw:person:erasure-refused"] * 2
    assert {one.subject for one in tried} == {f"expert:{NUMBER}"}
    assert {one.actor for one in tried} == {f"account:{house.account(Role.pool_administrator).id}"}
    assert all('"reason":"本人书面申请","why":"person-needed"' in one.data for one in tried)
    with house.world.database.reading() as session:
        assert session.exec(select(Erasure)).all() == []


def test_an_erased_person_is_nobody_and_everything_still_verifies(house: WebHouse) -> None:
    world = house.world
    evaluation_id = drawn(world)
    given_up(world, evaluation_id)
    before = expert_of(house)
    other = world.experts[1]
    with world.transaction() as session:
        outbox.enqueue(
            session,
            world.now(),
            world.sealer,
            subject="s",
            purpose=outbox.SEAT_CODE,
            channel=outbox.SMS,
            to=PHONE,
            template=TemplateId.opted_out,
            variables={"hotline": "0870-1"},
            due_at=world.now(),
        )
        session.add(SmsOptOut(phone_fingerprint=callee_mark(world.sealer, PHONE), at=world.now()))
        session.add(ExpertRelation(expert_id=before.id, person="p" * 64, kind="spouse"))
        session.add(ExpertRelation(expert_id=other, person=before.identity_fingerprint, kind="spouse"))
    keeper = house.visitor(Role.pool_administrator)
    address = f"/api/roster/{NUMBER}/erasure"
    early = keeper.post(f"{address}/confirm", json=REASON)
    assert (early.status_code, early.json()["code"]) == (409, "erasure-not-asked")
    assert keeper.post(address, json=REASON).json()["done_at"] is None
    assert expert_of(house).name_sealed == before.name_sealed
    alone = keeper.post(f"{address}/confirm", json=REASON)
    assert (alone.status_code, alone.json()["code"]) == (409, "erasure-same-person")
    assert expert_of(house).name_sealed == before.name_sealed
    other_keeper = another_keeper(house)
    assert other_keeper.post(f"{address}/confirm", json=REASON).json()["done_at"] is not None
    after = expert_of(house)
    assert (after.name_sealed, after.identity_sealed, after.phone_sealed) == (ERASED,) * 3
    assert after.identity_fingerprint not in {before.identity_fingerprint, after.phone_fingerprint}
    assert (after.state, after.birth_year, after.employer) == (ERASED_STATE, 0, "")
    assert keeper.get(f"/api/roster/{NUMBER}").json() == {
        "number": NUMBER,
        "name": None,
        "identity": None,
        "phone": None,
        "employer": "",
        "state": ERASED_STATE,
    }
    assert personal.name_of(world.sealer, after) == personal.GONE
    with world.database.reading() as session:
        known = _everything(session.connection())
        for gone in (
            before.identity_fingerprint,
            before.phone_fingerprint,
            before.name_sealed,
            before.phone_sealed,
        ):
            # What somebody else declared of themselves stays: a mark that leads to nobody any more.
            assert known.count(gone) == (1 if gone == before.identity_fingerprint else 0)
        assert (
            session.exec(select(OutgoingMessage.to_sealed).where(OutgoingMessage.subject == "s")).one()
            == ERASED
        )
        assert session.exec(select(SmsOptOut)).all() == []
        assert session.exec(select(ExpertSpecialty).where(ExpertSpecialty.expert_id == before.id)).all() == []
        # The roster reads the same from the rows as it was changed to, the draw and the trail are what they were.
        assert world.rosters.current(session).recorded
        fresh = Rosters(world.sealer).current(session)
        assert (fresh.recorded, fresh.root) == (True, world.rosters.current(session).root)
        assert verify_record(stored_lines.text(session, draw_of(session, evaluation_id), opened=True)).ok
        assert [audit.check_case(session, case) for case in audit.cases(session)] == [None] * len(
            audit.cases(session)
        )
    acts = events(house, "draw:person")
    assert [event.tag for event in acts] == [
        "draw:person:erasure-refused",
        "draw:person:erasure-asked",
        "draw:person:erasure-refused",
        "draw:person:erased",
    ]
    assert acts[3].actor == "account:other-keeper" != acts[1].actor, "two persons, each by name"
    again = keeper.post(address, json=REASON)
    assert (again.status_code, again.json()["code"]) == (409, "person-erased")
    # A draw afterwards does not count them, and does not stumble over them.
    drawn(world, "2")


def _everything(connection: Connection) -> str:
    rows: list[str] = []
    for table in SQLModel.metadata.sorted_tables:
        rows += map(repr, connection.execute(every(table)).all())
    return "\n".join(rows)
