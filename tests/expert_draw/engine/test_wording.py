"""Every refusal of the engine can be read in both languages."""

import re
from string import Formatter

import pytest

from app.core.i18n import catalogue
from expert_draw.engine.wording import (
    COMMITTEE,
    POOL,
    RECORD,
    REQUEST,
    DrawInfeasible,
    RecordBroken,
    misasked,
)

TEXTS = {**REQUEST, **POOL, **COMMITTEE, **RECORD}


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_a_refusal_has_its_english(code: str) -> None:
    english = catalogue("en")[TEXTS[code]]
    assert not re.search("[\u4e00-\u9fff]", english)
    named = {field for _, field, _, _ in Formatter().parse(TEXTS[code])}
    assert named == {field for _, field, _, _ in Formatter().parse(english)}


def test_a_code_belongs_to_one_kind_of_refusal() -> None:
    assert len(TEXTS) == len(REQUEST) + len(POOL) + len(COMMITTEE) + len(RECORD)


def test_a_refusal_tells_how_the_service_answers() -> None:
    assert misasked("draw.no_slots").status == 422
    assert DrawInfeasible("draw.limits_block").status == 409
    assert RecordBroken("record.empty").status == 409
