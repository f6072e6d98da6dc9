"""Until the experts have signed in, nothing the host can ask for tells who they are or where they will sit."""

from sqlmodel import select

from app.accounts.permissions import Role
from app.evaluation import conductor
from expert_draw.models import Invitation
from expert_draw.personal import name_of, phone_of
from tests.support.web import WebHouse
from tests.support.world import OPERATOR, booking
from venue.models import Center


def test_no_answer_to_the_host_names_an_expert_or_a_place_before_admission(house: WebHouse) -> None:
    world, visitor = house.world, house.visitor(Role.host_operator)
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
    path = f"/evaluations/{evaluation}"
    before = {one: visitor.get(one).text for one in ("/api/seats/board", "/api/centers")}
    for act in ("commit", "run"):
        assert visitor.post(f"{path}/{act}").status_code == 303
    asked = (path, f"{path}/draw", f"{path}/invitations", f"/api{path}", f"/api{path}/draw/record", "/today")
    heard = {one: visitor.get(one) for one in asked}
    assert b'"list":' not in heard[f"/api{path}/draw/record"].content
    text = "".join(answer.text for answer in heard.values())
    with world.database.reading() as session:
        invited = session.exec(select(Invitation)).all()
        assert len(invited) == 5
        for one in invited:
            expert = house.world.expert(one)
            assert name_of(world.sealer, expert) not in text
            assert phone_of(world.sealer, expert).removeprefix("+86") not in text
            assert expert.employer not in text
            assert one.seat_id not in text
            assert one.report_place not in text
        elsewhere = session.exec(select(Center).where(Center.id != world.host_id)).all()
    for center in elsewhere:
        assert center.name not in text
        assert center.id not in text
    assert visitor.get("/api/centers").text == before["/api/centers"]
    now, then = (visitor.get("/api/seats/board").json(), before["/api/seats/board"])
    for one in now["centers"]:
        if one["center_id"] != world.host_id:
            assert (one["counts"], one["rooms"]) == ({}, [])
            assert one["name"] in then
