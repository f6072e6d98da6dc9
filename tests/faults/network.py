"""The way from the provider to the service: signed, lossy, and over whichever node takes it."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha1
from itertools import count
from urllib.parse import urlsplit

import aiohttp

_PATIENCE = aiohttp.ClientTimeout(total=15, connect=5)
_AT_ONCE = 100
_FIRST_BAD = 400


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """What Twilio would write into X-Twilio-Signature: its published rule, written anew here."""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), sha1)).decode()


class Network:
    """Posts to the nodes in turn, as a load balancer would; made inside the running event loop.

    public: the origin that URLs are signed for. nodes: the origins that answer for it. A node that takes no connection
    is passed over once; when the connection breaks later, what was posted may have arrived, and nobody tries again.
    """

    def __init__(self, public: str, nodes: Sequence[str], token: str) -> None:
        self._public = public
        self._nodes = tuple(nodes)
        self._token = token
        self._turn = count()
        self._client = aiohttp.ClientSession(
            timeout=_PATIENCE,
            connector=aiohttp.TCPConnector(limit=_AT_ONCE),
            skip_auto_headers=("User-Agent",),
        )

    async def post(self, url: str, fields: Mapping[str, str]) -> str | None:
        """The document in the reply; None when there was none, for whatever reason."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"X-Twilio-Signature": signature(self._token, f"{self._public}{path}", fields)}
        for _ in self._nodes:
            node = self._nodes[next(self._turn) % len(self._nodes)]
            try:
                async with self._client.post(f"{node}{path}", data=fields, headers=headers) as reply:
                    text = await reply.text()
                    return text if reply.status < _FIRST_BAD else None
            except aiohttp.ClientConnectorError:
                continue
            except (aiohttp.ClientError, TimeoutError):
                return None
        return None

    async def close(self) -> None:
        await self._client.close()
