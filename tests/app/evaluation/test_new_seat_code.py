"""A seat code that never came, or was used up at a machine that failed, is replaced by another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import BoundedTime
from app.core.errors import Conflict, NotFound
from app.evaluation import cases, check_in, committee, conductor, convening
from app.notify import outbox
from app.notify.enclosed import variables_of
from app.notify.models import OutgoingMessage
from expert_draw.models import Invitation
from tests.support.terminals import checked, enrolled, proof, takes
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, World, booking, make_world
from venue.proofs import Purpose


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    yield opened
    opened.close()


def drawn(world: World) -> str:
    with world.transaction() as session:
        made = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
        committee.commit_draw(session, world.now(), world.house, OPERATOR, made)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, made)
    return made


def convened(world: World) -> str:
    evaluation_id = drawn(world)
    with world.transaction() as session:
        for one in session.exec(select(Invitation)).all():
            world.invitees.taken(session, world.now(), one.id)
            world.invitees.answer(session, world.now(), one.id, True, "voice")
        committee.refill(session, world.now(), world.house, evaluation_id)
        convening.convene(session, world.now(), world.house, OPERATOR, evaluation_id)
    return evaluation_id


def texts(session: Session, world: World, evaluation_id: str, seat_no: int) -> list[tuple[str, str]]:
    """(state, code) of every text with a code to this seat, the oldest first."""
    member = cases.members(session, evaluation_id)[seat_no - 1]
    rows = session.exec(
        select(OutgoingMessage)
        .where(OutgoingMessage.subject == member.id)
        .order_by(col(OutgoingMessage.created_at), col(OutgoingMessage.id))
    ).all()
    return [(row.state, variables_of(world.sealer, row)["code"]) for row in rows]


def renew(world: World, evaluation_id: str, seat_no: int = 2) -> None:
    world.clock.advance(1)
    with world.transaction() as session:
        convening.renew_seat_code(session, world.now(), world.house, OPERATOR, evaluation_id, seat_no)


def signs_in(world: World, evaluation_id: str, code: str, seat_no: int = 2) -> bool:
    """At the terminal of the seat, in time, after the check at the desk."""
    with world.database.reading() as session:
        member = cases.members(session, evaluation_id)[seat_no - 1]
        start = cases.load(session, evaluation_id).starts_at
        passed = check_in.passed(session, member.id)
    at = BoundedTime(world.now(), start, start)
    if not passed:
        checked(world, member, at)
    return takes(world, code, enrolled(world, member.seat_id), at)


def test_the_new_code_opens_and_the_old_one_does_not_nor_leaves_any_more(world: World) -> None:
    evaluation_id = convened(world)
    renew(world, evaluation_id)
    with world.database.reading() as session:
        (old_state, old), (new_state, new) = texts(session, world, evaluation_id, 2)
    assert (old_state, new_state) == ("cancelled", "queued")
    assert not signs_in(world, evaluation_id, old)
    assert signs_in(world, evaluation_id, new)


def test_a_code_used_up_at_a_machine_that_failed_gets_a_second_way(world: World) -> None:
    evaluation_id = convened(world)
    with world.database.reading() as session:
        ((_, first),) = texts(session, world, evaluation_id, 2)
    assert signs_in(world, evaluation_id, first)
    renew(world, evaluation_id)
    with world.database.reading() as session:
        second = texts(session, world, evaluation_id, 2)[-1][1]
    assert signs_in(world, evaluation_id, second)


def test_the_codes_of_other_seats_stay_and_the_trail_says_whose_was_renewed(world: World) -> None:
    evaluation_id = convened(world)
    renew(world, evaluation_id)
    with world.database.reading() as session:
        ((state, code),) = texts(session, world, evaluation_id, 1)
        last = audit.trail(session, evaluation_id)[-1]
    assert (last.tag, last.actor, last.subject) == (Tag.member_code_renewed, OPERATOR.id, "seat:2")
    assert state == "queued"
    assert signs_in(world, evaluation_id, code, 1)


def test_there_is_no_code_before_the_room_is_open_and_none_for_nobody(world: World) -> None:
    evaluation_id = drawn(world)
    with pytest.raises(Conflict, match="seat-code-closed"):
        renew(world, evaluation_id)


def test_a_seat_that_nobody_has_gets_no_code(world: World) -> None:
    with pytest.raises(NotFound, match="seat"):
        renew(world, convened(world), seat_no=6)


def test_experts_who_sign_in_at_the_same_moment_never_count_as_guessing(house: WebHouse) -> None:
    evaluation_id = convened(house.world)
    house.settings.accounts.sign_in_tries = 1
    with house.world.database.reading() as session:
        codes = [texts(session, house.world, evaluation_id, seat_no)[0][1] for seat_no in range(1, 6)]
        members = cases.members(session, evaluation_id)
    house.world.clock.advance(86_400 - 1800)
    shown = []
    for code, member in zip(codes, members, strict=True):
        checked(house.world, member)
        said = proof(house.world, enrolled(house.world, member.seat_id), Purpose.seat, code)
        shown.append(
            {
                "code": code,
                "terminal": said.terminal_id,
                "challenge": said.challenge,
                "signature": said.signature,
            }
        )
    with ThreadPoolExecutor(5) as experts:
        answers = experts.map(lambda one: house.visitor().post("/seat", data=one), shown)
        assert {answer.status_code for answer in answers} == {303}


def test_the_operator_presses_a_button_beside_the_state_of_the_text(house: WebHouse) -> None:
    evaluation_id = convened(house.world)
    visitor, path = house.visitor(Role.host_operator), f"/evaluations/{evaluation_id}"
    page = visitor.get(path).text
    assert page.count('/code"') == 5
    assert page.count('data-state="queued"') == 5
    house.world.clock.advance(1)
    assert visitor.post(f"{path}/seats/2/code").headers["location"] == path
    house.world.clock.advance(1)
    assert visitor.post(f"/api{path}/seats/2/code").status_code == 200
    with house.world.database.reading() as session:
        assert [state for state, _ in texts(session, house.world, evaluation_id, 2)] == [
            "cancelled",
            "cancelled",
            "queued",
        ]
        newest = session.exec(
            select(OutgoingMessage.purpose).order_by(col(OutgoingMessage.created_at).desc())
        ).first()
    assert newest == outbox.SEAT_CODE
    supervisor = house.visitor(Role.supervisor)
    assert '/code"' not in supervisor.get(path).text
    assert supervisor.post(f"{path}/seats/2/code").status_code == 403
