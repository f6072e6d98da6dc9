"""The pages of a draw, in every state it can be in: what they say, to whom, and whose button does what."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app.accounts.permissions import Role
from app.evaluation import cases, committee, conductor, draw_parties
from app.evaluation.models import Evaluation
from expert_draw import parties, stored_lines
from expert_draw.models import Draw, Expert, Invitation
from expert_draw.statements import OwnShare
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, booking, make_world
from venue.models import Seat

Own = dict[str, OwnShare]


@pytest.fixture
def thin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebHouse:
    """A house with so few experts that every draw warns."""
    monkeypatch.setattr(
        "tests.support.web.make_world",
        lambda folder, **laid: make_world(folder, experts=14, **laid),
    )
    return open_web(tmp_path)


def booked(house: WebHouse) -> str:
    with house.world.transaction() as session:
        world = house.world
        found: Evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        return found.id


def promised(house: WebHouse, evaluation: str, *names: str) -> Own:
    own = {name: OwnShare.new(name, "sha256") for name in names}
    for name, share in own.items():
        say(house, evaluation, name, "promise", share.promise().text)
    return own


def say(house: WebHouse, evaluation_id: str, party: str, step: str, text: str) -> None:
    world = house.world
    with world.transaction() as session:
        evaluation = cases.load(session, evaluation_id)
        draw_parties.say(session, world.now(), world.house, evaluation, party, step, text)


def lines(house: WebHouse) -> bytes:
    with house.world.database.reading() as session:
        return stored_lines.text(session, session.exec(select(Draw)).one(), opened=False)


def number(house: WebHouse) -> str:
    with house.world.database.reading() as session:
        found: str = session.exec(select(Draw)).one().number
    return found


def act(house: WebHouse, evaluation: str, *names: str) -> None:
    host = house.visitor(Role.host_operator)
    for name in names:
        assert host.post(f"/evaluations/{evaluation}/{name}").status_code == 303


def agreed(house: WebHouse, evaluation: str, own: Own) -> None:
    for name, share in own.items():
        say(house, evaluation, name, "agree", share.agree(lines(house)).text)


def refill(house: WebHouse, evaluation: str) -> None:
    world = house.world
    with world.transaction() as session:
        committee.refill(session, world.now(), world.house, evaluation)


def link(house: WebHouse, evaluation: str) -> str:
    """The path of the tenderee's page."""
    made = house.visitor(Role.host_operator).post(f"/api/evaluations/{evaluation}/draw/parties/tenderee/link")
    assert made.status_code == 201
    return f"/party/{made.json()['url'].rsplit('/', 1)[1]}"


def seen(visitor: TestClient, evaluation: str, part: str = "/draw") -> str:
    answer = visitor.get(f"/evaluations/{evaluation}{part}")
    assert answer.status_code == 200
    return answer.text


def due(page: str) -> str:
    """The step that a party's page waits for."""
    found = re.search(r'data-due="(\w*)"', page)
    assert found is not None
    return found[1]


def test_before_the_commitment_every_page_says_what_comes_first(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    page = seen(host, evaluation)
    assert "尚未公布承诺" in page
    assert "/pool" in page
    assert "/ceremony" in page
    assert 'id="act-commit"' in page
    assert "verify-now" not in page
    stage = seen(host, evaluation, "/ceremony")
    assert "抽取还没有开始" in stage
    assert "<button" not in stage
    assert "topbar" not in stage
    own_page = seen(host, evaluation, "/draw/parties/center")
    assert due(own_page) == ""
    assert "请先决定您的份额由谁保管" in own_page
    assert "yuanping party new" in own_page


def test_the_pool_page_says_that_nothing_stands_in_the_way(house: WebHouse) -> None:
    evaluation = booked(house)
    page = seen(house.visitor(Role.host_operator), evaluation, "/pool")
    assert "没有障碍，也没有预警" in page
    assert "2,599,200" in page
    assert "15.00 %" in page
    assert 'id="act-commit"' in page
    assert 'id="act-commit"' not in seen(house.visitor(Role.supervisor), evaluation, "/pool")
    act(house, evaluation, "commit")
    after = house.visitor(Role.host_operator).get(f"/evaluations/{evaluation}/pool")
    assert (after.status_code, after.headers["location"]) == (303, f"/evaluations/{evaluation}/draw")


def test_a_thin_pool_is_named_with_the_rule_and_what_will_be_asked(thin: WebHouse) -> None:
    page = seen(thin.visitor(Role.host_operator), booked(thin), "/pool")
    assert "须由监督人员批准" in page
    for warning in ("chance_high", "pool_shallow", "ten_share_high"):
        assert f'data-warning="{warning}"' in page
    assert "draw.greatest_chance_max" in page
    assert "1/5" in page


def test_what_blocks_a_draw_is_named_with_what_relaxing_gives(
    house: WebHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "tests.support.web.make_world",
        lambda folder, **laid: make_world(folder, employers=3, **laid),
    )
    (tmp_path / "few").mkdir()
    few = open_web(tmp_path / "few")
    evaluation, host = booked(few), few.visitor(Role.host_operator)
    page = seen(host, evaluation, "/pool")
    assert "按现在的条件抽不出来" in page
    assert "分组 工作单位 每组至多 1 的限制" in page
    assert 'id="act-commit"' not in page
    assert "At most 1 of each employer makes" in seen(host, evaluation, "/pool?lang=en")


def test_the_parties_agree_one_after_another_and_only_those_waited_for_are_named(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    own = promised(house, evaluation, "supervisor", "tenderee")
    before = seen(host, evaluation)
    assert before.count("已作承诺") == 2
    act(house, evaluation, "commit")
    page = seen(host, evaluation)
    assert "等待各方同意" in page
    assert "监督人员、招标人代表" in page
    assert 'id="act-run"' not in page
    assert "正在核对并签字同意" in seen(host, evaluation, "/ceremony")
    supervisor = house.visitor(Role.supervisor)
    assert due(seen(supervisor, evaluation, "/draw/parties/supervisor")) == "agree"
    assert 'id="act-party"' in seen(supervisor, evaluation)
    say(house, evaluation, "supervisor", "agree", own["supervisor"].agree(lines(house)).text)
    assert due(seen(supervisor, evaluation, "/draw/parties/supervisor")) == ""
    assert "监督人员、招标人代表" not in seen(host, evaluation)
    say(house, evaluation, "tenderee", "agree", own["tenderee"].agree(lines(house)).text)
    page = seen(host, evaluation)
    assert 'id="act-run"' in page
    assert "没有预警" in page
    assert "一切已经锁定，等待开始" in seen(host, evaluation, "/ceremony")


def test_warnings_wait_for_the_supervisor_who_approves_by_one_button(thin: WebHouse) -> None:
    evaluation = booked(thin)
    act(thin, evaluation, "commit")
    host, supervisor = thin.visitor(Role.host_operator), thin.visitor(Role.supervisor)
    page = seen(host, evaluation)
    assert "等待监督人员批准" in page
    assert 'id="act-approve"' not in page
    assert 'id="act-run"' not in page
    assert "名单偏薄" in seen(host, evaluation, "/ceremony")
    assert "到抽取页面审阅并批准" in seen(supervisor, evaluation, "/draw/parties/supervisor")
    assert 'id="act-approve"' in seen(supervisor, evaluation)
    assert host.post(f"/evaluations/{evaluation}/draw/approve").status_code == 403
    assert supervisor.post(f"/evaluations/{evaluation}/draw/approve").status_code == 303
    assert "监督人员已批准" in seen(supervisor, evaluation)
    again = supervisor.post(f"/evaluations/{evaluation}/draw/approve")
    assert again.status_code == 409
    assert "此处不能有 approve 行" in again.text


def test_a_supervisor_with_a_key_of_their_own_approves_on_their_own_page(thin: WebHouse) -> None:
    evaluation, supervisor = booked(thin), thin.visitor(Role.supervisor)
    own = promised(thin, evaluation, "supervisor")
    act(thin, evaluation, "commit")
    agreed(thin, evaluation, own)
    page = seen(supervisor, evaluation)
    assert 'id="act-approve"' not in page
    assert 'id="act-party"' in page
    own_page = seen(supervisor, evaluation, "/draw/parties/supervisor")
    assert due(own_page) == "approve"
    assert 'data-warning="chance_high"' in own_page
    say(thin, evaluation, "supervisor", "approve", own["supervisor"].approve(lines(thin)).text)
    assert "监督人员已批准" in seen(supervisor, evaluation)


def test_shares_appear_as_they_come_and_then_the_result(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    tenderee_page = link(house, evaluation)
    own = promised(house, evaluation, *parties.NAMES)
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    page = seen(host, evaluation)
    assert page.count("等待揭示") >= 3
    assert "count-down" in page
    assert due(house.visitor().get(tenderee_page).text) == "reveal"
    first = own["center"].reveal(lines(house))
    say(house, evaluation, "center", "reveal", first.text)
    for part in ("/draw", "/ceremony"):
        page = seen(host, evaluation, part)
        assert first.fields["share"][:16] in page
        assert "第 1 轮已揭示" in page
    assert "各方正在亮出自己的秘密数字" in seen(host, evaluation, "/ceremony")
    for name in ("supervisor", "tenderee"):
        say(house, evaluation, name, "reveal", own[name].reveal(lines(house)).text)
    page = seen(host, evaluation)
    assert "首轮抽取" in page
    assert "整批重试" in page
    assert len(re.findall(r'<td class="mono code">[0-9A-F]{4}-[0-9A-F]{4}<', page)) == 15
    stage = seen(host, evaluation, "/ceremony")
    assert "第 1 轮已经抽出 5 个席位" in stage
    assert stage.count('class="stage-place"') == 5
    for text in (page, stage, house.visitor().get(tenderee_page).text):
        assert "专家1" not in text
        assert "1390000" not in text


def test_a_withheld_share_is_named_on_every_page(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    tenderee_page = link(house, evaluation)
    own = promised(house, evaluation, "tenderee")
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    house.world.clock.advance(3600)
    refill(house, evaluation)
    assert "招标人代表没有在期限内揭示份额" in seen(host, evaluation)
    assert "招标人代表没有亮出自己的数字" in seen(host, evaluation, "/ceremony")
    assert "招标人代表没有在期限内揭示份额" in house.visitor().get(tenderee_page).text
    listed = house.visitor().get("/draws").text
    assert "已作废" in listed
    assert house.visitor().get(f"/draws/{number(house)}").status_code == 200


def test_the_record_is_public_step_by_step_and_in_full_when_published(house: WebHouse) -> None:
    evaluation, host, supervisor, nobody = (
        booked(house),
        house.visitor(Role.host_operator),
        house.visitor(Role.supervisor),
        house.visitor(),
    )
    assert "还没有抽取" in nobody.get("/draws").text
    act(house, evaluation, "commit", "run")
    draw = number(house)
    running = nobody.get(f"/draws/{draw}").text
    assert "抽取结束后公开全部行" in running
    assert nobody.get(f"/draws/{draw}/record").content.count(b"\n") == 1
    assert 'id="act-publish"' not in seen(supervisor, evaluation)
    early = supervisor.post(f"/evaluations/{evaluation}/draw/publish")
    assert early.status_code == 409
    assert "评标封存或终止之后才能公开" in early.text
    assert (
        host.post(f"/evaluations/{evaluation}/give-up", data={"reason": "停电，无法继续"}).status_code == 303
    )
    assert "抽取已作废：评标已终止" in seen(host, evaluation)
    assert "评标结束后公开名单" in nobody.get(f"/draws/{draw}").text
    assert 'id="act-publish"' in seen(supervisor, evaluation)
    assert 'id="act-publish"' not in seen(host, evaluation)
    assert host.post(f"/evaluations/{evaluation}/draw/publish").status_code == 403
    assert supervisor.post(f"/evaluations/{evaluation}/draw/publish").status_code == 303
    assert "完整记录已于" in seen(supervisor, evaluation)
    page = nobody.get(f"/draws/{draw}").text
    assert "任何人都可以完整校验" in page
    assert b'{"kind":' in nobody.get(f"/draws/{draw}/record").content
    for path in (f"/draws/{draw}/head.svg", f"/api/centers/{house.world.host_id}/draws"):
        assert nobody.get(path).status_code == 200
    assert draw in nobody.get("/draws").text


def test_the_download_says_whether_it_holds_the_lists(house: WebHouse) -> None:
    evaluation = booked(house)
    act(house, evaluation, "commit")
    assert "现在下载的记录不带名单" in seen(house.visitor(Role.host_operator), evaluation)
    assert "下载的记录带有名单" in seen(house.visitor(Role.supervisor), evaluation)
    picture = house.visitor(Role.supervisor).get(f"/evaluations/{evaluation}/draw/head.svg?head=x")
    assert picture.headers["content-type"].startswith("image/svg+xml")


def test_nobody_speaks_for_another_party_and_an_old_link_opens_nothing(house: WebHouse) -> None:
    evaluation = booked(house)
    host, supervisor = house.visitor(Role.host_operator), house.visitor(Role.supervisor)
    for visitor, party in (
        (host, "supervisor"),
        (host, "tenderee"),
        (supervisor, "center"),
        (host, "nobody"),
    ):
        assert visitor.get(f"/evaluations/{evaluation}/draw/parties/{party}").status_code == 404
    assert host.get("/evaluations/none/ceremony").status_code == 404
    assert host.get(f"/evaluations/{evaluation}/draw/head.svg").status_code == 404
    assert house.visitor(Role.guest_operator).get(f"/evaluations/{evaluation}/pool").status_code == 403
    assert house.visitor().get("/draws/CQ-2026-999999").status_code == 404
    old = link(house, evaluation)
    assert house.visitor().get(old).status_code == 200
    new = link(house, evaluation)
    assert house.visitor().get(old).status_code == 404
    page = house.visitor().get(new).text
    assert f'href="/evaluations/{evaluation}"' not in page
    assert "秘密水库" in page
    assert 'id="act-link"' not in seen(supervisor, evaluation)
    assert 'id="act-link"' in seen(host, evaluation)


def test_the_projector_says_when_every_share_lies_with_the_service(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    act(house, evaluation, "commit")
    assert "由系统担保" in seen(host, evaluation, "/ceremony")
    other = booking(house.world, lot_number="2")
    with house.world.transaction() as session:
        second = conductor.book(session, house.world.now(), house.world.house, OPERATOR, other).id
    promised(house, second, "tenderee")
    act(house, second, "commit")
    assert "由系统担保" not in seen(host, second, "/ceremony")


def test_a_party_that_leaves_its_share_has_nothing_to_do(house: WebHouse) -> None:
    evaluation = booked(house)
    promised(house, evaluation, "tenderee")
    page = link(house, evaluation)
    assert 'data-held="own"' in house.visitor().get(page).text
    assert house.visitor().post(f"/api{page}/keep").status_code == 204
    act(house, evaluation, "commit", "run")
    shown = house.visitor().get(page).text
    assert due(shown) == ""
    assert "您不必做什么" in shown


def test_the_pages_of_a_draw_speak_english(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    own = promised(house, evaluation, "center", "tenderee")
    tenderee_page = link(house, evaluation)
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    paths = [f"/evaluations/{evaluation}{part}" for part in ("/draw", "/ceremony", "/draw/parties/center")]
    for path in (*paths, tenderee_page, "/draws", f"/draws/{number(house)}"):
        page = host.get(f"{path}?lang=en").text
        assert "&amp;#" not in page
        # Rules are cited as they are published, in Chinese.
        told = re.sub(
            r'(?s)<small class="cite">.*?</small>|<script.*?</script>|<[^>]*>', " ", page.split("<main")[1]
        )
        for name in ("秘密水库除险加固工程", "施工一标段", "5306中心", "工程施工", "工程造价", "中文"):
            told = told.replace(name, "")
        assert re.findall(r"[一-鿿]+", told) == [], path
    assert "Round 1: the parties are showing" in host.get(f"{paths[1]}?lang=en").text


def test_a_refused_share_of_the_second_round_is_drawn_with_fresh_shares(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    own = promised(house, evaluation, "center")
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    say(house, evaluation, "center", "reveal", own["center"].reveal(lines(house)).text)
    world = house.world
    with world.transaction() as session:
        one = session.exec(select(Invitation).order_by(Invitation.id)).first()
        assert one is not None
        world.invitees.taken(session, world.now(), one.id)
        world.invitees.answer(session, world.now(), one.id, False, "voice")
    refill(house, evaluation)
    assert "第 2 轮：各方正在亮出自己的秘密数字" in seen(host, evaluation, "/ceremony")
    assert due(seen(host, evaluation, "/draw/parties/center")) == "reveal"
    say(house, evaluation, "center", "reveal", own["center"].reveal(lines(house)).text)
    page = seen(host, evaluation)
    assert page.index("第 2 轮<") < page.index("首轮抽取")
    assert "第 2 轮已经抽出 1 个席位" in seen(host, evaluation, "/ceremony")


def test_a_party_that_never_agrees_is_waited_for_by_name_and_after_a_while_it_is_said_what_to_do(
    house: WebHouse,
) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    promised(house, evaluation, "tenderee")
    act(house, evaluation, "commit")
    assert "逾期没有同意承诺" not in seen(host, evaluation)
    assert "招标人代表" in host.get("/today").text
    assert "招标人代表" in seen(host, evaluation, "")
    house.world.clock.advance(3600)
    page = seen(host, evaluation)
    assert "招标人代表逾期没有同意承诺" in page
    assert "终止本次评标、重新预约" in page
    assert "已过期限" in host.get("/today").text


def test_whose_share_was_missing_when_the_host_gave_up_is_said_on_both_pages(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    own = promised(house, evaluation, "center", "tenderee")
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    world = house.world
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, evaluation, "项目取消")
    for part in ("", "/draw"):
        assert "终止时 主场中心、招标人代表 尚未揭示" in seen(host, evaluation, part)
    assert "had not revealed" in seen(host, evaluation, "?lang=en")


def test_a_withheld_share_heads_the_evaluation_by_what_happened_and_what_to_do(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    own = promised(house, evaluation, "tenderee")
    act(house, evaluation, "commit")
    agreed(house, evaluation, own)
    act(house, evaluation, "run")
    house.world.clock.advance(3600)
    refill(house, evaluation)
    page = seen(host, evaluation, "")
    assert "招标人代表在期限内没有揭示其份额" in page
    assert "查明原因后重新预约" in page
    assert "名额不足，抽取无法继续" not in page


def test_a_place_without_a_free_seat_is_named_on_the_evaluation_and_on_the_draw(house: WebHouse) -> None:
    evaluation, host = booked(house), house.visitor(Role.host_operator)
    act(house, evaluation, "commit", "run")
    world = house.world
    with world.transaction() as session:
        first = session.exec(select(Invitation)).all()[0]
        world.invitees.taken(session, world.now(), first.id)
        world.invitees.answer(session, world.now(), first.id, accept=False, channel="voice")
        for seat in session.exec(select(Seat)).all():
            seat.state = "fault"
    refill(house, evaluation)
    for part in ("", "/draw"):
        page = seen(host, evaluation, part)
        assert "没有空闲工位可补抽，等待工位释放" in page
        assert "修复故障工位" in page


def test_only_the_supervisor_sees_how_many_a_personal_ground_leaves_out_and_when_links_were_made(
    house: WebHouse,
) -> None:
    world = house.world
    with world.transaction() as session:
        session.get_one(Expert, world.experts[0]).identity_fingerprint = world.sealer.fingerprint(
            "530602198001010018"
        )
        wanted = booking(world, avoid_persons=["530602198001010018"])
        evaluation: str = conductor.book(session, world.now(), world.house, OPERATOR, wanted).id
    host, supervisor = house.visitor(Role.host_operator), house.visitor(Role.supervisor)
    link(house, evaluation)
    before = [(host, seen(host, evaluation, "/pool")), (supervisor, seen(supervisor, evaluation, "/pool"))]
    act(house, evaluation, "commit")
    after = [(host, seen(host, evaluation)), (supervisor, seen(supervisor, evaluation))]
    for visitor, page in before + after:
        assert ("指名回避" in page) is (visitor is supervisor)
        assert ("少于 5" in page) is (visitor is host)
    assert "链接生成于" in seen(supervisor, evaluation)
    assert "链接生成于" not in seen(host, evaluation)
