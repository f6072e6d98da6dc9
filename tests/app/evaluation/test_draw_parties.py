"""A draw of several parties: who keeps its own share, what waits for whom, and what withholding leads to."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.core.errors import Conflict, InvalidInput, NotFound
from app.evaluation import cases, committee, conductor, draw_parties, draw_views, public_draws, slips
from app.evaluation.disclosing import NOBODY, Sight
from app.evaluation.disclosure import Viewer
from app.notify.listener import Heard
from expert_draw import keeping, parties, statements, stored_lines
from expert_draw.engine.record import DrawRecord, agree_signature
from expert_draw.engine.register import verify_register
from expert_draw.engine.slip import verify_slip
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, DrawDeferred, Expert, ExpertLeave
from expert_draw.statements import OwnShare
from tests.support.drawing import act, answer, book, invited, lines, refill, say, state, whole
from tests.support.world import OPERATOR, START, World, make_world

SUPERVISOR = Actor(id="account:supervisor", role=Role.supervisor, name="监督")
NEIGHBOUR = Actor(id="account:other", role=Role.host_operator, name="邻市", center_id="elsewhere")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def promise(world: World, evaluation_id: str, *names: str) -> dict[str, OwnShare]:
    own = {name: OwnShare.new(name, "sha256") for name in names}
    for name, share in own.items():
        say(world, evaluation_id, name, "promise", share.promise().text)
    return own


def drawn_by_three(world: World) -> tuple[str, dict[str, OwnShare]]:
    """Every party keeps its own share; the first round is drawn."""
    evaluation_id = book(world)
    own = promise(world, evaluation_id, *parties.NAMES)
    act(world, evaluation_id, "commit")
    for name, share in own.items():
        say(world, evaluation_id, name, "agree", share.agree(lines(world)).text)
    act(world, evaluation_id, "run")
    for name, share in own.items():
        say(world, evaluation_id, name, "reveal", share.reveal(lines(world)).text)
    return evaluation_id, own


def test_with_every_share_kept_two_presses_draw_and_invite(world: World) -> None:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    assert state(world) == "between"
    act(world, evaluation_id, "run")
    assert len(invited(world, "queued")) == 5
    verdict = verify_record(whole(world))
    assert (verdict.ok, verdict.full) == (True, True)
    with world.database.reading() as session:
        seen = draw_views.draw_page(session, world.house, NOBODY, evaluation_id)
    assert [(one.name, one.held, one.agreed, one.revealed) for one in seen.parties] == [
        (name, "kept", True, True) for name in parties.NAMES
    ]


def test_three_parties_with_their_own_shares_agree_and_reveal_before_anything_is_drawn(world: World) -> None:
    evaluation_id = book(world)
    own = promise(world, evaluation_id, *parties.NAMES)
    act(world, evaluation_id, "commit")
    assert state(world) == "agreeing"
    with pytest.raises(Conflict) as refused:
        act(world, evaluation_id, "run")
    assert refused.value.code == "draw-not-ready"
    for name, share in own.items():
        say(world, evaluation_id, name, "agree", share.agree(lines(world)).text)
    assert state(world) == "between"
    act(world, evaluation_id, "run")
    for name, share in own.items():
        assert invited(world, "queued") == []
        assert state(world) == "revealing"
        say(world, evaluation_id, name, "reveal", share.reveal(lines(world)).text)
    assert len(invited(world, "queued")) == 5
    assert verify_record(whole(world)).full
    public = verify_record(lines(world))
    assert (public.ok, public.full) == (True, False)


def test_kept_shares_are_revealed_last_so_that_the_service_lends_nobody_an_early_look(world: World) -> None:
    evaluation_id = book(world)
    own = promise(world, evaluation_id, parties.TENDEREE)
    act(world, evaluation_id, "commit")
    tenderee = own[parties.TENDEREE]
    say(world, evaluation_id, parties.TENDEREE, "agree", tenderee.agree(lines(world)).text)
    act(world, evaluation_id, "run")
    assert lines(world).count(b'"type":"reveal"') == 0
    say(world, evaluation_id, parties.TENDEREE, "reveal", tenderee.reveal(lines(world)).text)
    told = [line for line in lines(world).decode().splitlines() if '"type":"reveal"' in line]
    assert ['"party":"tenderee"' in line for line in told] == [True, False, False]
    assert len(invited(world, "queued")) == 5


def test_a_share_withheld_past_the_deadline_ends_the_draw_with_the_name_of_who_withheld_it(
    world: World,
) -> None:
    evaluation_id = book(world)
    own = promise(world, evaluation_id, parties.SUPERVISOR, parties.TENDEREE)
    act(world, evaluation_id, "commit")
    for name, share in own.items():
        say(world, evaluation_id, name, "agree", share.agree(lines(world)).text)
    act(world, evaluation_id, "run")
    supervisor = own[parties.SUPERVISOR]
    say(world, evaluation_id, parties.SUPERVISOR, "reveal", supervisor.reveal(lines(world)).text)
    refill(world, evaluation_id)
    assert state(world) == "revealing"
    world.clock.advance(3600)
    with world.database.reading() as session:
        assert committee.waiting_to_move(session, world.now()) == (evaluation_id,)
    refill(world, evaluation_id)
    assert state(world) == "void"
    assert b'"body":{"party":"tenderee","reason":"share_withheld"}' in lines(world)
    assert verify_record(whole(world)).ok
    with world.database.reading() as session:
        evaluation = cases.load(session, evaluation_id)
        assert evaluation.state == "short"
        assert "tenderee" in str(evaluation.short_reason)


def test_an_answer_that_comes_while_shares_are_being_revealed_waits_and_is_not_lost(world: World) -> None:
    evaluation_id, own = drawn_by_three(world)
    first, second, third, *_ = invited(world, "queued")
    assert answer(world, first, accept=False) is Heard.declined
    refill(world, evaluation_id)
    assert state(world) == "revealing"
    assert answer(world, second, accept=True) is Heard.accepted
    assert answer(world, third, accept=False) is Heard.declined
    with world.database.reading() as session:
        assert len(session.exec(select(DrawDeferred)).all()) == 2
    for name, share in own.items():
        say(world, evaluation_id, name, "reveal", share.reveal(lines(world)).text)
    with world.database.reading() as session:
        assert session.exec(select(DrawDeferred)).all() == []
    text = lines(world).decode()
    assert text.count('"outcome":"declined"') == 2
    assert text.count('"outcome":"accepted"') == 1
    assert verify_record(whole(world)).full


def test_a_statement_of_another_party_another_key_or_another_step_is_refused_and_changes_nothing(
    world: World,
) -> None:
    evaluation_id = book(world)
    own = promise(world, evaluation_id, *parties.NAMES)
    act(world, evaluation_id, "commit")
    before = lines(world)
    center = own[parties.CENTER]
    agreed = center.agree(before)
    with pytest.raises(InvalidInput) as refused:
        say(world, evaluation_id, parties.TENDEREE, "agree", agreed.text)
    assert refused.value.code == "another-party"
    false = forged(OwnShare.new(parties.CENTER, "sha256"), before)
    with pytest.raises(Conflict):
        say(world, evaluation_id, parties.CENTER, "agree", false)
    with pytest.raises(InvalidInput):
        say(world, evaluation_id, parties.CENTER, "reveal", agreed.text)
    with pytest.raises(InvalidInput):
        say(world, evaluation_id, parties.CENTER, "agree", "0")
    with pytest.raises(NotFound):
        say(world, evaluation_id, parties.CENTER, "bribe", agreed.text)
    with pytest.raises(Conflict):
        say(world, evaluation_id, parties.CENTER, "promise", center.promise().text)
    assert lines(world) == before


def forged(share: OwnShare, record: bytes) -> str:
    """What somebody with another key would say in that party's name."""
    first = DrawRecord.trust(record.decode().splitlines()).events[0].hash
    sig = agree_signature(share._signer, first)
    return statements.Statement("agree", {"party": share.party, "sig": sig}).text


def test_the_tool_signs_nothing_that_does_not_hold_its_own_promise(world: World) -> None:
    evaluation_id = book(world)
    own = promise(world, evaluation_id, parties.TENDEREE)
    act(world, evaluation_id, "commit")
    stranger = OwnShare.new(parties.TENDEREE, "sha256")
    with pytest.raises(Conflict) as refused:
        stranger.agree(lines(world))
    assert refused.value.code == "not-my-promise"
    with pytest.raises(Conflict) as refused:
        own[parties.TENDEREE].agree(lines(world).replace(b'"reserve":0', b'"reserve":1'))
    assert refused.value.code == "record-wrong"
    with pytest.raises(Conflict) as refused:
        own[parties.TENDEREE].reveal(lines(world))
    assert refused.value.code == "not-now"
    with pytest.raises(InvalidInput):
        OwnShare.read('{"format":"something else"}')
    assert OwnShare.read(stranger.text) == stranger


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 2000, id="nested too deep to be read"),
        pytest.param('{"format":"yuanping-party/1","party":5,"secret":"%s","seed":"%s"', id="cut off"),
    ],
)
def test_a_pasted_text_or_a_file_that_is_nothing_is_refused_by_saying_what_is_wanted(text: str) -> None:
    with pytest.raises(InvalidInput):
        statements.parse(text, "promise")
    with pytest.raises(InvalidInput):
        OwnShare.read(text)


@pytest.mark.parametrize("changed", [{"party": 5}, {"suite": ["sha256"]}, {"seed": "ab"}, {"seed": None}])
def test_a_secret_file_somebody_has_edited_is_refused(changed: dict[str, object]) -> None:
    whole = json.loads(OwnShare.new(parties.CENTER, "sha256").text)
    with pytest.raises(InvalidInput) as refused:
        OwnShare.read(json.dumps({**whole, **changed}))
    assert refused.value.code == "share-file"


def test_a_promise_serves_one_party_in_one_draw_because_its_shares_become_public(world: World) -> None:
    first, second = book(world), book(world, lot_number="2")
    own = promise(world, first, parties.TENDEREE)[parties.TENDEREE]
    say(world, first, parties.TENDEREE, "promise", own.promise().text)
    copied = {**own.promise().fields, "party": parties.SUPERVISOR}
    half = {**OwnShare.new(parties.SUPERVISOR, "sha256").promise().fields, "anchor": copied["anchor"]}
    for evaluation_id, fields in ((second, own.promise().fields), (first, copied), (first, half)):
        text = statements.Statement("promise", fields).text
        with pytest.raises(Conflict) as refused:
            say(world, evaluation_id, str(fields["party"]), "promise", text)
        assert refused.value.code == "promise-used"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("01" + "00" * 31, id="anybody can sign for it"),
        pytest.param("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", id="of order eight"),
        pytest.param("02" + "00" * 31, id="not on the curve"),
        pytest.param("ee" + "ff" * 30 + "7f", id="another spelling"),
    ],
)
def test_a_key_with_which_nobody_or_anybody_could_sign_is_not_taken_as_a_promise(
    world: World, key: str
) -> None:
    evaluation_id = book(world)
    fields = {**OwnShare.new(parties.TENDEREE, "sha256").promise().fields, "key": key}
    with pytest.raises(InvalidInput) as refused:
        say(world, evaluation_id, parties.TENDEREE, "promise", statements.Statement("promise", fields).text)
    assert refused.value.code == "promise-shape"


def test_a_share_revealed_before_anybody_was_called_is_refused_by_saying_so(world: World) -> None:
    evaluation_id = book(world)
    promise(world, evaluation_id, parties.TENDEREE)
    act(world, evaluation_id, "commit")
    fields = {"party": parties.TENDEREE, "share": "ab" * 32, "sig": "cd" * 64}
    with pytest.raises(Conflict) as refused:
        say(world, evaluation_id, parties.TENDEREE, "reveal", statements.Statement("reveal", fields).text)
    assert refused.value.code == "no-call"


def test_each_party_is_spoken_for_by_its_own_people_only(world: World) -> None:
    evaluation_id = book(world)
    with world.transaction() as session:
        assert draw_parties.of_actor(session, OPERATOR, evaluation_id, parties.CENTER).id == evaluation_id
        assert (
            draw_parties.of_actor(session, SUPERVISOR, evaluation_id, parties.SUPERVISOR).id == evaluation_id
        )
        for actor, party in (
            (OPERATOR, parties.SUPERVISOR),
            (OPERATOR, parties.TENDEREE),
            (SUPERVISOR, parties.CENTER),
            (NEIGHBOUR, parties.CENTER),
        ):
            with pytest.raises(NotFound):
                draw_parties.of_actor(session, actor, evaluation_id, party)
        first = draw_parties.new_link(session, world.now(), world.house, OPERATOR, evaluation_id)
        link = draw_parties.new_link(session, world.now(), world.house, OPERATOR, evaluation_id)
        evaluation, party = draw_parties.of_link(session, world.house, link)
        assert (evaluation.id, party) == (evaluation_id, parties.TENDEREE)
        with pytest.raises(NotFound):
            draw_parties.of_link(session, world.house, first)


def test_a_draw_whose_thresholds_are_not_met_waits_for_the_supervisor(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=12, employers=12)
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    assert state(world) == "approving"
    with pytest.raises(Conflict) as refused:
        act(world, evaluation_id, "run")
    assert refused.value.code == "draw-not-ready"
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        committee.approve_warnings(session, world.now(), world.house, SUPERVISOR.id, evaluation)
    act(world, evaluation_id, "run")
    assert len(invited(world, "queued")) == 5
    assert verify_record(whole(world)).full


def test_a_supervisor_who_keeps_the_key_signs_the_warnings_elsewhere(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=12, employers=12)
    evaluation_id = book(world)
    own = promise(world, evaluation_id, parties.SUPERVISOR)[parties.SUPERVISOR]
    act(world, evaluation_id, "commit")
    say(world, evaluation_id, parties.SUPERVISOR, "agree", own.agree(lines(world)).text)
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        with pytest.raises(Conflict) as refused:
            committee.approve_warnings(session, world.now(), world.house, SUPERVISOR.id, evaluation)
    assert refused.value.code == "key-outside"
    say(world, evaluation_id, parties.SUPERVISOR, "approve", own.approve(lines(world)).text)
    assert state(world) == "between"


def test_when_nobody_fits_beside_those_who_accepted_all_is_drawn_anew_in_the_same_record(
    tmp_path: Path,
) -> None:
    # Two employers hold all experts of one specialty: with one of each seated, the only way on is to begin anew.
    world = make_world(tmp_path, experts=0)
    cities = ("5306", "5301", "5303", "5304", "5325", "5326", "5329")
    with world.transaction() as session:
        for number in range(6):
            world.add_expert(session, specialty="A080104", employer=number, city=cities[number])
        # One expert of the second specialty shares an employer with nobody, the other with expert 0.
        world.add_expert(session, specialty="A060101", employer=50, city="5306")
        world.add_expert(session, specialty="A060101", employer=0, city="5301")
    slots = [{"specialty": "A08", "count": 4}, {"specialty": "A06", "count": 1}]
    for attempt in range(40):
        evaluation_id = book(world, project_number=f"ZT-{attempt}", slots=slots)
        if trial_ends_in_a_redraw(world, evaluation_id):
            break
    else:
        pytest.fail("in forty draws nobody from employer 0 ever sat beside the expert who then declined")
    assert invited(world, "accepted") == []
    refill(world, evaluation_id)
    with world.database.reading() as session:
        draw = session.exec(select(Draw).where(Draw.evaluation_id == evaluation_id)).one()
        text = stored_lines.text(session, draw, opened=True)
    assert b'"method":"none"' in text
    assert b'"type":"redraw"' in text
    assert verify_record(text).full


def trial_ends_in_a_redraw(world: World, evaluation_id: str) -> bool:
    """Draws; if expert 0 sits in the first specialty, has the expert of the second decline; else gives up."""
    act(world, evaluation_id, "commit")
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        draw = keeping.load(session, str(evaluation.draw_id))
        if draw.state == "approving":
            committee.approve_warnings(session, world.now(), world.house, SUPERVISOR.id, evaluation)
    act(world, evaluation_id, "run")
    asked = invited(world, "queued")
    zero, alone = world.experts[0], world.experts[6]
    if {zero, alone} <= {world.person(one) for one in asked}:
        for one in asked:
            answer(world, one, accept=world.person(one) != alone)
        refill(world, evaluation_id)
        return True
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "再试一次")
    return False


def test_the_record_is_public_only_once_the_supervisor_says_so_and_everything_is_over(world: World) -> None:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    with world.transaction() as session, pytest.raises(Conflict):
        draw_parties.publish(session, world.now(), SUPERVISOR, evaluation_id)
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "项目取消")
    with world.transaction() as session:
        draw_parties.publish(session, world.now(), SUPERVISOR, evaluation_id)
    with world.database.reading() as session:
        published = session.exec(select(Draw)).one().published_at
    assert published == world.now()
    world.clock.advance(60)
    with world.transaction() as session:
        draw_parties.publish(session, world.now(), SUPERVISOR, evaluation_id)
    with world.database.reading() as session:
        assert session.exec(select(Draw)).one().published_at == world.now() - timedelta(seconds=60)


def test_the_centers_list_holds_every_draw_and_a_second_one_for_a_lot_names_the_first(world: World) -> None:
    first = book(world)
    act(world, first, "commit")
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, first, "资料有误")
    second = book(world)
    act(world, second, "commit")
    with world.database.reading() as session:
        older, newer = session.exec(select(Draw).order_by(Draw.number)).all()
        assert newer.before == older.number
        verdict = verify_register(public_draws.list_of(session, world.host_id))
    assert verdict.ok
    assert {number: event for number, (event, _, _) in verdict.draws.items()} == {
        older.number: "void",
        newer.number: "opened",
    }
    third = book(world)
    with pytest.raises(Conflict) as refused:
        act(world, third, "commit")
    assert refused.value.code == "lot-drawn"


def test_an_experts_slip_proves_pool_ground_and_chance_once_the_draw_is_over(world: World) -> None:
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    with world.database.reading() as session:
        draw = session.exec(select(Draw)).one()
        expert = session.exec(select(Expert).where(Expert.id == world.experts[0])).one()
    with world.transaction() as session, pytest.raises(Conflict):
        slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, expert.number)
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation_id, "项目取消")
        world.add_expert(session, specialty="A080104", employer=77, city="5306")
    with world.transaction() as session:
        text = slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, expert.number)
        with pytest.raises(NotFound):
            slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, "0" * 17)
        newcomer = session.get_one(Expert, world.experts[-1])
        with pytest.raises(NotFound):
            slips.for_expert(session, world.now(), world.house, OPERATOR, draw.number, newcomer.number)
    assert verify_slip(text)[1] == ()
    assert verify_slip(text.replace(b'"active"', b'"absent"'))[1]


def test_what_a_booking_asks_of_titles_regions_persons_and_supervisors_is_what_the_draw_heeds(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path, experts=60, employers=60)
    with world.database.reading() as session:
        people = session.exec(select(Expert).order_by(Expert.number)).all()
        numbers = {one.id: int(one.number) for one in people}
        regions = {one.id: one.region_code for one in people}
    named, supervising = people[1], people[3]
    with world.transaction() as session:
        session.get_one(Expert, named.id).identity_fingerprint = world.sealer.fingerprint(
            "530602198001010018"
        )
    evaluation_id = book(
        world,
        slots=[
            {"specialty": "A08", "count": 3, "titles": ["高级工程师"]},
            {"specialty": "A06", "count": 2, "regions": ["5306", "5301", "5303"]},
        ],
        avoid_persons=["530602198001010018"],
        supervisors=[{"name": supervising.employer}],
        regions=[{"region": "5306", "least": 2, "most": 2}],
    )
    act(world, evaluation_id, "commit")
    with world.database.reading() as session:
        draw = session.exec(select(Draw)).one()
        excluded = dict(
            draw_views.draw_page(
                session, world.house, Sight(Viewer.supervisor, None, None, frozenset()), evaluation_id
            ).excluded
        )
        if draw.state == "approving":
            with world.transaction() as writing:
                evaluation = cases.load(writing, evaluation_id)
                committee.approve_warnings(writing, world.now(), world.house, SUPERVISOR.id, evaluation)
    assert excluded == {"named_person": 1, "supervisor_staff": 1}
    act(world, evaluation_id, "run")
    drawn = {world.person(one) for one in invited(world, "queued")}
    assert len([one for one in drawn if regions[one].startswith("5306")]) == 2
    costs = [one for one in drawn if numbers[one] % 2 == 1]  # the odd ones know A06
    assert len(costs) == 2
    assert {regions[one][:4] for one in costs} <= {"5306", "5301", "5303"}
    assert verify_record(whole(world)).full


@pytest.mark.parametrize("lot", ["1", "01", "１", "一", " 1 ", "1-"])
def test_a_lot_spelt_otherwise_is_the_same_lot(world: World, lot: str) -> None:
    first = book(world, project_number="ZT-2026-001")
    act(world, first, "commit")
    second = book(world, project_number="ｚｔ–2026–001", lot_number=lot)
    with pytest.raises(Conflict) as refused:
        act(world, second, "commit")
    assert refused.value.code == "lot-drawn"


def test_a_region_that_cannot_give_so_many_is_named_and_not_its_code(world: World) -> None:
    evaluation_id = book(world, regions=[{"region": "5306", "least": 5}])
    with world.transaction() as session:
        for expert in session.exec(select(Expert).where(Expert.region_code == "530600")).all():
            session.add(
                ExpertLeave(id=expert.id, expert_id=expert.id, from_at=START, to_at=START + timedelta(days=9))
            )
    with pytest.raises(Conflict) as refused:
        act(world, evaluation_id, "commit")
    assert refused.value.params["value"] == "5306"


def test_rules_that_changed_since_the_booking_are_not_slipped_in(world: World) -> None:
    evaluation_id = book(world)
    with world.transaction() as session:
        cases.load(session, evaluation_id).rule_pack_hash = "0" * 64
    with pytest.raises(Conflict) as refused:
        act(world, evaluation_id, "commit")
    assert refused.value.code == "rules-changed"
