"""Decides which datagrams may reach a media port.

Whoever can reach the port may send anything to it. Without this guard one empty or one over-long datagram from any
address closes a seat's connection, and a forged DTLS alert keeps it from ever opening.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from aioice.ice import Connection, StunProtocol

from app.core.allowance import Allowance
from venue.media.seams import (
    answers_us,
    checked_addresses,
    filter_datagrams,
    names_session,
    pairs_known,
    waiting_datagrams,
)

log = logging.getLogger(__name__)

LONGEST_DATAGRAM = 1472  # what an Ethernet frame holds; libsrtp's own buffer ends at 1500
MOST_WAITING = 2048  # about ten seconds of one seat: more means that nobody reads

MOST_SOURCES = 64
"""Strangers that are each given an allowance of their own at a time; the longest silent makes room for the next."""

MOST_PAIRS = 100
"""Pairs of addresses that one connection tries. A seat has a handful; each new address beyond it would be one more."""

_CHECKS_AT_ONCE, _CHECKS_PER_S = 60, 30.0
"""Connectivity checks taken from one source. A browser sends a few at the start and then one or two a second."""
_STRANGERS_AT_ONCE, _STRANGERS_PER_S = 400, 200.0
"""The same from all sources together that have not passed a check."""
_NS = 1_000_000_000

_STUN = range(4)
_DTLS = range(20, 64)
_RTP_OR_RTCP = range(128, 192)
_SHORTEST_MEDIA = 8  # the head of a report; shorter ones decide nothing
_ALERT, _UNENCRYPTED = 21, b"\0\0"


class PortGuard:
    """Stands before one ICE agent; install it before candidates are gathered.

    STUN may come from anywhere, since it proves itself by the session's password: answers to what was asked here, and checks
    that name the session, but not more of them than a browser has reason to send. Everything else must look like DTLS or
    SRTP, be of a length that can be, and come from an address that has passed a connectivity check. `media` is given what
    looks like SRTP.
    """

    def __init__(self, connection: Connection, media: Callable[[bytes], None]) -> None:
        self._connection = connection
        self._media = media
        self._pass_handshake = filter_datagrams(connection, self._gate)
        self._known: dict[StunProtocol, set[tuple[Any, ...]]] = {}
        self._allowances: OrderedDict[tuple[Any, ...], Allowance] = OrderedDict()
        self._strangers = Allowance(_STRANGERS_AT_ONCE, _STRANGERS_PER_S)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Datagrams turned away so far."""
        return self._dropped

    def _gate(self, protocol: StunProtocol) -> Callable[[bytes, tuple[Any, ...]], None]:
        """What takes the datagrams of one port. Media from a known address, nearly all there is, goes straight through."""
        known = self._known.setdefault(protocol, set())
        sizes = range(_SHORTEST_MEDIA, LONGEST_DATAGRAM + 1)

        def received(data: bytes, address: tuple[Any, ...]) -> None:
            if address in known and len(data) in sizes and data[0] in _RTP_OR_RTCP:
                self._media(data)
            else:
                self._filter(protocol, data, address)

        return received

    def _filter(self, protocol: StunProtocol, data: bytes, address: tuple[Any, ...]) -> None:
        if not 1 <= len(data) <= LONGEST_DATAGRAM:
            self._dropped += 1
        elif data[0] in _STUN:
            # What cannot be from the session uses nothing up, whoever's address it bears: a seat whose own checks and answers
            # were turned away for others' sake would be given up after half a minute.
            if answers_us(protocol, data) or (
                names_session(self._connection, data) and self._may_ask(protocol, address)
            ):
                self._check(protocol, data, address)
            else:
                self._dropped += 1
        elif not self._is_checked(protocol, address):
            self._dropped += 1
        elif data[0] in _RTP_OR_RTCP and len(data) >= _SHORTEST_MEDIA:
            self._media(data)
        elif self._may_shake_hands(data):
            self._pass_handshake(data, protocol.local_candidate.component)
        else:
            self._dropped += 1

    def _check(self, protocol: StunProtocol, data: bytes, address: tuple[Any, ...]) -> None:
        try:
            StunProtocol.datagram_received(protocol, data, address)
        except Exception:
            # aioice meets odd checks with errors of many kinds; to us they are all one more datagram for nobody.
            self._dropped += 1
            log.debug("a check that cannot be read", exc_info=True)

    def _may_ask(self, protocol: StunProtocol, address: tuple[Any, ...]) -> bool:
        """Whether this source may still be answered: reading and answering a check costs more than turning it away."""
        now_ns = round(asyncio.get_running_loop().time() * _NS)
        allowance = self._allowances.get(address)
        if allowance is None:
            if len(self._allowances) >= MOST_SOURCES:
                self._allowances.popitem(last=False)
            allowance = self._allowances[address] = Allowance(_CHECKS_AT_ONCE, _CHECKS_PER_S)
        self._allowances.move_to_end(address)
        if not allowance.take(now_ns):
            return False
        if self._is_checked(protocol, address):
            return True
        return pairs_known(self._connection) < MOST_PAIRS and self._strangers.take(now_ns)

    def _is_checked(self, protocol: StunProtocol, address: tuple[Any, ...]) -> bool:
        """Whether this address has proved itself at this port. Once it has, it is known."""
        known = self._known[protocol]
        if address not in known and address[:2] in checked_addresses(self._connection, protocol):
            known.add(address)
        return address in known

    def _may_shake_hands(self, data: bytes) -> bool:
        """DTLS, but no alert that anybody could have written: a handshake that fails runs into its deadline."""
        is_forgeable = data[0] == _ALERT and data[3:5] == _UNENCRYPTED
        return data[0] in _DTLS and not is_forgeable and waiting_datagrams(self._connection) < MOST_WAITING
