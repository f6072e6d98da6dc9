"""What the pages of an evaluation show: plain values without a name in them."""

from dataclasses import dataclass
from datetime import datetime

Excluded = tuple[tuple[str, int | None], ...]
"""(ground of avoidance, how many it leaves out); None: somebody or nobody, but too few to be told."""


@dataclass(frozen=True, slots=True)
class Guide:
    """The four questions at the top of every page (流程提示): texts are Chinese catalogue texts."""

    state: str
    next_step: str
    next_actor: str
    due_at: datetime | None
    waits_for: tuple[str, ...] = ()
    """Parties of the draw, by name, that have to act; instead of `next_actor`."""


@dataclass(frozen=True, slots=True)
class EvaluationCard:
    """One line of today's list. `confirmed` of `places` have accepted."""

    id: str
    number: str
    project_name: str
    lot_name: str
    host_center: str
    state: str
    starts_at: datetime
    minutes: int
    places: int
    confirmed: int
    rehearsal: bool
    guide: Guide


@dataclass(frozen=True, slots=True)
class TodayView:
    """`seats_in_use` of `seats_total` are booked right now; rates are whole per cent, None while nothing counts."""

    evaluations: tuple[EvaluationCard, ...]
    seats_in_use: int
    seats_total: int
    remote_rate: int | None
    accept_rate: int | None
    experts: int


@dataclass(frozen=True, slots=True)
class MemberView:
    """A committee member as this reader may see them; name and center None while they may not."""

    seat_no: int
    code_name: str
    state: str
    name: str | None
    center_name: str | None
    code_state: str | None
    """How far the latest text with their seat code has come."""
    camera_durable_ms: int | None
    microphone_durable_ms: int | None
    sheet_state: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something cannot go on: a Chinese catalogue text and its parameters. remedy: what to do, "" if that is not known."""

    text: str
    params: dict[str, str]
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class StandingView:
    """A bidder's place in the result; points as people write them, as 87.5. Equal totals share a rank."""

    rank: int
    bidder: str
    total: str
    mean: str


@dataclass(frozen=True, slots=True)
class FormerMember:
    """Somebody who was on the committee and left it; their sheet is kept and not counted."""

    seat_no: int
    code_name: str
    left_at: datetime
    sheet_state: str | None


@dataclass(frozen=True, slots=True)
class WidenedView:
    """One rung of the declared ladder that was taken. rung: a word of the rule packs; changes: (before, after)."""

    rung: str
    changes: tuple[tuple[str, str], ...]
    draw: str


@dataclass(frozen=True, slots=True)
class WaitingAct:
    """Something that waits for its second person. mine: whether this reader may be the second. experts: numbers named.

    lapsed: it waits no more, and may be asked anew.
    """

    id: str
    kind: str
    seats: tuple[int, ...]
    reason: str
    side: str
    mine: bool
    lapsed: bool
    circumstance: str | None
    consent: str
    experts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShortageView:
    """What staff can do while chance cannot fill the places. rung: the next one and what it changes, None without one.

    may_redraw: whether everybody may be let go for another draw; may_widen: whether this draw still stands, so that what it
    lacks can be asked for more widely; may_designate: whether people may be named.
    circumstances: in which that is allowed, words of the rule packs. needs_consent: only once somebody has agreed.
    """

    vacant: tuple[int, ...]
    rung: str | None
    changes: tuple[tuple[str, str], ...]
    may_redraw: bool
    may_widen: bool
    may_designate: bool
    circumstances: tuple[str, ...]
    needs_consent: bool


@dataclass(frozen=True, slots=True)
class AfterDraw:
    """What staff can do for the people who were drawn. holders: seats whose holder can be declared to have left.

    list_at: when the list of bidders came; checked, refilling: for supervisors only.
    """

    holders: tuple[int, ...]
    waiting: tuple[WaitingAct, ...]
    shortage: ShortageView | None
    takes_list: bool
    list_at: datetime | None
    checked: int | None
    refilling: int | None


@dataclass(frozen=True, slots=True)
class EvaluationView:
    card: EvaluationCard
    members: tuple[MemberView, ...]
    room_id: str | None
    draw_number: str | None
    rule_pack: str
    bidders: int | None
    """None for who may not know it."""
    short_reason: Reason | None
    manifest_sha256: str | None
    standings: tuple[StandingView, ...]
    """The result, once everything is sealed, for who may know the bidders; empty otherwise."""
    acts: tuple[str, ...]
    """Acts that are possible now: any of commit, run, convene, open, close."""
    may_be_given_up: bool
    former: tuple[FormerMember, ...] = ()
    designated: tuple[int, ...] = ()
    """Seats whose holder, or whoever is asked to be, was not drawn but named."""
    widened: tuple[WidenedView, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawnPlace:
    """One result of a round, by code only; None for what kept its holder and was not drawn."""

    seat_no: int
    specialty: str
    expert_code: str | None
    venue_code: str | None
    seat_code: str | None


@dataclass(frozen=True, slots=True)
class DrawnKind:
    """How one kind was drawn: expert, venue or seat; level counts from 1, the strictest."""

    kind: str
    method: str
    tries: int
    level: int
    seed: str


@dataclass(frozen=True, slots=True)
class RoundView:
    """One drawing. shares: (party, share in hex) as they were revealed; none for one from the reserves."""

    number: int
    at: datetime
    shares: tuple[tuple[str, str], ...]
    kinds: tuple[DrawnKind, ...]
    places: tuple[DrawnPlace, ...]


@dataclass(frozen=True, slots=True)
class SlotView:
    """What was asked for: `wanted` experts of a specialty, `eligible` may be drawn."""

    specialty: str
    specialty_name: str
    wanted: int
    eligible: int


@dataclass(frozen=True, slots=True)
class PartyView:
    """One party. held: own or kept; share, round: the last it has revealed; revealed: in the round that is open or was last."""

    name: str
    held: str
    key: str | None
    anchor: str | None
    agreed: bool = False
    revealed: bool = False
    share: str | None = None
    round: int | None = None


@dataclass(frozen=True, slots=True)
class Chance:
    """An exact fraction, and the same in hundredths of a per cent, rounded up."""

    numerator: int
    denominator: int
    per_myriad: int


@dataclass(frozen=True, slots=True)
class LockView:
    """What was known of the chances before there were any; None where it was not computed."""

    feasible: int | None
    greatest: Chance | None
    least: Chance | None
    ten: Chance | None
    warnings: tuple[str, ...]
    approved: bool


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Why a draw was given up for ever: a code such as share_withheld, and which party withheld, if that is why."""

    reason: str
    party: str | None
    missing: tuple[str, ...] = ()
    """Parties that keep their own share and had been called, but had not revealed."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Rule check and pool depth (可预测性预检): how the draw stands before anything is promised."""

    card: EvaluationCard
    obstacles: tuple[Reason, ...]
    excluded: Excluded
    lists: tuple[SlotView, ...]
    feasible: int | None
    greatest: Chance | None
    least: Chance | None
    ten: Chance | None
    places: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrawView:
    """The draw as a spectator may follow it; `excluded` counts by ground, see `Excluded`. state: DrawRecord.phase.

    first: hash of line 1, the commitment. head: hash of the last line. calls: how often the parties were called to reveal;
    until: when they have to have done so. agree_by: when all should have agreed, while they have not. waits: for what a
    further round waits.
    """

    card: EvaluationCard
    parties: tuple[PartyView, ...]
    slots: tuple[SlotView, ...]
    acts: tuple[str, ...]
    number: str | None = None
    state: str | None = None
    law: str | None = None
    suite: str | None = None
    order: str | None = None
    before: str | None = None
    first: str | None = None
    head: str | None = None
    lines: int = 0
    pool_size: int = 0
    excluded: Excluded = ()
    lock: LockView | None = None
    calls: int = 0
    until: datetime | None = None
    agree_by: datetime | None = None
    waits: Reason | None = None
    rounds: tuple[RoundView, ...] = ()
    given_up: GivenUp | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """One call or message to an invited expert."""

    channel: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InvitationView:
    """One invitation by its place: no name, no number, no code of the record, nothing that names could be inferred from.

    `steps`: the calls and texts so far; `ahead`: the channels of those that follow while nobody answers. `designated`: not
    drawn in a round, but named with the supervisor's approval. `not_told`: the text that they are needed, or that they are
    not any more, has not arrived.
    """

    seat_no: int
    round: int
    designated: bool
    state: str
    steps: tuple[StepView, ...]
    ahead: tuple[str, ...]
    deadline: datetime | None
    answered_at: datetime | None
    channel: str | None
    not_told: bool


@dataclass(frozen=True, slots=True)
class TerminalView:
    """`current`: the latest invitation of each place; `earlier`: those before it; `standbys`: how many hold themselves ready."""

    card: EvaluationCard
    current: tuple[InvitationView, ...]
    earlier: tuple[InvitationView, ...]
    standbys: int


@dataclass(frozen=True, slots=True)
class BookingForm:
    """What the booking page offers."""

    centers: tuple[tuple[str, str], ...]
    specialties: tuple[tuple[str, str, int], ...]
    """Code, name and how many active experts have it."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A mark on the replay's timeline: room time in milliseconds, whose seat (None: everybody's), Chinese text."""

    at_ms: int
    seat_no: int | None
    text: str
