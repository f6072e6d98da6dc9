from venue.room.silence import NOTHING, SILENT_AFTER_MS, SilenceWatch


def test_ten_seconds_of_nothing_are_silence_and_any_sound_ends_it() -> None:
    watch = SilenceWatch()
    said = [(at, watch.silent) for at in range(0, 14_000, 20) if watch.hear(at, NOTHING)]
    assert said == [(SILENT_AFTER_MS, True)]
    assert watch.hear(14_000, NOTHING - 1)
    assert not watch.silent
    assert not watch.hear(14_020, 60)


def test_a_sound_in_between_begins_the_wait_anew() -> None:
    watch = SilenceWatch()
    assert not watch.hear(0, NOTHING)
    assert not watch.hear(9_900, 90)
    assert not watch.hear(10_000, NOTHING)
    assert not watch.hear(19_980, NOTHING)
    assert watch.hear(20_000, NOTHING)


def test_what_is_not_told_says_nothing() -> None:
    watch = SilenceWatch()
    assert not any(watch.hear(at, None) for at in range(0, 60_000, 1000))
    assert not watch.silent
