"""How one knocks at a door of the service without having any business there: names for its path, and something to say."""

from typing import Any

NAMED = {
    "act": "commit",
    "act_id": "none",
    "call_id": "none",
    "center_id": "none",
    "code": "none",
    "decision": "confirm",
    "export_id": "none",
    "expert_number": "1",
    "folder": "css",
    "job_id": "none",
    "number": "1",
    "party": "center",
    "path": "none",
    "seat_no": 1,
    "secret": "none",
    "step": "agree",
    "token": "none",
    "track_id": "seat-1-camera-1-1-1",
}
"""What stands in a path. The ids of an evaluation and of its room are given apart."""

_REASON = {"reason": "停电，无法继续"}
_SAID: dict[str, dict[str, Any]] = {
    "bidders": {"bidders": [{"name": "投标人"}]},
    "departure": {**_REASON, "cause": "illness"},
    "designation": {**_REASON, "circumstance": "complex", "places": [{"seat_no": 1, "expert": "1"}]},
    "postpone": {**_REASON, "starts_at": "2026-12-01T01:00:00Z"},
    "{step}": {"text": "{}"},
}


class _Names(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return "none"


def address(path: str, evaluation_id: str, room_id: str = "none") -> str:
    """The path with everything it names filled in."""
    return path.replace(":path}", "}").format_map(
        _Names(NAMED | {"evaluation_id": evaluation_id, "room_id": room_id})
    )


def said(path: str) -> dict[str, Any]:
    """What is said at a door, by the last part of its path; a reason at all others."""
    return _SAID.get(path.rpartition("/")[2], _REASON)
