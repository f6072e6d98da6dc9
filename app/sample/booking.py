"""A pretend evaluation to book: a school building, five bidders, five experts in two specialties."""

from dataclasses import dataclass

from app.projects.service import CriterionIn, LotIn, PartyIn, PartyRole
from app.sample.people import Employer, employers, unit

SLOTS = (("A080104", 3), ("A060101", 2))
"""Specialty code and number of experts: building works, and cost of building works."""
MINUTES = 180

_BIDDERS = ("示例昭阳第一建筑有限公司", "示例滇东建工集团有限公司", "示例关河建设有限公司")


@dataclass(frozen=True, slots=True)
class SampleBooking:
    """What an operator enters to book an evaluation: the lot with all around it, whom to draw, for how long."""

    lot: LotIn
    slots: tuple[tuple[str, int], ...]
    minutes: int


def sample_booking(number: str = "ZT-2026-000001") -> SampleBooking:
    """The booking under a project number of your choice.

    Two of the bidders and two more units to avoid employ experts of the sample roster, so that avoidance has
    somebody to leave out.
    """
    staff = employers()
    bidders = [staff[3], *(unit(90_001 + index, name) for index, name in enumerate(_BIDDERS)), staff[5]]
    lot = LotIn(
        project_number=number,
        project_name="示例县第二中学新建教学综合楼工程",
        lot_number=f"{number}-01",
        lot_name="施工标段",
        parties=(
            _party(PartyRole.tenderee, unit(90_101, "示例县教育体育局")),
            _party(PartyRole.agency, unit(90_102, "示例云岭招标代理有限公司")),
            *(_party(PartyRole.bidder, bidder) for bidder in bidders),
            _party(PartyRole.avoid, staff[8]),
            _party(PartyRole.avoid, staff[13]),
        ),
        criteria=(
            CriterionIn("投标报价", 4000),
            CriterionIn("施工组织设计", 2500),
            CriterionIn("项目管理机构", 1500),
            CriterionIn("企业业绩与信誉", 1000),
            CriterionIn("质量与安全保证措施", 1000),
        ),
    )
    return SampleBooking(lot, SLOTS, MINUTES)


def _party(role: PartyRole, named: Employer) -> PartyIn:
    return PartyIn(role, named.name, named.code)
