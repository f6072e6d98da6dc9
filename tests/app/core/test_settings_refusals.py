"""Settings that could ring a stranger's phone, file what nobody can check or rest on a secret anybody knows open nothing."""

import base64
import hashlib
import secrets
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.errors import InvalidInput
from app.core.settings import OwnSettings, Settings
from app.core.settings_calls import NotifySettings, Provider
from app.core.settings_records import ExchangeSettings
from app.core.settings_refusals import require_fit_to_serve, require_sound
from app.core.settings_rooms import MediaSettings

GOOD = hashlib.sha256(b"chance").hexdigest()
FILING_SECRET = "whsec_" + base64.b64encode(bytes.fromhex(GOOD)).decode()


def test_sample_data_never_rings_a_real_phone() -> None:
    real = NotifySettings(provider=Provider.twilio, auth_token=secrets.token_hex(16))
    with pytest.raises(InvalidInput, match="demo-real-phones"):
        require_sound(Settings(demo=True, notify=real))
    with pytest.raises(InvalidInput, match="provider-token-missing"):
        require_sound(Settings(notify=NotifySettings(provider=Provider.twilio)))
    require_sound(Settings(notify=real))
    require_fit_to_serve(Settings(notify=real))


def test_a_service_without_a_way_to_reach_real_experts_does_not_open() -> None:
    require_sound(Settings())  # a roster can be imported and a record verified before a provider is chosen
    with pytest.raises(InvalidInput, match="provider-missing") as refused:
        require_fit_to_serve(Settings())
    assert "YUANPING_NOTIFY__PROVIDER=twilio" in refused.value.remedy
    assert "YUANPING_DEMO=true" in refused.value.remedy
    require_fit_to_serve(Settings(demo=True))


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
    require_fit_to_serve(real(tmp_path))
    with pytest.raises(InvalidInput, match="secret-weak") as refused:
        require_fit_to_serve(real(tmp_path, **changed))
    assert named in str(refused.value.params["name"])


def test_a_weak_key_in_the_data_folder_is_refused_as_well(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(bytes(range(32)).hex())
    with pytest.raises(InvalidInput, match="secret-weak"):
        require_fit_to_serve(real(tmp_path, secret_key=None))


def test_a_demonstration_may_have_any_key(tmp_path: Path) -> None:
    require_fit_to_serve(OwnSettings(data_dir=tmp_path, demo=True, secret_key="00" * 32))


def filed_with(url: str | None, secret: str | None = FILING_SECRET, *, demo: bool = False) -> OwnSettings:
    given = ExchangeSettings(filing_url=url, filing_secret=SecretStr(secret) if secret is not None else None)
    return OwnSettings(demo=demo, exchange=given)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://platform.example/x",
        "platform.example/x",
        "https://",
        "https://user:" + "word@platform.example/",
        "http://platform.example:0/",
        "http://platform.example:99999/",
        "http://[::1/",
    ],
)
def test_an_address_nothing_can_be_posted_to_is_refused_at_start(url: str) -> None:
    with pytest.raises(InvalidInput, match="filing-address"):
        require_sound(filed_with(url))


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", "QUFB" * 30])
def test_a_secret_that_cannot_sign_is_refused_at_start(secret: str | None) -> None:
    with pytest.raises(InvalidInput, match="filing-secret"):
        require_sound(filed_with("https://platform.example/filings", secret))


def test_a_demonstration_files_nothing() -> None:
    require_sound(filed_with("https://platform.example/filings"))
    require_sound(filed_with(None, demo=True))
    with pytest.raises(InvalidInput, match="demo-real-filing"):
        require_sound(filed_with("https://platform.example/filings", demo=True))
