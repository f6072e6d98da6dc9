"""The record of a campaign of inspections (双随机抽查记录): one signed line per step, to be run again by anyone."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from expert_draw.engine.ceremony import Ceremony
from expert_draw.engine.fixed_entries import Party, RulePack
from expert_draw.engine.inspection import InspectionObject, Inspector, Method, Target, check_plan
from expert_draw.engine.inspection_assign import Pair, obstacles
from expert_draw.engine.inspection_entries import (
    Assigned,
    CloseCampaign,
    Inspectors,
    InspectorTerms,
    Leave,
    ObjectTerms,
    OpenCampaign,
    read_campaign_entry,
)
from expert_draw.engine.inspection_history import Campaign, CampaignPhase
from expert_draw.engine.inspection_lists import (
    Rolls,
    roll_of_inspectors,
    roll_of_objects,
    trusted_roll,
)
from expert_draw.engine.inspection_rerun import next_assignment, next_sample, staffing_of
from expert_draw.engine.inspection_steps import after
from expert_draw.engine.inspection_verify import check_campaign
from expert_draw.engine.lines import Event, check_place, time_of, trust_event
from expert_draw.engine.randomness import Suite
from expert_draw.engine.round_entries import Call
from expert_draw.engine.signed_record import Line, SignedRecord
from expert_draw.engine.signing import Signer
from expert_draw.engine.wording import InspectionInfeasible, RecordBroken


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """Which objects there are, in codes, and how many are drawn how (抽取方案). nonce: 32 fresh secret bytes."""

    method: Method
    target: Target
    objects: tuple[InspectionObject, ...]
    nonce: bytes


@dataclass(frozen=True, slots=True)
class InspectorPlan:
    """Which inspectors there are, in codes, how many inspect an object and how many objects one inspects at most."""

    per_object: int
    most: int
    inspectors: tuple[Inspector, ...]
    nonce: bytes


@dataclass(frozen=True, slots=True)
class InspectionRecord(SignedRecord):
    """The lines so far and where they leave the campaign. Every step returns a longer record and changes nothing.

    Each step takes the time it happens at and the signer of the house, and raises RecordBroken (a Conflict) if it may not
    happen there, so that no record can be written that the verifier refuses.
    """

    history: Campaign = field(default_factory=Campaign)
    rolls: Rolls = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        now: datetime,
        house: Signer,
        *,
        number: str,
        suite: Suite,
        rules: RulePack,
        parties: Iterable[Party],
        objects: ObjectPlan,
        inspectors: InspectorPlan,
        before: str | None = None,
    ) -> "InspectionRecord":
        """The first line: all that is fixed before any chance exists. A plan the lists cannot serve is refused.

        number: of the campaign, such as "CC-2026-000007"; before: of the one given up before it.
        """
        check_plan(objects.method, objects.target, objects.objects)
        things, objects_table = roll_of_objects(objects.objects, objects.nonce, suite)
        crew, crew_table = roll_of_inspectors(inspectors.inspectors, inspectors.nonce, suite)
        entry = OpenCampaign(
            campaign=number,
            before=before,
            suite=suite,
            key=house.public,
            rules=rules,
            parties=tuple(sorted(parties)),
            objects=ObjectTerms(objects.method, objects.target, len(things.objects), objects_table),
            inspectors=_terms(inspectors, crew_table),
        )
        empty = cls(rolls={(1, "object"): things, (1, "inspector"): crew})
        return empty._next(now, house, entry)

    @classmethod
    def trust(cls, lines: Iterable[str | bytes], openings: Iterable[str] = ()) -> "InspectionRecord":
        """A record from the house's own rows: nothing is run, hashed or compared again."""
        events = tuple(trust_event(line) for line in lines)
        history = Campaign(ceremony=Ceremony(careful=False))
        for event in events:
            history = after(history, read_campaign_entry(event.type, event.body), event)
        history = replace(history, ceremony=replace(history.ceremony, careful=True))
        opened = [trusted_roll(text) for text in openings]
        return cls(events, history, {(roll.line, roll.kind): roll for roll in opened})

    @classmethod
    def load(cls, lines: Iterable[str | bytes], openings: Iterable[str] = ()) -> "InspectionRecord":
        """A record from lines of any origin, checked throughout; raises the first thing that is wrong."""
        raw = [line.encode() if isinstance(line, str) else line for line in (*lines, *openings)]
        found = check_campaign(b"".join(line + b"\n" for line in raw))
        if found.findings:
            raise min(found.findings, key=lambda finding: finding[0])[1]
        return cls(found.events, found.history, found.lists)

    def call(
        self, now: datetime, house: Signer, until: datetime, beacon: tuple[str, int] | None = None
    ) -> "InspectionRecord":
        """Calls the parties to reveal until then. beacon: (source, its round) of the public randomness mixed in afterwards."""
        return self._next(now, house, Call(self.history.ceremony.round_no + 1, time_of(until), beacon))

    def draw(self, now: datetime, house: Signer) -> "InspectionRecord":
        """Draws the objects, once, and inspectors for all that lack any; the method `none` leaves them vacant."""
        if self.phase == "sampling":
            return self._next(now, house, next_sample(self.history, self.rolls)).draw(now, house)
        if self.phase != "assigning":
            raise RecordBroken("record.out_of_place", type=Assigned.TYPE, phase=self.phase)
        return self._next(now, house, next_assignment(self.history, self.rolls))

    def leave(
        self, now: datetime, house: Signer, inspector: str, reason: str, thing: str | None = None
    ) -> "InspectionRecord":
        """An inspector gives up one object (its code), or all of them and any further one. reason: a word."""
        return self._next(now, house, Leave(inspector, thing, reason))

    def declare(self, now: datetime, house: Signer, inspectors: InspectorPlan) -> "InspectionRecord":
        """States the list of inspectors anew, as it is now; pairs that stand stay."""
        line = len(self.events) + 1
        crew, table = roll_of_inspectors(
            inspectors.inspectors, inspectors.nonce, self.history.opening.suite, line
        )
        longer = self._next(now, house, Inspectors(_terms(inspectors, table)))
        return replace(longer, rolls={**self.rolls, (line, "inspector"): crew})

    def close(self, now: datetime, house: Signer) -> "InspectionRecord":
        """Ends a campaign in which every object drawn has its inspectors."""
        return self._next(now, house, CloseCampaign(max(self.history.ceremony.round_no, 1), self.pairs))

    @property
    def openings(self) -> tuple[str, ...]:
        """What opens the lists, in the order in which it stands in the file, without newlines."""
        return tuple(roll.text for roll in self.rolls.values())

    @property
    def ceremony(self) -> Ceremony:
        """What the parties have done so far."""
        return self.history.ceremony

    @property
    def phase(self) -> CampaignPhase:
        """Where the campaign stands, see `CampaignPhase`."""
        return self.history.phase

    @property
    def chosen(self) -> tuple[str, ...]:
        """Codes of the objects drawn, ascending; () before."""
        return self.history.chosen or ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """(object, inspector) that stand now, ascending."""
        return tuple(sorted(self.history.pairs))

    @property
    def vacancies(self) -> dict[str, int]:
        """Object drawn → how many inspectors it lacks."""
        return self.history.vacancies

    def obstacles(self) -> tuple[InspectionInfeasible, ...]:
        """Why the vacancies cannot be filled from the lists as they stand, and what to mend; () if they can."""
        return obstacles(staffing_of(self.history, self.rolls))

    def after(self, event: Event) -> "InspectionRecord":
        """The record with this line at its end; RecordBroken says why it may not stand there. Draws nothing again."""
        check_place(event, self.events[-1] if self.events else None)
        entry = read_campaign_entry(event.type, event.body)
        return replace(self, events=(*self.events, event), history=after(self.history, entry, event))

    def _sealed_by(self, entry: Line) -> tuple[str, Suite]:
        opening = entry if isinstance(entry, OpenCampaign) else self.history.opening
        return opening.key, opening.suite


def _terms(plan: InspectorPlan, table: str) -> InspectorTerms:
    return InspectorTerms(plan.per_object, plan.most, len(plan.inspectors), table)
