"""Every refusal of the engine can be read in both languages."""

import re
from pathlib import Path
from string import Formatter

import pytest

from app.core.i18n import catalogue
from expert_draw.engine.wording import (
    CAMPAIGN,
    COMMITTEE,
    INSPECTION,
    POOL,
    RECORD,
    REQUEST,
    DrawInfeasible,
    RecordBroken,
    misasked,
)

ROOT = Path(__file__).parents[3]
ENGLISH = "app/core/locale/en/engine.po"
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


def test_every_refusal_is_used_and_every_translation_has_its_refusal() -> None:
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("app", "expert_draw")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "wording.py"
    )
    assert [code for code in TEXTS if f'"{code}"' not in sources] == []
    catalogued = re.findall(r'#. ([a-z]+\.[a-z_]+)\nmsgid "', (ROOT / ENGLISH).read_text("utf-8"))
    assert [code for code in catalogued if code not in TEXTS | INSPECTION | CAMPAIGN] == []
