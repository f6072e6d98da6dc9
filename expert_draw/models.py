"""The expert roster, the draws made from it and the invitations that follow."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class Expert(SQLModel, table=True):
    """An evaluation expert (评标专家). Name, phone and identity number are sealed."""

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=17)
    name_sealed: str
    gender: str = Field(max_length=1)
    identity_sealed: str
    identity_fingerprint: str = Field(unique=True, max_length=64)
    birth_year: int
    region_code: str = Field(max_length=6, index=True)
    phone_sealed: str
    phone_fingerprint: str = Field(index=True, max_length=64)
    employer: str = Field(max_length=120)
    employer_code: str = Field(max_length=18, index=True)
    title: str = Field(max_length=32)
    years_in_field: int = 0
    former_employers: str = "[]"
    declared_avoidance: str = "[]"
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    state: str = Field(default="active", max_length=16, index=True)
    entered_at: datetime = Field(sa_type=UtcDateTime)
    imported_at: datetime = Field(sa_type=UtcDateTime)
    revision: int = Field(default=0, index=True)
    """Number of the change of the roster that last touched this expert."""


class ExpertSpecialty(SQLModel, table=True):
    """A specialty an expert is qualified in (专业), by its code of the national classification of 2018."""

    __tablename__ = "expert_specialty"

    expert_id: str = Field(primary_key=True, foreign_key="expert.id", max_length=36)
    code: str = Field(primary_key=True, max_length=8, index=True)


class ExpertLeave(SQLModel, table=True):
    """A time in which an expert is away (请假)."""

    __tablename__ = "expert_leave"

    id: str = Field(primary_key=True, max_length=36)
    expert_id: str = Field(foreign_key="expert.id", index=True, max_length=36)
    from_at: datetime = Field(sa_type=UtcDateTime)
    to_at: datetime = Field(sa_type=UtcDateTime)


class ExpertRelation(SQLModel, table=True):
    """Whom an expert is related to (亲属等关系); `person` is the fingerprint of that person's identity number."""

    __tablename__ = "expert_relation"

    expert_id: str = Field(primary_key=True, foreign_key="expert.id", max_length=36)
    person: str = Field(primary_key=True, index=True, max_length=64)
    kind: str = Field(max_length=16)


class CreditEntry(SQLModel, table=True):
    """An expert on a credit list or under a penalty (失信、处罚名单) from one moment to another, or without end."""

    __tablename__ = "credit_entry"

    id: str = Field(primary_key=True, max_length=36)
    expert_id: str = Field(foreign_key="expert.id", index=True, max_length=36)
    reason: str = Field(max_length=64)
    from_at: datetime = Field(sa_type=UtcDateTime)
    to_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UnitControl(SQLModel, table=True):
    """Who holds a unit (控股关系): `holder` is another unit's code, or the fingerprint of a person's identity number."""

    __tablename__ = "unit_control"

    unit_code: str = Field(primary_key=True, max_length=18)
    holder: str = Field(primary_key=True, index=True, max_length=64)


class RosterChange(SQLModel, table=True):
    """One change of the roster (专家库变更) with the root of its tree afterwards; never altered."""

    __tablename__ = "roster_change"

    n: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    mark: str = Field(unique=True, max_length=36)
    root: str = Field(max_length=64)
    size: int
    at: datetime = Field(sa_type=UtcDateTime)


class RosterLeaf(SQLModel, table=True):
    """An expert's row in the tree of the roster from change `n` on, empty once they are gone: makes old slips possible."""

    __tablename__ = "roster_leaf"

    expert_id: str = Field(primary_key=True, max_length=36)
    n: int = Field(primary_key=True, foreign_key="roster_change.n")
    row: str


class Draw(SQLModel, table=True):
    """A random draw (抽取) for one evaluation: committed before it runs, every further round in the same record.

    An evaluation has another one only where the one before was ended, see `before`.
    """

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=32)
    evaluation_id: str = Field(index=True, max_length=36)
    center_id: str = Field(index=True, max_length=36)
    lot_id: str = Field(index=True, max_length=36)
    before: str | None = Field(default=None, max_length=32)
    """Number of the draw for the same lot that was given up before."""
    suite: str = Field(max_length=8)
    law: str = Field(max_length=20)
    order: str = Field(max_length=16)
    """`expert_first` or `venue_first`."""
    state: str = Field(max_length=16)
    """Where the record stands, see DrawRecord.phase."""
    salt_sealed: str
    key_sealed: str
    """The draw's own key, under which whoever its codes and invitations stand for is sealed."""
    rounds: int = 0
    reveal_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when parties that keep their own secret have to reveal; None while no round is open."""
    committed_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Since when anyone may have the record with its lists opened."""


class DrawParty(SQLModel, table=True):
    """A party of the draw for one evaluation (抽取一方): what it has promised, and where its share comes from.

    held: `own` (the party keeps its secret) or `kept` (the house does, sealed here). committed: it stands in line 1 of a
    draw. link_hash: keyed hash of the opaque link by which a party without an account comes in.
    """

    __tablename__ = "draw_party"

    evaluation_id: str = Field(primary_key=True, max_length=36)
    party: str = Field(primary_key=True, max_length=40)
    key: str = Field(max_length=64)
    anchor: str = Field(max_length=64)
    held: str = Field(max_length=8)
    committed: bool = False
    secret_sealed: str | None = None
    key_sealed: str | None = None
    link_hash: str | None = Field(default=None, unique=True, max_length=64)
    prepared_at: datetime = Field(sa_type=UtcDateTime)


class UsedPromise(SQLModel, table=True):
    """A party's promise for a draw that is over (用过的承诺): its shares may be known, so it serves no other draw."""

    __tablename__ = "used_promise"

    anchor: str = Field(primary_key=True, max_length=64)
    key: str = Field(index=True, max_length=64)


class DrawEvent(SQLModel, table=True):
    """One line of the draw record (抽取记录), exactly as it is published."""

    __tablename__ = "draw_event"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id", max_length=36)
    n: int = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=UtcDateTime)


class DrawOpening(SQLModel, table=True):
    """One opened list of the draw record (名单公开行), exactly as it is in the file, in the order of the file."""

    __tablename__ = "draw_opening"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id", max_length=36)
    n: int = Field(primary_key=True)
    text: str


class DrawDeferred(SQLModel, table=True):
    """An answer that came while the parties were revealing: it enters the record once the round is drawn."""

    __tablename__ = "draw_deferred"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id", max_length=36)
    n: int = Field(primary_key=True)
    slot_id: str = Field(foreign_key="draw_slot.id", max_length=36)
    code: str = Field(max_length=64)
    outcome: str = Field(max_length=16)
    evidence: str = Field(max_length=64)


class DrawListing(SQLModel, table=True):
    """One line of a center's list of draws (中心抽取台账), exactly as it is published."""

    __tablename__ = "draw_listing"

    center_id: str = Field(primary_key=True, max_length=36)
    n: int = Field(primary_key=True)
    line: str
    at: datetime = Field(sa_type=UtcDateTime)


class CandidateBatch(SQLModel, table=True):
    """Who stands behind some codes of the record (候选), from the code `first` on: sealed under the key of the draw."""

    __tablename__ = "candidate_batch"

    draw_id: str = Field(primary_key=True, foreign_key="draw.id", max_length=36)
    first: str = Field(primary_key=True, max_length=64)
    people_sealed: str


class DrawSlot(SQLModel, table=True):
    """One place on the committee (名额)."""

    __tablename__ = "draw_slot"
    __table_args__ = (UniqueConstraint("draw_id", "seat_no"),)

    id: str = Field(primary_key=True, max_length=36)
    draw_id: str = Field(foreign_key="draw.id", index=True, max_length=36)
    seat_no: int
    specialty: str = Field(max_length=8)
    state: str = Field(max_length=16)


_ACTIVE = "state IN ('queued', 'contacting', 'accepted') AND NOT standby"


class Invitation(SQLModel, table=True):
    """The request to one drawn expert to take one place (邀请).

    expert_sealed: whom it is for, under the key of the draw. mark, caller_mark: by what that person and their number are
    known again within the draw, and nowhere else.
    standby: asked at the same time as the place's holder (备选), in drawn order `rank`; holds no place until those before
    have left it. designated: not drawn, but named with the supervisor's approval, in round 0. answer_hash: keyed hash of
    the opaque link in its text. quiet_before: until then calls mind the quiet hours. starts_at: when they have to be there.
    leave_until: until when leave may be asked after accepting. answer_by: from when it would be too late to come. deadline:
    when the open answer window closes. late_at: when they first answered, or asked leave, too late.
    """

    __table_args__ = (
        UniqueConstraint("draw_id", "mark", "round", name="once_in_a_round"),
        Index(
            "one_active_invitation_per_slot",
            "slot_id",
            unique=True,
            sqlite_where=text(_ACTIVE),
            postgresql_where=text(_ACTIVE),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    draw_id: str = Field(foreign_key="draw.id", index=True, max_length=36)
    slot_id: str = Field(foreign_key="draw_slot.id", index=True, max_length=36)
    expert_sealed: str
    mark: str = Field(max_length=64)
    caller_mark: str = Field(index=True, max_length=64)
    code: str = Field(max_length=64)
    round: int
    state: str = Field(max_length=16, index=True)
    center_id: str = Field(max_length=36)
    seat_id: str = Field(max_length=36)
    report_place: str = Field(max_length=120)
    starts_at: datetime = Field(sa_type=UtcDateTime, index=True)
    minutes: int
    window_s: int
    ring_s: int
    sms_after_s: int
    second_call_after_s: int
    hotline: str = Field(max_length=24)
    language: str = Field(default="zh", max_length=8)
    standby: bool = False
    rank: int = 0
    designated: bool = False
    quiet_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer_hash: str | None = Field(default=None, unique=True, max_length=64)
    leave_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    steps_done: int = 0
    answer_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    deadline: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer_channel: str | None = Field(default=None, max_length=16)
    late_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class PerformanceFact(SQLModel, table=True):
    """One fact of an expert's performance card (履职记录): answered, declined, expired, late, absent and so on, once each.

    Whose card it is for, only the invitation knows, until that is released.
    """

    __tablename__ = "performance_fact"
    __table_args__ = (UniqueConstraint("invitation_id", "kind"),)

    id: str = Field(primary_key=True, max_length=36)
    invitation_id: str = Field(foreign_key="invitation.id", max_length=36)
    evaluation_id: str = Field(max_length=36)
    kind: str = Field(max_length=16)
    at: datetime = Field(sa_type=UtcDateTime)


class NameRelease(SQLModel, table=True):
    """That it may be shown, from then on, who an invitation was for (名单解密); never altered.

    cause: `admitted`, `over` or `unsealed`. released_by: the house, or who was the second of two persons. expert_id: only
    once everything is over, when performance cards may count it.
    """

    __tablename__ = "name_release"

    invitation_id: str = Field(primary_key=True, foreign_key="invitation.id", max_length=36)
    cause: str = Field(primary_key=True, max_length=16)
    at: datetime = Field(sa_type=UtcDateTime)
    released_by: str = Field(max_length=80)
    expert_id: str | None = Field(default=None, index=True, max_length=36)
