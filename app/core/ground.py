"""What stands before anything opens: checked settings, the data folder, the database and the key that it knows."""

from dataclasses import dataclass

from fastapi import FastAPI

from app.core.clock import Clock, SystemClock
from app.core.database import Database
from app.core.keys import sealer_for
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.core.settings_refusals import require_sound


@dataclass(frozen=True, slots=True)
class Ground:
    """What every command and every process stands on."""

    settings: Settings
    clock: Clock
    database: Database
    sealer: Sealer


def lay(settings: Settings, clock: Clock | None = None) -> Ground:
    """The ground of every command: checked settings, folder, database, and the key that this database knows."""
    require_sound(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.resolved_database_url())
    try:
        sealer = sealer_for(settings, database)
    except BaseException:
        database.dispose()
        raise
    return Ground(settings, clock or SystemClock(), database, sealer)


def lay_under(application: FastAPI, ground: Ground) -> None:
    """Gives requests what `app.core.dependencies` hands out."""
    application.state.settings = ground.settings
    application.state.clock = ground.clock
    application.state.database = ground.database
    application.state.sealer = ground.sealer
