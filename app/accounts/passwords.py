"""Passwords are kept as Argon2id hashes."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Unavailable
from app.core.i18n import N_

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")
# Each comparison takes a core and 64 MiB for a while, on purpose. Whoever asks for many at once must not get them
# all, nor may those who wait take every thread that others' requests need.
_places = threading.BoundedSemaphore(2)
_WAIT_S = 2.0


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Takes as long for an unknown account (None) as for a known one, so that neither can be told apart.

    Two are compared at a time; Unavailable for who has waited two seconds for a place.
    """
    if not _places.acquire(timeout=_WAIT_S):
        raise Unavailable("sign-in-busy", N_("同时登录的人太多"), N_("稍候再试"))
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _places.release()
