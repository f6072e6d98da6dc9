"""Every refusal the service gives, with a code, the reason and what to do next.

YuanpingError
├── InvalidInput     422  what was sent does not fit; says where and how to mend it
├── Unauthenticated  401  sign in first
├── Forbidden        403  signed in, but this role may not
├── NotFound         404  not there, or not yours to see
├── TooSlow          408  what was announced did not come in time
├── Conflict         409  the world has moved on: taken, closed, already done
├── TooLarge         413  more than this address takes; HeadTooLarge 431 where that is so before the body
├── TooMany          429  asked too often; says after how many seconds to ask again
└── Unavailable      503  a part we depend on does not answer; nothing was lost
"""

from typing import ClassVar

from app.core.i18n import N_


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


class TooSlow(YuanpingError):
    status = 408


class Conflict(YuanpingError):
    status = 409


class TooLarge(YuanpingError):
    status = 413


class HeadTooLarge(TooLarge):
    status = 431


class TooMany(YuanpingError):
    """again_s: whole seconds after which asking again may help."""

    status = 429

    def __init__(self, code: str, message: str, remedy: str = "", *, again_s: int, **params: object) -> None:
        super().__init__(code, message, remedy, **params)
        self.again_s = again_s


class Unavailable(YuanpingError):
    status = 503


def too_many(again_s: int) -> TooMany:
    """More was asked than anybody may ask in a while."""
    return TooMany(
        "too-many-requests",
        N_("请求过于频繁，请稍候"),
        N_("{seconds} 秒后再试"),
        again_s=again_s,
        seconds=again_s,
    )
