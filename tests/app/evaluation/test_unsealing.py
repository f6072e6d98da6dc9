"""Names of a draw: sealed until somebody is admitted or all is over, opened early by two persons alone, every look on record."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, delete, select, update

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Role
from app.audit import service as audit
from app.core.database import Database
from app.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from app.evaluation import cases, conductor, disclosing, unsealing, views
from app.evaluation.disclosing import ReadBy
from app.evaluation.disclosure import Field
from app.evaluation.unsealing import Unsealed
from expert_draw import personal, release, sealed
from expert_draw.models import Draw, Expert, Invitation, NameRelease, PerformanceFact
from tests.support.evaluations import Case, employ
from tests.support.world import HOST_ID, OPERATOR, World, make_world

FIRST = Actor(id="account:first", role=Role.supervisor, name="甲")
SECOND = Actor(id="account:second", role=Role.supervisor, name="乙")
WATCHER = Actor(id="account:watcher", role=Role.draw_supervisor, name="丙", center_id=HOST_ID)
ELSEWHERE = Actor(id="account:elsewhere", role=Role.draw_supervisor, name="丁", center_id="another-center")
WHY = "接到实名举报需要核对"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    yield world
    world.database.dispose()


@pytest.fixture
def either(any_database: Database, tmp_path: Path) -> World:
    """A world on each kind of database in turn, so small that whoever is drawn once is drawn again."""
    return make_world(tmp_path, database=any_database, experts=8, employers=8)


def ask(case: Case, actor: Actor = FIRST, why: str = WHY) -> str:
    employ(case.world, actor)
    with case.world.transaction() as session:
        return unsealing.ask(session, case.world.now(), actor, case.id, why).id


def settle(case: Case, act_id: str, actor: Actor, *, confirm: bool = True, why: str = "同意核对") -> None:
    with case.world.transaction() as session:
        unsealing.settle(session, case.world.now(), actor, case.id, act_id, why, confirm=confirm)


def read(case: Case, actor: Actor = FIRST, why: str = WHY) -> tuple[Unsealed, ...]:
    world = case.world
    with world.transaction() as session:
        return unsealing.read(session, world.now(), world.sealer, actor, case.id, why)


def names_shown(case: Case, actor: Actor) -> dict[int, str | None]:
    """By seat number, the name that this reader's page of the evaluation holds."""
    with case.world.database.reading() as session:
        page = views.evaluation_page(session, lambda _key: None, ReadBy(actor, case.world.sealer), case.id)
    return {one.seat_no: one.name for one in page.members}


def trail(case: Case) -> list[tuple[str, str, str]]:
    with case.world.database.reading() as session:
        return [(one.tag, one.actor, one.data) for one in audit.trail(session, case.id)]


def test_one_person_opens_nothing_whoever_they_are(world: World) -> None:
    case = Case(world).ready()
    act = ask(case)
    for actor in (OPERATOR, FIRST, ELSEWHERE):
        with pytest.raises((Conflict, NotFound)):
            settle(case, act, actor)
    with pytest.raises(InvalidInput, match="reason-short"):
        settle(case, act, SECOND, why="好")
    with pytest.raises(Conflict, match="name-sealed"):
        read(case)
    with world.database.reading() as session:
        assert not session.exec(select(NameRelease)).all()
    settle(case, act, SECOND, confirm=False)
    with pytest.raises(Conflict, match="name-sealed"):
        read(case, SECOND)
    with pytest.raises(Conflict, match="joint-act-settled"):
        settle(case, act, WATCHER)


def test_two_persons_open_them_and_every_look_says_why(world: World) -> None:
    case = Case(world).ready()
    settle(case, ask(case), WATCHER)
    with pytest.raises(InvalidInput, match="reason-short"):
        read(case, why=" ")
    found = read(case)
    with world.database.reading() as session:
        expected = {
            one.seat_no: personal.name_of(world.sealer, world.expert(case.holder(one.seat_no)))
            for one in found
        }
        assert session.exec(select(NameRelease.cause).distinct()).all() == ["unsealed"]
    assert {one.seat_no: one.name for one in found} == expected
    assert sorted(expected) == [1, 2, 3, 4, 5]
    said = trail(case)
    assert [(tag, actor) for tag, actor, _ in said if "names" in tag or "joint" in tag] == [
        ("evaluation:joint-act:asked", FIRST.id),
        ("evaluation:joint-act:confirmed", WATCHER.id),
        ("draw:names:released", WATCHER.id),
        ("draw:names:read", FIRST.id),
    ]
    assert all(
        WHY in data for tag, _, data in said if tag in {"draw:names:read", "evaluation:joint-act:asked"}
    )
    everything = "".join(chain.from_iterable(said))
    assert not [name for name in expected.values() if name in everything]


def test_who_helped_to_open_them_does_not_thereby_see_them(world: World) -> None:
    """The draw's supervisor agrees, and sees codes as before; the host waits until people are admitted."""
    case = Case(world).ready()
    settle(case, ask(case), WATCHER)
    for actor in (WATCHER, OPERATOR):
        with pytest.raises((Conflict, NotFound)):
            read(case, actor)


def test_what_is_drawn_later_is_sealed_again(world: World) -> None:
    case = Case(world).drawn()
    settle(case, ask(case), SECOND)
    before = {one.name for one in read(case)}
    declines = case.asked()[0]
    case.answer(declines, accept=False)
    case.sweep()
    fresh = [one for one in case.asked() if one.round == 2]
    assert len(fresh) == 1
    assert {one.name for one in read(case)} < before
    with world.database.reading() as session, pytest.raises(Conflict, match="name-sealed"):
        release.name(session, world.sealer, fresh[0])
    settle(case, ask(case), SECOND)
    assert len(read(case)) == 5


def test_a_name_shows_once_its_own_expert_is_admitted_and_to_the_host_only(world: World) -> None:
    case = Case(world).convened()
    supervisor = FIRST
    assert set(names_shown(case, OPERATOR).values()) == {None}
    came = case.members()[1]
    case.sign_in(came)
    shown = names_shown(case, OPERATOR)
    expected = personal.name_of(world.sealer, world.expert(case.holder(came.seat_no)))
    assert {seat: name for seat, name in shown.items() if name} == {came.seat_no: expected}
    assert set(names_shown(case, supervisor).values()) == {None}
    assert set(names_shown(case, WATCHER).values()) == {None}


def test_no_clock_opens_anything(world: World) -> None:
    """An hour or a day, forward or back: what is sealed opens by what happens, never by the time alone."""
    case = Case(world).ready()
    ask(case)
    for jump in (timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)):
        world.clock.jump(jump.total_seconds())
        case.sweep()
        with pytest.raises(Conflict, match="name-sealed"):
            read(case)
        assert set(names_shown(case, OPERATOR).values()) <= {None}
        with world.database.reading() as session:
            assert not session.exec(select(NameRelease)).all()


def test_when_all_is_over_cards_count_and_the_rows_say_whose(world: World) -> None:
    case = Case(world).drawn()
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "项目取消了")
    with world.database.reading() as session:
        rows = session.exec(select(NameRelease)).all()
        asked = session.exec(select(Invitation)).all()
        assert {one.expert_id for one in rows} == world.asked()
        assert {(one.cause, one.released_by) for one in rows} == {("over", "house")}
        assert len(rows) == len(asked)


def test_giving_up_tells_nobody_a_name(world: World) -> None:
    """One person gives up at any time and with any reason: that is no way to have names told before their time."""
    case = Case(world).convened()
    agency = Actor(id=OPERATOR.id, role=Role.agency, name="代理", center_id=HOST_ID)
    readers = (agency, OPERATOR, FIRST, WATCHER)
    before = {reader.role: names_shown(case, reader) for reader in readers}
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "结果不合心意了")
    assert case.state == "given_up"
    after = {reader.role: names_shown(case, reader) for reader in readers}
    assert after == before
    assert {name for names in after.values() for name in names.values()} == {None}
    with world.database.reading() as session:
        seen = disclosing.of_party(session, cases.load(session, case.id))
    assert not seen.shows(Field.drawn_names), "nor the tenderee, who comes by a link"


def test_releases_are_never_taken_back_or_altered(either: World) -> None:
    world = either
    case = Case(world).drawn()
    settle(case, ask(case), SECOND)
    with pytest.raises(DBAPIError, match="name_release-append-only"), world.transaction() as session:
        session.execute(delete(NameRelease))
    with pytest.raises(DBAPIError, match="name_release-append-only"), world.transaction() as session:
        session.execute(update(NameRelease).values(released_by="nobody"))


def test_nobody_is_asked_before_the_draw(world: World) -> None:
    case = Case(world)
    with pytest.raises(Conflict, match="nobody-asked"):
        ask(case)


def values_of(session: Session, table: str) -> set[str]:
    """Every text in any row of the table."""
    rows = session.connection().exec_driver_sql(f'SELECT * FROM "{table}"').all()  # noqa: S608 -- the schema's own names
    return {value for row in rows for value in row if isinstance(value, str) and len(value) > 5}


def test_no_row_about_a_draw_can_be_joined_with_the_roster_or_with_another_draw(either: World) -> None:
    """Whoever reads the whole database, without its keys, finds nothing that leads from an invitation to a person."""
    world = either
    over = Case(world, lot_number="9").ready()
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, over.id, "项目取消了")
    world.clock.advance(7 * 86_400)
    case = Case(world, starts_at=world.now() + timedelta(days=1)).ready()
    with world.database.reading() as session:
        roster = set()
        for table in ("expert", "expert_specialty", "roster_leaf", "expert_leave"):
            roster |= values_of(session, table) & {
                value
                for one in session.exec(select(Expert)).all()
                for value in (
                    one.id,
                    one.number,
                    one.identity_fingerprint,
                    one.phone_fingerprint,
                    one.employer,
                )
            }
        assert len(roster) > 30, "the comparison has something to compare with"
        for table in sorted(inspect(session.connection()).get_table_names()):
            if table.startswith(("expert", "roster", "name_release", "unit_control", "credit")):
                continue
            assert not values_of(session, table) & roster, f"{table} leads to the roster"
        columns = ("mark", "caller_mark", "code", "expert_sealed")
        by_draw: dict[str, set[str]] = {}
        for one in session.exec(select(Invitation)).all():
            by_draw.setdefault(one.draw_id, set()).update(getattr(one, name) for name in columns)
        first, second = by_draw.values()
        both, again = (
            {one.expert_id for one in sealed.invited(session, world.sealer, col(Draw.evaluation_id) == id_)}
            for id_ in (over.id, case.id)
        )
        assert both & again, "somebody was drawn twice, so that a mark could give them away"
        assert not first & second
        assert session.exec(select(PerformanceFact)).first() is not None


def test_a_sealed_person_opens_in_its_own_invitation_and_with_its_own_key_alone(world: World) -> None:
    case = Case(world).drawn()
    one, other = case.asked()[:2]
    with world.transaction() as session:
        row = session.get_one(Invitation, one.id)
        row.expert_sealed = other.expert_sealed
        session.flush()
        with pytest.raises(Unavailable, match="sealed"):
            sealed.person(session, world.sealer, row)
        session.rollback()


def test_a_witness_watches_from_the_opening_on_and_a_supervisor_before(world: World) -> None:
    case = Case(world).convened()
    witness = Actor(id="account:witness", role=Role.witness, name="见证", center_id=HOST_ID)

    def watches(actor: Actor) -> str:
        with world.database.reading() as session:
            return disclosing.load_for(session, actor, case.id, Permission.recording_watch).id

    assert watches(FIRST) == case.id
    with pytest.raises(NotFound):
        watches(witness)
    for member in case.members():
        case.sign_in(member)
    case.open()
    assert watches(witness) == case.id
