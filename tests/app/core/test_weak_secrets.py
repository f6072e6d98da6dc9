"""Secrets out of examples and tests are refused before the service opens; what a generator made never is."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.core.settings import (
    ExchangeSettings,
    MediaSettings,
    NotifySettings,
    OwnSettings,
    Provider,
    Settings,
)
from app.core.weak_secrets import weak

GOOD = hashlib.sha256(b"chance").hexdigest()
WEAK_KEYS = (
    bytes(32), bytes(range(32)), bytes(range(255, 223, -1)), b"\xff" * 32, b"deadbeef" * 4, bytes.fromhex("0123456789abcdef" * 4),
    b"yuanping-development-secret-key!", b"my super secret passphrase 12345", bytes(range(0, 64, 2)), b"abababab" * 4,
)  # fmt: skip


@pytest.mark.parametrize("key", WEAK_KEYS)
def test_keys_that_anybody_could_know_are_weak(key: bytes) -> None:
    assert weak(key, 32)


@given(st.integers())
def test_what_a_generator_makes_is_never_weak(seed: int) -> None:
    made = hashlib.sha256(str(seed).encode()).digest()
    assert not weak(made, 32)
    assert not weak(made.hex().encode(), 16)
    assert weak(made[:15], 16)


def real(folder: Path, **changed: Any) -> Settings:
    notify = NotifySettings(provider=Provider.twilio, auth_token=GOOD[:32])
    given: dict[str, Any] = {"data_dir": folder, "secret_key": GOOD, "notify": notify, **changed}
    return OwnSettings(**given)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"secret_key": bytes(range(32)).hex()}, "YUANPING_SECRET_KEY"),
        ({"secret_key": "00" * 32}, "YUANPING_SECRET_KEY"),
        ({"media": MediaSettings(turn_secret="SECRET")}, "TURN_SECRET"),
        ({"notify": NotifySettings(provider=Provider.twilio, auth_token="token")}, "AUTH_TOKEN"),
        (
            {
                "exchange": ExchangeSettings(
                    filing_url="https://filing.example/in",
                    filing_secret="whsec_" + base64.b64encode(bytes(24)).decode(),
                )
            },
            "FILING_SECRET",
        ),
    ],
)
def test_a_real_service_does_not_open_with_a_secret_that_anybody_could_know(
    tmp_path: Path, changed: dict[str, object], named: str
) -> None:
    real(tmp_path).check_service()
    with pytest.raises(InvalidInput, match="secret-weak") as refused:
        real(tmp_path, **changed).check_service()
    assert named in str(refused.value.params["name"])


def test_a_weak_key_in_the_data_folder_is_refused_as_well(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(bytes(range(32)).hex())
    with pytest.raises(InvalidInput, match="secret-weak"):
        real(tmp_path, secret_key=None).check_service()


def test_a_demonstration_may_have_any_key(tmp_path: Path) -> None:
    OwnSettings(data_dir=tmp_path, demo=True, secret_key="00" * 32).check_service()
