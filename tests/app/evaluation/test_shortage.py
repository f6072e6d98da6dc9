"""A pool that cannot fill the places: staff widens by the declared ladder, postpones, or names people with approval."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.access import Actor
from app.audit.tags import Tag
from app.core.errors import Conflict, InvalidInput, NotFound
from app.evaluation import (
    after_draw,
    binding,
    booking,
    conductor,
    confirming,
    designating,
    shortage,
    views,
    widening,
)
from app.evaluation.causes import Cause
from app.evaluation.disclosing import ReadBy
from app.evaluation.schemas import SlotIn, UnitIn
from app.notify.listener import Heard
from app.rules import library
from expert_draw import answers, keeping, parties, performance, stored_lines
from expert_draw.models import DrawSlot, Expert, ExpertRelation
from expert_draw.pooling import RegionAsked, SlotAsked
from expert_draw.statements import OwnShare
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.world import CITIES, OPERATOR, World, make_world
from venue import service as venues

# One expert too few for the second place of A060101: five of A080104, five of A0801.
SLOTS = (SlotIn(specialty="A080104", count=3), SlotIn(specialty="A060101", count=2))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Forty experts: of A060101 two are left, of A0601 there are more, in other cities than the rest."""
    world = make_world(tmp_path, experts=40)
    with world.transaction() as session:
        keep = 2
        change = world.rosters.begin(session)
        for expert in session.exec(select(Expert).order_by(Expert.number)).all():
            if int(expert.number) % 2 == 1:  # A060101
                keep -= 1
                if keep < 0:
                    expert.state = "suspended"
                    expert.revision = change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
        for number in range(6):
            world.add_expert(session, specialty="A060102", employer=100 + number, city=CITIES[number % 3][0])
    return world


def exhausted(world: World, **changes: object) -> Case:
    """One of the two who can take the places of A060101 declines, everybody else has accepted."""
    fields: dict[str, object] = {"slots": SLOTS, "starts_at": world.now() + timedelta(days=3), **changes}
    case = Case(world, **fields).drawn()
    *others, last = case.asked()
    assert case.answer(last, accept=False) is Heard.declined
    for one in others:
        assert case.answer(one, accept=True) is Heard.accepted
    case.sweep()
    assert case.state == "short"
    return case


def widen(case: Case, reason: str = "本专业专家不足", **more: object) -> None:
    world = case.world
    with world.transaction() as session:
        shortage.widen(session, world.now(), world.house, OPERATOR, case.id, reason, **more)  # type: ignore[arg-type]


def postpone(case: Case, days: int, reason: str = "等待专家返岗") -> None:
    world = case.world
    with world.transaction() as session:
        shortage.postpone(
            session, world.now(), world.house, OPERATOR, case.id, reason, world.now() + timedelta(days=days)
        )


def propose(
    case: Case, numbers: dict[int, str], circumstance: str = "complex", actor: Actor = OPERATOR
) -> str:
    world = case.world
    with world.transaction() as session:
        return designating.propose(
            session,
            world.now(),
            world.house,
            actor,
            case.id,
            numbers,
            circumstance,
            "本地没有同专业的其他专家",
        ).id


def settle(case: Case, act_id: str, *, confirm: bool = True, actor: Actor = SUPERVISOR) -> None:
    world = case.world
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, actor, case.id, act_id, confirm=confirm)


def vacant(case: Case) -> list[int]:
    with case.world.database.reading() as session:
        return list(shortage.vacant_seats(session, case.row))


def free_expert(case: Case, *, beside: int = 0) -> Expert:
    """Somebody who was not drawn, may come, and works with nobody who was; beside: pass over so many."""
    with case.world.database.reading() as session:
        asked = case.world.asked()
        found = session.exec(
            select(Expert).where(Expert.state == "active").order_by(Expert.number.desc())  # type: ignore[attr-defined]
        ).all()
        employers = {
            expert.employer_code for expert in session.exec(select(Expert)).all() if expert.id in asked
        }
        return [one for one in found if one.id not in asked and one.employer_code not in employers][beside]


def test_who_has_accepted_stays_while_staff_decides(world: World) -> None:
    case = exhausted(world)
    assert [one.state for one in case.invitations()].count("accepted") == 4
    assert vacant(case) == [5]
    assert case.trail(Tag.evaluation_short) == ["{}"]
    with world.database.reading() as session:
        assert len(venues.booked_seats(session, case.id)) == 4
    assert case.verified() == "open"
    # Somebody who leaves meanwhile leaves a further place; sweeping decides nothing.
    assert case.ask_leave(case.holder(1)) is Heard.leave
    case.sweep()
    assert (case.state, vacant(case)) == ("short", [1, 5])


def test_the_ladder_is_climbed_by_one_rung_and_a_new_draw_names_the_former(world: World) -> None:
    case = exhausted(world)
    former, declined = case.draw, case.invitations("declined")[0]
    accepted = case.invitations("accepted")
    widen(case)
    assert (case.state, case.row.draw_id, case.row.short_reason) == ("booked", None, None)
    assert case.verified(number=former.number) == "void"
    with world.database.reading() as session:
        text = stored_lines.text(session, keeping.load(session, former.id), opened=False)
        assert b'"body":{"party":null,"reason":"pool_exhausted"}' in text
        assert venues.booked_seats(session, case.id) == ()
        question = booking.question(session, world.sealer, case.row)
    for one in accepted:
        assert case.invitation(one.id).state == "cancelled"
        assert "released" in {text.purpose for text in case.texts(one.id)}
    # Only the places that could not be filled are asked for more widely; who declined this time is not asked again.
    assert question.slots == (SlotAsked("A080104", 3), SlotAsked("A0601", 2))
    assert question.used == (world.person(declined),)
    (told,) = [json.loads(data) for data in case.trail(Tag.evaluation_widened)]
    assert (told["rung"], told["changes"]) == ("specialty_parent", [["A060101", "A0601"]])
    assert told["draw"] == former.number
    with world.database.reading() as session:
        (step,) = shortage.steps(case.row)
    assert (step.rung, step.changes, step.reason) == (
        "specialty_parent",
        (("A060101", "A0601"),),
        "本专业专家不足",
    )
    case.ready()
    assert case.draw.before == former.number
    assert world.person(declined) not in {world.person(one) for one in case.invitations()}
    assert case.verified() == "open"
    with world.database.reading() as session:
        assert len(binding.export_records(session, case.id, world.settings.data_dir)) == 2


def test_the_ladder_ends_and_the_rule_is_named(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=6, employers=6)
    case = Case(world).drawn()
    case.answer(case.asked()[0], accept=False)
    case.sweep()
    while case.state == "inviting":
        for one in case.asked():
            case.answer(one, accept=False)
        case.sweep()
    with pytest.raises(Conflict, match="widen-exhausted") as refused:
        widen(case)
    assert refused.value.params["rule"] == "draw.widen_ladder"
    assert "本地约定" in str(refused.value)
    assert case.state == "short"


@pytest.mark.parametrize(
    ("used", "bounds", "expected"),
    [
        ((), (), ("specialty_parent", "A0801", ("53",))),
        (("specialty_parent",), (), ("specialty_parent", "A0801", ("53",))),
        (("region",), (), ("region", "A080104", ())),
    ],
)
def test_the_next_rung_is_the_first_that_changes_something(
    used: tuple[str, ...], bounds: tuple[RegionAsked, ...], expected: tuple[str, str, tuple[str, ...]]
) -> None:
    slots = (SlotAsked("A080104", 2, (), ("53",)), SlotAsked("B0101", 1, (), ("51",)))
    found = widening.next_rung(("specialty_parent", "region"), used, slots, bounds, {0})
    assert found is not None
    assert (found.rung, found.slots[0].specialty, found.slots[0].regions) == expected
    assert found.slots[1] == slots[1]


def test_bounds_on_regions_are_a_rung_and_an_empty_ladder_has_none() -> None:
    slots = (SlotAsked("A08", 2), SlotAsked("B01", 1))
    bounds = (RegionAsked("5306", 1, 2),)
    found = widening.next_rung(("specialty_parent", "region"), (), slots, bounds, {1})
    assert found is not None
    assert (found.rung, found.bounds, found.changes) == ("region", (), (("5306 1–2", ""),))
    assert widening.next_rung(("specialty_parent", "region"), ("region",), slots, (), {1}) is None
    assert widening.next_rung((), (), slots, bounds, {1}) is None
    assert widening.vacant_groups(slots, (3,)) == {1}
    assert widening.vacant_groups(slots, (1, 2)) == {0}
    assert widening.vacant_groups(slots, ()) == frozenset()


@pytest.mark.parametrize("pack", library.names())
def test_every_rung_of_every_pack_is_known(pack: str) -> None:
    rules = library.load(pack)
    assert set(rules.words(widening.LADDER)) <= {widening.SPECIALTY_PARENT, widening.REGION}


def test_widening_needs_a_start_that_is_still_to_come(world: World) -> None:
    case = exhausted(world)
    world.clock.advance(4 * 86_400)
    with pytest.raises(InvalidInput, match="starts-in-past"):
        widen(case)
    assert case.state == "short"
    widen(case, starts_at=world.now() + timedelta(days=2))
    assert case.row.starts_at == world.now() + timedelta(days=2)
    # At another time whoever declined may be asked again.
    with world.database.reading() as session:
        assert booking.question(session, world.sealer, case.row).used == ()


def test_a_postponed_evaluation_is_drawn_anew_at_its_new_time(world: World) -> None:
    case = exhausted(world)
    former, starts_at = case.draw, case.row.starts_at
    postpone(case, 5)
    assert (case.state, case.row.starts_at) == ("booked", starts_at + timedelta(days=2))
    assert case.verified(number=former.number) == "void"
    assert len(case.trail(Tag.evaluation_postponed)) == 1
    with world.database.reading() as session:
        text = stored_lines.text(session, keeping.load(session, former.id), opened=False)
        assert b'"reason":"postponed"' in text
        assert booking.question(session, world.sealer, case.row).used == ()
    case.ready()
    assert (case.draw.before, case.row.widened) == (former.number, "[]")
    with pytest.raises(Conflict, match="not-short"):
        postpone(case, 5)


def test_who_was_struck_or_recused_is_not_drawn_for_a_postponed_evaluation_either(world: World) -> None:
    case = Case(world, slots=SLOTS, starts_at=world.now() + timedelta(days=3)).ready()
    recused = case.holder(5)
    case.left(5, Cause.recusal, "与投标人有利害关系")
    case.sweep()
    assert case.state == "short"
    postpone(case, 9)
    with world.database.reading() as session:
        assert booking.question(session, world.sealer, case.row).used == (world.person(recused),)


def test_nobody_is_designated_but_in_circumstances_that_the_rules_name(world: World) -> None:
    case = exhausted(world)
    number = free_expert(case).number
    with pytest.raises(InvalidInput, match="designate-not-allowed") as why:
        propose(case, {5: number}, circumstance="urgent")
    assert why.value.params["rule"] == "draw.designate_allowed_when"
    assert "招标" in str(why.value) or "法37" in str(why.value)
    with pytest.raises(InvalidInput, match="designate-incomplete"):
        propose(case, {4: number})
    for unknown in ("999", "\x00"):
        with pytest.raises(NotFound, match="expert"):
            propose(case, {5: unknown})
    with pytest.raises(NotFound, match="evaluation"):  # proposing is for the host alone
        propose(case, {5: number}, actor=SUPERVISOR)
    govproc = case.row.model_copy(update={"rule_pack": "cn_govproc"})
    assert designating.circumstances(govproc)[-1] == "designate_with_consent"
    assert designating.circumstances(case.row) == (
        "complex",
        "highly_specialised",
        "special_state_requirement",
    )


def refused(case: Case, expert: Expert) -> None:
    """The host may propose them like anybody; the supervisor cannot approve it, is not told why, and turns it down."""
    act = propose(case, {5: expert.number})
    with pytest.raises(Conflict, match="designate-unfit") as why:
        settle(case, act)
    assert (why.value.message, why.value.params) == ("{seat_no} 号席的人选现在不能确定", {"seat_no": 5})
    settle(case, act, confirm=False)


def test_who_has_to_be_avoided_or_has_said_no_is_not_designated(world: World) -> None:
    avoided = "单位101"
    case = exhausted(world, avoid=(UnitIn(name=avoided),))
    with world.database.reading() as session:
        barred = session.exec(select(Expert).where(Expert.employer == avoided)).one()
        declined = world.expert(case.invitations("declined")[0])
        seated = world.expert(case.holder(1))
    for expert in (barred, declined, seated):
        refused(case, expert)
    # Beside the others, too: no second one of the same unit.
    fresh = free_expert(case)
    with world.transaction() as session:
        change = world.rosters.begin(session)
        row = session.get_one(Expert, fresh.id)
        row.employer, row.employer_code, row.revision = seated.employer, seated.employer_code, change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
    refused(case, fresh)


def test_a_designated_expert_is_approved_by_the_supervisor_flagged_and_ends_the_record_as_void(
    world: World,
) -> None:
    case = exhausted(world)
    expert = free_expert(case)
    act = propose(case, {5: expert.number})
    with pytest.raises(Conflict, match="second-person"):
        settle(case, act, actor=replace(OPERATOR, id="account:other"))
    assert case.state == "short"
    settle(case, act)
    assert case.state == "inviting"
    (named,) = case.asked()
    assert (world.person(named), named.designated, named.round, named.code) == (expert.id, True, 0, "")
    assert [(text.channel, text.purpose) for text in case.texts(named.id)] == [("voice", "invitation")]
    with world.database.reading() as session:
        assert named.seat_id in venues.booked_seats(session, case.id)
        shown = views.evaluation_page(
            session, lambda _key: None, ReadBy(OPERATOR, case.world.sealer), case.id
        )
    assert shown.designated == (5,)
    case.sweep()
    assert case.answer(named, accept=True) is Heard.accepted
    case.sweep()
    assert case.state == "ready"
    (asked,) = [json.loads(data) for data in case.trail(Tag.joint_act_asked)]
    assert asked["reason"] == "本地没有同专业的其他专家"

    case.act("convene")
    for member in case.members():
        case.sign_in(member)
    case.open()
    for member in case.members():
        case.score(member)
    with world.transaction() as session:
        conductor.close_session(session, world.now(), world.house, OPERATOR, case.id)
    assert case.state == "closed"
    assert case.verified() == "void"
    assert b'"body":{"party":null,"reason":"designated"}' in case.record()
    assert len(case.invitations("accepted")) == 5  # nobody is let go by that


def test_a_refused_proposal_leaves_everything_as_it_was(world: World) -> None:
    case = exhausted(world)
    act = propose(case, {5: free_expert(case).number})
    with pytest.raises(Conflict, match="joint-act-asked"):
        propose(case, {5: free_expert(case, beside=1).number})
    settle(case, act, confirm=False)
    assert case.state == "short"
    assert case.asked() == []
    settle(case, propose(case, {5: free_expert(case, beside=1).number}))
    assert case.state == "inviting"


def test_an_approval_that_no_longer_fits_is_refused(world: World) -> None:
    case = exhausted(world)
    act = propose(case, {5: free_expert(case).number})
    assert case.ask_leave(case.holder(1)) is Heard.leave
    with pytest.raises(Conflict, match="designate-outdated"):
        settle(case, act)
    assert case.asked() == []
    widen(case)
    with pytest.raises(Conflict, match="not-short"):
        settle(case, act)


def test_a_designated_expert_who_declines_leaves_the_decision_to_staff_again(world: World) -> None:
    case = exhausted(world)
    expert = free_expert(case)
    settle(case, propose(case, {5: expert.number}))
    case.answer(case.asked()[0], accept=False)
    case.sweep()
    assert (case.state, vacant(case)) == ("short", [5])
    refused(case, expert)
    # Another leaves after somebody was designated: chance fills no further place in this record.
    settle(case, propose(case, {5: free_expert(case).number}))
    case.answer(case.asked()[0], accept=True)
    case.sweep()
    assert case.state == "ready"
    assert case.ask_leave(case.holder(1)) is Heard.leave
    case.sweep()
    assert (case.state, vacant(case)) == ("short", [1])
    with world.database.reading() as session:
        assert case.holder(5).seat_id in venues.booked_seats(session, case.id)
    assert "直接确定" in str(case.row.short_reason)
    assert case.verified() == "open"


def test_in_the_open_room_a_vacancy_that_chance_cannot_fill_is_filled_by_a_designated_successor(
    world: World,
) -> None:
    case = Case(world, slots=SLOTS, starts_at=world.now() + timedelta(days=3)).in_session()
    case.left(5, Cause.illness, "突发疾病")
    case.sweep()
    assert case.state == "short"
    assert len(case.invitations("accepted")) == 4
    with pytest.raises(Conflict, match="room-opened"):
        widen(case)
    with pytest.raises(Conflict, match="room-opened"):
        postpone(case, 5)
    settle(case, propose(case, {5: free_expert(case).number}))
    assert case.state == "replacing"
    (named,) = case.asked()
    case.answer(named, accept=True)
    case.sweep()
    assert case.state == "convened"
    assert case.member(5).invitation_id == named.id


def test_a_share_that_was_withheld_still_ends_the_draw_at_once_and_may_be_postponed(world: World) -> None:
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case = Case(world, slots=SLOTS, starts_at=world.now() + timedelta(days=3)).called_with(own)
    world.clock.advance(3600)
    case.sweep()
    assert case.state == "short"
    assert case.verified() == "void"
    with pytest.raises(Conflict, match="designate-draw-over"):
        propose(case, {5: free_expert(case).number})
    # The pool was not exhausted: there is nothing to be widened, and everybody has been let go.
    with pytest.raises(Conflict, match="widen-draw-over"):
        widen(case)
    with world.database.reading() as session:
        shown = after_draw.view(session, case.world.now(), case.world.sealer, OPERATOR, case.id).shortage
        guide = views.evaluation_page(
            session, lambda _key: None, ReadBy(OPERATOR, case.world.sealer), case.id
        ).card.guide
    assert shown is not None
    assert (shown.rung, shown.may_widen, shown.may_redraw) == (None, False, True)
    assert guide.next_step == "抽取已作废，改期重新抽取或终止后重新预约"
    number = case.draw.number
    postpone(case, 4)
    # Who keeps their own secret promises anew: its shares may be known.
    with pytest.raises(Conflict, match="promise-missing"):
        case.act("commit")
    with pytest.raises(Conflict, match="promise-used"):
        case.say("promise", own.promise())
    case.say("promise", OwnShare.new(parties.TENDEREE, "sha256").promise())
    case.act("commit")
    assert case.draw.before == number
    with pytest.raises(Conflict, match="promise-late"):
        case.say("promise", OwnShare.new(parties.TENDEREE, "sha256").promise())


def test_what_the_performance_card_counts_is_seen_once_the_evaluation_is_over(world: World) -> None:
    case = exhausted(world)
    declined, absent = case.invitations("declined")[0], case.holder(1)
    with world.database.reading() as session:

        def card(expert_id: str) -> dict[str, int]:
            return {kind: count for kind, count in performance.card(session, expert_id).items() if count}

        assert card(world.person(declined)) == {}
    world.clock.advance(4 * 86_400)
    case.left(1, Cause.no_show, "到时仍未到场")
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "改日另行组织")
    with world.database.reading() as session:

        def after(expert_id: str) -> dict[str, int]:
            return performance.card(session, expert_id)

        assert after(world.person(declined)) == {**dict.fromkeys(performance.KINDS, 0), "declined": 1}
        assert after(world.person(absent)) == {
            **dict.fromkeys(performance.KINDS, 0),
            "accepted": 1,
            "absent": 1,
        }
        assert session.exec(select(DrawSlot)).all()


def test_in_the_open_room_nobody_is_sent_home_because_a_round_came_to_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expert_draw.rounds.blocked", lambda *_: ())  # only the drawing itself finds out
    case = Case(world, slots=SLOTS, starts_at=world.now() + timedelta(days=3)).in_session()
    case.left(5, Cause.illness, "突发疾病")
    case.sweep()
    assert (case.state, case.draw.state) == ("short", "stuck")
    assert b'"type":"redraw"' not in case.record()
    assert len(case.members()) == 4
    # Who is named may decline; nothing can be drawn in such a record, so staff decides again.
    settle(case, propose(case, {5: free_expert(case).number}))
    case.answer(case.asked()[0], accept=False)
    case.sweep()
    assert case.state == "short"
    settle(case, propose(case, {5: free_expert(case).number}))
    case.answer(case.asked()[0], accept=True)
    case.sweep()
    assert case.state == "convened"
    case.sign_in(case.member(5))
    case.open()
    for member in case.members():
        case.score(member)
    case.act("close")
    assert case.verified() == "void"


def test_kin_of_a_member_and_who_was_named_before_in_vain_are_not_named(world: World) -> None:
    case = exhausted(world)
    kin, other = free_expert(case), free_expert(case, beside=1)
    with world.transaction() as session:
        member = world.expert(case.holder(1))
        related = ExpertRelation(expert_id=kin.id, person=member.identity_fingerprint, kind="spouse")
        session.add(related)
    refused(case, kin)
    settle(case, propose(case, {5: other.number}))
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), case.asked()[0].id)
    world.clock.advance(1000)
    with world.transaction() as session:
        (due,) = answers.due(session, world.now())
        assert answers.expire(session, world.now(), world.sealer, due)
    case.sweep()
    assert case.state == "short"
    refused(case, other)
