"""An evaluation conducted step by step in a small world: booked, drawn, answered, convened, opened, and what people do."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select

from app.accounts import sessions
from app.accounts.access import Actor
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.trail import ACCOUNT
from app.audit import service as audit
from app.core.clock import BoundedTime
from app.evaluation import (
    cases,
    check_in,
    committee,
    conductor,
    confirming,
    convening,
    desk,
    draw_parties,
    leaving,
)
from app.evaluation.causes import Cause
from app.evaluation.models import CommitteeMember, Evaluation, ScoreSheet
from app.evaluation.schemas import SheetIn
from app.notify.listener import Heard
from app.notify.models import OutgoingMessage
from expert_draw import keeping, parties, stored_lines
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw, DrawSlot, Invitation
from expert_draw.statements import OwnShare, Statement
from tests.support.terminals import checked
from tests.support.world import OPERATOR, World, booking
from tests.verifier.second import second_opinions

SUPERVISOR = Actor(id="account:supervisor", role=Role.supervisor, name="监督")


def employ(world: World, *actors: Actor) -> None:
    """Makes sure that they have accounts: nobody confirms the word of somebody who is not there."""
    with world.transaction() as session:
        for actor in actors:
            id_ = actor.id.removeprefix(ACCOUNT)
            if session.get(Account, id_) is None:
                session.add(
                    Account(
                        id=id_,
                        login=actor.id,
                        name=actor.name,
                        role=actor.role,
                        center_id=actor.center_id,
                        password_hash="-",
                        created_at=world.now(),
                    )
                )


class Case:
    """One evaluation of a world, with everyone's hands."""

    def __init__(self, world: World, **changes: object) -> None:
        """Books it; changes: of the booking, see `tests.support.world.booking`."""
        self.world = world
        employ(world, OPERATOR, SUPERVISOR)
        with world.transaction() as session:
            booked = conductor.book(session, world.now(), world.house, OPERATOR, booking(world, **changes))
            self.id = booked.id

    @property
    def row(self) -> Evaluation:
        with self.world.database.reading() as session:
            return cases.load(session, self.id)

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def draw(self) -> Draw:
        """The draw that is now the evaluation's."""
        with self.world.database.reading() as session:
            return keeping.load(session, str(cases.load(session, self.id).draw_id))

    def record(self, *, opened: bool = True) -> bytes:
        with self.world.database.reading() as session:
            return stored_lines.text(session, self.draw, opened=opened)

    def drawn(self) -> "Case":
        """The draw is committed to, approved where it warns, and run."""
        world = self.world
        with world.transaction() as session:
            draw = committee.commit_draw(session, world.now(), world.house, OPERATOR, self.id)
            if draw.state == "approving":
                evaluation = cases.load(session, self.id)
                committee.approve_warnings(session, world.now(), world.house, SUPERVISOR.id, evaluation)
        with world.transaction() as session:
            committee.run_draw(session, world.now(), world.house, OPERATOR, self.id)
        return self

    def act(self, name: str) -> None:
        """One act of the host's staff by its name; nothing counts as recorded."""
        world = self.world
        with world.transaction() as session:
            conductor.perform(session, world.now(), world.house, OPERATOR, self.id, name, lambda _key: None)

    def say(self, step: str, said: Statement) -> None:
        """What the tenderee's representative, who keeps their own share, says in the draw."""
        world = self.world
        with world.transaction() as session:
            evaluation = cases.load(session, self.id)
            draw_parties.say(session, world.now(), world.house, evaluation, parties.TENDEREE, step, said.text)

    def called_with(self, own: OwnShare) -> "Case":
        """The draw runs up to the call; the tenderee keeps its own share and has not revealed it."""
        self.say("promise", own.promise())
        self.act("commit")
        self.say("agree", own.agree(self.record()))
        if self.draw.state == "approving":
            world = self.world
            with world.transaction() as session:
                evaluation = cases.load(session, self.id)
                committee.approve_warnings(session, world.now(), world.house, SUPERVISOR.id, evaluation)
        self.act("run")
        return self

    def ready(self) -> "Case":
        """Everybody who is asked accepts."""
        for one in self.drawn().asked():
            assert self.answer(one, accept=True) is Heard.accepted
        self.sweep()
        assert self.state == "ready"
        return self

    def convened(self) -> "Case":
        self.ready()
        with self.world.transaction() as session:
            convening.convene(session, self.world.now(), self.world.house, OPERATOR, self.id)
        return self

    def in_session(self) -> "Case":
        """Everybody is signed in, recorded, and scoring is open."""
        self.convened()
        for member in self.members():
            self.sign_in(member)
        self.open()
        return self

    def open(self) -> None:
        self.world.clock.advance(60)
        with self.world.transaction() as session:
            conductor.open_session(
                session, self.world.now(), self.world.house, OPERATOR, self.id, lambda _key: 10**12
            )

    def sweep(self) -> None:
        """As the service does it twice a second: whatever waits to be moved is moved; a second time nothing is left."""
        for _ in range(2):
            with self.world.database.reading() as session:
                waiting = committee.waiting_to_move(session, self.world.now())
            for evaluation_id in waiting:
                with self.world.transaction() as session:
                    committee.refill(session, self.world.now(), self.world.house, evaluation_id)

    def invitations(self, *states: str) -> list[Invitation]:
        """Those of the current draw by place, the last one of a place last; of these states, or all."""
        with self.world.database.reading() as session:
            rows = session.exec(
                select(Invitation)
                .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
                .where(Invitation.draw_id == self.draw.id)
                .order_by(col(DrawSlot.seat_no), col(Invitation.created_at), col(Invitation.id))
            ).all()
        return [row for row in rows if not states or row.state in states]

    def asked(self) -> list[Invitation]:
        return self.invitations("queued", "contacting")

    def holder(self, seat_no: int) -> Invitation:
        """Who has accepted this place."""
        with self.world.database.reading() as session:
            return session.exec(
                select(Invitation)
                .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
                .where(
                    Invitation.draw_id == self.draw.id,
                    Invitation.state == "accepted",
                    DrawSlot.seat_no == seat_no,
                )
            ).one()

    def invitation(self, invitation_id: str) -> Invitation:
        with self.world.database.reading() as session:
            return session.get_one(Invitation, invitation_id)

    def answer(self, invitation: Invitation, *, accept: bool) -> Heard:
        with self.world.transaction() as session:
            self.world.invitees.taken(session, self.world.now(), invitation.id)
            return self.world.invitees.answer(session, self.world.now(), invitation.id, accept, "voice")

    def left(self, seat_no: int, cause: Cause, reason: str) -> None:
        """The host says that the holder of this seat has left; the supervisor confirms it where that is needed."""
        world = self.world
        with world.transaction() as session:
            act = leaving.declare(
                session, world.now(), world.house, OPERATOR, self.id, seat_no, cause, reason
            )
        if act is not None:
            with world.transaction() as session:
                confirming.settle(
                    session, world.now(), world.house, SUPERVISOR, self.id, act.id, confirm=True
                )

    def ask_leave(self, invitation: Invitation) -> Heard:
        with self.world.transaction() as session:
            return self.world.invitees.ask_leave(session, self.world.now(), invitation.id, "sms")

    def members(self, *, all_: bool = False) -> Sequence[CommitteeMember]:
        with self.world.database.reading() as session:
            return (cases.everybody if all_ else cases.members)(session, self.id)

    def member(self, seat_no: int) -> CommitteeMember:
        return next(one for one in self.members() if one.seat_no == seat_no)

    def check_in(self, member: CommitteeMember) -> None:
        """The member's papers are found right at the desk of their center, on the day, unless they were before."""
        with self.world.database.reading() as session:
            passed = check_in.passed(session, member.id)
        if not passed:
            start = self.row.starts_at
            checked(self.world, member, BoundedTime(self.world.now(), start, start))

    def sign_in(self, member: CommitteeMember) -> str:
        """The member comes in; their session's token."""
        world = self.world
        self.check_in(member)
        with world.transaction() as session:
            assert desk.enter(session, world.now(), member.id) is not None
            return sessions.open_for_member(
                session,
                world.sealer,
                world.now(),
                member_id=member.id,
                evaluation_id=self.id,
                lifetime=timedelta(hours=8),
            )

    def score(self, member: CommitteeMember, *, submit: bool = True) -> None:
        """The member scores every bidder in full."""
        world = self.world
        with world.transaction() as session:
            shown = desk.desk(session, member.id)
            scores = {
                bidder.id: {one.id: 100 * bidder_no for one in shown.criteria}
                for bidder_no, bidder in enumerate(shown.bidders, 1)
            }
            desk.save(
                session,
                world.now(),
                member.id,
                SheetIn(revision=shown.sheet.revision, scores=scores, note=""),
            )
            if submit:
                desk.submit(session, world.now(), member.id)

    def sheet(self, member: CommitteeMember) -> ScoreSheet | None:
        with self.world.database.reading() as session:
            return session.get(ScoreSheet, member.id)

    def texts(self, subject: str) -> list[OutgoingMessage]:
        """Every message of one invitation or member, as it was queued."""
        with self.world.database.reading() as session:
            return list(
                session.exec(
                    select(OutgoingMessage)
                    .where(OutgoingMessage.subject == subject)
                    .order_by(col(OutgoingMessage.created_at), col(OutgoingMessage.id))
                ).all()
            )

    def verified(self, *, number: str | None = None) -> str:
        """How the record of the current draw, or of another one, ends; both verifiers find it right, opened and not."""
        with self.world.database.reading() as session:
            draw = keeping.by_number(session, number) if number else self.draw
            views = [stored_lines.text(session, draw, opened=opened) for opened in (True, False)]
        paths = [self.world.settings.data_dir / f"{name}.jsonl" for name in ("opened", "public")]
        for path, view in zip(paths, views, strict=True):
            path.write_bytes(view)
        first = [verify_record(view) for view in views]
        second = second_opinions(paths)
        assert all(one.ok for one in first)
        assert all(one.ok for one in second), [one.codes for one in second]
        assert first[0].full
        assert second[0].full
        return first[0].summary.state

    def trail(self, tag: str) -> list[str]:
        """What the trail says of every act of this kind."""
        with self.world.database.reading() as session:
            assert audit.check_case(session, self.id) is None
            return [act.data for act in audit.trail(session, self.id) if act.tag == tag]
