"""A center's staff enrolls one machine for each seat; a code works once and soon, and what came before stays in the trail."""

import pytest
from sqlmodel import Session, select

from app.accounts import sessions
from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.audit import service as audit
from app.core.errors import Conflict, Forbidden, NotFound
from app.rehearsal.terminals import SoftwareTerminal
from tests.support.terminals import enrolled, keeper, proof
from tests.support.world import World, make_world
from venue import devices, proofs
from venue.models import Seat, SeatTerminal
from venue.proofs import Purpose


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("devices"), experts=0)


_given: list[str] = []


@pytest.fixture
def seat(world: World) -> Seat:
    """Of another center than the host's; each test has its own."""
    with world.database.reading() as session:
        for seat in session.exec(select(Seat).order_by(Seat.id)).all():
            if seat.center_id != world.host_id and seat.id not in _given:
                _given.append(seat.id)
                return seat
    raise AssertionError("no seats are left")


def code_for(world: World, seat: Seat, actor: Actor | None = None) -> str:
    with world.transaction() as session:
        return devices.make_code(session, world.sealer, world.now(), actor or keeper(seat.center_id), seat.id)


def enrolls(world: World, code: str, terminal: SoftwareTerminal | None = None) -> str | None:
    """The id of the terminal that the code has made of this machine."""
    machine = terminal or SoftwareTerminal()
    with world.transaction() as session:
        challenge = proofs.ask(world.sealer, world.now(), Purpose.enroll)
        row = devices.enroll(
            session,
            world.sealer,
            world.now(),
            code=code,
            jwk=machine.jwk,
            challenge=challenge,
            signature=machine.sign(Purpose.enroll, challenge, devices.digits(code)),
        )
        return None if row is None else row.id


def state(session: Session, terminal_id: str) -> str:
    return session.get_one(SeatTerminal, terminal_id).state


def proves(world: World, terminal: SoftwareTerminal) -> bool:
    try:
        with world.transaction() as session:
            devices.prove(
                session, world.sealer, world.now(), proof(world, terminal, Purpose.seat), Purpose.seat
            )
    except Forbidden:
        return False
    return True


def test_a_code_makes_one_machine_the_terminal_of_its_seat_once(world: World, seat: Seat) -> None:
    code = code_for(world, seat)
    machine = SoftwareTerminal()
    terminal_id = enrolls(world, f"{code[:5]} {code[5:]}", machine)
    assert terminal_id is not None
    assert enrolls(world, code) is None
    machine.id = terminal_id
    assert proves(world, machine)
    with world.database.reading() as session:
        row = session.get_one(SeatTerminal, terminal_id)
        assert (row.seat_id, row.state, row.enrolled_by) == (seat.id, "enrolled", "account:keeper")
        assert code not in str(row.model_dump())


def test_a_code_is_good_for_a_quarter_of_an_hour_and_only_the_newest(world: World, seat: Seat) -> None:
    first, second = code_for(world, seat), code_for(world, seat)
    assert enrolls(world, first) is None
    world.clock.advance(15 * 60)
    assert enrolls(world, second) is None
    third = code_for(world, seat)
    world.clock.jump(-3600)  # set back: a code of the future opens nothing either
    assert enrolls(world, third) is None
    world.clock.jump(3600)
    world.clock.advance(14 * 60)
    assert enrolls(world, third) is not None


def test_who_shows_a_key_without_having_its_other_half_is_refused(world: World, seat: Seat) -> None:
    code, mine, stolen = code_for(world, seat), SoftwareTerminal(), SoftwareTerminal()
    challenge = proofs.ask(world.sealer, world.now(), Purpose.enroll)
    with world.transaction() as session, pytest.raises(Forbidden, match="terminal-proof"):
        devices.enroll(
            session,
            world.sealer,
            world.now(),
            code=code,
            jwk=stolen.jwk,
            challenge=challenge,
            signature=mine.sign(Purpose.enroll, challenge, code),
        )
    assert enrolls(world, code, mine) is not None


def test_enrolling_anew_replaces_the_earlier_machine_visibly_and_signs_out_who_sat_there(
    world: World, seat: Seat
) -> None:
    first = enrolled(world, seat.id)
    with world.transaction() as session:
        sessions.open_for_member(
            session,
            world.sealer,
            world.now(),
            member_id=f"m-{seat.id[:8]}",
            evaluation_id="e",
            lifetime=devices.CODE_LIFETIME,
            terminal_id=first.id,
        )
    second = enrolled(world, seat.id)
    assert (proves(world, first), proves(world, second)) == (False, True)
    with world.database.reading() as session:
        assert (state(session, first.id), state(session, second.id)) == ("replaced", "enrolled")
        assert sessions.at_seat(session, f"m-{seat.id[:8]}") is None
        (line,) = [
            one for one in audit.trail(session, "house") if first.id in one.subject and "replaced" in one.tag
        ]
        assert line.actor == "account:keeper"


def test_a_blocked_terminal_proves_nothing_until_the_seat_is_enrolled_anew(world: World, seat: Seat) -> None:
    terminal = enrolled(world, seat.id)
    for _ in range(2):
        with world.transaction() as session:
            devices.block(session, world.now(), keeper(seat.center_id), terminal.id)
    shown = proof(world, terminal, Purpose.seat)
    with world.transaction() as session, pytest.raises(Forbidden, match="terminal-blocked"):
        devices.prove(session, world.sealer, world.now(), shown, Purpose.seat)
    assert proves(world, enrolled(world, seat.id))


def test_one_key_is_one_terminal(world: World, seat: Seat) -> None:
    machine = SoftwareTerminal()
    assert enrolls(world, code_for(world, seat), machine) is not None
    with pytest.raises(Conflict, match="terminal-known"):
        enrolls(world, code_for(world, seat), machine)


def test_staff_of_another_center_or_without_the_permission_reaches_no_seat(world: World, seat: Seat) -> None:
    terminal = enrolled(world, seat.id)
    stranger = keeper(world.host_id)
    supervisor = Actor(id="account:s", role=Role.supervisor, name="", center_id=seat.center_id)
    for actor in (stranger, supervisor):
        with pytest.raises(NotFound, match="terminal-unknown"):
            code_for(world, seat, actor)
        with world.transaction() as session, pytest.raises(NotFound, match="terminal-unknown"):
            devices.block(session, world.now(), actor, terminal.id)
    with world.database.reading() as session:
        shown = [one.seat_id for room in devices.rooms(session, world.host_id) for one in room.seats]
        assert len(shown) == 4
        assert seat.id not in shown
        assert state(session, terminal.id) == "enrolled"
