"""Every setting of the service, each with a default that runs and a sentence that explains it.

Set by environment variables with the prefix `YUANPING_` and `__` between levels,
as in `YUANPING_SERVER__PORT=9000`.
"""

import base64
import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_
from app.core.keyring import write_once
from app.core.weak_secrets import weak

_OPENS_MINUTES = 60
_SECRET_LEAST, _SECRET_MOST = 24, 64  # bytes, as Standard Webhooks asks


class Provider(StrEnum):
    """Who carries calls and messages."""

    simulator = "simulator"
    twilio = "twilio"
    aliyun = "aliyun"


class ServerSettings(BaseModel):
    host: str = Field("127.0.0.1", description="Address the service listens on.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port the service listens on.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s?#]+/?$",
        description="Address browsers and the provider reach the service at; default http://localhost:PORT.",
    )

    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as"
        ' `["10.0.0.5", "10.1.0.0/16"]`; nobody else\'s are.',
    )
    tls_cert: Path | None = Field(
        None,
        description="Certificate chain (PEM) to serve HTTPS with, such as `yuanping tls` makes; default: HTTP.",
    )
    tls_key: Path | None = Field(None, description="Its key (PEM), readable by the service's own user alone.")
    plain_http_ok: bool = Field(
        default=False,
        description="Speak HTTP to other machines although no proxy with TLS stands before the service: in a closed network only,"
        " whoever is on the way reads and alters everything.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            ipaddress.ip_network(one, strict=False)  # a ValueError names what is none
        return given

    @model_validator(mode="after")
    def _a_certificate_has_its_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("server.tls_cert and server.tls_key go together")
        return self

    @property
    def tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def open_plainly(self) -> bool:
        """Whether other machines reach it by HTTP, with no TLS of its own and no proxy told that has one."""
        behind = (self.public_url or "").startswith("https:") and not all(
            ipaddress.ip_network(one, strict=False).is_loopback for one in self.trusted_proxies
        )
        return not (self.tls or behind or _is_loopback(self.host))


class LimitSettings(BaseModel):
    """How much anybody may ask of the service; 0 switches a limit off. Whoever asks for more is told when to ask again."""

    address_per_s: int = Field(
        100,
        ge=0,
        description="Requests a second from one address, an office behind one counts as one; ten seconds' worth at once.",
    )
    provider_per_s: int = Field(
        2000,
        ge=0,
        description="Reports a second from one address of the telephony provider, which sends them in bursts; ten seconds' worth at once.",
    )
    account_per_s: int = Field(
        20, ge=0, description="Requests a second of one account or seat; ten seconds' worth at once."
    )
    heavy_per_minute: int = Field(
        60,
        ge=0,
        description="Requests a minute of one account that cost the service much, as imports, exports, proofs over the log and checks of recordings.",
    )
    doors_per_minute: int = Field(
        120,
        ge=0,
        description="Tries a minute to sign in, by password, code or link, from one address, at all processes together.",
    )
    body_kb: int = Field(
        1024,
        ge=16,
        description="Longest request in KiB; an import of a roster may be 33 MiB long in any case.",
    )
    body_s: float = Field(
        30.0,
        gt=0,
        description="Seconds in which a request has to come in whole; ten times that for an import.",
    )
    head_s: float = Field(10.0, gt=0, description="Seconds in which the head of a request has to come in.")
    send_s: float = Field(
        60.0, gt=0, description="Seconds a reader may leave a piece of an answer lying before it is let go."
    )
    streams: int = Field(
        24, ge=1, description="Streams of news and WebSockets that one session holds open at most."
    )
    sockets_per_address: int = Field(
        400, ge=1, description="Streams and WebSockets that one address holds open at most."
    )


class AliyunSettings(BaseModel):
    """Read only with `YUANPING_NOTIFY__PROVIDER=aliyun`; see [notifications](notifications.md#aliyun)."""

    access_key_id: str | None = Field(None, description="AccessKey of a RAM user that may text and call.")
    access_key_secret: SecretStr | None = Field(None, description="Its secret.")
    sms_endpoint: str = Field("https://dysmsapi.aliyuncs.com", description="Where texts are handed over.")
    voice_endpoint: str = Field("https://dyvmsapi.aliyuncs.com", description="Where calls are handed over.")
    sign_name: str | None = Field(None, description="Approved signature of texts.")
    called_show_number: str | None = Field(None, description="Bought number that calls come from.")
    templates: dict[str, str] = Field(
        default_factory=dict, description='Approved template codes, as `{"zh:invitation_sms": "SMS_123"}`.'
    )

    def check(self) -> None:
        """Refuses an account that could send nothing, and an address where everybody could read along."""
        needed = {
            "ACCESS_KEY_ID": self.access_key_id,
            "ACCESS_KEY_SECRET": self.access_key_secret and self.access_key_secret.get_secret_value(),
            "SIGN_NAME": self.sign_name,
            "CALLED_SHOW_NUMBER": self.called_show_number,
            "TEMPLATES": self.templates,
        }
        missing = [f"YUANPING_NOTIFY__ALIYUN__{name}" for name, value in needed.items() if not value]
        if missing:
            raise InvalidInput(
                "aliyun-incomplete",
                N_("使用 aliyun 时还须设置 {names}"),
                N_("按 docs/notifications.md 的说明补齐后重新启动"),
                names=", ".join(missing),
            )
        for address in (self.sms_endpoint, self.voice_endpoint):
            if not _private_way(address):
                raise InvalidInput(
                    "aliyun-endpoint",
                    N_("阿里云的接入地址 {address} 不能用"),
                    N_("写成 https://主机，不带路径；http 只可用于本机的试验"),
                    address=address,
                )


def _private_way(address: str) -> bool:
    """Whether it is just a host that is spoken to under TLS, or one on this machine."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 -- raises ValueError for what is no port
    except ValueError:
        return False
    if address != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    )


class NotifySettings(BaseModel):
    provider: Provider = Field(
        Provider.simulator,
        description="`twilio` and `aliyun` ring real phones; `simulator` rings pretend ones, in demonstrations only.",
    )
    account_sid: str = Field("AC" + "0" * 32, description="Twilio account; any value with the simulator.")
    auth_token: str | None = Field(
        None, description="Twilio token, also signs webhooks; with the simulator one is made at start."
    )
    auth_token_former: str | None = Field(
        None,
        description="The token before a change of tokens: reports signed with it are still accepted.",
    )
    from_number: str = Field("+8687000000000", description="Number that calls and texts come from.")
    hotline: str = Field("0870-0000000", description="Hotline spoken in invitations.")
    language: Literal["zh", "en"] = Field("zh", description="Language of calls and texts.")
    hotline_agent: str | None = Field(
        None,
        pattern=r"^\+[1-9]\d{6,14}$",
        description="Phone of the staff, as `+8687012345678`, that callers of the hotline are put through to; without one"
        " they wait on the line until the staff has registered what they want.",
    )
    calls_per_second: float | None = Field(
        None,
        gt=0,
        description="Most calls a second handed to the provider, all processes together; default: what the provider allows"
        " (twilio 1, simulator 10). What is handed over faster would wait with the provider for hours.",
    )
    texts_per_second: float | None = Field(
        None, gt=0, description="The same for texts (twilio 10, simulator 50)."
    )
    callee_limits: str | None = Field(
        None,
        pattern=r"^( *(voice|sms) [1-9]\d*/[1-9]\d* *(,|$))*$",
        description="Most messages to one number, as `voice 1/60, voice 5/3600, sms 10/86400`: so many within so many"
        " seconds; default: what suits the provider (simulator: none).",
    )
    quiet_hours: str = Field(
        "21:00-08:00",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="From when to when nobody is called, Beijing time; empty for none. Calls for an evaluation that starts"
        " within `invitation.urgent_h` hours do not wait.",
    )
    send_timeout_s: float = Field(10.0, gt=0, description="Seconds to wait for the provider's reply.")
    unknown_grace_s: float = Field(
        15.0, gt=0, description="Seconds before a send of unknown fate is looked up at the provider."
    )
    patience_s: float = Field(
        4.0,
        gt=0,
        description="Seconds a caller waits in silence for a slow database before hearing `one moment`.",
    )
    aliyun: AliyunSettings = Field(default_factory=AliyunSettings)


class InvitationSettings(BaseModel):
    reply_window_s: int | None = Field(
        None,
        ge=1,
        description="Seconds an invited expert has to answer; default: the rule pack's `draw.reply_window`.",
    )
    ring_s: int = Field(25, ge=1, description="Seconds a phone rings before the call counts as unanswered.")
    sms_after_s: int = Field(
        120, ge=0, description="Seconds after an unanswered call before the SMS goes out."
    )
    second_call_after_s: int = Field(180, ge=0, description="Seconds after the SMS before the second call.")
    lead_s: int = Field(
        1800,
        ge=0,
        description="An invited expert can answer until so many seconds before they have to be there; 0: until the end.",
    )
    no_show_grace_s: int = Field(
        1800,
        ge=0,
        description="Seconds after the time told from which an absent expert's place can be vacated.",
    )
    urgent_h: int = Field(
        12,
        ge=0,
        description="Calls for an evaluation that starts within so many hours do not mind quiet hours.",
    )


class RehearsalSettings(InvitationSettings):
    """The invitation's timers, shortened so that a rehearsal takes a minute and a half."""

    reply_window_s: int | None = Field(14, ge=1, description="Seconds a pretend expert has to answer.")
    ring_s: int = Field(4, ge=1, description="Seconds a pretend phone rings.")
    sms_after_s: int = Field(1, ge=0, description="Seconds after an unanswered call before the SMS goes out.")
    second_call_after_s: int = Field(3, ge=0, description="Seconds after the SMS before the second call.")
    lead_s: int = Field(0, ge=0, description="As for invitations; pretend experts need no time to travel.")
    no_show_grace_s: int = Field(30, ge=0, description="As for invitations.")
    session_s: int = Field(
        40, ge=1, le=3600, description="Seconds for which pretend experts evaluate and are recorded."
    )


class DrawSettings(BaseModel):
    suite: Literal["sha256", "sm3"] = Field(
        "sha256",
        description="Hash of new draw records: `sha256`, or `sm3` where national algorithms are asked for.",
    )


_MOST_WORKERS = 4
_ICE_URL = re.compile(r"(stuns?:[\w.:\[\]-]+|turns?:[\w.:\[\]-]+(\?transport=(udp|tcp))?)\Z")


class MediaSettings(BaseModel):
    workers: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Processes that hold rooms; default: as many as the machine has cores, at most 4. 0: the service itself, which"
        " is also the default behind TLS as long as `media.worker_address` does not say where a proxy leads to the workers.",
    )
    worker_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="TCP port of the first media worker, each further one has the next; 0: free ones.",
    )
    worker_address: str | None = Field(
        None,
        pattern=r"^wss?://[^\s?#;,']+$",
        description="Address at which browsers reach a media worker, with `{n}` for its number from 0 or `{port}` for its port,"
        " as `wss://host/media/{n}`; default: the name the service was asked by, and the worker's own port.",
    )
    loopback: bool = Field(
        default=True,
        description="Offer 127.0.0.1 as a media address, so that a seat on the same machine connects.",
    )
    video_bitrate: int = Field(
        800_000, ge=50_000, description="Most bits per second asked of a seat's camera."
    )
    video_codec: Literal["vp8", "h264"] = Field(
        "vp8",
        description="Codec of pictures where a seat can send both; a seat that cannot send it sends the other.",
    )
    screen_required: bool = Field(
        default=False,
        description="Every seat has to share its whole screen; else whoever shares is recorded with it.",
    )
    ice_urls: tuple[str, ...] = Field(
        (),
        description="STUN and TURN servers for seats behind firewalls, as `stun:host:3478` or `turns:host:5349?transport=tcp`.",
    )
    turn_secret: SecretStr | None = Field(
        None, description="What the TURN servers share with the service (coturn's `static-auth-secret`)."
    )
    turn_lifetime_s: int = Field(
        3600,
        ge=60,
        le=86_400,
        description="Seconds for which a seat's password for the TURN servers is valid.",
    )

    @model_validator(mode="after")
    def _relays_have_a_secret(self) -> Self:
        wrong = [url for url in self.ice_urls if not _ICE_URL.match(url)]
        if wrong:
            raise ValueError(f"media.ice_urls: not the address of a STUN or TURN server: {', '.join(wrong)}")
        if self.turn_secret is None and any(url.startswith("turn") for url in self.ice_urls):
            raise ValueError("media.turn_secret is missing: TURN servers let nobody in without it")
        return self


class RecordingSettings(BaseModel):
    fragment_ms: int = Field(500, ge=100, le=5000, description="Longest piece of media not yet on disk.")
    roll_s: int = Field(
        300, ge=10, le=7200, description="Seconds after which a track goes on in its next file."
    )
    most_pending_mb: int = Field(
        512,
        ge=16,
        description="Megabytes of media that may wait in memory for a slow disk, all tracks together.",
    )
    stale_after_ms: int = Field(
        5000, ge=1000, description="A seat without durable media for this long counts as not recorded."
    )
    reserve_mb: int = Field(
        2048,
        ge=0,
        description="Megabytes of the recordings' volume kept for rooms that run: below, no new room begins.",
    )
    space_alarms: tuple[int, ...] = Field(
        (80, 90, 95), description="How full, in per cent, the recordings' volume must be for each warning."
    )
    retention_years: int = Field(
        15,
        ge=1,
        le=100,
        description="Years that a recording is kept after its evaluation closed, where the rule pack names no time.",
    )
    package_hours: int = Field(
        72,
        ge=1,
        description="Hours for which an exported recording can be fetched by the two persons who agreed to it.",
    )
    store_dir: Path | None = Field(
        None,
        description="Folder that ended recordings are kept in a second time; default: linked within the data folder.",
    )


class OidcSettings(BaseModel):
    """Read only with an issuer; needs the extra `oidc`. See [operations](operations.md)."""

    issuer: str | None = Field(
        None,
        pattern=r"^https://[^\s?#]+$|^http://(localhost|127\.0\.0\.1)(:\d+)?[^\s?#]*$",
        max_length=200,
        description="Address of the center's own sign-in service (OpenID Connect); default: there is none.",
    )
    client_id: str = Field("yuanping", description="What the service calls us.")
    client_secret: SecretStr | None = Field(
        None, description="Our secret there; default: none, as a public client."
    )
    name: str = Field("统一身份认证", max_length=40, description="What the service is called on our pages.")
    second_factor_amr: tuple[str, ...] = Field(
        (),
        description='Values of `amr` by which its second factor is believed, as `["mfa", "otp"]`; default: never.',
    )
    second_factor_acr: tuple[str, ...] = Field((), description="The same for values of `acr`.")
    acr_values: tuple[str, ...] = Field((), description="Values of `acr` that we ask the service for.")

    @property
    def enabled(self) -> bool:
        return self.issuer is not None


class AccountSettings(BaseModel):
    session_hours: int = Field(12, ge=1, description="Hours until a signed-in session ends, used or not.")
    idle_minutes: int = Field(
        30,
        ge=2,
        description="Minutes without use until a session of staff ends; a seat's lasts as long as its room.",
    )
    step_up_minutes: int = Field(
        10,
        ge=1,
        description="Minutes for which the second factor counts as just shown, where an act asks for it.",
    )
    sign_in_tries: int = Field(5, ge=1, description="Wrong tries before a login or a seat code pauses.")
    sign_in_pause_s: int = Field(300, ge=1, description="Seconds the pause lasts.")
    oidc: OidcSettings = Field(default_factory=OidcSettings)


class SealSettings(BaseModel):
    suite: Literal["aes", "sm4"] = Field(
        "aes",
        description="How personal fields are encrypted from now on: `aes`, or `sm4` where national algorithms are asked for."
        " Fields sealed before stay readable; `yuanping key rotate` seals them anew.",
    )
    index: Literal["sha256", "sm3"] | None = Field(
        None,
        description="Hash that people are looked up by; a database stays with the one it was begun with. Default: `sm3` for a"
        " new database under `sm4`, else `sha256`.",
    )
    keys_dir: Path | None = Field(
        None,
        description="Folder of the field keys that were made by rotation, which all nodes must see; default: `keys` in the data"
        " folder.",
    )


class AuditSettings(BaseModel):
    """See [the audit log](audit-log.md)."""

    origin: str | None = Field(
        None,
        pattern=r"^[^\s+]{1,200}$",
        description="Name of this house's audit log in its checkpoints, as `example.org/audit`; never to be changed. Default: made"
        " from its key.",
    )
    checkpoint_s: int = Field(
        10,
        ge=2,
        le=3600,
        description="Seconds after which whatever is new in the trail is signed at the latest.",
    )
    witnesses: tuple[str, ...] = Field(
        (),
        description="Public keys of partner centers and supervisors who may cosign checkpoints, as `yuanping witness-key` prints"
        " them.",
    )
    tsa_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Address of an RFC 3161 time-stamping service that stamps checkpoints at milestones; needs the extra"
        " `timestamps`. Default: none.",
    )
    tsa_roots: Path | None = Field(
        None, description="PEM file of the certificates that the stamping service's chain has to end in."
    )
    sign_command: tuple[str, ...] = Field(
        (),
        description="Program and arguments that get a checkpoint's text on standard input and print one more signature line, such"
        " as one with SM2.",
    )


@dataclass(frozen=True, slots=True)
class SeatRules:
    """What is asked of whoever takes a seat. opens: how long before the start; None: at any time before."""

    terminal: bool
    identity: bool
    opens: timedelta | None


class SeatSettings(BaseModel):
    """See [seats](operations.md#seat-terminals-and-the-check-in-desk). A demonstration asks for less unless told, and says so."""

    terminal_required: bool | None = Field(
        None,
        description="A seat is taken at its own enrolled terminal alone; default: yes, in a demonstration no.",
    )
    identity_check_required: bool | None = Field(
        None,
        description="A seat is taken only after the check of identity at the desk; default: yes, in a demonstration no.",
    )
    opens_minutes: int | None = Field(
        None,
        ge=0,
        description="Minutes before the start from which a seat can be taken; default: 60, in a demonstration at any time.",
    )

    def rules(self, *, demo: bool) -> SeatRules:
        minutes = self.opens_minutes if self.opens_minutes is not None else (None if demo else _OPENS_MINUTES)
        return SeatRules(
            terminal=not demo if self.terminal_required is None else self.terminal_required,
            identity=not demo if self.identity_check_required is None else self.identity_check_required,
            opens=None if minutes is None else timedelta(minutes=minutes),
        )


class ExchangeSettings(BaseModel):
    filing_url: str | None = Field(
        None,
        description="Address that every draw is filed with when it has ended; default: nothing is filed.",
    )
    filing_secret: SecretStr | None = Field(
        None, description="Signs what is filed: `whsec_` and the base64 of 24 to 64 random bytes."
    )
    filing_timeout_s: float = Field(15.0, gt=0, description="Seconds to wait for a receipt.")
    filing_tries: int = Field(
        60, ge=1, description="Tries, at last an hour apart, before a filing waits for staff."
    )

    @property
    def filing_key(self) -> bytes:
        """The bytes of the secret; empty when they are none that can sign."""
        given = self.filing_secret.get_secret_value() if self.filing_secret else ""
        try:
            key = base64.b64decode(given.removeprefix("whsec_"), validate=True)
        except ValueError:
            return b""
        return key if _SECRET_LEAST <= len(key) <= _SECRET_MOST else b""

    def check(self) -> None:
        """Refuses an address nothing can be posted to, and one that would get documents nobody can check."""
        if self.filing_url is None:
            return
        if not _postable(self.filing_url):
            raise InvalidInput(
                "filing-address",
                N_("YUANPING_EXCHANGE__FILING_URL 不是可以投递的地址"),
                N_("写成 https://主机/路径，不含用户名和口令"),
            )
        if not self.filing_key:
            raise InvalidInput(
                "filing-secret",
                N_("设置了备案地址，却没有可用的签名密钥 YUANPING_EXCHANGE__FILING_SECRET"),
                N_("设为 whsec_ 加 24 至 64 个随机字节的 base64，并交给接收方"),
            )


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
        if self.notify.provider is Provider.aliyun:
            self.notify.aliyun.check()
        self.exchange.check()
        if self.demo and self.exchange.filing_url is not None:
            raise InvalidInput(
                "demo-real-filing",
                N_("示范模式下的抽取不得向真实平台备案"),
                N_("关闭 YUANPING_DEMO，或去掉 YUANPING_EXCHANGE__FILING_URL"),
            )

    def _require_cover(self) -> None:
        if self.server.open_plainly and not self.server.plain_http_ok:
            raise InvalidInput(
                "http-in-the-open",
                N_("服务将以明文 HTTP 向本机以外开放，密码和会话会被途中的人看到"),
                N_(
                    "运行 yuanping tls 后用 serve --tls；或在前面放 TLS 代理，设置 YUANPING_SERVER__PUBLIC_URL=https://… 和 YUANPING_SERVER__TRUSTED_PROXIES；封闭网络可设 YUANPING_SERVER__PLAIN_HTTP_OK=true"
                ),
            )

    def _require_secrets(self) -> None:
        """InvalidInput names the first secret that comes out of an example or a test, or is too simple."""
        token = self.notify.auth_token.encode() if self.notify.auth_token else None
        secrets_by_name = {
            "YUANPING_SECRET_KEY / secret.key": (self.key if self.has_key else None, 32),
            "YUANPING_MEDIA__TURN_SECRET": (_told(self.media.turn_secret), 16),
            "YUANPING_EXCHANGE__FILING_SECRET": (self.exchange.filing_key or None, _SECRET_LEAST),
            "YUANPING_NOTIFY__AUTH_TOKEN": (token, 16),
            "YUANPING_NOTIFY__ALIYUN__ACCESS_KEY_SECRET": (_told(self.notify.aliyun.access_key_secret), 16),
        }
        for name, (secret, least) in secrets_by_name.items():
            if secret is not None and weak(secret, least):
                raise InvalidInput(
                    "secret-weak",
                    N_("主密钥或口令 {name} 是示例、测试用的值，或过于简单"),
                    N_("删去该设置让系统自动生成，或用 openssl rand 生成新的随机值"),
                    name=name,
                )

    def check_service(self) -> None:
        """Refuses what must not serve, too: pretend phones outside a demonstration ring no expert at all, and secrets that anybody
        could know protect nobody."""
        self.check()
        if not self.demo:
            self._require_secrets()
            self._require_cover()
        if self.notify.provider is Provider.simulator and not self.demo:
            raise InvalidInput(
                "provider-missing",
                N_("没有设置电话与短信服务商，真实的专家收不到任何通知"),
                N_(
                    "正式运行请设置 YUANPING_NOTIFY__PROVIDER=twilio 或 aliyun；试用请运行 yuanping run，或设置 YUANPING_DEMO=true"
                ),
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _told(secret: SecretStr | None) -> bytes | None:
    return None if secret is None else secret.get_secret_value().encode()


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


def _postable(url: str) -> bool:
    try:
        address = urlsplit(url)
        named = bool(address.hostname) and address.port != 0 and "@" not in address.netloc
    except ValueError:
        return False
    return named and address.scheme in {"http", "https"}


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
