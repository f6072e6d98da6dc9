"""Things that happen at the same moment follow one another, on each kind of database: none is lost, none counts twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from sqlmodel import Session, select

from app.accounts import entering, second_factor, set_up
from app.accounts.access import Actor
from app.accounts.models import WrongTries
from app.accounts.permissions import Role
from app.accounts.service import Browser
from app.accounts.sessions import Whence
from app.audit import service as audit
from app.core.database import Database
from app.core.errors import Conflict, NotFound
from app.core.settings_doors import AccountSettings
from app.evaluation import cases, committee, conductor, desk, erasing
from app.evaluation.models import Evaluation
from app.evaluation.schemas import SheetIn
from app.notify.delivery import MessageState
from app.notify.listener import Heard
from app.projects.models import Project
from expert_draw import answers, holidays, listing
from expert_draw.models import Draw, Expert
from tests.support.accounts import add_account
from tests.support.authenticators import authenticator
from tests.support.databases import POSTGRESQL, until_somebody_waits
from tests.support.evaluations import Case
from tests.support.world import OPERATOR, World, booking, make_world

KEEPER = Actor(id="account:keeper", role=Role.pool_administrator, name="库管")
T = TypeVar("T")


@pytest.fixture
def world(tmp_path: Path, any_database: Database) -> World:
    return make_world(tmp_path, experts=60, employers=60, database=any_database)


def at_once(world: World, *works: Callable[[Session], T]) -> list[T | str]:
    """Each work in a transaction of its own, begun at the same moment: what it gave, or the code of its refusal."""
    gate = Barrier(len(works))

    def run(work: Callable[[Session], T]) -> T | str:
        gate.wait()
        try:
            with world.transaction() as session:
                return work(session)
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(len(works)) as crowd:
        return list(crowd.map(run, works))


def overlapping(
    world: World, first: Callable[[Session], T], second: Callable[[Session], T]
) -> tuple[T | str, T | str]:
    """The second is begun after the first has done its work and before that is committed."""
    with ThreadPoolExecutor(1) as other:
        with world.transaction() as session:
            done = first(session)
            waiting = other.submit(at_once, world, second)
            if world.database.engine.dialect.name == POSTGRESQL:
                until_somebody_waits(world.database)
        return done, waiting.result()[0]


def whole(world: World, case: Case) -> bool:
    with world.database.reading() as session:
        return all(audit.check_case(session, one) is None for one in (case.id, "house"))


def test_everybody_may_answer_at_the_same_moment(world: World) -> None:
    case = Case(world).drawn()
    asked = case.asked()
    with world.transaction() as session:
        for one in asked:
            world.invitees.taken(session, world.now(), one.id)

    def answer(id_: str, *, accept: bool) -> Callable[[Session], Heard]:
        return lambda session: world.invitees.answer(session, world.now(), id_, accept, "voice")

    said = at_once(world, *(answer(one.id, accept=number > 1) for number, one in enumerate(asked)))
    assert Counter(said) == {Heard.accepted: 3, Heard.declined: 2}
    case.sweep()
    assert len(case.invitations("accepted")) == 3
    assert {one.round for one in case.asked()} == {2}
    assert len(case.asked()) == 2
    assert case.record().count(b'"outcome":"accepted"') == 3
    assert case.verified() == "open"
    assert whole(world, case)


def test_a_draw_that_opens_beside_an_erasure_lists_nobody_who_is_erased(world: World) -> None:
    case = Case(world)
    with world.database.reading() as session:
        number = session.get_one(Expert, world.experts[0]).number

    def opened(session: Session) -> str:
        return committee.commit_draw(session, world.now(), world.house, OPERATOR, case.id).state

    def asked(session: Session) -> str:
        return erasing.ask(session, world.now(), world.house, KEEPER, number, "本人书面申请").asked_by

    assert overlapping(world, opened, asked)[1] == "person-needed"


def test_who_asks_for_the_same_erasure_at_the_same_moment_follows(world: World) -> None:
    with world.database.reading() as session:
        number = session.get_one(Expert, world.experts[0]).number

    def asked(session: Session) -> str:
        return erasing.ask(session, world.now(), world.house, KEEPER, number, "本人书面申请").asked_by

    assert overlapping(world, asked, asked) == (KEEPER.id, KEEPER.id)


def test_of_two_answers_of_one_person_one_counts_and_the_other_hears_so(world: World) -> None:
    case = Case(world).drawn()

    def answer(id_: str, *, accept: bool) -> Callable[[Session], Heard]:
        return lambda session: world.invitees.answer(session, world.now(), id_, accept, "voice")

    for one in case.asked():
        with world.transaction() as session:
            world.invitees.taken(session, world.now(), one.id)
        said = at_once(world, answer(one.id, accept=True), answer(one.id, accept=False))
        assert sorted(said) in (["accepted", "already"], ["already", "declined"])
    assert whole(world, case)


def test_an_answer_a_window_that_closes_and_a_draw_that_is_given_up_do_not_hold_each_other_up(
    world: World,
) -> None:
    case = Case(world).drawn()
    first, second, third, *_ = case.asked()
    with world.transaction() as session:
        for one in (first, second, third):
            world.invitees.taken(session, world.now(), one.id)
    world.clock.advance(2 * 3600)  # every window that has begun is over
    with world.transaction() as session:
        session.get_one(type(first), first.id).deadline = None
    now, house = world.now(), world.house
    at_once(
        world,
        lambda session: world.invitees.answer(session, now, first.id, True, "voice"),
        lambda session: answers.expire(session, now, world.sealer, second.id),
        lambda session: world.invitees.step_ended(session, now, third.id, "voice", MessageState.failed),
        lambda session: conductor.give_up(session, now, house, OPERATOR, case.id, "改日另行组织"),
        lambda session: committee.refill(session, now, house, case.id),
    )
    assert case.state == "given_up"
    assert case.asked() == case.invitations("accepted") == []
    assert case.verified() == "void"
    assert whole(world, case)


def test_of_two_sheets_that_begin_from_the_same_one_the_second_is_told(world: World) -> None:
    case = Case(world).in_session()
    member = case.member(1)
    for revision in range(5):
        notes = [f"{writer}/{revision}" for writer in range(4)]
        told = at_once(
            world,
            *(
                lambda session, note=note, revision=revision: (
                    desk.save(
                        session, world.now(), member.id, SheetIn(revision=revision, scores={}, note=note)
                    ).note
                )
                for note in notes
            ),
        )
        assert told.count("sheet-moved-on") == 3
        (kept,) = set(told) - {"sheet-moved-on"}
        sheet = case.sheet(member)
        assert sheet is not None
        assert (sheet.revision, sheet.note) == (revision + 1, kept)
    assert whole(world, case)


def test_bookings_made_at_once_have_numbers_without_holes_and_one_project(world: World) -> None:
    wanted = booking(world)
    numbers = at_once(
        world,
        *[lambda session: conductor.book(session, world.now(), world.house, OPERATOR, wanted).number] * 6,
    )
    assert sorted(numbers) == [f"PX-2026-{number:06d}" for number in range(1, 7)]
    with world.database.reading() as session:
        assert len(session.exec(select(Project)).all()) == 1
        assert len(session.exec(select(Evaluation)).all()) == 6


def test_of_two_draws_for_one_lot_that_open_at_once_one_is_refused(world: World) -> None:
    first, second = Case(world), Case(world)
    told = at_once(
        world,
        *(
            lambda session, id_=case.id: (
                committee.commit_draw(session, world.now(), world.house, OPERATOR, id_).number
            )
            for case in (first, second)
        ),
    )
    assert sorted(told) == ["CQ-2026-000001", "lot-drawn"]
    with world.database.reading() as session:
        assert len(session.exec(select(Draw)).all()) == 1
        states = {cases.load(session, case.id).state for case in (first, second)}
    assert states == {"booked", "committed"}


def test_of_two_who_do_the_same_act_at_once_one_has_done_it(world: World) -> None:
    case = Case(world)

    def commit(session: Session) -> str:
        return committee.commit_draw(session, world.now(), world.house, OPERATOR, case.id).number

    assert overlapping(world, commit, commit) == ("CQ-2026-000001", "evaluation-state")


def test_draws_of_one_center_that_end_at_once_both_stand_in_its_list(world: World) -> None:
    first, second = Case(world), Case(world, lot_number="2")
    for case in (first, second):
        with world.transaction() as session:
            committee.commit_draw(session, world.now(), world.house, OPERATOR, case.id)

    def end(case: Case) -> Callable[[Session], None]:
        return lambda session: conductor.give_up(
            session, world.now(), world.house, OPERATOR, case.id, "改日另行组织"
        )

    assert overlapping(world, end(first), end(second)) == (None, None)
    with world.database.reading() as session:
        assert listing.text(session, OPERATOR.center_id or "").count(b'"event":"void"') == 2


def test_an_absence_entered_twice_at_once_is_one(world: World) -> None:
    case = Case(world).drawn()
    invited = case.asked()[0]
    first = world.now().date() + timedelta(days=30)

    def enter(session: Session) -> None:
        holidays.enter(session, world.now(), world.sealer, invited.id, first, first)

    assert overlapping(world, enter, enter) == (None, None)
    with world.database.reading() as session:
        assert len(holidays.ahead(session, world.now(), world.sealer, invited.id)) == 1


def test_many_wrong_passwords_at_once_are_all_counted(world: World) -> None:
    with world.transaction() as session:
        add_account(session, world.now())
    settings, attacker = AccountSettings(sign_in_tries=20), Browser(Whence("198.51.100.7"))
    at_once(
        world,
        *[
            lambda session: entering.by_password(
                session, world.sealer, world.now(), settings, login="li", right=False, browser=attacker
            )
        ]
        * 12,
    )
    with world.database.reading() as session:
        counted = {row.source: row.wrong for row in session.exec(select(WrongTries))}
    assert counted == {"address:198.51.100.7": 12, "elsewhere": 12}


def test_of_one_code_shown_many_times_at_once_one_counts(world: World) -> None:
    with world.transaction() as session:
        add_account(session, world.now())
    code = authenticator(world, "li").code()
    told = at_once(
        world,
        *[lambda session: second_factor.accept(session, world.sealer, world.now(), "li", code)] * 8,
    )
    assert sorted(told) == [False] * 7 + [True]


def test_of_two_who_set_up_the_house_at_once_one_makes_the_first_account(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.accounts.staff.hash_password", lambda password: f"hash of {password}")
    with world.transaction() as session:
        code = str(set_up.new_code(session, world.sealer, world.now()))

    def make(login: str) -> Callable[[Session], str]:
        def work(session: Session) -> str:
            try:
                return set_up.first_account(
                    session,
                    world.sealer,
                    world.now(),
                    code=code,
                    login=login,
                    name="",
                    password="four unrelated words",
                ).role
            except NotFound:
                return "gone"

        return work

    assert overlapping(world, make("first"), make("second")) == (Role.administrator, "gone")
