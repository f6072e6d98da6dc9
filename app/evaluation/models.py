"""One evaluation, its committee and their score sheets, acts that take two persons, and lists of bidders."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class Evaluation(SQLModel, table=True):
    """A remote evaluation (远程异地评标)."""

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=32)
    lot_id: str = Field(foreign_key="lot.id", index=True, max_length=36)
    host_center_id: str = Field(foreign_key="center.id", index=True, max_length=36)
    state: str = Field(max_length=16, index=True)
    starts_at: datetime = Field(sa_type=UtcDateTime, index=True)
    minutes: int
    rehearsal: bool = False
    rule_pack: str = Field(max_length=64)
    rule_pack_version: str = Field(max_length=16)
    rule_pack_hash: str = Field(max_length=64)
    slots: str
    conditions: str = "{}"
    """Canonical JSON of what else the draw has to heed: regions, and fingerprints of people to avoid."""
    appointed: int = 0
    """Members who are not drawn: the tenderee's representatives."""
    booked_by: str = Field(max_length=80)
    booked_at: datetime = Field(sa_type=UtcDateTime)
    draw_id: str | None = Field(default=None, max_length=36)
    room_id: str | None = Field(default=None, max_length=36)
    short_reason: str | None = None
    widened: str = "[]"
    """Canonical JSON of what was widened because the pool could not fill the places: rung of the ladder, before, after."""
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    manifest_sha256: str | None = Field(default=None, max_length=64)


_HERE = "left_at IS NULL"


class CommitteeMember(SQLModel, table=True):
    """One member of the committee (评标委员会成员), known to the others by a code name.

    left_at: since when they are off the committee; their successor at the same seat is another member.
    """

    __tablename__ = "committee_member"
    __table_args__ = (
        Index(
            "one_member_per_seat",
            "evaluation_id",
            "seat_no",
            unique=True,
            sqlite_where=text(_HERE),
            postgresql_where=text(_HERE),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    seat_no: int
    code_name: str = Field(max_length=8)
    invitation_id: str = Field(foreign_key="invitation.id", unique=True, max_length=36)
    center_id: str = Field(foreign_key="center.id", max_length=36)
    seat_id: str = Field(foreign_key="seat.id", max_length=36)
    state: str = Field(max_length=16)
    signed_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ScoreSheet(SQLModel, table=True):
    """What one member gives every bidder (评分表); `scores` is canonical JSON bidder → criterion → hundredths.

    state: `draft`, `submitted`, or `void` for that of a member who left: kept as it was, never counted.
    """

    __tablename__ = "score_sheet"

    member_id: str = Field(primary_key=True, foreign_key="committee_member.id", max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    revision: int = 0
    scores: str = "{}"
    note: str = ""
    state: str = Field(default="draft", max_length=16)
    saved_at: datetime = Field(sa_type=UtcDateTime)


_ASKED = "state = 'asked'"
_IN_FORCE = "released_at IS NULL"


class JointAct(SQLModel, table=True):
    """An act that takes two persons (双人事项): one side asks for it, somebody of the other side settles it.

    kind: a `JointKind`. subject: what it concerns, one open act for each: the id of an invitation, or `evaluation:` and its
    number. detail: canonical JSON of what is to be done. side: `host`, `supervisor` or another role, of who asked.
    state: `asked`, `done`, `refused`, or `lapsed` once the same is asked anew.
    """

    __tablename__ = "joint_act"
    __table_args__ = (
        Index(
            "one_open_joint_act",
            "evaluation_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text(_ASKED),
            postgresql_where=text(_ASKED),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    kind: str = Field(max_length=16)
    subject: str = Field(max_length=40)
    detail: str = "{}"
    reason: str = Field(max_length=400)
    side: str = Field(max_length=16)
    asked_by: str = Field(max_length=80)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(max_length=8)
    settled_by: str | None = Field(default=None, max_length=80)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_reason: str = Field(default="", max_length=400)


class Erasure(SQLModel, table=True):
    """That somebody's personal data was asked to be erased, and was (个人信息删除): two steps, each with a reason.

    It outlives the data, so that the same can be done again after a backup was restored.
    """

    expert_id: str = Field(primary_key=True, foreign_key="expert.id", max_length=36)
    asked_by: str = Field(max_length=80)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    asked_reason: str = Field(max_length=400)
    done_by: str | None = Field(default=None, max_length=80)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_reason: str = Field(default="", max_length=400)


class IdentityCheck(SQLModel, table=True):
    """That somebody's papers were compared with whom the house expects (身份核验); never altered.

    outcome: `matched` or `mismatched`. phone_deposited, badge: what staff ticked. photo_sha256: of a picture that the center
    keeps, if it took one.
    """

    __tablename__ = "identity_check"

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    member_id: str = Field(foreign_key="committee_member.id", index=True, max_length=36)
    center_id: str = Field(foreign_key="center.id", max_length=36)
    outcome: str = Field(max_length=16)
    phone_deposited: bool
    badge: bool
    photo_sha256: str | None = Field(default=None, max_length=64)
    checked_by: str = Field(max_length=80)
    checked_at: datetime = Field(sa_type=UtcDateTime)


_UNACKNOWLEDGED = "acknowledged_at IS NULL"


class SeatAlarm(SQLModel, table=True):
    """Something at a seat that a supervisor has to know of (席位告警): one open alarm of a kind for each member.

    kind: `identity_mismatch` or `second_join`. times: how often it happened until it was acknowledged.
    """

    __tablename__ = "seat_alarm"
    __table_args__ = (
        Index(
            "one_open_seat_alarm",
            "member_id",
            "kind",
            unique=True,
            sqlite_where=text(_UNACKNOWLEDGED),
            postgresql_where=text(_UNACKNOWLEDGED),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    member_id: str = Field(foreign_key="committee_member.id", max_length=36)
    seat_no: int
    kind: str = Field(max_length=24)
    times: int = 1
    raised_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    acknowledged_by: str | None = Field(default=None, max_length=80)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = Field(default="", max_length=400)


class LegalHold(SQLModel, table=True):
    """That a recording is kept however old it is (证据封存保全), set by one person and released by two.

    released_act: the joint act by which it ended.
    """

    __tablename__ = "legal_hold"
    __table_args__ = (
        Index(
            "one_legal_hold",
            "evaluation_id",
            unique=True,
            sqlite_where=text(_IN_FORCE),
            postgresql_where=text(_IN_FORCE),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    reason: str = Field(max_length=400)
    set_by: str = Field(max_length=80)
    set_at: datetime = Field(sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_act: str | None = Field(default=None, foreign_key="joint_act.id", max_length=36)


class BidderList(SQLModel, table=True):
    """A sealed list of bidders as it was delivered (投标人名单), and how many people were checked against it.

    fingerprint: keyed hash of the list, by which the same one is known again. checked: how many people were asked or had
    accepted then; struck: how many of them had to go.
    """

    __tablename__ = "bidder_list"

    evaluation_id: str = Field(primary_key=True, foreign_key="evaluation.id", max_length=36)
    n: int = Field(primary_key=True)
    fingerprint: str = Field(max_length=64)
    list_sealed: str
    delivered_by: str = Field(max_length=80)
    at: datetime = Field(sa_type=UtcDateTime)
    checked: int
    struck: int
