"""Asks the disclosure matrix for one reader and one evaluation, and fetches what it lets them see."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Role
from app.core.sealing import Sealer, mask_identity
from app.evaluation import cases, relations
from app.evaluation.disclosure import Field, Form, Moment, Viewer, form
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation
from expert_draw import release
from expert_draw.models import Draw, Invitation
from expert_draw.release import Cause
from venue.models import Center

_VIEWERS: Mapping[Role, Viewer] = MappingProxyType(
    {
        Role.agency: Viewer.agency,
        Role.archivist: Viewer.archivist,
        Role.auditor: Viewer.auditor,
        Role.draw_supervisor: Viewer.draw_supervisor,
        Role.expert: Viewer.expert,
        Role.guest_operator: Viewer.guest_operator,
        Role.host_operator: Viewer.host_operator,
        Role.inspector: Viewer.inspector,
        Role.supervisor: Viewer.supervisor,
        Role.witness: Viewer.witness,
    }
)
"""As whom the matrix knows a role; no other role sees anything of an evaluation that the matrix speaks of."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Who reads an answer, and what opens names for it. actor: None for anybody, without signing in."""

    actor: Actor | None
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader may see of one evaluation now. viewer: None for whoever the matrix does not know."""

    viewer: Viewer | None
    center_id: str | None
    member_id: str | None
    moments: frozenset[Moment]

    def form(self, field: Field, *more: Moment) -> Form:
        """In which form the field is shown; more: what holds of the one person or place it is about."""
        return form(field, self.viewer, self.moments | set(more))

    def shows(self, field: Field, *more: Moment) -> bool:
        """Whether it is shown whole."""
        return self.form(field, *more) is Form.full


_MEDIA: Mapping[Permission, Field] = MappingProxyType(
    {Permission.recording_replay: Field.recordings, Permission.recording_watch: Field.live_media}
)
"""What a permission to look shows, so that the matrix has its say, too."""
NOBODY = Sight(None, None, None, frozenset())
"""The sight of a reader who needs nothing that is disclosed step by step."""


def sight(session: Session, actor: Actor | None, evaluation: Evaluation) -> Sight:
    """What this reader may see of the evaluation; None: anybody, without signing in."""
    moments = set()
    if evaluation.opened_at is not None:
        moments.add(Moment.opened)
    if evaluation.state in relations.DISCLOSED:
        moments.add(Moment.closed)
    draw = session.get(Draw, evaluation.draw_id) if evaluation.draw_id else None
    if draw is not None and draw.closed_at is not None:
        moments.add(Moment.drawn)
    if draw is not None and draw.published_at is not None:
        moments.add(Moment.published)
    if actor is None:
        return Sight(Viewer.public, None, None, frozenset(moments))
    return Sight(_VIEWERS.get(actor.role), actor.center_id, actor.member_id, frozenset(moments))


def load_for(session: Session, actor: Actor, evaluation_id: str, permission: Permission) -> Evaluation:
    """As `cases.load_for`, and NotFound as well where the matrix does not show what the permission is about yet."""
    evaluation = cases.load_for(session, actor, evaluation_id, permission)
    field = _MEDIA.get(permission)
    if field is not None and not sight(session, actor, evaluation).shows(field):
        raise cases.unknown_evaluation()
    return evaluation


def of_member(evaluation: Evaluation) -> Sight:
    """What a member at their desk may see: until the session is opened nobody has signed the discipline for this one."""
    begun = {EvaluationState.in_session, EvaluationState.closed, EvaluationState.sealed}
    moments = {Moment.oneself} | ({Moment.pledged} if evaluation.state in begun else set())
    return Sight(Viewer.expert, None, None, frozenset(moments))


def of_party(session: Session, evaluation: Evaluation) -> Sight:
    """What the tenderee's representative may see, who comes by a link: as much as the agency that works for them."""
    return replace(sight(session, None, evaluation), viewer=Viewer.agency)


def name_of(
    session: Session, sealer: Sealer, seen: Sight, member: CommitteeMember, causes: frozenset[Cause]
) -> str | None:
    """The member's name where the matrix shows it and it has been released; None otherwise."""
    if not seen.shows(Field.drawn_names, *_about(seen, member, causes)):
        return None
    return release.name(session, sealer, session.get_one(Invitation, member.invitation_id))


def center_of(session: Session, seen: Sight, member: CommitteeMember, causes: frozenset[Cause]) -> str | None:
    """The name of the center where the member sits, where the matrix shows it."""
    if not seen.shows(Field.guest_venue, *_about(seen, member, causes)):
        return None
    return session.get_one(Center, member.center_id).name


def number_of(seen: Sight, member: CommitteeMember, causes: frozenset[Cause], number: str) -> str | None:
    """The member's identity number, masked, where the matrix shows it so; None otherwise. Nobody is shown it whole here."""
    shown = seen.form(Field.personal_numbers, *_about(seen, member, causes))
    return mask_identity(number) if shown is Form.masked else None


def _about(seen: Sight, member: CommitteeMember, causes: frozenset[Cause]) -> tuple[Moment, ...]:
    """What holds of this member for this reader. An early opening is not for pages that are read without a reason."""
    found = []
    if Cause.admitted in causes:
        found.append(Moment.admitted)
        if seen.center_id == member.center_id:
            found.append(Moment.own_venue)
    if seen.member_id == member.id:
        found.append(Moment.oneself)
    return tuple(found)
