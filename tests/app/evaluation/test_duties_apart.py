"""Whoever booked an evaluation or ran its draw never supervises it, whatever their account has become since."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Relation, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict, NotFound
from app.evaluation import (
    cases,
    committee,
    conductor,
    draw_parties,
    joint_acts,
    leaving,
    relations,
    unsealing,
)
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import Evaluation
from tests.support.world import OPERATOR, World, booking, make_world

HOST_CENTER = "host-center"
SUPERVISOR = Actor(id="account:supervisor", role=Role.supervisor, name="监督")
DRAWER = Actor(id="account:drawer", role=Role.host_operator, name="经办二", center_id=HOST_CENTER)


def turned(actor: Actor, role: Role = Role.supervisor) -> Actor:
    """The same person, whose account has another role by now."""
    return Actor(id=actor.id, role=role, name=actor.name, center_id=actor.center_id)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("apart")
    made = make_world(folder)
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def drawn(world: World) -> str:
    """Booked by one operator; another one has committed its draw."""
    with world.transaction() as session:
        evaluation_id = conductor.book(session, world.now(), world.house, OPERATOR, booking(world)).id
        committee.commit_draw(session, world.now(), world.house, DRAWER, evaluation_id)
    return evaluation_id


ACTS: dict[str, Callable[[Session, World, Actor, str], object]] = {
    "approve": lambda session, _world, actor, evaluation_id: cases.load_for(
        session, actor, evaluation_id, Permission.draw_supervise
    ),
    "publish": lambda session, world, actor, evaluation_id: draw_parties.publish(
        session, world.now(), actor, evaluation_id
    ),
    "remove": lambda session, world, actor, evaluation_id: leaving.order_removal(
        session, world.now(), actor, evaluation_id, 1, "多次违反纪律"
    ),
    "speak": lambda session, _world, actor, evaluation_id: draw_parties.of_actor(
        session, actor, evaluation_id, "supervisor"
    ),
    "unseal": lambda session, world, actor, evaluation_id: unsealing.ask(
        session, world.now(), actor, evaluation_id, "投诉调查需要"
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("actor", [OPERATOR, DRAWER], ids=["who booked", "who drew"])
def test_a_change_of_role_opens_nothing_of_ones_own_evaluation(
    world: World, drawn: str, act: str, actor: Actor
) -> None:
    with world.transaction() as session, pytest.raises(Conflict, match="duties-apart"):
        ACTS[act](session, world, turned(actor), drawn)


def test_somebody_else_supervises_it_and_those_two_supervise_others(world: World, drawn: str) -> None:
    with world.transaction() as session:
        cases.load_for(session, SUPERVISOR, drawn, Permission.draw_supervise)
        other = Actor(id="account:third", role=Role.host_operator, name="", center_id=HOST_CENTER)
        wanted = booking(world, project_number="ZT-2026-777")
        evaluation = conductor.book(session, world.now(), world.house, other, wanted)
        cases.load_for(session, turned(OPERATOR), evaluation.id, Permission.draw_supervise)


def test_who_booked_is_never_the_second_person(world: World, drawn: str) -> None:
    with world.transaction() as session:
        evaluation = cases.load(session, drawn)
        act = joint_acts.ask(
            session,
            world.now(),
            DRAWER,
            evaluation,
            JointKind.illness,
            subject="somebody",
            why="突发疾病住院",
            detail={"seat_no": 1},
        )
        for nobody in (turned(OPERATOR), turned(DRAWER), OPERATOR, DRAWER):
            assert not joint_acts.may_settle(session, nobody, evaluation, act)
            with pytest.raises(Conflict, match="second-person"):
                joint_acts.settle(session, world.now(), nobody, evaluation, act.id, confirm=True)
        assert joint_acts.may_settle(session, SUPERVISOR, evaluation, act)


def test_the_first_person_needs_the_permission_of_the_kind(world: World, drawn: str) -> None:
    with world.transaction() as session:
        evaluation = cases.load(session, drawn)
        for kind in JointKind:
            witness = Actor(id="account:witness", role=Role.witness, name="", center_id=HOST_CENTER)
            with pytest.raises(Conflict, match="first-person"):
                joint_acts.ask(
                    session,
                    world.now(),
                    witness,
                    evaluation,
                    kind,
                    subject="x",
                    why="没有权限的人",
                    detail={},
                )


def test_every_kind_takes_two_and_those_that_open_or_destroy_take_two_reasons() -> None:
    assert set(joint_acts.RULES) == set(JointKind)
    assert {kind for kind, rule in joint_acts.RULES.items() if rule.reasons} == {
        JointKind.disposal,
        JointKind.hold_release,
        JointKind.recording_export,
        JointKind.unsealing,
    }
    assert {kind for kind, rule in joint_acts.RULES.items() if rule.sides} == joint_acts.OF_MEMBERS


def test_each_relation_is_asked_of_the_rows(world: World, drawn: str) -> None:
    def lacks(actor: Actor, permission: Permission) -> set[Relation]:
        with world.database.reading() as session:
            return set(relations.lacking(session, actor, cases.load(session, drawn), permission))

    def of(role: Role, **fields: str | None) -> Actor:
        return Actor(**{"id": "account:x", "role": role, "name": "", **fields})  # type: ignore[arg-type]

    here, nowhere = of(Role.host_operator, center_id=HOST_CENTER), of(Role.host_operator)
    assert lacks(here, Permission.draw_run) == set()
    assert lacks(nowhere, Permission.draw_run) == {Relation.same_center}
    assert lacks(of(Role.host_operator, center_id="other"), Permission.draw_run) == {Relation.same_center}
    assert lacks(here, Permission.draw_supervise) == {Relation.any}
    assert lacks(of(Role.auditor), Permission.recording_replay) == {Relation.after_disclosure}
    assert lacks(of(Role.tenderee, evaluation_id=drawn), Permission.draw_attend) == set()
    assert lacks(of(Role.tenderee, evaluation_id="another"), Permission.draw_attend) == {
        Relation.same_evaluation
    }
    assert lacks(turned(OPERATOR, Role.agency), Permission.evaluation_read) == set(), "it booked it"
    guest = of(Role.guest_operator, center_id="guest-center")
    assert lacks(guest, Permission.identity_check) == {Relation.own_venue}
    assert lacks(of(Role.guest_operator), Permission.identity_check) == {Relation.own_venue}


def test_lists_hold_exactly_what_the_loader_would_give(world: World, drawn: str) -> None:
    assert drawn
    actors = [
        Actor(id="account:x", role=role, name="", center_id=center)
        for role in Role
        for center in (HOST_CENTER, "other", None)
    ]
    with world.database.reading() as session:
        everything = session.exec(select(Evaluation.id)).all()
        for actor in (*actors, turned(OPERATOR), turned(DRAWER)):
            for permission in (
                Permission.evaluation_read,
                Permission.draw_supervise,
                Permission.recording_hold,
            ):
                listed = set(
                    session.exec(select(Evaluation.id).where(relations.reached(actor, permission))).all()
                )
                loaded = {
                    one
                    for one in everything
                    if not relations.lacking(session, actor, cases.load(session, one), permission)
                }
                assert listed == loaded, (actor.role, permission)


def test_the_trail_and_not_the_row_tells_who_drew(world: World, drawn: str) -> None:
    with world.database.reading() as session:
        drew = [one for one in audit.trail(session, drawn) if one.tag == Tag.draw_committed]
    assert [one.actor for one in drew] == [DRAWER.id]
    with world.database.reading() as session, pytest.raises(NotFound):
        cases.load_for(session, DRAWER, "nowhere", Permission.draw_run)
