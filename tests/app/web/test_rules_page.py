"""The page of the rules: open to staff, every rule with its source, in both languages; and what the booking page cites."""

import pytest

from app.accounts.permissions import Role
from app.rules import library
from tests.support.web import WebHouse

FORM = {
    "project_number": "ZT-1",
    "project_name": "水库工程",
    "lot_number": "1",
    "lot_name": "一标段",
    "starts_at": "2026-11-25T09:00",
    "minutes": "240",
    "tenderee_name": "某水务局",
    "slot_specialty": ["A08", "A06"],
    "slot_count": ["2", "1"],
    "bidder_name": ["投标甲"],
    "bidder_code": [""],
    "criterion_name": ["技术"],
    "criterion_points": ["60"],
}


@pytest.mark.parametrize(
    "role",
    [
        Role.administrator,
        Role.guest_operator,
        Role.host_operator,
        Role.pool_administrator,
        Role.supervisor,
    ],
)
def test_all_staff_find_the_rules_in_the_top_bar(house: WebHouse, role: Role) -> None:
    visitor = house.visitor(role)
    assert 'href="/rules"' in visitor.get("/today").text
    assert visitor.get("/rules").status_code == 200


def test_strangers_and_experts_do_not_read_the_rules(house: WebHouse) -> None:
    assert house.visitor().get("/rules").status_code == 303
    assert house.visitor(Role.expert).get("/rules").status_code == 403


@pytest.mark.parametrize("name", library.names())
def test_every_rule_is_shown_with_its_source_and_its_evidence(house: WebHouse, name: str) -> None:
    rules = library.load(name)
    page = house.visitor(Role.supervisor).get(f"/rules/{name}").text
    assert rules.sha256 in page
    assert f"版本 {rules.version}" in page
    main = page.split("<main")[1]
    for rule in rules.rules():
        row = main.split(f">{rule.path}<")[1].split("</tr>")[0]
        assert f"<div>{rule.source}</div>" in row
        assert f'data-evidence="{rule.evidence}"' in row
    assert f'href="/rules/{name}" aria-current="page"' in main


def test_the_rules_are_readable_in_english(house: WebHouse) -> None:
    page = house.visitor(Role.supervisor).get("/rules/cn_govproc?lang=en").text
    assert "Least size of the committee" in page
    assert "2 working days" in page
    assert "Not for: Negotiation, Consultation, Remote evaluation off-site" in page
    assert "To be confirmed" in page


def test_the_page_says_which_years_have_a_calendar(house: WebHouse) -> None:
    page = house.visitor(Role.supervisor).get("/rules").text
    assert "2026 年的放假调休安排已确认" in page
    assert "国务院办公厅关于2026年部分节假日安排的通知" in page
    assert "2027 年的放假调休安排尚未确认" in page


def test_a_pack_that_is_not_there_is_not_found(house: WebHouse) -> None:
    assert house.visitor(Role.supervisor).get("/rules/cn_nowhere").status_code == 404


def test_the_booking_page_cites_the_article_and_the_evidence_of_what_it_says(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    filled = {**FORM, "host_center_id": house.world.host_id}
    piece = visitor.post("/evaluations/check", data=filled).text
    assert "依据：委员会人数下限 · 招标投标法 37(2)" in piece
    assert 'data-evidence="V">已读原文' in piece
    assert "水利工程项目的评标委员会至少 7 人" in piece
    assert 'data-evidence="S">据公开资料' in piece


def test_representatives_of_the_tenderee_count_for_the_committee(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    filled = {**FORM, "host_center_id": house.world.host_id}
    two = visitor.post("/evaluations/check", data={**filled, "appointed": "2"}).text
    assert "专家 3 人，占 5 人的比例低于 2/3" in two
    four = visitor.post(
        "/evaluations/check", data={**filled, "slot_count": ["3", "1"], "appointed": "1"}
    ).text
    assert "符合规则，可以预约" in four
    wrong = visitor.post("/evaluations/new", data={**filled, "appointed": "several"})
    assert 'id="h-appointed"' in wrong.text
    english = visitor.post("/evaluations/check?lang=en", data=filled).text
    assert "Water conservancy projects: the committee has at least 7 members" in english
