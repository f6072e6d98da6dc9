"""What the pages say, to whom, and that pressing their buttons does what they say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts.permissions import Role
from app.evaluation import cases, conductor
from app.evaluation.models import Evaluation
from app.web.templating import HERE, wall_time
from expert_draw import keeping
from expert_draw.models import Draw
from tests.support.web import WebHouse
from tests.support.world import OPERATOR, booking

FORM = {
    "project_number": "ZT-1",
    "project_name": "秘密水库除险加固工程",
    "lot_number": "1",
    "lot_name": "施工一标段",
    "starts_at": "2026-11-24T09:00",
    "minutes": "240",
    "tenderee_name": "某水务局",
    "slot_specialty": ["A08 工程", "A06"],
    "slot_count": ["3", "2"],
    "bidder_name": ["投标甲", "投标乙", ""],
    "bidder_code": ["", "", ""],
    "criterion_name": ["技术", "报价"],
    "criterion_points": ["60", "40.5"],
}


def booked(house: WebHouse) -> str:
    world = house.world
    with world.transaction() as session:
        evaluation: Evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        return evaluation.id


def test_today_says_what_to_do_when_nothing_is_booked(house: WebHouse) -> None:
    page = house.visitor(Role.host_operator).get("/today").text
    assert "还没有评标安排" in page
    assert page.count('href="/evaluations/new"') >= 2


def test_today_lists_an_evaluation_for_those_who_may_know_of_it(house: WebHouse) -> None:
    booked(house)
    assert "秘密水库" in house.visitor(Role.supervisor).get("/today").text
    for role in (Role.guest_operator, Role.pool_administrator, Role.administrator):
        assert "秘密水库" not in house.visitor(role).get("/today").text


def test_booking_by_the_form_leads_to_the_evaluation(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    answer = visitor.post(
        "/evaluations/new", data={**FORM, "host_center_id": house.world.host_id, "act": "book"}
    )
    assert answer.status_code == 303
    page = visitor.get(answer.headers["location"]).text
    assert "秘密水库除险加固工程" in page
    assert "2026-11-24 09:00" in page
    assert "投标甲" not in page


def test_checking_by_the_button_books_nothing(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    page = visitor.post(
        "/evaluations/new", data={**FORM, "host_center_id": house.world.host_id, "act": "check"}
    )
    assert page.status_code == 200
    assert "符合规则，可以预约" in page.text
    assert 'value="投标甲"' in page.text
    assert "还没有评标安排" in visitor.get("/today").text


def test_what_is_wrong_stands_below_its_field_and_nothing_typed_is_lost(house: WebHouse) -> None:
    wrong = {**FORM, "slot_count": ["3", "many"], "minutes": "soon", "bidder_code": ["", "short", ""]}
    page = house.visitor(Role.host_operator).post(
        "/evaluations/new", data={**wrong, "host_center_id": house.world.host_id}
    )
    assert page.status_code == 422
    for field in ("slot_count-1", "minutes", "bidder_code-1"):
        assert f'id="h-{field}"' in page.text
    assert 'value="many"' in page.text
    assert "有 3 处需要修改" in page.text


def test_whatever_is_typed_is_shown_as_text(house: WebHouse) -> None:
    """In a field, in the text of a page and in a refusal: it never becomes a part of the page."""
    evil = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>{{7*7}}"
    visitor = house.visitor(Role.host_operator)
    form = {**FORM, "host_center_id": house.world.host_id, "project_name": evil}
    again = visitor.post("/evaluations/new", data={**form, "minutes": "soon"})
    booked_as = visitor.get(
        visitor.post("/evaluations/new", data={**form, "act": "book"}).headers["location"]
    )
    for page in (again, booked_as, visitor.get("/today"), visitor.get(f"/evaluations/{evil}")):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    assert all("&lt;script&gt;alert" in page.text for page in (again, booked_as))
    assert "{{7*7}}" in booked_as.text


def test_every_answer_says_what_it_is(house: WebHouse) -> None:
    visitor = house.visitor(Role.supervisor)
    for path, kind in {
        "/api/centers": "application/json",
        "/api/nowhere": "application/problem+json",
        "/static/app.css": "text/css; charset=utf-8",
        "/static/favicon.svg": "image/svg+xml",
        "/static/js/app.js": "text/javascript; charset=utf-8",
        "/today": "text/html; charset=utf-8",
    }.items():
        assert visitor.get(path).headers["content-type"] == kind, path


def test_the_live_check_names_the_rule_and_its_source(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    lopsided = {**FORM, "slot_count": ["2", "2"], "host_center_id": house.world.host_id}
    piece = visitor.post("/evaluations/check", data=lopsided, headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert "人数应为单数" in piece
    assert "依据" in piece
    assert "要 2 人" in piece


def test_the_live_check_waits_for_a_form_that_is_filled_in(house: WebHouse) -> None:
    piece = house.visitor(Role.host_operator).post("/evaluations/check", data={"project_name": "x"}).text
    assert "必填内容齐备后" in piece


def test_a_booking_against_the_rules_comes_back_with_the_rule(house: WebHouse) -> None:
    late = {**FORM, "starts_at": "2020-01-01T09:00", "host_center_id": house.world.host_id}
    page = house.visitor(Role.host_operator).post("/evaluations/new", data=late)
    assert page.status_code == 422
    assert "开始时间已过" in page.text


def test_the_draw_is_committed_and_run_by_its_buttons_and_shows_codes_only(house: WebHouse) -> None:
    evaluation = booked(house)
    visitor = house.visitor(Role.host_operator)
    assert f'action="/evaluations/{evaluation}/commit"' in visitor.get(f"/evaluations/{evaluation}").text
    assert visitor.post(f"/evaluations/{evaluation}/commit").headers["location"].endswith("/draw")
    committed = visitor.get(f"/evaluations/{evaluation}/draw").text
    assert f'action="/evaluations/{evaluation}/run"' in committed
    assert visitor.post(f"/evaluations/{evaluation}/run").status_code == 303
    drawn = visitor.get(f"/evaluations/{evaluation}/draw").text
    assert "首轮抽取" in drawn
    assert "yuanping verify" in drawn
    terminal = visitor.get(f"/evaluations/{evaluation}/invitations").text
    assert terminal.count('class="card ladder"') == 5
    for page in (drawn, terminal):
        assert "专家1" not in page
        assert "1390000" not in page
        assert "单位" not in page.split("<main")[1]


def test_the_lists_of_a_draw_are_the_supervisors_at_once_and_the_hosts_after_the_evaluation(
    house: WebHouse,
) -> None:
    evaluation, host, supervisor = (
        booked(house),
        house.visitor(Role.host_operator),
        house.visitor(Role.supervisor),
    )
    record = f"/api/evaluations/{evaluation}/draw/record"
    host.post(f"/evaluations/{evaluation}/commit")
    host.post(f"/evaluations/{evaluation}/run")
    lines = host.get(record).content
    page = host.get(f"/evaluations/{evaluation}/draw").text
    with house.world.database.reading() as session:
        read = keeping.read(session, session.exec(select(Draw)).one())
    assert read.head in page
    assert lines == read.text(openings=False)
    assert supervisor.get(record).content == read.text(openings=True)
    assert record in supervisor.get(f"/evaluations/{evaluation}/draw").text
    with house.world.transaction() as session:
        cases.load(session, evaluation).state = "closed"
    assert host.get(record).content == read.text(openings=True)
    assert record in host.get(f"/evaluations/{evaluation}/draw").text


def test_a_supervisor_watches_and_cannot_act(house: WebHouse) -> None:
    evaluation = booked(house)
    visitor = house.visitor(Role.supervisor)
    for part in ("", "/draw", "/invitations", "/replay"):
        page = visitor.get(f"/evaluations/{evaluation}{part}")
        assert page.status_code == 200
        assert 'method="post" action="/evaluations' not in page.text
    assert visitor.post(f"/evaluations/{evaluation}/commit").status_code == 403


def test_an_act_out_of_turn_comes_back_with_the_reason(house: WebHouse) -> None:
    evaluation = booked(house)
    page = house.visitor(Role.host_operator).post(f"/evaluations/{evaluation}/convene")
    assert page.status_code == 409
    assert "评标现在的状态不允许这一步" in page.text
    assert "按页面顶部的流程提示进行下一步" in page.text
    assert house.visitor(Role.host_operator).post("/evaluations/none/convene").status_code == 404


def test_an_evaluation_is_given_up_with_a_reason_and_says_so(house: WebHouse) -> None:
    evaluation = booked(house)
    visitor = house.visitor(Role.host_operator)
    give_up = f"/evaluations/{evaluation}/give-up"
    assert f'action="{give_up}"' in visitor.get(f"/evaluations/{evaluation}").text
    assert "原因不足 4 个字" in visitor.post(give_up, data={"reason": "无"}).text
    assert visitor.post(give_up, data={"reason": "停电，无法继续"}).status_code == 303
    page = visitor.get(f"/evaluations/{evaluation}").text
    assert "已终止" in page
    assert give_up not in page
    assert visitor.post(give_up, data={"reason": "停电，无法继续"}).status_code == 409


def test_pages_speak_the_language_that_was_chosen_and_remember_it(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    first = visitor.get("/today?lang=en")
    assert '<html lang="en"' in first.text
    assert "No evaluations yet" in first.text
    assert "lang=en" in first.headers["set-cookie"]
    assert '<html lang="en"' in visitor.get("/today").text
    assert '<html lang="zh-CN"' in visitor.get("/today?lang=zh").text
    assert '<html lang="zh-CN"' in house.visitor(Role.host_operator).get("/today?lang=xx").text


def test_the_theme_is_remembered_too(house: WebHouse) -> None:
    visitor = house.visitor()
    assert 'data-theme="auto"' in visitor.get("/sign-in").text
    visitor.get("/sign-in?theme=dark")
    assert 'data-bs-theme="dark"' in visitor.get("/sign-in").text


def test_pages_need_neither_tabler_nor_htmx(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.web.templating.VENDOR", tmp_path / "nothing")
    page = house.visitor(Role.host_operator).get("/evaluations/new").text
    assert "vendor" not in page
    assert "/static/app.css" in page
    assert 'value="check"' in page


def test_a_replay_with_nothing_recorded_says_so(house: WebHouse) -> None:
    page = house.visitor(Role.supervisor).get(f"/evaluations/{booked(house)}/replay").text
    assert "还没有可回放的录制" in page
    assert "room-replay" not in page


def test_a_room_that_is_not_recorded_yet_cannot_be_watched(house: WebHouse) -> None:
    page = house.visitor(Role.supervisor).get(f"/evaluations/{booked(house)}/live").text
    assert "评标室还没有开始录制" in page
    assert "room-live" not in page


def test_every_page_of_staff_has_the_way_out(house: WebHouse) -> None:
    visitor = house.visitor(Role.host_operator)
    for path in ("/today", "/evaluations/new", "/hotline", "/account/sessions", "/nowhere"):
        page = visitor.get(path).text
        assert '<form method="post" action="/sign-out">' in page, path


def test_every_template_stands_in_the_folder_of_templates_only() -> None:
    assert {path.parent.name for path in HERE.rglob("*.html")} == {"templates"}


def test_the_clock_on_the_wall_is_chinas() -> None:
    instant = datetime(2026, 11, 21, 17, 5, 9, tzinfo=UTC)
    assert wall_time(instant) == "2026-11-22 01:05"
    assert wall_time(instant, seconds=True) == "2026-11-22 01:05:09"
