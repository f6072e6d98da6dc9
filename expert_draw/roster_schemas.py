"""What the API says about the roster and an import."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from expert_draw.regions import region_name
from expert_draw.roster import ImportReport, RosterSummary
from expert_draw.sheet_problems import Severity
from expert_draw.specialties import specialty_name
from expert_draw.unmasking import Person, PersonalField


class ProblemView(BaseModel):
    """One thing to mend in a sheet (导入问题)."""

    row: int
    column: str
    header: str
    code: str
    severity: Severity
    message: str
    remedy: str


class ImportView(BaseModel):
    """What an import found and did (导入结果)."""

    rows: int
    new: int
    changed: int
    unchanged: int
    dry_run: bool
    applied: bool
    ignored_columns: tuple[str, ...]
    problems: tuple[ProblemView, ...]

    @classmethod
    def of(cls, report: ImportReport, language: str) -> "ImportView":
        return cls(
            rows=report.rows,
            new=report.new,
            changed=report.changed,
            unchanged=report.unchanged,
            dry_run=report.dry_run,
            applied=report.applied,
            ignored_columns=report.ignored_columns,
            problems=tuple(
                ProblemView(
                    row=problem.row,
                    column=problem.column,
                    header=problem.header,
                    code=problem.code,
                    severity=problem.severity,
                    message=problem.message(language),
                    remedy=problem.remedy(language),
                )
                for problem in report.problems
            ),
        )


class SpecialtyView(BaseModel):
    code: str
    name: str
    experts: int
    cities: int
    shallow: bool


class CityView(BaseModel):
    city: str
    name: str
    experts: int


class RosterView(BaseModel):
    """The roster in figures (专家库概况)."""

    experts: int
    active: int
    cities: tuple[CityView, ...]
    specialties: tuple[SpecialtyView, ...]

    @classmethod
    def of(cls, summary: RosterSummary) -> "RosterView":
        return cls(
            experts=summary.experts,
            active=summary.active,
            cities=tuple(
                CityView(city=city, name=region_name(city), experts=count) for city, count in summary.by_city
            ),
            specialties=tuple(
                SpecialtyView(
                    code=item.code,
                    name=specialty_name(item.code),
                    experts=item.experts,
                    cities=item.cities,
                    shallow=item.shallow,
                )
                for item in summary.specialties
            ),
        )


class PersonView(BaseModel):
    """An expert (专家): name, identity number and phone masked unless they were asked for; null once they were erased."""

    number: str
    name: str | None
    identity: str | None
    phone: str | None
    employer: str
    state: str

    @classmethod
    def of(cls, person: Person) -> "PersonView":
        return cls.model_validate(person, from_attributes=True)


class UnmaskIn(BaseModel):
    """What to show in clear (查看明文), and why."""

    fields: Annotated[frozenset[PersonalField], Field(min_length=1)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=400)]
