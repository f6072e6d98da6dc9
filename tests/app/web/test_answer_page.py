"""The page behind the link of a text: it reads without effect, answers at the second press, and tells an outsider nothing."""

import re
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from app.audit import service as audit
from app.core.errors import Conflict
from expert_draw.models import ExpertLeave, Invitation
from expert_draw.personal import name_of, phone_of
from tests.support.links import calling, reached, texted
from tests.support.web import WebHouse

UNKNOWN = "/a/abcdefghjkmn"


@pytest.fixture
def invited(house: WebHouse) -> str:
    """The path of the page of somebody whose window is open."""
    calling(house.world)
    return f"/a/{texted(house.world, reached(house.world))}"


def row(house: WebHouse) -> Invitation:
    with house.world.database.reading() as session:
        return session.exec(select(Invitation).where(Invitation.answer_hash != None)).one()  # noqa: E711 -- SQL


def press(house: WebHouse, path: str, act: str) -> Response:
    return house.visitor().post(path, data={"act": act})


def stage(house: WebHouse, path: str) -> str:
    found = re.search(r'data-stage="(\w+)"', house.visitor().get(path).text)
    assert found is not None
    return found[1]


def test_the_page_says_when_where_and_how_long_and_nothing_else(house: WebHouse, invited: str) -> None:
    invitation = row(house)
    answer = house.visitor().get(invited)
    page = answer.text
    for said in (
        invitation.report_place,
        "11月24日上午9点",
        "约需半天",
        invitation.hotline,
        "能参加",
        "不能参加",
    ):
        assert said in page
    expert = house.world.expert(invitation)
    for hidden in (
        name_of(house.world.sealer, expert),
        phone_of(house.world.sealer, expert),
        phone_of(house.world.sealer, expert).removeprefix("+86"),
        "秘密水库",
        "水务局",
        "投标人",
        expert.employer,
        invitation.code[:8],
        invitation.id,
        "A0801",
    ):
        assert hidden not in page
    assert answer.headers["referrer-policy"] == "strict-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert 'name="referrer" content="strict-origin"' in page
    assert "/sign-in" not in page


def test_reading_the_page_changes_nothing(house: WebHouse, invited: str) -> None:
    before = row(house)
    for query in ("", "?act=accept", "?act=decline", "?act=leave", "?said=accepted", "?act=nonsense"):
        assert house.visitor().get(invited + query).status_code == 200
    assert row(house) == before


@pytest.mark.parametrize(("act", "state"), [("accept", "accepted"), ("decline", "declined")])
def test_an_answer_counts_at_the_second_press(house: WebHouse, invited: str, act: str, state: str) -> None:
    asked = house.visitor().get(f"{invited}?act={act}").text
    assert "请再确认一次" in asked
    assert f'name="act" value="{act}"' in asked
    assert row(house).state == "contacting"
    done = press(house, invited, act)
    assert (done.status_code, done.headers["location"]) == (303, invited)
    assert (row(house).state, row(house).answer_channel) == (state, "link")
    assert stage(house, invited) == state
    with house.world.database.reading() as session:
        entry = audit.trail(session, audit.cases(session)[0])[-1]
    assert (entry.tag, '"channel":"link"' in entry.data) == ("draw:invitation:answered", True)


def test_a_second_answer_changes_nothing_and_is_told_so(house: WebHouse, invited: str) -> None:
    press(house, invited, "accept")
    again = press(house, invited, "decline")
    assert again.headers["location"] == f"{invited}?said=already"
    assert "没有改变" in house.visitor().get(again.headers["location"]).text
    assert row(house).state == "accepted"


def test_leave_is_asked_after_accepting_and_before_its_cut_off(house: WebHouse, invited: str) -> None:
    press(house, invited, "accept")
    with house.world.transaction() as session:
        session.get_one(Invitation, row(house).id).leave_until = house.world.now() + timedelta(hours=1)
    page = house.visitor().get(invited).text
    assert "2026-11-23 10:00" in page
    assert "我要请假" in page
    assert "请再确认一次" in house.visitor().get(f"{invited}?act=leave").text
    press(house, invited, "leave")
    assert row(house).state == "withdrawn"
    assert stage(house, invited) == "on_leave"
    assert "您无需到场" in house.visitor().get(invited).text


def test_leave_after_its_cut_off_is_refused_with_whom_to_call(house: WebHouse, invited: str) -> None:
    press(house, invited, "accept")
    with house.world.transaction() as session:
        session.get_one(Invitation, row(house).id).leave_until = house.world.now()
    page = house.visitor().get(invited).text
    assert "请假的截止时间已过" in page
    assert "我要请假" not in page
    late = press(house, invited, "leave")
    assert late.headers["location"] == f"{invited}?said=leave_late"
    assert row(house).state == "accepted"
    assert "您仍需按时到场" in house.visitor().get(late.headers["location"]).text


def test_who_holds_themselves_ready_is_not_told_to_come(house: WebHouse, invited: str) -> None:
    press(house, invited, "accept")
    with house.world.transaction() as session:
        session.get_one(Invitation, row(house).id).standby = True
    page = house.visitor().get(invited).text
    assert stage(house, invited) == "standby"
    assert "将另发短信通知" in page
    assert row(house).report_place not in page


def test_a_window_that_has_ended_says_so_whether_or_not_a_sweep_has_noticed(
    house: WebHouse, invited: str
) -> None:
    house.world.clock.advance(901)
    page = house.visitor().get(invited).text
    assert "本次通知已失效" in page
    assert "能参加" not in page
    assert row(house).report_place not in page
    press(house, invited, "accept")
    assert row(house).state == "expired"
    assert stage(house, invited) == "lapsed"


def test_who_is_let_go_is_told_no_reason(house: WebHouse, invited: str) -> None:
    for state in ("cancelled", "struck", "removed"):
        with house.world.transaction() as session:
            session.get_one(Invitation, row(house).id).state = state
        assert stage(house, invited) == "released"
        assert "您无需到场" in house.visitor().get(invited).text


def test_an_unknown_link_and_one_whose_evaluation_is_over_look_alike(house: WebHouse, invited: str) -> None:
    house.world.clock.advance(2 * 86_400)
    over, unknown = house.visitor().get(invited), house.visitor().get(UNKNOWN)
    assert over.status_code == unknown.status_code == 404
    assert over.text.replace(invited, "") == unknown.text.replace(UNKNOWN, "")
    assert "这个链接无效或已失效" in unknown.text
    assert dict(over.headers) == {**unknown.headers, "content-length": over.headers["content-length"]}
    for path in (invited, f"{invited}/absences", f"{invited}/absences/x/remove"):
        assert house.visitor().post(path, data={"act": "accept"}).status_code == 404
    assert row(house).state == "contacting"


def test_a_new_text_replaces_the_code_of_the_one_before(house: WebHouse, invited: str) -> None:
    fresh = f"/a/{texted(house.world, row(house).id)}"
    assert house.visitor().get(invited).status_code == 404
    assert house.visitor().get(fresh).status_code == 200


def test_a_code_is_read_as_people_type_it(house: WebHouse, invited: str) -> None:
    assert house.visitor().get(f"/a/{invited[3:].upper()}%20").status_code == 200


def test_who_tries_many_codes_has_to_wait_and_nobody_else_does(house: WebHouse, invited: str) -> None:
    tries = house.settings.accounts.sign_in_tries * 4
    for _ in range(tries):
        assert house.visitor().get(UNKNOWN).status_code == 404
    assert house.visitor().get(UNKNOWN).status_code == 429
    assert house.visitor().get(invited).status_code == 200  # from the same address
    with house.world.database.reading() as session:
        paused = [one for one in audit.trail(session, "house") if one.tag == "accounts:address:paused"]
    assert len(paused) == 1
    assert "answer" in f"{paused[0].subject} {paused[0].data}"


def test_another_site_cannot_answer(house: WebHouse, invited: str) -> None:
    refused = house.visitor().post(
        invited, data={"act": "accept"}, headers={"Origin": "https://elsewhere.example"}
    )
    assert refused.status_code == 403
    assert row(house).state == "contacting"


def leaves(house: WebHouse) -> list[ExpertLeave]:
    with house.world.database.reading() as session:
        return list(session.exec(select(ExpertLeave)).all())


def test_days_of_absence_are_entered_shown_and_taken_back(house: WebHouse, invited: str) -> None:
    days = {"first": "2026-12-01", "last": "2026-12-03"}
    entered = house.visitor().post(f"{invited}/absences", data=days)
    assert (entered.status_code, entered.headers["location"]) == (303, f"{invited}#absences")
    (leave,) = leaves(house)
    assert leave.expert_id == house.world.person(row(house))
    page = house.visitor().get(invited).text
    assert "2026-12-01" in page
    assert "2026-12-03" in page
    assert house.visitor().post(f"{invited}/absences/{leave.id}/remove").status_code == 303
    assert leaves(house) == []


def test_days_that_cannot_be_are_refused_on_the_page(house: WebHouse, invited: str) -> None:
    for first, last in (("2026-12-03", "2026-12-01"), ("2026-11-22", ""), ("soon", ""), ("9999-12-31", "")):
        refused = house.visitor().post(f"{invited}/absences", data={"first": first, "last": last})
        assert refused.status_code == 422
        assert "请填写今天或以后的日期" in refused.text
    assert leaves(house) == []


def test_days_of_an_accepted_evaluation_need_leave_first(house: WebHouse, invited: str) -> None:
    press(house, invited, "accept")
    refused = house.visitor().post(f"{invited}/absences", data={"first": "2026-11-24", "last": ""})
    assert refused.status_code == 409
    assert "请先请假" in refused.text
    with house.world.transaction() as session:
        session.get_one(Invitation, row(house).id).leave_until = None
    press(house, invited, "leave")
    assert house.visitor().post(f"{invited}/absences", data={"first": "2026-11-24"}).status_code == 303


def test_nobody_takes_back_days_of_somebody_else(house: WebHouse, invited: str) -> None:
    other = f"/a/{texted(house.world, reached(house.world, 1))}"
    house.visitor().post(f"{other}/absences", data={"first": "2026-12-01"})
    (leave,) = leaves(house)
    assert house.visitor().post(f"{invited}/absences/{leave.id}/remove").status_code == 404
    assert len(leaves(house)) == 1


def test_the_page_speaks_english(house: WebHouse, invited: str) -> None:
    page = house.visitor().get(f"{invited}?lang=en").text
    assert "24 November at 09:00" in page
    assert "I can attend" in page


@pytest.mark.parametrize("form", ["/a/{code}", "/a/{code}/absences"])
def test_what_goes_wrong_behind_the_link_logs_no_code(
    house: WebHouse,
    invited: str,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("expert_draw.answers.Invitees.answer", breaks)
    monkeypatch.setattr("expert_draw.holidays.enter", breaks)
    code = invited.removeprefix("/a/")
    answer = house.visitor().post(
        form.format(code=code), data={"act": "accept", "first": "2026-12-01", "last": "2026-12-02"}
    )
    assert (answer.status_code, "意外错误" in answer.text) == (500, True)
    assert f"unexpected error at {form}" in caplog.text
    assert code not in caplog.text.lower()


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OperationalError("UPDATE invitation", {}, Exception("deadlock detected")), 503),
        (Conflict("turn-taken", "同一事项正由他人办理，未能等到", "稍后重试；本次没有写入任何内容"), 409),
    ],
)
def test_who_answers_while_another_writer_is_in_the_way_is_asked_to_try_again(
    house: WebHouse,
    invited: str,
    failure: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def held_up(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as now:
        now.setattr("expert_draw.answers.Invitees.answer", held_up)
        answer = press(house, invited, "accept")
    assert answer.status_code == status
    assert "再试" in answer.text or "重试" in answer.text
    assert invited.removeprefix("/a/") not in caplog.text.lower()
    assert row(house).state == "contacting"
    assert press(house, invited, "accept").status_code == 303
    assert row(house).state == "accepted"
