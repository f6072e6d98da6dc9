"""An evaluation from booking to a full committee, with the clock in our hands."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.core.database import Database
from app.core.errors import Conflict, InvalidInput
from app.evaluation import binding, cases, committee, conductor, convening, draw_views, terminal, views
from app.evaluation.disclosing import NOBODY, ReadBy
from app.evaluation.schemas import SlotIn, UnitIn
from app.notify.delivery import MessageState
from app.notify.listener import Heard
from app.notify.models import OutgoingMessage
from expert_draw import answers, stored_lines
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, Expert, Invitation
from expert_draw.personal import name_of, phone_of
from tests.support.drawing import answer, book, invited, refill
from tests.support.world import OPERATOR, World, booking, make_world
from venue import service as venues
from venue.models import Center, Seat

REPLY_WINDOW_S = 900
"""As the rule pack has it: fifteen minutes."""


@pytest.fixture
def world(tmp_path: Path, any_database: Database) -> World:
    return make_world(tmp_path, database=any_database)


def draw(world: World, evaluation_id: str) -> None:
    with world.transaction() as session:
        drawn = committee.commit_draw(session, world.now(), world.house, OPERATOR, evaluation_id)
        if drawn.state == "approving":
            evaluation = cases.load(session, evaluation_id)
            committee.approve_warnings(session, world.now(), world.house, "account:supervisor", evaluation)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, evaluation_id)


def invitations(session: Session, *states: str) -> list[Invitation]:
    return list(
        session.exec(
            select(Invitation).where(col(Invitation.state).in_(states)).order_by(Invitation.id)
        ).all()
    )


def convened(world: World) -> str:
    """The id of an evaluation whose five invited experts have all accepted and were convened."""
    evaluation_id = book(world)
    draw(world, evaluation_id)
    for one in invited(world):
        answer(world, one, accept=True)
    refill(world, evaluation_id)
    with world.transaction() as session:
        convening.convene(session, world.now(), world.house, OPERATOR, evaluation_id)
    return evaluation_id


def record_of(session: Session) -> bytes:
    return stored_lines.text(session, session.exec(select(Draw)).one(), opened=True)


def test_five_places_are_drawn_seated_and_called_in_one_transaction(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    with world.database.reading() as session:
        invited = invitations(session, "queued")
        assert len({world.person(one) for one in invited}) == 5
        assert len({one.center_id for one in invited}) == 5
        assert set(venues.booked_seats(session, evaluation_id)) == {one.seat_id for one in invited}
        calls = session.exec(select(OutgoingMessage)).all()
        assert Counter((call.subject, call.channel) for call in calls) == {
            (one.id, "voice"): 1 for one in invited
        }
        assert verify_record(record_of(session)).ok


def test_whoever_works_for_a_unit_to_avoid_is_never_in_the_draw(world: World) -> None:
    with world.database.reading() as session:
        avoided = session.exec(select(Expert).where(Expert.employer == "单位1")).one()
    evaluation_id = book(world, avoid=(UnitIn(name="单位 1"),))
    draw(world, evaluation_id)
    with world.database.reading() as session:
        seen = draw_views.draw_page(session, world.house, NOBODY, evaluation_id)
        assert dict(seen.excluded) == {"employer": 1, "personal": None}
        assert avoided.id not in {world.person(one) for one in invitations(session, "queued")}


def test_who_declines_is_replaced_by_a_further_round_of_the_same_record(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    first = invited(world)
    declined = first[2]
    assert answer(world, declined, accept=False) is Heard.declined
    refill(world, evaluation_id)
    with world.database.reading() as session:
        fresh = [one for one in invitations(session, "queued") if one.round == 2]
        assert [one.slot_id for one in fresh] == [declined.slot_id]
        assert world.person(fresh[0]) not in {world.person(one) for one in first}
        assert len(venues.booked_seats(session, evaluation_id)) == 5
        assert verify_record(record_of(session)).ok


def test_a_window_that_closes_without_an_answer_gives_the_place_to_another(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    silent, *others = invited(world)
    for one in others:
        assert answer(world, one, accept=True) is Heard.accepted
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), silent.id)
    world.clock.advance(REPLY_WINDOW_S)
    with world.transaction() as session:
        assert answers.due(session, world.now()) == (silent.id,)
        assert answers.expire(session, world.now(), world.sealer, silent.id)
        assert not answers.expire(session, world.now(), world.sealer, silent.id)
    assert answer(world, silent, accept=True) is Heard.lapsed
    refill(world, evaluation_id)
    with world.database.reading() as session:
        assert [one.slot_id for one in invitations(session, "queued")] == [silent.slot_id]
        text = record_of(session).decode()
        assert '"outcome":"expired"' in text
        assert '"outcome":"late"' in text
        assert verify_record(text.encode()).ok


def test_the_first_answer_counts_and_a_second_changes_nothing(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    one = invited(world)[0]
    assert answer(world, one, accept=True) is Heard.accepted
    assert answer(world, one, accept=False) is Heard.already
    with world.database.reading() as session:
        assert session.get_one(Invitation, one.id).state == "accepted"


def test_a_full_committee_is_ready_and_each_member_gets_a_seat_code(world: World) -> None:
    evaluation_id = convened(world)
    with world.database.reading() as session:
        assert cases.load(session, evaluation_id).state == "convened"
        codes = session.exec(select(OutgoingMessage).where(OutgoingMessage.purpose == "seat_code")).all()
        assert len(codes) == 5
        assert audit.check_case(session, evaluation_id) is None


def test_no_session_opens_while_a_seat_is_not_recorded(world: World) -> None:
    evaluation_id = convened(world)
    world.clock.advance(60)
    with world.transaction() as session, pytest.raises(Conflict, match="seats-not-recorded"):
        conductor.open_session(
            session,
            world.now(),
            world.house,
            OPERATOR,
            evaluation_id,
            lambda key: None if key.seat_no == 3 else 59_000,
        )
    with world.transaction() as session:
        conductor.open_session(
            session, world.now(), world.house, OPERATOR, evaluation_id, lambda _key: 59_000
        )
        assert cases.load(session, evaluation_id).state == "in_session"


def test_an_answer_after_the_end_is_late_even_before_anybody_noticed_the_end(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    slow = invited(world)[0]
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), slow.id)
    world.clock.advance(REPLY_WINDOW_S)
    for _ in range(3):
        assert answer(world, slow, accept=True) is Heard.lapsed
    with world.database.reading() as session:
        assert session.get_one(Invitation, slow.id).state == "expired"
        text = record_of(session).decode()
    assert text.count('"outcome":"late"') == 1


def test_an_expert_whom_no_provider_will_reach_is_replaced(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    unreachable = invited(world)[0]
    for channel in ("voice", "sms", "voice"):
        with world.transaction() as session:
            world.invitees.step_ended(session, world.now(), unreachable.id, channel, MessageState.failed)
    refill(world, evaluation_id)
    with world.database.reading() as session:
        assert session.get_one(Invitation, unreachable.id).state == "unreachable"
        fresh = [one for one in invitations(session, "queued") if one.round == 2]
        assert [one.slot_id for one in fresh] == [unreachable.slot_id]
        assert '"outcome":"unreachable"' in record_of(session).decode()


def test_an_exhausted_pool_stops_says_what_would_have_to_give_and_keeps_who_has_accepted(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path, experts=6, employers=6)
    evaluation_id = book(world)
    draw(world, evaluation_id)
    first, second, *_ = invited(world)
    answer(world, second, accept=True)
    answer(world, first, accept=False)
    for _ in range(3):
        refill(world, evaluation_id)
        with world.database.reading() as session:
            waiting = invitations(session, "queued")
        for one in waiting:
            answer(world, one, accept=False)
    with world.database.reading() as session:
        assert cases.load(session, evaluation_id).state == "short"
        shown = views.evaluation_page(
            session, lambda _key: None, ReadBy(OPERATOR, world.sealer), evaluation_id
        )
        assert shown.short_reason is not None
        assert "名额" in shown.short_reason.text.format(**shown.short_reason.params)
        assert [one.id for one in invitations(session, "accepted")] == [second.id]
        assert second.seat_id in venues.booked_seats(session, evaluation_id)
        assert not session.exec(select(OutgoingMessage).where(OutgoingMessage.purpose == "released")).all()
        verdict = verify_record(record_of(session))
        assert verdict.ok
        assert verdict.summary.state == "open"
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "改日另行组织")
    with world.database.reading() as session:
        assert invitations(session, "queued", "contacting", "accepted") == []
        assert venues.booked_seats(session, evaluation_id) == ()
        told = session.exec(
            select(OutgoingMessage.subject).where(OutgoingMessage.purpose == "released")
        ).all()
        assert second.id in told
        assert verify_record(record_of(session)).summary.state == "void"


def test_an_evaluation_given_up_frees_its_people_and_can_be_booked_anew(world: World) -> None:
    evaluation_id = convened(world)
    with world.transaction() as session, pytest.raises(InvalidInput, match="reason-short"):
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "  无 ")
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "专家突发疾病")
    with world.database.reading() as session:
        assert cases.rooms_to_seal(session) == ((evaluation_id, cases.load(session, evaluation_id).room_id),)
        assert venues.booked_seats(session, evaluation_id) == ()
        assert '"reason":"专家突发疾病"' in audit.trail(session, evaluation_id)[-1].data
        assert verify_record(record_of(session)).summary.state == "void"
    with world.transaction() as session:
        binding.seal(session, world.now(), evaluation_id, "ab" * 32)
        assert cases.load(session, evaluation_id).state == "given_up"
        assert cases.rooms_to_seal(session) == ()
    again = book(world, project_number="ZT-2026-003")
    draw(world, again)


def test_a_redraw_finds_a_seat_although_the_first_round_took_every_free_one(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    with world.transaction() as session:
        centers = session.exec(select(Center).order_by(Center.code)).all()
        for number, center in enumerate(centers):
            seats = session.exec(select(Seat).where(Seat.center_id == center.id).order_by(Seat.id)).all()
            for seat in seats if number >= 5 else seats[1:]:
                seat.state = "fault"
    evaluation_id = book(world)
    draw(world, evaluation_id)
    one = invited(world)[0]
    answer(world, one, accept=False)
    refill(world, evaluation_id)
    with world.database.reading() as session:
        fresh = [again for again in invitations(session, "queued") if again.round == 2]
        assert [again.seat_id for again in fresh] == [one.seat_id]
        assert verify_record(record_of(session)).ok


def test_an_even_committee_is_refused_with_the_rule_and_its_source(world: World) -> None:
    with world.transaction() as session, pytest.raises(InvalidInput, match=r"committee\.even"):
        conductor.book(
            session,
            world.now(),
            world.house,
            OPERATOR,
            booking(world, slots=(SlotIn(specialty="A08", count=6),)),
        )


@pytest.mark.parametrize(
    "starts_at",
    [
        "9999-12-31T23:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "1999-12-31T00:00:00Z",
    ],
)
def test_a_start_that_no_calendar_could_show_is_refused(world: World, starts_at: str) -> None:
    with pytest.raises(ValidationError, match="starts_at"):
        booking(world, starts_at=starts_at)


def test_a_start_years_ahead_or_a_rehearsal_long_ago_is_refused(world: World) -> None:
    for changes, code in (
        ({"starts_at": world.now() + timedelta(days=800)}, "starts-too-late"),
        ({"starts_at": world.now() - timedelta(days=3), "rehearsal": True}, "starts-in-past"),
    ):
        with world.transaction() as session, pytest.raises(InvalidInput, match=code):
            conductor.book(session, world.now(), world.house, OPERATOR, booking(world, **changes))


def test_who_has_answered_hears_so_again_and_not_that_the_notice_lapsed(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    one, other, *_ = invited(world)
    answer(world, one, accept=True)
    answer(world, other, accept=False)
    with world.transaction() as session:
        for invitation in (one, other):
            assert (
                world.invitees.late_contact(session, world.now(), invitation.id, "hotline") is Heard.already
            )
        assert '"late"' not in record_of(session).decode()


def test_codes_may_be_typed_in_small_letters() -> None:
    assert UnitIn(name="x", credit_code="91530600ma00000001").credit_code == "91530600MA00000001"
    assert SlotIn(specialty="a0801", count=1).specialty == "A0801"


def test_two_evaluations_at_once_never_share_a_seat_or_an_expert(world: World) -> None:
    first, second = book(world), book(world, project_number="ZT-2026-002")
    draw(world, first)
    draw(world, second)
    with world.database.reading() as session:
        invited = invitations(session, "queued")
        assert len({world.person(one) for one in invited}) == 10
        assert len({one.seat_id for one in invited}) == 10


def test_what_the_host_sees_holds_no_name_no_number_and_no_center(world: World) -> None:
    evaluation_id = book(world)
    draw(world, evaluation_id)
    with world.database.reading() as session:
        summary = views.summary(
            session, lambda _key: None, ReadBy(OPERATOR, world.sealer), evaluation_id
        ).model_dump_json()
        seen = (
            terminal.view(session, evaluation_id, NOBODY),
            draw_views.draw_page(session, world.house, NOBODY, evaluation_id),
            views.evaluation_page(session, lambda _key: None, ReadBy(OPERATOR, world.sealer), evaluation_id),
            venues.staff_board(session, world.now(), world.host_id),
        )
        shown = repr(seen[:3]) + summary
        *_, board = seen
        for one in invitations(session, "queued"):
            expert = world.expert(one)
            center = session.get_one(Center, one.center_id)
            for secret in (
                name_of(world.sealer, expert),
                phone_of(world.sealer, expert),
                expert.employer,
                one.report_place,
                world.person(one),
                one.seat_id,
            ):
                assert secret not in shown
            if center.id != world.host_id:  # whose own center it is, everybody knows
                assert center.id not in shown
                assert center.name not in shown
                assert next(other for other in board if other.center_id == center.id).counts == {}
                assert one.seat_id not in repr(board)
