"""What anyone may know of a draw: its commitment at once, its lines when it is over, its lists when they are published;
and what its parties may know while it runs.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.core.i18n import N_
from expert_draw import keeping, listing, parties, stored_lines
from expert_draw.models import Draw
from venue.models import Center

_TELLS = frozenset({"exclude", "outcome", "redraw"})
"""Lines that tell what became of somebody, or who may not sit there."""


@dataclass(frozen=True, slots=True)
class ListedDraw:
    """One draw of a center's list. disclosed: commitment, lines or lists."""

    number: str
    state: str
    committed_at: datetime
    closed_at: datetime | None
    disclosed: str


@dataclass(frozen=True, slots=True)
class ListedCenter:
    """A center with its draws, the latest first."""

    id: str
    name: str
    draws: tuple[ListedDraw, ...]


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A draw as the public sees it. first: hash of line 1, the commitment; head: of the last line shown here."""

    number: str
    center: str
    center_id: str
    state: str
    disclosed: str
    committed_at: datetime
    closed_at: datetime | None
    published_at: datetime | None
    before: str | None
    first: str
    head: str
    lines: int


def centers(session: Session) -> tuple[ListedCenter, ...]:
    """Every center that has drawn, with its list."""
    rows = session.exec(
        select(Draw, Center)
        .join(Center, col(Center.id) == col(Draw.center_id))
        .order_by(col(Center.name), col(Draw.number).desc())
    ).all()
    names: dict[str, str] = {}
    found: defaultdict[str, list[ListedDraw]] = defaultdict(list)
    for draw, center in rows:
        names[center.id] = center.name
        line = ListedDraw(draw.number, draw.state, draw.committed_at, draw.closed_at, _disclosed(draw))
        found[center.id].append(line)
    return tuple(ListedCenter(id_, names[id_], tuple(draws)) for id_, draws in found.items())


def disclosed(session: Session, number: str) -> Disclosed:
    draw = keeping.by_number(session, number)
    center = session.get(Center, draw.center_id)
    shown = _lines(session, draw)
    return Disclosed(
        number=draw.number,
        center=center.name if center else "",
        center_id=draw.center_id,
        state=draw.state,
        disclosed=_disclosed(draw),
        committed_at=draw.committed_at,
        closed_at=draw.closed_at,
        published_at=draw.published_at,
        before=draw.before,
        first=keeping.hash_of_line(shown[0]),
        head=keeping.hash_of_line(shown[-1]),
        lines=len(shown),
    )


def record(session: Session, number: str) -> bytes:
    """The record as a file, as far as it is disclosed."""
    draw = keeping.by_number(session, number)
    if draw.published_at is not None:
        return stored_lines.text(session, draw, opened=True)
    return "".join(f"{line}\n" for line in _lines(session, draw)).encode()


def list_of(session: Session, center_id: str) -> bytes:
    """The center's chained list as a file; NotFound for a center that has never drawn."""
    text = listing.text(session, center_id)
    if not text:
        raise NotFound("no-list", N_("这个中心还没有抽取"), N_("从抽取公示页面进入"))
    return text


def lines_for_party(session: Session, draw: Draw, party: str) -> tuple[str, ...]:
    """The lines that this party may have now.

    A party that keeps its own share has all of them at any time: it signs only what continues the chain it has seen, and
    outcomes are links of that chain. Any other has, until the draw is over, what stands before the first line that tells
    what became of somebody: all its shares are with the service, and it has nothing to sign.
    """
    lines = stored_lines.lines(session, draw)
    own = {stand.name for stand in parties.stands(session, draw.evaluation_id) if stand.held == "own"}
    if draw.closed_at is not None or party in own:
        return lines
    until = next((n for n, line in enumerate(lines) if json.loads(line)["type"] in _TELLS), len(lines))
    return lines[:until]


def head_for_party(session: Session, draw_id: str, party: str) -> str:
    """The hash of the last line that this party may have now."""
    return keeping.hash_of_line(lines_for_party(session, keeping.load(session, draw_id), party)[-1])


def text_for_party(session: Session, draw: Draw, party: str, *, opened: bool) -> bytes:
    """The record as a file for this party; opened: with its lists, which go with all lines."""
    if opened:
        return stored_lines.text(session, draw, opened=True)
    return "".join(f"{line}\n" for line in lines_for_party(session, draw, party)).encode()


def _disclosed(draw: Draw) -> str:
    if draw.published_at is not None:
        return "lists"
    return "commitment" if draw.closed_at is None else "lines"


def _lines(session: Session, draw: Draw) -> tuple[str, ...]:
    """While the draw runs only its first line: later ones would tell who declines, and when."""
    lines = stored_lines.lines(session, draw)
    return lines if draw.closed_at is not None else lines[:1]
