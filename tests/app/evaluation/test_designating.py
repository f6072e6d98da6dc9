"""Whoever is named for a place: where they sit, and what their proposal has to refer to."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlmodel import Session, col, select

from app.audit.tags import Tag
from app.core.errors import Conflict, InvalidInput
from app.evaluation import after_draw, confirming, designating, draw_parties, joint_views, leaving
from app.evaluation.models import Evaluation, JointAct
from app.evaluation.schemas import SlotIn
from expert_draw import designating as naming
from expert_draw.models import DrawSlot, Expert, Invitation
from expert_draw.placing import FreeSeat, VenueOffer, VenueRules
from expert_draw.pooling import PoolQuestion
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.world import OPERATOR, World, make_world
from venue import service as venues
from venue.models import Center, Seat


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Forty experts: two of A060101, twenty of A080104."""
    world = make_world(tmp_path, experts=40)
    with world.transaction() as session:
        change = world.rosters.begin(session)
        first = session.exec(select(Expert).order_by(Expert.number)).all()[::2]
        for expert in first[2:]:
            expert.state, expert.revision = "suspended", change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
    return world


def short(world: World, **changes: object) -> Case:
    """Everybody has accepted, then who had the last place was sent away, and nobody else can be drawn for it."""
    slots = (SlotIn(specialty="A080104", count=3), SlotIn(specialty="A060101", count=2))
    case = Case(world, slots=slots, starts_at=world.now() + timedelta(days=3), **changes).ready()
    with world.transaction() as session:
        act = leaving.order_removal(session, world.now(), OPERATOR, case.id, 5, "擅自透露评标信息").id
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=True)
    case.sweep()
    assert case.state == "short"
    return case


def free_expert(case: Case) -> Expert:
    """Somebody who was not asked, may be, and works with nobody who was: whom chance has drawn differs."""
    with case.world.database.reading() as session:
        asked = case.world.asked()
        employers = select(Expert.employer_code).where(col(Expert.id).in_(asked))
        return session.exec(
            select(Expert)
            .where(
                Expert.state == "active",
                col(Expert.id).not_in(asked),
                col(Expert.employer_code).not_in(employers),
            )
            .order_by(col(Expert.number).desc())
        ).all()[0]


def propose(case: Case, session: Session, expert: Expert) -> JointAct:
    """The host proposes the expert for the last place."""
    numbers, why = {5: expert.number}, "没有其他专家"
    world = case.world
    return designating.propose(session, world.now(), world.house, OPERATOR, case.id, numbers, "complex", why)


def name(case: Case, expert: Expert) -> Invitation:
    """The expert is proposed for the last place and approved: their invitation."""
    world = case.world
    with world.transaction() as session:
        act = propose(case, session, expert).id
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=True)
    (named,) = case.asked()
    return named


def test_a_place_that_has_a_seat_already_keeps_it(world: World) -> None:
    case = short(world, rule_pack="cn_venue_first")
    left = case.invitations("removed")[0]
    assert name(case, free_expert(case)).seat_id == left.seat_id
    with world.database.reading() as session:
        assert sorted(venues.booked_seats(session, case.id)) == sorted(
            one.seat_id for one in case.invitations("accepted", "queued")
        )


def test_nobody_is_put_into_the_room_of_a_colleague_while_another_is_free(world: World) -> None:
    case = short(world)
    expert, colleague = free_expert(case), case.holder(1)
    with world.transaction() as session:
        change = world.rosters.begin(session)
        row = session.get_one(Expert, expert.id)
        row.region_code = session.get_one(Center, colleague.center_id).region_code
        row.revision = change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
    named = name(case, expert)
    with world.database.reading() as session:
        rooms = {one.id: one.room_id for one in session.exec(select(Seat)).all()}
    assert named.center_id == colleague.center_id
    assert rooms[named.seat_id] not in {rooms[one.seat_id] for one in case.invitations("accepted")}


def seats(
    *offers: VenueOffer, own: dict[int, tuple[str, str]] | None = None, places: int = 5
) -> tuple[tuple[str, str], ...] | None:
    """Where two people go who live in the city 5306 and are named for the places 2 and 3; a room `shared` has a colleague."""
    question = cast("PoolQuestion", SimpleNamespace(venue_rules=VenueRules(), places=places))
    home = SimpleNamespace(region_code="530600")
    named = [(cast("DrawSlot", SimpleNamespace(seat_no=seat_no)), cast("Expert", home)) for seat_no in (2, 3)]
    return naming.seats_for(named, offers, question, own or {}, {"shared"})


def center(name: str, region: str, *free: tuple[str, str], capacity: int = 4) -> VenueOffer:
    """A center with these free seats, as (seat, room); 5306 is the nearest."""
    far = int(region) * 1000
    return VenueOffer(name, f"{region}00", far, far, tuple(FreeSeat(*one) for one in free), capacity)


def test_rooms_of_colleagues_serve_only_where_no_center_near_has_another() -> None:
    here = center("near", "5306", ("a", "shared"), ("b", "empty"), ("c", "empty"))
    there = center("far", "5325", ("d", "other"))
    # Two who are named share no room either.
    assert seats(here, there) == (("near", "b"), ("far", "d"))
    assert seats(here, there, places=1) == (("near", "b"), ("near", "a"))
    assert seats(here) == (("near", "b"), ("near", "a"))
    assert seats(center("near", "5306", ("b", "empty"))) is None
    assert seats(center("near", "5306", ("a", "shared"), ("b", "empty"), capacity=1)) is None
    assert seats(center("near", "5306", ("b", "empty")), own={3: ("far", "z")}) == (
        ("near", "b"),
        ("far", "z"),
    )


def test_where_the_rules_ask_for_consent_the_proposal_says_where_it_was_given(world: World) -> None:
    case = short(world, rule_pack="cn_govproc")
    numbers = {5: free_expert(case).number}

    def consented(consent: str) -> str:
        with world.transaction() as session:
            return designating.propose(
                session,
                world.now(),
                world.house,
                OPERATOR,
                case.id,
                numbers,
                "designate_with_consent",
                "没有其他专家",
                consent,
            ).detail

    for wrong in ("", " 无 ", "两行\n文字", "长" * 401):
        with pytest.raises(InvalidInput, match="designate-consent") as refused:
            consented(wrong)
    assert refused.value.params["rule"] == "draw.designate_requires"
    assert refused.value.params["source"] == "198号 13, 20"
    assert json.loads(consented(" 市财函〔2026〕12号 "))["consent"] == "市财函〔2026〕12号"
    with world.database.reading() as session:
        (waiting,) = joint_views.waiting(session, case.world.now(), case.world.sealer, SUPERVISOR, case.id)
        shown = after_draw.view(session, case.world.now(), case.world.sealer, SUPERVISOR, case.id)
    assert (waiting.consent, shown.waiting[0].consent) == ("市财函〔2026〕12号", "市财函〔2026〕12号")
    assert shown.shortage is not None
    assert shown.shortage.needs_consent


def test_where_two_persons_are_all_that_is_asked_no_consent_is(world: World) -> None:
    case = short(world)
    assert not designating.needs_consent(case.row)
    assert name(case, free_expert(case)).designated


def test_whoever_proposes_one_number_after_another_learns_nobody_who_was_drawn(world: World) -> None:
    case = short(world)
    slots = (SlotIn(specialty="A080104", count=5),)
    other = Case(world, lot_number="2", lot_name="二标段", slots=slots, starts_at=case.row.starts_at).drawn()
    drawn = {world.person(one) for one in (*case.invitations(), *other.invitations())}
    with world.database.reading() as session:
        everybody = session.exec(select(Expert)).all()
    told = {expert.id: (told_of(case, expert), expert.state) for expert in everybody}
    assert set(told.values()) == {("asked", "active"), ("designate-barred 暂停抽取", "suspended")}
    assert {told[one] for one in drawn} == {("asked", "active")}, "drawn ones are told like anybody"
    assert len(case.trail(Tag.joint_act_asked)) == 1 + sum(one == "asked" for one, _ in told.values())


def told_of(case: Case, expert: Expert) -> str:
    """What the host hears of a proposal of this expert for the last place; it is turned down then."""
    world = case.world
    try:
        with world.transaction() as session:
            act = propose(case, session, expert).id
    except InvalidInput as refusal:
        return f"{refusal.code} {refusal.params['ground']}"
    with world.transaction() as session:
        confirming.settle(session, world.now(), world.house, SUPERVISOR, case.id, act, confirm=False)
    return "asked"


def test_while_a_proposal_waits_everybody_is_refused_alike(world: World) -> None:
    case = short(world)
    free, drawn = free_expert(case), world.expert(case.holder(1))
    with world.transaction() as session:
        propose(case, session, free)
    for expert in (free, drawn):
        with world.transaction() as session, pytest.raises(Conflict, match="joint-act-asked"):
            propose(case, session, expert)


def test_lists_of_a_draw_that_may_go_on_are_not_published(world: World) -> None:
    case = short(world)
    with world.transaction() as session, pytest.raises(Conflict, match="publish-early"):
        draw_parties.publish(session, world.now(), SUPERVISOR, case.id)
    assert not case.draw.published_at
    name(case, free_expert(case))
    assert (case.state, case.draw.closed_at) == ("inviting", None), "the same draw goes on"


def test_an_evaluation_that_is_over_does_not_publish_a_draw_that_is_not(world: World) -> None:
    case = short(world)
    with world.transaction() as session:
        session.get_one(Evaluation, case.id).state = "given_up"
    with world.transaction() as session, pytest.raises(Conflict, match="publish-early"):
        draw_parties.publish(session, world.now(), SUPERVISOR, case.id)
