"""Packets leave in order, once each; what is missing is asked for, waited for and then given up."""

from hypothesis import given
from hypothesis import strategies as st

from venue.media.reorder import Hole, ReorderBuffer
from venue.media.rtp import RtpPacket


def buffer() -> ReorderBuffer:
    return ReorderBuffer(give_up_ms=800, ask_every_ms=60)


def put(into: ReorderBuffer, sequence: int, now_ms: int = 0, *, may_pass_by: bool = True) -> list[int | Hole]:
    packet = RtpPacket(96, False, sequence % 65536, 0, 1, b"x", now_ms)
    if may_pass_by and into.pass_by(packet.sequence) is not None:
        return [packet.sequence]
    return seen(into.add(into.place(packet.sequence), packet, now_ms))


def seen(pieces: tuple[RtpPacket | Hole, ...]) -> list[int | Hole]:
    return [piece if isinstance(piece, Hole) else piece.sequence for piece in pieces]


@given(st.integers(0, 65535), st.permutations(range(1, 40)), st.lists(st.integers(0, 39), max_size=10))
def test_any_order_and_any_repetition_comes_out_in_order_once(
    first: int, order: list[int], repeated: list[int]
) -> None:
    into = buffer()
    out = put(into, first)
    for step in [*order, *repeated]:
        out += put(into, first + step)
    assert out == [(first + step) % 65536 for step in range(40)]
    assert not into.is_missing_any


@given(st.lists(st.integers(0, 12) | st.integers(65530, 65535) | st.integers(0, 65535), max_size=60))
def test_what_passes_by_comes_out_as_it_would_through_the_buffer(order: list[int]) -> None:
    straight, buffered = buffer(), buffer()
    for now_ms, sequence in enumerate(order):
        assert put(straight, sequence, now_ms * 40) == put(buffered, sequence, now_ms * 40, may_pass_by=False)
        assert (straight.highest, straight.is_missing_any) == (buffered.highest, buffered.is_missing_any)
    assert seen(straight.flush()) == seen(buffered.flush())


@given(st.integers(0, 65535), st.sets(st.integers(1, 58), max_size=30))
def test_what_never_comes_is_a_hole_of_just_that_many(first: int, lost: set[int]) -> None:
    into = buffer()
    out: list[int | Hole] = []
    for step in range(60):
        if step not in lost:
            out += put(into, first + step)
    out += seen(into.take(800))
    assert [piece for piece in out if not isinstance(piece, Hole)] == [
        (first + step) % 65536 for step in range(60) if step not in lost
    ]
    assert sum(piece.packets for piece in out if isinstance(piece, Hole)) == len(lost)


def test_a_missing_packet_holds_up_those_behind_it_until_it_is_given_up() -> None:
    into = buffer()
    assert put(into, 10) == [10]
    assert put(into, 12, 100) == []
    assert seen(into.take(899)) == []
    assert seen(into.take(900)) == [Hole(1), 12]
    assert put(into, 11, 901) == []


def test_a_missing_packet_is_asked_for_at_once_and_again_after_each_pause() -> None:
    into = buffer()
    put(into, 65534)
    put(into, 2, 100)
    assert into.to_ask(100) == (65535, 0, 1)
    assert into.to_ask(159) == ()
    put(into, 0, 159)
    assert into.to_ask(160) == (65535, 1)


def test_two_holes_are_given_up_each_in_its_own_time() -> None:
    into = buffer()
    put(into, 1, 0)
    put(into, 3, 0)
    put(into, 5, 500)
    assert seen(into.take(800)) == [Hole(1), 3]
    assert into.is_missing_any
    assert seen(into.take(1300)) == [Hole(1), 5]


def test_a_long_outage_is_given_up_at_once() -> None:
    into = buffer()
    put(into, 1)
    put(into, 3)
    assert put(into, 3000) == [Hole(1), 3, Hole(2996), 3000]
    assert put(into, 3001) == [3001]


def test_a_sender_that_counts_anew_is_followed() -> None:
    into = buffer()
    put(into, 30000)
    out = [piece for step in range(102) for piece in put(into, 100 + step)]
    assert out == [Hole(1), 200, 201]


def test_memory_is_bounded_by_giving_up_the_oldest_hole() -> None:
    into = buffer()
    put(into, 0)
    out = [piece for step in range(2, 2055) for piece in put(into, step)]
    assert out[0] == Hole(1)
    assert out[1:] == list(range(2, 2055))


def test_a_sender_that_skips_without_end_is_waited_for_only_so_long() -> None:
    """A thousand numbers skipped with each packet: work for four, then each is taken as a new beginning until the second is over."""
    into, skipped = buffer(), 1001
    out = [piece for number in range(100) for piece in put(into, number * skipped)]
    assert [piece for piece in out if not isinstance(piece, Hole)] == [
        n * skipped % 65536 for n in range(100)
    ]
    assert not into.is_missing_any
    assert put(into, 100 * skipped, 999) == [Hole(1000), 100 * skipped % 65536]
    assert put(into, 101 * skipped, 1000) == []
    assert into.is_missing_any


def test_flushing_gives_everything_that_waits() -> None:
    into = buffer()
    put(into, 1)
    put(into, 3)
    put(into, 6)
    assert seen(into.flush()) == [Hole(1), 3, Hole(2), 6]
    assert into.flush() == ()
    assert not into.is_missing_any


def test_nothing_is_known_before_the_first_packet() -> None:
    into = buffer()
    assert into.take(0) == ()
    assert into.to_ask(0) == ()
