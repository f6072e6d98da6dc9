"""Every refusal the service gives, with a code, the reason and what to do next.

YuanpingError
├── InvalidInput     422  what was sent does not fit; says where and how to mend it
├── Unauthenticated  401  sign in first
├── Forbidden        403  signed in, but this role may not
├── NotFound         404  not there, or not yours to see
├── Conflict         409  the world has moved on: taken, closed, already done
└── Unavailable      503  a part we depend on does not answer; nothing was lost
"""

from typing import ClassVar


class YuanpingError(Exception):
    """Root of the tree. `message` and `remedy` are Chinese catalogue texts with `{name}` parameters."""

    status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, remedy: str = "", **params: object) -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        self.params = params
        super().__init__(f"{code}: {message.format(**params)}")


class InvalidInput(YuanpingError):
    status = 422


class Unauthenticated(YuanpingError):
    status = 401


class Forbidden(YuanpingError):
    status = 403


class NotFound(YuanpingError):
    status = 404


class Conflict(YuanpingError):
    status = 409


class Unavailable(YuanpingError):
    status = 503
