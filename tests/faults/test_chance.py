"""The plan of faults is what it says: so many bad outcomes, half of them taken, and the same for the same seed."""

from collections import Counter

from tests.faults.chance import NONE, TAKES, Chance, Fate, Faults, Ways

MANY = 20_000


def test_one_request_in_five_goes_wrong_and_half_of_those_are_taken_all_the_same() -> None:
    fates = Counter(Chance(1, Faults(), Ways()).fate(n) for n in range(MANY))
    bad = MANY - fates[Fate.answered]

    assert abs(bad / MANY - 0.2) < 0.01
    assert abs(sum(fates[fate] for fate in TAKES - {Fate.answered}) / bad - 0.5) < 0.03
    assert set(fates) == set(Fate)


def test_reports_are_lost_doubled_and_late_in_the_shares_that_were_asked_for() -> None:
    posts = [Chance(1, Faults(), Ways()).post(n) for n in range(MANY)]

    assert abs(sum(one.lost for one in posts) / MANY - 0.1) < 0.01
    assert abs(sum(one.twice for one in posts) / MANY - 0.2) < 0.01
    assert abs(sum(one.late_s > 0 for one in posts) / MANY - 0.2) < 0.01
    assert abs(sum(map(Chance(1, Faults(), Ways()).mute, range(MANY))) / MANY - 0.1) < 0.01


def test_a_seed_decides_everything() -> None:
    first, again, other = (Chance(seed, Faults(), Ways()) for seed in (7, 7, 8))

    assert [first.fate(n) for n in range(200)] == [again.fate(n) for n in range(200)]
    assert [first.fate(n) for n in range(200)] != [other.fate(n) for n in range(200)]


def test_without_faults_nothing_goes_wrong() -> None:
    chance = Chance(1, NONE, Ways())

    assert {chance.fate(n) for n in range(2000)} == {Fate.answered}
    assert not any(map(chance.mute, range(2000)))
    assert not any(one.lost or one.twice or one.late_s for one in map(chance.post, range(2000)))
