"""Score sheets: whether one fits the criteria, and totals and ranks out of all of them. Points are hundredths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import InvalidInput
from app.core.i18n import N_

Scores = Mapping[str, Mapping[str, int]]
"""Bidder → criterion → hundredths of a point."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a sheet may hold: the bidders, and each criterion with its most."""

    bidders: tuple[str, ...]
    criteria: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A bidder's place. `sum_hundredths` over all members; equal sums share a rank."""

    bidder: str
    sum_hundredths: int
    members: int
    rank: int

    @property
    def mean_hundredths(self) -> int:
        """The mean, rounded half up to a hundredth."""
        return (2 * self.sum_hundredths + self.members) // (2 * self.members)


def check(scores: Scores, allowed: Allowed, *, complete: bool) -> None:
    """InvalidInput where a score belongs to nothing, is out of range or, when `complete`, is missing."""
    most = dict(allowed.criteria)
    for bidder, given in scores.items():
        if bidder not in allowed.bidders:
            raise InvalidInput("score-bidder", N_("评分表中有不属于本标段的投标人"), N_("刷新页面后重新填写"))
        for criterion, hundredths in given.items():
            if criterion not in most:
                raise InvalidInput(
                    "score-criterion", N_("评分表中有不存在的评分项"), N_("刷新页面后重新填写")
                )
            if not 0 <= hundredths <= most[criterion]:
                raise InvalidInput(
                    "score-range",
                    N_("分值 {given} 超出范围"),
                    N_("填写 0 到 {most} 之间的分值"),
                    given=points(hundredths),
                    most=points(most[criterion]),
                )
    if complete:
        missing = sum(
            criterion not in scores.get(bidder, {})
            for bidder in allowed.bidders
            for criterion, _ in allowed.criteria
        )
        if missing:
            raise InvalidInput(
                "score-missing",
                N_("还有 {missing} 项没有评分"),
                N_("填完所有评分项后再提交"),
                missing=missing,
            )


def standings(sheets: Sequence[Scores], allowed: Allowed) -> tuple[Standing, ...]:
    """The bidders by their totals, best first; bidders with equal totals keep their order and share a rank."""
    sums = [
        (bidder, sum(sum(sheet.get(bidder, {}).values()) for sheet in sheets)) for bidder in allowed.bidders
    ]
    ordered = sorted(sums, key=lambda pair: -pair[1])
    return tuple(
        Standing(bidder, total, len(sheets), 1 + sum(other > total for _, other in sums))
        for bidder, total in ordered
    )


def points(hundredths: int) -> str:
    """8750 → 87.5, 9000 → 90."""
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
