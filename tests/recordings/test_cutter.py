"""Fragments are short, begin with a key frame where they can, and lose nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.samples import Codec, EncodedSample
from recordings.cutter import (
    FRAGMENT_MS,
    WAITING_FOR_KEYFRAME,
    Cut,
    Cutter,
    GapNote,
    Note,
    Picture,
    weight,
)
from recordings.lines import NO_LEVEL
from tests.support.encoded import pictures, sounds


def cut_all(codec: Codec, samples: tuple[EncodedSample | GapNote, ...]) -> tuple[list[Cut], list[GapNote]]:
    cutter, notes = Cutter(codec), list[Note]()
    for sample in samples:
        if isinstance(sample, GapNote):
            cutter.tell(sample, notes)
        else:
            cutter.add(sample, notes)
    cutter.cut(notes)
    return [note for note in notes if isinstance(note, Cut)], [
        note for note in notes if isinstance(note, GapNote)
    ]


@given(st.lists(st.integers(-30, 400), min_size=1, max_size=80))
def test_every_packet_is_in_one_fragment_and_time_never_runs_backwards(steps: list[int]) -> None:
    at, samples = 1_000, []
    for number, step in enumerate(steps):
        at += step
        samples.append(EncodedSample(at, at, number, True, bytes([number])))
    cuts, missing = cut_all(Codec.opus, tuple(samples))
    blocks = [block for cut in cuts for block in cut.blocks]
    assert [block.data for block in blocks] == [sample.data for sample in samples]
    assert all(before.room_ms <= after.room_ms for before, after in pairwise(blocks))
    assert all(cut.to_ms - cut.from_ms < FRAGMENT_MS for cut in cuts)
    assert missing == []
    moved = max(block.room_ms - sample.room_ms for block, sample in zip(blocks, samples, strict=True))
    assert max(cut.moved_ms for cut in cuts) == moved


def test_what_was_captured_before_the_room_began_lies_at_its_beginning() -> None:
    sound = sounds(0, 3)
    early = tuple(sample._replace(room_ms=sample.room_ms - 30) for sample in sound)
    (cut,), _ = cut_all(Codec.opus, early)
    assert [block.room_ms for block in cut.blocks] == [0, 0, 10]
    assert cut.moved_ms == 30


def test_pictures_before_the_first_key_frame_are_missing_not_stored() -> None:
    samples = pictures(0, 60, 20)
    cuts, missing = cut_all(Codec.vp8, samples[5:])
    assert missing == [GapNote(200, 800, WAITING_FOR_KEYFRAME)]
    assert cuts[0].from_ms == 800
    assert cuts[0].picture == Picture(160, 120)


def test_a_key_frame_always_begins_a_fragment() -> None:
    cuts, _ = cut_all(Codec.vp8, pictures(0, 100, 20))
    for cut in cuts:
        assert all(not block.keyframe for block in cut.blocks[1:])
    assert sum(cut.keyframe for cut in cuts) == 5


def test_a_frame_that_only_claims_to_be_a_key_frame_is_none() -> None:
    first, second = pictures(0, 2)
    third = first._replace(room_ms=120)
    cuts, missing = cut_all(Codec.vp8, (second._replace(keyframe=True), third))
    assert [block.data for cut in cuts for block in cut.blocks] == [third.data]
    assert missing == [GapNote(40, 120, WAITING_FOR_KEYFRAME)]


def test_after_frames_were_dropped_pictures_wait_for_a_key_frame_and_sound_goes_on() -> None:
    samples = pictures(0, 60, 20)
    cutter, notes = Cutter(Codec.vp8), list[Note]()
    cutter.add(samples[0], notes)
    cutter.cut(notes)
    cutter.await_keyframe()
    for sample in samples[1:21]:
        cutter.add(sample, notes)
    assert notes[1:] == [GapNote(40, 800, WAITING_FOR_KEYFRAME)]
    assert cutter.take_discarded() == sum(weight(sample.data) for sample in samples[1:20])
    assert cutter.take_discarded() == 0
    sound, heard = Cutter(Codec.opus), list[Note]()
    sound.await_keyframe()
    sound.add(sounds(0, 1)[0], heard)
    sound.cut(heard)
    assert len(heard) == 1


def test_a_fragment_tells_what_was_lost_before_it() -> None:
    one, two, *others = sounds(0, 60)
    cuts, gaps = cut_all(
        Codec.opus, (one, GapNote(20, 60, "network-loss"), GapNote(60, 90, "muted"), two, *others)
    )
    assert [cut.lost for cut in cuts] == [40, 0, 0]
    assert len(gaps) == 2


def test_a_fragment_tells_its_loudest_packet() -> None:
    samples = [
        sample._replace(level=level)
        for sample, level in zip(sounds(0, 50), [90, 30, None, 60] * 13, strict=False)
    ]
    cuts, _ = cut_all(Codec.opus, tuple(samples))
    assert [cut.level for cut in cuts] == [30, 30]
    cuts, _ = cut_all(Codec.opus, sounds(0, 10))
    assert [cut.level for cut in cuts] == [NO_LEVEL]


@pytest.mark.parametrize(
    ("told", "frozen"),
    [((), True), ((GapNote(400, 1_000, "muted"),), False), ((GapNote(400, 500, "network-loss"),), True)],
)
def test_a_picture_that_stood_still_for_no_reason_is_marked(told: tuple[GapNote, ...], frozen: bool) -> None:
    samples = pictures(0, 20)
    later = [sample._replace(room_ms=sample.room_ms + 2_200) for sample in samples[10:]]
    cuts, _ = cut_all(Codec.vp8, (*samples[:10], *told, *later))
    assert [cut.frozen for cut in cuts] == [False, frozen]


def test_a_silent_microphone_is_not_a_picture_that_stands_still() -> None:
    first, second = sounds(0, 2)
    cuts, _ = cut_all(Codec.opus, (first, second._replace(room_ms=9_000)))
    assert not any(cut.frozen for cut in cuts)


def sps(name: str) -> bytes:
    return bytes.fromhex({"small": "6742c01fda0280f684000003000400000300ca3c60ca80", "large": LARGE}[name])


LARGE = "67640028acd940780227e5c05a808080a0000003002000000781e30632c0"
PPS = bytes.fromhex("68ce3c80")


def access_unit(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def test_h264_pictures_are_known_by_their_parameter_sets() -> None:
    kinds = ["small", "", "small", "large", None]
    samples = []
    for number, kind in enumerate(kinds):
        units = [sps(kind), PPS, b"\x65ab"] if kind else [b"\x65ab"] if kind is None else [b"\x41ab"]
        samples.append(EncodedSample(number * 40, 0, 0, kind != "", access_unit(*units)))
    cuts, gaps = cut_all(Codec.h264, tuple(samples))
    assert gaps == []
    sizes = [cut.picture and (cut.picture.width, cut.picture.height) for cut in cuts]
    # A key frame that brings no parameter sets goes on with those that stand.
    assert sizes == [(640, 480), (640, 480), (1920, 1080), (1920, 1080)]
    assert cuts[0].picture is cuts[1].picture


def test_h264_without_parameter_sets_cannot_begin() -> None:
    cuts, _ = cut_all(Codec.h264, (EncodedSample(0, 0, 0, True, access_unit(b"\x65ab")),))
    assert cuts == []
