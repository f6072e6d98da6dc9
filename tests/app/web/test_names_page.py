"""The page on which two persons open names: what waits, who may be the second, and the names on one answer alone."""

from app.accounts.permissions import Role
from expert_draw import personal
from tests.support.evaluations import Case
from tests.support.web import WebHouse


def test_two_persons_open_the_names_on_the_page_and_one_reads_them(house: WebHouse) -> None:
    case = Case(house.world).ready()
    base = f"/evaluations/{case.id}/names"
    asks, agrees = house.visitor(Role.supervisor), house.visitor(Role.draw_supervisor)
    assert "没有人提出解密" in agrees.get(base).text
    assert asks.post(f"{base}/ask", data={"reason": "短"}).status_code == 422
    assert asks.post(f"{base}/ask", data={"reason": "接到实名举报需要核对"}).status_code == 303
    own, other = asks.get(base).text, agrees.get(base).text
    assert "等待第二人同意" in own
    assert "提出的人不能自己同意" in own
    assert "接到实名举报需要核对" in other
    act = other.partition(f"{base}/")[2].partition("/confirm")[0]
    assert asks.post(f"{base}/{act}/confirm", data={"reason": "自己同意自己"}).status_code == 409
    assert agrees.post(f"{base}/{act}/confirm", data={"reason": "同意核对"}).status_code == 303
    name = personal.name_of(house.world.sealer, house.world.expert(case.holder(1)))
    before = asks.get(base).text
    assert "名单已由两人解密" in before
    assert name not in before
    told = asks.post(f"{base}/read", data={"reason": "核对举报内容"})
    assert name in told.text
    assert told.headers["cache-control"] == "no-store"
    assert agrees.post(f"{base}/read", data={"reason": "核对举报内容"}).status_code == 403
    assert house.visitor(Role.host_operator).get(base).status_code == 403


def test_what_opens_names_asks_for_a_fresh_second_factor(house: WebHouse) -> None:
    case = Case(house.world).ready()
    stale = house.visitor(Role.supervisor, proved=False)
    base = f"/evaluations/{case.id}/names"
    assert stale.get(base).status_code == 200
    for act in ("ask", "read"):
        answer = stale.post(f"{base}/{act}", data={"reason": "接到实名举报需要核对"})
        assert answer.headers["location"].startswith("/step-up"), act


def test_what_nobody_agreed_to_in_three_days_is_shown_as_lapsed_and_can_be_asked_anew(
    house: WebHouse,
) -> None:
    case = Case(house.world).ready()
    base = f"/evaluations/{case.id}/names"
    why = {"reason": "接到实名举报需要核对"}
    assert house.visitor(Role.supervisor).post(f"{base}/ask", data=why).status_code == 303
    house.world.clock.advance(3 * 86_400)
    asks, agrees = house.visitor(Role.supervisor), house.visitor(Role.draw_supervisor)
    for page in (asks.get(base).text, agrees.get(base).text):
        assert "已失效" in page
        assert "等待第二人同意" not in page
        assert "/confirm" not in page
    assert asks.post(f"{base}/ask", data=why).status_code == 303
    page = agrees.get(base).text
    assert "等待第二人同意" in page
    assert "已失效" not in page
