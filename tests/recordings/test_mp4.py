"""An H264 seat's file is what every player reads, from its first byte and from any fragment, also when it was cut off."""

import io
import re
from collections.abc import Sequence
from fractions import Fraction
from struct import pack

import av
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from recordings import mp4
from recordings.container import Block
from recordings.h264 import NoParameterSet, ParameterSets, nal_units, parameter_sets, picture_size

START = 3_600_000
# Sequence parameter sets as encoders write them: constrained baseline 640×480, high 1920×1080 with cropping, interlaced main.
SETS = {
    "6742c01fda0280f684000003000400000300ca3c60ca80": (640, 480),
    "67640028acd940780227e5c05a808080a0000003002000000781e30632c0": (1920, 1080),
    "674d401f965402802dd80a8401000003000100000300328c0014050005a0d2e0": (1280, 720),
}


def sample(annex_b: bytes) -> bytes:
    units = re.split(rb"\x00\x00\x00\x01|\x00\x00\x01", annex_b)[1:]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


@pytest.fixture(scope="module")
def pictures() -> Sequence[Block]:
    """Sixty pictures of 642×362 at 25 a second, a key frame each second."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 642, 362, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "25", "profile": "baseline"}
    packets = []
    for number in range(60):
        picture = VideoFrame(642, 362, "yuv420p")
        picture.pts = number
        for plane in picture.planes:
            plane.update(bytes([number * 3]) * plane.buffer_size)
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    return [
        Block(START + 40 * number, bool(packet.is_keyframe), sample(bytes(packet)))
        for number, packet in enumerate(packets)
    ]


def sets_of(pictures: Sequence[Block]) -> ParameterSets:
    found = parameter_sets(pictures[0].data)
    assert found is not None
    return found


def fragments(pictures: Sequence[Block], first: int = 0) -> list[bytes]:
    return [
        mp4.fragment(pictures[at : at + 12], number)
        for number, at in enumerate(range(first, len(pictures), 12), 1)
    ]


def shown(data: bytes) -> list[int]:
    """Room time of each picture that a player shows."""
    with av.open(io.BytesIO(data), "r") as file:
        return [int(picture.pts or 0) for picture in file.decode(video=0)]


def test_every_picture_is_shown_at_its_room_time(pictures: Sequence[Block]) -> None:
    data = mp4.header(sets_of(pictures)) + b"".join(fragments(pictures))
    assert shown(data) == [START + 40 * number for number in range(60)]


def test_a_file_that_was_cut_off_is_shown_up_to_its_last_whole_fragment(pictures: Sequence[Block]) -> None:
    head, pieces = mp4.header(sets_of(pictures)), fragments(pictures)
    cut = b"".join(pieces)[:-5]
    spans = tuple(mp4.whole_fragments(cut))
    assert [span.length for span in spans] == [len(piece) for piece in pieces[:-1]]
    assert [(span.from_ms, span.to_ms, span.blocks) for span in spans][1] == (START + 480, START + 920, 12)
    assert [span.keyframe for span in spans] == [True, False, False, False]
    assert len(shown(head + cut[: sum(span.length for span in spans)])) == 48


def test_playing_may_begin_at_any_fragment_with_a_key_frame(pictures: Sequence[Block]) -> None:
    data = mp4.header(sets_of(pictures)) + b"".join(fragments(pictures, first=25))
    assert shown(data)[0] == START + 1000


@given(st.binary(max_size=200), st.integers(0, 400))
def test_whatever_lies_behind_ends_the_walk(garbage: bytes, cut: int) -> None:
    whole = mp4.fragment([Block(5, True, b"abc"), Block(45, False, b"de")], 1)
    (first, *rest) = mp4.whole_fragments(whole + garbage)
    assert (first.offset, first.length, first.from_ms, first.to_ms) == (0, len(whole), 5, 45)
    assert all(span.offset >= len(whole) for span in rest)
    assert list(mp4.whole_fragments(whole[:cut])) == ([] if cut < len(whole) else [first])


def test_boxes_in_an_order_that_nobody_writes_end_the_walk() -> None:
    """The time behind the run, at the very end of the bytes."""
    run = b"trun" + bytes(4) + pack(">I", 1) + bytes(16)
    movie = b"moof" + run + b"tfdt"
    assert list(mp4.whole_fragments(pack(">I", 4 + len(movie)) + movie + pack(">I", 8) + b"mdat")) == []


@pytest.mark.parametrize("blocks", [[], [Block(5, True, b"a"), Block(4, False, b"b")]])
def test_no_samples_and_time_that_runs_back_are_refused(blocks: list[Block]) -> None:
    with pytest.raises(ValueError, match="sample"):
        mp4.fragment(blocks, 1)


@pytest.mark.parametrize(("sps", "size"), SETS.items())
def test_the_size_of_the_picture_is_read(sps: str, size: tuple[int, int]) -> None:
    assert picture_size(bytes.fromhex(sps)) == size


@given(st.binary(max_size=40))
def test_whatever_calls_itself_a_parameter_set_is_read_or_refused(data: bytes) -> None:
    try:
        width, height = picture_size(b"\x67" + data)
    except NoParameterSet:
        return
    assert 0 < width <= 16_384
    assert 0 < height <= 16_384


def test_a_picture_that_no_file_can_tell_of_has_no_parameter_sets() -> None:
    """A seat may write anything there. 16 384 pixels are read, 16 400 are none; neither is a set of 64 KiB."""
    known, pps = bytes.fromhex(next(iter(SETS))), b"\x68\xce\x06\xe2"
    largest, larger = (b"\x67" + _sps_of(columns) for columns in (1024, 1025))
    assert picture_size(largest) == (16_384, 480)
    for first, second in ((larger, pps), (known + bytes(1 << 16), pps), (known, pps + bytes(1 << 16))):
        assert parameter_sets(_length_first(first) + _length_first(second)) is None


def _sps_of(columns: int) -> bytes:
    """A baseline parameter set of so many macroblocks by 30."""
    numbers = "".join(f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}" for value in (0, 0, 2, 1))
    bits = f"{66:08b}{0:08b}{31:08b}{numbers}0"
    bits += "".join(f"{value:0{2 * value.bit_length() - 1}b}" for value in (columns, 30)) + "11001"
    return int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")


def _length_first(unit: bytes) -> bytes:
    return len(unit).to_bytes(4, "big") + unit


def test_an_access_unit_without_parameter_sets_has_none() -> None:
    assert parameter_sets(sample(b"\0\0\0\1\x65abc")) is None
    assert parameter_sets(sample(b"\0\0\0\1\x67\x42\0\x1f\0\0\0\1\x68\xce")) is None
    assert list(nal_units(b"\0\0\0\2ab\0\0\0\x09cut")) == [b"ab"]
    with pytest.raises(NoParameterSet, match="not a sequence"):
        picture_size(b"\x65abc")
