"""Settings of where the service is reached, how much anybody may ask of it, and who is let in."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
