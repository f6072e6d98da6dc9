"""The interface of those who look after the keys: what each one still holds. Keys are made and retired on the machine itself."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core import rotation
from app.core.dependencies import DatabaseDep, SealerDep
from app.core.rotation import KeyState

router = APIRouter(prefix="/api/keys", tags=["keys"])


class HeldOut(BaseModel):
    """How many values of one column lie under a key; suite `a` AES-256-GCM, `s` SM4-GCM."""

    table: str
    column: str
    suite: str
    count: int


class KeyOut(BaseModel):
    """A field key by its number: 0 is what was sealed before keys had numbers, 1 follows from the master key."""

    number: int
    newest: bool
    made_at: datetime | None
    retired_at: datetime | None
    count: int
    holds: list[HeldOut]

    @classmethod
    def of(cls, state: KeyState) -> "KeyOut":
        return cls(
            number=state.number,
            newest=state.newest,
            made_at=state.made_at,
            retired_at=state.retired_at,
            count=state.count,
            holds=[
                HeldOut(table=one.column.table, column=one.column.column, suite=one.suite, count=one.count)
                for one in state.holds
            ],
        )


@router.get("")
def list_keys(
    _actor: Annotated[Actor, Requires(Permission.key_rotate)], database: DatabaseDep, sealer: SealerDep
) -> list[KeyOut]:
    """Every field key and what it still holds: how far rotation is."""
    with database.reading() as session:
        return [KeyOut.of(state) for state in rotation.states(session, sealer)]
