"""Accounts with two factors, sessions, seat terminals and papers, custody of recordings, keys of fields, the log of all acts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OF_SESSIONS: tuple[tuple[str, Any, bool], ...] = (
    ("id", sa.String(36), False),
    ("kind", sa.String(16), False),
    ("idle_s", sa.Integer(), True),
    ("last_seen_at", UtcDateTime(), False),
    ("proved_at", UtcDateTime(), True),
    ("how", sa.String(32), False),
    ("address", sa.String(64), False),
    ("agent", sa.String(64), False),
    ("terminal_id", sa.String(36), True),
)


def upgrade() -> None:
    op.create_table(
        "audit_alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("frontier", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("milestone", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_index(op.f("ix_audit_checkpoint_at"), "audit_checkpoint", ["at"], unique=False)

    op.create_table(
        "audit_cosignature",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("witness", sa.String(200), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("size", "key_id"),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index(op.f("ix_audit_leaf_hash"), "audit_leaf", ["hash"], unique=False)

    op.create_table(
        "audit_stamp",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("stamped_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "field_key",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_value", sa.String(64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "rate_window",
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "began_at"),
    )
    op.create_index(op.f("ix_rate_window_began_at"), "rate_window", ["began_at"], unique=False)

    op.create_table(
        "erasure",
        sa.Column("expert_id", sa.String(36), nullable=False),
        sa.Column("asked_by", sa.String(80), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_reason", sa.String(400), nullable=False),
        sa.Column("done_by", sa.String(80), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_reason", sa.String(400), nullable=False),
        sa.ForeignKeyConstraint(
            ["expert_id"],
            ["expert.id"],
        ),
        sa.PrimaryKeyConstraint("expert_id"),
    )
    op.create_table(
        "external_identity",
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.Column("linked_by", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index(
        op.f("ix_external_identity_account_id"), "external_identity", ["account_id"], unique=False
    )

    op.create_table(
        "half_sign_in",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("how", sa.String(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(op.f("ix_half_sign_in_account_id"), "half_sign_in", ["account_id"], unique=False)

    op.create_table(
        "known_device",
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "token_hash"),
    )
    op.create_index(op.f("ix_known_device_token_hash"), "known_device", ["token_hash"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index(op.f("ix_recovery_code_account_id"), "recovery_code", ["account_id"], unique=False)

    op.create_table(
        "role_change",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("before", sa.String(32), nullable=False),
        sa.Column("after", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("changed_by", sa.String(80), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_role_change_account_id"), "role_change", ["account_id"], unique=False)

    op.create_table(
        "second_factor",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("secret_sealed", sa.String(300), nullable=False),
        sa.Column("offered_to", sa.String(36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("recovered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_second_factor_account_id"), "second_factor", ["account_id"], unique=False)

    op.create_table(
        "wrong_tries",
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "source"),
    )
    op.create_index(op.f("ix_wrong_tries_last_at"), "wrong_tries", ["last_at"], unique=False)

    op.create_table(
        "seat_terminal",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("seat_id", sa.String(36), nullable=False),
        sa.Column("public_key", sa.String(130), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("enrolled_at", UtcDateTime(), nullable=False),
        sa.Column("enrolled_by", sa.String(80), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seat_id"],
            ["seat.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_key"),
    )
    op.create_index(op.f("ix_seat_terminal_seat_id"), "seat_terminal", ["seat_id"], unique=False)
    op.create_index(
        "one_terminal_per_seat",
        "seat_terminal",
        ["seat_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'replaced'"),
        postgresql_where=sa.text("state <> 'replaced'"),
    )

    op.create_table(
        "terminal_enrolment",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("seat_id", sa.String(36), nullable=False),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["seat_id"],
            ["seat.id"],
        ),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index(op.f("ix_terminal_enrolment_seat_id"), "terminal_enrolment", ["seat_id"], unique=False)

    op.create_table(
        "identity_check",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("member_id", sa.String(36), nullable=False),
        sa.Column("center_id", sa.String(36), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("phone_deposited", sa.Boolean(), nullable=False),
        sa.Column("badge", sa.Boolean(), nullable=False),
        sa.Column("photo_sha256", sa.String(64), nullable=True),
        sa.Column("checked_by", sa.String(80), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["center_id"],
            ["center.id"],
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["committee_member.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_identity_check_evaluation_id"), "identity_check", ["evaluation_id"], unique=False
    )
    op.create_index(op.f("ix_identity_check_member_id"), "identity_check", ["member_id"], unique=False)

    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("set_by", sa.String(80), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("released_act", sa.String(36), nullable=True),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["released_act"],
            ["joint_act.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_legal_hold_evaluation_id"), "legal_hold", ["evaluation_id"], unique=False)
    op.create_index(
        "one_legal_hold",
        "legal_hold",
        ["evaluation_id"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )

    op.create_table(
        "seat_alarm",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("member_id", sa.String(36), nullable=False),
        sa.Column("seat_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledged_by", sa.String(80), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(400), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["committee_member.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_seat_alarm_evaluation_id"), "seat_alarm", ["evaluation_id"], unique=False)
    op.create_index(
        "one_open_seat_alarm",
        "seat_alarm",
        ["member_id", "kind"],
        unique=True,
        sqlite_where=sa.text("acknowledged_at IS NULL"),
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )

    op.create_table(
        "staff_act",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("settled_by", sa.String(36), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("settled_reason", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_staff_act_state"), "staff_act", ["state"], unique=False)

    _add("joint_act", sa.Column("settled_reason", sa.String(400), nullable=False, server_default=""))
    _add("room_recording", sa.Column("disposed_at", UtcDateTime(), nullable=True))
    _add("ticket", sa.Column("session_id", sa.String(36), nullable=False, server_default=""))
    op.create_index(op.f("ix_ticket_expires_at"), "ticket", ["expires_at"], unique=False)
    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_column("paused_until")
        batch_op.drop_column("failures")
    op.execute("DELETE FROM sign_in")  # whoever is signed in shows both factors once more
    with op.batch_alter_table("sign_in") as batch_op:
        for name, kind, nullable in _OF_SESSIONS:
            batch_op.add_column(sa.Column(name, kind, nullable=nullable))
        for name in ("account_id", "evaluation_id", "expires_at", "member_id", "revoked_at"):
            batch_op.create_index(op.f(f"ix_sign_in_{name}"), [name], unique=False)
        batch_op.create_unique_constraint("uq_sign_in_id", ["id"])


def _add(table: str, column: sa.Column[Any]) -> None:
    """Adds a column; what earlier rows are is said once and does not stay as a default."""
    with op.batch_alter_table(table) as batch_op:
        batch_op.add_column(column)
    if column.server_default is not None:
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(
                column.name, existing_type=column.type, existing_nullable=False, server_default=None
            )
