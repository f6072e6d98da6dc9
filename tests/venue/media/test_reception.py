"""The figures of a receiver report are those of RFC 3550."""

from venue.media.reception import Reception


def test_nothing_received_is_nothing_lost() -> None:
    reception = Reception(90_000)
    assert (reception.highest, reception.lost, reception.jitter) == (0, 0, 0)
    assert reception.take_fraction_lost() == 0


def test_lost_packets_are_counted_in_all_and_since_the_last_report() -> None:
    reception = Reception(90_000)
    for sequence in range(100, 200):
        if sequence % 4:
            reception.arrived(sequence, sequence * 3000, sequence * 33)
    assert reception.highest == 199
    assert reception.lost == 24
    assert reception.take_fraction_lost() == 24 * 256 // 99
    for sequence in range(200, 300):
        reception.arrived(sequence, sequence * 3000, sequence * 33)
    assert reception.take_fraction_lost() == 0
    assert reception.lost == 24


def test_wraps_are_counted_on() -> None:
    reception = Reception(48_000)
    for sequence in range(65_530, 65_550):
        reception.arrived(sequence, sequence * 960, sequence * 20)
    assert reception.highest == 65_549
    assert reception.lost == 0


def test_packets_out_of_order_and_twice_do_not_go_missing() -> None:
    reception = Reception(48_000)
    for sequence in (5, 4, 7, 6, 6):
        reception.arrived(sequence, sequence * 960, 0)
    assert reception.highest == 7
    assert reception.lost == -1
    assert reception.take_fraction_lost() == 0


def test_steady_arrival_has_no_jitter_and_unsteady_has() -> None:
    steady, unsteady = Reception(48_000), Reception(48_000)
    for sequence in range(200):
        steady.arrived(sequence, sequence * 960, sequence * 20)
        unsteady.arrived(sequence, sequence * 960, sequence * 20 + sequence % 2 * 10)
    assert steady.jitter == 0
    assert 400 < unsteady.jitter <= 480


def test_nothing_at_all_for_a_while_is_a_whole_loss_not_an_overflow() -> None:
    reception = Reception(48_000)
    reception.arrived(0, 0, 0)
    reception.take_fraction_lost()
    reception.arrived(100_000, 0, 0)
    assert reception.take_fraction_lost() == 255
