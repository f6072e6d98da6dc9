"""Who may know of, see, hear or write to whom in an online room: one table (四不见面).

Members of a committee do not meet each other, the bidders, the agency or the staff. Supervisors and witnesses see and
hear the seats, and nobody in the room can tell.
"""

from dataclasses import dataclass
from enum import StrEnum


class Party(StrEnum):
    """In which role somebody stands towards a room. `house` is the service itself."""

    agency = "agency"
    bidder = "bidder"
    expert = "expert"
    guest_operator = "guest_operator"
    host_operator = "host_operator"
    house = "house"
    supervisor = "supervisor"
    witness = "witness"


class Act(StrEnum):
    """What one may do towards another."""

    hear = "hear"
    know = "know"
    """Learn that the other is there, or anything the other does."""
    see = "see"
    write = "write"


class Refusal(StrEnum):
    """Why an act is not allowed."""

    members_do_not_meet = "members-do-not-meet"
    not_for_this_party = "not-for-this-party"
    other_room = "other-room"


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody's place. Experts have a room and a seat number; the house stands everywhere."""

    party: Party
    room_id: str | None = None
    seat_no: int | None = None

    def __post_init__(self) -> None:
        if self.party is Party.expert and (self.room_id is None or self.seat_no is None):
            raise ValueError("an expert stands at a seat of a room")


HOUSE = Standing(Party.house)

_WATCH = frozenset({Act.hear, Act.know, Act.see})

TABLE: dict[tuple[Party, Party], frozenset[Act]] = {
    (Party.expert, Party.house): frozenset({Act.know, Act.write}),
    (Party.host_operator, Party.expert): frozenset({Act.know}),
    (Party.host_operator, Party.house): frozenset({Act.know, Act.write}),
    (Party.guest_operator, Party.house): frozenset({Act.know, Act.write}),
    (Party.agency, Party.house): frozenset({Act.know, Act.write}),
    (Party.bidder, Party.house): frozenset({Act.know, Act.write}),
    (Party.supervisor, Party.expert): _WATCH,
    (Party.supervisor, Party.house): frozenset({Act.know, Act.write}),
    (Party.witness, Party.expert): _WATCH,
    (Party.witness, Party.house): frozenset({Act.know, Act.write}),
    (Party.house, Party.expert): frozenset({Act.know, Act.write}),
    (Party.house, Party.host_operator): frozenset({Act.know, Act.write}),
    (Party.house, Party.guest_operator): frozenset({Act.know, Act.write}),
    (Party.house, Party.agency): frozenset({Act.know, Act.write}),
    (Party.house, Party.bidder): frozenset({Act.know, Act.write}),
    (Party.house, Party.supervisor): frozenset({Act.know, Act.write}),
    (Party.house, Party.witness): frozenset({Act.know, Act.write}),
    (Party.house, Party.house): frozenset({Act.know, Act.write}),
}
"""(who, towards whom) → what they may do in the same room. What is not written here is not allowed."""


def refusal(who: Standing, act: Act, whom: Standing) -> Refusal | None:
    """Why `who` may not do this towards `whom`; None when they may.

    Everyone may do everything towards themselves: a member sees the own picture.
    """
    if Party.house not in (who.party, whom.party) and who.room_id != whom.room_id:
        return Refusal.other_room
    if who.party is Party.expert and who == whom:
        return None
    if act in TABLE.get((who.party, whom.party), frozenset()):
        return None
    if who.party is whom.party is Party.expert:
        return Refusal.members_do_not_meet
    return Refusal.not_for_this_party


def may(who: Standing, act: Act, whom: Standing) -> bool:
    return refusal(who, act, whom) is None
