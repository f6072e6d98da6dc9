"""The list of experts: who qualifies, in codes, with every ground against them, and what binds a committee together."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from sqlmodel import Session, col

from app.core.canonical import Canonical
from app.core.database import Database
from app.core.errors import Conflict, Unavailable
from app.core.sealed_columns import DRAW_KEY, INVITED
from app.core.sealing import Sealer
from app.rules import library
from app.rules.pack import RulePack, assemble
from expert_draw import sealed
from expert_draw.engine.codes import candidate_code, expert_code, expert_key, group_code
from expert_draw.engine.columns import Unit
from expert_draw.engine.pool import Bound, Candidate, DrawKind
from expert_draw.models import (
    CreditEntry,
    Draw,
    DrawSlot,
    Expert,
    ExpertLeave,
    ExpertRelation,
    ExpertSpecialty,
    Invitation,
    UnitControl,
)
from expert_draw.placing import EXPERT_FIRST, NEAR, VENUE_FIRST, FreeSeat, VenueOffer
from expert_draw.pooling import (
    EMPLOYER,
    REGION,
    Appointed,
    FrozenPool,
    PoolQuestion,
    RegionAsked,
    SlotAsked,
    depth,
    freeze,
    newly_excluded,
)
from expert_draw.roster_view import RosterView
from expert_draw.snapshot import Rosters
from tests.support.halls import NOW, make_database
from tests.support.roster_rows import expert_row

SEALER = Sealer(bytes(range(32)))
SALT = bytes(range(32))
STARTS = datetime(2026, 11, 24, 1, tzinfo=UTC)
ENDS = STARTS + timedelta(minutes=180)
RULES = library.load("cn_tender")


class House:
    """A roster of experts e0, e1, … and what is asked of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rosters = Rosters(SEALER)

    def enter(self, number: int, *specialties: str, **changes: object) -> None:
        with self.database.transaction() as session:
            change = self.rosters.begin(session)
            session.execute(insert(Expert).values(**expert(number, revision=change.n, **changes)))
            for code in specialties or ("A010101",):
                session.execute(insert(ExpertSpecialty).values(expert_id=f"e{number}", code=code))
            self.rosters.seal(session, NOW, change)

    def add(self, *rows: object) -> None:
        with self.database.transaction() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def view(self) -> RosterView:
        with self.database.reading() as session:
            return self.rosters.current(session)

    def freeze(
        self, question: PoolQuestion, offers: tuple[VenueOffer, ...] = (), order: str = EXPERT_FIRST
    ) -> FrozenPool:
        with self.database.reading() as session:
            view = self.rosters.current(session)
            return freeze(session, SEALER, view, question, offers or OFFERS, salt=SALT, order=order)

    def grounds(self, question: PoolQuestion) -> dict[str, tuple[str, ...]]:
        frozen = self.freeze(question)
        return {frozen.people[one.id]: one.grounds for one in frozen.pool.candidates}

    def newly(self, question: PoolQuestion, *known: str) -> tuple[tuple[str, str], ...]:
        with self.database.reading() as session:
            return newly_excluded(session, SEALER, self.rosters.current(session), question, set(known))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_database(tmp_path)
    yield House(made)
    made.dispose()


def expert(number: int, **changes: object) -> dict[str, object]:
    experienced = {"title": "高级工程师", "years_in_field": 20, "entered_at": NOW - timedelta(days=400)}
    return expert_row(number, **{**experienced, **changes})


def center(number: int, seats: int = 5) -> VenueOffer:
    return VenueOffer(
        f"c{number}",
        f"53{number:02d}00",
        number * 1_000_000,
        0,
        tuple(FreeSeat(f"s{number}-{seat}", f"r{number}", seat) for seat in range(seats)),
        seats,
    )


OFFERS = tuple(center(number) for number in range(1, 6))


def question(*slots: SlotAsked, rules: RulePack = RULES, **changes: Any) -> PoolQuestion:
    asked = slots or (SlotAsked("A0101", 1),)
    return replace(PoolQuestion(asked, STARTS, minutes=180, avoid=(), rules=rules), **changes)


def asking(group: str = "draw", **values: int | str) -> RulePack:
    """The rule pack with some rules of one group set anew."""
    rules: dict[str, Canonical] = {
        name: {"value": value, "src": "本地约定", "ev": "L"} for name, value in values.items()
    }
    return assemble([RULES.tree, {"pack": "local", "version": "1", group: rules}])


def group(name: str, value: str) -> tuple[str, str]:
    return name, group_code(SALT, name, value)


def invited(house: House, number: int, state: str, starts_at: datetime, minutes: int = 180) -> None:
    """An expert asked for another evaluation."""
    key = f"{number}-{starts_at.isoformat()}"
    draw_id, invitation_id = f"d{key}"[:36], f"n{key}"[:36]
    sealed_key = sealed.new_key(SEALER, draw_id)
    own = Sealer(bytes.fromhex(SEALER.unseal(sealed_key, DRAW_KEY.at(draw_id))))
    house.add(
        Draw(
            id=draw_id,
            number=key[-32:],
            evaluation_id=f"v{key}"[:36],
            center_id="c",
            lot_id="l",
            suite="sha256",
            law="uniform-labelled",
            order=EXPERT_FIRST,
            state="closed",
            salt_sealed="x",
            key_sealed=sealed_key,
            committed_at=NOW,
        ),
        DrawSlot(id=f"s{key}"[:36], draw_id=draw_id, seat_no=1, specialty="A", state="filled"),
        Invitation(
            id=invitation_id,
            draw_id=draw_id,
            slot_id=f"s{key}"[:36],
            expert_sealed=own.seal(f"e{number}", INVITED.at(invitation_id)),
            mark=sealed.mark(own, f"e{number}"),
            caller_mark=sealed.caller_mark(own, f"p{number}"),
            code="0" * 32,
            round=1,
            state=state,
            center_id="c",
            seat_id="s",
            report_place="",
            starts_at=starts_at,
            minutes=minutes,
            window_s=1,
            ring_s=1,
            sms_after_s=1,
            second_call_after_s=1,
            hotline="1",
            created_at=NOW,
        ),
    )


def test_who_qualifies_is_on_the_list_under_the_code_of_the_specification(house: House) -> None:
    house.enter(1, "A010101", "B02")
    house.enter(2, "B0201")
    house.enter(3, "C03")
    view = house.view()
    frozen = house.freeze(question(SlotAsked("A01", 2), SlotAsked("B", 1)))
    assert frozen.pool.kind is DrawKind.expert
    assert frozen.pool.slots == (("1", 1), ("2", 1), ("3", 1))
    leaf = view.leaf("e1")
    code = expert_code(expert_key(SALT, leaf), leaf)
    assert frozen.people[code] == "e1"
    assert frozen.pool.by_id(code) == Candidate(
        code, (group(EMPLOYER, "911"), group(NEAR, "5301")), ("1", "2", "3")
    )
    assert {frozen.people[one.id]: one.slots for one in frozen.pool.candidates} == {
        "e1": ("1", "2", "3"),
        "e2": ("3",),
    }
    assert dict(frozen.pool.levels[0].caps) == {EMPLOYER: RULES.integer("committee.same_employer_max")}


def test_a_place_may_ask_for_titles_and_regions(house: House) -> None:
    house.enter(1)
    house.enter(2, title="教授")
    house.enter(3, title="教授", region_code="532301")
    asked = question(
        SlotAsked("A01", 1, titles=("教授", "从未见过"), regions=("5301", "5399")), SlotAsked("A", 1)
    )
    frozen = house.freeze(asked)
    assert {frozen.people[one.id]: one.slots for one in frozen.pool.candidates} == {
        "e1": ("2",),
        "e2": ("1", "2"),
        "e3": ("2",),
    }


def test_codes_change_with_salt_and_suite_and_nothing_else(house: House) -> None:
    house.enter(1)
    with house.database.reading() as session:
        view = house.rosters.current(session)
        codes = {
            freeze(session, SEALER, view, question(), OFFERS, salt=salt, suite=suite).pool.candidates[0].id
            for salt in (SALT, bytes(32))
            for suite in ("sha256", "sm3")
        }
    assert len(codes) == 4
    assert house.freeze(question()) == house.freeze(question())


def test_everybody_around_the_lot_is_kept_away_with_the_ground(house: House) -> None:
    bidder, purchaser, ministry = Unit("91B", "投标人"), Unit(name="采购人"), Unit("91M")
    house.enter(1, employer_code="91B")
    house.enter(2, employer="采购人", employer_code="")
    house.enter(3, employer_code="91M")
    house.enter(4, former_employers='["投标人（2025-01-01）"]')
    house.enter(5, former_employers='["投标人（2020-01-01）"]')
    house.enter(6, declared_avoidance='["投标人"]')
    house.enter(7, state="suspended")
    house.enter(8, valid_until=STARTS - timedelta(days=1))
    house.enter(9, birth_year=1940)
    house.enter(10, years_in_field=1)
    house.enter(11)
    asked = question(
        avoid=(bidder,), purchaser=(purchaser,), supervisors=(ministry,), used=("e11", "unknown")
    )
    assert house.grounds(asked) == {
        "e1": ("employer",),
        "e2": ("purchaser_staff",),
        "e3": ("supervisor_staff",),
        "e4": ("former_employer",),
        "e5": (),
        "e6": ("declared_unit",),
        "e7": ("suspended",),
        "e8": ("entry_expired",),
        "e9": ("over_age",),
        "e10": ("qualification_missing",),
        "e11": ("already_used",),
    }


def test_who_is_away_busy_or_on_a_credit_list_at_that_time_is_kept_away(house: House) -> None:
    for number in range(1, 8):
        house.enter(number)
    house.add(
        ExpertLeave(
            id="a", expert_id="e1", from_at=STARTS - timedelta(days=1), to_at=STARTS + timedelta(minutes=1)
        ),
        ExpertLeave(id="b", expert_id="e2", from_at=ENDS, to_at=ENDS + timedelta(days=1)),
        CreditEntry(id="a", expert_id="e3", reason="处罚", from_at=STARTS - timedelta(days=90)),
        CreditEntry(id="b", expert_id="e4", reason="处罚", from_at=NOW - timedelta(days=90), to_at=STARTS),
    )
    invited(house, 5, "contacting", STARTS - timedelta(minutes=179))
    invited(house, 6, "accepted", STARTS - timedelta(minutes=180))
    invited(house, 7, "declined", STARTS)
    assert house.grounds(question()) == {
        "e1": ("on_leave",),
        "e2": (),
        "e3": ("credit_list",),
        "e4": (),
        "e5": ("busy",),
        "e6": (),
        "e7": (),
    }


def test_the_longest_evaluation_before_still_counts(house: House) -> None:
    house.enter(1)
    invited(house, 1, "accepted", STARTS - timedelta(days=7) + timedelta(minutes=1), minutes=7 * 24 * 60)
    assert house.grounds(question()) == {"e1": ("busy",)}


def test_people_named_for_avoidance_and_their_kin_are_kept_away(house: House) -> None:
    for number in range(1, 6):
        house.enter(number)
    house.add(
        ExpertRelation(expert_id="e2", person="stranger", kind="spouse"),
        ExpertRelation(expert_id="e3", person="i1", kind="parent"),
        ExpertRelation(expert_id="e1", person="i4", kind="sibling"),
    )
    assert house.grounds(question(persons=("i1", "stranger"))) == {
        "e1": ("named_person",),
        "e2": ("kin",),
        "e3": ("kin",),
        "e4": ("kin",),
        "e5": (),
    }


def test_who_holds_a_unit_or_works_for_one_that_does_is_kept_away(house: House) -> None:
    for number in range(1, 6):
        house.enter(number)
    house.add(
        UnitControl(unit_code="91B", holder="912"),
        UnitControl(unit_code="912", holder="i1"),
        UnitControl(unit_code="913", holder="91B"),
        UnitControl(unit_code="914", holder="913"),
        UnitControl(unit_code="91X", holder="915"),
    )
    interested = house.grounds(question(avoid=(Unit("91B"),)))
    assert interested == {
        f"e{number}": ("controlling_interest",) if number < 5 else () for number in range(1, 6)
    }


def test_how_often_and_how_soon_are_asked_only_where_the_rules_say_so(house: House) -> None:
    for number in range(1, 5):
        house.enter(number)
    invited(house, 1, "accepted", STARTS - timedelta(days=9))
    invited(house, 2, "accepted", STARTS - timedelta(days=10))
    invited(house, 3, "declined", STARTS - timedelta(days=1))
    invited(house, 4, "accepted", STARTS - timedelta(days=60))
    invited(house, 4, "accepted", datetime(2026, 12, 31, 15, 59, tzinfo=UTC))
    house.enter(5, entered_at=STARTS - timedelta(days=29))
    assert set(house.grounds(question()).values()) == {()}
    assert house.grounds(question(rules=asking(interval_days_min=10, yearly_cap=2, cooling_off_days=30))) == {
        "e1": ("too_soon",),
        "e2": (),
        "e3": (),
        "e4": ("yearly_cap",),
        "e5": ("cooling_off",),
    }


def test_kin_of_each_other_conflict(house: House) -> None:
    house.enter(1)
    house.enter(2)
    house.enter(3, "C01")
    house.add(
        ExpertRelation(expert_id="e2", person="i1", kind="spouse"),
        ExpertRelation(expert_id="e1", person="i2", kind="spouse"),
        ExpertRelation(expert_id="e1", person="i3", kind="child"),
        ExpertRelation(expert_id="e1", person="i1", kind="self"),
    )
    frozen = house.freeze(question())
    (pair,) = frozen.pool.conflicts
    assert {frozen.people[code] for code in pair} == {"e1", "e2"}


def test_regions_bind_everybody_who_lives_there_members_appointed_too(house: House) -> None:
    house.enter(1)
    house.enter(2, region_code="532301")
    asked = question(
        bounds=(RegionAsked("5301", 1, 2), RegionAsked("53", 0, 3)),
        held=(
            Appointed("purchaser-1", Unit("91P", "采购人"), "530102"),
            Appointed("purchaser-2", Unit(name="采购人")),
        ),
    )
    frozen = house.freeze(asked)
    kunming, yunnan = group(REGION, "5301"), group(REGION, "53")
    assert frozen.pool.bounds == tuple(sorted((Bound(*kunming, 1, 2), Bound(*yunnan, 0, 3))))
    bounded = {
        frozen.people[one.id]: {pair for pair in one.groups if pair[0] == REGION}
        for one in frozen.pool.candidates
    }
    assert bounded == {"e1": {kunming, yunnan}, "e2": {yunnan}}
    held = {one.id: set(one.groups) for one in frozen.pool.held}
    assert held == {
        candidate_code(SALT, "purchaser-1"): {group(EMPLOYER, "91P"), kunming, yunnan},
        candidate_code(SALT, "purchaser-2"): {group(EMPLOYER, "~采购人")},
    }


def test_colleagues_count_as_one_employer_with_or_without_the_code(house: House) -> None:
    house.enter(1, employer="甲（集团）", employer_code="91A")
    house.enter(2, employer="甲(集团)", employer_code="")
    house.enter(3, employer="", employer_code="")
    frozen = house.freeze(question())
    employers = {frozen.people[one.id]: dict(one.groups).get(EMPLOYER) for one in frozen.pool.candidates}
    assert employers == {"e1": group(EMPLOYER, "91A")[1], "e2": group(EMPLOYER, "91A")[1], "e3": None}


def test_a_share_of_the_committee_can_limit_one_employer_too(house: House) -> None:
    house.enter(1)
    local = asking("committee", same_employer_max=4, same_employer_max_share="1/3")
    caps = {
        places: dict(house.freeze(question(SlotAsked("A", places), rules=local)).pool.levels[0].caps)[
            EMPLOYER
        ]
        for places in (1, 5, 7, 15)
    }
    assert caps == {1: 1, 5: 1, 7: 2, 15: 4}


def test_no_more_are_drawn_from_near_a_home_than_can_be_seated_there(house: House) -> None:
    house.enter(1)
    two = question(SlotAsked("A", 2))
    assert house.freeze(two).pool.bounds == ()
    # The two centers nearest to those of one city both lie in it, and a city gets one expert while there are two.
    beside = VenueOffer("c9", "530100", 1_000_001, 0, center(9).seats, 5)
    far = center(30)
    assert house.freeze(two, (center(1), beside, far)).pool.bounds == (Bound(*group(NEAR, "5301"), 0, 1),)
    assert house.freeze(two, (center(1), beside, far), VENUE_FIRST).pool.bounds == ()


def test_without_a_center_that_may_be_drawn_there_is_no_list(house: House) -> None:
    house.enter(1)
    lapsed = tuple(replace(offer, agreement_valid=False) for offer in OFFERS)
    with pytest.raises(Conflict, match="cities-short"):
        house.freeze(question(), lapsed)


def test_drawn_after_their_venues_experts_follow_them(house: House) -> None:
    house.enter(1, region_code="530800")
    assert house.freeze(question()).pool.follows is None
    frozen = house.freeze(question(), order=VENUE_FIRST)
    assert frozen.pool.follows == (DrawKind.venue, NEAR)
    assert group(NEAR, "5305") in frozen.pool.candidates[0].groups


def test_a_roster_altered_behind_its_back_is_not_drawn_from(house: House) -> None:
    house.enter(1)
    with house.database.transaction() as session:
        session.execute(update(Expert).values(employer_code="91Z"))
    house.rosters = Rosters(SEALER)
    with pytest.raises(Unavailable, match="roster-altered"):
        house.freeze(question())


def test_who_has_become_unable_since_is_found_with_one_ground(house: House) -> None:
    for number in range(1, 6):
        house.enter(number)
    house.add(ExpertLeave(id="a", expert_id="e2", from_at=STARTS, to_at=ENDS))
    with house.database.transaction() as session:
        change = house.rosters.begin(session)
        suspend(session, change.n, 2, 3)
        lose_specialty(session, change.n, 4)
        session.execute(delete(ExpertSpecialty).where(col(ExpertSpecialty.expert_id) == "e5"))
        session.execute(delete(Expert).where(col(Expert.id) == "e5"))
        house.rosters.seal(session, NOW, change, gone=["e5"])
    known = ("e1", "e2", "e3", "e4", "e5", "e6")
    assert house.newly(question(), *known) == (
        ("e2", "on_leave"),
        ("e3", "suspended"),
        ("e4", "specialty_missing"),
        ("e5", "suspended"),
        ("e6", "suspended"),
    )
    assert house.newly(question(), "e1") == ()


def suspend(session: Session, n: int, *numbers: int) -> None:
    for number in numbers:
        session.execute(
            update(Expert).where(col(Expert.id) == f"e{number}").values(state="suspended", revision=n)
        )


def lose_specialty(session: Session, n: int, number: int) -> None:
    session.execute(
        update(ExpertSpecialty).where(col(ExpertSpecialty.expert_id) == f"e{number}").values(code="C01")
    )
    session.execute(update(Expert).where(col(Expert.id) == f"e{number}").values(revision=n))


def test_the_depth_of_a_specialty_counts_who_is_active(house: House) -> None:
    house.enter(1)
    house.enter(2, "A010102", "B01")
    house.enter(3, state="suspended")
    view = house.view()
    assert [depth(view, prefix) for prefix in ("A0101", "A010101", "B01", "C")] == [2, 1, 1, 0]
