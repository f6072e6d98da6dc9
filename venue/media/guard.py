"""Decides which datagrams may reach a media port.

Whoever can reach the port may send anything to it. Without this guard one empty or one over-long datagram from any
address closes a seat's connection, and a forged DTLS alert keeps it from ever opening.
"""

from collections.abc import Callable
from typing import Any

from aioice.ice import Connection, StunProtocol

from venue.media.seams import checked_addresses, filter_datagrams, waiting_datagrams

LONGEST_DATAGRAM = 1472  # what an Ethernet frame holds; libsrtp's own buffer ends at 1500
MOST_WAITING = 2048  # about ten seconds of one seat: more means that nobody reads

_STUN = range(4)
_DTLS = range(20, 64)
_RTP_OR_RTCP = range(128, 192)
_SHORTEST_MEDIA = 8  # the head of a report; shorter ones decide nothing
_ALERT, _UNENCRYPTED = 21, b"\0\0"


class PortGuard:
    """Stands before one ICE agent; install it before candidates are gathered.

    STUN may come from anywhere, since it proves itself by the session's password. Everything else must look like
    DTLS or SRTP, be of a length that can be, and come from an address that has passed a connectivity check. `media` is
    given what looks like SRTP.
    """

    def __init__(self, connection: Connection, media: Callable[[bytes], None]) -> None:
        self._connection = connection
        self._media = media
        self._pass_handshake = filter_datagrams(connection, self._filter)
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
        elif not self._is_checked(protocol, address):
            self._dropped += 1
        elif data[0] in _RTP_OR_RTCP and len(data) >= _SHORTEST_MEDIA:
            self._media(data)
        elif self._may_shake_hands(data):
            self._pass_handshake(data, protocol.local_candidate.component)
        else:
            self._dropped += 1

    def _is_checked(self, protocol: StunProtocol, address: tuple[Any, ...]) -> bool:
        known = self._known.get(protocol)
        if known is not None and address in known:
            return True
        address = (address[0], address[1])
        self._known[protocol] = known = checked_addresses(self._connection, protocol)
        return address in known

    def _may_shake_hands(self, data: bytes) -> bool:
        """DTLS, but no alert that anybody could have written: a handshake that fails runs into its deadline."""
        is_forgeable = data[0] == _ALERT and data[3:5] == _UNENCRYPTED
        return data[0] in _DTLS and not is_forgeable and waiting_datagrams(self._connection) < MOST_WAITING
