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


def test_the_picture_goes_out_the_moment_the_account_is_disabled(begun: WebHouse) -> None:
    visitor, account = begun.visitor(Role.supervisor), begun.account(Role.supervisor)
    ways = [visitor.post(f"/api/recordings/{ROOM}/live").json()["ticket"] for _ in range(2)]
    shown, late = (json.dumps({"type": "hello", "v": 1, "ticket": way}) for way in ways)
    with visitor.websocket_connect("/ws/live") as socket:
        socket.send_text(shown)
        assert socket.receive_json()["type"] == "welcome"
        assert socket.receive_json()["type"] == "tracks"
        begun.visitor(Role.administrator).post(f"/accounts/{account.id}/disable")
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == watching.REFUSED
    with visitor.websocket_connect("/ws/live") as socket:
        socket.send_text(late)
        with pytest.raises(WebSocketDisconnect) as refusal:
            socket.receive_json()
    assert refusal.value.code == watching.REFUSED, "a ticket in hand ends with its session"


def test_a_room_of_which_nothing_is_recorded_is_not_found(house: WebHouse) -> None:
    assert house.visitor(Role.supervisor).post("/api/recordings/nowhere/live").status_code == 404


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in {Role.supervisor, Role.expert, Role.witness}]
)
def test_nobody_else_on_the_staff_watches(begun: WebHouse, role: Role) -> None:
    assert begun.visitor(role).post(f"/api/recordings/{ROOM}/live").status_code == 403
