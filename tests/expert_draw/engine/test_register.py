"""The center's list: complete, in order, by one house; any line taken out, moved or changed shows."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_draw.engine.lines import Event, write_event
from expert_draw.engine.register import Listed, listed, verify_register
from expert_draw.engine.signing import Signer
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine.samples import HOUSE, START, later

Step = tuple[str, str]
STORY: tuple[Step, ...] = (
    ("CQ-2026-000001", "opened"),
    ("CQ-2026-000004", "opened"),
    ("CQ-2026-000001", "closed"),
    ("CQ-2026-000010", "opened"),
    ("CQ-2026-000010", "void"),
    ("CQ-2027-000001", "opened"),
)


def written(steps: Sequence[Step], house: Signer = HOUSE) -> list[Event]:
    lines: list[Event] = []
    for number, (draw, event) in enumerate(steps):
        last = lines[-1] if lines else None
        head = f"{number:064x}"
        lines.append(
            listed(later(number), house, last, center="cn_530600", draw=draw, event=event, head=head)
        )
    return lines


def text(lines: Sequence[Event]) -> bytes:
    return b"".join(line.line + b"\n" for line in lines)


def first(data: bytes, key: str | None = None) -> tuple[int, str]:
    line, refusal = verify_register(data, key).findings[0]
    return line, refusal.code


def test_a_list_says_what_became_of_every_draw() -> None:
    lines = written(STORY)
    verdict = verify_register(text(lines), HOUSE.public)
    assert (verdict.ok, verdict.findings, verdict.lines) == (True, (), 6)
    assert (verdict.center, verdict.key, verdict.head) == ("cn_530600", HOUSE.public, lines[-1].hash)
    assert verdict.draws == {
        "CQ-2026-000001": ("closed", f"{0:064x}", f"{2:064x}"),
        "CQ-2026-000004": ("opened", f"{1:064x}", None),
        "CQ-2026-000010": ("void", f"{3:064x}", f"{4:064x}"),
        "CQ-2027-000001": ("opened", f"{5:064x}", None),
    }


def test_a_list_of_no_draws_is_complete() -> None:
    assert verify_register(b"").ok


def test_a_list_begins_with_the_first_line_of_a_record_and_each_line_is_signed() -> None:
    (only,) = written(STORY[:1])
    value = json.loads(only.line)
    assert value["body"] == {
        "center": "cn_530600",
        "draw": "CQ-2026-000001",
        "event": "opened",
        "head": f"{0:064x}",
        "key": HOUSE.public,
    }
    assert (value["n"], value["type"]) == (1, "listed")


@pytest.mark.parametrize(
    ("steps", "line", "code"),
    [
        ([("CQ-2026-000002", "closed")], 1, "register.wrong_end"),
        ([*STORY[:3], ("CQ-2026-000001", "void")], 4, "register.wrong_end"),
        ([STORY[0], STORY[0]], 2, "register.wrong_order"),
        ([STORY[1], STORY[0]], 2, "register.wrong_order"),
        ([*STORY[:3], STORY[0]], 4, "register.wrong_order"),
    ],
)
def test_a_draw_is_opened_once_in_order_and_ended_once_after_that(
    steps: list[Step], line: int, code: str
) -> None:
    assert first(text(written(steps))) == (line, code)


@given(st.integers(0, len(text(written(STORY))) - 1), st.integers(1, 255))
def test_any_changed_byte_shows(at: int, change: int) -> None:
    changed = bytearray(text(written(STORY)))
    changed[at] ^= change
    assert not verify_register(bytes(changed)).ok


def test_a_line_taken_out_or_two_lines_swapped_show() -> None:
    lines = written(STORY)
    for at in range(5):
        assert first(text(lines[:at] + lines[at + 1 :]))[0] == at + 1
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert first(text(swapped))[0] == at + 1


def test_lines_of_another_center_house_or_kind_are_refused() -> None:
    other = Signer(b"another house, another secret!!!")
    (one,) = written(STORY[:1])
    with pytest.raises(RecordBroken, match="another_house"):
        listed(START, HOUSE, one, center="cn_530100", draw="CQ-2026-000002", event="opened", head="0" * 64)
    with pytest.raises(RecordBroken, match="another_house"):
        listed(START, other, one, center="cn_530600", draw="CQ-2026-000002", event="opened", head="0" * 64)
    with pytest.raises(RecordBroken, match="wrong_number"):
        listed(START, HOUSE, None, center="cn_530600", draw="CQ-000002", event="opened", head="0" * 64)
    body = Listed("cn_530100", "CQ-2026-000002", "opened", "0" * 64, HOUSE.public).body()
    elsewhere = write_event(HOUSE, "sha256", one, START, "listed", body)
    assert first(text([one, elsewhere])) == (2, "register.another_house")
    unknown = write_event(HOUSE, "sha256", one, START, "open", body)
    assert first(text([one, unknown])) == (2, "record.unknown_type")
    assert first(text([one]), other.public) == (1, "record.wrong_key")
    assert first(text([one])[:-1]) == (1, "record.no_newline")


@given(st.binary(max_size=200))
def test_garbage_is_refused_without_a_crash(data: bytes) -> None:
    assert verify_register(data).ok is (data == b"")
