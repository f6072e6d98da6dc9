"""Where browsers reach a media worker: worked out from the address at which they asked for the way."""

import re
from urllib.parse import urlsplit

ROOM_PATH = "/ws/room"
LIVE_PATH = "/ws/live"
_ORIGIN = re.compile(r"wss?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(?=/|$)")
_USUAL_PORT = {"http": 80, "https": 443}
BESIDE = "{scheme}://{host}"
"""The name that the service was asked by, spoken to as safely as the service."""


def worker_url(pattern: str | None, number: int, port: int) -> str:
    """What a worker tells of itself. pattern: the setting `media.worker_address`, None for the service's own name."""
    if pattern is None:
        return f"{BESIDE}:{port}"
    return pattern.replace("{n}", str(number)).replace("{port}", str(port)).rstrip("/")


def base(url: str, asked_at: str) -> str:
    """The beginning of a worker's addresses, such as `ws://localhost:40123`.

    url: as in `MediaWorker.url`; empty for a worker that is the service itself. asked_at: the address of the service as the
    browser sees it, such as `http://localhost:8000`.
    """
    kind, _, netloc = asked_at.partition("://")
    scheme = "wss" if kind == "https" else "ws"
    return url.replace("{scheme}", scheme).replace("{host}", _name(netloc)) if url else f"{scheme}://{netloc}"


def origin(url: str, asked_at: str) -> str | None:
    """The same without a path, as a content security policy names it; None for an address that cannot be put into one."""
    found = _ORIGIN.match(base(url, asked_at))
    return found[0] if found else None


def asked_at(scheme: str, host: str, public_url: str) -> str:
    """The address of the service as a browser sees it. scheme, host: as the request came in, perhaps through a proxy that
    speaks to browsers under TLS and to us without."""
    kind, _, public = public_url.partition("://")
    return f"{kind if host == public else scheme}://{host}"


def from_our_pages(page: str, host: str, port: int, public_url: str) -> bool:
    """Whether a page of the service opens a socket: the page comes from where the socket was asked for, from the service's
    own port of the same name, or from the public address.

    page: what the browser says that it comes from (`Origin`). host: where it asks (`Host`), perhaps a worker. port: the service's.
    """
    scheme, _, netloc = page.partition("://")
    if scheme not in _USUAL_PORT or not netloc:
        return False
    public = urlsplit(public_url)
    known = {_whole(scheme, host), f"{_name(host)}:{port}"}
    if public.scheme == scheme:
        known.add(_whole(scheme, public.netloc))
    return _whole(scheme, netloc) in known


def _whole(scheme: str, netloc: str) -> str:
    """With its port, which browsers leave out where it is the usual one."""
    return netloc if netloc != _name(netloc) else f"{netloc}:{_USUAL_PORT[scheme]}"


def _name(netloc: str) -> str:
    """A name without its port; an address of IPv6 keeps its brackets."""
    return netloc[: netloc.find("]") + 1] if netloc.startswith("[") else netloc.partition(":")[0]
