"""Invitations: what was sent, how fast, standbys and designations, links, performance facts; and work to be done later."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAMED = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
_PROMISES_IN_USE = """
UPDATE draw_party SET committed = true
  WHERE EXISTS (SELECT 1 FROM draw WHERE draw.evaluation_id = draw_party.evaluation_id)
"""
_OF_CALLS: tuple[tuple[str, Any], ...] = (
    ("silence_url", sa.String()),
    ("parent_sid", sa.String(34)),
    ("dial_url", sa.String()),
    ("dial_status", sa.String(16)),
)
_ACTIVE = "state IN ('queued', 'contacting', 'accepted') AND NOT standby"


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("unique_key", sa.String(120), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "unique_key"),
    )
    op.create_index("job_due", "job", ["state", "due_at"], unique=False)
    op.create_table(
        "hotline_call",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("subject", sa.String(36), nullable=False),
        sa.Column("reference", sa.String(4), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("taken_by", sa.String(64), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("hotline_call_line", "hotline_call", ["state", "until"], unique=False)
    op.create_index(op.f("ix_hotline_call_message_id"), "hotline_call", ["message_id"], unique=False)
    op.create_table(
        "simulated_opt_out",
        sa.Column("phone_fingerprint", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("phone_fingerprint"),
    )
    op.create_table(
        "used_promise",
        sa.Column("anchor", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("anchor"),
    )
    op.create_index(op.f("ix_used_promise_key"), "used_promise", ["key"], unique=False)
    op.create_table(
        "bidder_list",
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("list_sealed", sa.String(), nullable=False),
        sa.Column("delivered_by", sa.String(80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("struck", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"]),
        sa.PrimaryKeyConstraint("evaluation_id", "n"),
    )
    op.create_table(
        "joint_act",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.String(80), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("settled_by", sa.String(80), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_joint_act_evaluation_id"), "joint_act", ["evaluation_id"], unique=False)
    _partial("one_open_joint_act", "joint_act", ["evaluation_id", "kind", "subject"], "state = 'asked'")
    op.create_table(
        "provider_budget",
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("spent_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "sent_document",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body_sealed", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sent_document_message_id"), "sent_document", ["message_id"], unique=False)
    op.create_table(
        "performance_fact",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("expert_id", sa.String(36), nullable=False),
        sa.Column("invitation_id", sa.String(36), nullable=False),
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["expert_id"], ["expert.id"]),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitation.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("invitation_id", "kind"),
    )
    op.create_index(op.f("ix_performance_fact_expert_id"), "performance_fact", ["expert_id"], unique=False)

    _add(
        "invitation",
        sa.Column("language", sa.String(8), nullable=False, server_default="zh"),
        sa.Column("standby", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("rank", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("designated", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("answer_hash", sa.String(64), nullable=True),
        sa.Column("leave_until", UtcDateTime(), nullable=True),
        sa.Column("answer_by", UtcDateTime(), nullable=True),
        sa.Column("quiet_before", UtcDateTime(), nullable=True),
    )
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.create_unique_constraint("uq_invitation_answer_hash", ["answer_hash"])
    op.drop_index("one_active_invitation_per_slot", "invitation")
    _partial("one_active_invitation_per_slot", "invitation", ["slot_id"], _ACTIVE)
    op.drop_index(op.f("ix_outgoing_message_to_fingerprint"), "outgoing_message")
    _add("outgoing_message", sa.Column("quiet_until", UtcDateTime(), nullable=True))
    op.drop_index("outgoing_message_due", "outgoing_message")
    op.create_index("outgoing_message_due", "outgoing_message", ["state", "channel", "due_at"], unique=False)
    op.create_index(
        "outgoing_message_callee", "outgoing_message", ["to_fingerprint", "sending_at"], unique=False
    )

    _add("evaluation", sa.Column("widened", sa.String(), nullable=False, server_default="[]"))
    _add("draw_party", sa.Column("committed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(_PROMISES_IN_USE)
    _add("simulated_call", *(sa.Column(name, kind, nullable=True) for name, kind in _OF_CALLS))
    op.create_index(op.f("ix_simulated_call_parent_sid"), "simulated_call", ["parent_sid"], unique=False)
    _add(
        "simulated_text",
        sa.Column("valid_until", UtcDateTime(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("committee_member", naming_convention=_NAMED) as batch_op:
        batch_op.drop_constraint(
            "uq_committee_member_evaluation_id" if sqlite else "committee_member_evaluation_id_seat_no_key",
            type_="unique",
        )
        batch_op.add_column(sa.Column("left_at", UtcDateTime(), nullable=True))
        batch_op.create_unique_constraint("uq_committee_member_invitation_id", ["invitation_id"])
    _partial("one_member_per_seat", "committee_member", ["evaluation_id", "seat_no"], "left_at IS NULL")
    with op.batch_alter_table("draw", naming_convention=_NAMED) as batch_op:
        batch_op.drop_constraint(
            "uq_draw_evaluation_id" if sqlite else "draw_evaluation_id_key", type_="unique"
        )
    op.create_index(op.f("ix_draw_evaluation_id"), "draw", ["evaluation_id"], unique=False)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    """A unique index over some of the rows."""
    text = sa.text(where)
    op.create_index(name, table, columns, unique=True, sqlite_where=text, postgresql_where=text)


def _add(table: str, *columns: sa.Column[Any]) -> None:
    """Adds columns; what earlier rows are is said once and does not stay as a default."""
    with op.batch_alter_table(table) as batch_op:
        for column in columns:
            batch_op.add_column(column)
    with op.batch_alter_table(table) as batch_op:
        for column in columns:
            if column.server_default is not None:
                batch_op.alter_column(
                    column.name, existing_type=column.type, existing_nullable=False, server_default=None
                )
