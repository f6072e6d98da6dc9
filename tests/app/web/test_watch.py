"""Who may watch a running room gets a way in, and nobody else does."""

import json

import pytest
from starlette.websockets import WebSocketDisconnect

from app.accounts.permissions import Role
from recordings import service, watching
from tests.support.web import WebHouse

ROOM = "room-to-watch"


@pytest.fixture
def begun(house: WebHouse) -> WebHouse:
    with house.world.transaction() as session:
        service.begin(session, house.world.now(), room_id=ROOM, evaluation_id="evaluation-1")
    return house


def test_a_supervisor_gets_a_ticket_that_opens_the_socket_once(begun: WebHouse) -> None:
    visitor = begun.visitor(Role.supervisor)
    way = visitor.post(f"/api/recordings/{ROOM}/live").json()
    assert way["address"] == f"ws://{visitor.base_url.netloc.decode()}/ws/live"
    assert way["expires_in_s"] == 30
    hello = json.dumps({"type": "hello", "v": 1, "ticket": way["ticket"]})
    with visitor.websocket_connect("/ws/live") as socket:
        socket.send_text(hello)
        assert socket.receive_json() == {"type": "welcome", "v": 1, "room_id": ROOM}
    with visitor.websocket_connect("/ws/live") as socket:
        socket.send_text(hello)
        with pytest.raises(WebSocketDisconnect) as refusal:
            socket.receive_json()
    assert refusal.value.code == watching.REFUSED


def test_a_room_of_which_nothing_is_recorded_is_not_found(house: WebHouse) -> None:
    assert house.visitor(Role.supervisor).post("/api/recordings/nowhere/live").status_code == 404


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.supervisor, Role.expert, Role.witness}])
def test_nobody_else_on_the_staff_watches(begun: WebHouse, role: Role) -> None:
    assert begun.visitor(role).post(f"/api/recordings/{ROOM}/live").status_code == 403
