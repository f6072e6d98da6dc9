"""T5, T6. A seat is taken with its code, at its terminal, in its time, after the check at the desk: each alone opens nothing."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts import sessions
from app.audit import service as audit
from app.core.clock import BoundedClock, BoundedTime
from app.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.evaluation import alarms, cases, check_in, convening, entering, leaving
from app.evaluation.alarms import AlarmKind
from app.evaluation.causes import Cause
from app.evaluation.check_in import ArrivalState, Outcome, Papers
from app.evaluation.desk import CommitteeAdmissions
from app.evaluation.entering import Shown
from app.evaluation.models import IdentityCheck, SeatAlarm
from app.notify.enclosed import variables_of
from app.rehearsal.terminals import SoftwareTerminal
from expert_draw import release
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.terminals import checked, enrolled, keeper, papers, proof, takes
from tests.support.world import OPERATOR, World, identity_of, make_world
from venue import devices
from venue.proofs import Purpose


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def case(world: World) -> Case:
    return Case(world).convened()


class Seated:
    """A member of the case at a seat, with what they hold."""

    def __init__(self, case: Case, seat_no: int) -> None:
        self.case, self.world = case, case.world
        self.member = case.member(seat_no)
        self.terminal = enrolled(self.world, self.member.seat_id)

    @property
    def code(self) -> str:
        return variables_of(self.world.sealer, self.case.texts(self.member.id)[-1])["code"]

    def at(self, minutes: float = -30) -> BoundedTime:
        """So many minutes after the start, by a clock that nobody has set."""
        moment = self.case.row.starts_at + timedelta(minutes=minutes)
        return BoundedTime(self.world.now(), moment, moment)

    def check(self) -> None:
        checked(self.world, self.member, self.at())

    def takes(self, minutes: float = -30, terminal: SoftwareTerminal | None = None) -> bool:
        return takes(self.world, self.code, terminal or self.terminal, self.at(minutes))

    def renew(self) -> None:
        self.world.clock.advance(1)
        with self.world.transaction() as session:
            convening.renew_seat_code(
                session, self.world.now(), self.world.house, OPERATOR, self.case.id, self.member.seat_no
            )

    def refusals(self) -> list[str]:
        """Why the member's seat was refused, as the trail says."""
        with self.world.database.reading() as session:
            lines = audit.trail(session, self.case.id)
            return [
                json.loads(one.data)["why"]
                for one in lines
                if one.tag == "evaluation:seat:refused" and self.member.id in one.data
            ]

    def alarms(self) -> Sequence[SeatAlarm]:
        with self.world.database.reading() as session:
            return session.exec(select(SeatAlarm).where(SeatAlarm.member_id == self.member.id)).all()


def test_the_code_opens_only_at_its_own_terminal_in_its_time_and_after_the_check(case: Case) -> None:
    one, other = Seated(case, 1), Seated(case, 2)
    assert not one.takes()  # nobody has checked their papers
    one.check()
    assert not one.takes(terminal=other.terminal)  # somebody else's seat
    assert not one.takes(minutes=-61)  # too early
    assert not one.takes(minutes=240)  # too late
    assert not takes(case.world, "00000000", one.terminal, one.at())
    assert one.refusals() == ["identity", "seat", "early", "late"]
    assert one.takes(minutes=-60)  # none of the refusals has used the code up
    assert not one.takes()  # but this has
    with case.world.database.reading() as session:
        sits = sessions.at_seat(session, one.member.id)
    assert sits is not None
    assert sits.terminal_id == one.terminal.id


def test_a_stolen_code_on_another_device_is_refused_before_it_is_looked_at(case: Case) -> None:
    one, world = Seated(case, 3), case.world
    one.check()
    stranger, blocked = SoftwareTerminal(), one.terminal
    stranger.id = one.terminal.id  # says that it is the terminal of the seat, without its key
    for right in (one.code, "00000000"):
        with world.transaction() as session, pytest.raises(Forbidden, match="terminal-needed"):
            entering.take(session, one.at(), world.house, Shown(right, None))
        with pytest.raises(Forbidden, match="terminal-proof"):
            takes(world, right, stranger, one.at())
    with world.transaction() as session:
        devices.block(session, world.now(), keeper(one.member.center_id), blocked.id)
    with pytest.raises(Forbidden, match="terminal-blocked"):
        one.takes()
    assert one.takes(terminal=enrolled(world, one.member.seat_id))


def test_a_proof_for_another_code_or_seen_before_opens_nothing(case: Case) -> None:
    one, world = Seated(case, 4), case.world
    one.check()
    said = proof(world, one.terminal, Purpose.seat, "11111111")
    with world.transaction() as session, pytest.raises(Forbidden, match="terminal-proof"):
        entering.take(session, one.at(), world.house, Shown(one.code, said))
    said = proof(world, one.terminal, Purpose.seat, one.code)
    with world.transaction() as session:
        assert entering.take(session, one.at(), world.house, Shown(one.code, said)) is not None
    one.renew()
    with world.transaction() as session, pytest.raises(Forbidden, match="terminal-proof"):
        entering.take(session, one.at(), world.house, Shown(one.code, said))


@pytest.mark.parametrize("jump_s", [3600, 86_400, -3600, -7200, -86_400])
def test_no_clock_that_is_set_opens_a_seat_early_or_late(case: Case, jump_s: int) -> None:
    """T16. The wall clock is set at an hour and a half before the start, and an hour after the planned end."""
    one, world = Seated(case, 5), case.world
    clock = world.clock
    hours_before, hours_after = 1.5, 5.0
    for away in (-hours_before, hours_after):
        bounded = BoundedClock(clock)
        began = clock.now()
        clock.jump(jump_s)
        offset = case.row.starts_at + timedelta(hours=away) - began
        time = bounded.now()
        moment = BoundedTime(time.now, time.earliest + offset, time.latest + offset)
        assert not takes(world, one.code, one.terminal, moment)
        clock.jump(-jump_s)
    assert len(one.refusals()) == 2
    assert set(one.refusals()) <= {"early", "late"}


def test_the_code_of_another_evaluation_opens_nothing_at_this_seat(case: Case) -> None:
    world = case.world
    other = Seated(Case(world, project_number="ZT-2", lot_number="2").convened(), 1)
    other.check()
    mine = next(
        Seated(case, number) for number in range(1, 6) if case.member(number).seat_id != other.member.seat_id
    )
    assert not other.takes(terminal=mine.terminal)
    assert other.refusals() == ["seat"]


def test_who_takes_the_seat_a_second_time_ends_the_first_and_a_supervisor_hears_of_it(case: Case) -> None:
    one, world = Seated(Case(case.world, project_number="ZT-3", lot_number="3").convened(), 1), case.world
    one.check()
    assert one.takes()
    with world.database.reading() as session:
        first = sessions.at_seat(session, one.member.id)
    assert one.alarms() == []
    for _ in range(2):
        one.renew()
        assert one.takes()
    with world.database.reading() as session:
        assert sessions.at_seat(session, one.member.id) != first
        assert first is not None
        assert first.id not in sessions.alive(session, world.now(), [first.id])
    (alarm,) = one.alarms()
    assert (alarm.kind, alarm.times, alarm.seat_no) == ("second_join", 2, 1)
    assert [json.loads(data)["same_terminal"] for data in one.case.trail("evaluation:seat-alarm:raised")] == [
        True,
        True,
    ]
    with world.transaction() as session, pytest.raises(InvalidInput, match="reason-short"):
        alarms.acknowledge(session, world.now(), SUPERVISOR, one.case.id, alarm.id, "好")
    with world.transaction() as session, pytest.raises(NotFound, match="alarm-unknown"):
        alarms.acknowledge(session, world.now(), SUPERVISOR, case.id, alarm.id, "别的评标")
    with world.transaction() as session:
        alarms.acknowledge(session, world.now(), SUPERVISOR, one.case.id, alarm.id, "电脑死机，换了键盘")
        assert alarms.shown(session, one.case.id) == ()
    with world.transaction() as session, pytest.raises(Conflict, match="alarm-acknowledged"):
        alarms.acknowledge(session, world.now(), SUPERVISOR, one.case.id, alarm.id, "又一次处置")


def test_whoever_has_left_the_committee_opens_nothing_any_more(case: Case) -> None:
    one, world = Seated(Case(case.world, project_number="ZT-4", lot_number="4").convened(), 2), case.world
    one.check()
    code = one.code
    one.case.left(2, Cause.illness, "突发疾病送医")
    assert not takes(world, code, one.terminal, one.at())
    with world.database.reading() as session:
        assert cases.everybody(session, one.case.id)[1].left_at is not None


# ── the desk ──


def desk(one: Seated, shown: Papers, actor_center: str | None = None) -> check_in.Checked:
    with one.world.transaction() as session:
        actor = keeper(actor_center or one.member.center_id)
        return check_in.check(session, one.at(), one.world.house, actor, one.member.id, shown)


def arrivals(one: Seated) -> dict[str, check_in.Arrival]:
    with one.world.database.reading() as session:
        found = check_in.arrivals(session, one.at(), one.world.house, keeper(one.member.center_id))
    return {arrival.member_id: arrival for arrival in found}


@pytest.fixture
def fresh(case: Case) -> Case:
    return Case(case.world, project_number="ZT-5", lot_number="5").convened()


def test_nobody_has_a_name_before_their_papers_agree_and_then_only_at_their_own_center(fresh: Case) -> None:
    one = Seated(fresh, 1)
    waiting = arrivals(one)[one.member.id]
    assert (waiting.state, waiting.name, waiting.reference) == ("expected", None, one.member.id[-6:].upper())
    with pytest.raises(NotFound, match="arrival-unknown"):
        desk(one, papers(one.world, one.member), actor_center="another-center")
    found = desk(one, papers(one.world, one.member))
    assert found.outcome is Outcome.matched
    assert found.name is not None
    assert found.name.startswith("专家")
    assert found.identity == "9999**********" + papers(one.world, one.member).identity[-4:]
    admitted = arrivals(one)[one.member.id]
    assert (admitted.state, admitted.name, admitted.badge) == ("admitted", found.name, True)
    with pytest.raises(Conflict, match="identity-checked"):
        desk(one, papers(one.world, one.member))


def test_admission_is_the_moment_of_the_check_and_no_other(fresh: Case) -> None:
    one = Seated(fresh, 2)
    with one.world.database.reading() as session:
        assert release.causes(session, [one.member.invitation_id]) == {}
    one.check()
    with one.world.database.reading() as session:
        assert release.causes(session, [one.member.invitation_id]) != {}


def test_other_papers_admit_nobody_until_a_supervisor_has_looked_into_it(fresh: Case) -> None:
    one = Seated(fresh, 3)
    theirs = papers(one.world, one.member)
    others = replace(theirs, identity=identity_of(777))
    found = desk(one, others)
    assert (found.outcome, found.name) == (Outcome.mismatched, None)
    assert arrivals(one)[one.member.id].state is ArrivalState.rejected
    for again in (others, theirs):  # not even the right ones: the desk has no second thoughts of its own
        with pytest.raises(Conflict, match="identity-doubt"):
            desk(one, again)
    assert not one.takes()
    (alarm,) = one.alarms()
    assert alarm.kind == AlarmKind.identity_mismatch
    with one.world.transaction() as session:
        alarms.acknowledge(session, one.world.now(), SUPERVISOR, fresh.id, alarm.id, "拿错了同行者的证件")
    one.world.clock.jump(-1)  # what comes later may bear an earlier time
    assert desk(one, theirs).outcome is Outcome.matched
    assert one.takes()


def test_a_number_that_cannot_be_one_is_a_slip_and_no_check(fresh: Case) -> None:
    one = Seated(fresh, 4)
    right = papers(one.world, one.member).identity
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    for typed in (wrong, right[:-1], "", "530102x"):
        with pytest.raises(InvalidInput, match="identity-number") as refusal:
            desk(one, Papers(typed, phone_deposited=False, badge=False))
        assert typed == "" or typed not in str(refusal.value)
    assert one.alarms() == []
    spaced = f" {right[:6]} {right[6:14]} {right[14:]}".lower()
    assert desk(one, Papers(spaced, phone_deposited=False, badge=False)).outcome is Outcome.matched


def test_the_desk_opens_on_the_day_whatever_the_clock_is_set_to(fresh: Case) -> None:
    one = Seated(fresh, 5)
    day_before = BoundedTime(
        one.world.now(), one.case.row.starts_at - timedelta(hours=10), one.case.row.starts_at
    )
    with one.world.transaction() as session, pytest.raises(NotFound, match="arrival-unknown"):
        check_in.check(
            session,
            day_before,
            one.world.house,
            keeper(one.member.center_id),
            one.member.id,
            papers(one.world, one.member),
        )


def test_who_was_checked_in_is_not_absent(fresh: Case) -> None:
    one = Seated(fresh, 1)
    one.check()
    moment = fresh.row.starts_at + timedelta(hours=2)
    with one.world.transaction() as session, pytest.raises(Conflict, match="no-show-present"):
        leaving.declare(session, moment, one.world.house, OPERATOR, fresh.id, 1, Cause.no_show, "没有到场")


def test_identity_numbers_stand_in_no_row_in_clear(fresh: Case) -> None:
    one = Seated(fresh, 1)
    desk(one, replace(papers(one.world, one.member), identity=identity_of(777)))
    Seated(fresh, 2).check()
    numbers = {papers(one.world, member).identity for member in fresh.members()} | {identity_of(777)}
    with one.world.database.reading() as session:
        rows = [*session.exec(select(IdentityCheck)).all(), *session.exec(select(SeatAlarm)).all()]
        trail = [one.data for one in audit.trail(session, fresh.id)]
    assert rows
    assert not any(number in text for number in numbers for text in (*map(str, rows), *trail))


def test_the_room_tells_a_supervisor_when_a_second_page_takes_the_seat(case: Case) -> None:
    one = Seated(case, 5)
    with one.world.transaction() as session:
        holder = CommitteeAdmissions().holder(session, one.member.id)
        assert holder is not None
        CommitteeAdmissions().contested(session, one.world.now(), holder)
        assert alarms.stands(session, one.member.id, AlarmKind.second_join)
