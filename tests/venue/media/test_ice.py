import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from app.core.settings_rooms import MediaSettings
from venue.media.ice import IceServer, ice_servers

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECRET = "north"


def test_without_servers_none_are_told() -> None:
    assert ice_servers(MediaSettings(), NOW, 3) == ()


def test_a_relays_password_is_what_coturn_computes_from_the_name() -> None:
    """As `use-auth-secret`: the name is `until:who`, the password the base64 of HMAC-SHA1(secret, name)."""
    settings = MediaSettings(
        ice_urls=(
            "stun:media.example:3478",
            "turn:media.example:3478",
            "turns:media.example:5349?transport=tcp",
        ),
        turn_secret=SecretStr(SECRET),
        turn_lifetime_s=600,
    )
    stun, turn = ice_servers(settings, NOW, 12)
    assert stun == IceServer(("stun:media.example:3478",))
    assert turn.urls == ("turn:media.example:3478", "turns:media.example:5349?transport=tcp")
    assert turn.username == f"{int(NOW.timestamp()) + 600}:seat-12"
    mac = hmac.new(SECRET.encode(), turn.username.encode(), hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(mac).decode()


def test_each_seat_and_each_moment_has_a_password_of_its_own() -> None:
    settings = MediaSettings(ice_urls=("turn:media.example",), turn_secret=SecretStr(SECRET))
    later = NOW.replace(minute=1)
    made = {ice_servers(settings, at, seat)[0].credential for at in (NOW, later) for seat in (1, 2)}
    assert len(made) == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"ice_urls": ("http://media.example",), "turn_secret": "x"},
        {"ice_urls": ("turn:media.example?transport=sctp",), "turn_secret": "x"},
        {"ice_urls": ("stun:media.example; script-src *",)},
        {"ice_urls": ("turn:media.example",)},
        {"turn_lifetime_s": 10},
    ],
)
def test_servers_that_cannot_serve_are_refused_at_the_start(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MediaSettings.model_validate(settings)
