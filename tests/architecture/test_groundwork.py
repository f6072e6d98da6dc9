"""Setting up says what it does, does nothing twice, and starts anew when what it was made from has changed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import groundwork
from tools.groundwork import Step, Stop
from tools.verbs import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own."""
    monkeypatch.setattr(groundwork, "ROOT", tmp_path)
    monkeypatch.setattr(groundwork, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(groundwork, "BIN", tmp_path / ".venv" / "bin")
    monkeypatch.setattr(groundwork, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(groundwork, "STAMPS", tmp_path / ".venv" / ".stamps")
    return tmp_path


def append(done: list[str], name: str) -> Callable[[], None]:
    return lambda: done.append(name)


def test_only_due_steps_are_done_and_each_says_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    groundwork.walk(
        [
            Step("first", lambda: False, append(done, "first")),
            Step("second", lambda: True, append(done, "second")),
        ]
    )
    said = capsys.readouterr().out
    assert done == ["second"]
    assert "[1/2] first: already there\n[2/2] second …\n" in said
    assert "s so far)" in said


def test_a_step_is_done_again_when_what_it_was_made_from_has_changed(folder: Path) -> None:
    lock = folder / "requirements.lock"
    lock.write_text("one==1", encoding="utf-8")
    (folder / "pyproject.toml").touch()
    assert groundwork.packages_due(lock)
    groundwork.stamp(lock.name, groundwork.packages_key(lock))
    assert not groundwork.packages_due(lock)
    lock.write_text("one==2", encoding="utf-8")
    assert groundwork.packages_due(lock)


def test_an_environment_made_in_another_folder_does_not_count(folder: Path) -> None:
    groundwork.BIN.mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").touch()
    groundwork.PYTHON.symlink_to(sys.executable)
    activate = groundwork.BIN / "activate"
    activate.write_text("VIRTUAL_ENV=/elsewhere/.venv", encoding="utf-8")
    assert not groundwork.venv_works()
    activate.write_text(f"VIRTUAL_ENV={folder / '.venv'}", encoding="utf-8")
    assert groundwork.venv_works()


def test_an_environment_whose_python_is_gone_does_not_count(folder: Path) -> None:
    groundwork.BIN.mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").touch()
    (groundwork.BIN / "activate").write_text(str(folder / ".venv"), encoding="utf-8")
    groundwork.PYTHON.symlink_to(folder / "gone")
    assert not groundwork.venv_works()


def test_web_assets_that_cannot_be_fetched_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(groundwork, "npm", lambda: "npm")
    monkeypatch.setattr(groundwork, "follow_this_machine", lambda: None)
    monkeypatch.setattr(groundwork, "PYTHON", Path("false"))
    groundwork.fetch_assets()
    said = capsys.readouterr().out
    assert "WARNING" in said
    assert "The pages work without them" in said
    assert not (groundwork.STAMPS / "assets").exists()


def test_what_a_failed_program_said_is_shown_with_the_remedy() -> None:
    with pytest.raises(Stop, match=r"(?s)failed \(3\).*no luck.*try later"):
        groundwork.run(sys.executable, "-c", "print('no luck'); exit(3)", quiet=True, remedy="try later")


def test_a_mirror_set_for_pip_is_used_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_SYSTEM_CERTS", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    groundwork.follow_this_machine()
    assert os.environ["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"


def test_an_unknown_verb_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    assert "  rehearse " in capsys.readouterr().out
