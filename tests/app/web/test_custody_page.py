"""The custody page: for its keepers, in both languages, and every act on it by the door of its own permission."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.accounts import sessions
from app.accounts.permissions import Role
from app.evaluation import conductor
from app.evaluation.models import Evaluation
from recordings import service as recordings
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, booking

ROOM = "room-in-custody"
WHY = {"reason": "投诉调查需要"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def sealed(house: WebHouse) -> str:
    world = house.world
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        recordings.begin(session, world.now(), room_id=ROOM, evaluation_id=evaluation.id)
        recordings.seal(session, world.now(), room_id=ROOM, manifest_sha256="ab" * 32)
        row = session.get_one(Evaluation, evaluation.id)
        row.state, row.closed_at = "sealed", world.now()
        return evaluation.id


def keeper(house: WebHouse, role: Role, *, proved: bool = True) -> TestClient:
    world, visitor, account = house.world, house.visitor(), house.account(role)
    with world.transaction() as session:
        token = sessions.open_for_account(
            session,
            world.sealer,
            world.now(),
            account,
            timedelta(hours=12),
            proved_at=world.now() if proved else None,
        )
    visitor.cookies.set(sessions.cookie_name(secure=False), token)
    return visitor


def test_a_hold_and_its_release_go_through_the_page(house: WebHouse, sealed: str) -> None:
    here = f"/evaluations/{sealed}/custody"
    supervisor, archivist = keeper(house, Role.supervisor), keeper(house, Role.archivist)
    assert "保存期限内" in archivist.get(here).text
    assert supervisor.post(f"{here}/hold", data=WHY).status_code == 303
    held = archivist.get(here, headers={"Accept-Language": "en"}).text
    assert "封存保全中，不得处置" in held or "Under a hold" in held
    assert archivist.post(f"{here}/hold", data=WHY).status_code == 409
    assert supervisor.post(f"{here}/hold_release", data=WHY).status_code == 303
    waiting = archivist.get(here).text
    act = waiting.partition(f"{here}/hold_release/")[2].partition("/")[0]
    assert f"{here}/hold_release/{act}/confirm" not in supervisor.get(here).text
    door = f"{here}/hold_release/{act}/confirm"
    assert supervisor.post(door, data=WHY).status_code == 409
    assert archivist.post(door, data=WHY).status_code == 303
    assert archivist.post(door, data=WHY).status_code == 409
    assert "保存期限内" in supervisor.get(here).text


def test_what_destroys_or_leaves_the_house_asks_for_the_second_factor(house: WebHouse, sealed: str) -> None:
    here = f"/evaluations/{sealed}/custody"
    unproved = keeper(house, Role.supervisor, proved=False)
    assert unproved.get(here).status_code == 200
    assert keeper(house, Role.archivist).post(f"{here}/hold", data=WHY).status_code == 303
    for kind in ("recording_export", "hold_release", "disposal"):
        sent_on = unproved.post(f"{here}/{kind}", data=WHY)
        assert sent_on.headers["location"].startswith("/step-up"), kind
        assert f"{here}/{kind}/" not in keeper(house, Role.archivist).get(here).text, "nothing was asked"
    assert keeper(house, Role.supervisor).post(f"{here}/disposal", data=WHY).status_code == 409
    assert keeper(house, Role.supervisor).post(f"{here}/hold_release", data=WHY).status_code == 303


@pytest.mark.parametrize("role", [Role.host_operator, Role.administrator, Role.auditor, Role.witness])
def test_nobody_else_sees_it(house: WebHouse, sealed: str, role: Role) -> None:
    assert keeper(house, role).get(f"/evaluations/{sealed}/custody").status_code == 403


def test_the_replay_of_what_was_disposed_of_says_when_and_by_which_decision(
    house: WebHouse, sealed: str
) -> None:
    here = f"/evaluations/{sealed}/custody"
    house.world.clock.advance(timedelta(days=16 * 366).total_seconds())
    assert keeper(house, Role.archivist).post(f"{here}/disposal", data=WHY).status_code == 303
    supervisor = keeper(house, Role.supervisor)
    act = supervisor.get(here).text.partition(f"{here}/disposal/")[2].partition("/")[0]
    assert supervisor.post(f"{here}/disposal/{act}/confirm", data=WHY).status_code == 303
    for page in (here, f"/evaluations/{sealed}/replay"):
        assert act in supervisor.get(page).text
    gone = supervisor.get(f"/api/recordings/{ROOM}/timeline")
    assert (gone.status_code, gone.json()["code"]) == (404, "recording-disposed")


def test_what_nobody_agreed_to_in_three_days_has_lapsed_and_can_be_asked_anew(
    house: WebHouse, sealed: str
) -> None:
    here = f"/evaluations/{sealed}/custody"
    supervisor = keeper(house, Role.supervisor)
    assert supervisor.post(f"{here}/hold", data=WHY).status_code == 303
    assert supervisor.post(f"{here}/hold_release", data=WHY).status_code == 303
    form = f'action="{here}/hold_release"'
    waiting = keeper(house, Role.archivist).get(here).text
    assert ("等待第二人同意" in waiting, "已失效" in waiting, form in waiting) == (True, False, False)
    act = waiting.partition(f"{here}/hold_release/")[2].partition("/")[0]
    house.world.clock.advance(3 * 86_400)
    archivist = keeper(house, Role.archivist)
    lapsed = archivist.get(here).text
    assert ("等待第二人同意" in lapsed, "已失效" in lapsed, form in lapsed) == (False, True, True)
    assert archivist.post(f"{here}/hold_release/{act}/confirm", data=WHY).status_code == 409
    assert archivist.post(f"{here}/hold_release", data=WHY).status_code == 303
