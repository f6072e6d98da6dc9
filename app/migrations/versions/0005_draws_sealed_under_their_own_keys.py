"""Whom codes and invitations stand for is sealed under a key of each draw; names are shown through releases."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.database import UtcDateTime
from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.sealing import Place, Sealer

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 5000
_OVER = ("closed", "sealed", "given_up")
_SINGLE = "once_in_a_round"


def upgrade() -> None:
    op.create_table(
        "candidate_batch",
        sa.Column("draw_id", sa.String(36), nullable=False),
        sa.Column("first", sa.String(64), nullable=False),
        sa.Column("people_sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"]),
        sa.PrimaryKeyConstraint("draw_id", "first"),
    )
    op.create_table(
        "name_release",
        sa.Column("invitation_id", sa.String(36), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("released_by", sa.String(80), nullable=False),
        sa.Column("expert_id", sa.String(36), nullable=True),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitation.id"]),
        sa.PrimaryKeyConstraint("invitation_id", "cause"),
    )
    op.create_index(op.f("ix_name_release_expert_id"), "name_release", ["expert_id"], unique=False)
    with op.batch_alter_table("draw") as batch_op:
        batch_op.add_column(sa.Column("key_sealed", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.add_column(sa.Column("expert_sealed", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("mark", sa.String(64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("caller_mark", sa.String(64), nullable=False, server_default=""))

    connection = op.get_bind()
    keys = {draw_id: _key(connection, draw_id) for draw_id in _ids(connection, "draw")}
    for draw_id, key in keys.items():
        _seal_candidates(connection, draw_id, key)
        _seal_proposals(connection, draw_id, key)
    _release_what_is_known(connection)
    _seal_invitations(connection, keys)

    op.drop_table("draw_candidate")
    with op.batch_alter_table("draw") as batch_op:
        batch_op.alter_column(
            "key_sealed", existing_type=sa.String(), existing_nullable=False, server_default=None
        )
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.drop_index(op.f("ix_invitation_phone_fingerprint"))
        batch_op.drop_constraint(_SINGLE, type_="unique")
        for name, kind in (
            ("expert_sealed", sa.String()),
            ("mark", sa.String(64)),
            ("caller_mark", sa.String(64)),
        ):
            batch_op.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
        batch_op.create_unique_constraint(_SINGLE, ["draw_id", "mark", "round"])
        batch_op.create_index(op.f("ix_invitation_caller_mark"), ["caller_mark"], unique=False)
        batch_op.drop_column("phone_fingerprint")
        batch_op.drop_column("expert_id")
    with op.batch_alter_table("committee_member") as batch_op:
        batch_op.drop_column("expert_id")
    with op.batch_alter_table("performance_fact") as batch_op:
        batch_op.drop_index(op.f("ix_performance_fact_expert_id"))
        batch_op.drop_column("expert_id")


def _sealer() -> Sealer:
    """The house's. Rows that say who was drawn cannot be sealed without it."""
    config = op.get_context().config
    sealer = config.attributes.get("sealer") if config is not None else None
    if not isinstance(sealer, Sealer):
        raise Unavailable(
            "schema-key",
            N_("升级这个数据库需要它的主密钥：抽取结果要用密钥封存"),
            N_("用 yuanping migrate 升级，并确认数据目录中有 secret.key"),
        )
    return sealer


def _key(connection: sa.Connection, draw_id: str) -> Sealer:
    """A key for this draw, kept in its row."""
    house, raw = _sealer(), secrets.token_bytes(32)
    kept = house.seal(raw.hex(), Place("draw", "key_sealed", draw_id))
    _run(connection, "UPDATE draw SET key_sealed = :kept WHERE id = :id", kept=kept, id=draw_id)
    return Sealer(raw, suite=house.suite, index=house.index)


def _seal_candidates(connection: sa.Connection, draw_id: str, key: Sealer) -> None:
    rows = _run(
        connection, "SELECT code, expert_id FROM draw_candidate WHERE draw_id = :id ORDER BY code", id=draw_id
    ).all()
    for start in range(0, len(rows), _BATCH):
        people = {row.code: row.expert_id for row in rows[start : start + _BATCH]}
        first = next(iter(people))
        text = json.dumps(people, separators=(",", ":"))
        _run(
            connection,
            "INSERT INTO candidate_batch (draw_id, first, people_sealed) VALUES (:draw, :first, :people)",
            draw=draw_id,
            first=first,
            people=key.seal(text, Place("candidate_batch", "people_sealed", f"{draw_id}:{first}")),
        )


def _seal_proposals(connection: sa.Connection, draw_id: str, key: Sealer) -> None:
    """People who are or were proposed for places, by name of their row."""
    rows = _run(
        connection,
        "SELECT joint_act.id, detail FROM joint_act JOIN draw ON draw.evaluation_id = joint_act.evaluation_id"
        " WHERE draw.id = :id AND kind = 'designation'",
        id=draw_id,
    ).all()
    for row in rows:
        detail = json.loads(row.detail)
        detail["places"] = [
            [seat_no, key.seal(str(expert_id), Place("joint_act", "detail", f"{draw_id}:{seat_no}"))]
            for seat_no, expert_id in detail["places"]
        ]
        text = json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        _run(connection, "UPDATE joint_act SET detail = :detail WHERE id = :id", detail=text, id=row.id)


def _release_what_is_known(connection: sa.Connection) -> None:
    """Evaluations that are over may be counted; whoever has come was let in."""
    over = ", ".join(f"'{state}'" for state in _OVER)
    for statement in (
        # ruff: noqa: S608 -- put together from the words above
        f"""INSERT INTO name_release (invitation_id, cause, at, released_by, expert_id)
        SELECT invitation.id, 'over', COALESCE(evaluation.closed_at, invitation.created_at), 'house', invitation.expert_id
        FROM invitation JOIN draw ON draw.id = invitation.draw_id JOIN evaluation ON evaluation.id = draw.evaluation_id
        WHERE evaluation.state IN ({over})""",
        """INSERT INTO name_release (invitation_id, cause, at, released_by, expert_id)
        SELECT invitation_id, 'admitted', signed_in_at, 'house', NULL FROM committee_member WHERE signed_in_at IS NOT NULL""",
    ):
        _run(connection, statement)


def _seal_invitations(connection: sa.Connection, keys: dict[str, Sealer]) -> None:
    rows = _run(connection, "SELECT id, draw_id, expert_id, phone_fingerprint FROM invitation").all()
    for row in rows:
        key = keys[row.draw_id]
        _run(
            connection,
            "UPDATE invitation SET expert_sealed = :sealed, mark = :mark, caller_mark = :caller WHERE id = :id",
            sealed=key.seal(row.expert_id, Place("invitation", "expert_sealed", row.id)),
            mark=key.fingerprint(f"expert:{row.expert_id}"),
            caller=key.fingerprint(f"caller:{row.phone_fingerprint}"),
            id=row.id,
        )


def _ids(connection: sa.Connection, table: str) -> Iterator[str]:
    return iter(connection.execute(sa.text(f"SELECT id FROM {table}")).scalars().all())


def _run(connection: sa.Connection, statement: str, **values: Any) -> sa.CursorResult[Any]:
    return connection.execute(sa.text(statement), values)
