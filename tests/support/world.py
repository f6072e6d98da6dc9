"""A small province to test in: a database, a clock that is moved, centers with seats, experts with employers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.ids import new_id
from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation.cases import House
from app.evaluation.schemas import BookingIn, CriterionIn, SlotIn, UnitIn
from expert_draw import sealed
from expert_draw.answers import Invitees
from expert_draw.identifiers import identity_check
from expert_draw.models import Expert, ExpertSpecialty, Invitation
from expert_draw.snapshot import Change, Rosters
from tests.support.databases import furnish
from venue.models import Center, Room, Seat

HOST_ID = "host-center"
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
CITIES = (
    ("5306", 27_340_000, 103_720_000),
    ("5301", 25_040_000, 102_710_000),
    ("5303", 25_490_000, 103_800_000),
)
MORE_CITIES = (
    ("5304", 24_350_000, 102_540_000),
    ("5325", 23_360_000, 103_370_000),
    ("5326", 23_370_000, 104_250_000),
    ("5329", 25_590_000, 100_230_000),
)


@dataclass(slots=True)
class World:
    """Everything a test of the whole conductor touches."""

    database: Database
    clock: ManualClock
    sealer: Sealer
    settings: Settings
    rosters: Rosters
    host_id: str = ""
    experts: list[str] = field(default_factory=list)

    @property
    def house(self) -> House:
        return House(self.settings, self.sealer, self.rosters)

    @property
    def invitees(self) -> Invitees:
        return Invitees(self.sealer)

    def now(self) -> datetime:
        return self.clock.now()

    def person(self, invitation: Invitation) -> str:
        """The id of the expert behind an invitation that was committed."""
        with self.database.reading() as session:
            return sealed.person(session, self.sealer, invitation)

    def expert(self, invitation: Invitation) -> Expert:
        """The expert behind an invitation that was committed."""
        with self.database.reading() as session:
            return sealed.expert(session, self.sealer, invitation)

    def asked(self) -> set[str]:
        """The ids of all experts who were ever invited."""
        with self.database.reading() as session:
            return {one.expert_id for one in sealed.invited(session, self.sealer)}

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def add_expert(
        self, session: Session, *, specialty: str, employer: int, city: str, birth_year: int = 1975
    ) -> str:
        """Brings one more expert into the roster, by a change of it that holds nobody else."""
        with self.roster_change(session) as change:
            return change.enter(specialty=specialty, employer=employer, city=city, birth_year=birth_year)

    @contextmanager
    def roster_change(self, session: Session) -> Iterator["RosterEntries"]:
        """One change of the roster, however many experts are entered meanwhile."""
        entries = RosterEntries(self, self.rosters.begin(session))
        yield entries
        session.add_all(entries.experts)
        session.flush()
        session.add_all(entries.specialties)
        session.flush()
        self.rosters.seal(session, self.now(), entries.change)


@dataclass(slots=True)
class RosterEntries:
    """The experts of one change of the roster, until it is sealed."""

    world: World
    change: Change
    experts: list[Expert] = field(default_factory=list)
    specialties: list[ExpertSpecialty] = field(default_factory=list)

    def enter(self, *, specialty: str, employer: int, city: str, birth_year: int = 1975) -> str:
        world = self.world
        number = len(world.experts) + 1
        id_ = new_id(world.now())
        expert = Expert(
            id=id_,
            number=f"{number:017d}",
            name_sealed=world.sealer.seal(f"专家{number}", EXPERT_NAME.at(id_)),
            gender="1",
            identity_sealed=world.sealer.seal(identity_of(number), EXPERT_IDENTITY.at(id_)),
            identity_fingerprint=world.sealer.fingerprint(identity_of(number)),
            birth_year=birth_year,
            region_code=f"{city}00",
            phone_sealed=world.sealer.seal(f"+8613900{number:06d}", EXPERT_PHONE.at(id_)),
            phone_fingerprint=world.sealer.fingerprint(f"+8613900{number:06d}"),
            employer=f"单位{employer}",
            employer_code=f"91530600MA{employer:08d}",
            title="高级工程师",
            years_in_field=20,
            entered_at=world.now(),
            imported_at=world.now(),
            revision=self.change.n,
        )
        self.experts.append(expert)
        self.specialties.append(ExpertSpecialty(expert_id=expert.id, code=specialty))
        world.experts.append(expert.id)
        return expert.id


def identity_of(number: int) -> str:
    """The identity number on the card of the expert who was entered as that number, of a region that does not exist."""
    first = f"999999{1960 + number // 28_000:04d}01{number // 1000 % 28 + 1:02d}{number % 1000:03d}"
    return first + identity_check(first)


def make_world(
    folder: Path,
    *,
    experts: int = 40,
    employers: int = 40,
    settings: Settings | None = None,
    database: Database | None = None,
) -> World:
    """A province of seven cities with one center each (two rooms of two seats), experts spread over them.

    database: a furnished one without rows; SQLite in the folder unless given.
    """
    database = database or furnish(Database(f"sqlite:///{folder / 'world.db'}"))
    sealer = Sealer(bytes(range(32)))
    world = World(
        database,
        ManualClock(START),
        sealer,
        settings or Settings(data_dir=folder, secret_key=bytes(range(32)).hex()),
        Rosters(sealer),
    )
    cities = (*CITIES, *MORE_CITIES)
    with world.transaction() as session:
        for index, (city, latitude, longitude) in enumerate(cities):
            center = Center(
                id=new_id(world.now()) if index else HOST_ID,
                code=f"C{city}",
                name=f"{city}中心",
                region_code=f"{city}00",
                kind="host" if index == 0 else "sister",
                latitude_e6=latitude,
                longitude_e6=longitude,
            )
            session.add(center)
            session.flush()
            world.host_id = world.host_id or center.id
            for number in (1, 2):
                room = Room(
                    id=new_id(world.now()),
                    center_id=center.id,
                    zone="市本级",
                    function="evaluation",
                    name=f"评标{number}室",
                )
                session.add(room)
                session.flush()
                session.add_all(
                    Seat(
                        id=new_id(world.now()), room_id=room.id, center_id=center.id, label=f"{number}-{seat}"
                    )
                    for seat in (1, 2)
                )
        if experts:
            with world.roster_change(session) as change:
                for number in range(experts):
                    change.enter(
                        specialty="A080104" if number % 2 else "A060101",
                        employer=number % employers,
                        city=cities[number % len(cities)][0],
                    )
    return world


def booking(world: World, **changes: object) -> BookingIn:
    """A booking of five places in two specialties, tomorrow."""
    fields: dict[str, object] = {
        "project_number": "ZT-2026-001",
        "project_name": "秘密水库除险加固工程",
        "lot_number": "1",
        "lot_name": "施工一标段",
        "host_center_id": world.host_id,
        "starts_at": world.now() + timedelta(days=1),
        "minutes": 240,
        "slots": (SlotIn(specialty="A08", count=3), SlotIn(specialty="A06", count=2)),
        "tenderee": UnitIn(name="某水务局"),
        "bidders": tuple(UnitIn(name=f"投标人{number}") for number in range(1, 4)),
        "criteria": (
            CriterionIn(name="技术", max_hundredths=6000),
            CriterionIn(name="商务", max_hundredths=4000),
        ),
        "rule_pack": "cn_tender",
    }
    return BookingIn.model_validate({**fields, **changes})


OPERATOR = Actor(id="account:operator", role=Role.host_operator, name="经办", center_id=HOST_ID)
