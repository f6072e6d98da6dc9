"""What can go wrong between two rounds of a draw: reserves that cannot come, seats that are gone, a drawing that fails."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlmodel import Session, select

from app.core.errors import Conflict, Unavailable
from app.core.i18n import N_
from app.core.ids import new_id
from app.evaluation import cases, committee, conductor
from app.notify.listener import Heard
from expert_draw import keeping, parties, rounds
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RecordBroken
from expert_draw.ground import Ground
from expert_draw.inviting import Placed
from expert_draw.models import Draw, ExpertLeave, Invitation
from expert_draw.opening import DrawOrder
from expert_draw.rounds import Seating
from expert_draw.statements import OwnShare
from tests.support.drawing import act, answer, book, invited, lines, refill, say, state, whole
from tests.support.world import OPERATOR, World, make_world
from venue import service as venues
from venue.models import Center, Seat


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def reserves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule pack that wants three reserves behind each list."""
    usual = committee.order

    def order(*args: object, **named: object) -> DrawOrder:
        return replace(usual(*args, **named), reserve=3)  # type: ignore[arg-type]

    monkeypatch.setattr(committee, "order", order)


def drawn(world: World) -> str:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    act(world, evaluation_id, "run")
    return evaluation_id


def committed_with_the_tenderee(world: World) -> tuple[str, OwnShare]:
    """The tenderee keeps its own share and has agreed; warnings, if any, are approved."""
    evaluation_id = book(world)
    own = OwnShare.new(parties.TENDEREE, "sha256")
    say(world, evaluation_id, parties.TENDEREE, "promise", own.promise().text)
    act(world, evaluation_id, "commit")
    say(world, evaluation_id, parties.TENDEREE, "agree", own.agree(lines(world)).text)
    if state(world) == "approving":
        with world.transaction() as session:
            evaluation = cases.load(session, evaluation_id)
            committee.approve_warnings(session, world.now(), world.house, "account:supervisor", evaluation)
    return evaluation_id, own


def drawn_with_the_tenderee(world: World) -> tuple[str, OwnShare]:
    evaluation_id, own = committed_with_the_tenderee(world)
    act(world, evaluation_id, "run")
    reveal(world, evaluation_id, own)
    return evaluation_id, own


def reveal(world: World, evaluation_id: str, own: OwnShare) -> None:
    said = own.reveal(lines(world))
    say(world, evaluation_id, parties.TENDEREE, "reveal", said.text)


def break_seats(session: Session, *, at: Collection[str] | None = None) -> None:
    """Seats out of order, everywhere or at these centers."""
    for seat in session.exec(select(Seat)).all():
        if at is None or seat.center_id in at:
            seat.state = "fault"


@pytest.mark.usefixtures("reserves")
def test_a_vacancy_is_filled_from_the_reserves_without_a_further_call(world: World) -> None:
    evaluation_id = drawn(world)
    answer(world, invited(world)[0], accept=False)
    refill(world, evaluation_id)
    assert len(invited(world)) == 5
    text = whole(world)
    assert text.count(b'"type":"call"') == 1
    assert text.count(b'"method":"reserve"') == 1
    assert verify_record(text).full


@pytest.mark.usefixtures("reserves")
def test_a_reserve_who_has_gone_on_leave_meanwhile_is_not_invited(world: World) -> None:
    evaluation_id = drawn(world)
    asked = invited(world)
    known = {world.person(one) for one in asked}
    specialty = world.experts.index(world.person(asked[0])) % 2  # experts of the two alternate
    stays = [one for one in world.experts[specialty::2] if one not in known][-2:]
    with world.transaction() as session:
        session.add_all(
            ExpertLeave(
                id=new_id(world.now()),
                expert_id=expert_id,
                from_at=world.now(),
                to_at=world.now() + timedelta(days=3),
            )
            for expert_id in world.experts
            if expert_id not in {*known, *stays}
        )
    answer(world, asked[0], accept=False)
    refill(world, evaluation_id)
    fresh = {world.person(one) for one in invited(world)} - known
    assert len(fresh) == 1
    assert fresh <= set(stays)
    assert verify_record(whole(world)).full


@pytest.mark.usefixtures("reserves")
def test_where_only_a_seat_is_vacant_reserves_are_no_help_and_the_parties_are_called(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    usual = rounds.draw_round

    def after_others_were_faster(
        session: Session, ground: Ground, actor: str, draw: Draw, seating: Seating
    ) -> tuple[Placed, ...]:
        full = tuple(replace(one, seats=(), capacity=0) for one in seating.offers[1:])
        return usual(session, ground, actor, draw, replace(seating, offers=(seating.offers[0], *full)))

    monkeypatch.setattr(rounds, "draw_round", after_others_were_faster)
    act(world, evaluation_id, "run")
    monkeypatch.undo()
    assert b'"outcome":"taken"' in whole(world)
    refill(world, evaluation_id)
    assert len(invited(world)) == 5
    assert whole(world).count(b'"type":"call"') == 2
    assert verify_record(whole(world)).full


def test_when_a_center_can_take_fewer_than_were_drawn_the_others_are_drawn_a_new_center(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    with world.transaction() as session:
        centers = session.exec(select(Center).order_by(Center.code)).all()
        break_seats(session, at=[center.id for center in centers[2:]])
    evaluation_id, own = committed_with_the_tenderee(world)
    act(world, evaluation_id, "run")
    # While the tenderee takes its time, the two centers that were open may give only one seat each; the others mend theirs.
    with world.transaction() as session:
        for center in session.exec(select(Center).order_by(Center.code)).all()[:2]:
            center.seat_quota = 1
        for seat in session.exec(select(Seat)).all():
            seat.state = "ready"
    reveal(world, evaluation_id, own)
    assert whole(world).count(b'"outcome":"taken"') == 3
    assert len(invited(world)) == 2
    refill(world, evaluation_id)
    reveal(world, evaluation_id, own)
    assert len(invited(world)) == 5
    assert verify_record(whole(world)).full


def test_a_share_once_revealed_stays_revealed_although_the_drawing_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    evaluation_id, own = committed_with_the_tenderee(world)
    act(world, evaluation_id, "run")

    def refused(*_: object, **__: object) -> None:
        raise Unavailable("roster-altered", N_("专家库刚被他人修改"), N_("稍后重试"))

    monkeypatch.setattr(venues, "reserve", refused)
    reveal(world, evaluation_id, own)
    assert "is tried again" in caplog.text
    assert whole(world).count(b'"type":"reveal"') == 1
    monkeypatch.undo()
    world.clock.advance(3600)
    with world.database.reading() as session:
        assert committee.waiting_to_move(session, world.now()) == (evaluation_id,)
    refill(world, evaluation_id)
    assert state(world) == "between"
    assert len(invited(world)) == 5
    assert verify_record(whole(world)).full


def test_who_declined_while_shares_were_revealed_is_not_asked_again_when_nothing_fits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A round that finds no seat, as when the last one goes while the shares are being revealed.
    monkeypatch.setattr(rounds, "short_of_room", lambda *_: False)
    evaluation_id, own = drawn_with_the_tenderee(world)
    first, second, *others = invited(world)
    with world.transaction() as session:
        break_seats(session)
    assert answer(world, first, accept=False) is Heard.declined
    with world.transaction() as session:
        venues.release(session, evaluation_id, first.seat_id)
    refill(world, evaluation_id)
    assert state(world) == "revealing"
    assert answer(world, second, accept=False) is Heard.declined
    reveal(world, evaluation_id, own)
    assert b'"type":"redraw"' in whole(world)
    with world.database.reading() as session:
        rows = session.exec(select(Invitation).order_by(Invitation.id)).all()
    assert {one.id: one.state for one in rows} == {
        first.id: "declined",
        second.id: "declined",
        **{one.id: "cancelled" for one in others},
    }
    assert verify_record(whole(world)).full


def test_an_evaluation_whose_record_an_earlier_version_wrote_can_be_given_up_and_says_why_it_is_not_read(
    world: World,
) -> None:
    evaluation_id = drawn(world)
    asked = invited(world)
    with world.transaction() as session:
        connection = session.connection()
        for trigger in ("draw_event_no_update", "draw_event_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("DELETE FROM draw_event WHERE n > 1")
        former = '{"body":{"format":"yuanping-draw/1"},"hash":"00"}'
        connection.exec_driver_sql("UPDATE draw_event SET line = ?", (former,))
    with world.database.reading() as session, pytest.raises(RecordBroken) as refused:
        keeping.read(session, session.exec(select(Draw)).one())
    assert refused.value.code == "record.unknown_format"
    assert answer(world, asked[0], accept=False) is Heard.declined
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "升级后重新抽取")
    assert state(world) == "void"
    assert invited(world) == []
    with world.database.reading() as session:
        assert venues.booked_seats(session, evaluation_id) == ()


def test_records_read_lately_are_kept_however_many_lines_another_draw_gets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = book(world), book(world, project_number="ZT-2026-002")
    for evaluation_id in (first, second):
        act(world, evaluation_id, "commit")
    with world.transaction() as session:
        one, other = session.exec(select(Draw).order_by(Draw.number)).all()
        longer = keeping.read(session, other)
        pool = longer.pool(DrawKind.seat)
        for number in range(70):
            before = longer
            nonce = number.to_bytes(32, "big")
            longer = before.declare(world.now(), keeping.house_signer(world.sealer), pool, nonce)
            keeping.append(session, world.now(), other, longer, before)
        monkeypatch.setattr(DrawRecord, "trust", None)
        assert keeping.read(session, one).phase == "between"
        assert keeping.read(session, other) == longer


def test_of_two_who_write_the_same_line_the_second_is_told_to_look_again(world: World) -> None:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    with world.transaction() as session:
        draw = session.exec(select(Draw)).one()
        before = keeping.read(session, draw)
        house = keeping.house_signer(world.sealer)
        keeping.append(session, world.now(), draw, before.void(world.now(), house, "given_up"), before)
        with pytest.raises(Conflict) as refused:
            keeping.append(session, world.now(), draw, before.void(world.now(), house, "no_venue"), before)
    assert refused.value.code == "record-busy"
    assert whole(world).count(b'"type":"void"') == 1
    assert verify_record(whole(world)).full


def test_the_house_asks_for_all_evaluations_at_once_which_of_them_can_go_on(world: World) -> None:
    ids = [book(world, project_number=f"ZT-{number}") for number in range(2)]
    for evaluation_id in ids:
        act(world, evaluation_id, "commit")
        act(world, evaluation_id, "run")
    asked: list[str] = []

    def heard(_c: object, _x: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sqlalchemy.event.listen(world.database.engine, "before_cursor_execute", heard)
    with world.database.reading() as session:
        assert committee.waiting_to_move(session, world.now()) == ()
    quiet = len(asked)
    first = invited(world)[0]
    answer(world, first, accept=False)
    asked.clear()
    with world.database.reading() as session:
        assert len(committee.waiting_to_move(session, world.now())) == 1
    assert len(asked) == quiet <= 4


def test_who_withheld_a_share_is_named_in_words_people_use(world: World) -> None:
    evaluation_id, _ = committed_with_the_tenderee(world)
    act(world, evaluation_id, "run")
    world.clock.advance(3600)
    refill(world, evaluation_id)
    with world.database.reading() as session:
        kept = json.loads(str(cases.load(session, evaluation_id).short_reason))
    assert kept["message"].startswith("招标人代表在期限内没有揭示其份额")
