"""Invitations: what was sent, how fast, standbys and designations, links, performance facts; and work to be done later."""

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

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
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "unique_key"),
    )
    op.create_index("job_due", "job", ["state", "due_at"], unique=False)
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
    )
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.create_unique_constraint("uq_invitation_answer_hash", ["answer_hash"])
    op.drop_index("one_active_invitation_per_slot", "invitation")
    op.create_index(
        "one_active_invitation_per_slot",
        "invitation",
        ["slot_id"],
        unique=True,
        sqlite_where=sa.text(_ACTIVE),
        postgresql_where=sa.text(_ACTIVE),
    )
    op.drop_index(op.f("ix_outgoing_message_to_fingerprint"), "outgoing_message")
    _add("outgoing_message", sa.Column("quiet", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("outgoing_message_due", "outgoing_message")
    op.create_index("outgoing_message_due", "outgoing_message", ["state", "channel", "due_at"], unique=False)
    op.create_index(
        "outgoing_message_callee", "outgoing_message", ["to_fingerprint", "sending_at"], unique=False
    )


def _add(table: str, *columns: sa.Column[object]) -> None:
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
