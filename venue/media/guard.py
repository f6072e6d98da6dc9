"""Decides which datagrams may reach a media port.

Whoever can reach the port may send anything to it. Without this guard one empty or one over-long datagram from any
address closes a seat's connection, and a forged DTLS alert keeps it from ever opening.
"""

from typing import Any

from aioice.ice import Connection, StunProtocol

from venue.media.seams import checked_addresses, filter_datagrams, waiting_datagrams

LONGEST_DATAGRAM = 1472  # what an Ethernet frame holds; libsrtp's own buffer ends at 1500
MOST_WAITING = 2048  # about ten seconds of one seat: more means that nobody reads

_STUN = range(4)
_DTLS = range(20, 64)
_RTP_OR_RTCP = range(128, 192)


class PortGuard:
    """Stands before one ICE agent; install it before candidates are gathered.

    STUN may come from anywhere, since it proves itself by the session's password. Everything else must look like
    DTLS or SRTP, be of a length that can be, and come from an address that has passed a connectivity check.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pass_media = filter_datagrams(connection, self._filter)
        self._known: dict[StunProtocol, frozenset[tuple[str, int]]] = {}
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Datagrams turned away so far."""
        return self._dropped

    def _filter(self, protocol: StunProtocol, data: bytes, address: tuple[Any, ...]) -> None:
        if not 1 <= len(data) <= LONGEST_DATAGRAM:
            self._dropped += 1
        elif data[0] in _STUN:
            StunProtocol.datagram_received(protocol, data, address)
        elif self._may_send_media(protocol, data[0], (address[0], address[1])):
            self._pass_media(data, protocol.local_candidate.component)
        else:
            self._dropped += 1

    def _may_send_media(self, protocol: StunProtocol, first: int, address: tuple[str, int]) -> bool:
        if first not in _RTP_OR_RTCP and first not in _DTLS:
            return False
        if address not in self._known.get(protocol, ()):
            self._known[protocol] = checked_addresses(self._connection, protocol)
            if address not in self._known[protocol]:
                return False
        return waiting_datagrams(self._connection) < MOST_WAITING
