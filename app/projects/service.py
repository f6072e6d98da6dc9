"""Projects with their lots, the parties around them and what is scored."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.core.ids import new_id
from app.projects.models import Criterion, Lot, Party, Project


class PartyRole(StrEnum):
    """What a unit is to the lot."""

    agency = "agency"
    avoid = "avoid"
    bidder = "bidder"
    supervisor = "supervisor"
    tenderee = "tenderee"


@dataclass(frozen=True, slots=True)
class PartyIn:
    """A unit by name and, where known, its unified social credit code."""

    role: PartyRole
    name: str
    credit_code: str | None = None


@dataclass(frozen=True, slots=True)
class CriterionIn:
    name: str
    max_hundredths: int


@dataclass(frozen=True, slots=True)
class LotIn:
    """One lot as it is entered; a project of the same number is taken up again."""

    project_number: str
    project_name: str
    lot_number: str
    lot_name: str
    parties: tuple[PartyIn, ...]
    criteria: tuple[CriterionIn, ...]


def enter_lot(session: Session, now: datetime, lot: LotIn) -> Lot:
    """Stores the lot with all around it and returns its row."""
    project = session.exec(select(Project).where(Project.number == lot.project_number)).first()
    if project is None:
        project = Project(id=new_id(now), number=lot.project_number, name=lot.project_name)
        session.add(project)
        session.flush()
    row = Lot(id=new_id(now), project_id=project.id, number=lot.lot_number, name=lot.lot_name)
    session.add(row)
    session.flush()
    session.add_all(
        Party(
            id=new_id(now),
            lot_id=row.id,
            role=party.role,
            name=party.name,
            credit_code=party.credit_code,
            order_no=order_no,
        )
        for order_no, party in enumerate(lot.parties, 1)
    )
    session.add_all(
        Criterion(
            id=new_id(now),
            lot_id=row.id,
            order_no=order_no,
            name=criterion.name,
            max_hundredths=criterion.max_hundredths,
        )
        for order_no, criterion in enumerate(lot.criteria, 1)
    )
    session.flush()
    return row


def lot_with_project(session: Session, lot_id: str) -> tuple[Lot, Project]:
    lot, project = session.exec(
        select(Lot, Project).join(Project, col(Project.id) == col(Lot.project_id)).where(Lot.id == lot_id)
    ).one()
    return lot, project


def entries_of_lot(session: Session, lot_id: str) -> tuple[str, ...]:
    """Ids of every entry of the same lot (标段): it is entered anew with each booking, under the same numbers.

    However those are spelt: full-width or half-width, in capitals, with dashes, blanks or leading zeros.
    """
    lot, project = lot_with_project(session, lot_id)
    wanted, number = _one_spelling(project.number), _one_spelling(lot.number)
    projects = [
        id_
        for id_, other in session.exec(select(Project.id, Project.number)).all()
        if _one_spelling(other) == wanted
    ]
    rows = session.exec(
        select(Lot.id, Lot.number).where(col(Lot.project_id).in_(projects)).order_by(Lot.id)
    ).all()
    return tuple(id_ for id_, other in rows if _one_spelling(other) == number)


def parties(session: Session, lot_id: str, roles: Sequence[PartyRole]) -> tuple[Party, ...]:
    """The lot's parties of these roles in the order they were entered."""
    return tuple(
        session.exec(
            select(Party)
            .where(Party.lot_id == lot_id, col(Party.role).in_(roles))
            .order_by(col(Party.order_no))
        ).all()
    )


def enter_bidders(
    session: Session, now: datetime, lot_id: str, bidders: Sequence[PartyIn], *, scored: bool
) -> None:
    """Brings the lot's parties in line with a delivered list of bidders; nobody who had to be avoided is forgotten.

    scored: the list also says who is scored: whoever is not on it stays a unit to avoid only. Once scoring has begun that
    is settled, and whoever is new on the list is a unit to avoid. Units are the same by credit code, or by name.
    """
    known = list(parties(session, lot_id, (PartyRole.bidder, PartyRole.avoid)))
    last = max((party.order_no for party in parties(session, lot_id, tuple(PartyRole))), default=0)
    kept = set()
    for number, bidder in enumerate(bidders, last + 1):
        party = next((one for one in known if _same_unit(one, bidder)), None)
        if party is None:
            role = PartyRole.bidder if scored else PartyRole.avoid
            party = Party(id=new_id(now), lot_id=lot_id, role=role, name=bidder.name, order_no=number)
            known.append(party)
        party.credit_code = party.credit_code or bidder.credit_code
        if scored:
            party.role = PartyRole.bidder
        kept.add(party.id)
        session.add(party)
    for party in known:
        if scored and party.role == PartyRole.bidder and party.id not in kept:
            party.role = PartyRole.avoid
    session.flush()


def criteria(session: Session, lot_id: str) -> tuple[Criterion, ...]:
    return tuple(
        session.exec(
            select(Criterion).where(Criterion.lot_id == lot_id).order_by(col(Criterion.order_no))
        ).all()
    )


def _same_unit(party: Party, other: PartyIn) -> bool:
    if party.credit_code and other.credit_code:
        return party.credit_code == other.credit_code
    return _letters(party.name) == _letters(other.name)


def _letters(name: str) -> str:
    """A name as it compares: full-width as half-width, capitals, only letters and digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", name).upper() if sign.isalnum())


def _one_spelling(number: str) -> str:
    """A number as it compares: letters and digits only, digits without leading zeros, 一 as 1."""
    signs = [sign for sign in unicodedata.normalize("NFKC", number).casefold() if sign.isalnum()]
    text = "".join(signs)
    if text.isdecimal():
        return str(int(text))
    value = unicodedata.numeric(text, -1.0) if len(signs) == 1 else -1.0
    return str(int(value)) if value >= 0 else text
