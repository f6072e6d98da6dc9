"""Secrets that were given out without a row work once, on both databases."""

from app.accounts import tickets
from app.accounts.tickets import TicketKind
from app.core.database import Database
from app.core.sealing import Sealer
from tests.support.world import START

SEALER = Sealer(bytes(range(32)))


def test_a_secret_without_a_row_is_spent_once(any_database: Database) -> None:
    def spent(secret: str) -> bool:
        with any_database.transaction() as session:
            return tickets.spend(
                session, SEALER, START, kind=TicketKind.terminal, secret=secret, subject="terminal:1"
            )

    assert [spent("one"), spent("one"), spent("other")] == [True, False, True]
