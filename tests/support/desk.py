"""Routers behind their real guards, with somebody signed in."""

from datetime import timedelta

from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from app.accounts import sessions
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.uses import Uses
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.ids import new_id
from app.core.sealing import Sealer
from expert_draw.snapshot import Rosters
from tests.support.halls import NOW

SEALER = Sealer(bytes(range(32)))


def desk(
    database: Database, *routers: APIRouter, role: Role | None = None, center_id: str | None = None
) -> TestClient:
    """A client of these routers, signed in with a role or not at all; refusals are raised as they are."""
    application = FastAPI()
    application.state.database = database
    application.state.clock = ManualClock(NOW)
    application.state.sealer = SEALER
    application.state.uses = Uses()
    application.state.rosters = Rosters(SEALER)
    for router in routers:
        application.include_router(router)
    client = TestClient(application)
    if role is not None:
        with database.transaction() as session:
            account = Account(
                id=new_id(NOW),
                login=new_id(NOW),
                name=role,
                role=role,
                center_id=center_id,
                password_hash="-",
                created_at=NOW,
            )
            session.add(account)
            session.flush()
            token = sessions.open_for_account(session, SEALER, NOW, account, timedelta(hours=1))
        client.cookies.set(sessions.cookie_name(secure=False), token)
    return client


def refusal(client: TestClient, method: str, path: str) -> str:
    """The code of the refusal that the request meets; empty when it meets none."""
    try:
        client.request(method, path, files={"sheet": ("a.csv", b"")} if method == "POST" else None)
    except YuanpingError as error:
        return error.code
    return ""
