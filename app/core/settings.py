"""Every setting of the service, each with a default that runs and a sentence that explains it.

Set by environment variables with the prefix `YUANPING_` and `__` between levels,
as in `YUANPING_SERVER__PORT=9000`.
"""

import os
import secrets
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_
from app.core.keyring import write_once
from app.core.settings_calls import InvitationSettings, NotifySettings, RehearsalSettings
from app.core.settings_doors import AccountSettings, LimitSettings, ServerSettings
from app.core.settings_records import AuditSettings, DrawSettings, ExchangeSettings, SealSettings
from app.core.settings_rooms import MediaSettings, RecordingSettings, SeatRules, SeatSettings

_MOST_WORKERS = 4


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(env_prefix="YUANPING_", env_nested_delimiter="__")

    data_dir: Path = Field(Path("var"), description="Folder of the database, the recordings and the key.")
    database_url: str | None = Field(
        None,
        description="Address of a PostgreSQL, as `postgresql://user@host/name`; default SQLite in the data folder.",
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
    limits: LimitSettings = Field(default_factory=LimitSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    invitation: InvitationSettings = Field(default_factory=InvitationSettings)
    rehearsal: RehearsalSettings = Field(default_factory=RehearsalSettings)
    draw: DrawSettings = Field(default_factory=DrawSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)
    seal: SealSettings = Field(default_factory=SealSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    exchange: ExchangeSettings = Field(default_factory=ExchangeSettings)
    seat: SeatSettings = Field(default_factory=SeatSettings)

    @property
    def public_url(self) -> str:
        kind = "https" if self.server.tls else "http"
        return (self.server.public_url or f"{kind}://localhost:{self.server.port}").rstrip("/")

    @property
    def seat_rules(self) -> SeatRules:
        return self.seat.rules(demo=self.demo)

    @property
    def media_workers(self) -> int:
        """How many processes hold rooms beside the service; 0: the service does so itself."""
        if self.media.workers is not None:
            return self.media.workers
        if self.public_url.startswith("https") and self.media.worker_address is None and not self.server.tls:
            return 0  # pages under TLS could not reach ports beside the proxy
        return min(os.cpu_count() or 1, _MOST_WORKERS)

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def store_dir(self) -> Path:
        return self.recording.store_dir or self.data_dir / "store"

    @property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"

    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'yuanping.db'}"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret.key"

    @property
    def keys_dir(self) -> Path:
        return self.seal.keys_dir or self.data_dir / "keys"

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
        write_once(self.key_file, secrets.token_hex(32))


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
