"""An evaluation belongs to the center that hosts it: staff of another center meet nothing, wherever they knock."""

import pytest
from fastapi.responses import PlainTextResponse

from app.accounts import access
from app.accounts.permissions import GRANTS, Role
from app.core.errors import InvalidInput
from app.evaluation import conductor
from tests.support.doors import address, said
from tests.support.web import WebHouse
from tests.support.world import OPERATOR, booking
from venue import service as venues


@pytest.fixture(autouse=True)
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that lets somebody in would otherwise never answer, and the test not fail but hang."""
    monkeypatch.setattr("app.web.sse.stream", lambda *_topics: PlainTextResponse("news"))


def booked(house: WebHouse) -> str:
    world = house.world
    with world.transaction() as session:
        return conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id


def doors(house: WebHouse) -> list[tuple[str, str]]:
    """(method, path) of every route that takes the id of an evaluation."""
    return [
        (method, door.path)
        for door in access.doors(house.application)
        if "{evaluation_id}" in door.path
        for method in door.methods
        if method != "HEAD"
    ]


def other_center(house: WebHouse) -> str:
    with house.world.database.reading() as session:
        centers = venues.summaries(session, house.world.now())
    return next(center.center_id for center in centers if center.center_id != house.world.host_id)


def knocks(house: WebHouse, role: Role, center_id: str | None) -> dict[str, int]:
    """What somebody of that role and center is answered at every door of an evaluation they could name."""
    evaluation, visitor = booked(house), house.visitor(role)
    with house.world.transaction() as session:
        session.merge(house.account(role)).center_id = center_id
    found = {}
    for method, path in doors(house):
        answer = visitor.request(method, address(path, evaluation), json=said(path))
        found[f"{method} {path}"] = answer.status_code
    return found


def test_an_operator_of_another_center_meets_nothing_at_any_door(house: WebHouse) -> None:
    answers = knocks(house, Role.host_operator, other_center(house))
    assert len(answers) >= 13
    rules = {
        f"{method} {door.path}": door.rules[0]
        for door in access.doors(house.application)
        for method in door.methods
    }
    held = GRANTS[Role.host_operator]
    assert answers == {door: 404 if rules[door] in held else 403 for door in answers}
    assert 403 in answers.values()
    assert 404 in answers.values()


def test_an_operator_without_a_center_meets_nothing_either(house: WebHouse) -> None:
    assert set(knocks(house, Role.host_operator, None).values()) == {403, 404}


def test_a_supervisor_of_another_center_reads_and_still_cannot_act(house: WebHouse) -> None:
    evaluation, visitor = booked(house), house.visitor(Role.supervisor)
    with house.world.transaction() as session:
        session.merge(house.account(Role.supervisor)).center_id = other_center(house)
    for part in ("", "/draw", "/invitations", "/live", "/replay"):
        assert visitor.get(f"/evaluations/{evaluation}{part}").status_code == 200
    assert visitor.post(f"/api/evaluations/{evaluation}/commit").status_code == 403


def test_today_lists_what_ones_own_center_hosts(house: WebHouse) -> None:
    booked(house)
    visitor = house.visitor(Role.host_operator)
    assert "秘密水库" in visitor.get("/today").text
    for elsewhere in (other_center(house), None):
        with house.world.transaction() as session:
            session.merge(house.account(Role.host_operator)).center_id = elsewhere
        assert "秘密水库" not in visitor.get("/today").text


def test_nobody_books_in_the_name_of_another_center(house: WebHouse) -> None:
    world = house.world
    with world.transaction() as session, pytest.raises(InvalidInput, match="host-center-foreign"):
        conductor.book(
            session, world.now(), world.house, OPERATOR, booking(world, host_center_id=other_center(house))
        )


def test_the_booking_form_offers_ones_own_center_only(house: WebHouse) -> None:
    page = house.visitor(Role.host_operator).get("/evaluations/new").text
    assert "5306中心" in page
    assert "5301中心" not in page
