"""What happens after the draw, by the API and by the page: who may do it, what is said, and what nobody is told."""

import json
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app.accounts.permissions import Role
from expert_draw import parties
from expert_draw.engine.verify import verify_record
from expert_draw.models import Expert, Invitation
from expert_draw.statements import OwnShare
from tests.support.evaluations import Case
from tests.support.web import WebHouse

UNITS = [{"name": f"投标人{number}"} for number in range(1, 4)]


@pytest.fixture
def host(house: WebHouse) -> TestClient:
    return house.visitor(Role.host_operator)


@pytest.fixture
def supervisor(house: WebHouse) -> TestClient:
    return house.visitor(Role.supervisor)


def expert(case: Case, invitation: Invitation) -> Expert:
    return case.world.expert(invitation)


def free(case: Case) -> str:
    """The number of somebody who was not asked yet, may be, and works with nobody who was: whom chance has drawn differs."""
    with case.world.database.reading() as session:
        asked = case.world.asked()
        everybody = session.exec(select(Expert).order_by(Expert.number)).all()
        employers = {one.employer_code for one in everybody if one.id in asked}
        return next(
            one.number
            for one in everybody
            if one.id not in asked and one.state == "active" and one.employer_code not in employers
        )


def short(house: WebHouse) -> Case:
    """A06 has nobody left for its second place."""
    world = house.world
    with world.transaction() as session:
        change = world.rosters.begin(session)
        keep = 2
        for one in session.exec(select(Expert).order_by(Expert.number)).all():
            if int(one.number) % 2:
                keep -= 1
                if keep < 0:
                    one.state, one.revision = "suspended", change.n
        session.flush()
        world.rosters.seal(session, world.now(), change)
    slots = [{"specialty": "A080104", "count": 3}, {"specialty": "A060101", "count": 2}]
    case = Case(world, slots=slots, starts_at=world.now() + timedelta(days=3)).drawn()
    *others, last = case.asked()
    case.answer(last, accept=False)
    for other in others:
        case.answer(other, accept=True)
    case.sweep()
    assert case.state == "short"
    return case


def test_the_list_of_bidders_is_received_and_only_a_supervisor_learns_a_number(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = Case(house.world).ready()
    hit = case.holder(2)
    of = expert(case, hit)
    body = {"bidders": [*UNITS, {"name": of.employer, "credit_code": of.employer_code}]}
    path = f"/api/evaluations/{case.id}/bidders"
    assert supervisor.post(path, json=body).status_code == 403
    assert host.post(path, json={"bidders": []}).status_code == 422
    assert host.get(path).json()["received"] is False
    said = host.post(path, json=body)
    assert (said.status_code, said.json()) == (200, host.get(path).json())
    assert said.json()["received"] is True
    assert (said.json()["checked"], said.json()["refilling"]) == (None, None)
    told = supervisor.get(path).json()
    assert (told["checked"], told["refilling"]) == (5, 1)
    assert case.invitation(hit.id).state == "struck"
    case.sweep()
    # No page and no answer to the host says that anybody was struck, or who.
    seen = "".join(
        host.get(address).text
        for address in (
            f"/evaluations/{case.id}",
            f"/evaluations/{case.id}/draw",
            f"/evaluations/{case.id}/invitations",
            f"/api/evaluations/{case.id}",
        )
    )
    for secret in ("struck", hit.id, hit.code, of.number, of.employer, "已核对"):
        assert secret not in seen
    assert "开标后的投标人名单已收到" in seen
    assert "已核对 6 人，1 个名额" in supervisor.get(f"/evaluations/{case.id}").text


def test_while_the_draw_runs_its_record_tells_the_host_nothing_of_who_left(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = Case(house.world).drawn()
    path = f"/api/evaluations/{case.id}/draw/record"
    before = host.get(path).content
    assert before == case.record(opened=False)
    of = expert(case, case.asked()[0])
    units = [*UNITS, {"name": of.employer, "credit_code": of.employer_code}]
    host.post(f"/api/evaluations/{case.id}/bidders", json={"bidders": units})
    case.sweep()
    served = host.get(path).content
    assert (b'"outcome":"struck"' in case.record(), served) == (True, before)
    assert verify_record(served).ok
    assert supervisor.get(path).content == case.record()
    head, last = (json.loads(lines.splitlines()[-1])["hash"] for lines in (served, case.record(opened=False)))
    page = host.get(f"/evaluations/{case.id}/draw").text
    assert f'data-head="{head}"' in page
    assert "下载的记录到第一次答复为止" in page
    assert f'data-head="{last}"' in supervisor.get(f"/evaluations/{case.id}/draw").text
    link = host.post(f"/api/evaluations/{case.id}/draw/parties/tenderee/link").json()["url"]
    secret = link.rsplit("/", 1)[1]
    assert house.visitor().get(f"/api/party/{secret}/record").content == before
    host.post(f"/evaluations/{case.id}/give-up", data={"reason": "项目取消，另行组织"})
    assert host.get(path).content == case.record(opened=False)
    assert house.visitor().get(f"/api/party/{secret}/record").content == case.record(opened=False)


def test_a_party_that_keeps_its_own_share_has_every_line_it_is_asked_to_sign(
    house: WebHouse, host: TestClient
) -> None:
    own = OwnShare.new(parties.TENDEREE, "sha256")
    case = Case(house.world).called_with(own)
    case.say("reveal", own.reveal(case.record()))
    case.answer(case.asked()[0], accept=False)
    link = host.post(f"/api/evaluations/{case.id}/draw/parties/tenderee/link").json()["url"]
    case.sweep()
    record = house.visitor().get(f"/api/party/{link.rsplit('/', 1)[1]}/record").content
    assert record == case.record(opened=False)
    assert b'"outcome":"declined"' in record
    case.say("reveal", own.reveal(record))
    assert len(case.asked()) == 5
    assert b'"outcome"' not in host.get(f"/api/evaluations/{case.id}/draw/record").content


def test_the_page_takes_the_list_line_by_line_and_names_a_wrong_line(
    house: WebHouse, host: TestClient
) -> None:
    case = Case(house.world).ready()
    of = expert(case, case.holder(1))
    path = f"/evaluations/{case.id}/bidders"
    for data, why in (
        ({"bidders": ""}, "投标人名单为空，或有重复"),
        ({"bidders": "甲\n甲"}, "投标人名单为空，或有重复"),
        ({"bidders": "甲\n\n乙，123"}, "第 3 行不能识别"),
        ({"bidders": "甲", "persons": "12"}, "须回避的个人不能识别"),
    ):
        page = host.post(path, data=data)
        assert (page.status_code, why in page.text) == (422, True)
    lines = f"投标人1\n投标人2 ，\n{of.employer}，{of.employer_code.lower()}\n"
    assert host.post(path, data={"bidders": lines, "persons": "11010119800101100x"}).status_code == 303
    assert case.state == "inviting"


def test_the_host_enters_who_left_and_the_page_shows_the_successor(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = Case(house.world).in_session()
    case.score(case.member(3))
    page = host.get(f"/evaluations/{case.id}").text
    assert "成员离开与补抽" in page
    early = host.post(
        f"/evaluations/{case.id}/departure", data={"seat": "3", "cause": "no_show", "reason": "没有到场"}
    )
    assert (early.status_code, "30 分钟内还不能认定缺席" in early.text) == (409, True)
    for data, why in (
        ({"seat": "", "cause": "illness", "reason": "突发疾病"}, "没有选择席位"),
        ({"seat": "9" * 30, "cause": "illness", "reason": "突发疾病"}, "没有选择席位"),
        ({"seat": "3", "cause": "x", "reason": "突发疾病"}, "没有选择离开的原因"),
        ({"seat": "3", "cause": "illness", "reason": "病"}, "原因不足 4 个字"),
    ):
        refused = host.post(f"/evaluations/{case.id}/departure", data=data)
        assert (refused.status_code, why in refused.text) == (422, True)
    done = host.post(
        f"/evaluations/{case.id}/departure", data={"seat": "3", "cause": "illness", "reason": "突发疾病"}
    )
    assert done.status_code == 303
    # Nobody has left before the supervisor agrees.
    page = host.get(f"/evaluations/{case.id}").text
    assert ("因病离开：3 号席" in page, "递补中" in page) == (True, False)
    (act,) = supervisor.get(f"/api/evaluations/{case.id}/joint-acts").json()
    confirm = f"/evaluations/{case.id}/joint-acts/{act['id']}/confirm"
    assert host.post(confirm).status_code == 409
    assert supervisor.post(confirm).status_code == 303
    page = host.get(f"/evaluations/{case.id}").text
    assert "递补中" in page
    assert "已离开的成员" in page
    assert 'data-state="void"' in page
    case.sweep()
    case.answer(case.asked()[0], accept=True)
    case.sweep()
    shown = host.get(f"/api/evaluations/{case.id}").json()
    assert [one["code_name"] for one in shown["members"]] == ["A", "B", "F", "D", "E"]
    assert shown["former_members"] == [{"seat_no": 3, "code_name": "C", "sheet_state": "void"}]


def test_a_member_who_left_has_no_desk_any_more(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = Case(house.world).in_session()
    member = case.member(2)
    seat = house.seat(member.id, case.id)
    assert seat.get("/api/seat/desk").status_code == 200
    answer = host.post(
        f"/api/evaluations/{case.id}/seats/2/departure", json={"cause": "recusal", "reason": "有利害关系"}
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "in_session")
    page = supervisor.get(f"/evaluations/{case.id}").text
    assert "回避离开：2 号席" in page
    (act,) = supervisor.get(f"/api/evaluations/{case.id}/joint-acts").json()
    assert supervisor.post(f"/api/evaluations/{case.id}/joint-acts/{act['id']}/confirm").json() == []
    assert case.state == "replacing"
    assert seat.get("/api/seat/desk").status_code == 401
    assert seat.post("/api/room/ticket").status_code in {401, 404, 405}


def test_what_the_other_side_left_for_three_days_has_lapsed_on_the_page(
    house: WebHouse, host: TestClient
) -> None:
    case = Case(house.world).ready()
    order = f"/api/evaluations/{case.id}/seats/1/removal"
    assert host.post(order, json={"reason": "多次违反纪律"}).json()[0]["lapsed"] is False
    house.world.clock.advance(3 * 86_400)
    supervisor = house.visitor(Role.supervisor)
    page = supervisor.get(f"/evaluations/{case.id}").text
    (act,) = supervisor.get(f"/api/evaluations/{case.id}/joint-acts").json()
    assert act["lapsed"] is True
    assert "已失效" in page
    confirm = f"/evaluations/{case.id}/joint-acts/{act['id']}/confirm"
    assert confirm not in page
    assert supervisor.post(confirm).status_code == 409
    assert house.visitor(Role.host_operator).post(order, json={"reason": "多次违反纪律"}).status_code == 202
    assert confirm not in supervisor.get(f"/evaluations/{case.id}").text, "another one waits"


def test_a_removal_is_asked_by_one_side_and_confirmed_by_the_other_on_the_page(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = Case(house.world).in_session()
    data = {"removal_seat": "4", "removal_reason": "操作他人评标电脑"}
    assert supervisor.post(f"/evaluations/{case.id}/removal", data=data).status_code == 303
    (act,) = host.get(f"/api/evaluations/{case.id}/joint-acts").json()
    assert (act["kind"], act["seats"], act["side"]) == ("removal", [4], "supervisor")
    assert "责令离开：4 号席" in host.get(f"/evaluations/{case.id}").text
    confirm = f"/evaluations/{case.id}/joint-acts/{act['id']}/confirm"
    assert confirm in host.get(f"/evaluations/{case.id}").text
    assert confirm not in supervisor.get(f"/evaluations/{case.id}").text
    assert supervisor.post(confirm).status_code == 409
    assert house.visitor(Role.guest_operator).post(confirm).status_code == 403
    assert host.post(confirm).status_code == 303
    assert case.state == "replacing"
    # The same by the API, the other way round, and refused.
    order = host.post(f"/api/evaluations/{case.id}/seats/5/removal", json={"reason": "擅自离开封闭区域"})
    assert order.status_code == 202
    path = f"/api/evaluations/{case.id}/joint-acts/{order.json()[0]['id']}/refuse"
    assert supervisor.post(path).json() == []
    assert case.holder(5).state == "accepted"


def test_a_shortage_offers_its_three_ways_and_a_designation_is_flagged(
    house: WebHouse, host: TestClient, supervisor: TestClient
) -> None:
    case = short(house)
    page = host.get(f"/evaluations/{case.id}").text
    for text in ("名额不足，请决定", "A060101 → A0601", "改期后重新抽取", "直接确定专家", "技术复杂"):
        assert text in page
    assert "名额不足，请决定" not in supervisor.get(f"/evaluations/{case.id}").text
    number = free(case)
    wrong = host.post(
        f"/evaluations/{case.id}/designation",
        data={"circumstance": "complex", "expert-4": number, "designation_reason": "没有其他专家"},
    )
    assert (wrong.status_code, "须为全部空缺席位一次提出人选：5" in wrong.text) == (422, True)
    proposed = host.post(
        f"/evaluations/{case.id}/designation",
        data={"circumstance": "complex", "expert-5": number, "designation_reason": "没有其他专家"},
    )
    assert proposed.status_code == 303
    waiting = supervisor.get(f"/evaluations/{case.id}").text
    assert f"专家编号 {number}" in waiting
    assert "技术复杂" in waiting
    (act,) = supervisor.get(f"/api/evaluations/{case.id}/joint-acts").json()
    assert (act["experts"], act["circumstance"]) == ([number], "complex")
    assert supervisor.post(f"/api/evaluations/{case.id}/joint-acts/{act['id']}/confirm").status_code == 200
    shown = host.get(f"/api/evaluations/{case.id}").json()
    assert (shown["state"], shown["designated"]) == ("inviting", [5])
    assert "<dt>直接确定</dt><dd>5 号席</dd>" in host.get(f"/evaluations/{case.id}").text


def test_widening_and_postponing_by_the_page_lead_back_to_a_booking(
    house: WebHouse, host: TestClient
) -> None:
    case = short(house)
    refused = host.post(f"/evaluations/{case.id}/postpone", data={"postpone_reason": "等待专家返岗"})
    assert (refused.status_code, "请选择日期和时间" in refused.text) == (422, True)
    widened = host.post(
        f"/evaluations/{case.id}/widen",
        data={"widen_reason": "本专业专家不足", "widen_starts_at": "2026-11-30T09:00"},
    )
    assert widened.status_code == 303
    shown = host.get(f"/api/evaluations/{case.id}").json()
    assert (shown["state"], shown["widened"], shown["starts_at"]) == (
        "booked",
        ["specialty_parent"],
        "2026-11-30T01:00:00Z",
    )
    page = host.get(f"/evaluations/{case.id}").text
    assert "条件已放宽" in page
    assert "专业放宽到上一级" in page
    again = host.post(f"/api/evaluations/{case.id}/widen", json={"reason": "本专业专家不足"})
    assert (again.status_code, again.json()["code"]) == (409, "not-short")


def test_postponing_by_the_api(house: WebHouse, host: TestClient) -> None:
    case = short(house)
    body = {"reason": "等待专家返岗", "starts_at": "2026-12-01T01:00:00Z"}
    answer = host.post(f"/api/evaluations/{case.id}/postpone", json=body)
    assert (answer.status_code, answer.json()["state"]) == (200, "booked")
    assert answer.json()["starts_at"] == "2026-12-01T01:00:00Z"


def test_a_designation_by_the_api_takes_each_seat_once(house: WebHouse, host: TestClient) -> None:
    case = short(house)
    place = {"seat_no": 5, "expert": free(case)}
    body = {"reason": "没有其他专家", "circumstance": "complex", "places": [place, place]}
    path = f"/api/evaluations/{case.id}/designation"
    assert host.post(path, json=body).status_code == 422
    assert host.post(path, json={**body, "places": [place]}).status_code == 202


def test_the_performance_card_is_for_the_pool_and_shows_nothing_before_the_end(
    house: WebHouse, host: TestClient
) -> None:
    case = Case(house.world).ready()
    one = expert(case, case.holder(1))
    pool = house.visitor(Role.pool_administrator)
    path = f"/api/roster/{one.number}/performance"
    assert host.get(path).status_code == 403
    assert pool.get("/api/roster/nobody/performance").status_code == 404
    assert pool.get("/api/roster/%00/performance").status_code == 422
    before = pool.get(path).json()
    assert set(before.values()) == {0}
    ended = host.post(f"/api/evaluations/{case.id}/give-up", json={"reason": "项目取消了"})
    assert ended.status_code == 200
    assert pool.get(path).json() == {**before, "accepted": 1}
