"""Takes the port before anything else is begun, so that a taken one is said plainly and nobody else answers in our name."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.core.errors import Conflict
from app.core.i18n import N_

_BACKLOG = 2048


@contextmanager
def listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Sockets that listen on every address the host name has; closed at the end. Conflict when one cannot be had."""
    with ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets = [
                stack.enter_context(_listener(family, address))
                for family, address in dict.fromkeys((one[0], one[4]) for one in found)
            ]
        except OSError as error:
            raise Conflict(
                "port-taken",
                N_("地址 {host} 的端口 {port} 无法打开，可能已被占用：{error}"),
                N_("停止占用它的程序，或用 --port 换一个端口"),
                host=host,
                port=port,
                error=error.strerror or str(error),
            ) from error
        yield sockets


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listener(family: int, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if (
            os.name == "posix"
        ):  # a port in its last minute may be had again; on Windows this would mean to share it
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
        opened.settimeout(0)
    except BaseException:
        opened.close()
        raise
    return opened
