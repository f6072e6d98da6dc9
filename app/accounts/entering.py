"""The way in for staff: whoever has shown the first factor is halfway, which opens nothing but the page that asks for the second."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from app.accounts import second_factor, sessions, tries
from app.accounts.models import Account, HalfSignIn
from app.accounts.permissions import Role
from app.accounts.service import Browser, How, SignedIn, open_session
from app.accounts.trail import ACCOUNT, record, refused
from app.accounts.tries import Attempt
from app.audit.tags import Tag
from app.core.ids import new_id
from app.core.sealing import Sealer
from app.core.settings_doors import AccountSettings

NO_PASSWORD = "-"  # noqa: S105 -- what stands in place of a hash
"""Of an account whose holder has not chosen a password yet; nothing matches it."""
HALF_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Half:
    """Somebody halfway in: `token` goes into a cookie of its own and is stored nowhere."""

    token: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whom a half sign-in is of. enrolled: whether they have a second factor, or must set one up now."""

    id: str
    account_id: str
    login: str
    name: str
    enrolled: bool


def password_hash(session: Session, login: str) -> str | None:
    """What to compare a password with; None for an unknown or inactive account, and for one without a password."""
    account = session.exec(_active(login)).first()
    return account.password_hash if account is not None and account.password_hash != NO_PASSWORD else None


def knows_device(session: Session, sealer: Sealer, login: str, device: str) -> bool:
    """Whether the browser has signed in to this account before."""
    account = session.exec(_active(login)).first() if device else None
    return account is not None and tries.knows_device(session, sealer, account.id, device)


def by_password(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    login: str,
    stored: str | None = None,
    right: bool,
    browser: Browser,
    renewed: str | None = None,
) -> Half | None:
    """Halfway in when the password was `right` and this place does not have to wait; None otherwise, for whatever reason.

    The comparison happens outside, before the transaction: it is slow on purpose and must not hold up writers. stored: what
    the password was compared with; it counts no more where another one has been chosen since. Wrong tries are counted here,
    one after the other, so that many at once gain nothing. renewed: the hash of the right password by today's parameters,
    where the stored one is by older ones.
    """
    account = session.exec(_active(login)).first()
    if account is None:
        refused(session, now, "account:unknown", "unknown")
        return None
    if not believed(session, sealer, now, settings, account.id, right=right, browser=browser):
        return None
    session.refresh(account)  # locked by now
    if account.password_hash != stored:
        return None
    if renewed is not None:
        account.password_hash = renewed
    return halfway(session, sealer, now, account.id, How.password)


def halfway(session: Session, sealer: Sealer, now: datetime, account_id: str, how: How) -> Half | None:
    """Halfway in for an active account whose holder has already shown a first factor."""
    account = session.get(Account, account_id)
    if account is None or not account.active:
        return None
    session.exec(delete(HalfSignIn).where(col(HalfSignIn.expires_at) <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        HalfSignIn(
            token_hash=_half_hash(sealer, token),
            id=new_id(now),
            account_id=account_id,
            how=how,
            expires_at=now + HALF_LASTS,
        )
    )
    session.flush()
    return Half(token)


def waiting(session: Session, sealer: Sealer, now: datetime, half_token: str) -> Waiting | None:
    """Who is halfway in by this token; None when it opens nothing any more."""
    found = _half(session, sealer, now, half_token)
    if found is None:
        return None
    half, account = found
    return Waiting(
        half.id, account.id, account.login, account.name, second_factor.enrolled(session, account.id)
    )


def by_code(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    half_token: str,
    code: str,
    recovery: bool,
    browser: Browser,
) -> SignedIn | None:
    """All the way in by a code of the authenticator, or by a recovery code; None when it is wrong or has to wait."""
    found = _half(session, sealer, now, half_token, lock=True)
    if found is None:
        return None
    half, account = found
    if not proves(session, sealer, now, settings, account.id, code=code, recovery=recovery, browser=browser):
        return None
    return _all_the_way(session, sealer, now, settings, half, account, browser)


def by_enrolling(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    half_token: str,
    code: str,
    browser: Browser,
) -> tuple[SignedIn, tuple[str, ...]] | None:
    """All the way in by the first code of a new authenticator, with the recovery codes; None when the code is wrong.

    Who has a second factor already cannot come in by a new one.
    """
    found = _half(session, sealer, now, half_token, lock=True)
    if found is None or second_factor.enrolled(session, found[1].id):
        return None
    half, account = found
    if not second_factor.confirm(session, sealer, now, account_id=account.id, holder=half.id, code=code):
        return None
    record(session, now, account.id, Tag.account_factor_enrolled, account.id)
    codes = second_factor.new_recovery_codes(session, sealer, account.id)
    return _all_the_way(session, sealer, now, settings, half, account, browser), codes


def proves(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    account_id: str,
    *,
    code: str,
    recovery: bool = False,
    browser: Browser,
) -> bool:
    """Whether this code proves the account's second factor now. Wrong ones are counted as wrong passwords are."""
    attempt = _attempt(session, sealer, now, settings, account_id, browser, code=True)
    if attempt is None:
        return False
    check = second_factor.recover if recovery else second_factor.accept
    if not check(session, sealer, now, account_id, code):
        tries.note_wrong(session, now, settings, attempt)
        refused(session, now, f"{ACCOUNT}{account_id}", "code")
        return False
    if recovery:
        left = second_factor.standing(session, account_id).codes_left
        record(session, now, account_id, Tag.account_recovered, account_id, {"left": left})
    tries.forgive(session, settings, attempt)
    return True


def believed(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    account_id: str,
    *,
    right: bool,
    browser: Browser,
) -> bool:
    """Whether a password that was compared outside counts: it was right, and this place does not have to wait."""
    attempt = _attempt(session, sealer, now, settings, account_id, browser, code=False)
    if attempt is None:
        return False
    if not right:
        tries.note_wrong(session, now, settings, attempt)
        refused(session, now, f"{ACCOUNT}{account_id}", "wrong")
    return right


def step_up(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    account_id: str,
    session_id: str,
    code: str,
    browser: Browser,
) -> SignedIn | None:
    """The session with a new token, just proved; None when the code was wrong or has to wait."""
    if not proves(session, sealer, now, settings, account_id, code=code, browser=browser):
        return None
    return proved(session, sealer, now, account_id, session_id)


def proved_elsewhere(
    session: Session, sealer: Sealer, now: datetime, account_id: str, session_id: str
) -> SignedIn | None:
    """Somebody else has just seen the holder's second factor; None unless the session is one of theirs."""
    if session_id not in {one.id for one in sessions.open_of(session, now, account_id)}:
        return None
    return proved(session, sealer, now, account_id, session_id)


def proved(session: Session, sealer: Sealer, now: datetime, account_id: str, session_id: str) -> SignedIn:
    """The holder of this session has just shown their second factor: it goes on under a new token."""
    token, lifetime = sessions.prove(session, sealer, now, session_id)
    record(session, now, account_id, Tag.account_stepped_up, account_id)
    return SignedIn(token, Role(session.get_one(Account, account_id).role), lifetime)


def _attempt(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    account_id: str,
    browser: Browser,
    *,
    code: bool,
) -> Attempt | None:
    """From where the try comes, with the account locked; None when this place has to wait, or has drawn a blank."""
    tries.hold_account(session, account_id)
    attempt = tries.attempt_of(session, sealer, account_id, browser.device, browser.whence.address, code=code)
    if tries.may_try(session, now, settings, attempt):
        return attempt
    refused(session, now, f"{ACCOUNT}{account_id}", "paused")
    return None


def _all_the_way(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    half: HalfSignIn,
    account: Account,
    browser: Browser,
) -> SignedIn:
    session.delete(half)
    signed = open_session(
        session,
        sealer,
        now,
        settings,
        account_id=account.id,
        how=How(half.how),
        browser=browser,
        proved_at=now,
    )
    assert signed is not None, "the account was active a moment ago, and is locked"  # noqa: S101
    device = tries.remember_device(session, sealer, now, account.id, browser.device)
    recovered = second_factor.standing(session, account.id).recovered_at is not None
    return SignedIn(signed.token, signed.role, signed.lifetime, device, recovered)


def _half(
    session: Session, sealer: Sealer, now: datetime, half_token: str, *, lock: bool = False
) -> tuple[HalfSignIn, Account] | None:
    """The half sign-in and its account, which may be locked against tries at the same moment."""
    if not half_token:
        return None
    wanted = (
        select(HalfSignIn, Account)
        .join(Account, col(Account.id) == col(HalfSignIn.account_id))
        .where(
            HalfSignIn.token_hash == _half_hash(sealer, half_token),
            col(HalfSignIn.expires_at) > now,
            col(Account.active),
        )
    )
    found = session.exec(wanted).first()
    if found is None or not lock:
        return found
    tries.hold_account(session, found[1].id)  # as whoever shuts the account does, before what is open to it
    return session.exec(wanted.execution_options(populate_existing=True)).first()


def _half_hash(sealer: Sealer, half_token: str) -> str:
    return sealer.fingerprint(f"half:{half_token}")


def _active(login: str) -> SelectOfScalar[Account]:
    return select(Account).where(Account.login == login.strip(), col(Account.active))
