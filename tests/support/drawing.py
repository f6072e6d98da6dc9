"""The steps of a draw, each in a transaction of its own, as the pages and the phones take them."""

from sqlmodel import col, select

from app.evaluation import cases, committee, conductor, draw_parties
from app.notify.listener import Heard
from expert_draw import stored_lines
from expert_draw.models import Draw, Invitation
from tests.support.world import OPERATOR, World, booking


def book(world: World, **changes: object) -> str:
    """The id of an evaluation that is booked."""
    with world.transaction() as session:
        return conductor.book(session, world.now(), world.house, OPERATOR, booking(world, **changes)).id


def act(world: World, evaluation_id: str, name: str) -> None:
    """What the operator presses: `commit`, `run` and the like."""
    with world.transaction() as session:
        conductor.perform(session, world.now(), world.house, OPERATOR, evaluation_id, name, lambda _key: None)


def say(world: World, evaluation_id: str, party: str, step: str, text: str) -> None:
    """A party says its part of the draw."""
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        draw_parties.say(session, world.now(), world.house, evaluation, party, step, text)


def lines(world: World) -> bytes:
    """The record of the only draw, as everybody may read it."""
    return _record(world, opened=False)


def whole(world: World) -> bytes:
    """The record of the only draw, with its lists."""
    return _record(world, opened=True)


def state(world: World) -> str:
    """Of the only draw."""
    with world.database.reading() as session:
        return session.exec(select(Draw)).one().state


def invited(world: World, *states: str) -> list[Invitation]:
    """Everybody whose invitation is in one of these states, else `queued`, in the order in which they were drawn."""
    with world.database.reading() as session:
        return list(
            session.exec(
                select(Invitation)
                .where(col(Invitation.state).in_(states or ("queued",)))
                .order_by(Invitation.id)
            ).all()
        )


def answer(world: World, invitation: Invitation, *, accept: bool) -> Heard:
    """The call arrives, and who was invited presses a key."""
    with world.transaction() as session:
        world.invitees.taken(session, world.now(), invitation.id)
        return world.invitees.answer(session, world.now(), invitation.id, accept, "voice")


def refill(world: World, evaluation_id: str) -> None:
    """The sweep looks whether a place is vacant."""
    with world.transaction() as session:
        committee.refill(session, world.now(), world.house, evaluation_id)


def _record(world: World, *, opened: bool) -> bytes:
    with world.database.reading() as session:
        return stored_lines.text(session, session.exec(select(Draw)).one(), opened=opened)
