"""Every setting of the service, each with a default that runs and a sentence that explains it.

Set by environment variables with the prefix `YUANPING_` and `__` between levels,
as in `YUANPING_SERVER__PORT=9000`.
"""

import os
import secrets
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_


class Provider(StrEnum):
    """Who carries calls and messages."""

    simulator = "simulator"
    twilio = "twilio"


class ServerSettings(BaseModel):
    host: str = Field("127.0.0.1", description="Address the service listens on.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port the service listens on.")
    public_url: str | None = Field(
        None,
        description="Address browsers and the provider reach the service at; default http://localhost:PORT.",
    )


class NotifySettings(BaseModel):
    provider: Provider = Field(
        Provider.simulator,
        description="`twilio` rings real phones; `simulator` rings pretend ones, in demonstrations only.",
    )
    account_sid: str = Field("AC" + "0" * 32, description="Twilio account; any value with the simulator.")
    auth_token: str | None = Field(
        None, description="Twilio token, also signs webhooks; with the simulator one is made at start."
    )
    from_number: str = Field("+8687000000000", description="Number that calls and texts come from.")
    hotline: str = Field("0870-0000000", description="Hotline spoken in invitations.")
    calls_per_second: float = Field(10.0, gt=0, description="Most creates per second sent to the provider.")
    send_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for the provider's reply.")
    unknown_grace_s: float = Field(
        15.0, gt=0, description="Seconds before a send of unknown fate is looked up at the provider."
    )


class InvitationSettings(BaseModel):
    reply_window_s: int = Field(900, ge=1, description="Seconds an invited expert has to answer.")
    ring_s: int = Field(25, ge=1, description="Seconds a phone rings before the call counts as unanswered.")
    sms_after_s: int = Field(
        120, ge=0, description="Seconds after an unanswered call before the SMS goes out."
    )
    second_call_after_s: int = Field(180, ge=0, description="Seconds after the SMS before the second call.")


class RehearsalSettings(InvitationSettings):
    """The invitation's timers, shortened so that a rehearsal takes a minute and a half."""

    reply_window_s: int = Field(14, ge=1, description="Seconds a pretend expert has to answer.")
    ring_s: int = Field(4, ge=1, description="Seconds a pretend phone rings.")
    sms_after_s: int = Field(1, ge=0, description="Seconds after an unanswered call before the SMS goes out.")
    second_call_after_s: int = Field(3, ge=0, description="Seconds after the SMS before the second call.")


class DrawSettings(BaseModel):
    suite: Literal["sha256", "sm3"] = Field(
        "sha256",
        description="Hash of new draw records: `sha256`, or `sm3` where national algorithms are asked for.",
    )


class MediaSettings(BaseModel):
    loopback: bool = Field(
        default=True,
        description="Offer 127.0.0.1 as a media address, so that a seat on the same machine connects.",
    )
    video_bitrate: int = Field(
        800_000, ge=50_000, description="Most bits per second asked of a seat's camera."
    )


class RecordingSettings(BaseModel):
    fragment_ms: int = Field(500, ge=100, le=5000, description="Longest piece of media not yet on disk.")
    stale_after_ms: int = Field(
        5000, ge=1000, description="A seat without durable media for this long counts as not recorded."
    )


class AccountSettings(BaseModel):
    session_hours: int = Field(12, ge=1, description="Hours until a signed-in session ends.")
    sign_in_tries: int = Field(5, ge=1, description="Wrong tries before a login or a seat code pauses.")
    sign_in_pause_s: int = Field(300, ge=1, description="Seconds the pause lasts.")


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(env_prefix="YUANPING_", env_nested_delimiter="__")

    data_dir: Path = Field(Path("var"), description="Folder of the database, the recordings and the key.")
    database_url: str | None = Field(
        None, description="SQLAlchemy address; default SQLite in the data folder."
    )
    demo: bool = Field(
        default=False, description="Sample center, sign-in links and pretend phones; real sending is refused."
    )
    secret_key: str | None = Field(
        None, description="64 hex digits that seal personal data; default: made once in the data folder."
    )
    default_language: str = Field(
        "zh", description="Language of pages before a reader chooses: `zh` or `en`."
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    invitation: InvitationSettings = Field(default_factory=InvitationSettings)
    rehearsal: RehearsalSettings = Field(default_factory=RehearsalSettings)
    draw: DrawSettings = Field(default_factory=DrawSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)

    @property
    def public_url(self) -> str:
        return (self.server.public_url or f"http://localhost:{self.server.port}").rstrip("/")

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def draws_dir(self) -> Path:
        return self.data_dir / "draws"

    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'yuanping.db'}"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret.key"

    @property
    def has_key(self) -> bool:
        return self.secret_key is not None or self.key_file.exists()

    @cached_property
    def key(self) -> bytes:
        """The 32-byte master key: from the setting, else from `secret.key`. Unavailable when there is neither."""
        if self.secret_key is not None:
            return _parse_key(self.secret_key)
        try:
            return _parse_key(self.key_file.read_bytes().decode("ascii", "replace").strip())
        except FileNotFoundError as error:
            raise Unavailable(
                "key-missing",
                N_("没有主密钥：{path} 不存在"),
                N_("从备份恢复 secret.key，或设置 YUANPING_SECRET_KEY"),
                path=self.key_file,
            ) from error

    def make_key(self) -> None:
        """Makes `secret.key`, readable by its owner alone and safely on disk; one that is there stays."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.data_dir / f".secret-{secrets.token_hex(8)}"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            self.key_file.hardlink_to(temporary)  # whoever links first wins; the other reads the winner's key
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        _sync_folder(self.data_dir)

    def check(self) -> None:
        """Refuses combinations that could ring a stranger's phone or leave a real service with no secret."""
        if self.demo and self.notify.provider is not Provider.simulator:
            raise InvalidInput(
                "demo-real-phones",
                N_("示范数据中的号码可能属于真人，示范模式下不得真实拨号"),
                N_("关闭 YUANPING_DEMO，或把 YUANPING_NOTIFY__PROVIDER 设为 simulator"),
            )
        if self.notify.provider is Provider.twilio and not self.notify.auth_token:
            raise InvalidInput(
                "provider-token-missing",
                N_("使用 twilio 时必须设置 YUANPING_NOTIFY__AUTH_TOKEN"),
                N_("设置令牌后重新启动"),
            )

    def check_service(self) -> None:
        """Refuses what must not serve, too: pretend phones outside a demonstration ring no expert at all."""
        self.check()
        if self.notify.provider is Provider.simulator and not self.demo:
            raise InvalidInput(
                "provider-missing",
                N_("没有设置电话与短信服务商，真实的专家收不到任何通知"),
                N_(
                    "正式运行请设置 YUANPING_NOTIFY__PROVIDER=twilio；试用请运行 yuanping run，或设置 YUANPING_DEMO=true"
                ),
            )


def configured() -> Settings:
    """The settings of this environment; InvalidInput names the variables that hold what they cannot."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = ("__".join(map(str, item["loc"])).upper() for item in error.errors(include_url=False))
        names = ", ".join(f"YUANPING_{name}" for name in wrong)
        reason = error.errors(include_url=False)[0]["msg"]
    except SettingsError as error:
        names, reason = "YUANPING_…", str(error)
    # Outside of the handlers: what pydantic says would show the values, and some are secret.
    raise InvalidInput(
        "setting-invalid",
        N_("设置 {names} 的值不能用：{reason}"),
        N_("改正或删去这些环境变量后重新运行"),
        names=names,
        reason=reason,
    )


class OwnSettings(Settings):
    """The tree of a house apart, such as a rehearsal's: nothing comes from the environment, only what is given."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic-settings passes all by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _sync_folder(folder: Path) -> None:
    """Makes a new name in the folder survive a power cut; Windows keeps names without being asked."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _parse_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:  # noqa: PLR2004 -- AES-256
        raise InvalidInput(
            "secret-key",
            N_("主密钥必须是 64 位十六进制数"),
            N_("检查 YUANPING_SECRET_KEY 或数据目录中的 secret.key"),
        )
    return key
