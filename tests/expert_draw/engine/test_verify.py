"""The verifier: good records pass, every known forgery is found at its line, and no bytes whatever make it fall over."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_draw.engine.randomness import chain_share
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RECORD
from tests.expert_draw.engine.forgeries import FOLDER, FORGERIES, GOOD, unsealed, vectors
from tests.expert_draw.engine.samples import CENTER, LENGTH, finished, lines_of, resealed, two_rounds

EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
TEXT = finished().text
SHORT = GOOD["good-quotas"]().text


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_record_on_disk_gets_the_verdict_expected_of_it(name: str) -> None:
    verdict, expected = verify_record((FOLDER / f"{name}.jsonl").read_bytes()), EXPECTED[name]
    assert verdict.ok is expected["ok"]
    if expected["ok"]:
        assert verdict.findings == ()
        assert (verdict.summary.state, verdict.summary.head) == (expected["state"], expected["head"])
    else:
        first = verdict.findings[0]
        assert (first.line, first.code) == (expected["line"], expected["code"])
        assert first.message.format(**first.params)


def test_the_files_are_what_the_format_still_produces() -> None:
    made = vectors()
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == made.keys() == EXPECTED.keys()
    for name, (text, verdict) in made.items():
        assert (FOLDER / f"{name}.jsonl").read_bytes() == text, name
        assert EXPECTED[name] == verdict


def test_every_refusal_of_a_record_has_a_forgery_that_shows_it() -> None:
    shown = {code for _, _, code in FORGERIES.values()} | {code for _, _, code in unsealed().values()}
    by_other_tests = {
        "record.followed_vacant",
        "record.kind_unknown",
        "record.not_feasible",
        "record.nothing_needed",
        "record.wrong_head",
    }
    assert shown & RECORD.keys() | by_other_tests == RECORD.keys()


def test_the_summary_says_what_the_record_shows() -> None:
    summary = verify_record(TEXT).summary
    assert (summary.draw, summary.state, summary.lines, summary.rounds) == ("CQ-2026-000123", "closed", 15, 2)
    assert (summary.drawn, len(summary.holders)) == (15, 9)


@settings(max_examples=200)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_at_its_line(at: int, change: int) -> None:
    changed = bytearray(TEXT)
    changed[at] ^= change
    verdict = verify_record(bytes(changed))
    assert not verdict.ok
    assert verdict.findings[0].line == TEXT[:at].count(b"\n") + 1


def test_no_byte_of_a_record_can_be_changed_unnoticed() -> None:
    text = b"".join(SHORT.splitlines(keepends=True)[1:3])
    begin = len(SHORT.splitlines(keepends=True)[0])
    for at in range(begin, begin + len(text)):
        changed = bytearray(SHORT)
        changed[at] ^= 1 << at % 8
        assert not verify_record(bytes(changed)).ok


@given(st.integers(0, len(TEXT) - 1), st.integers(1, 400))
def test_cutting_bytes_out_is_found_unless_whole_lines_go_at_the_end(at: int, size: int) -> None:
    cut = TEXT[:at] + TEXT[at + size :]
    whole_lines_gone = TEXT.startswith(cut) and cut.endswith(b"\n")
    assert verify_record(cut).ok is whole_lines_gone
    assert not verify_record(cut, head=finished().head).ok


def test_a_missing_end_shows_as_soon_as_the_head_is_known() -> None:
    shorter = TEXT[: TEXT.rindex(b"\n", 0, -1) + 1]
    assert verify_record(shorter).summary.state == "open"
    (found,) = verify_record(shorter, head=finished().head).findings
    assert (found.line, found.code) == (14, "record.wrong_head")
    assert verify_record(TEXT, head=finished().head).ok


def test_after_the_first_break_the_hashes_of_later_lines_are_still_checked() -> None:
    lines = lines_of(finished())
    lines[1]["body"]["tries"] = 99
    broken = resealed(lines).splitlines(keepends=True)
    broken[9] = broken[9].replace(b'"round":2', b'"round":3')
    broken[12] = b"nonsense\n"
    del broken[5]
    found = verify_record(b"".join(broken)).findings
    assert [(one.line, one.code) for one in found] == [
        (2, "record.wrong_drawn"),
        (6, "record.wrong_number"),
        (9, "record.wrong_hash"),
        (12, "record.not_canonical"),
    ]


def rewritten(name: str, *lines: dict[str, Any]) -> tuple[str, int]:
    verdict = verify_record(resealed(list(lines)))
    assert name
    return verdict.findings[0].code, verdict.findings[0].line


def test_a_round_that_nobody_needed_or_could_draw_is_found() -> None:
    lines = lines_of(two_rounds())
    third = [["center", chain_share(CENTER, LENGTH, 3).hex()], lines[11]["body"]["shares"][1]]
    again = {**lines[9], "body": {**lines[9]["body"], "round": 3, "shares": third}}
    assert rewritten("the supervisor's share is not fresh", *lines, again)[0] == "record.broken_commitment"
    assert rewritten("the seats before the experts", lines[0], lines[3]) == ("record.followed_vacant", 2)
    lines[0]["body"]["pools"] = lines[0]["body"]["pools"][:1]
    assert rewritten("a kind without a list", *lines[:1], lines[2]) == ("record.kind_unknown", 2)


def test_a_round_drawn_though_nothing_was_vacant_is_found() -> None:
    record = GOOD["good-quotas"]()
    lines = lines_of(record)
    assert rewritten("declines removed", *lines[:2], lines[4]) == ("record.nothing_needed", 3)


def test_a_round_that_the_pool_could_not_give_is_found() -> None:
    lines = lines_of(two_rounds())
    everyone = [[code, "employer"] for code, _, _ in lines[0]["body"]["pools"][0]["candidates"]]
    lines[0]["body"]["pools"][0]["excluded"] = everyone
    assert rewritten("nobody left", *lines) == ("record.not_feasible", 2)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_garbage_is_refused_without_a_crash(data: bytes) -> None:
    assert not verify_record(data).ok


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b'"\\ud800"',
        b"1e400",
        b"NaN",
        b"null",
        b"{}",
        b'{"n":1,"n":1}',
        b"\xff\xfe",
        b'{"at":1,"body":{},"hash":"","n":1,"prev":"","type":""}',
        b'{"at":"2026-11-21T01:00:00Z","body":[],"hash":"","n":1,"prev":"","type":"open"}',
    ],
)
def test_hostile_lines_are_refused_without_a_crash(line: bytes) -> None:
    verdict = verify_record(line + b"\n" + TEXT)
    assert verdict.findings[0].line == 1


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


LINES = lines_of(GOOD["good-excluded-later"]())
PLACES = list(places(LINES))[1:]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**20)
    | st.sampled_from(["", "expert", "a" * 32, "f" * 64, "1", "张"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["n", "kind", "slots"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_is_judged_without_a_crash(path: tuple[Any, ...], value: Any) -> None:
    """The hashes are made to fit again each time, so that the judging code behind them is reached."""
    lines: Any = json.loads(json.dumps(LINES))
    at = lines
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    if not all(isinstance(line, dict) for line in lines):
        return
    verdict = verify_record(resealed(lines))
    assert verdict.ok is not bool(verdict.findings)
