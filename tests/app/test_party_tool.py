"""A party keeps its share on its own computer: the tool signs what holds, once, and nothing else."""

from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from app import cli
from app.evaluation import cases, conductor, draw_parties
from expert_draw import stored_lines
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw
from tests.support.world import OPERATOR, World, booking, make_world

PARTY = "supervisor"
INSPECTION = Path(__file__).parents[1] / "vectors" / "inspection" / "good-announced.jsonl"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")


def tool(*words: str | Path) -> Result:
    said = CliRunner().invoke(cli.main_command, ["party", *map(str, words)])
    assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
    return said


def promise(share: Path, *more: str) -> str:
    said = tool("new", share, "--party", PARTY, *more)
    assert said.exit_code == 0, said.output
    return said.output.splitlines()[-1]


class Ceremony:
    """A draw in a small province, seen from the supervisor's desk: only files and pasted lines go to and fro."""

    def __init__(self, folder: Path, *, experts: int = 40) -> None:
        self.world: World = make_world(folder, experts=experts, employers=experts)
        self.record = folder / "record.jsonl"
        with self.world.transaction() as session:
            self.id = conductor.book(
                session, self.world.now(), self.world.house, OPERATOR, booking(self.world)
            ).id

    def press(self, act: str) -> Path:
        """The host presses a button; the supervisor downloads the record as it is then."""
        with self.world.transaction() as session:
            house = self.world.house
            conductor.perform(session, self.world.now(), house, OPERATOR, self.id, act, lambda _key: None)
        return self.download()

    def paste(self, step: str, line: str) -> Path | None:
        with self.world.transaction() as session:
            evaluation = cases.load(session, self.id)
            draw_parties.say(session, self.world.now(), self.world.house, evaluation, PARTY, step, line)
        return None if step == "promise" else self.download()

    def download(self) -> Path:
        with self.world.database.reading() as session:
            self.record.write_bytes(stored_lines.text(session, session.exec(select(Draw)).one(), opened=True))
        return self.record


def test_a_share_goes_through_a_draw_by_files_and_pasted_lines_alone(tmp_path: Path) -> None:
    ceremony, share = Ceremony(tmp_path, experts=12), tmp_path / "share.json"
    ceremony.paste("promise", promise(share))
    record = ceremony.press("commit")
    for step, button in (("agree", ""), ("approve", "run"), ("reveal", "")):
        said = tool(step, share, record)
        assert said.exit_code == 0, said.output
        (line,) = said.output.splitlines()
        ceremony.paste(step, line)
        assert share.stat().st_mode & 0o777 == 0o600
        if button:
            ceremony.press(button)
    verdict = verify_record(ceremony.record.read_bytes())
    assert verdict.ok
    assert verdict.summary.drawn == 15
    assert sorted(path.name for path in tmp_path.glob("share*")) == ["share.json"]


def test_a_secret_file_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    share = tmp_path / "share.json"
    first = promise(share)
    before = share.read_bytes()
    assert share.stat().st_mode & 0o777 == 0o600
    for secret in ("secret", "seed"):
        assert secret not in first
    said = tool("new", share, "--party", PARTY)
    assert said.exit_code == 2
    assert "exists already and was left as it is" in said.output
    assert "Use a new file name" in said.output
    assert share.read_bytes() == before


@pytest.mark.parametrize(("option", "value"), [("--party", "bidder"), ("--suite", "sm2")])
def test_a_party_or_a_suite_there_is_not_makes_no_file(tmp_path: Path, option: str, value: str) -> None:
    said = tool("new", tmp_path / "share.json", "--party", PARTY, option, value)
    assert said.exit_code == 2
    assert value in said.output
    assert list(tmp_path.iterdir()) == []


def test_the_wrong_file_the_wrong_record_and_the_wrong_time_are_told_with_what_to_do(tmp_path: Path) -> None:
    ceremony, share, other = Ceremony(tmp_path), tmp_path / "share.json", tmp_path / "other.json"
    ceremony.paste("promise", promise(share))
    promise(other)
    record = ceremony.press("commit")
    before = share.read_bytes(), other.read_bytes()
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_bytes(record.read_bytes().replace(b'"reserve":0', b'"reserve":1'))
    for words, told in (
        (("agree", record, record), "Choose the file that yuanping party new has made"),
        (("agree", share, wrong), "Line 1 of this record does not hold: sign nothing"),
        (("agree", share, share), "Download the record again"),
        (("agree", other, record), "does not carry the promise of this secret file"),
        (("agree", share, INSPECTION), "Unknown record format"),
        (("reveal", share, record), "Download the newest record"),
    ):
        said = tool(*words)
        assert said.exit_code == 2
        assert told in said.output
    assert (share.read_bytes(), other.read_bytes()) == before


def test_a_share_made_for_another_suite_is_found_before_the_draw_depends_on_it(tmp_path: Path) -> None:
    ceremony, share = Ceremony(tmp_path), tmp_path / "share.json"
    ceremony.paste("promise", promise(share, "--suite", "sm3"))
    said = tool("agree", share, ceremony.press("commit"))
    assert said.exit_code == 2
    assert "this secret file was made for sm3" in said.output


def test_a_record_that_tells_the_same_lines_otherwise_is_not_signed_a_second_time(tmp_path: Path) -> None:
    ceremony, share = Ceremony(tmp_path), tmp_path / "share.json"
    ceremony.paste("promise", promise(share))
    ceremony.paste("agree", tool("agree", share, ceremony.press("commit")).output.strip())
    earlier = ceremony.download().read_bytes()
    lines = ceremony.press("run").read_bytes().count(b'{"at":')
    assert tool("reveal", share, ceremony.record).exit_code == 0
    said = tool(
        "reveal", share, ceremony.record
    )  # the line was lost on the way: the same record may be signed again
    assert said.exit_code == 0
    ceremony.record.write_bytes(earlier)
    said = tool("reveal", share, ceremony.record)
    assert said.exit_code == 2
    assert f"Line {lines} of the record is not what it was" in said.output
