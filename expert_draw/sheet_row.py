"""Reads one row of a roster sheet into one expert, noting every problem on the way."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from expert_draw.identifiers import Fault, NotANumber, read_credit_code, read_identity
from expert_draw.regions import is_named, region_code
from expert_draw.sheet_columns import NAMES, Header, problem_at
from expert_draw.sheet_problems import Problem, Severity
from expert_draw.specialties import SPECIALTIES, is_listed, suggestion

OLDEST, YOUNGEST, ELDERLY, APPRENTICE, SEASONED = 80, 18, 70, 16, 8

_LIMITS = {"name": 30, "employer": 120, "title": 32}
_GENDERS = {"男": "1", "女": "2", "1": "1", "2": "2", "男性": "1", "女性": "2", "M": "1", "F": "2"}
_IDENTITY_TYPES = {"居民身份证", "身份证", "中华人民共和国居民身份证", "01", "1", "111"}
_SENIOR = re.compile(r"高级|教授|研究员|正高|副高|主任(?!科员)|高工")
_NUMBER = re.compile(r"[0-9A-Z-]{4,17}")
_NAME = re.compile(r"[^\W\d_]+(?:[ ·.'-][^\W\d_]+)*")
_PHONE = re.compile(r"1[3-9]\d{9}")
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]0?0:00(?::00)?)?")
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+\d+", re.IGNORECASE)
_SPECIALTY = re.compile(r"([ABC](?:\d{2}){1,3})(?![\dA-Z]).*")
_QUOTED = 24
_NONE = {"无", "无。", "/", "-", "—", "长期"}
_BETWEEN_CODES = re.compile(r"[、，；,;\s]+")
_BETWEEN_UNITS = re.compile(r"[、，；,;\n]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
# Full-width digits, letters and spaces become half-width; Chinese punctuation in names stays.
_HALF_WIDTH = {
    **{ord(wide): chr(ord(wide) - 0xFEE0) for wide in "０１２３４５６７８９"},
    **{code: chr(code - 0xFEE0) for first in ("Ａ", "ａ") for code in range(ord(first), ord(first) + 26)},
    0x3000: " ",
    0xA0: " ",
    ord("("): "（",
    ord(")"): "）",
}


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One expert as read (一行专家): phone as +86…, region in six digits, gender 1 or 2, units by name."""

    row: int
    number: str
    name: str
    gender: str
    identity: str
    birth: date
    region_code: str
    phone: str
    employer: str
    employer_code: str
    title: str
    years: int
    specialties: tuple[str, ...]
    former_employers: tuple[str, ...]
    declared_avoidance: tuple[str, ...]
    valid_until: date | None


class RowReader:
    """Reads the cells of one row; what could be read is kept even when other cells are wrong."""

    def __init__(self, header: Header, number: int, cells: Sequence[str], today: date) -> None:
        self.number = number
        self.problems: list[Problem] = []
        self._header = header
        self._cells = cells
        self._today = today
        self.expert_number = self._code("number", _NUMBER, "number-form")
        self.identity, self.birth, gender = self._identity()
        self.gender = self._gender(gender)
        self.name = self._name()
        self.region = self._region()
        self.phone = self._phone()
        self.employer = self._text("employer")
        self.employer_code = self._employer_code()
        self.title = self._title()
        self.years = self._years()
        self.specialties = self._specialties()
        self.valid_until = self._valid_until()

    @property
    def row(self) -> SheetRow | None:
        """The expert, when no cell holds an error."""
        if self.birth is None or any(item.severity is Severity.error for item in self.problems):
            return None
        return SheetRow(
            row=self.number,
            number=self.expert_number,
            name=self.name,
            gender=self.gender,
            identity=self.identity,
            birth=self.birth,
            region_code=self.region,
            phone=self.phone,
            employer=self.employer,
            employer_code=self.employer_code,
            title=self.title,
            years=self.years or 0,
            specialties=self.specialties,
            former_employers=self._units("former"),
            declared_avoidance=self._units("avoid"),
            valid_until=self.valid_until,
        )

    def note(self, key: str, code: str, **params: object) -> None:
        """Notes a problem in the column of that key."""
        self.problems.append(problem_at(self._header, self.number, key, code, **params))

    def _raw(self, key: str) -> str:
        position = self._header.positions.get(key)
        if position is None or position >= len(self._cells):
            return ""
        return self._cells[position].translate(_HALF_WIDTH).strip()

    def _required(self, key: str) -> str:
        text = self._raw(key)
        if not text:
            self.note(key, "value-missing", wanted=NAMES[key])
        return text

    def _text(self, key: str) -> str:
        text = " ".join(self._required(key).split())
        if len(text) > _LIMITS[key]:
            self.note(key, "value-too-long", length=len(text), limit=_LIMITS[key])
        return text

    def _code(self, key: str, form: re.Pattern[str], code: str) -> str:
        text = _compact(self._required(key))
        if text and not form.fullmatch(text):
            self.note(key, code, value=_shown(text))
            return ""
        return text

    def _name(self) -> str:
        name = self._text("name").replace("•", "·").replace("・", "·").replace("．", "·")
        if _HAN.search(name):
            name = name.replace(" ", "")  # two-character names are often padded to three
        if name and not _NAME.fullmatch(name):
            self.note("name", "name-form")
        return name

    def _identity(self) -> tuple[str, date | None, str]:
        kind = self._raw("identity_type")
        if kind and kind not in _IDENTITY_TYPES:
            self.note("identity_type", "identity-type", value=_shown(kind))
            return "", None, ""
        text = _compact(self._required("identity"))
        if not text:
            return "", None, ""
        if _ROUNDED.fullmatch(text):
            self.note("identity", "identity-rounded")
            return "", None, ""
        try:
            known = read_identity(text)
        except NotANumber as fault:
            if fault.fault is Fault.form:
                self.note("identity", "identity-form", length=len(text))
            elif fault.fault is Fault.date:
                self.note("identity", "identity-date")
            else:
                self.note("identity", "identity-check", expected=fault.expected)
            return "", None, ""
        self._check_birth(known.birth)
        return known.number, known.birth, known.gender

    def _check_birth(self, birth: date) -> None:
        age = _age(birth, self._today)
        if not YOUNGEST <= age <= OLDEST:
            self.note("identity", "age-impossible", age=age)
        elif age >= ELDERLY:
            self.note("identity", "age-high", age=age)
        text = self._raw("birth")
        if not text:
            return
        written = _date(text)
        if written is None:
            self.note("birth", "birth-form", value=_shown(text))
        elif written != birth:
            self.note("birth", "birth-mismatch")

    def _gender(self, by_identity: str) -> str:
        text = self._raw("gender").upper()
        if not text:
            return by_identity
        gender = _GENDERS.get(text, "")
        if not gender:
            self.note("gender", "gender-unknown", value=_shown(text))
        elif by_identity and gender != by_identity:
            self.note("gender", "gender-mismatch")
        return gender

    def _region(self) -> str:
        text = "".join(self._required("region").split())
        if not text:
            return ""
        code = region_code(text)
        if code is None:
            self.note("region", "region-unknown", value=_shown(text))
            return ""
        if code.endswith("0000"):
            self.note("region", "region-broad")
        elif not is_named(code):
            self.note("region", "region-unnamed", value=code)
        return code

    def _phone(self) -> str:
        text = re.sub(r"[\s-]", "", self._required("phone")).removeprefix("+86").removeprefix("0086")
        if not text:
            return ""
        if not _PHONE.fullmatch(text):
            self.note("phone", "phone-form", length=sum(letter.isdigit() for letter in text))
            return ""
        return f"+86{text}"

    def _employer_code(self) -> str:
        text = _compact(self._required("employer_code"))
        if not text:
            return ""
        try:
            return read_credit_code(text)
        except NotANumber as fault:
            if fault.fault is Fault.form:
                self.note("employer_code", "employer-code-form", length=len(text))
            else:
                self.note("employer_code", "employer-code-check", value=text, expected=fault.expected)
            return ""

    def _title(self) -> str:
        title = self._text("title")
        if title and not _SENIOR.search(title):
            self.note("title", "title-not-senior", value=_shown(title))
        return title

    def _years(self) -> int | None:
        text = self._required("years").removesuffix("年").strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            self.note("years", "years-form", value=_shown(text))
            return None
        years = int(text)
        age = _age(self.birth, self._today) if self.birth else OLDEST
        # An age that cannot be right has been noted already and proves nothing about the years.
        if age >= YOUNGEST and years > age - APPRENTICE:
            self.note("years", "years-impossible", years=years, age=age)
        elif years < SEASONED:
            self.note("years", "years-few", years=years)
        return years

    def _specialties(self) -> tuple[str, ...]:
        codes: list[str] = []
        for token in _BETWEEN_CODES.split(unicodedata.normalize("NFKC", self._required("specialties"))):
            if not token:
                continue
            written = _SPECIALTY.fullmatch(token.upper())
            code = written.group(1) if written else ""
            if is_listed(code):
                if code not in codes:
                    codes.append(code)
            elif codes and not written and token in SPECIALTIES[codes[-1]]:
                continue  # "A080104 土建工程": the name of the code before it
            else:
                self._unlisted(code or token)
        return tuple(codes)

    def _unlisted(self, text: str) -> None:
        near = suggestion(text)
        if near is None:
            self.note("specialties", "specialty-unknown", value=_shown(text))
        else:
            self.note(
                "specialties",
                "specialty-near",
                value=_shown(text),
                suggestion=near,
                suggested_name=SPECIALTIES[near],
            )

    def _units(self, key: str) -> tuple[str, ...]:
        names = (" ".join(name.split()) for name in _BETWEEN_UNITS.split(self._raw(key)))
        return tuple(dict.fromkeys(name for name in names if name and name not in _NONE))

    def _valid_until(self) -> date | None:
        text = self._raw("until")
        if not text or text in _NONE:
            return None
        until = _date(text)
        if until is None:
            self.note("until", "until-form", value=_shown(text))
        elif until < self._today:
            self.note("until", "until-past", value=until.isoformat())
        return until


def _compact(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def _shown(text: str) -> str:
    """A cell as quoted in a listing; long ones are cut."""
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"


def _date(text: str) -> date | None:
    """The date written in one of the usual ways; None when it is not one."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, tight_month, tight_day = match.groups()
    try:
        return date(int(year), int(month or tight_month), int(day or tight_day))
    except ValueError:
        return None


def _age(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
