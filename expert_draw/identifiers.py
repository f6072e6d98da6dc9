"""Whether an identity number or a unit's credit code can be right, told from its own digits."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

_IDENTITY = re.compile(r"\d{17}[\dX]")
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECKS = "10X98765432"

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT = re.compile(f"[{_CREDIT_ALPHABET}]{{18}}")
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


class Fault(StrEnum):
    """What is wrong with a number."""

    form = "form"
    date = "date"
    check = "check"


class NotANumber(ValueError):
    """The number cannot be right; `expected` is the check character its other characters ask for."""

    def __init__(self, fault: Fault, expected: str = "") -> None:
        self.fault = fault
        self.expected = expected
        super().__init__(fault)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a resident identity number (公民身份号码) tells; `gender` is 1 male or 2 female as in GB/T 2261.1."""

    number: str
    birth: date
    gender: str


def read_identity(number: str) -> Identity:
    """Reads an 18-character number by GB 11643; NotANumber tells which part cannot be right."""
    if not _IDENTITY.fullmatch(number):
        raise NotANumber(Fault.form)
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise NotANumber(Fault.date) from error
    expected = identity_check(number[:17])
    if number[17] != expected:
        raise NotANumber(Fault.check, expected)
    return Identity(number, birth, "1" if int(number[16]) % 2 else "2")


def identity_check(first: str) -> str:
    """The eighteenth character of an identity number, from its first 17 digits."""
    total = sum(int(digit) * weight for digit, weight in zip(first, _IDENTITY_WEIGHTS, strict=True))
    return _IDENTITY_CHECKS[total % 11]


def read_credit_code(code: str) -> str:
    """A unified social credit code (统一社会信用代码) by GB 32100; NotANumber when it cannot be right."""
    if not _CREDIT.fullmatch(code):
        raise NotANumber(Fault.form)
    expected = credit_check(code[:17])
    if code[17] != expected:
        raise NotANumber(Fault.check, expected)
    return code


def credit_check(first: str) -> str:
    """The eighteenth character of a credit code, from its first 17."""
    total = sum(
        _CREDIT_ALPHABET.index(letter) * weight for letter, weight in zip(first, _CREDIT_WEIGHTS, strict=True)
    )
    return _CREDIT_ALPHABET[-total % 31]
