"""Frames come out of packets exactly as the encoder made them, or not at all."""

import tracemalloc

import pytest
from aiortc.codecs.vpx import Vp8Encoder
from hypothesis import given
from hypothesis import strategies as st

from venue.media.frames import (
    MOST_FRAME_BYTES,
    Frame,
    H264Frames,
    OpusFrames,
    Vp8Frames,
    is_vp8_keyframe,
    read_vp8_descriptor,
)
from venue.media.rtp import RtpPacket

KEY_HEADER = bytes([0x10, 0, 0, 0x9D, 0x01, 0x2A]) + (320).to_bytes(2, "little") + (240).to_bytes(2, "little")


def key(body: bytes = b"") -> bytes:
    return KEY_HEADER + body


def delta(body: bytes = b"") -> bytes:
    return b"\x11" + body


def rtp(sequence: int, timestamp: int, is_last: bool, payload: bytes, arrived_ms: int) -> RtpPacket:
    return RtpPacket(96, is_last, sequence, timestamp, 1, payload, arrived_ms)


def packets(frames: list[bytes]) -> list[RtpPacket]:
    out: list[RtpPacket] = []
    for number, frame in enumerate(frames):
        payloads = Vp8Encoder._packetize(frame, number)
        for place, payload in enumerate(payloads):
            is_last = place == len(payloads) - 1
            out.append(rtp(len(out), number * 3000, is_last, payload, 10 * len(out)))
    return out


def assemble(assembler: Vp8Frames | OpusFrames, pieces: list[RtpPacket]) -> list[Frame]:
    return [frame for piece in pieces for frame in assembler.add(piece)]


@given(st.lists(st.binary(min_size=1, max_size=4000), max_size=8))
def test_frames_come_out_byte_for_byte(bodies: list[bytes]) -> None:
    sent = [key(), *(delta(body) for body in bodies)]
    got = assemble(Vp8Frames(), packets(sent))
    assert [frame.data for frame in got] == sent
    assert [frame.keyframe for frame in got] == [True] + [False] * len(bodies)


@given(st.binary(max_size=40))
def test_any_payload_is_read_or_refused_without_an_error(payload: bytes) -> None:
    Vp8Frames().add(rtp(0, 0, True, payload, 0))
    if payload:
        offset, _ = read_vp8_descriptor(payload)
        assert offset == -1 or 0 < offset < len(payload)


def test_a_frame_arrives_when_its_last_packet_does() -> None:
    pieces = packets([key(bytes(3000))])
    assert len(pieces) == 3
    assert assemble(Vp8Frames(), pieces)[0].arrived_ms == pieces[-1].arrived_ms


def test_nothing_is_shown_before_the_first_key_frame() -> None:
    assembler = Vp8Frames()
    assert assembler.needs_keyframe
    got = assemble(assembler, packets([delta(b"1"), delta(b"2"), key(b"3"), delta(b"4")]))
    assert [frame.data for frame in got] == [key(b"3"), delta(b"4")]
    assert not assembler.needs_keyframe


def test_after_a_hole_frames_wait_for_a_key_frame() -> None:
    assembler = Vp8Frames()
    sent = packets([key(bytes(2000)), delta(b"1"), delta(b"2"), key(b"3")])
    assert len(assemble(assembler, sent[:3])) == 2
    assembler.hole()
    assert [frame.data for frame in assemble(assembler, sent[3:])] == [key(b"3")]


def test_the_rest_of_a_frame_without_its_beginning_is_left_out() -> None:
    assert assemble(Vp8Frames(), packets([key(bytes(2000))])[1:]) == []


def test_a_frame_without_its_end_is_left_out() -> None:
    assembler = Vp8Frames()
    sent = packets([key(bytes(2000)), key(b"next")])
    first = assembler.add(sent[0])
    assembler.hole()
    assert first == ()
    assert [frame.data for frame in assembler.add(sent[-1])] == [key(b"next")]


def test_a_sender_without_marker_is_understood_by_the_change_of_time() -> None:
    unmarked = [
        rtp(p.sequence, p.timestamp, False, p.payload, p.arrived_ms)
        for p in packets([key(b"1"), delta(b"2"), delta(b"3")])
    ]
    assert [frame.data for frame in assemble(Vp8Frames(), unmarked)] == [key(b"1"), delta(b"2")]


@pytest.mark.parametrize(
    ("assembler", "first", "more", "whole"),
    [
        (Vp8Frames(), b"\x10" + KEY_HEADER, b"\0" + bytes(1000), b"\x10" + KEY_HEADER),
        (H264Frames(), b"\x41ab", b"\x41" + bytes(1000), b"\x67ab"),
        (H264Frames(), b"\x5c\x81ab", b"\x5c\1" + bytes(1000), b"\x67ab"),
    ],
)
def test_a_frame_that_is_never_finished_is_given_up(
    assembler: Vp8Frames | H264Frames, first: bytes, more: bytes, whole: bytes
) -> None:
    """Whatever a sender leaves open, it does not fill the memory; the next key frame is taken again."""
    tracemalloc.start()
    assembler.add(rtp(0, 0, False, first, 0))
    for number in range(1, 20_000):
        assert assembler.add(rtp(number, 0, False, b"".join((more, b"")), 0)) == ()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MOST_FRAME_BYTES
    assert assembler.needs_keyframe
    again = [whole, b"\x68cd", b"\x65ef"] if isinstance(assembler, H264Frames) else [whole]
    frames = [
        frame
        for number, payload in enumerate(again)
        for frame in assembler.add(rtp(30_000 + number, 90, number == len(again) - 1, payload, 0))
    ]
    assert [frame.keyframe for frame in frames] == [True]


def test_padding_is_no_frame() -> None:
    assert Vp8Frames().add(rtp(0, 0, True, b"", 0)) == ()
    assert OpusFrames().add(rtp(0, 0, True, b"", 0)) == ()


def test_a_cut_descriptor_counts_as_a_hole() -> None:
    assembler = Vp8Frames()
    assemble(assembler, packets([key()]))
    assert assembler.add(rtp(9, 9, True, b"\x90\x80", 0)) == ()
    assert assembler.needs_keyframe


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x10x", (1, True)),
        (b"\x00x", (1, False)),
        (b"\x11x", (1, False)),
        (b"\x90\x80\x05x", (3, True)),
        (b"\x90\x80\x85\x01x", (4, True)),
        (b"\x90\xf0\x85\x01\x07\x20x", (6, True)),
        (b"\x90\x20\x40x", (3, True)),
        (b"\x90", (-1, False)),
        (b"\x90\x80", (-1, False)),
        (b"\x10", (-1, False)),
    ],
)
def test_a_payload_descriptor_is_read_as_rfc_7741_has_it(payload: bytes, expected: tuple[int, bool]) -> None:
    assert read_vp8_descriptor(payload) == expected


def test_every_sound_packet_is_a_frame_and_a_hole_spoils_none() -> None:
    assembler = OpusFrames()
    assert not assembler.needs_keyframe
    assert assembler.add(rtp(1, 960, False, b"ab", 7)) == (
        Frame(960, keyframe=True, data=b"ab", arrived_ms=7),
    )
    assembler.hole()
    assert assembler.add(rtp(3, 2880, False, b"cd", 9))


def test_only_a_whole_head_with_its_start_code_is_a_key_frame() -> None:
    assert is_vp8_keyframe(key())
    assert not is_vp8_keyframe(key()[:9])
    assert not is_vp8_keyframe(delta(bytes(20)))
