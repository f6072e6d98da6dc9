"""A province to draw in: centers with seats, a roster, an operator, and evaluations booked one after the other.

Everything after the roster is the service's own doing: bookings, commitments and draws go through the conductor.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, insert, select

from app.accounts import sessions
from app.accounts.access import Actor
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.core.database import Database
from app.core.ids import new_id
from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation import conductor
from app.evaluation.cases import House
from app.evaluation.models import Evaluation
from app.evaluation.schemas import BookingIn, CriterionIn, SlotIn, UnitIn
from expert_draw import sealed
from expert_draw.invitation import LEFT, InvitationState
from expert_draw.models import Draw, Expert, ExpertSpecialty, Invitation
from expert_draw.snapshot import Rosters
from expert_draw.specialties import SPECIALTIES
from tests.faults.fleet import KEY
from tests.faults.verdict import Rows
from tests.support.world import CITIES, MORE_CITIES
from venue.models import Center, Room, Seat

PLACES = 5
_EXPERTS_A_SPECIALTY = 60
_SEATS = 3
_HOURS = (0, 3, 6)
"""Three evaluations a day: at 8, 11 and 14 o'clock in China."""
_KEPT = frozenset({InvitationState.accepted, *LEFT})
_CODES = tuple(code for code in SPECIALTIES if len(code) == 7)
_OVER = frozenset({"short", "given_up"})


@dataclass(frozen=True, slots=True)
class Province:
    """The service's ground as this process uses it beside the nodes. cookie: of the operator, signed in."""

    database: Database
    house: House
    operator: Actor
    cookie: dict[str, str]


def lay_out(database: Database, settings: Settings, now: datetime) -> Province:
    """Seven cities with a center each, and so many experts of every specialty."""
    sealer = Sealer(settings.key)
    rosters = Rosters(sealer)
    with database.transaction() as session:
        centers = _centers(session, now)
        _roster(session, now, sealer, rosters)
        account = Account(
            id=new_id(now),
            login="operator",
            name="经办",
            role=Role.host_operator,
            center_id=centers[0],
            password_hash="-",
            created_at=now,
        )
        session.add(account)
        session.flush()
        token = sessions.open_for_account(session, sealer, now, account, timedelta(days=2))
    rosters = Rosters(sealer)
    with database.reading() as session:
        rosters.current(session)
    return Province(
        database,
        House(settings, sealer, rosters),
        Actor(id=f"account:{account.id}", role=Role.host_operator, name="经办", center_id=centers[0]),
        {sessions.cookie_name(secure=False): token},
    )


def commit(province: Province, now: datetime, count: int) -> list[str]:
    """Books so many evaluations, three a day, and commits to their draws; gives their ids."""
    ids = []
    for number in range(count):
        with province.database.transaction() as session:
            evaluation = conductor.book(
                session, now, province.house, province.operator, _wanted(province, now, number)
            )
        with province.database.transaction() as session:
            _act(session, now, province, evaluation.id, "commit")
        ids.append(evaluation.id)
    return ids


def run(province: Province, now: datetime, evaluation_id: str) -> None:
    """Draws in this process; a soak has it done by the service instead."""
    with province.database.transaction() as session:
        _act(session, now, province, evaluation_id, "run")


def evaluations(province: Province) -> list[str]:
    """All that were booked."""
    with province.database.reading() as session:
        return list(session.exec(select(Evaluation.id).order_by(Evaluation.id)).all())


def committed(province: Province) -> list[str]:
    """Those that wait to be drawn."""
    with province.database.reading() as session:
        waiting = select(Evaluation.id).where(Evaluation.state == "committed").order_by(Evaluation.id)
        return list(session.exec(waiting).all())


def rows(session: Session) -> Rows:
    """The places of all evaluations, drawn or not, but for those that were given up or ran short of experts."""
    states = dict(session.exec(select(Evaluation.id, Evaluation.state)).all())
    evaluations_ = dict(session.exec(select(Draw.id, Draw.evaluation_id)).all())
    sealer = Sealer(bytes.fromhex(KEY))
    found = session.exec(select(Invitation)).all()
    accepted: defaultdict[str, list[str]] = defaultdict(list)
    kept: dict[str, str] = {}
    for one in found:
        over = states[evaluations_[one.draw_id]] in _OVER
        if one.state in _KEPT or (over and one.state == InvitationState.cancelled):
            kept[one.id] = sealed.expert(session, sealer, one).phone_fingerprint
        if one.state == InvitationState.accepted and not over:
            accepted[one.slot_id].append(one.id)
    places = PLACES * sum(state not in _OVER for state in states.values())
    return Rows(
        places=places,
        asked=len(found),
        unfilled=places - len(accepted),
        accepted={slot: tuple(many) for slot, many in accepted.items()},
        kept=frozenset(kept),
        phones=frozenset(kept.values()),
    )


def _act(session: Session, now: datetime, province: Province, evaluation_id: str, name: str) -> None:
    conductor.perform(session, now, province.house, province.operator, evaluation_id, name, lambda _key: None)


def _wanted(province: Province, now: datetime, number: int) -> BookingIn:
    day, of_day = divmod(number, len(_HOURS))
    at_midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first, second = (_CODES[(2 * number + more) % len(_CODES)] for more in (0, 1))
    return BookingIn(
        project_number=f"SOAK-{number:05d}",
        project_name="秘密水库除险加固工程",
        lot_number="1",
        lot_name="施工一标段",
        host_center_id=str(province.operator.center_id),
        starts_at=at_midnight + timedelta(days=3 + day, hours=_HOURS[of_day]),
        minutes=150,
        slots=(SlotIn(specialty=first, count=3), SlotIn(specialty=second, count=PLACES - 3)),
        tenderee=UnitIn(name="某水务局"),
        bidders=tuple(UnitIn(name=f"投标人{bidder}") for bidder in range(1, 4)),
        criteria=(CriterionIn(name="综合", max_hundredths=10_000),),
        rule_pack="cn_tender",
    )


def _centers(session: Session, now: datetime) -> list[str]:
    """Their ids, the host first; each with two rooms."""
    made: list[str] = []
    for city, latitude, longitude in (*CITIES, *MORE_CITIES):
        center = Center(
            id=new_id(now),
            code=f"C{city}",
            name=f"{city}中心",
            region_code=f"{city}00",
            kind="sister" if made else "host",
            latitude_e6=latitude,
            longitude_e6=longitude,
        )
        session.add(center)
        session.flush()
        made.append(center.id)
        for number in (1, 2):
            room = Room(
                id=new_id(now),
                center_id=center.id,
                zone="市本级",
                function="evaluation",
                name=f"评标{number}室",
            )
            session.add(room)
            session.flush()
            session.add_all(
                Seat(id=new_id(now), room_id=room.id, center_id=center.id, label=f"{number}-{seat}")
                for seat in range(_SEATS)
            )
    return made


def _roster(session: Session, now: datetime, sealer: Sealer, rosters: Rosters) -> None:
    change = rosters.begin(session)
    people = list(_people(now, sealer, change.n))
    connection = session.connection()
    connection.execute(insert(Expert), people)
    connection.execute(
        insert(ExpertSpecialty),
        [{"expert_id": one["id"], "code": _CODES[number % len(_CODES)]} for number, one in enumerate(people)],
    )
    rosters.seal(session, now, change)


def _people(now: datetime, sealer: Sealer, revision: int) -> Iterator[dict[str, object]]:
    cities = [city for city, *_ in (*CITIES, *MORE_CITIES)]
    for number in range(_EXPERTS_A_SPECIALTY * len(_CODES)):
        phone = f"+86139{number:08d}"
        id_ = new_id(now)
        yield {
            "id": id_,
            "number": f"{number:017d}",
            "name_sealed": sealer.seal(f"专家{number}", EXPERT_NAME.at(id_)),
            "gender": "1",
            "identity_sealed": sealer.seal(str(number), EXPERT_IDENTITY.at(id_)),
            "identity_fingerprint": sealer.fingerprint(f"identity {number}"),
            "birth_year": 1975,
            "region_code": f"{cities[number % len(cities)]}00",
            "phone_sealed": sealer.seal(phone, EXPERT_PHONE.at(id_)),
            "phone_fingerprint": sealer.fingerprint(phone),
            "employer": f"单位{number // 3}",
            "employer_code": f"91530600MA{number // 3:08d}",
            "title": "高级工程师",
            "years_in_field": 20,
            "former_employers": "[]",
            "declared_avoidance": "[]",
            "valid_until": None,
            "state": "active",
            "entered_at": now,
            "imported_at": now,
            "revision": revision,
        }
