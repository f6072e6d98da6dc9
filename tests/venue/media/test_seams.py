"""An aiortc or aioice that has moved is refused at the start, by name."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pylibsrtp
import pytest
from aioice import ice
from aioice.ice import Connection, StunProtocol
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender

from venue.media.seams import MediaKeys, SeamMoved, check_aiortc_seams, offer_loopback


def _of_another_version(self: object, packet: object) -> None:
    """Stands where a later version would have changed its mind."""


def test_the_installed_versions_fit() -> None:
    check_aiortc_seams()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RTCDtlsTransport, "_setup_srtp"),
        (Connection, "build_request"),
        (pylibsrtp.Session, "unprotect"),
        (RTCRtpReceiver, "receive"),
        (Connection, "get_component_candidates"),
        (StunProtocol, "datagram_received"),
    ],
)
def test_a_method_that_is_gone_is_named(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(SeamMoved, match=rf"{name}|code that mentions"):
        check_aiortc_seams()


def test_a_method_that_takes_something_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RTCRtpReceiver, "receive", _of_another_version)
    with pytest.raises(SeamMoved, match="receive takes"):
        check_aiortc_seams()


def test_an_attribute_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RTCRtpSender, "__init__", _of_another_version)
    with pytest.raises(SeamMoved, match="no longer mentions _ssrc"):
        check_aiortc_seams()


def test_a_packet_is_opened_as_pylibsrtp_opens_it_once_and_unspoilt() -> None:
    def session(kind: int) -> pylibsrtp.Session:
        return pylibsrtp.Session(pylibsrtp.Policy(key=bytes(range(30)), ssrc_type=kind))

    ours: Any = SimpleNamespace(_rx_srtp=None, transport=SimpleNamespace(_connection=None))
    keys = MediaKeys(SimpleNamespace(receiver=SimpleNamespace(transport=ours)))  # type: ignore[arg-type]
    sender = session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    packets = [
        sender.protect(b"\x80\x60" + number.to_bytes(2, "big") + bytes(8) + bytes(size))
        for number, size in enumerate((0, 1, 160, 1300))
    ]
    assert keys.open_packet(packets[0]) is None  # before the handshake nobody can read it
    assert keys.open_report(packets[0]) is None
    ours._rx_srtp = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    peer = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    assert [keys.open_packet(packet) for packet in packets] == [peer.unprotect(packet) for packet in packets]
    forged = packets[2][:-1] + bytes([packets[2][-1] ^ 1])
    for refused in (packets[2], forged, b"", packets[3][:20], bytes(5000)):
        assert keys.open_packet(refused) is None


def test_loopback_is_offered_when_asked_for_and_when_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network card's own address is 127.0.0.2 here, so that the test needs no network."""

    async def hosts(found: list[str], *, always: bool) -> list[str]:
        monkeypatch.setattr(ice, "get_host_addresses", lambda **_: found)
        connection = Connection(ice_controlling=False)
        offer_loopback(connection, always=always)
        await connection.gather_candidates()
        addresses = [candidate.host for candidate in connection.local_candidates]
        await connection.close()
        return addresses

    assert asyncio.run(hosts(["127.0.0.2"], always=True)) == ["127.0.0.2", "127.0.0.1"]
    assert asyncio.run(hosts(["127.0.0.2"], always=False)) == ["127.0.0.2"]
    assert asyncio.run(hosts([], always=False)) == ["127.0.0.1"]
