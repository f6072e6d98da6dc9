"""What one person has asked for waits for the second only so long, and only while who asked could ask for it still."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.access import Actor
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.core.errors import Conflict
from app.evaluation import cases, confirming, erasing, joint_acts, joint_views, leaving, unsealing
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import JointAct
from expert_draw.models import NameRelease
from tests.support.evaluations import SUPERVISOR, Case, employ
from tests.support.world import HOST_ID, OPERATOR, World, make_world

FIRST = Actor(id="account:first", role=Role.supervisor, name="甲", center_id=HOST_ID)
SECOND = Actor(id="account:second", role=Role.draw_supervisor, name="乙", center_id=HOST_ID)
WHY = "接到实名举报需要核对"
MOMENT = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    employ(made, FIRST, SECOND)
    yield made
    made.database.dispose()


def ask(case: Case) -> str:
    with case.world.transaction() as session:
        return unsealing.ask(session, case.world.now(), FIRST, case.id, WHY).id


def settle(case: Case, act_id: str, *, confirm: bool = True) -> None:
    with case.world.transaction() as session:
        unsealing.settle(session, case.world.now(), SECOND, case.id, act_id, WHY, confirm=confirm)


def opened(case: Case) -> int:
    with case.world.database.reading() as session:
        return len(session.exec(select(NameRelease)).all())


def view(case: Case) -> unsealing.UnsealingView:
    with case.world.database.reading() as session:
        return unsealing.view(session, case.world.now(), SECOND, cases.load(session, case.id))


def changed(world: World, actor: Actor, **to: object) -> None:
    """What an administrator makes of the account."""
    with world.transaction() as session:
        account = session.get_one(Account, actor.id.removeprefix("account:"))
        for name, value in to.items():
            setattr(account, name, value)


def test_after_three_days_nobody_confirms_it_and_it_may_be_asked_anew(world: World) -> None:
    case = Case(world).ready()
    first = ask(case)
    world.clock.advance((joint_acts.LASTS - MOMENT).total_seconds())
    shown = view(case)
    assert (shown.waiting is not None, shown.mine, shown.lapsed) == (True, True, None)
    with pytest.raises(Conflict, match="joint-act-asked"):
        ask(case)
    world.clock.advance(MOMENT.total_seconds())
    with pytest.raises(Conflict, match="joint-act-late"):
        settle(case, first)
    assert opened(case) == 0
    shown = view(case)
    assert shown.lapsed is not None
    assert (shown.waiting, shown.mine, shown.lapsed.id) == (None, False, first)
    again = ask(case)
    with pytest.raises(Conflict, match="joint-act-late"):
        settle(case, first)
    settle(case, again)
    assert opened(case) == len(case.invitations())
    with world.database.reading() as session:
        states = {act.id: act.state for act in session.exec(select(JointAct)).all()}
    assert states == {first: "lapsed", again: "done"}


@pytest.mark.parametrize(
    "change", [{"active": False}, {"role": Role.auditor}], ids=["shut", "of another role"]
)
def test_nobody_confirms_the_word_of_somebody_who_is_gone(world: World, change: dict[str, object]) -> None:
    case = Case(world).ready()
    act = ask(case)
    changed(world, FIRST, **change)
    with pytest.raises(Conflict, match="asker-gone"):
        settle(case, act)
    assert opened(case) == 0
    assert view(case).lapsed is not None
    settle(case, act, confirm=False)
    assert view(case).lapsed is None, "it can still be refused, and is off the page then"


def test_who_works_for_another_center_by_now_has_no_word_in_this_one(world: World) -> None:
    case = Case(world).ready()
    with world.transaction() as session:
        act = leaving.order_removal(session, world.now(), OPERATOR, case.id, 1, "多次违反纪律").id
    changed(world, OPERATOR, center_id="another-center")
    with world.database.reading() as session:
        (shown,) = joint_views.waiting(session, world.now(), world.sealer, SUPERVISOR, case.id)
    assert shown.lapsed
    with pytest.raises(Conflict, match="asker-gone"), world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=True)
    assert case.holder(1).state == "accepted"
    changed(world, OPERATOR, center_id=HOST_ID)
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=True)


def test_what_lapsed_of_one_kind_or_person_makes_no_room_for_another(world: World) -> None:
    case = Case(world).ready()
    with world.transaction() as session:
        for seat_no in (1, 2):
            leaving.order_removal(session, world.now(), OPERATOR, case.id, seat_no, "多次违反纪律")
    world.clock.advance(joint_acts.LASTS.total_seconds())
    with world.transaction() as session:
        leaving.order_removal(session, world.now(), OPERATOR, case.id, 2, "多次违反纪律")
    with world.database.reading() as session:
        acts = joint_acts.asked(session, case.id)
        waits = [not joint_acts.lapsed(session, world.now(), case.row, act) for act in acts]
    assert [(act.kind, joint_acts.seats(act)) for act in acts] == [
        (JointKind.removal, (1,)),
        (JointKind.removal, (2,)),
    ]
    assert waits == [False, True]


def test_nobody_is_erased_on_the_word_of_somebody_who_is_gone(world: World) -> None:
    keeper, other = (
        Actor(id=f"account:keeper-{n}", role=Role.pool_administrator, name="", center_id=HOST_ID)
        for n in (1, 2)
    )
    employ(world, keeper, other)
    number = f"{1:017d}"
    with world.transaction() as session:
        erasing.ask(session, world.now(), world.house, keeper, number, "本人书面申请")
    changed(world, keeper, active=False)
    with pytest.raises(Conflict, match="asker-gone"), world.transaction() as session:
        erasing.carry_out(session, world.now(), world.house, other, number, "核对无误")
    changed(world, keeper, active=True)
    with world.transaction() as session:
        done = erasing.carry_out(session, world.now(), world.house, other, number, "核对无误")
    assert done.done_by == other.id
