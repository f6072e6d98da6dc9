"""One rule for every reason that staff types: it says something, it is one line, and it can be stored."""

import json
import re
from pathlib import Path

import pytest

from app.audit.tags import Tag
from app.core import reasons_given
from app.core.errors import InvalidInput
from app.evaluation import conductor
from tests.support.evaluations import Case
from tests.support.world import OPERATOR, make_world

TEMPLATES = Path(__file__).resolve().parents[3] / "app" / "web" / "templates"
# What asks for a reason in a page: a field as it is written, or one by a macro.
ASKED = re.compile(r"""<input[^>]*name="reason"[^>]*>|ui\.(?:field|area)\("(?:\w+_)?reason\b.*?}}""")
BOUNDS = ('minlength="4" maxlength="400"', '"minlength": 4, "maxlength": 400', "reason_attrs")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" 无 ", "reason-short"),
        ("13812345678", "reason-short"),
        ("长" * 401, "reason-shape"),
        ("两行\n文字", "reason-shape"),
        ("四字\0零", "reason-shape"),
    ],
)
def test_what_says_nothing_or_cannot_be_stored_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        reasons_given.reason(text)


def test_a_reason_is_kept_without_the_spaces_around_it() -> None:
    assert reasons_given.reason("  四个字的  ") == "四个字的"
    assert reasons_given.reason("长" * 400) == "长" * 400


def test_every_page_asks_for_a_reason_by_that_rule() -> None:
    asked = [
        (path.name, field)
        for path in sorted(TEMPLATES.glob("*.html"))
        for field in ASKED.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(asked) > 10
    assert not [one for one in asked if not any(bounds in one[1] for bounds in BOUNDS)]
    assert (reasons_given.SHORTEST, reasons_given.LONGEST) == (4, 400)


def test_nobodys_number_is_kept_with_a_reason() -> None:
    told = reasons_given.reason("请联系13812345678，证件530102198001011238不符")
    assert told == "请联系[…]，证件[…]不符"


def test_giving_up_takes_a_reason_by_the_same_rule(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    case = Case(world)

    def give_up(reason: str) -> None:
        with world.transaction() as session:
            conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, reason)

    for text in ("长" * 401, "两行\n文字"):
        with pytest.raises(InvalidInput, match="reason-shape"):
            give_up(text)
    assert case.state == "booked"
    give_up(" 项目取消 ")
    (told,) = [json.loads(data) for data in case.trail(Tag.evaluation_given_up)]
    assert told["reason"] == "项目取消"
