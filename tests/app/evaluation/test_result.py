"""The result is told when everything is sealed, and not a moment before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.permissions import Role
from app.core.canonical import canonical_json
from app.evaluation import cases, committee, conductor, convening
from app.evaluation.models import CommitteeMember, ScoreSheet
from app.projects import service as projects
from app.projects.service import PartyRole
from expert_draw import release
from expert_draw.models import Invitation
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, booking


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    yield opened
    opened.close()


def scored(house: WebHouse) -> str:
    """An evaluation whose five members gave the three bidders 50, 80 and 50 points, the first member 2.5 more each."""
    world = house.world
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        committee.commit_draw(session, world.now(), world.house, OPERATOR, evaluation.id)
        committee.run_draw(session, world.now(), world.house, OPERATOR, evaluation.id)
        for one in session.exec(select(Invitation)).all():
            world.invitees.taken(session, world.now(), one.id)
            world.invitees.answer(session, world.now(), one.id, True, "voice")
        committee.refill(session, world.now(), world.house, evaluation.id)
        convening.convene(session, world.now(), world.house, OPERATOR, evaluation.id)
        bidders = projects.parties(session, evaluation.lot_id, [PartyRole.bidder])
        criteria = projects.criteria(session, evaluation.lot_id)
        for member in session.exec(select(CommitteeMember)).all():
            extra = 250 if member.seat_no == 1 else 0
            scores = {
                bidder.id: {criteria[0].id: given + extra, criteria[1].id: 3000}
                for bidder, given in zip(bidders, (2000, 5000, 2000), strict=True)
            }
            session.add(
                ScoreSheet(
                    member_id=member.id,
                    evaluation_id=evaluation.id,
                    revision=1,
                    scores=canonical_json(scores).decode(),
                    state="submitted",
                    saved_at=world.now(),
                )
            )
        return evaluation.id


def test_totals_means_and_ranks_are_shown_once_everything_is_sealed(house: WebHouse) -> None:
    evaluation_id = scored(house)
    visitor = house.visitor(Role.supervisor)
    for state in ("in_session", "closed"):
        with house.world.transaction() as session:
            cases.load(session, evaluation_id).state = state
        page = visitor.get(f"/evaluations/{evaluation_id}").text
        assert "评分汇总" not in page
        assert "投标人2" not in page
    with house.world.transaction() as session:
        cases.load(session, evaluation_id).state = "sealed"
    page = visitor.get(f"/evaluations/{evaluation_id}").text
    rows = page.split('id="result-title"')[1].split("</table>")[0]
    assert rows.index("投标人2") < rows.index("投标人1") < rows.index("投标人3")
    ranks = [piece.split("<")[0] for piece in rows.split('class="num">')[1:]]
    assert ranks == ["1", "2", "2"]
    figures = [piece.split("<")[0] for piece in rows.split('class="num end">')[1:]]
    assert figures == ["80.5", "402.5", "50.5", "252.5", "50.5", "252.5"]


def test_the_result_is_told_to_those_alone_who_may_know_the_bidders(house: WebHouse) -> None:
    """What the matrix says of the list of bidders holds for the result, which names them: it is nobody else's way to them."""
    evaluation_id, agency = scored(house), house.account(Role.agency)
    with house.world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        evaluation.state, evaluation.opened_at = "sealed", house.world.now()
        evaluation.booked_by = f"account:{agency.id}"
        release.finish(session, house.world.now(), house.world.sealer, evaluation_id)
    shown, counted = set(), set()
    for role in set(Role) - {Role.expert, Role.tenderee}:
        page = house.visitor(role).get(f"/evaluations/{evaluation_id}")
        shown |= {role} if "投标人2" in page.text else set()
        counted |= {role} if "3 家" in page.text else set()
        if page.status_code == 200 and role not in shown:
            assert "评分汇总" not in page.text, role
    assert shown == {Role.agency, Role.supervisor}
    assert counted == {Role.agency, Role.host_operator, Role.supervisor}, (
        "the host's staff knows that there is a list"
    )
