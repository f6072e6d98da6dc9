"""The service as a rehearsal sees it: over HTTP, signed in like anybody else."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from app.core.errors import YuanpingError
from app.rehearsal.terminals import SoftwareTerminal
from venue import at_terminal
from venue.proofs import Purpose


class RehearsalFailed(YuanpingError):
    """The rehearsal did not go as it should; says at which step and why."""


class Desk:
    """One person's browser without the browser: a cookie jar and the address of the service."""

    def __init__(self, url: str) -> None:
        # As a browser would: who brings a session's cookie has to say where it comes from.
        self._client = httpx2.AsyncClient(
            base_url=url, headers={"Origin": url.rstrip("/")}, follow_redirects=True, timeout=20.0
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def sign_in_by_link(self, path: str) -> None:
        """Follows a sign-in link; RehearsalFailed when it does not let us in."""
        answer = await self._client.get(path)
        if answer.is_error:
            raise _failed("sign-in", answer)

    async def sign_in_by_code(self, code: str, terminal: SoftwareTerminal) -> None:
        """Types a seat code at the expert's door, on the machine that is this terminal."""
        asked = await self.post("/api/terminal/challenge", {"purpose": Purpose.seat.value})
        shown = terminal.proof(Purpose.seat, asked["challenge"], code)
        answer = await self._client.post("/seat", data={"code": code, **shown})
        if answer.is_error:
            raise _failed("seat-code", answer)

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        return await self._ask("POST", path, body)

    async def write(
        self, method: str, path: str, terminal: SoftwareTerminal, body: Mapping[str, object] | None = None
    ) -> Any:
        """From a seat, with its terminal's word for exactly what is said."""
        asked = await self.post("/api/seat/challenge", {"purpose": Purpose.save.value})
        text = "" if body is None else json.dumps(body)
        headers = {
            at_terminal.HEADER: terminal.vouch(asked["challenge"], at_terminal.told(method, path, text))
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        return _read(
            f"{method} {path}", await self._client.request(method, path, content=text, headers=headers)
        )

    async def refused_as(self, path: str) -> str | None:
        """Posts, and returns the code of the refusal; None when it went through."""
        answer = await self._client.post(path)
        if not answer.is_error:
            return None
        if answer.is_server_error:
            raise _failed(path, answer)
        code: str = answer.json().get("code", str(answer.status_code))
        return code

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        return _read(f"{method} {path}", await self._client.request(method, path, json=body))


def _read(what: str, answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise _failed(what, answer)
    return answer.json()


def _failed(what: str, answer: httpx2.Response) -> RehearsalFailed:
    return RehearsalFailed(
        "rehearsal-refused",
        "{what}: HTTP {status} {body}",
        what=what,
        status=answer.status_code,
        body=answer.text[:300],
    )
