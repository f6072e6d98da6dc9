"""A large roster in memory, as the service keeps it, for a draw in which every expert is asked for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from expert_draw.engine.avoidance import AvoidanceContext, Grounds, Served, avoid
from expert_draw.engine.ballot import Ballot, Bounded, Cap, Integers, Role
from expert_draw.engine.columns import NO_END, NONE, Columns, Links, Mask, Small, Spans, Tokens, instant
from expert_draw.roster_view import LEAF_BYTES, RosterView, Words
from tests.support.bigpool import BigPool, big_pool

NEEDS = (("A01", 3), ("A02", 2), ("A03", 2))
CITIES = ((530100, 1, 4), (530300, 1, 3), (530600, 0, 3), (532500, 0, 3))
"""Region code, and how many of the seven may come from there, at least and at most."""

DAY = date(2026, 11, 23)
BEGINS, ENDS = (instant(datetime(2026, 11, 23, hour, tzinfo=UTC)) for hour in (1, 5))
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A roster and an evaluation that asks for every specialty it has. employer: its tokens as wide as a ballot takes them."""

    view: RosterView
    context: AvoidanceContext
    employer: Integers

    @property
    def specialty(self) -> Small:
        """Which of the three specialties each expert has."""
        order = np.argsort(self.view.columns.specialties.row)
        return self.view.columns.specialties.token[order]

    def grounds(self) -> Grounds:
        """Who must not be drawn, and why."""
        return avoid(self.view.columns, self.context)

    def ballot(self, free: Mask) -> Ballot:
        """The lists of those who can be drawn: one of an employer, four cities bounded."""
        view = self.view
        return Ballot(
            size=view.columns.size,
            roles=tuple(
                Role(np.flatnonzero(view.holding(specialty) & free), ((specialty, need),))
                for specialty, need in NEEDS
            ),
            caps=(Cap(1, self.employer),),
            bounds=tuple(Bounded(view.living(str(city)), least, most) for city, least, most in CITIES),
        )


def asked(size: int, seed: int = 1) -> Asked:
    """A roster of so many experts in 3 specialties and 4 cities; every ground of avoidance keeps somebody away."""
    pool = big_pool(size, seed)
    dice = np.random.default_rng(seed + 1)
    words = Words()
    for specialty, _ in NEEDS:
        words.specialties.enter(specialty)
    view = _view(pool, words, _columns(pool, words.units, dice))
    return Asked(view, _context(size, dice), pool.employer)


def _columns(pool: BigPool, units: Tokens, dice: np.random.Generator) -> Columns:
    size = len(pool.city)
    employers = int(pool.employer.max()) + 1
    for employer in range(employers):
        units.enter(f"={employer}")
    row = np.arange(size)
    return Columns(
        size=size,
        suspended=dice.random(size) < 0.01,
        employer_code=pool.employer.astype(np.int32),
        employer_name=np.full(size, NONE, np.int32),
        birth_year=dice.integers(1956, 2000, size).astype(np.int32),
        title=dice.choice(np.arange(3, dtype=np.int32), size, p=(0.6, 0.39, 0.01)),
        years_in_field=dice.integers(8, 58, size).astype(np.int32),
        valid_until=np.where(dice.random(size) < 0.01, DAY.toordinal() - 1, NO_END),
        entered=DAY.toordinal() - dice.integers(1, 4000, size),
        former=_links(
            dice, size // 2, size, employers, at=DAY.toordinal() - dice.integers(1, 4000, size // 2)
        ),
        declared=_links(dice, size // 5, size, employers),
        specialties=Links(row, (pool.specialties[:, 0] % len(NEEDS)).astype(np.int32), np.zeros(0, np.int64)),
    )


def _context(size: int, dice: np.random.Generator) -> AvoidanceContext:
    """A tender with 12 bidders and their kin, holders and subsidiaries; a fifth of the roster sat somewhere this year."""
    employers = size // 8
    units = frozenset(dice.integers(0, employers, 12).tolist())

    def some(many: int) -> frozenset[int]:
        return frozenset(dice.integers(0, size, many).tolist())

    sat = zip(
        dice.integers(0, size, size // 5).tolist(),
        (DAY.toordinal() - dice.integers(1, 300, size // 5)).tolist(),
        strict=True,
    )
    return AvoidanceContext(
        day=DAY,
        begins=BEGINS,
        ends=ENDS,
        units=units,
        controlled=frozenset(dice.integers(0, employers, 24).tolist()),
        holders=some(20),
        purchaser_units=frozenset(dice.integers(0, employers, 2).tolist()),
        supervisor_units=frozenset(dice.integers(0, employers, 3).tolist()),
        named=some(5),
        kin=some(10),
        used=some(7),
        age_limit=70,
        least_years_in_field=9,
        titles=frozenset((0, 1)),
        busy=_spans(dice, size // 100, size),
        leaves=_spans(dice, size // 100, size),
        credit=_spans(dice, size // 500, size),
        served=Served(tuple(sat)),
        interval=3,
        yearly_cap=4,
        cooling_off=30,
    )


def _links(
    dice: np.random.Generator, many: int, size: int, employers: int, at: np.ndarray | None = None
) -> Links:
    rows, tokens = dice.integers(0, size, many), dice.integers(0, employers, many)
    return Links(rows, tokens.astype(np.int32), np.zeros(0, np.int64) if at is None else at)


def _spans(dice: np.random.Generator, many: int, size: int) -> Spans:
    """Times of a day around the evaluation; about half of them overlap it."""
    begins = BEGINS + dice.integers(-12, 12, many) * _HOUR
    return Spans(dice.integers(0, size, many), begins, begins + 4 * _HOUR)


def _view(pool: BigPool, words: Words, columns: Columns) -> RosterView:
    regions = np.array([city for city, _, _ in CITIES], dtype=np.int32)
    return RosterView(
        n=1,
        mark="bench",
        root="0" * 64,
        size=columns.size,
        recorded=True,
        ids=(),
        texts=(),
        columns=columns,
        own_code=columns.employer_code,
        region=regions[pool.city % len(CITIES)],
        leaves=np.zeros((0, LEAF_BYTES), np.uint8),
        words=words,
        _row={},
        _key=b"",
        _path=lambda _view, _leaf: (),
    )
