"""The sealed list of bidders arrives: whoever may not sit before them is replaced in silence, and nothing tells who it was."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import ValidationError
from sqlmodel import select

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.audit.tags import Tag
from app.core.database import Database
from app.core.errors import Conflict, NotFound
from app.core.sealed_columns import BIDDER_LIST
from app.evaluation import booking, cases, conductor, second_phase, views
from app.evaluation.disclosing import ReadBy
from app.evaluation.models import BidderList
from app.evaluation.schemas import BidderListIn, BidderListOut, UnitIn
from app.notify.enclosed import variables_of
from app.notify.listener import Heard
from app.projects import service as projects
from app.projects.models import Party
from app.projects.service import PartyRole
from expert_draw import parties
from expert_draw.models import Expert, ExpertRelation, Invitation, PerformanceFact
from expert_draw.statements import OwnShare
from tests.support.evaluations import SUPERVISOR, Case
from tests.support.world import OPERATOR, World, make_world

KNOWN = tuple(UnitIn(name=f"投标人{number}") for number in range(1, 4))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def deliver(case: Case, *bidders: UnitIn, persons: tuple[str, ...] = ()) -> BidderListOut:
    """What the operator hears."""
    world = case.world
    wanted = BidderListIn(bidders=bidders, persons=persons)
    with world.transaction() as session:
        second_phase.deliver(session, world.now(), world.house, OPERATOR, case.id, wanted)
        return second_phase.shown(session, OPERATOR, case.id)


def shown(case: Case, actor: Actor) -> BidderListOut:
    with case.world.database.reading() as session:
        return second_phase.shown(session, actor, case.id)


def employer_of(case: Case, invitation: Invitation) -> UnitIn:
    expert = case.world.expert(invitation)
    return UnitIn(name=f"{expert.employer}（集团）", credit_code=expert.employer_code)


def test_who_works_for_a_bidder_is_struck_and_replaced_and_told_no_more_than_anybody(world: World) -> None:
    case = Case(world).ready()
    hit, stays = case.holder(2), case.holder(4)
    said = deliver(case, *KNOWN, employer_of(case, hit))
    assert said == BidderListOut(received=True, at=world.now())
    assert case.invitation(hit.id).state == "struck"
    assert case.state == "inviting"
    assert {one.id for one in case.invitations("accepted")} == {
        one.id for one in case.invitations() if one.id != hit.id
    }
    assert shown(case, SUPERVISOR) == BidderListOut(received=True, at=world.now(), checked=5, refilling=1)
    case.sweep()
    (successor,) = case.asked()
    assert successor.slot_id == hit.slot_id
    # The text is that of anybody who is let go.
    (text,) = [one for one in case.texts(hit.id) if one.purpose == "released"]
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "项目取消")
    (other,) = [one for one in case.texts(stays.id) if one.purpose == "released"]
    assert (text.template, text.channel, text.language) == (other.template, other.channel, other.language)
    assert variables_of(world.sealer, text) == variables_of(world.sealer, other)
    with world.database.reading() as session:
        # Being struck is nothing the person did.
        facts = session.exec(
            select(PerformanceFact.kind).where(PerformanceFact.invitation_id == hit.id)
        ).all()
    assert facts == ["accepted"]
    assert b'"outcome":"struck"' in case.record()
    assert case.verified() == "void"


def test_a_list_that_hits_nobody_and_one_that_hits_somebody_look_the_same_to_the_host(tmp_path: Path) -> None:
    said, pages = [], []
    for number, hits in enumerate((False, True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        case = Case(make_world(folder)).ready()
        # Seats are drawn by chance: what both have in common is the progress, which is made the same here.
        unit = (
            employer_of(case, case.holder(1))
            if hits
            else UnitIn(name="某投标人", credit_code="91530600MA99999999")
        )
        said.append(deliver(case, *KNOWN, unit).model_dump_json())
        case.sweep()
        for one in case.asked():
            case.answer(one, accept=True)
        case.sweep()
        with case.world.database.reading() as session:
            summary = views.summary(
                session, lambda _key: None, ReadBy(OPERATOR, case.world.sealer), case.id
            ).model_dump_json()
            pages.append(summary.replace(case.id, "").replace('"rounds":2', '"rounds":1'))
        assert "struck" not in summary
    assert said[0] == said[1]
    assert pages[0] == pages[1]


def test_people_who_are_asked_or_not_drawn_yet_are_checked_too(world: World) -> None:
    case = Case(world).drawn()
    asked, rings, *_ = case.asked()
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), rings.id)
    units = [employer_of(case, one) for one in (asked, rings)]
    deliver(case, *KNOWN, *units)
    assert [case.invitation(one.id).state for one in (asked, rings)] == ["struck", "struck"]
    # Nobody has told the first one anything yet; the second one was reached.
    assert [len([t for t in case.texts(one.id) if t.purpose == "released"]) for one in (asked, rings)] == [
        0,
        1,
    ]
    assert {one.state for one in case.texts(asked.id)} == {"cancelled"}
    for one in (asked, rings):
        assert case.answer(one, accept=True) is Heard.lapsed
        assert case.invitation(one.id).state == "struck"
    case.sweep()
    assert len(case.asked()) == 5
    assert case.verified() == "open"
    assert case.record().count(b'"type":"exclude"') == 0  # whoever works there is already out


def test_whoever_is_not_drawn_is_left_out_of_the_next_round(world: World) -> None:
    case = Case(world).drawn()
    drawn = {world.person(one) for one in case.asked()}
    with world.database.reading() as session:
        other = next(session.get_one(Expert, id_) for id_ in world.experts if id_ not in drawn)
    deliver(case, *KNOWN, UnitIn(name=other.employer))
    case.answer(case.asked()[0], accept=False)
    case.sweep()
    (excluded,) = [json.loads(line) for line in case.record().splitlines() if b'"type":"exclude"' in line]
    assert [ground for _, ground in excluded["body"]["excluded"]] == ["employer"]
    assert case.verified() == "open"


def test_somebody_named_with_the_list_and_their_kin_have_to_go(world: World) -> None:
    identity = "11010119800101100X"
    case = Case(world).ready()
    kin = case.holder(3)
    with world.transaction() as session:
        session.add(
            ExpertRelation(
                expert_id=world.person(kin), person=world.sealer.fingerprint(identity), kind="spouse"
            )
        )
    deliver(case, *KNOWN, persons=(identity,))
    assert case.invitation(kin.id).state == "struck"
    with world.database.reading() as session:
        question = booking.question(session, world.sealer, cases.load(session, case.id))
        stored = session.exec(select(BidderList)).one()
    assert question.persons == (world.sealer.fingerprint(identity),)
    assert identity not in stored.list_sealed + repr(case.row)
    assert world.sealer.fingerprint(identity) in world.sealer.unseal(
        stored.list_sealed, BIDDER_LIST.at(stored.evaluation_id, stored.n)
    )


def test_the_same_list_again_changes_nothing_and_another_one_is_checked_anew(world: World) -> None:
    case = Case(world).ready()
    first, second = case.holder(1), case.holder(2)
    units = (*KNOWN, employer_of(case, first))
    deliver(case, *units)
    world.clock.advance(60)
    said = deliver(case, *reversed(units))
    assert said.at == world.now() - timedelta(seconds=60)
    assert len(case.trail(Tag.evaluation_bidders)) == 1
    deliver(case, *units, employer_of(case, second))
    assert case.invitation(second.id).state == "struck"
    told = [json.loads(data) for data in case.trail(Tag.evaluation_bidders)]
    assert [(one["n"], one["units"], one["checked"], one["struck"]) for one in told] == [
        (1, 4, 5, 1),
        (2, 5, 4, 1),
    ]
    with world.database.reading() as session:
        assert len(session.exec(select(BidderList)).all()) == 2


def test_a_member_at_their_desk_is_struck_like_anybody_who_leaves(world: World) -> None:
    case = Case(world).in_session()
    member = case.member(5)
    case.score(member)
    deliver(case, *KNOWN, employer_of(case, case.holder(5)))
    assert case.state == "replacing"
    sheet = case.sheet(member)
    assert sheet is not None
    assert sheet.state == "void"
    assert 5 not in {one.seat_no for one in case.members()}
    # The session had begun: who is scored is settled, the new unit is avoided only.
    with world.database.reading() as session:
        rows = session.exec(select(Party.role, Party.name).where(Party.lot_id == case.row.lot_id)).all()
    assert {name for role, name in rows if role == "bidder"} == {"投标人1", "投标人2", "投标人3"}
    assert len([name for role, name in rows if role == "avoid"]) == 1


def test_before_the_session_the_list_says_who_is_scored_and_nobody_once_known_is_forgotten(
    world: World,
) -> None:
    case = Case(world)
    deliver(
        case,
        UnitIn(name="投标人 １", credit_code="91530600MA00000901"),
        UnitIn(name="新投标人", credit_code="91530600MA00000902"),
    )

    def parties(role: PartyRole) -> list[tuple[str, str | None]]:
        with world.database.reading() as session:
            found = projects.parties(session, case.row.lot_id, (role,))
            return [(party.name, party.credit_code) for party in found]

    assert parties(PartyRole.bidder) == [
        ("投标人1", "91530600MA00000901"),
        ("新投标人", "91530600MA00000902"),
    ]
    assert parties(PartyRole.avoid) == [("投标人2", None), ("投标人3", None)]
    deliver(case, *KNOWN)
    assert [name for name, _ in parties(PartyRole.bidder)] == ["投标人1", "投标人2", "投标人3"]
    assert [name for name, _ in parties(PartyRole.avoid)] == ["新投标人"]


def test_units_of_one_name_and_two_codes_are_two(world: World) -> None:
    case = Case(world, bidders=(UnitIn(name="同名", credit_code="91530600MA00000901"),))
    deliver(case, UnitIn(name="同名", credit_code="91530600MA00000902"))
    with world.database.reading() as session:
        rows = projects.parties(session, case.row.lot_id, (PartyRole.bidder, PartyRole.avoid))
    assert [(row.role, row.credit_code) for row in rows] == [
        ("avoid", "91530600MA00000901"),
        ("bidder", "91530600MA00000902"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bidders": []},
        {"bidders": [{"name": " "}]},
        {"bidders": [{"name": "甲"}, {"name": "甲"}]},
        {"bidders": [{"name": "甲", "credit_code": "x"}]},
        {"bidders": [{"name": n, "credit_code": "91530600MA00000901"} for n in "甲乙"]},
        {"bidders": [{"name": "甲"}], "persons": ["1"]},
        {"bidders": [{"name": "甲"}], "more": 1},
    ],
)
def test_rubbish_is_no_list(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BidderListIn.model_validate(wrong)


def test_only_the_host_delivers_and_only_before_the_end(world: World) -> None:
    case = Case(world)
    stranger = Actor(id="account:x", role=Role.host_operator, name="外中心", center_id="elsewhere")
    with world.transaction() as session, pytest.raises(NotFound, match="evaluation"):
        second_phase.deliver(
            session, world.now(), world.house, stranger, case.id, BidderListIn(bidders=KNOWN)
        )
    assert shown(case, SUPERVISOR) == BidderListOut(received=False, at=None)
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "项目取消")
    with pytest.raises(Conflict, match="bidders-late"):
        deliver(case, *KNOWN)


def test_a_list_that_comes_while_the_parties_are_called_is_heeded_as_soon_as_the_round_is_drawn(
    world: World,
) -> None:
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case = Case(world).called_with(own)
    assert case.draw.state == "revealing"
    with world.database.reading() as session:
        units = {one.employer: one.employer_code for one in session.exec(select(Expert)).all()}
    some = dict(sorted(units.items())[::2])
    deliver(case, *KNOWN, *(UnitIn(name=name, credit_code=code) for name, code in some.items()))
    case.say("reveal", own.reveal(case.record()))
    with world.database.reading() as session:
        expected = [
            "struck" if world.expert(one).employer in some else "queued" for one in case.invitations()
        ]
    assert [one.state for one in case.invitations()] == expected
    assert len(expected) == 5
    hit = expected.count("struck")
    assert shown(case, SUPERVISOR) == BidderListOut(received=True, at=world.now(), checked=5, refilling=hit)
    told = [json.loads(data) for data in case.trail(Tag.evaluation_bidders)]
    assert [one["struck"] for one in told] == [0, *([hit] if hit else [])]
    assert case.verified() == "open"


def test_nobody_who_was_drawn_after_the_list_came_keeps_a_place_they_may_not_have(world: World) -> None:
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case = Case(world).called_with(own)
    with world.database.reading() as session:
        units = {one.employer: one.employer_code for one in session.exec(select(Expert)).all()}
    deliver(case, *KNOWN, *(UnitIn(name=name, credit_code=code) for name, code in units.items()))
    case.say("reveal", own.reveal(case.record()))
    assert [one.state for one in case.invitations()] == ["struck"] * 5
    assert {one.state for invited in case.invitations() for one in case.texts(invited.id)} == {"cancelled"}


def test_the_same_list_again_strikes_whoever_has_come_to_be_related_since(world: World) -> None:
    case = Case(world).ready()
    moved = case.holder(2)
    unit = UnitIn(name="某投标人", credit_code="91530600MA99999999")
    deliver(case, *KNOWN, unit)
    with world.transaction() as session:
        change = world.rosters.begin(session)
        row = session.get_one(Expert, world.person(moved))
        row.employer, row.employer_code, row.revision = unit.name, str(unit.credit_code), change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
    deliver(case, *KNOWN, unit)
    assert case.invitation(moved.id).state == "struck"
    assert case.state == "inviting"
    assert [json.loads(data)["struck"] for data in case.trail(Tag.evaluation_bidders)] == [0, 1]
    assert shown(case, SUPERVISOR).refilling == 1


def test_who_only_stands_by_is_no_place_that_is_filled_again(world: World) -> None:
    case = Case(world).ready()
    with world.transaction() as session:
        one = session.get_one(Invitation, case.holder(3).id)
        one.standby = True
    deliver(case, *KNOWN, employer_of(case, case.invitation(one.id)), employer_of(case, case.holder(4)))
    assert len(case.invitations("struck")) == 2
    assert shown(case, SUPERVISOR).refilling == 1


def test_where_experts_follow_venues_nobody_who_accepted_is_let_go_because_nobody_else_fits(
    world: World,
) -> None:
    case = Case(world, rule_pack="cn_venue_first").drawn()
    declines, *others = case.asked()
    for one in others:
        case.answer(one, accept=True)
    drawn = {world.person(one) for one in case.asked()} | {world.person(one) for one in others}
    with world.database.reading() as session:
        keeps = {session.get_one(Expert, id_).employer for id_ in drawn}
        rows = session.exec(select(Expert)).all()
    units = {one.employer: one.employer_code for one in rows if one.employer not in keeps}
    deliver(case, *KNOWN, *(UnitIn(name=name, credit_code=code) for name, code in units.items()))
    case.answer(declines, accept=False)
    case.sweep()
    assert (case.state, case.draw.state) == ("short", "stuck")
    assert {one.id for one in case.invitations("accepted")} == {one.id for one in others}
    assert b'"type":"redraw"' not in case.record()
    assert case.verified() == "open"


def test_an_answer_and_the_list_at_the_same_moment_leave_nobody_who_may_not_sit(
    tmp_path: Path, any_database: Database
) -> None:
    case = Case(make_world(tmp_path, database=any_database)).drawn()
    asked = case.asked()
    hits = asked[:3]
    units = tuple(employer_of(case, one) for one in hits)
    gate = Barrier(1 + len(hits))

    def answer(one: Invitation) -> Heard:
        gate.wait()
        return case.answer(one, accept=True)

    def list_arrives() -> None:
        gate.wait()
        deliver(case, *KNOWN, *units)

    with ThreadPoolExecutor(1 + len(hits)) as crowd:
        delivered = crowd.submit(list_arrives)
        heard = list(crowd.map(answer, hits))
        delivered.result()
    assert set(heard) <= {Heard.accepted, Heard.lapsed}
    assert [case.invitation(one.id).state for one in hits] == ["struck"] * len(hits)
    assert case.record().count(b'"outcome":"struck"') == len(hits)
    assert case.record().count(b'"outcome":"accepted"') == heard.count(Heard.accepted)
    case.sweep()
    assert len(case.asked()) == len(asked)
    assert case.verified() == "open"
