"""Identity numbers and credit codes are told apart from what cannot be one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.identifiers import (
    Fault,
    NotANumber,
    credit_check,
    identity_check,
    read_credit_code,
    read_identity,
)

CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
identities = st.builds(
    lambda region, birth, order: (first := f"{region:06d}{birth:%Y%m%d}{order:03d}") + identity_check(first),
    st.integers(110000, 999999),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.integers(0, 999),
)
credit_codes = st.text(CREDIT, min_size=17, max_size=17).map(lambda first: first + credit_check(first))


def test_the_example_of_the_standard_is_read() -> None:
    """GB 11643 gives 11010519491231002X and 440524188001010014 as examples."""
    read = read_identity("11010519491231002X")
    assert (read.birth, read.gender) == (date(1949, 12, 31), "2")
    assert read_identity("440524188001010014").gender == "1"


def test_the_code_of_a_known_university_is_read() -> None:
    assert read_credit_code("12100000400000624D") == "12100000400000624D"


@given(identities)
def test_a_well_formed_identity_number_tells_birth_date_and_gender(number: str) -> None:
    read = read_identity(number)
    assert f"{read.birth:%Y%m%d}" == number[6:14]
    assert read.gender == ("1" if int(number[16]) % 2 else "2")


@given(identities, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number: str, place: int, step: int) -> None:
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    with pytest.raises(NotANumber) as refusal:
        read_identity(wrong)
    assert refusal.value.fault in {Fault.check, Fault.date}


@given(identities)
def test_the_refusal_of_a_wrong_last_digit_names_the_right_one(number: str) -> None:
    for last in set("0123456789X") - {number[17]}:
        with pytest.raises(NotANumber) as refusal:
            read_identity(number[:17] + last)
        assert refusal.value.expected == number[17]


@pytest.mark.parametrize(
    "number", ["", "1101051949123100", "11010519491231002x", "1101051949123100AX", "1" * 19]
)
def test_what_has_not_the_form_of_an_identity_number_is_refused_as_such(number: str) -> None:
    with pytest.raises(NotANumber) as refusal:
        read_identity(number)
    assert refusal.value.fault is Fault.form


def test_a_day_that_never_was_is_refused_as_such() -> None:
    with pytest.raises(NotANumber) as refusal:
        read_identity("11010519490230002X")
    assert refusal.value.fault is Fault.date


@given(credit_codes, st.integers(0, 16), st.sampled_from(CREDIT))
def test_one_wrong_character_of_a_credit_code_is_always_noticed(code: str, place: int, letter: str) -> None:
    assert read_credit_code(code) == code
    if letter != code[place]:
        with pytest.raises(NotANumber) as refusal:
            read_credit_code(code[:place] + letter + code[place + 1 :])
        assert refusal.value.fault is Fault.check


@pytest.mark.parametrize("code", ["", "12100000400000624", "I2100000400000624D", "12100000400000624d"])
def test_what_has_not_the_form_of_a_credit_code_is_refused_as_such(code: str) -> None:
    with pytest.raises(NotANumber) as refusal:
        read_credit_code(code)
    assert refusal.value.fault is Fault.form
