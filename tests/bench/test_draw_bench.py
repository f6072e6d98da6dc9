"""The bench tells a met target from a missed one, and never takes what was not measured for a pass."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import beside_peer
from tests.bench.beside_peer import environment, ours
from tests.bench.draw import DRAW
from tests.bench.exactness import Tally
from tests.bench.measuring import percentile
from tests.bench.program import Part, Program
from tests.bench.rosters import asked
from tests.bench.table import Figure, at_least, at_most, failed, left_out, table, told
from tools.groundwork import Stop


def part(*figures: Figure) -> Part:
    return lambda _quick: iter(figures)


def broken(quick: bool) -> Iterator[Figure]:
    yield told("before it broke", "1")
    raise RuntimeError("no network\nand more")


MET = part(at_most("lines", 5, 5, unit=""), at_least("times faster", 2000, 2000, unit="×"))
MISSED = part(at_most("seconds", 1.01, 1, unit="s", beside="Node alone 0.1 s"))


def run(folder: Path, *arguments: str, **parts: Part) -> tuple[int, dict[str, object]]:
    status = Program("bench-x", "A bench.", "without the longest", parts).main(arguments, folder)
    written: dict[str, object] = json.loads((folder / "bench-x.json").read_text(encoding="utf-8"))
    return status, written


def test_met_targets_end_well(tmp_path: Path) -> None:
    status, written = run(tmp_path, one=MET, two=part(told("bits", "33.9", "of 33.9")))
    assert status == 0
    assert written["passed"] is True


def test_a_missed_target_ends_with_status_one_and_stands_in_table_and_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written = run(tmp_path, one=MET, two=MISSED)
    assert status == 1
    assert written["passed"] is False
    assert written["figures"][-1] == {  # type: ignore[index]
        "name": "seconds",
        "measured": "1.01 s",
        "target": "≤ 1 s",
        "beside": "Node alone 0.1 s",
        "verdict": "MISSED",
        "value": 1.01,
        "bound": 1,
    }
    said = capsys.readouterr().out
    assert re.search(r"^seconds {2,}1\.01 s {2,}≤ 1 s {2,}Node alone 0\.1 s {2,}MISSED$", said, re.MULTILINE)
    assert "2 targets met, 1 missed\n" in said


def test_what_was_left_out_is_no_pass_and_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written = run(
        tmp_path, one=MET, two=part(left_out("a million", "≥ 4,000×", "left out by --quick"))
    )
    assert (status, written["passed"]) == (0, False)
    assert "1 NOT measured, so this is no pass" in capsys.readouterr().out


def test_a_part_that_breaks_is_a_missed_target_and_hides_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written = run(tmp_path, one=broken, two=MET)
    assert status == 1
    assert [one["verdict"] for one in written["figures"]] == ["for information", "MISSED", "met", "met"]  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    assert re.search(r"^one {2,}failed: RuntimeError: no network {2,}MISSED$", said, re.MULTILINE)


def test_one_part_can_be_measured_alone_and_a_strange_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written = run(tmp_path, "one", one=MET, two=MISSED)
    assert (status, len(written["figures"])) == (0, 2)  # type: ignore[arg-type]
    assert "Only a part was measured: one." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        Program("bench-x", "A bench.", "", {"one": MET}).main(["three"], tmp_path)
    assert {"peer", "draw", "count", "exactness", "tampering", "verifier", "service"} <= set(DRAW.parts)


def test_a_peer_that_cannot_be_fetched_fails_the_bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_command: object, **_options: object) -> None:
        raise Stop("failed (2): uv venv\nno network")

    monkeypatch.setattr(beside_peer, "HOME", tmp_path / "peer")
    monkeypatch.setattr(beside_peer, "ROOT", tmp_path)
    monkeypatch.setattr(beside_peer, "run", no_network)
    monkeypatch.setattr(beside_peer, "uv", lambda: Path("uv"))
    with pytest.raises(Stop, match="no network"):
        environment()
    status, _ = run(tmp_path, peer=beside_peer.figures)
    assert status == 1


def test_the_whole_way_from_columns_to_committee_is_measured_on_a_small_roster() -> None:
    roster = asked(2000)
    assert len(ours(roster, 0)) == 15
    grounds = roster.grounds()
    assert len(grounds.counts()) > 15
    assert 0.5 < grounds.free.mean() < 1


def test_a_difference_from_brute_force_is_kept() -> None:
    tally = Tally()
    tally.note("counts", same=True, asked=None)  # type: ignore[arg-type]
    tally.note("counts", same=False, asked=None)  # type: ignore[arg-type]
    assert (tally.compared["counts"], len(tally.differs)) == (2, 1)


def test_half_of_the_sample_is_not_above_its_median() -> None:
    assert [percentile([3, 1, 2, 4], percent) for percent in (50, 99, 25)] == [2, 4, 1]


def test_chinese_names_keep_the_columns_straight() -> None:
    lines = table([told("抽取", "1"), failed("draw", "x")]).splitlines()
    assert lines[2].index("1") + 2 == lines[3].index("failed")
