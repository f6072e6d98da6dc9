"""Opens every sealed value of a database through the register of sealed columns."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, SQLModel

from app.core.sealed_columns import ERASED, SEALED_COLUMNS, SealedColumn
from app.core.sealing import Sealer
from expert_draw import sealed
from expert_draw.models import Draw


def unsealed(session: Session, sealer: Sealer) -> Iterator[tuple[SealedColumn, str]]:
    """Each value with its column; Unavailable for one that was sealed for another place than the register says."""
    for column in SEALED_COLUMNS:
        table = SQLModel.metadata.tables[column.table]
        value = table.c[column.column]
        for row in session.execute(select(table).where(value.is_not(None), value != ERASED)).mappings():
            opener = sealer
            if column.inner:
                opener = sealed.key_of(sealer, session.get_one(Draw, row["draw_id"]))
            yield column, opener.unseal(row[column.column], column.at(*(row[key] for key in column.keys)))
