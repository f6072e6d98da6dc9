"""Where a campaign of inspections stands after the lines written so far."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from expert_draw.engine.ceremony import Ceremony
from expert_draw.engine.inspection_assign import Pair
from expert_draw.engine.inspection_entries import (
    InspectorTerms,
    OpenCampaign,
)
from expert_draw.engine.wording import RecordBroken

CampaignPhase = Literal[
    "empty",  # no line yet
    "agreeing",  # parties have yet to agree
    "calling",  # all have agreed, the first call is due
    "revealing",  # a call is open, shares or the beacon are due
    "sampling",  # everything is revealed, the objects are to be drawn
    "assigning",  # inspectors are to be drawn for them
    "between",  # no call is open: who leaves, another list of inspectors, the next call, or the end
    "closed",
    "void",
]


@dataclass(frozen=True, slots=True)
class Campaign:
    """All that the lines so far amount to. `inspection_steps.after` gives the next state.

    crew: what is said of the inspectors now, and the line that says it. chosen: objects drawn, None before. pairs: (object,
    inspector) that stand; parted: those given up; left: inspectors who gave up all.
    """

    opened: OpenCampaign | None = None
    ceremony: Ceremony = field(default_factory=Ceremony)
    ended: Literal["closed", "void"] | None = None
    crew: tuple[InspectorTerms, int] | None = None
    chosen: tuple[str, ...] | None = None
    pairs: frozenset[Pair] = frozenset()
    parted: frozenset[Pair] = frozenset()
    left: frozenset[str] = frozenset()

    @property
    def opening(self) -> OpenCampaign:
        """What the first line says; RecordBroken before there is one."""
        if self.opened is None:
            raise RecordBroken("record.not_opened")
        return self.opened

    @property
    def inspectors(self) -> tuple[InspectorTerms, int]:
        """What is said of the inspectors now, and the number of the line that says it."""
        return self.crew or (self.opening.inspectors, 1)

    @property
    def phase(self) -> CampaignPhase:
        if self.ended or self.opened is None:
            return self.ended or "empty"
        if self.ceremony.running:
            if self.ceremony.revealing:
                return "revealing"
            return "sampling" if self.chosen is None else "assigning"
        if self.ceremony.call:
            return "between"
        return "agreeing" if self.ceremony.missing else "calling"

    @property
    def vacancies(self) -> dict[str, int]:
        """Object drawn → how many inspectors it lacks, only where it lacks any."""
        need, _ = self.inspectors
        held = Counter(thing for thing, _ in self.pairs)
        return {one: need.per_object - held[one] for one in self.chosen or () if held[one] < need.per_object}

    def sample_seed(self) -> bytes:
        """The seed by which the objects are drawn in the open call."""
        return self.ceremony.seed("object", "sample")

    def assign_seed(self) -> bytes:
        """The seed by which inspectors are drawn in the open call."""
        return self.ceremony.seed("inspector", "assign")
