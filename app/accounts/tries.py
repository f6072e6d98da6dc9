"""Counts wrong passwords and codes per account, so that who guesses elsewhere never shuts the holder out at home.

A device that has signed in to the account before is known by a long-lived cookie. Its wrong tries are counted by
themselves, and those of all others do not slow it down. Any other place is counted by its address, and all such places
together once more: passwords and codes apart, so that who does not know the password is in nobody's way at the second
step. Callers hold the account's row locked: tries at the same moment are counted one after the other.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from app.accounts.models import Account, KnownDevice, WrongTries
from app.accounts.slowing import ByLot, Slowing, Wrong, at_one_place, codes_elsewhere, elsewhere
from app.core.sealing import Sealer
from app.core.settings_doors import AccountSettings

_ELSEWHERE, _CODES_ELSEWHERE = "elsewhere", "elsewhere:codes"
_MOST_DEVICES = 10
_LOTS = 1 << 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to get into an account, and from where. device: the hash of a device known to it, else empty.

    code: whether a code is shown, after the first factor.
    """

    account_id: str
    address: str
    device: str
    code: bool


def attempt_of(
    session: Session, sealer: Sealer, account_id: str, device_token: str, address: str, *, code: bool
) -> Attempt:
    """device_token: what the browser shows as its device; it counts only where this account knows it."""
    known = knows_device(session, sealer, account_id, device_token)
    return Attempt(account_id, address, _hash(sealer, device_token) if known else "", code)


def knows_device(session: Session, sealer: Sealer, account_id: str, device_token: str) -> bool:
    if not device_token:
        return False
    return session.get(KnownDevice, (account_id, _hash(sealer, device_token))) is not None


def hold_account(session: Session, account_id: str) -> None:
    """Whoever else tries to get into this account waits until the transaction ends."""
    session.exec(select(Account.id).where(Account.id == account_id).with_for_update()).first()


def may_try(session: Session, now: datetime, settings: AccountSettings, attempt: Attempt) -> bool:
    """Whether this try counts at all. Who draws a blank has tried all the same, whatever was typed: else asking often would pay."""
    for source, slowing in _counted(settings, attempt):
        wrong = _remembered(session, attempt.account_id, source)
        if isinstance(slowing, ByLot):
            if _draw() >= slowing.chance(wrong, now):
                note_wrong(session, now, settings, attempt)
                return False
        elif not slowing.may_try(wrong, now):
            return False
    return True


def note_wrong(session: Session, now: datetime, settings: AccountSettings, attempt: Attempt) -> None:
    for source, slowing in _counted(settings, attempt):
        wrong = slowing.another(_remembered(session, attempt.account_id, source), now)
        session.merge(
            WrongTries(account_id=attempt.account_id, source=source, wrong=wrong.count, last_at=wrong.last_at)
        )
    session.flush()


def forgive(session: Session, settings: AccountSettings, attempt: Attempt) -> None:
    """Both factors were right: the wrong tries of this very place are forgiven, those of others are not."""
    own = [source for source, _ in _counted(settings, attempt) if not source.startswith(_ELSEWHERE)]
    session.exec(
        delete(WrongTries).where(
            col(WrongTries.account_id) == attempt.account_id, col(WrongTries.source).in_(own)
        )
    )


def remember_device(
    session: Session, sealer: Sealer, now: datetime, account_id: str, device_token: str
) -> str:
    """Knows this browser from now on; its token, a new one for a browser that has none that is known anywhere.

    The ten devices used last are known. The caller holds the account.
    """
    token_hash = _hash(sealer, device_token)
    ours = (
        device_token
        and session.exec(
            select(KnownDevice.account_id).where(KnownDevice.token_hash == token_hash).limit(1)
        ).first()
    )
    token = device_token if ours else secrets.token_urlsafe(32)
    session.merge(KnownDevice(account_id=account_id, token_hash=_hash(sealer, token), last_used_at=now))
    session.flush()
    rows = session.exec(
        select(KnownDevice)
        .where(KnownDevice.account_id == account_id)
        .order_by(col(KnownDevice.last_used_at).desc())
        .offset(_MOST_DEVICES)
    ).all()
    for row in rows:
        session.delete(row)
    session.flush()
    return token


def forget_devices(session: Session, account_id: str) -> None:
    """No device is known any more, nor any wrong try: the account begins anew."""
    session.exec(delete(KnownDevice).where(col(KnownDevice.account_id) == account_id))
    session.exec(delete(WrongTries).where(col(WrongTries.account_id) == account_id))


def _counted(settings: AccountSettings, attempt: Attempt) -> tuple[tuple[str, Slowing | ByLot], ...]:
    """What the try is counted by, its own place first: who has to wait there draws no lot."""
    pause = timedelta(seconds=settings.sign_in_pause_s)
    own = at_one_place(settings.sign_in_tries, pause)
    if attempt.device:
        return ((f"device:{attempt.device}", own),)
    tries = settings.sign_in_tries
    return (
        (f"address:{attempt.address}", own),
        (_CODES_ELSEWHERE, codes_elsewhere(tries, pause))
        if attempt.code
        else (_ELSEWHERE, elsewhere(tries, pause)),
    )


def _draw() -> float:
    """A lot: from 0 to just below 1, each as likely."""
    return secrets.randbelow(_LOTS) / _LOTS


def _remembered(session: Session, account_id: str, source: str) -> Wrong | None:
    row = session.get(WrongTries, (account_id, source), populate_existing=True)
    return None if row is None else Wrong(row.wrong, row.last_at)


def _hash(sealer: Sealer, device_token: str) -> str:
    return sealer.fingerprint(f"device:{device_token}")
