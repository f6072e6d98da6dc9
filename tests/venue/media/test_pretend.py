"""A pretend seat shows real movement and a voice with pauses, and keeps its pace."""

import asyncio
from array import array

import pytest
from aiortc.mediastreams import MediaStreamError

from venue.media import pretend as pretend_module
from venue.media.pretend import PretendSeat
from venue.media.pretend_scene import Scene
from venue.media.pretend_voice import LOOP_S, SAMPLE_RATE, voice


def test_the_picture_has_its_size_moves_and_differs_from_seat_to_seat() -> None:
    first, second = Scene(1, 320, 240), Scene(12, 320, 240)
    picture = first.picture(0)
    assert (len(picture.y), len(picture.u), len(picture.v)) == (320 * 240, 160 * 120, 160 * 120)
    assert picture == first.picture(0)
    changed = sum(a != b for a, b in zip(picture.y, first.picture(83).y, strict=True))
    assert 100 < changed < 20_000
    assert picture.u != second.picture(0).u
    assert sum(a != b for a, b in zip(picture.y, second.picture(0).y, strict=True)) > 1000


def test_the_clock_in_the_picture_runs() -> None:
    scene = Scene(1, 320, 240)

    def clock(ms: int) -> bytes:
        y = scene.picture(ms).y
        return b"".join(y[row * 320 + 140 : row * 320 + 312] for row in range(192, 232))

    assert len({clock(ms) for ms in range(0, 1000, 10)}) == 100
    assert clock(0) == clock(100 * 60_000)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (352, 288)])
def test_every_size_is_drawn_within_its_planes(width: int, height: int) -> None:
    for ms in range(0, 8000, 400):
        picture = Scene(7, width, height).picture(ms)
        assert len(picture.y) == width * height


def test_the_voice_lasts_ten_seconds_is_loud_enough_pauses_and_is_each_seats_own() -> None:
    samples = array("h", voice(1))
    assert len(samples) == SAMPLE_RATE * LOOP_S
    assert voice(1) == voice(1)
    assert voice(1) != voice(2)
    windows = [max(map(abs, samples[at : at + 4800])) for at in range(0, len(samples), 4800)]
    assert 5000 < max(windows) <= 11_000
    silent = sum(window == 0 for window in windows) / len(windows)
    assert 0.1 < silent < 0.6


def test_rows_are_padded_to_what_the_encoder_wants() -> None:
    assert pretend_module._padded(b"abcdef", 3, 3) == b"abcdef"
    assert pretend_module._padded(b"abcdef", 3, 4) == b"abc\0def\0"


class SlowLoop:
    """An event loop's clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now


def test_a_seat_that_fell_far_behind_skips_instead_of_hurrying(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SlowLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    pace = pretend_module._Pace(10)

    async def numbers() -> list[int]:
        seen = [await pace.next()]
        clock.now += 0.2
        seen += [await pace.next(), await pace.next()]
        clock.now += 2.0
        seen += [await pace.next()]
        return seen

    coroutine = numbers()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == [0, 1, 2, 22]
    assert pace.count == 4
    assert pace.worst_late_ms == 1900


def test_a_pretend_seat_that_was_closed_sends_no_more() -> None:
    async def scenario() -> None:
        seat = PretendSeat(1)
        assert seat.state == "new"
        assert seat.stats() == pretend_module.PretendStats(0, 0, 0)
        await seat.close()
        assert seat.state == "closed"
        for track in (seat._camera, seat._microphone):
            with pytest.raises(MediaStreamError):
                await track.recv()

    asyncio.run(scenario())
