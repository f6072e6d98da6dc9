"""What a draw waits for, and what is said of it: a free seat, a party that is silent, a host that gives up meanwhile."""

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.evaluation import cases, conductor, draw_parties, draw_views, grounds, reasons, views
from app.evaluation.disclosing import NOBODY, Sight
from app.evaluation.disclosure import Viewer
from app.evaluation.models import Evaluation
from app.evaluation.shown import DrawView
from app.notify.listener import Heard
from expert_draw import answers, parties, rounds
from expert_draw.engine.verify import verify_record
from expert_draw.models import DrawDeferred
from expert_draw.statements import OwnShare
from tests.support.drawing import act, answer, book, invited, lines, refill, say, whole
from tests.support.world import OPERATOR, World, make_world
from venue.models import Seat

SUPERVISOR = Actor(id="account:supervisor", role=Role.supervisor, name="监督")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def give_up(world: World, evaluation_id: str) -> None:
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "项目取消")


def seats(world: World, state: str, *ids: str) -> None:
    """Sets the state of these seats, or of all."""
    with world.transaction() as session:
        for seat in session.exec(select(Seat)).all():
            if not ids or seat.id in ids:
                seat.state = state


def row(world: World, evaluation_id: str) -> Evaluation:
    with world.database.reading() as session:
        return cases.load(session, evaluation_id)


def told(world: World, evaluation_id: str) -> Counter[str]:
    """The acts in the trail by tag."""
    with world.database.reading() as session:
        return Counter(act.tag for act in audit.trail(session, evaluation_id))


def page(world: World, evaluation_id: str, *, supervises: bool = False) -> DrawView:
    seen = Sight(Viewer.supervisor, None, None, frozenset()) if supervises else NOBODY
    with world.database.reading() as session:
        return draw_views.draw_page(session, world.house, seen, evaluation_id)


def committed(world: World, *names: str) -> tuple[str, dict[str, OwnShare]]:
    """These parties keep their own share; nobody has agreed yet."""
    evaluation_id = book(world)
    own = {name: OwnShare.new(name, "sha256") for name in names}
    for name, share in own.items():
        say(world, evaluation_id, name, "promise", share.promise().text)
    act(world, evaluation_id, "commit")
    return evaluation_id, own


def called(world: World, *names: str) -> tuple[str, dict[str, OwnShare]]:
    """The first round is called; these parties have to reveal."""
    evaluation_id, own = committed(world, *names)
    for name, share in own.items():
        say(world, evaluation_id, name, "agree", share.agree(lines(world)).text)
    act(world, evaluation_id, "run")
    return evaluation_id, own


def test_while_no_seat_is_free_for_a_vacant_place_nobody_is_let_go_and_a_mended_seat_is_drawn(
    world: World,
) -> None:
    evaluation_id, _ = called(world)
    first, other, *_ = invited(world)
    answer(world, first, accept=False)
    seats(world, "fault")
    for _ in range(2):
        refill(world, evaluation_id)
    assert len(invited(world)) == 4
    assert lines(world).count(b'"type":"call"') == 1
    assert told(world, evaluation_id)[Tag.draw_waits] == 1
    assert row(world, evaluation_id).state == "inviting"
    waits = page(world, evaluation_id).waits
    assert waits is not None
    assert waits.text == "没有空闲工位可补抽，等待工位释放"
    assert "系统会自动补抽" in waits.remedy

    # A free seat in a city that already has its one expert is no help.
    with world.database.reading() as session:
        beside = session.exec(
            select(Seat.id).where(Seat.center_id == other.center_id, Seat.id != other.seat_id)
        ).all()
    seats(world, "ready", *beside)
    refill(world, evaluation_id)
    assert lines(world).count(b'"type":"call"') == 1

    seats(world, "ready", first.seat_id)
    refill(world, evaluation_id)
    assert len(invited(world)) == 5
    assert (lines(world).count(b'"type":"call"'), lines(world).count(b'"type":"redraw"')) == (2, 0)
    assert row(world, evaluation_id).short_reason is None
    assert page(world, evaluation_id).waits is None
    assert verify_record(whole(world)).full


def test_who_gives_up_while_a_share_is_awaited_is_shown_with_whose_share_it_was(world: World) -> None:
    evaluation_id, own = called(world, parties.CENTER, parties.TENDEREE)
    tenderee = own[parties.TENDEREE]
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    give_up(world, evaluation_id)
    why = page(world, evaluation_id).given_up
    assert why is not None
    assert (why.reason, why.party, why.missing) == ("given_up", None, (parties.CENTER,))
    kept = reasons.kept(row(world, evaluation_id))
    assert kept is not None
    assert (kept.text, kept.params) == ("终止时 {parties} 尚未揭示", {"parties": "center"})
    with world.database.reading() as session:
        said = [one for one in audit.trail(session, evaluation_id) if one.tag == Tag.evaluation_given_up]
    assert json.loads(said[0].data) == {"reason": "项目取消", "unrevealed": "center"}


def test_who_gives_up_after_the_time_to_reveal_does_not_spare_the_record_the_name(world: World) -> None:
    evaluation_id, _ = called(world, parties.CENTER)
    world.clock.advance(3600)
    give_up(world, evaluation_id)
    assert b'"body":{"party":"center","reason":"share_withheld"}' in lines(world)
    assert verify_record(whole(world)).ok


def test_giving_up_with_no_call_open_names_nobody(world: World) -> None:
    evaluation_id, _ = committed(world, parties.TENDEREE)
    give_up(world, evaluation_id)
    why = page(world, evaluation_id).given_up
    assert why is not None
    assert why.missing == ()
    assert row(world, evaluation_id).short_reason is None


def test_counts_that_concern_single_people_are_one_row_and_small_ones_are_not_told_to_the_host(
    world: World,
) -> None:
    counts = {"employer": 1, "kin": 2, "named_person": 1, "suspended": 1}
    assert grounds.counted(counts, supervises=False) == (("employer", 1), ("personal", None))
    assert grounds.counted({**counts, "credit_list": 1}, supervises=False)[-1] == ("personal", 5)
    # Nobody at all looks the same as a few.
    assert grounds.counted({}, supervises=False) == (("personal", None),)
    assert dict(grounds.counted(counts, supervises=True)) == counts
    assert grounds.named("kin", supervises=False) == "personal"
    assert grounds.named("kin", supervises=True) == "kin"
    evaluation_id = book(world)
    with world.database.reading() as session:
        forecast = draw_views.forecast(session, world.now(), world.house, NOBODY, evaluation_id)
    assert forecast.excluded == (("personal", None),)


def test_who_has_not_agreed_is_waited_for_by_name_and_with_a_time(world: World) -> None:
    evaluation_id, own = committed(world, parties.SUPERVISOR, parties.TENDEREE)
    supervisor = own[parties.SUPERVISOR]
    say(world, evaluation_id, parties.SUPERVISOR, "agree", supervisor.agree(lines(world)).text)
    with world.database.reading() as session:
        guide = views.today(session, world.now()).evaluations[0].guide
    assert (guide.waits_for, guide.next_step) == ((parties.TENDEREE,), "核对承诺并同意")
    agree_by = page(world, evaluation_id).agree_by
    assert agree_by == guide.due_at
    assert agree_by is not None
    assert 0 < (agree_by - world.now()).total_seconds() <= 3600
    say(world, evaluation_id, parties.TENDEREE, "agree", own[parties.TENDEREE].agree(lines(world)).text)
    assert page(world, evaluation_id).agree_by is None
    with world.database.reading() as session:
        assert views.today(session, world.now()).evaluations[0].guide.waits_for == ()


def test_a_reason_of_an_earlier_version_is_shown_without_what_to_do(world: World) -> None:
    evaluation_id = book(world)
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        evaluation.short_reason = '{"message":"本轮抽不出合格的组合","params":{}}'
        found = reasons.kept(evaluation)
    assert found is not None
    assert (found.text, found.remedy) == ("本轮抽不出合格的组合", "")


def test_answers_that_waited_for_a_round_that_never_came_do_not_stay(world: World) -> None:
    evaluation_id, own = called(world, parties.TENDEREE)
    tenderee = own[parties.TENDEREE]
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    first, second, *_ = invited(world)
    answer(world, first, accept=False)
    refill(world, evaluation_id)
    answer(world, second, accept=False)
    with world.database.reading() as session:
        assert len(session.exec(select(DrawDeferred)).all()) == 1
    give_up(world, evaluation_id)
    with world.database.reading() as session:
        assert session.exec(select(DrawDeferred)).all() == []
    assert told(world, evaluation_id)[Tag.invitation_answered] == 2


def test_a_late_answer_that_waited_is_written_down_although_all_is_drawn_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "short_of_room", lambda *_: False)
    evaluation_id, own = called(world, parties.TENDEREE)
    tenderee = own[parties.TENDEREE]
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    first = invited(world)[0]
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), first.id)
    world.clock.advance(first.window_s + 1)
    with world.transaction() as session:
        assert answers.expire(session, world.now(), world.sealer, first.id)
    seats(world, "fault")
    refill(world, evaluation_id)
    with world.transaction() as session:
        assert world.invitees.late_contact(session, world.now(), first.id, "voice") is Heard.lapsed
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    text = lines(world)
    assert 0 < text.index(b'"type":"redraw"') < text.index(b'"outcome":"late"')
    assert verify_record(whole(world)).full


def test_the_tenderees_link_is_not_replaced_during_a_call_and_the_trail_tells_when_it_was_made(
    world: World,
) -> None:
    evaluation_id, own = committed(world, parties.TENDEREE)
    with world.transaction() as session:
        draw_parties.new_link(session, world.now(), world.house, OPERATOR, evaluation_id)
    tenderee = own[parties.TENDEREE]
    say(world, evaluation_id, parties.TENDEREE, "agree", tenderee.agree(lines(world)).text)
    act(world, evaluation_id, "run")
    with world.transaction() as session, pytest.raises(Conflict) as refused:
        draw_parties.new_link(session, world.now(), world.house, OPERATOR, evaluation_id)
    assert refused.value.code == "link-during-call"
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    made = world.now()
    world.clock.advance(60)
    with world.transaction() as session:
        draw_parties.new_link(session, world.now(), world.house, OPERATOR, evaluation_id)
        assert draw_parties.links_made(session, evaluation_id) == (made, world.now())
