"""The second format of draws: parties, openings, a center's list; the roster with the root of its tree."""

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_NAMED = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
# What earlier draws are, whose records nobody can read any more.
_OF_EARLIER_DRAWS = (
    ("center_id", 36, ""),
    ("lot_id", 36, ""),
    ("suite", 8, "sha256"),
    ("law", 20, "uniform-labelled"),
    ("order", 16, "expert_first"),
)
_WHERE_DRAWS_BELONG = """
UPDATE draw SET
  center_id = coalesce((SELECT host_center_id FROM evaluation WHERE evaluation.id = draw.evaluation_id), ''),
  lot_id = coalesce((SELECT lot_id FROM evaluation WHERE evaluation.id = draw.evaluation_id), '')
"""


def upgrade() -> None:
    op.create_table(
        "draw_listing",
        sa.Column("center_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("center_id", "n"),
    )
    op.create_table(
        "roster_change",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(36), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("mark"),
    )
    op.create_table(
        "unit_control",
        sa.Column("unit_code", sa.String(18), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("unit_code", "holder"),
    )
    with op.batch_alter_table("unit_control", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unit_control_holder"), ["holder"], unique=False)

    op.create_table(
        "credit_entry",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("expert_id", sa.String(36), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("to_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["expert_id"],
            ["expert.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("credit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_entry_expert_id"), ["expert_id"], unique=False)

    op.create_table(
        "draw_opening",
        sa.Column("draw_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draw_id"],
            ["draw.id"],
        ),
        sa.PrimaryKeyConstraint("draw_id", "n"),
    )
    op.create_table(
        "draw_deferred",
        sa.Column("draw_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("evidence", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["draw_id"],
            ["draw.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["draw_slot.id"],
        ),
        sa.PrimaryKeyConstraint("draw_id", "n"),
    )
    op.create_table(
        "draw_party",
        sa.Column("evaluation_id", sa.String(36), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("anchor", sa.String(64), nullable=False),
        sa.Column("held", sa.String(8), nullable=False),
        sa.Column("secret_sealed", sa.String(), nullable=True),
        sa.Column("key_sealed", sa.String(), nullable=True),
        sa.Column("link_hash", sa.String(64), nullable=True),
        sa.Column("prepared_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id", "party"),
        sa.UniqueConstraint("link_hash"),
    )
    op.create_table(
        "expert_relation",
        sa.Column("expert_id", sa.String(36), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(
            ["expert_id"],
            ["expert.id"],
        ),
        sa.PrimaryKeyConstraint("expert_id", "person"),
    )
    with op.batch_alter_table("expert_relation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_expert_relation_person"), ["person"], unique=False)

    op.create_table(
        "roster_leaf",
        sa.Column("expert_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("row", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["n"],
            ["roster_change.n"],
        ),
        sa.PrimaryKeyConstraint("expert_id", "n"),
    )
    with op.batch_alter_table("draw", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before", sa.String(32), nullable=True))
        batch_op.add_column(sa.Column("reveal_until", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("published_at", UtcDateTime(), nullable=True))
        for name, size, former in _OF_EARLIER_DRAWS:
            batch_op.add_column(sa.Column(name, sa.String(size), nullable=False, server_default=former))
        batch_op.drop_column("chain_sealed")
        batch_op.drop_column("anchor")
    op.execute(_WHERE_DRAWS_BELONG)
    with op.batch_alter_table("draw", schema=None) as batch_op:
        for name, size, _ in _OF_EARLIER_DRAWS:
            batch_op.alter_column(
                name, existing_type=sa.String(size), existing_nullable=False, server_default=None
            )
        batch_op.create_index(batch_op.f("ix_draw_center_id"), ["center_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_draw_lot_id"), ["lot_id"], unique=False)

    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("appointed", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("conditions", sa.String(), nullable=False, server_default="{}"))
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.alter_column("appointed", existing_type=sa.Integer(), server_default=None)
        batch_op.alter_column("conditions", existing_type=sa.String(), server_default=None)

    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("entered_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE expert SET entered_at = imported_at")
    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.alter_column("entered_at", existing_type=UtcDateTime(), nullable=False)
        batch_op.alter_column(
            "revision", existing_type=sa.Integer(), existing_nullable=False, server_default=None
        )
        batch_op.create_index(batch_op.f("ix_expert_revision"), ["revision"], unique=False)

    sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("invitation", schema=None, naming_convention=_NAMED) as batch_op:
        batch_op.drop_constraint(
            "uq_invitation_draw_id" if sqlite else "invitation_draw_id_expert_id_key", type_="unique"
        )
        batch_op.create_index(batch_op.f("ix_invitation_starts_at"), ["starts_at"], unique=False)
        batch_op.create_unique_constraint("once_in_a_round", ["draw_id", "expert_id", "round"])
