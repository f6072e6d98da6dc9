"""Fragments are short, begin with a key frame where they can, and lose nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.samples import Codec, EncodedSample
from recordings.cutter import FRAGMENT_MS, Cut, Cutter
from tests.support.encoded import pictures, sounds


def cut_all(codec: Codec, samples: tuple[EncodedSample, ...]) -> tuple[list[Cut], list[tuple[int, int]]]:
    cutter = Cutter(codec)
    answers = [cutter.add(sample) for sample in samples]
    cuts = [cut for cut, _ in answers if cut is not None]
    last = cutter.cut()
    return [*cuts, *([last] if last else [])], [missing for _, missing in answers if missing]


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


def test_pictures_before_the_first_key_frame_are_missing_not_stored() -> None:
    samples = pictures(0, 60, 20)
    cuts, missing = cut_all(Codec.vp8, samples[5:])
    assert missing == [(200, 800)]
    assert cuts[0].from_ms == 800
    assert cuts[0].size == (160, 120)


def test_a_key_frame_always_begins_a_fragment() -> None:
    cuts, _ = cut_all(Codec.vp8, pictures(0, 100, 20))
    for cut in cuts:
        assert all(not block.keyframe for block in cut.blocks[1:])
    assert sum(cut.keyframe for cut in cuts) == 5


def test_a_frame_that_only_claims_to_be_a_key_frame_is_none() -> None:
    first, second = pictures(0, 2)
    cuts, missing = cut_all(Codec.vp8, (second._replace(keyframe=True), first))
    assert [block.data for cut in cuts for block in cut.blocks] == [first.data]
    assert missing == [(40, 0)]


def test_after_frames_were_dropped_pictures_wait_for_a_key_frame_and_sound_goes_on() -> None:
    samples = pictures(0, 60, 20)
    cutter = Cutter(Codec.vp8)
    cutter.add(samples[0])
    cutter.await_keyframe()
    assert not cutter.waiting
    assert [cutter.add(sample)[1] for sample in samples[1:21]][-1] == (40, 800)
    sound = Cutter(Codec.opus)
    sound.await_keyframe()
    sound.add(sounds(0, 1)[0])
    assert sound.waiting
