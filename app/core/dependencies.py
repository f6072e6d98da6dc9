"""What an endpoint may ask for: the database, the clock, the settings and the sealer of this service.

These wait for nothing; they are coroutines because FastAPI runs every other function in a thread of its own.
"""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.clock import BoundedTime, Clock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings import Settings


async def _database(connection: HTTPConnection) -> Database:
    database: Database = connection.app.state.database
    return database


async def _clock(connection: HTTPConnection) -> Clock:
    clock: Clock = connection.app.state.clock
    return clock


async def _bounded_time(connection: HTTPConnection) -> BoundedTime:
    told: BoundedTime = connection.app.state.bounded_clock.now()
    return told


async def _settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.settings
    return settings


async def _sealer(connection: HTTPConnection) -> Sealer:
    sealer: Sealer = connection.app.state.sealer
    return sealer


DatabaseDep = Annotated[Database, Depends(_database)]
ClockDep = Annotated[Clock, Depends(_clock)]
BoundedTimeDep = Annotated[BoundedTime, Depends(_bounded_time)]
SettingsDep = Annotated[Settings, Depends(_settings)]
SealerDep = Annotated[Sealer, Depends(_sealer)]
