"""Somebody's phone with an authenticator on it, that shows codes by the clock of the house."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyotp

from app.accounts import second_factor
from tests.support.world import World


@dataclass(frozen=True, slots=True)
class Authenticator:
    """secret: what was scanned. now: the clock it goes by."""

    secret: str
    now: Callable[[], datetime]

    def code(self, steps: int = 0) -> str:
        """The six digits it shows now, or so many half minutes later."""
        return pyotp.TOTP(self.secret).generate_otp(int(self.now().timestamp()) // 30 + steps)


def authenticator(world: World, account_id: str) -> Authenticator:
    """A second factor for the account, confirmed a minute ago: the code of now has not been used."""
    with world.transaction() as session:
        offer = second_factor.offer(
            session, world.sealer, world.now(), account_id=account_id, login="somebody", holder="holder"
        )
        phone = Authenticator(offer.secret, world.now)
        confirmed = second_factor.confirm(
            session,
            world.sealer,
            world.now(),
            account_id=account_id,
            holder="holder",
            code=phone.code(-1),
        )
    assert confirmed
    return phone
