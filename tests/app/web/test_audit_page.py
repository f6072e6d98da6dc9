"""The page of the audit trail: looked up in every way, paged, exported exactly as shown, and it says when something is amiss."""

import io
import json
from datetime import timedelta
from zipfile import ZipFile

import pytest

from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.i18n import catalogue
from app.web import trail_words
from tests.support.evaluations import Case
from tests.support.trail_attacks import edit_body, unguarded
from tests.support.web import WebHouse


@pytest.fixture
def acts(house: WebHouse) -> None:
    """Acts of two cases, an hour between them."""
    with house.world.transaction() as session:
        for number in range(6):
            audit.record(
                session,
                house.world.now() + timedelta(hours=number),
                case=f"case-{'ab'[number % 2]}",
                tag=Tag.draw_round if number == 3 else Tag.sheet_saved,
                actor=f"actor-{number % 3}",
                subject=f"sheet-{number}",
                data={"说明": f"第 {number} 次", "percent": f"{number}%"},
            )
    house.application.state.audit_log.sequencer.advance(at_once=True)


def subjects(page: str) -> list[str]:
    return [f"sheet-{number}" for number in range(6) if f">sheet-{number}<" in page]


LOOKED_UP: tuple[tuple[str, list[int]], ...] = (
    ("text=%25", [0, 1, 2, 3, 4, 5]),
    ("case=case-a", [0, 2, 4]),
    ("tag=draw:round:drawn", [3]),
    ("actor=actor-1", [1, 4]),
    ("subject=sheet-5", [5]),
    ("text=第 2 次", [2]),
    ("text=PERCENT&case=case-b", [1, 3, 5]),
    ("text=_ercent", []),
    ("since=2026-11-23T11:00&until=2026-11-23T13:00", [2, 3]),
    ("since=never&subject=sheet-1", [1]),
    ("case=nowhere", []),
)
"""Each export is an act itself, so what is asked for with few words comes first."""


def test_acts_are_looked_up_and_exported_as_shown(house: WebHouse, acts: None) -> None:
    visitor = house.visitor(Role.supervisor)
    for asked, expected in LOOKED_UP:
        page = visitor.get(f"/audit?{asked}")
        assert page.status_code == 200
        assert subjects(page.text) == [f"sheet-{number}" for number in expected], asked
        answer = visitor.get(f"/audit/export?{asked}")
        assert answer.status_code == 200, answer.text
        with ZipFile(io.BytesIO(answer.content)) as archive:
            lines = [json.loads(line) for line in archive.read("acts.jsonl").splitlines()]
        assert [line["subject"] for line in lines] == [f"sheet-{number}" for number in expected], asked


def test_long_trails_are_paged(house: WebHouse, acts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.pages.audit._ON_A_PAGE", 4)
    visitor = house.visitor(Role.supervisor)
    first = visitor.get("/audit?text=percent").text
    assert subjects(first) == ["sheet-2", "sheet-3", "sheet-4", "sheet-5"]
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = visitor.get(older).text
    assert subjects(second) == ["sheet-0", "sheet-1"]
    assert 'rel="next"' not in second
    assert 'href="/audit?text=percent" rel="prev"' in second


def test_the_newest_checkpoint_is_shown_in_both_languages_and_an_alarm_above_it(
    house: WebHouse, acts: None
) -> None:
    visitor = house.visitor(Role.supervisor)
    log = house.application.state.audit_log
    page = visitor.get("/audit").text
    assert log.key.to_text() in page
    assert 'href="/audit"' in visitor.get("/today").text
    assert "已停止签署" not in page
    with house.world.transaction() as session:
        for _ in range(4):
            audit.record(
                session, house.world.now(), case="case-b", tag=Tag.sheet_saved, actor="x", subject="y"
            )
    assert "待签署" in visitor.get("/audit").text
    with unguarded(house.world.database) as connection:
        edit_body(connection)
    log.sequencer.advance(at_once=True)
    english = visitor.get("/audit?lang=en").text
    assert "nothing is signed any more" in english
    assert "Newest checkpoint" in english
    assert "case-b#3" in english


def test_who_does_not_watch_over_the_house_reads_nothing(house: WebHouse) -> None:
    for role in (Role.host_operator, Role.administrator, Role.expert):
        assert house.visitor(role).get("/audit").status_code == 403
    assert house.visitor().get("/audit").status_code == 303
    unproved = house.visitor(Role.supervisor, proved=False)
    assert unproved.get("/audit").status_code == 200
    asked = unproved.get("/audit/export?case=x")
    assert (asked.status_code, asked.headers["location"]) == (303, "/step-up?next=/audit/export%3Fcase%3Dx")


def test_every_kind_of_act_has_words_of_its_own_in_both_languages_and_a_group_to_be_found_in() -> None:
    chinese = [trail_words.act(tag) for tag in Tag]
    assert [tag for tag, word in zip(Tag, chinese, strict=True) if word == tag] == []
    english = [catalogue("en")[word] for word in chinese]
    assert len(set(chinese)) == len(set(english)) == len(Tag)
    listed = [tag for tags in trail_words.groups().values() for tag in tags]
    assert sorted(listed) == sorted(Tag)
    assert trail_words.act("house:later:act") == "house:later:act"


def test_acts_stand_in_words_and_the_form_asks_by_tag(house: WebHouse, acts: None) -> None:
    visitor = house.visitor(Role.supervisor)
    chinese, english = (visitor.get(f"/audit?tag=draw:round:drawn&lang={lang}").text for lang in ("zh", "en"))
    assert '<option value="draw:round:drawn" selected>本轮已抽取</option>' in chinese
    assert '<option value="draw:round:drawn" selected>Round drawn</option>' in english
    for page, group, word in (
        (chinese, "抽取与邀请", "本轮已抽取"),
        (english, "Draw and invitations", "Round drawn"),
    ):
        assert f'<optgroup label="{group}">' in page
        assert f"{word}<small><code>draw:round:drawn</code></small>" in page


def test_staff_go_by_name_for_who_may_see_accounts_and_nobody_else_has_one(house: WebHouse) -> None:
    account = house.account(Role.host_operator)
    expert = f"member:{account.id}"  # were it looked up among accounts, it would be found
    others = (expert, f"invitation:{account.id}", f"seat:{account.id}")
    with house.world.transaction() as session:
        session.merge(account).name = name = "经办甲"
        for actor in (f"account:{account.id}", *others):
            audit.record(
                session, house.world.now(), case="house", tag=Tag.sheet_saved, actor=actor, subject="seat:3"
            )
    named = f"{name}<small>account:{account.id}</small>"
    page = house.visitor(Role.supervisor).get("/audit?tag=evaluation:sheet:saved").text
    assert page.count(named) == page.count(name) == 1
    assert f"评标委员会成员<small>{expert}</small>" in page
    assert f"被邀请的专家<small>invitation:{account.id}</small>" in page
    assert f"工位<small>seat:{account.id}</small>" in page
    assert "席位<small>seat:3</small>" in page
    assert f'href="/audit?actor=account%3A{account.id}"' in page
    unnamed = house.visitor(Role.auditor).get("/audit?tag=evaluation:sheet:saved").text
    assert name not in unnamed
    assert f"工作人员账号<small>account:{account.id}</small>" in unnamed


def test_a_case_goes_by_its_number_which_also_finds_it_and_leads_on_where_it_may_be_read(
    house: WebHouse,
) -> None:
    case = Case(house.world)
    number = case.row.number
    supervisor, auditor = house.visitor(Role.supervisor), house.visitor(Role.auditor)
    page = supervisor.get(f"/audit?case={number}").text
    assert page.count("</tr>") == supervisor.get(f"/audit?case={case.id}").text.count("</tr>") > 1
    assert f'href="/evaluations/{case.id}">{number}</a>' in page
    assert f'href="/audit?case={case.id}"' in page
    unread = auditor.get(f"/audit?case={number}").text
    assert number in unread
    assert "/evaluations/" not in unread
    with ZipFile(io.BytesIO(supervisor.get(f"/audit/export?case={number}").content)) as archive:
        assert archive.read("acts.jsonl").count(b"\n") == page.count("</tr>") - 1
