"""Whatever is sent, by whomever: no mistake of ours, nobody let in who may not, nothing told of the inside, strict headers on all.

A few hundred requests, always the same; `make soak-trust` sends tens of thousands.
"""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from app.accounts.permissions import Permission, Role
from app.web.headers import HEADERS
from tests.support.hostile import (
    FOREIGN,
    NOBODY,
    PROVIDER,
    Door,
    HostileHouse,
    Knock,
    Told,
    hostile_house,
    wrong,
)
from tests.support.hostile_cases import cases, rough

SOME = {"POST /api/evaluations/{evaluation_id}/bidders", "POST /evaluations/{evaluation_id}/postpone"}
PLANTED = "PLANTED-7f3c"
SECRETS = ("password", "code", "phone", "identity", "token", "answer")
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileHouse]:
    with hostile_house(tmp_path_factory.mktemp("hostile")) as opened:
        yield opened


def filled(house: HostileHouse, door: Door) -> str:
    """The address of a door with what exists in its place."""
    return (
        next(rough(door, house.known)).target.partition("?")[0]
        if door.method != "GET"
        else _plain(house, door)
    )


def _plain(house: HostileHouse, door: Door) -> str:
    *_, last = rough(door, house.known)
    return last.target.partition("?")[0]


def test_no_rough_request_breaks_the_house_or_lets_anybody_in(house: HostileHouse) -> None:
    house.restore()
    actors = house.actors
    for number, door in enumerate(house.doors):
        for at, knock in enumerate(rough(door, house.known)):
            if (number + at) % 6:
                continue
            actor = actors[(number + at) % len(actors)]
            assert wrong(door, actor, knock, house.knock(actor, knock), house.known) is None, (
                door,
                knock.target,
            )


def test_what_schemathesis_makes_of_some_doors_breaks_nothing_for_anybody(house: HostileHouse) -> None:
    house.restore()
    sent = 0
    for door, knock in cases(house, 2, only=SOME.__contains__):
        for actor in house.actors:
            sent += 1
            assert wrong(door, actor, knock, house.knock(actor, knock), house.known) is None, (door, knock)
    assert sent > 100


def test_every_answer_of_every_door_carries_the_headers(house: HostileHouse) -> None:
    house.restore()
    seen = set()
    for number, door in enumerate(house.doors):
        for actor in (
            (NOBODY, Role.supervisor, Role.host_operator)[number % 3],
            house.actors[number % len(house.actors)],
        ):
            told = house.knock(actor, Knock(door.method, filled(house, door)))
            seen.add(told.status // 100)
            require_headers(door, told)
    for path in ("/nowhere", "/static/nowhere", "/static/app.css", "/api/nowhere"):
        require_headers(Door("GET", path, None, in_schema=False), house.knock(NOBODY, Knock("GET", path)))
    assert {2, 3, 4} <= seen


_FILES = {200, 304, 416}


def require_headers(door: Door, told: Told) -> None:
    for name, value in HEADERS.items():
        given = told.headers.get(name.lower())
        if name == "Cache-Control":
            assert given in {
                "no-store",
                "private, no-store",
                *(("no-cache",) if told.status in _FILES else ()),
            }, door
        elif name == "Referrer-Policy":
            assert given in {"no-referrer", "same-origin", "strict-origin"}, door
        else:
            assert given == value, (door, name)
    if "{secret}" in door.path or "{token}" in door.path:
        assert told.headers["referrer-policy"] == "no-referrer" or not door.path.startswith(
            ("/party", "/sign-in")
        ), door
    if "{code}" in door.path:
        assert told.headers["referrer-policy"] == "strict-origin", door
    assert "server" not in told.headers


def test_a_refusal_never_repeats_what_was_sent(house: HostileHouse) -> None:
    house.restore()
    refused = 0
    body = dict.fromkeys(
        (*SECRETS, "name", "text", "reason", "act", "minutes", "seat_no", "bidders", "kind"), PLANTED
    )
    everybody = (NOBODY, PROVIDER, Role.host_operator, Role.expert, Role.pool_administrator)
    for number, door in enumerate(house.doors):
        if door.method == "GET":
            continue
        sent = (
            (
                b"application/json",
                json.dumps({**body, "slots": [{"count": PLANTED}], "scores": {"a": PLANTED}}).encode(),
            ),
            (b"application/json", json.dumps([PLANTED, {"a": PLANTED}]).encode()),
            (b"application/x-www-form-urlencoded", urlencode(dict.fromkeys(SECRETS, PLANTED)).encode()),
        )
        for kind, content in sent[number % 2 :: 2]:
            for actor in (Role.host_operator, everybody[number % len(everybody)]):
                target = f"{filled(house, door)}?phone={PLANTED}&lang={PLANTED}&state={PLANTED}"
                told = house.knock(actor, Knock(door.method, target, ((b"content-type", kind),), content))
                if told.status >= 400:
                    refused += 1
                    assert PLANTED.encode() not in told.body, (door, actor, told.body)
    assert refused > 100


def test_a_refused_query_is_named_and_not_repeated(house: HostileHouse) -> None:
    told = house.knock(Role.supervisor, Knock("GET", f"/api/jobs?state={PLANTED}"))
    assert (told.status, told.headers["content-type"]) == (422, PROBLEM)
    assert json.loads(told.body)["errors"][0]["where"] == "query.state"
    assert PLANTED.encode() not in told.body


@pytest.mark.parametrize(
    ("actor", "status", "body", "expected"),
    [
        (NOBODY, 200, b"", "let in without"),
        (Role.expert, 200, b"", "let in without"),
        (FOREIGN, 200, b"", "let in to another"),
        (Role.host_operator, 500, b"", "status 500"),
        (Role.host_operator, 422, b"no such column: SELECT 1", "tells"),
        (Role.host_operator, 200, b"", None),
        (FOREIGN, 404, b"", None),
    ],
)
def test_the_judge_sees_what_is_wrong(
    house: HostileHouse, actor: str, status: int, body: bytes, expected: str | None
) -> None:
    door = Door("GET", "/api/evaluations/{evaluation_id}", Permission.evaluation_read, in_schema=True)
    knock = Knock("GET", f"/api/evaluations/{house.known['evaluation_id'][0]}")
    found = wrong(door, actor, knock, Told(status, {}, body), house.known)
    assert found is None if expected is None else found is not None and found.startswith(expected)
