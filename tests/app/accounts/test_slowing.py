"""How long whoever was wrong has to wait."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from app.accounts.slowing import ByLot, Slowing, Wrong, at_one_place, codes_elsewhere, elsewhere

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PAUSE = timedelta(minutes=5)


def wrong_tries(slowing: Slowing, count: int) -> Wrong:
    wrong = None
    for _ in range(count):
        wrong = slowing.another(wrong, NOW)
    assert wrong is not None
    return wrong


def test_at_one_place_the_free_tries_are_followed_by_a_pause_and_then_all_begins_anew() -> None:
    slowing = at_one_place(5, PAUSE)
    assert slowing.may_try(None, NOW)
    assert slowing.may_try(wrong_tries(slowing, 4), NOW)
    paused = wrong_tries(slowing, 5)
    assert not slowing.may_try(paused, NOW)
    assert not slowing.may_try(paused, NOW + PAUSE - timedelta(seconds=1))
    assert slowing.may_try(paused, NOW + PAUSE)
    assert slowing.another(paused, NOW + PAUSE) == Wrong(1, NOW + PAUSE)


def test_codes_elsewhere_get_slower_and_slower() -> None:
    slowing = codes_elsewhere(5, PAUSE)
    waits = []
    for count in (19, 20, 21, 24, 28, 29, 1000):
        wrong = Wrong(count, NOW)
        waits.append(next(s for s in range(301) if slowing.may_try(wrong, NOW + timedelta(seconds=s))))
    assert waits == [0, 1, 2, 16, 256, 300, 300]
    assert slowing.another(Wrong(1000, NOW), NOW + 12 * PAUSE).count == 1


@given(st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 10**5))
def test_one_more_wrong_try_never_shortens_the_wait(count: int, free: int, seconds: int) -> None:
    slowing, then = codes_elsewhere(free, PAUSE), NOW + timedelta(seconds=seconds)
    if not slowing.may_try(Wrong(count, NOW), then):
        assert not slowing.may_try(Wrong(count + 1, NOW), then)


def test_passwords_elsewhere_count_by_lot_with_the_chance_of_the_time_since_the_last_one() -> None:
    lot = elsewhere(5, PAUSE)
    assert [lot.chance(wrong, NOW) for wrong in (None, Wrong(19, NOW), Wrong(20, NOW))] == [1, 1, 0]
    later = [NOW + timedelta(seconds=seconds) for seconds in (1, 5, 10, 3599, 3600)]
    assert [lot.chance(Wrong(1000, NOW), then) for then in later] == [0.1, 0.5, 1, 1, 1]
    assert lot.another(Wrong(20, NOW), later[1]) == Wrong(21, later[1])
    assert lot.another(Wrong(1000, NOW), later[-1]) == Wrong(1, later[-1])


def besieged(lot: ByLot, every_s: int) -> tuple[int, int, int]:
    """Eight hours of one guess every so many seconds, each from a place that may guess; the holder comes to a new place every
    minute or so. How many guesses counted, how often the holder got in, and how often they tried."""
    wrong, guesses, got_in, tried, holder_at = wrong_guesses(lot), 0, 0, 0, 30.0
    for second in range(0, 8 * 3600, every_s):
        while holder_at < second:
            then, tried = NOW + timedelta(seconds=holder_at), tried + 1
            if drawn("holder", tried) < lot.chance(wrong, then):
                got_in += 1
            else:
                wrong = lot.another(wrong, then)
            holder_at += 30 + 60 * drawn("when", tried)
        then = NOW + timedelta(seconds=second)
        guesses += drawn("attacker", second) < lot.chance(wrong, then)
        wrong = lot.another(wrong, then)
    return guesses, got_in, tried


def wrong_guesses(lot: ByLot) -> Wrong | None:
    wrong = None
    for _ in range(lot.free):
        wrong = lot.another(wrong, NOW)
    return wrong


def drawn(who: str, number: int) -> float:
    return int.from_bytes(sha256(f"{who}:{number}".encode()).digest()[:6]) / (1 << 48)


def test_the_holder_gets_in_at_a_new_place_while_others_guess_all_day_and_they_guess_no_more_for_it() -> None:
    guesses, got_in, tried = besieged(elsewhere(5, PAUSE), every_s=10)
    assert guesses < 2880
    assert got_in > tried / 3
    guesses, got_in, tried = besieged(
        elsewhere(5, PAUSE), every_s=1
    )  # sixty places guess as fast as each may
    assert guesses < 1.05 * 2880
    assert got_in > tried / 33
