"""The only door to a center's own sign-in service (统一身份认证): OpenID Connect, authorization code with PKCE and nonce.

Needs the extra `yuanping[oidc]`. Who somebody is there opens nothing here until an administrator has linked the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.core.errors import Forbidden, Unavailable
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.settings_doors import OidcSettings

_TIMEOUT_S = 10.0
_LEEWAY_S = 60
_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "RS384", "RS512")
"""How tokens may be signed: by a key of the provider's. Neither `none`, nor with the secret that we hold as well."""
_AT_HOME = frozenset({"localhost", "127.0.0.1", "::1"})
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Flow:
    """What one visit to the provider is recognized by; all of it follows from a token that only the browser keeps."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider says it has seen. second_factor: whether it asked for one, as far as the settings believe it."""

    issuer: str
    subject: str
    second_factor: bool
    seen_at: int | None


def flow_of(sealer: Sealer, token: str) -> Flow:
    state, nonce, verifier = (
        sealer.fingerprint(token, f"oidc-{part}") for part in ("state", "nonce", "verifier")
    )
    return Flow(state, nonce, verifier)


class Provider:
    """One provider, by its settings. Every call asks it anew: signing in is rare, and its keys may have changed."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri

    def address(self, flow: Flow, *, fresh: bool) -> str:
        """Where to send the browser. fresh: the provider is to ask again who is there, even if it knows."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # noqa: PLC0415 -- an optional extra
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415 -- as above

        more = {"prompt": "login", "max_age": "0"} if fresh else {}
        if self._settings.acr_values:
            more["acr_values"] = " ".join(self._settings.acr_values)
        return str(
            prepare_grant_uri(
                self._metadata()["authorization_endpoint"],
                client_id=self._settings.client_id,
                response_type="code",
                redirect_uri=self._redirect_uri,
                scope="openid",
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
                **more,
            )
        )

    def identity(self, flow: Flow, code: str, now: datetime) -> Identity:
        """Whom the code stands for. Forbidden when the token is not what it should be, Unavailable without an answer."""
        metadata = self._metadata()
        token = self._token(metadata, flow, code)
        claims = self._claims(metadata, str(token.get("id_token", "")), flow, now)
        try:
            return self._identity(claims)
        except (ValueError, TypeError, OverflowError) as error:
            raise _refused(type(error).__name__) from error

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        """What the claims say; an error where one of them is no such thing."""
        amr, acr = claims.get("amr") or [], claims.get("acr")
        believed = bool(set(self._settings.second_factor_amr) & set(amr)) or (
            acr is not None and acr in self._settings.second_factor_acr
        )
        seen = None if claims.get("auth_time") is None else int(claims["auth_time"])
        if seen is not None:
            datetime.fromtimestamp(seen, UTC)  # an error for what is no moment
        return Identity(str(claims["iss"]), str(claims["sub"]), believed, seen)

    def _metadata(self) -> Mapping[str, Any]:
        issuer = str(self._settings.issuer).rstrip("/")
        found = _json("GET", issuer + _DISCOVERY)
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise _refused("issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _private(str(found.get(name, ""))):
                raise _refused(name)
        return found

    def _token(self, metadata: Mapping[str, Any], flow: Flow, code: str) -> Mapping[str, Any]:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": self._settings.client_id,
        }
        secret = self._settings.client_secret
        if secret is None:
            return _json("POST", metadata["token_endpoint"], sent)
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in ways:
            auth = (str(self._settings.client_id), secret.get_secret_value())
            return _json("POST", metadata["token_endpoint"], sent, auth)
        return _json("POST", metadata["token_endpoint"], {**sent, "client_secret": secret.get_secret_value()})

    def _claims(
        self, metadata: Mapping[str, Any], id_token: str, flow: Flow, now: datetime
    ) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 -- an optional extra
        from joserfc import jwt  # noqa: PLC0415 -- as above
        from joserfc.errors import JoseError  # noqa: PLC0415 -- as above
        from joserfc.jwk import KeySet  # noqa: PLC0415 -- as above

        keys: Any = _json("GET", metadata["jwks_uri"])
        client_id = self._settings.client_id
        try:
            decoded = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=list(_ALGORITHMS))
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": metadata["issuer"]},
                    "aud": {"essential": True, "value": client_id},
                    "nonce": {"essential": True, "value": flow.nonce},
                },
                {"nonce": flow.nonce, "client_id": client_id},
            )
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused(type(error).__name__) from error
        return dict(claims)


def _json(
    method: str, address: str, form: dict[str, Any] | None = None, auth: tuple[str, str] | None = None
) -> Mapping[str, Any]:
    try:
        with httpx2.Client(timeout=_TIMEOUT_S) as client:
            answer = client.request(method, address, data=form, auth=auth)
        found = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unavailable(
            "oidc-unreachable", N_("统一身份认证没有应答"), N_("改用登录名和密码，或联系系统管理员")
        ) from error
    if answer.is_error or not isinstance(found, dict):
        raise _refused(str(found.get("error", "")) if isinstance(found, dict) else "answer")
    return found


def _private(address: str) -> bool:
    """Whether nobody reads along on the way there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _AT_HOME)


def _refused(reason: str) -> Forbidden:
    return Forbidden(
        "oidc-refused",
        N_("统一身份认证的回答不可信（{reason}）"),
        N_("重新登录；仍不行请系统管理员核对 YUANPING_ACCOUNTS__OIDC 设置"),
        reason=reason,
    )
