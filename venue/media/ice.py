"""Which servers help a seat's browser to reach the service through a firewall, and the short-lived passwords for them.

The passwords are made as coturn's `use-auth-secret` wants them: the name says until when it is valid, and the password is
the name's HMAC-SHA1 under a secret that only the service and the TURN server know.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime

from app.core.settings_rooms import MediaSettings


@dataclass(frozen=True, slots=True)
class IceServer:
    """STUN or TURN servers (中继) of one kind; those of STUN have neither name nor password."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


def ice_servers(settings: MediaSettings, now: datetime, seat_no: int) -> tuple[IceServer, ...]:
    """The servers of the settings, for one seat from now on; empty when none are set.

    A TURN server learns the seat's number and nothing else: neither the room nor who sits there.
    """
    stun = tuple(url for url in settings.ice_urls if url.startswith("stun"))
    turn = tuple(url for url in settings.ice_urls if not url.startswith("stun"))
    servers = [IceServer(stun)] if stun else []
    if turn and settings.turn_secret is not None:
        name = f"{int(now.timestamp()) + settings.turn_lifetime_s}:seat-{seat_no}"
        servers.append(IceServer(turn, name, _password(settings.turn_secret.get_secret_value(), name)))
    return tuple(servers)


def _password(secret: str, name: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), name.encode(), "sha1")).decode()
