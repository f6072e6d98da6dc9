"""What the interface of an evaluation takes and gives."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.core.reasons_given import LINE
from app.evaluation.causes import Cause

_FIRST_YEAR, _LAST_YEAR = 2000, 2200

LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""As LINE, with line breaks and tabs."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=LINE)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=LINE)]
CreditCode = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[0-9A-Za-z]{18}$")
]
RegionCode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^(\d{2}|\d{4}|\d{6})$")]
"""A province, a prefecture or a county of GB/T 2260."""
IdentityNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^\d{17}[0-9Xx]$")
]
SpecialtyCode = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[ABCabc]\d{2,6}$")
]


def _in_our_time(at: datetime) -> datetime:
    """The same instant in UTC; one that no calendar here can write down is refused before it meets any."""
    try:
        utc = at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time that no calendar knows") from error
    if not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        raise ValueError(f"a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return utc


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UnitIn(_Strict):
    """A unit by name and, where known, its unified social credit code (统一社会信用代码)."""

    name: Name
    credit_code: CreditCode | None = None


class SlotIn(_Strict):
    """So many experts of a specialty; the code may be a prefix, as `A08` for all construction works.

    titles: acceptable ones, empty for any. regions: prefixes of the codes of where they live, empty for anywhere.
    """

    specialty: SpecialtyCode
    count: int = Field(ge=1, le=99)
    titles: tuple[Name, ...] = Field(default=(), max_length=20)
    regions: tuple[RegionCode, ...] = Field(default=(), max_length=50)


class RegionBoundIn(_Strict):
    """At least `least` and at most `most` of the drawn live in a region, given by a prefix of its code."""

    region: RegionCode
    least: int = Field(default=0, ge=0, le=99)
    most: int = Field(default=99, ge=0, le=99)

    @model_validator(mode="after")
    def _in_order(self) -> "RegionBoundIn":
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self


def _each_once(bounds: tuple[RegionBoundIn, ...]) -> tuple[RegionBoundIn, ...]:
    if len({bound.region for bound in bounds}) != len(bounds):
        raise ValueError("a region stands twice")
    return bounds


class CriterionIn(_Strict):
    """Something scored; `max_hundredths` is its most in hundredths of a point."""

    name: Name
    max_hundredths: int = Field(ge=1, le=100_000)


class BookingIn(_Strict):
    """Everything needed to book an evaluation. `starts_at` carries its time zone, `minutes` is the expected length."""

    project_number: Number
    project_name: Name
    lot_number: Number
    lot_name: Name
    host_center_id: Annotated[str, StringConstraints(min_length=1, max_length=36)]
    starts_at: Annotated[AwareDatetime, AfterValidator(_in_our_time)]
    minutes: int = Field(ge=10, le=7 * 24 * 60)
    slots: tuple[SlotIn, ...] = Field(min_length=1, max_length=9)
    appointed: int = Field(default=0, ge=0, le=99)
    """How many representatives of the tenderee sit on the committee beside the experts drawn."""
    tenderee: UnitIn
    agency: UnitIn | None = None
    avoid: tuple[UnitIn, ...] = Field(default=(), max_length=200)
    avoid_persons: tuple[IdentityNumber, ...] = Field(default=(), max_length=200)
    """People to avoid, by identity number: they and their kin are not drawn. Only fingerprints are stored."""
    supervisors: tuple[UnitIn, ...] = Field(default=(), max_length=20)
    """Bodies that supervise the project: their staff is not drawn."""
    regions: Annotated[tuple[RegionBoundIn, ...], AfterValidator(_each_once)] = Field(
        default=(), max_length=4
    )
    """How many of the drawn must, or may, come from a region."""
    bidders: tuple[UnitIn, ...] = Field(min_length=1, max_length=200)
    criteria: tuple[CriterionIn, ...] = Field(min_length=1, max_length=50)
    rule_pack: str = "cn_yunnan_loop"
    rehearsal: bool = False


class GiveUpIn(_Strict):
    """Why an evaluation is ended before its time; stays in the audit trail."""

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=4, max_length=400, pattern=LINE)
    ]


class ReasonIn(_Strict):
    """Why something is done; stays in the audit trail. For a recusal it is its ground."""

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=4, max_length=400, pattern=LINE)
    ]


class BidderListIn(_Strict):
    """The sealed list of bidders as it comes after the opening of bids, and people named for avoidance with it.

    persons: identity numbers, of those who decide for a bidder for example; only fingerprints are stored.
    """

    bidders: tuple[UnitIn, ...] = Field(min_length=1, max_length=200)
    persons: tuple[IdentityNumber, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _each_unit_once(self) -> "BidderListIn":
        for seen in (
            [unit.credit_code for unit in self.bidders if unit.credit_code],
            [unit.name for unit in self.bidders],
        ):
            if len(set(seen)) != len(seen):
                raise ValueError("a bidder stands twice")
        return self


class BidderListOut(BaseModel):
    """That the list has come. checked, refilling: how many people were checked against it and how many places are filled
    again; for supervisors only, None for everybody else."""

    received: bool
    at: datetime | None
    checked: int | None = None
    refilling: int | None = None


class PerformanceOut(BaseModel):
    """How an expert has answered and come (履职记录): how many facts of each kind, of evaluations that are over."""

    accepted: int
    declined: int
    expired: int
    late: int
    withdrawn: int
    absent: int
    recused: int
    removed: int
    ill: int


class DepartureIn(ReasonIn):
    """Why the holder of a seat leaves; a removal takes two persons and is asked for elsewhere."""

    cause: Cause


class WidenIn(ReasonIn):
    """starts_at: another start, where the old one is too near or over."""

    starts_at: Annotated[AwareDatetime, AfterValidator(_in_our_time)] | None = None


class PostponeIn(ReasonIn):
    starts_at: Annotated[AwareDatetime, AfterValidator(_in_our_time)]


class NamedPlaceIn(_Strict):
    """An expert, by number, for a vacant seat."""

    seat_no: int = Field(ge=1, le=99)
    expert: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=17, pattern=LINE)
    ]


class DesignationIn(ReasonIn):
    """Whom the host proposes, and which of the circumstances that the rule pack names is given. consent: what shows that
    whoever has to agree by the rules has done so."""

    places: tuple[NamedPlaceIn, ...] = Field(min_length=1, max_length=26)
    circumstance: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=LINE)]
    consent: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400, pattern=LINE)] = ""

    @model_validator(mode="after")
    def _each_seat_once(self) -> "DesignationIn":
        if len({place.seat_no for place in self.places}) != len(self.places):
            raise ValueError("a seat stands twice")
        return self


class JointActOut(BaseModel):
    """Something that waits for its second person. seats: those it concerns; experts: numbers of those named, for the
    supervisor who has to approve. lapsed: it waits no more, since it was asked too long ago or by somebody who could not ask
    for it now; it may be asked anew."""

    id: str
    kind: str
    seats: tuple[int, ...]
    reason: str
    side: str
    asked_at: datetime
    lapsed: bool
    circumstance: str | None = None
    consent: str = ""
    experts: tuple[str, ...] = ()


class EvaluationOut(BaseModel):
    """An evaluation in short, for programs."""

    id: str
    number: str
    state: str
    starts_at: datetime
    minutes: int
    places: int
    confirmed: int
    rounds: int
    room_id: str | None
    members: tuple["MemberOut", ...]
    short_reason: str | None
    manifest_sha256: str | None
    former_members: tuple["FormerMemberOut", ...] = ()
    designated: tuple[int, ...] = ()
    """Seats whose holder, or whoever is asked to be, was not drawn but named."""
    widened: tuple[str, ...] = ()
    """Rungs of the ladder by which conditions were widened."""


class FormerMemberOut(BaseModel):
    """Who has left the committee; their sheet is `void`, None if there was none."""

    seat_no: int
    code_name: str
    sheet_state: str | None


class MemberOut(BaseModel):
    """A committee member by seat number. `*_durable_ms`: room time up to which their track is safely on disk.

    name: null while this reader may not know it.
    """

    seat_no: int
    code_name: str
    state: str
    name: str | None
    camera_durable_ms: int | None
    microphone_durable_ms: int | None
    sheet_state: str | None


class SheetIn(_Strict):
    """A score sheet as the desk saves it. `revision` is the one it was based on."""

    revision: int = Field(ge=0)
    scores: dict[str, dict[str, int]]
    note: Annotated[str, StringConstraints(max_length=4000, pattern=LINES)] = ""


class SheetOut(BaseModel):
    revision: int
    scores: dict[str, dict[str, int]]
    note: str
    state: str
    saved_at: datetime | None


class NamedOut(BaseModel):
    id: str
    name: str
    max: int | None = None


class DeskOut(BaseModel):
    """All that one expert's desk shows; nothing of anybody else."""

    evaluation_number: str
    evaluation_state: str
    starts_at: datetime
    minutes: int
    seat_no: int
    code_name: str
    room_id: str | None
    bidders: tuple[NamedOut, ...]
    criteria: tuple[NamedOut, ...]
    sheet: SheetOut


class StatementIn(_Strict):
    """What a party pasted: one line made by `yuanping party` or by its own page."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]


class UnsealingOut(BaseModel):
    """Names that somebody has asked to open early; it waits for its second person."""

    id: str
    reason: str
    asked_at: datetime


class UnsealedOut(BaseModel):
    """A place and the name of who is asked for it or has accepted it."""

    seat_no: int
    state: str
    name: str
    center: str
