"""Projects, lots, the parties around them and what is scored."""

from sqlmodel import Field, SQLModel


class Project(SQLModel, table=True):
    """A project to be evaluated (项目)."""

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=200)


class Lot(SQLModel, table=True):
    """One lot of a project (标段)."""

    id: str = Field(primary_key=True, max_length=36)
    project_id: str = Field(foreign_key="project.id", index=True, max_length=36)
    number: str = Field(max_length=64)
    name: str = Field(max_length=200)


class Party(SQLModel, table=True):
    """A unit around a lot (当事人): tenderee, agency, bidder, or one more unit to avoid."""

    id: str = Field(primary_key=True, max_length=36)
    lot_id: str = Field(foreign_key="lot.id", index=True, max_length=36)
    role: str = Field(max_length=16)
    name: str = Field(max_length=120)
    credit_code: str | None = Field(default=None, max_length=18)
    order_no: int = 0


class Criterion(SQLModel, table=True):
    """One thing that is scored (评分项), in hundredths of a point."""

    id: str = Field(primary_key=True, max_length=36)
    lot_id: str = Field(foreign_key="lot.id", index=True, max_length=36)
    order_no: int
    name: str = Field(max_length=120)
    max_hundredths: int
