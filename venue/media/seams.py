"""The few places where the media libraries are held by names they do not promise to keep.

aiortc 1.16 has no way to take encoded frames, and aioice 0.13 never offers the loopback address and takes any
datagram from anybody; both are mended here on single objects, never on their modules. Every such name is in this
file, and `check_aiortc_seams` refuses to start with a version in which one of them has moved.
"""

# ruff: noqa: SLF001 -- holding private names in one place is this file's purpose

import asyncio
import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any, Protocol

import pylibsrtp
from aioice import Candidate
from aioice.ice import CandidatePair, Connection, StunProtocol
from aioice.stun import TransactionError
from aiortc import RTCPeerConnection, RTCRtpTransceiver
from aiortc.codecs import is_rtx
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
)
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from pylibsrtp._binding import ffi, lib

LOOPBACK = "127.0.0.1"
_TRANSACTION = slice(8, 20)
"""Where the number of a question stands in STUN (RFC 8489, 5)."""
_LONGEST_PACKET = 2048
"""Longer datagrams the guard turns away."""


class SeamMoved(RuntimeError):
    """The installed aiortc or aioice is not the one this service was fitted to."""


class Started(Protocol):
    """What aiortc's peer connection starts and stops in the place of its own receiver."""

    async def start(self, parameters: RTCRtpReceiveParameters) -> None: ...

    async def stop(self) -> None: ...


class MediaKeys:
    """The keys of one connection's media: opens what comes, locks what goes. Nothing can be opened before the handshake."""

    def __init__(self, transceiver: RTCRtpTransceiver) -> None:
        self._transport: RTCDtlsTransport = transceiver.receiver.transport
        self._ice = ice_connection(transceiver)
        self._memory = ffi.new("char[]", _LONGEST_PACKET)
        self._bytes = ffi.buffer(self._memory)
        self._length = ffi.new("int *")

    def open_packet(self, data: bytes) -> bytes | None:
        """RTP in clear; None for what was forged, cut short or sent before, or came before the keys."""
        # As pylibsrtp's `Session.unprotect` does it, without making its objects anew for every packet.
        session: pylibsrtp.Session | None = self._transport._rx_srtp
        size, length = len(data), self._length
        if session is None or size > _LONGEST_PACKET:
            return None
        length[0] = size
        self._bytes[0:size] = data
        if lib.srtp_unprotect(session._srtp[0], self._memory, length):
            return None
        opened: bytes = self._bytes[0 : length[0]]
        return opened

    def open_report(self, data: bytes) -> bytes | None:
        """RTCP in clear; None likewise."""
        session: pylibsrtp.Session | None = self._transport._rx_srtp
        if session is None:
            return None
        try:
            return session.unprotect_rtcp(data)
        except pylibsrtp.Error:
            return None

    def send_report(self, report: bytes) -> None:
        """Locks RTCP and sends it to the address that media comes from; nothing while there is none."""
        pair = self._ice._nominated.get(1)
        if pair is not None and self._transport._tx_srtp is not None:
            pair.protocol.transport.sendto(self._transport._tx_srtp.protect_rtcp(report), pair.remote_addr)


def take_over(transceiver: RTCRtpTransceiver, receiver: Started) -> None:
    """Puts `receiver` in the place of aiortc's own on this media line; its decoder thread then never starts."""
    stock: Any = transceiver.receiver
    stock.receive = receiver.start
    stock.stop = receiver.stop


def own_ssrc(transceiver: RTCRtpTransceiver) -> int:
    """The source number under which reports to the sender are signed."""
    number: int = transceiver.sender._ssrc
    return number


def agree_to_extension(transceiver: RTCRtpTransceiver, uri: str, number: int) -> None:
    """Answers that packets of this line may carry this header extension; call between the remote offer and the answer."""
    transceiver._headerExtensions = [
        *transceiver._headerExtensions,
        RTCRtpHeaderExtensionParameters(id=number, uri=uri),
    ]


async def round_trip(connection: Connection) -> float | None:
    """Seconds a connectivity check on the chosen pair takes there and back; None when no reply comes or nothing is chosen."""
    pair, password = connection._nominated.get(1), connection.remote_password
    if pair is None or password is None:
        return None
    request = connection.build_request(pair, nominate=False)
    began = asyncio.get_running_loop().time()
    try:
        await pair.protocol.request(
            request, pair.remote_addr, integrity_key=password.encode(), retransmissions=0
        )
    except TransactionError:
        return None
    return asyncio.get_running_loop().time() - began


def agree_to_audio_nack(transceiver: RTCRtpTransceiver) -> None:
    """Answers an offer's `nack` for sound with ours, so that lost sound is sent again as lost pictures are.

    Call between the remote offer and the answer; the codec objects then belong to this connection alone.
    """
    for codec in transceiver._codecs:
        if not is_rtx(codec) and RTCRtcpFeedback("nack") not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(RTCRtcpFeedback("nack"))


def ice_connection(transceiver: RTCRtpTransceiver) -> Connection:
    """The ICE agent beneath a media line."""
    return transceiver.receiver.transport.transport._connection


def offer_loopback(connection: Connection, *, always: bool) -> None:
    """Lets this one agent listen on 127.0.0.1: `always`, else only when the machine has no other address."""
    gather = connection.get_component_candidates

    async def with_loopback(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ASYNC109 -- aioice's own signature
        if always or not addresses:
            addresses = [*addresses, LOOPBACK]
        return await gather(component=component, addresses=addresses, timeout=timeout)

    seam: Any = connection
    seam.get_component_candidates = with_loopback


def filter_datagrams(
    connection: Connection, gate: Callable[[StunProtocol], Callable[[bytes, tuple[Any, ...]], None]]
) -> Callable[[bytes, int], None]:
    """Leads every datagram that comes to a port of this one agent through what `gate(port)` gives: `(data, address) -> None`.

    Install before gathering. Returns the way past the filter for media: `(data, component) -> None`. STUN goes on by
    `StunProtocol.datagram_received(protocol, data, address)`; media that comes by any other way is dropped.
    """
    gather = connection.get_component_candidates
    pass_media = connection.data_received

    async def with_filter(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ASYNC109 -- aioice's own signature
        candidates = await gather(component=component, addresses=addresses, timeout=timeout)
        for protocol in connection._protocols:
            seam: Any = protocol
            seam.datagram_received = gate(protocol)
        return candidates

    def drop(data: bytes, component: int) -> None:
        """Media before its port was filtered, or that STUN could not read: no good comes from either."""

    seam: Any = connection
    seam.get_component_candidates = with_filter
    seam.data_received = drop
    return pass_media


def checked_addresses(connection: Connection, protocol: StunProtocol) -> frozenset[tuple[str, int]]:
    """Addresses that have proved to this port that they know the session's ICE password."""
    return frozenset(
        pair.remote_addr
        for pair in connection._check_list
        if pair.protocol is protocol and pair.state is not CandidatePair.State.FAILED
    )


def names_session(connection: Connection, data: bytes) -> bool:
    """Whether a connectivity check is meant for this agent. Nobody who has not seen one can know the name."""
    return f"{connection.local_username}:".encode() in data


def answers_us(protocol: StunProtocol, data: bytes) -> bool:
    """Whether these bytes answer a question that this port has asked and still waits for."""
    return data[_TRANSACTION] in protocol.transactions


def pairs_known(connection: Connection) -> int:
    """How many pairs of addresses the agent has in hand, tried or not."""
    return len(connection._check_list)


def waiting_datagrams(connection: Connection) -> int:
    """How many datagrams wait to be read."""
    return connection._queue.qsize()


def check_aiortc_seams() -> None:
    """Raises SeamMoved, naming what is missing, when aiortc or aioice are not as this file expects them."""
    moved = [
        *_missing_names(RTCDtlsTransport.__init__, "_rx_srtp", "_tx_srtp"),
        *_missing_names(getattr(RTCDtlsTransport, "_setup_srtp", None), "_rx_srtp", "_tx_srtp"),
        *_missing_names(pylibsrtp.Session.__init__, "_srtp"),
        *_missing_names(getattr(pylibsrtp.Session, "unprotect", None), "srtp_unprotect"),
        *_missing_parameters(pylibsrtp.Session, "unprotect_rtcp", ("packet",)),
        *_missing_parameters(pylibsrtp.Session, "protect_rtcp", ("packet",)),
        *_missing_parameters(RTCRtpReceiver, "receive", ("parameters",)),
        *_missing_parameters(RTCRtpReceiver, "stop", ()),
        *_missing_parameters(Connection, "build_request", ("pair", "nominate")),
        *_missing_parameters(
            StunProtocol, "request", ("request", "addr", "integrity_key", "retransmissions")
        ),
        *_missing_parameters(Connection, "get_component_candidates", ("component", "addresses", "timeout")),
        *_missing_parameters(Connection, "data_received", ("data", "component")),
        *_missing_parameters(StunProtocol, "datagram_received", ("data", "addr")),
        *_missing_names(RTCRtpSender.__init__, "_ssrc"),
        *_missing_names(RTCRtpTransceiver.__init__, "_codecs", "_headerExtensions"),
        *_missing_names(RTCIceTransport.__init__, "_connection"),
        *_missing_names(Connection.__init__, "_protocols", "_check_list", "_queue", "_nominated"),
        *_missing_names(Connection.gather_candidates, "get_component_candidates"),
        *_missing_names(StunProtocol.datagram_received, "data_received", "transactions"),
        *_missing_names(_connect_of_peer_connection(), "receiver", "receive"),
    ]
    if moved:
        raise SeamMoved(
            "aiortc or aioice has changed where the media door holds on to it: "
            + "; ".join(moved)
            + ". Install the pinned versions, or fit venue/media/seams.py to the new ones."
        )


def _connect_of_peer_connection() -> Any:
    return getattr(RTCPeerConnection, "_RTCPeerConnection__connect", None)


def _missing_parameters(owner: type, name: str, expected: tuple[str, ...]) -> tuple[str, ...]:
    method = getattr(owner, name, None)
    if method is None:
        return (f"{owner.__name__}.{name} is gone",)
    found = tuple(inspect.signature(method).parameters)[1:]
    if found != expected:
        return (f"{owner.__name__}.{name} takes {found}, not {expected}",)
    return ()


def _missing_names(function: Any, *names: str) -> tuple[str, ...]:
    """Names a function's code no longer mentions: the way to see attributes set in `__init__` without running it."""
    code = getattr(function, "__code__", None)
    if code is None:
        return (f"the code that mentions {', '.join(names)} is gone",)
    mentioned = _names(code)
    return tuple(
        f"{function.__qualname__} no longer mentions {name}" for name in names if name not in mentioned
    )


def _names(code: CodeType) -> frozenset[str]:
    """All names a function's code mentions, those of its comprehensions too."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset(code.co_names).union(*(_names(constant) for constant in inner))
