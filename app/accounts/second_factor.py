"""The second factor: six digits of an authenticator that count once (RFC 6238), or one of ten recovery codes."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlmodel import Session, col, delete, func, select, update

from app.accounts.models import RecoveryCode, SecondFactor
from app.core.ids import new_id
from app.core.sealed_columns import AUTHENTICATOR
from app.core.sealing import Sealer

_STEP_S = 30
_SKEW = (-1, 0, 1)
"""Steps by which an authenticator's clock may differ."""
_OFFER_LASTS = timedelta(minutes=15)
_ISSUER = "Yuanping"
CODES = 10
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUP = 6


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret to be put into an authenticator: as text, and as the address that its camera reads."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account's second factor stands. recovered_at: a recovery code was used, and its holder has not been told."""

    enrolled_at: datetime | None
    codes_left: int
    recovered_at: datetime | None


def enrolled(session: Session, account_id: str) -> bool:
    return _factor(session, account_id) is not None


def standing(session: Session, account_id: str) -> Standing:
    factor = _factor(session, account_id)
    left = session.exec(
        select(func.count())
        .select_from(RecoveryCode)
        .where(col(RecoveryCode.account_id) == account_id, col(RecoveryCode.used_at).is_(None))
    ).one()
    if factor is None:
        return Standing(None, left, None)
    return Standing(factor.confirmed_at, left, factor.recovered_at)


def offer(
    session: Session, sealer: Sealer, now: datetime, *, account_id: str, login: str, holder: str
) -> Offer:
    """The secret that is offered to one visitor, the same until it is confirmed or a quarter of an hour has passed.

    holder: the id of their session. What is offered to one can be confirmed by no other: whoever knows the password and
    waits beside the owner learns nothing of the owner's secret.
    """
    row = _offered(session, now, account_id, holder)
    if row is None:
        session.exec(
            delete(SecondFactor).where(
                col(SecondFactor.account_id) == account_id, col(SecondFactor.offered_to) == holder
            )
        )
        row_id = new_id(now)
        row = SecondFactor(
            id=row_id,
            account_id=account_id,
            secret_sealed=sealer.seal(pyotp.random_base32(), AUTHENTICATOR.at(row_id)),
            offered_to=holder,
            created_at=now,
        )
        session.add(row)
        session.flush()
    secret = _secret(sealer, row)
    return Offer(secret, pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=_ISSUER))


def confirm(
    session: Session, sealer: Sealer, now: datetime, *, account_id: str, holder: str, code: str
) -> bool:
    """Whether the code shows that the offered secret has arrived; from now on it is the only one."""
    row = _offered(session, now, account_id, holder)
    step = None if row is None else _step_of(_secret(sealer, row), code, now)
    if row is None or step is None:
        return False
    session.exec(
        delete(SecondFactor).where(col(SecondFactor.account_id) == account_id, col(SecondFactor.id) != row.id)
    )
    row.confirmed_at, row.last_step, row.offered_to = now, step, ""
    session.flush()
    return True


def accept(session: Session, sealer: Sealer, now: datetime, account_id: str, code: str) -> bool:
    """Whether the code is right now, and of a step later than any that was accepted before: a code counts once."""
    factor = _factor(session, account_id)
    step = None if factor is None else _step_of(_secret(sealer, factor), code, now)
    if factor is None or step is None:
        return False
    claimed = session.exec(
        update(SecondFactor)
        .where(col(SecondFactor.id) == factor.id, col(SecondFactor.last_step) < step)
        .values(last_step=step)
    )
    return bool(claimed.rowcount == 1)


def new_recovery_codes(session: Session, sealer: Sealer, account_id: str) -> tuple[str, ...]:
    """Ten codes that work once each, shown this one time; earlier ones work no more."""
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))
    codes = tuple(_recovery_code() for _ in range(CODES))
    session.add_all(
        RecoveryCode(code_hash=_recovery_hash(sealer, account_id, code), account_id=account_id)
        for code in codes
    )
    session.flush()
    return codes


def recover(session: Session, sealer: Sealer, now: datetime, account_id: str, code: str) -> bool:
    """Whether this is an unused recovery code of the account; it is used up, and its holder will be told."""
    claimed = session.exec(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.code_hash) == _recovery_hash(sealer, account_id, code),
            col(RecoveryCode.account_id) == account_id,
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=now)
    )
    if claimed.rowcount != 1:
        return False
    factor = _factor(session, account_id)
    if factor is not None:
        factor.recovered_at = now
        session.flush()
    return True


def told(session: Session, account_id: str) -> None:
    """The holder has seen that a recovery code was used."""
    session.exec(
        update(SecondFactor).where(col(SecondFactor.account_id) == account_id).values(recovered_at=None)
    )


def remove(session: Session, account_id: str) -> None:
    """The account has no second factor any more; at the next sign-in it gets a new one."""
    session.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account_id))
    session.exec(delete(SecondFactor).where(col(SecondFactor.account_id) == account_id))


def _secret(sealer: Sealer, row: SecondFactor) -> str:
    return sealer.unseal(row.secret_sealed, AUTHENTICATOR.at(row.id))


def _factor(session: Session, account_id: str) -> SecondFactor | None:
    return session.exec(
        select(SecondFactor)
        .where(SecondFactor.account_id == account_id, col(SecondFactor.confirmed_at).is_not(None))
        .execution_options(populate_existing=True)
    ).first()


def _offered(session: Session, now: datetime, account_id: str, holder: str) -> SecondFactor | None:
    return session.exec(
        select(SecondFactor).where(
            SecondFactor.account_id == account_id,
            SecondFactor.offered_to == holder,
            col(SecondFactor.confirmed_at).is_(None),
            col(SecondFactor.created_at) > now - _OFFER_LASTS,
        )
    ).first()


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Which step around `now` the code belongs to; the latest of them."""
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_S
    typed = "".join(sign for sign in code if sign in "0123456789").encode()
    found = None
    for step in (current + skew for skew in _SKEW):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed):
            found = step
    return found


def _recovery_code() -> str:
    first, second = ("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(2))
    return f"{first}-{second}"


def _recovery_hash(sealer: Sealer, account_id: str, code: str) -> str:
    signs = "".join(sign for sign in code.casefold() if sign in _SIGNS)
    return sealer.fingerprint(f"recovery:{account_id}:{signs}")
