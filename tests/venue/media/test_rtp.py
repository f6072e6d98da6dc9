"""The head of a packet is read as RFC 3550 writes it, and nothing that is cut short gets through."""

import pytest
from aiortc import rtp
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st

from venue.media.rtp import Extensions, read
from venue.media.tap import LEVEL_URI, MID_URI

AGREED = Extensions(mid=3, level=10)


NOW = 4_321


def written(
    *, payload: bytes, padding: int = 0, mid: str | None = None, level: int | None = None, sources: int = 0
) -> bytes:
    """A packet as aiortc writes it."""
    names = rtp.HeaderExtensionsMap()
    names.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=AGREED.mid, uri=MID_URI),
                RTCRtpHeaderExtensionParameters(id=AGREED.level, uri=LEVEL_URI),
            ]
        )
    )
    packet = rtp.RtpPacket(111, 1, 65_535, 0xFFFF_FFFE, 77, payload)
    packet.padding_size = padding
    packet.csrc = list(range(sources))
    packet.extensions.mid = mid
    packet.extensions.audio_level = None if level is None else (True, level)
    return packet.serialize(names)


@given(
    payload=st.binary(max_size=60),
    padding=st.integers(0, 255),
    mid=st.none() | st.text("0123456789", min_size=1, max_size=3),
    level=st.none() | st.integers(0, 127),
    sources=st.integers(0, 15),
)
def test_what_aiortc_writes_is_read(
    payload: bytes, padding: int, mid: str | None, level: int | None, sources: int
) -> None:
    packet = read(
        written(payload=payload, padding=padding, mid=mid, level=level, sources=sources), AGREED, NOW
    )
    assert packet == (111, True, 65_535, 0xFFFF_FFFE, 77, payload, NOW, level, mid)


@given(st.binary(max_size=40), st.integers(0, 3))
def test_whatever_comes_is_a_packet_or_nothing(data: bytes, number: int) -> None:
    packet = read(b"\x90" + data, Extensions(number, number + 1), NOW)
    assert packet is None or len(packet.payload) <= len(data)


@pytest.mark.parametrize("missing", range(1, 12))
def test_a_packet_without_its_whole_head_is_none(missing: int) -> None:
    assert read(written(payload=b"")[:-missing], AGREED, NOW) is None


@pytest.mark.parametrize("padding", [0, 6, 255])
def test_padding_that_cannot_be_is_none(padding: int) -> None:
    data = bytearray(written(payload=b"abcd", padding=1))
    data[-1] = padding
    assert read(bytes(data), AGREED, NOW) is None


def test_extensions_of_two_bytes_and_of_unknown_kinds_are_passed_over() -> None:
    head = bytes.fromhex("9060000100000002 00000003".replace(" ", ""))
    two = bytes.fromhex("1000 0002 0a01b2 0301 32 0000".replace(" ", ""))
    assert read(head + two + b"sound", AGREED, NOW) == (96, False, 1, 2, 3, b"sound", NOW, 0x32, "2")
    other = bytes.fromhex("abcd00010a01b200")
    assert read(head + other + b"sound", AGREED, NOW) == (96, False, 1, 2, 3, b"sound", NOW, None, None)
    stop = bytes.fromhex("bede0001f0000000")
    assert read(head + stop, AGREED, NOW) == (96, False, 1, 2, 3, b"", NOW, None, None)
    cut = bytes.fromhex("bede0001a3010203")
    assert read(head + cut, AGREED, NOW) == (96, False, 1, 2, 3, b"", NOW, None, None)
    longer = bytes.fromhex("bede0009a0010203")
    assert read(head + longer, AGREED, NOW) is None
