"""Rooms held by media workers, seats as their holder wrote them, what is stored of recordings, and how full the disk is."""

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_EVENTS = ("lease", "seq", "kept_under")


def upgrade() -> None:
    op.create_table(
        "media_worker",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("url", sa.String(200), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("rooms", sa.Integer(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "room_lease",
        sa.Column("room_id", sa.String(36), nullable=False),
        sa.Column("worker_id", sa.String(36), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["online_room.id"]),
        sa.PrimaryKeyConstraint("room_id"),
    )
    op.create_index("ix_room_lease_worker_id", "room_lease", ["worker_id"], unique=False)
    op.create_table(
        "seat_presence",
        sa.Column("room_id", sa.String(36), nullable=False),
        sa.Column("seat_no", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("media", sa.String(24), nullable=True),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("camera_ms", sa.Integer(), nullable=True),
        sa.Column("microphone_ms", sa.Integer(), nullable=True),
        sa.Column("screen_ms", sa.Integer(), nullable=True),
        sa.Column("camera_at", UtcDateTime(), nullable=True),
        sa.Column("microphone_at", UtcDateTime(), nullable=True),
        sa.Column("screen_at", UtcDateTime(), nullable=True),
        sa.Column("stats", sa.String(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["online_room.id"]),
        sa.PrimaryKeyConstraint("room_id", "seat_no"),
    )
    op.create_table(
        "stored_object",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("room_id", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("ix_stored_object_room_id", "stored_object", ["room_id"], unique=False)
    op.create_table(
        "space_alarm",
        sa.Column("volume", sa.String(64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("volume", "level"),
    )
    for name in _OF_EVENTS:
        op.add_column("room_event", sa.Column(name, sa.Integer(), nullable=True))
    op.create_index("room_event_line", "room_event", ["room_id", "lease", "seq"], unique=True)


def downgrade() -> None:
    op.drop_index("room_event_line", table_name="room_event")
    for name in reversed(_OF_EVENTS):
        op.drop_column("room_event", name)
    for table in ("space_alarm", "stored_object", "seat_presence", "room_lease", "media_worker"):
        op.drop_table(table)
