"""What somebody with every right over the database may do to the trail, guards switched off; and then with the house's own key."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlmodel import SQLModel, col

from app.audit import bundle, service
from app.audit.browsing import Chosen
from app.audit.chain import GENESIS, Link
from app.audit.log_proofs import Proofs
from app.audit.models import AuditAlarm, AuditCheckpoint, AuditEvent, AuditLeaf
from app.audit.sequencer import Log, Sequencer
from app.audit.signed_note import Signer, Verifier
from app.audit.tags import Tag
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.guards import install_guards

KEY = Signer.of_seed("test.example/audit", bytes(range(32)))
CASES = ("case-a", "case-b", "case-c")


@dataclass(slots=True)
class Trail:
    """A trail of acts in a database, with who signs for it."""

    database: Database
    clock: ManualClock
    signer: Signer = KEY
    sequencer: Sequencer = field(init=False)

    def __post_init__(self) -> None:
        self.sequencer = self.fresh_sequencer()

    @property
    def key(self) -> Verifier:
        return self.signer.verifier

    def fresh_sequencer(self) -> Sequencer:
        """As after a start: it remembers nothing."""
        return Sequencer(self.database, self.clock, Log(self.signer, 10))

    def record(self, *acts: tuple[str, str], tag: Tag = Tag.sheet_saved) -> None:
        """acts: case and what is said in it."""
        with self.database.transaction() as session:
            for case, said in acts:
                service.record(
                    session,
                    self.clock.now(),
                    case=case,
                    tag=tag,
                    actor="li",
                    subject="sheet",
                    data={"said": said},
                )

    def fill(self, count: int) -> None:
        """So many acts, of all cases in turn, one second after the other in all."""
        self.record(*((CASES[number % len(CASES)], f"act {number}") for number in range(count)))

    def note(self) -> bytes:
        """The newest checkpoint, as somebody else may have fetched it."""
        with self.database.reading() as session:
            return str(session.connection().execute(_NEWEST).scalar_one()).encode()

    def export(self, target: Path, chosen: Chosen | None = None, since: int | None = None) -> Path:
        with self.database.reading() as session:
            bundle.write(session, target, self.key, Proofs(), chosen or Chosen(), since)
        return target


_NEWEST = select(col(AuditCheckpoint.note)).order_by(col(AuditCheckpoint.size).desc()).limit(1)


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """A connection of the owner on which no guard works; they stand again afterwards, as if nothing had been."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for (name,) in connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"
            ).all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        if connection.dialect.name == "sqlite":
            install_guards(connection)


def _events(connection: Connection) -> list[AuditEvent]:
    rows = connection.execute(select(AuditEvent.__table__).order_by(col(AuditEvent.id))).mappings()  # type: ignore[attr-defined]
    return [AuditEvent(**row) for row in rows]


def _id(connection: Connection, case: str, n: int) -> int:
    asked = select(col(AuditEvent.id)).where(col(AuditEvent.case) == case, col(AuditEvent.n) == n)
    return int(connection.execute(asked).scalar_one() or 0)


def edit_body(connection: Connection) -> None:
    """One act says something else."""
    connection.execute(
        update(AuditEvent)
        .where(col(AuditEvent.id) == _id(connection, "case-b", 3))
        .values(data='{"said":"nothing"}')
    )


def backdate(connection: Connection) -> None:
    """One act happened an hour earlier."""
    chosen = col(AuditEvent.id) == _id(connection, "case-a", 2)
    at: datetime = connection.execute(select(col(AuditEvent.at)).where(chosen)).scalar_one()
    connection.execute(update(AuditEvent).where(chosen).values(at=at - timedelta(hours=1)))


def blame_another(connection: Connection) -> None:
    """One act was somebody else's, and the hash stored beside it fits again."""
    row = next(row for row in _events(connection) if (row.case, row.n) == ("case-c", 2))
    row.actor = "wang"
    connection.execute(
        update(AuditEvent)
        .where(col(AuditEvent.id) == row.id)
        .values(actor=row.actor, hash=_link(row, row.prev).hash())
    )


def delete_middle(connection: Connection) -> None:
    """One act in the middle never was."""
    connection.execute(delete(AuditEvent).where(col(AuditEvent.id) == _id(connection, "case-b", 3)))


def cut_newest(connection: Connection) -> None:
    """The last five acts never were, leaves and checkpoints included."""
    newest = [row.id for row in _events(connection)][-5:]
    connection.execute(delete(AuditEvent).where(col(AuditEvent.id).in_(newest)))
    kept = connection.execute(select(col(AuditLeaf.position)).where(col(AuditLeaf.event_id).in_(newest)))
    first = min(kept.scalars())
    connection.execute(delete(AuditLeaf).where(col(AuditLeaf.position) >= first))
    connection.execute(delete(AuditCheckpoint).where(col(AuditCheckpoint.size) > first))


def rechain_everything(connection: Connection) -> None:
    """The first act says something else, and every chain is written anew."""
    edit_body(connection)
    _rechain(connection)


def truncate_case(connection: Connection) -> None:
    """A whole case never was."""
    connection.execute(delete(AuditEvent).where(col(AuditEvent.case) == "case-b"))


def insert_in_the_past(connection: Connection) -> None:
    """An act is put where none was, and what comes after it in its case moves on."""
    rows = _events(connection)
    place = next(index for index, row in enumerate(rows) if (row.case, row.n) == ("case-a", 2))
    forged = AuditEvent(**{**rows[place].model_dump(), "data": '{"said":"I was there"}'})
    _replace(connection, [*rows[:place], forged, *rows[place:]])


def swap_two(connection: Connection) -> None:
    """Two acts of a case change places."""
    rows = _events(connection)
    first, second = (
        next(i for i, row in enumerate(rows) if (row.case, row.n) == ("case-c", n)) for n in (2, 3)
    )
    rows[first], rows[second] = rows[second], rows[first]
    _replace(connection, rows)


def change_leaf(connection: Connection) -> None:
    """The place of an act in the log holds another hash."""
    connection.execute(update(AuditLeaf).where(col(AuditLeaf.position) == 4).values(hash="0" * 64))


def swap_leaves(connection: Connection) -> None:
    """Two places in the log are exchanged."""
    for old, new in ((3, 10_003), (5, 3), (10_003, 5)):
        connection.execute(update(AuditLeaf).where(col(AuditLeaf.position) == old).values(position=new))


def change_checkpoint(connection: Connection) -> None:
    """The newest checkpoint speaks of another root; its note stays."""
    newest = connection.execute(
        select(col(AuditCheckpoint.size)).order_by(col(AuditCheckpoint.size).desc()).limit(1)
    ).scalar_one()
    connection.execute(
        update(AuditCheckpoint).where(col(AuditCheckpoint.size) == newest).values(root="0" * 64)
    )


def empty_everything(connection: Connection) -> None:
    """The trail begins anew with a shorter story."""
    rows = _events(connection)[:4]
    _replace(connection, rows)
    for table in (AuditLeaf, AuditCheckpoint):
        connection.execute(delete(table))


Attack = Callable[[Connection], None]
ATTACKS: tuple[Attack, ...] = (
    backdate,
    blame_another,
    change_checkpoint,
    change_leaf,
    cut_newest,
    delete_middle,
    edit_body,
    empty_everything,
    insert_in_the_past,
    rechain_everything,
    swap_leaves,
    swap_two,
    truncate_case,
)
HIDES_WHEN_REBUILT = frozenset({change_checkpoint, change_leaf, swap_leaves})
"""Of these nothing is left once the log is built anew from the acts, which nobody had touched."""
STANDS_BY_ITSELF = frozenset({cut_newest, empty_everything})
"""After these the rows that are left agree with each other: only who remembers more can tell."""


def rebuild(trail: Trail) -> None:
    """The chains and the log are made anew from what the acts say now, and signed with the house's own key."""
    with unguarded(trail.database) as connection:
        _rechain(connection)
        for table in (AuditLeaf, AuditCheckpoint, AuditAlarm):
            connection.execute(delete(table))
    trail.fresh_sequencer().advance(at_once=True)


def _rechain(connection: Connection) -> None:
    _replace(connection, _events(connection))


def _replace(connection: Connection, rows: list[AuditEvent]) -> None:
    """These acts in this order, numbered and chained as if they had been recorded so."""
    heads: dict[str, tuple[int, str]] = {}
    written = []
    for number, row in enumerate(rows, 1):
        n, prev = heads.get(row.case, (0, GENESIS))
        row.n = n + 1
        heads[row.case] = (row.n, _link(row, prev).hash())
        written.append(
            {**row.model_dump(), "id": number, "n": row.n, "prev": prev, "hash": heads[row.case][1]}
        )
    connection.execute(delete(AuditEvent))
    connection.execute(insert(AuditEvent), written)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('audit_event', 'id'), (SELECT max(id) FROM audit_event))"
        )


def _link(row: AuditEvent, prev: str) -> Link:
    return Link(row.case, row.n, row.at.isoformat(), row.tag, row.actor, row.subject, row.data, prev)


def tables() -> tuple[str, ...]:
    """Every table of the trail."""
    return tuple(name for name in SQLModel.metadata.tables if name.startswith("audit_"))


def run_sql(database: Database, *statements: str) -> None:
    with unguarded(database) as connection:
        for statement in statements:
            connection.execute(text(statement))
