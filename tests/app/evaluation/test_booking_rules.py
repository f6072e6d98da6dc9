"""What the rules say of a booking, each time with the article and how well it is known."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.canonical import Canonical
from app.evaluation.booking_rules import Problem, committee, draw_times
from app.evaluation.schemas import BookingIn
from app.rules import library
from app.rules.pack import RulePack, assemble

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # nine o'clock in China, a Monday


def wanted(*counts: int, appointed: int = 0, starts_at: datetime = NOW + timedelta(days=3)) -> BookingIn:
    return BookingIn.model_validate(
        {
            "project_number": "ZT-1",
            "project_name": "水库工程",
            "lot_number": "1",
            "lot_name": "一标段",
            "host_center_id": "host",
            "starts_at": starts_at,
            "minutes": 180,
            "slots": [
                {"specialty": f"A0{number}", "count": count} for number, count in enumerate(counts, start=1)
            ],
            "appointed": appointed,
            "tenderee": {"name": "某水务局"},
            "bidders": [{"name": "甲"}],
            "criteria": [{"name": "技术", "max_hundredths": 100}],
        }
    )


def said(found: tuple[Problem, ...]) -> dict[str, Problem]:
    return {one.code: one for one in found}


def rules_with(**committee_rules: object) -> RulePack:
    """The tender pack with some rules of its committee replaced."""
    base = library.load("cn_tender").tree
    return assemble([base, {"pack": "mine", "version": "1", "committee": committee_rules}])  # type: ignore[dict-item]


TENDER = library.load("cn_tender")


def test_a_committee_by_the_rules_meets_nothing_that_blocks() -> None:
    for counts, appointed in (((3, 2), 0), ((3, 1), 1), ((4, 2), 3), ((7,), 0)):
        assert not [one for one in committee(TENDER, wanted(*counts, appointed=appointed)) if one.blocks]


@pytest.mark.parametrize(
    ("counts", "appointed", "code", "rule"),
    [
        ((3,), 0, "committee.too_small", "committee.min_size"),
        ((3, 3), 0, "committee.even", "committee.odd_size"),
        ((3, 2), 1, "committee.even", "committee.odd_size"),
        ((3,), 2, "committee.expert_share", "committee.expert_share_min"),
        ((4,), 3, "committee.expert_share", "committee.expert_share_min"),
    ],
)
def test_what_blocks_names_its_rule_its_article_and_its_evidence(
    counts: tuple[int, ...], appointed: int, code: str, rule: str
) -> None:
    found = said(committee(TENDER, wanted(*counts, appointed=appointed)))[code]
    assert (found.rule, found.source, found.evidence) == (rule, "招标投标法 37(2)", "V")
    assert found.blocks
    assert found.message.format(**found.params)


def test_the_evidence_follows_the_pack_in_force() -> None:
    found = said(committee(library.load("cn_govproc"), wanted(2)))
    assert found["committee.too_small"].evidence == "R"
    assert found["committee.even"].evidence == "V"


def test_a_pack_may_allow_an_even_committee() -> None:
    even = rules_with(odd_size={"value": False, "src": "here", "ev": "L"})
    assert "committee.even" in said(committee(TENDER, wanted(6)))
    assert "committee.even" not in said(committee(even, wanted(6)))


def test_too_many_representatives_are_refused_by_number_and_by_share() -> None:
    chongqing = library.load("cn_chongqing")
    allowed = said(committee(chongqing, wanted(5, appointed=2)))
    assert "committee.representatives" not in allowed
    assert "committee.representatives_share" not in allowed
    many = said(committee(chongqing, wanted(8, appointed=3)))
    assert many["committee.representatives"].source == "重庆条例 30(2)"
    assert many["committee.representatives"].params == {"appointed": 3, "most": 2}
    assert "committee.representatives_share" not in many
    share = said(committee(chongqing, wanted(3, appointed=2)))["committee.representatives_share"]
    assert share.params == {"appointed": 2, "size": 5, "numerator": 1, "denominator": 3}
    assert "committee.representatives" not in said(committee(TENDER, wanted(8, appointed=3)))


def test_what_a_booking_does_not_tell_is_left_to_people_and_never_forgotten() -> None:
    water = said(committee(TENDER, wanted(3, 2)))["committee.special"]
    assert (water.blocks, water.note, water.evidence) == (False, True, "S")
    assert water.params == {"condition": "水利工程项目", "least": 7}
    assert "人工核对" in water.remedy
    assert "committee.special" not in said(committee(TENDER, wanted(7)))


def test_a_smaller_committee_for_negotiations_is_told_of_but_not_assumed() -> None:
    found = committee(library.load("cn_govproc"), wanted(3))
    assert said(found)["committee.too_small"].blocks
    notes = [one.params for one in found if one.code == "committee.special"]
    assert {"condition": "谈判、磋商或询价采购", "least": 3} in notes
    usual = [
        one.params["least"]
        for one in committee(library.load("cn_govproc"), wanted(5))
        if one.note and one.params
    ]
    assert usual == [7]


def test_a_list_that_nobody_checked_is_not_guessed_at() -> None:
    bent = rules_with(size_overrides=[{"when": "industry == 'water_conservancy'", "min_size": "seven"}])
    with pytest.raises(TypeError, match="whole number"):
        committee(bent, wanted(5))


def test_experts_of_the_tenderee_are_mentioned_where_a_rule_speaks_of_them() -> None:
    own = said(committee(library.load("cn_govproc"), wanted(5)))["own-unit"]
    assert (own.note, own.evidence) == (True, "S")
    assert "own-unit" not in said(committee(TENDER, wanted(5)))


def test_the_earliest_moment_is_told_until_it_has_come() -> None:
    chongqing = library.load("cn_chongqing")
    found = said(draw_times(chongqing, NOW, wanted(5)))
    assert found["draw-earliest"].params == {"at": "2026-11-25 09:00"}
    assert found["draw-earliest"].source == "重庆条例 30(3)"
    assert "外地专家" in found["draw-elsewhere"].message
    soon = wanted(5, starts_at=NOW + timedelta(hours=20))
    assert "draw-earliest" not in said(draw_times(chongqing, NOW, soon))


def test_a_rule_that_is_not_for_remote_evaluation_says_so() -> None:
    found = said(draw_times(library.load("cn_govproc"), NOW, wanted(5)))["draw-earliest"]
    assert found.params == {"circumstance": "异地评标"}
    assert (found.note, found.source, found.evidence) == (True, "198号 14/15", "R")


def test_terms_that_a_booking_does_not_tell_are_left_to_people() -> None:
    machinery = draw_times(library.load("cn_intl_mech_elec"), NOW, wanted(5))
    assert said(machinery)["draw-elsewhere"].params == {"hours": 72}
    henan = said(draw_times(library.load("cn_henan"), NOW, wanted(5)))["committee-formed"]
    assert (henan.params, henan.evidence) == ({"hours": 24}, "V")


def test_a_draw_that_comes_late_is_warned_of_and_not_blocked() -> None:
    late = said(draw_times(TENDER, NOW, wanted(5, starts_at=NOW + timedelta(hours=1))))["draw-late"]
    assert (late.blocks, late.note, late.evidence) == (False, False, "S")
    assert late.params == {"at": "2026-11-23 08:00"}
    assert draw_times(TENDER, NOW, wanted(5, starts_at=NOW + timedelta(hours=2))) == ()
    over = wanted(5, starts_at=NOW - timedelta(hours=1))
    assert draw_times(TENDER, NOW, over) == ()


def test_a_year_without_a_calendar_is_named() -> None:
    days: Canonical = {"value": 2, "unit": "working_days", "src": "here", "ev": "L"}
    tree: dict[str, Canonical] = {"pack": "mine", "version": "1", "draw": {"earliest": days}}
    rules = assemble([TENDER.tree, tree])
    found = draw_times(rules, NOW, wanted(5, starts_at=NOW + timedelta(days=60)))
    open_year = said(found)["calendar-open"]
    assert (open_year.params, open_year.note) == ({"years": "2027"}, True)
    assert "calendar-open" not in said(draw_times(rules, NOW, wanted(5)))
