"""A way between two UDP ports that loses, delays and mixes up datagrams by pattern: the same in every run."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """How a way treats what passes, the same in both directions.

    delay_ms: for every datagram; every datagram waits between that and `jitter_ms` more. lost_percent: in bursts of
    `burst` datagrams each. outages: seconds (from, to) since the way was opened in which nothing passes.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    lost_percent: float = 0.0
    burst: int = 1
    outages: tuple[tuple[float, float], ...] = ()

    def loses(self, number: int, at_s: float) -> bool:
        """Whether the datagram of that number gets lost."""
        if any(start <= at_s < end for start, end in self.outages):
            return True
        every = self.burst * 100 / self.lost_percent if self.lost_percent else 0
        return bool(every) and number % every >= every - self.burst

    def delays_ms(self, number: int) -> float:
        """How long it is under way."""
        return self.delay_ms + self.jitter_ms * (number * 7919 % 101) / 100


@dataclass(slots=True)
class UdpPath:
    """Between one seat, which is told `address`, and the service at `far`."""

    far: Address
    weather: Weather
    address: Address = ("", 0)
    lost: int = 0
    passed: int = 0
    overheard: deque[bytes] = field(default_factory=lambda: deque(maxlen=64))
    """The last datagrams that the seat sent, for whoever wants to send them again."""
    _near: Address | None = None
    _inner: asyncio.DatagramTransport | None = None
    _outer: asyncio.DatagramTransport | None = None
    _counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    _began: float = 0.0

    async def open(self) -> "UdpPath":
        """Opens both ports; the outer one is where the service hears the seat from."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._inner, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._from_seat), local_addr=("127.0.0.1", 0)
        )
        self._outer, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._from_service), local_addr=("127.0.0.1", 0)
        )
        self.address = self._inner.get_extra_info("sockname")[:2]
        return self

    def close(self) -> None:
        """Nothing passes any more."""
        for transport in (self._inner, self._outer):
            if transport is not None:
                transport.close()

    def forge(self, data: bytes) -> None:
        """Sends bytes to the service as if the seat had: from the very address that has proved itself."""
        if self._outer is not None:
            self._outer.sendto(data, self.far)

    def _from_seat(self, data: bytes, address: Address) -> None:
        self._near = address
        self.overheard.append(data)
        self._pass(data, is_upward=True)

    def _from_service(self, data: bytes, _: Address) -> None:
        self._pass(data, is_upward=False)

    def _pass(self, data: bytes, *, is_upward: bool) -> None:
        loop, number = asyncio.get_running_loop(), self._counts[is_upward]
        self._counts[is_upward] += 1
        if self.weather.loses(number, loop.time() - self._began):
            self.lost += 1
            return
        self.passed += 1
        wait_ms = self.weather.delays_ms(number)
        if wait_ms:
            loop.call_later(wait_ms / 1000, self._send, data, is_upward)
        else:
            self._send(data, is_upward)

    def _send(self, data: bytes, is_upward: bool) -> None:
        to = self.far if is_upward else self._near
        transport: Callable[[bytes, Any], None] | None = None
        if is_upward and self._outer is not None:
            transport = self._outer.sendto
        elif self._inner is not None:
            transport = self._inner.sendto
        if transport is not None and to is not None:
            transport(data, to)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[bytes, Address], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._heard(data, (addr[0], addr[1]))


async def lead_through(answer: str, weather: Weather) -> tuple[str, UdpPath]:
    """The answer with one address instead of all, and the way behind it."""
    lines, path = [], None
    for line in answer.splitlines():
        if line.startswith("a=candidate:"):
            words = line.split(" ")
            if words[4] != "127.0.0.1":
                continue
            if path is None:  # told on every media line, and always the same
                path = await UdpPath((words[4], int(words[5])), weather).open()
            words[4:6] = [path.address[0], str(path.address[1])]
            line = " ".join(words)  # noqa: PLW2901 -- the line as it goes on
        lines.append(line)
    if path is None:
        raise ValueError("the answer names no address on this machine")
    return "\r\n".join(lines) + "\r\n", path
