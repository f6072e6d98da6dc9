"""Room time follows the sender's media time, forgives jitter, and never goes back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.media.timing import FastestArrival, TrackTime

VIDEO = 90_000
SOUND = 48_000


def ntp(ms: int) -> int:
    return (ms // 1000 << 32) + (ms % 1000 << 32) // 1000


def run(track: TrackTime, rate: int, moments: list[tuple[int, int]], start: int = 0) -> list[int]:
    """Sends frames captured and arrived at those milliseconds; returns their room times."""
    out = []
    for captured, arrived in moments:
        timestamp = (start + captured * rate // 1000) % (1 << 32)
        track.arrived(timestamp, arrived)
        out.append(track.room_ms(timestamp, arrived))
    return out


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 400)), min_size=1, max_size=60),
    st.integers(0, (1 << 32) - 1),
)
def test_room_time_always_moves_on(steps: list[tuple[int, int]], start: int) -> None:
    captured, arrived, moments = 0, 0, []
    for step, delay in steps:
        captured += step
        arrived = max(arrived + 1, captured + delay)
        moments.append((captured, arrived))
    got = run(TrackTime(VIDEO, FastestArrival()), VIDEO, moments, start)
    assert all(later > earlier for earlier, later in itertools.pairwise(got))
    assert all(room <= arrived for room, (_, arrived) in zip(got, moments, strict=True))


def test_nothing_is_placed_in_the_future_whatever_a_sender_writes() -> None:
    """A thousand frames in one millisecond, then one that claims to be six hours ahead and was never seen arriving."""
    track = TrackTime(VIDEO, FastestArrival())
    assert set(run(track, VIDEO, [(n, 500) for n in range(1000)])) == {500}
    track = TrackTime(VIDEO, FastestArrival())
    assert run(track, VIDEO, [(0, 500)]) == [500]
    assert track.room_ms((1 << 31) - 1, 520) == 520
    assert run(track, VIDEO, [(40, 540), (80, 580)]) == [540, 580]


def test_media_time_that_was_set_back_is_followed_at_once() -> None:
    track = TrackTime(VIDEO, FastestArrival())
    run(track, VIDEO, [(1_000_000 + n * 40, 1000 + n * 40) for n in range(100)])
    got = run(track, VIDEO, [(500_000 + n * 40, 5000 + n * 40) for n in range(100)])
    assert got == [5000 + n * 40 for n in range(100)]


def test_jitter_of_the_network_does_not_show() -> None:
    jitter = [0, 35, 12, 60, 3, 0, 44]
    moments = [(n * 40, 1000 + n * 40 + 20 + jitter[n % 7]) for n in range(200)]
    got = run(TrackTime(VIDEO, FastestArrival()), VIDEO, moments)
    assert got == [1020 + n * 40 for n in range(200)]


def test_the_count_of_media_time_goes_on_over_its_wrap() -> None:
    moments = [(n * 20, 500 + n * 20) for n in range(100)]
    got = run(TrackTime(SOUND, FastestArrival()), SOUND, moments, start=(1 << 32) - 10 * 960)
    assert got == [500 + n * 20 for n in range(100)]


def test_silence_in_the_media_is_silence_in_the_room() -> None:
    got = run(TrackTime(SOUND, FastestArrival()), SOUND, [(0, 100), (20, 120), (5000, 5100), (5020, 5120)])
    assert got == [100, 120, 5100, 5120]


@pytest.mark.parametrize("parts_per_million", [200, -200])
def test_a_drifting_sender_is_followed_for_two_hours(parts_per_million: int) -> None:
    track = TrackTime(VIDEO, FastestArrival())
    moments = [
        (real * (1_000_000 + parts_per_million) // 1_000_000, real + 30) for real in range(0, 7_200_000, 500)
    ]
    got = run(track, VIDEO, moments)
    assert max(abs(room - arrived) for room, (_, arrived) in zip(got, moments, strict=True)) <= 10


def test_sender_reports_bring_picture_and_sound_together() -> None:
    """Pictures take 90 ms longer to arrive than sound does; by the reports both lie on one time."""
    shared = FastestArrival()
    video, sound = TrackTime(VIDEO, shared), TrackTime(SOUND, shared)
    run(video, VIDEO, [(n * 40, n * 40 + 100) for n in range(10)])
    run(sound, SOUND, [(n * 20, n * 20 + 10) for n in range(20)])
    video.reported(ntp(1_000_000), 0)
    sound.reported(ntp(1_000_000), 0)
    sounds = run(sound, SOUND, [(400 + n * 20, 410 + n * 20) for n in range(300)])
    pictures = run(video, VIDEO, [(400 + n * 40, 500 + n * 40) for n in range(150)])
    assert sounds[-2] - pictures[-1] == 20 * 298 - 40 * 149
    assert sounds[-1] == 400 + 299 * 20 + 10


def test_a_report_that_cannot_be_true_is_not_believed() -> None:
    shared = FastestArrival()
    video, sound = TrackTime(VIDEO, shared), TrackTime(SOUND, shared)
    for track, rate in ((video, VIDEO), (sound, SOUND)):
        run(track, rate, [(n * 20, n * 20 + 10) for n in range(10)])
    sound.reported(ntp(1_000_000), 0)
    video.reported(ntp(1_007_000), 0)
    for track, rate in ((video, VIDEO), (sound, SOUND)):
        assert run(track, rate, [(200, 210), (220, 230)]) == [210, 230]
    assert run(sound, SOUND, [(400, 410), (420, 430)]) == [410, 430]
    assert run(video, VIDEO, [(400, 410), (440, 450)]) == [410, 450]


def test_an_empty_or_early_report_changes_nothing() -> None:
    track = TrackTime(VIDEO, FastestArrival())
    track.reported(ntp(5000), 0)
    run(track, VIDEO, [(0, 10)])
    track.reported(0, 0)
    assert run(track, VIDEO, [(40, 50)]) == [50]


def test_a_sender_that_begins_anew_goes_on_in_room_time() -> None:
    track = TrackTime(VIDEO, FastestArrival())
    run(track, VIDEO, [(0, 10), (40, 50)])
    track.restart()
    assert run(track, VIDEO, [(90_000, 3000), (90_040, 3040)]) == [3000, 3040]


def test_a_leap_of_the_media_clock_is_followed_at_once() -> None:
    track = TrackTime(VIDEO, FastestArrival())
    run(track, VIDEO, [(n * 40, n * 40) for n in range(25)])
    track.restart()
    got = run(track, VIDEO, [(10_000, 1000), (10_040, 1040)])
    assert got == [1000, 1040]


def test_asking_before_anything_came_is_refused() -> None:
    with pytest.raises(ValueError, match="before any packet"):
        TrackTime(VIDEO, FastestArrival()).room_ms(0, 0)
