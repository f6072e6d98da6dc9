"""Who holds a place and leaves it: absent, recused, ill, removed by two persons, on leave; and who comes after them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select, update

from app.accounts import sessions, tickets
from app.accounts.access import Actor
from app.accounts.tickets import TicketKind
from app.audit.tags import Tag
from app.core.errors import Conflict, InvalidInput, NotFound, YuanpingError
from app.evaluation import (
    after_draw,
    binding,
    cases,
    committee,
    conductor,
    confirming,
    desk,
    disclosing,
    joint_views,
    leaving,
    result,
    views,
)
from app.evaluation.causes import Cause
from app.evaluation.desk import CommitteeAdmissions
from app.evaluation.disclosing import ReadBy
from app.evaluation.lifecycle import EvaluationEvent
from app.evaluation.models import Evaluation, JointAct, ScoreSheet
from app.evaluation.schemas import SheetIn
from app.notify.delivery import MessageState
from app.notify.listener import Heard
from expert_draw import answers, parties
from expert_draw.models import PerformanceFact
from expert_draw.statements import OwnShare
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.terminals import enrolled, takes
from tests.support.world import OPERATOR, World, make_world
from venue import service as venues

OTHER_OPERATOR = replace(OPERATOR, id="account:other")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def declare(case: Case, seat_no: int, cause: Cause, reason: str = "本人说明了情况") -> None:
    """By the host, and confirmed by the supervisor where that is needed."""
    case.left(seat_no, cause, reason)


def refused(case: Case, seat_no: int, cause: Cause, reason: str = "本人说明了情况") -> YuanpingError:
    with pytest.raises(YuanpingError) as found:
        declare(case, seat_no, cause, reason)
    return found.value


def facts(case: Case, invitation_id: str) -> list[str]:
    with case.world.database.reading() as session:
        rows = session.exec(
            select(PerformanceFact).where(PerformanceFact.invitation_id == invitation_id)
        ).all()
        assert {row.evaluation_id for row in rows} <= {case.id}
        return sorted(row.kind for row in rows)


def fill(case: Case) -> None:
    """Whoever is asked accepts, until nobody is."""
    case.sweep()
    while asked := case.asked():
        for one in asked:
            assert case.answer(one, accept=True) is Heard.accepted
        case.sweep()


def test_leave_in_time_vacates_the_place_and_another_is_drawn_for_it(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(days=3)).ready()
    leaver = case.holder(2)
    assert leaver.leave_until == case.row.starts_at - timedelta(hours=24)
    assert case.ask_leave(leaver) is Heard.leave
    assert case.ask_leave(leaver) is Heard.lapsed
    assert case.invitation(leaver.id).state == "withdrawn"
    case.sweep()
    assert case.state == "inviting"
    (successor,) = case.asked()
    assert (successor.slot_id, successor.round) == (leaver.slot_id, 2)
    assert world.person(successor) not in {
        world.person(one) for one in case.invitations("accepted", "withdrawn")
    }
    assert facts(case, leaver.id) == ["accepted", "withdrawn"]
    assert "released" not in {
        one.purpose for one in case.texts(leaver.id)
    }  # they have heard that it is granted
    fill(case)
    assert case.state == "ready"
    assert b'"outcome":"withdrawn"' in case.record()
    assert case.verified() == "open"


def test_leave_after_its_cut_off_is_not_granted_and_only_the_trail_knows_of_it(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(days=3)).ready()
    one = case.holder(1)
    world.clock.advance(2 * 86_400)
    for _ in range(2):
        assert case.ask_leave(one) is Heard.leave_late
    assert case.invitation(one.id).state == "accepted"
    assert facts(case, one.id) == ["accepted"]
    assert len(case.trail(Tag.invitation_leave_late)) == 1
    assert b"withdrawn" not in case.record()


def test_leave_is_only_for_those_who_hold_a_place(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(days=3)).drawn()
    asked, declines, *_ = case.asked()
    assert case.ask_leave(asked) is Heard.lapsed
    case.answer(declines, accept=False)
    assert case.ask_leave(declines) is Heard.lapsed
    with world.transaction() as session:
        assert world.invitees.ask_leave(session, world.now(), "nobody", "sms") is Heard.lapsed


def test_in_a_rehearsal_leave_may_be_asked_until_the_start(world: World) -> None:
    case = Case(world, rehearsal=True).ready()
    assert case.holder(1).leave_until == case.row.starts_at
    world.clock.advance(86_399)
    assert case.ask_leave(case.holder(1)) is Heard.leave
    world.clock.advance(1)
    assert case.ask_leave(case.holder(2)) is Heard.leave_late


def test_an_absent_expert_is_declared_so_after_the_time_of_grace_and_replaced_in_the_open_room(
    world: World,
) -> None:
    case = Case(world).convened()
    absent = case.holder(3)
    for member in case.members():
        if member.seat_no != 3:
            case.sign_in(member)
    world.clock.advance(86_400)
    early = refused(case, 3, Cause.no_show)
    assert (early.code, early.params["minutes"]) == ("no-show-early", 30)
    world.clock.advance(1800)
    assert refused(case, 4, Cause.no_show).code == "no-show-present"
    declare(case, 3, Cause.no_show)
    assert (case.state, case.invitation(absent.id).state) == ("replacing", "no_show")
    assert facts(case, absent.id) == ["absent", "accepted"]
    case.sweep()
    (successor,) = case.asked()
    # Told to come when one can: the start is over.
    assert successor.starts_at == world.now() + timedelta(minutes=45)
    assert case.answer(successor, accept=True) is Heard.accepted
    case.sweep()
    assert case.state == "convened"
    assert [(one.seat_no, one.code_name) for one in case.members()] == [
        (1, "A"),
        (2, "B"),
        (3, "F"),
        (4, "D"),
        (5, "E"),
    ]
    member = case.member(3)
    (code,) = case.texts(member.id)
    assert (code.purpose, code.state) == ("seat_code", "queued")
    case.sign_in(member)
    case.open()
    assert case.verified() == "open"


def test_a_member_recused_in_session_is_out_of_the_room_their_sheet_void_and_their_successor_starts_anew(
    world: World,
) -> None:
    case = Case(world).in_session()
    leaver, stays = case.member(2), case.member(4)
    token = case.sign_in(leaver)
    case.score(leaver)
    case.score(stays)
    before = case.sheet(leaver)
    assert before is not None
    declare(case, 2, Cause.recusal, "与一家投标人存在利害关系")
    assert case.state == "replacing"

    # Out at once: session, seat, desk, and any further seat code.
    with world.transaction() as session:
        assert sessions.find(session, world.sealer, world.now(), token) is None
        holder = CommitteeAdmissions().holder(session, leaver.id)
        assert holder is not None
        assert not holder.admitted
        other = CommitteeAdmissions().holder(session, stays.id)
        assert other is not None
        assert other.admitted
        assert desk.enter(session, world.now(), leaver.id) is None
    with world.transaction() as session, pytest.raises(NotFound, match="seat-gone"):
        desk.submit(session, world.now(), leaver.id)
    with world.transaction() as session, pytest.raises(Conflict, match="session-replacing"):
        desk.save(session, world.now(), case.member(1).id, SheetIn(revision=0, scores={}))

    # The sheet is kept as it was, void; that of the others stands.
    after, other_sheet = case.sheet(leaver), case.sheet(stays)
    assert after is not None
    assert other_sheet is not None
    assert (after.state, after.scores, after.revision) == ("void", before.scores, before.revision)
    assert other_sheet.state == "submitted"
    (voided,) = case.trail(Tag.sheet_voided)
    assert json.loads(voided)["rule"] == "evaluation.replaced_member_opinion"
    (gone,) = [json.loads(data) for data in case.trail(Tag.invitation_left)]
    assert (gone["reason"], gone["seat"], gone["state"]) == ("与一家投标人存在利害关系", "2", "recused")

    fill(case)
    assert case.state == "convened"
    successor = case.member(2)
    assert successor.code_name == "F"
    assert case.sheet(successor) is None
    case.sign_in(successor)
    case.open()
    for member in case.members():
        if (sheet := case.sheet(member)) is None or sheet.state != "submitted":
            case.score(member)
    with world.transaction() as session:
        conductor.close_session(session, world.now(), world.house, OPERATOR, case.id)
    with world.transaction() as session:
        binding.seal(session, world.now(), case.id, "ab" * 32)
    with world.database.reading() as session:
        assert len(session.exec(select(ScoreSheet)).all()) == 6
        # Five sheets count: 100 × 2 criteria × 5 members for the bidder who got least.
        assert (
            result.standings(session, disclosing.sight(session, SUPERVISOR, case.row), case.row)[-1].total
            == "10"
        )
    assert facts(case, leaver.invitation_id) == ["accepted", "recused"]
    assert case.verified() == "closed"


def test_a_seat_code_that_was_not_used_yet_opens_nothing_once_its_holder_has_left(world: World) -> None:
    case = Case(world).convened()
    member = case.member(5)
    with world.transaction() as session:
        code = tickets.issue(
            session,
            world.sealer,
            world.now(),
            kind=TicketKind.seat_code,
            subject=f"member:{member.id}",
            lifetime=timedelta(hours=1),
        )
    declare(case, 5, Cause.illness)
    with world.transaction() as session:
        kind = TicketKind.seat_code
        assert tickets.redeem(session, world.sealer, world.now(), kind=kind, secret=code) is None
    assert not takes(world, code, enrolled(world, member.seat_id))
    assert [one.state for one in case.texts(member.id)] == ["cancelled"]


@pytest.mark.parametrize("cause", [Cause.illness, Cause.recusal])
def test_who_is_ill_or_recused_is_told_by_text_unless_they_are_there(world: World, cause: Cause) -> None:
    case = Case(world).convened()
    far, there = case.holder(1), case.holder(2)
    case.sign_in(case.member(2))
    for seat_no in (1, 2):
        declare(case, seat_no, cause)
    (text,) = [one for one in case.texts(far.id) if one.purpose == "released"]
    assert (text.channel, text.template, text.state) == ("sms", "released_sms", "queued")
    assert "released" not in {one.purpose for one in case.texts(there.id)}


def test_an_order_about_somebody_who_left_otherwise_does_not_bar_one_about_their_successor(
    world: World,
) -> None:
    case = Case(world).in_session()

    def order() -> str:
        with world.transaction() as session:
            return leaving.order_removal(session, world.now(), OPERATOR, case.id, 1, "擅自离开封闭区域").id

    def waiting() -> list[str]:
        with world.database.reading() as session:
            return [
                one.id
                for one in joint_views.waiting(
                    session, case.world.now(), case.world.sealer, SUPERVISOR, case.id
                )
            ]

    stale = order()
    assert waiting() == [stale]
    declare(case, 1, Cause.illness)
    fill(case)
    assert waiting() == []
    with world.transaction() as session, pytest.raises(Conflict, match="seat-holder-gone"):
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, stale, confirm=True)
    fresh = order()
    assert waiting() == [fresh]
    asked = [json.loads(data) for data in case.trail(Tag.joint_act_asked)]
    assert [(one["kind"], one["seats"]) for one in asked] == [
        ("removal", "1"),
        ("illness", "1"),
        ("removal", "1"),
    ]


def test_who_was_removed_in_their_absence_is_told_and_who_did_not_come_is_not(world: World) -> None:
    case = Case(world).convened()
    removed, absent = case.holder(1), case.holder(2)
    with world.transaction() as session:
        act = leaving.order_removal(session, world.now(), OPERATOR, case.id, 1, "擅自透露评标信息").id
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=True)
    world.clock.advance(86_400 + 1800)
    declare(case, 2, Cause.no_show)
    assert "released" in {one.purpose for one in case.texts(removed.id)}
    assert "released" not in {one.purpose for one in case.texts(absent.id)}


@pytest.mark.parametrize(("cause", "state"), [(Cause.illness, "ill"), (Cause.recusal, "recused")])
def test_a_host_alone_cannot_have_a_place_drawn_again(world: World, cause: Cause, state: str) -> None:
    case = Case(world).ready()
    holder = case.holder(2)
    with world.transaction() as session:
        act = leaving.declare(session, world.now(), world.house, OPERATOR, case.id, 2, cause, "本人来电说明")
    assert act is not None
    case.sweep()
    assert (case.state, case.invitation(holder.id).state) == ("ready", "accepted")

    def settle(actor: Actor) -> None:
        with world.transaction() as session:
            confirming.settle(session, world.now(), world.house, actor, case.id, act.id, confirm=True)

    for actor in (OPERATOR, OTHER_OPERATOR):
        with pytest.raises(Conflict, match="second-person"):
            settle(actor)
    assert case.state == "ready"
    settle(SUPERVISOR)
    assert (case.state, case.invitation(holder.id).state) == ("inviting", state)
    assert [json.loads(data)["kind"] for data in case.trail(Tag.joint_act_confirmed)] == [cause.value]


def test_nobody_is_convened_while_a_place_is_vacant_again(world: World) -> None:
    case = Case(world, starts_at=world.now() + timedelta(days=3)).ready()
    assert case.ask_leave(case.holder(2)) is Heard.leave
    assert case.state == "ready"  # the sweep has not seen it yet
    with pytest.raises(Conflict, match="place-vacant"):
        case.act("convene")
    assert (case.state, case.row.room_id, case.members()) == ("ready", None, ())
    fill(case)
    case.act("convene")
    assert len(case.members()) == 5


def test_a_removal_takes_two_persons_of_two_sides(world: World) -> None:
    case = Case(world).in_session()
    member = case.member(1)

    def settle(actor: Actor, act_id: str, *, confirm: bool) -> None:
        with world.transaction() as session:
            confirming.settle(session, world.now(), world.house, actor, case.id, act_id, confirm=confirm)

    with world.transaction() as session:
        first = leaving.order_removal(session, world.now(), SUPERVISOR, case.id, 1, "操作他人评标电脑").id
    with world.transaction() as session, pytest.raises(Conflict, match="joint-act-asked"):
        leaving.order_removal(session, world.now(), OPERATOR, case.id, 1, "操作他人评标电脑")
    with pytest.raises(Conflict, match="second-person"):
        settle(SUPERVISOR, first, confirm=True)
    assert case.state == "in_session"
    settle(OPERATOR, first, confirm=False)
    assert (case.state, case.invitation(member.invitation_id).state) == ("in_session", "accepted")
    with pytest.raises(Conflict, match="joint-act-settled"):
        settle(OPERATOR, first, confirm=True)

    with world.transaction() as session:
        second = leaving.order_removal(session, world.now(), OPERATOR, case.id, 1, "擅自离开封闭区域").id
    with pytest.raises(Conflict, match="second-person"):
        settle(OTHER_OPERATOR, second, confirm=True)
    with pytest.raises(NotFound, match="joint-act"):
        settle(SUPERVISOR, "unknown", confirm=True)
    settle(SUPERVISOR, second, confirm=True)
    assert (case.state, case.invitation(member.invitation_id).state) == ("replacing", "removed")
    assert facts(case, member.invitation_id) == ["accepted", "removed"]
    assert len(case.trail(Tag.joint_act_asked)) == 2
    assert (len(case.trail(Tag.joint_act_refused)), len(case.trail(Tag.joint_act_confirmed))) == (1, 1)
    fill(case)
    assert case.verified() == "open"


def test_a_removal_that_is_confirmed_after_its_member_has_left_anyway_changes_nothing(world: World) -> None:
    case = Case(world).in_session()
    with world.transaction() as session:
        act = leaving.order_removal(session, world.now(), SUPERVISOR, case.id, 1, "操作他人评标电脑").id
    declare(case, 1, Cause.illness)
    with pytest.raises(Conflict, match="seat-holder-gone"), world.transaction() as session:
        confirming.settle(session, world.now(), world.house, OPERATOR, case.id, act, confirm=True)
    with world.database.reading() as session:
        assert session.get_one(JointAct, act).state == "asked"


def test_two_who_leave_while_the_room_is_open_are_both_replaced_and_each_comes_in_as_they_accept(
    world: World,
) -> None:
    case = Case(world).in_session()
    declare(case, 1, Cause.illness)
    declare(case, 2, Cause.illness)
    case.sweep()
    first, second = case.asked()
    case.answer(first, accept=True)
    case.sweep()
    assert case.state == "replacing"
    assert [one.code_name for one in case.members()] == ["F", "C", "D", "E"]
    case.answer(second, accept=True)
    case.sweep()
    assert case.state == "convened"
    assert [one.code_name for one in case.members()] == ["F", "G", "C", "D", "E"]
    assert len(case.members(all_=True)) == 7
    with world.database.reading() as session:
        assert set(venues.booked_seats(session, case.id)) == {one.seat_id for one in case.members()}


def test_leave_granted_in_the_open_room_of_a_rehearsal_takes_effect_at_the_next_sweep(world: World) -> None:
    case = Case(world, rehearsal=True).convened()
    member = case.member(3)
    assert case.ask_leave(case.holder(3)) is Heard.leave
    assert case.state == "convened"
    case.sweep()
    assert case.state == "replacing"
    assert member.id not in {one.id for one in case.members()}
    fill(case)
    assert case.state == "convened"


def test_what_is_not_said_or_not_there_is_refused_by_name(world: World) -> None:
    case = Case(world)
    assert refused(case, 1, Cause.recusal).code == "evaluation-state"
    case.drawn()
    assert refused(case, 1, Cause.recusal).code == "seat-holder"
    case.answer(case.asked()[0], accept=True)
    found = refused(case, 1, Cause.recusal, " 无 ")
    assert isinstance(found, InvalidInput)
    assert found.code == "reason-short"
    for wrong in ("很长" * 201, "两行\n文字"):
        assert refused(case, 1, Cause.recusal, wrong).code == "reason-shape"
    assert refused(case, 9, Cause.recusal).code == "seat-holder"
    declare(case, 1, Cause.recusal)
    assert case.state == "inviting"


def test_whoever_leaves_while_the_parties_are_called_enters_the_record_once_the_round_is_drawn(
    world: World,
) -> None:
    case = Case(world, starts_at=world.now() + timedelta(days=3))
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case.called_with(own).say("reveal", own.reveal(case.record()))
    declines, leaves, *others = case.asked()
    for one in (leaves, *others):
        case.answer(one, accept=True)
    case.answer(declines, accept=False)
    case.sweep()  # calls the parties for the vacant place
    assert case.draw.reveal_until is not None
    assert case.ask_leave(leaves) is Heard.leave
    assert b"withdrawn" not in case.record()
    assert case.state == "inviting"
    case.say("reveal", own.reveal(case.record()))
    text = case.record()
    assert 0 < text.rindex(b'"type":"round"') < text.index(b'"outcome":"withdrawn"')
    # The place of who declined is being filled, that of who left is called for anew.
    assert [one.slot_id for one in case.asked()] == [declines.slot_id]
    case.sweep()
    case.say("reveal", own.reveal(case.record()))
    assert {one.slot_id for one in case.asked()} == {declines.slot_id, leaves.slot_id}
    assert case.verified() == "open"


def test_a_share_withheld_while_a_member_is_replaced_ends_the_draw_and_empties_the_room(world: World) -> None:
    case = Case(world)
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case.called_with(own).say("reveal", own.reveal(case.record()))
    for one in case.asked():
        case.answer(one, accept=True)
    case.sweep()
    case.act("convene")
    declare(case, 1, Cause.illness)
    case.sweep()
    assert case.state == "replacing"
    world.clock.advance(3600)
    with world.transaction() as session:
        committee.refill(session, world.now(), world.house, case.id)
    assert (case.state, case.members()) == ("short", ())
    assert case.verified() == "void"
    with world.database.reading() as session:
        shown = after_draw.view(session, case.world.now(), case.world.sealer, OPERATOR, case.id).shortage
        guide = views.evaluation_page(
            session, lambda _key: None, ReadBy(OPERATOR, case.world.sealer), case.id
        ).card.guide
    assert shown is not None
    assert (shown.may_widen, shown.may_redraw, shown.may_designate) == (False, False, False)
    assert guide.next_step == "抽取已作废且评标室已开放，只能终止后重新预约"
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "份额未揭示")
    with world.database.reading() as session:
        assert cases.rooms_to_seal(session) == ((case.id, case.row.room_id),)


def test_answers_are_facts_too_and_who_could_not_be_reached_has_none(world: World) -> None:
    case = Case(world).drawn()
    accepts, declines, silent, unreachable, *_ = case.asked()
    case.answer(accepts, accept=True)
    case.answer(declines, accept=False)
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), silent.id)
        for channel in ("voice", "sms", "voice"):
            world.invitees.step_ended(session, world.now(), unreachable.id, channel, MessageState.failed)
    world.clock.advance(900)
    for _ in range(2):
        with world.transaction() as session:
            answers.expire(session, world.now(), world.sealer, silent.id)
        assert case.answer(silent, accept=True) is Heard.lapsed
    assert [facts(case, one.id) for one in (accepts, declines, silent, unreachable)] == [
        ["accepted"],
        ["declined"],
        ["expired", "late"],
        [],
    ]


def test_a_sweep_that_is_run_again_makes_nobody_a_member_twice_and_texts_nobody_twice(world: World) -> None:
    case = Case(world).in_session()
    declare(case, 1, Cause.illness)
    case.sweep()
    case.answer(case.asked()[0], accept=True)
    for _ in range(3):
        with world.transaction() as session:
            committee.refill(session, world.now(), world.house, case.id)
    assert case.state == "convened"
    assert len(case.members(all_=True)) == 6
    assert len(case.texts(case.member(1).id)) == 1
    assert len(case.trail(Tag.evaluation_vacated)) == 1
    assert len(case.trail(Tag.evaluation_replaced)) == 1
    with world.database.reading() as session:
        assert committee.waiting_to_move(session, world.now()) == ()


def test_an_evaluation_moves_once_although_two_try(world: World) -> None:
    case = Case(world).ready()
    with world.transaction() as session:
        stale = cases.load(session, case.id)
        session.exec(update(Evaluation).values(state="inviting").execution_options(synchronize_session=False))
        with pytest.raises(Conflict, match="evaluation-state"):
            cases.move(session, stale, EvaluationEvent.convene)
        assert stale.state == "inviting"


def test_a_committee_drawn_from_venues_first_is_replaced_in_the_same_way(world: World) -> None:
    case = Case(world, rule_pack="cn_venue_first").in_session()
    leaver = case.holder(2)
    declare(case, 2, Cause.illness)
    fill(case)
    assert case.state == "convened"
    # The venue stays: somebody who lives near it comes.
    assert case.holder(2).center_id == leaver.center_id
    assert case.verified() == "open"
