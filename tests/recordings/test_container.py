"""The container holds every encoded byte at its room time, and other programs can read it."""

from io import BytesIO

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.samples import Codec
from recordings.container import MAX_RELATIVE_MS, Block, cluster, header, vp8_size, whole_clusters
from tests.support.encoded import FRAME_MS, pictures, shade_at, sounds


def blocks_of(samples: tuple[object, ...]) -> list[Block]:
    return [Block(sample.room_ms, sample.keyframe, sample.data) for sample in samples]  # type: ignore[attr-defined]


ascending = st.lists(
    st.tuples(st.integers(0, 400), st.booleans(), st.binary(max_size=300)), min_size=1, max_size=30
).map(lambda steps: _laid_out(1_000, steps))


def _laid_out(at: int, steps: list[tuple[int, bool, bytes]]) -> list[Block]:
    blocks = []
    for step, keyframe, data in steps:
        at += step
        blocks.append(Block(at, keyframe, data))
    return blocks


def test_pictures_decode_at_their_room_time_to_what_was_sent() -> None:
    samples = pictures(3_600_000, 75)
    media = header(Codec.vp8, 160, 120) + b"".join(
        cluster(blocks_of(samples[at : at + 12])) for at in range(0, 75, 12)
    )
    with av.open(BytesIO(media), "r") as file:
        frames = list(file.decode(video=0))
    assert [frame.pts for frame in frames] == [sample.room_ms for sample in samples]
    shades = [memoryview(frame.planes[0])[80] for frame in frames]
    wanted = [shade_at(3_600_000 + number * FRAME_MS) for number in range(75)]
    assert all(abs(shade - want) <= 2 for shade, want in zip(shades, wanted, strict=True))


def test_sound_packets_come_back_byte_for_byte_at_their_room_time() -> None:
    samples = sounds(5_000, 100)
    media = header(Codec.opus) + b"".join(
        cluster(blocks_of(samples[at : at + 25])) for at in range(0, 100, 25)
    )
    with av.open(BytesIO(media), "r") as file:
        stream = file.streams.audio[0]
        packets = [packet for packet in file.demux(stream) if packet.size]
    assert [bytes(packet) for packet in packets] == [sample.data for sample in samples]
    assert [packet.pts for packet in packets] == [sample.room_ms for sample in samples]
    assert b"OpusHead\x01\x02\x00\x00" in header(Codec.opus)  # nothing is skipped, so that times stand


@given(ascending)
def test_every_cluster_is_found_again_with_its_times(blocks: list[Block]) -> None:
    data = cluster(blocks)
    (span,) = whole_clusters(data)
    assert (span.offset, span.length, span.blocks) == (0, len(data), len(blocks))
    assert (span.from_ms, span.to_ms, span.keyframe) == (
        blocks[0].room_ms,
        blocks[-1].room_ms,
        blocks[0].keyframe,
    )


@given(st.lists(ascending, min_size=1, max_size=4), st.data())
def test_a_cut_file_keeps_its_whole_clusters(groups: list[list[Block]], data: st.DataObject) -> None:
    written = [cluster(blocks) for blocks in groups]
    whole = b"".join(written)
    cut = data.draw(st.integers(0, len(whole)))
    spans = list(whole_clusters(whole[:cut]))
    complete = sum(sum(map(len, written[: number + 1])) <= cut for number in range(len(written)))
    assert [span.length for span in spans] == [len(one) for one in written[:complete]]


@given(st.binary(max_size=200))
def test_the_walk_over_garbage_just_ends(garbage: bytes) -> None:
    assert list(whole_clusters(garbage)) == []
    assert list(whole_clusters(b"\x1f\x43\xb6\x75" + garbage))[1:] == []


@given(ascending, st.data())
def test_the_walk_over_damage_never_raises(blocks: list[Block], data: st.DataObject) -> None:
    damaged = bytearray(cluster(blocks))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    list(whole_clusters(bytes(damaged)))


def test_time_does_not_run_backwards_within_a_cluster() -> None:
    with pytest.raises(ValueError, match="backwards"):
        cluster([Block(10, True, b"a"), Block(9, False, b"b")])


def test_a_cluster_is_not_empty_and_not_too_long() -> None:
    with pytest.raises(ValueError, match="needs a block"):
        cluster([])
    with pytest.raises(ValueError, match="too far apart"):
        cluster([Block(0, True, b"a"), Block(MAX_RELATIVE_MS + 1, False, b"b")])


def test_a_picture_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        header(Codec.vp8)


def test_the_size_is_read_from_key_frames_only() -> None:
    first, second = pictures(0, 2)
    assert vp8_size(first.data) == (160, 120)
    assert vp8_size(second.data) is None
    assert vp8_size(first.data[:9]) is None
    assert vp8_size(first.data[:6] + bytes(4)) is None
