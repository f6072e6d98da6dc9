"""A center's own sign-in service, over real HTTP: discovery document, keys, authorization and tokens (OpenID Connect)."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import UserInfo
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "yuanping", "a secret of this test"


@dataclass(slots=True)
class OidcHouse:
    """Signs everybody in as `subject`. claims, header, key: what the next token says instead of the truth.

    now: the clock by which it dates its tokens.
    """

    url: str
    now: datetime
    subject: str = "li.min"
    claims: dict[str, Any] = field(default_factory=dict)
    alg: str = "RS256"
    broken: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    rsa: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discovery(self, _request: Request) -> Response:
        if self.broken:
            return Response("this is no service", 502)
        document = OpenIDProviderMetadata(
            issuer=self.url,
            authorization_endpoint=f"{self.url}/authorize",
            token_endpoint=f"{self.url}/token",
            jwks_uri=f"{self.url}/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
            token_endpoint_auth_methods_supported=["client_secret_basic"],
        )
        return JSONResponse(dict(document))

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse(KeySet([self.rsa]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        self.asked = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self.codes[code] = self.asked
        back = urlencode({"code": code, "state": self.asked["state"]})
        return RedirectResponse(f"{self.asked['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(sent.get("code", ""), None)
        proved = asked and create_s256_code_challenge(sent["code_verifier"]) == asked["code_challenge"]
        if not proved or not asked or sent["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if "authorization" not in request.headers:
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse(
            {"access_token": "unused", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}
        )

    def _id_token(self, nonce: str) -> str:
        at = int(self.now.timestamp())
        claims = {
            **UserInfo(sub=self.subject),
            "iss": self.url,
            "aud": CLIENT,
            "iat": at,
            "auth_time": at,
            "exp": at + 300,
            "nonce": nonce,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key: Any = self.rsa
        if self.alg == "none":
            key = None
        elif self.alg == "HS256":
            key = OctKey.import_key(SECRET)
        elif self.alg == "stranger":
            key = RSAKey.generate_key(2048, {"kid": "first"})
        alg = "RS256" if self.alg == "stranger" else self.alg
        return jwt.encode({"alg": alg, "kid": "first"}, claims, key, algorithms=[alg])


@contextmanager
def oidc_house(now: datetime) -> Iterator[OidcHouse]:
    """On a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        house = OidcHouse(f"http://127.0.0.1:{listening.getsockname()[1]}", now)
        server = uvicorn.Server(
            uvicorn.Config(house.application(), log_level="critical", lifespan="off", ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield house
        finally:
            server.should_exit = True
            thread.join(10)
