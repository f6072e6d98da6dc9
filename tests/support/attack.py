"""Datagrams that nobody who means well sends, to the ports of a room: from strangers and in the name of the seats."""

import asyncio
import socket
from collections.abc import Sequence

from tests.support.udp_path import UdpPath

_EVERY_S = 0.005
_AT_ONCE = 120

HOSTILE: Sequence[bytes] = (
    b"",  # empty: closes a connection of aiortc
    b"\x80" + bytes(1600),  # over-long, likewise
    bytes.fromhex("15fefd000000000000000000020228"),  # a DTLS alert in clear
    b"\x16\xfe\xfd" + bytes(60),  # a handshake that makes no sense
    b"\x80\xe0" + bytes(200),  # media that no key has locked
    b"\x80\xc8\x00\x06" + bytes(30),  # a report likewise
    b"\x80",  # cut short
    b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # a check without a password
    b"\x00\x01\xff\xff" + bytes(40),
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff" * 700,
)


async def attack(paths: Sequence[UdpPath], count: int) -> None:
    """Sends `count` datagrams in turn, over every second one the address that has proved itself; what seats sent before
    is sent again among them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        sent = 0
        while sent < count:
            for _ in range(min(_AT_ONCE, count - sent)):
                path = paths[sent % len(paths)]
                data = _datagram(path, sent)
                if sent // len(paths) % 2:
                    path.forge(data)
                else:
                    _send(stranger, data, path)
                sent += 1
            await asyncio.sleep(_EVERY_S)


def _datagram(path: UdpPath, number: int) -> bytes:
    kind = number // 2 % (len(HOSTILE) + 2)
    if kind < len(HOSTILE):
        return HOSTILE[kind]
    replayed = path.overheard[number % len(path.overheard)] if path.overheard else HOSTILE[0]
    return replayed if kind == len(HOSTILE) else replayed[: len(replayed) // 2]


def _send(stranger: socket.socket, data: bytes, path: UdpPath) -> None:
    try:
        stranger.sendto(data, path.far)
    except BlockingIOError:
        stranger.setblocking(True)
        stranger.sendto(data, path.far)
        stranger.setblocking(False)
