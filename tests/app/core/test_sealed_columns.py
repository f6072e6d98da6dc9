"""No sealed column is forgotten: what the tables have is what is registered."""

import pytest
from sqlmodel import SQLModel

from app.core.guards import guards
from app.core.sealed_columns import BIDDER_LIST, SEALED_COLUMNS
from app.core.sealing import Place
from app.migrations.metadata import metadata


def test_every_sealed_column_of_the_tables_is_registered_with_the_key_of_its_rows() -> None:
    _ = metadata()
    found = {
        (table.name, column.name): tuple(key.name for key in table.primary_key)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert {(one.table, one.column): one.keys for one in SEALED_COLUMNS} == found
    assert len(SEALED_COLUMNS) == len(found)


def test_what_may_never_be_altered_is_not_sealed_anew() -> None:
    kept = {guard.table for guard in guards("sqlite") if guard.name.endswith("_no_update")}
    assert {one.table for one in SEALED_COLUMNS if one.fixed} == {
        one.table for one in SEALED_COLUMNS if one.table in kept
    }


def test_a_place_is_spelled_from_the_whole_key_of_its_row() -> None:
    assert BIDDER_LIST.at("e1", 2) == Place("bidder_list", "list_sealed", "e1:2")
    with pytest.raises(ValueError, match="evaluation_id, n"):
        BIDDER_LIST.at("e1")
