"""A database with guards and a few centers, for tests of venues and the roster."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.database import Database
from tests.support.databases import furnish
from venue.setup import CenterIn, CenterKind, RoomFunction, RoomIn, enter_center

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
START = NOW + timedelta(days=2)
END = START + timedelta(hours=3)


def make_database(folder: Path) -> Database:
    """An empty database with every table and every guard."""
    return furnish(Database(f"sqlite:///{folder / 'halls.db'}"))


def center(code: str, *seats: int, kind: CenterKind = CenterKind.sister, **changes: object) -> CenterIn:
    """A center with one evaluation room for every number of seats."""
    rooms = tuple(
        RoomIn(
            "评标区",
            RoomFunction.evaluation,
            f"评标{number:02d}室",
            tuple(f"{seat:02d}号工位" for seat in range(1, count + 1)),
        )
        for number, count in enumerate(seats, 1)
    )
    opening = RoomIn("开标区", RoomFunction.opening, "开标01厅")
    fields: dict[str, object] = {
        "code": code,
        "name": f"{code}中心",
        "region_code": code,
        "kind": kind,
        "latitude_e6": 25_000_000,
        "longitude_e6": 103_000_000,
        "rooms": (opening, *rooms),
        "overnight": True,
    }
    return CenterIn(**{**fields, **changes})  # type: ignore[arg-type]


def enter(database: Database, *centers: CenterIn) -> tuple[str, ...]:
    """Enters the centers; their ids in the same order."""
    with database.transaction() as session:
        return tuple(enter_center(session, NOW, item) for item in centers)
