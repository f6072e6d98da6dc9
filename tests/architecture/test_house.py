"""The verbs are listed the same everywhere, the pins carry hashes and no hosts, and what must not be committed is found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import hygiene
from tools.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "tools/installer.lock", "tools/node.lock")


def test_the_makefile_lists_exactly_the_verbs_with_their_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^([\w-]+): ## (.+)$", makefile, re.MULTILINE))
    assert listed.pop("help")
    assert listed == {name: (verb.__doc__ or "").strip() for name, verb in VERBS.items()}


def test_the_verbs_are_explained_without_make_and_without_anything_installed() -> None:
    said = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "tools" / "house.py", "help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(f"  {name} " in said.stdout for name in VERBS)


def test_ci_runs_the_command_the_readme_names() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for readme in ("README.md", "README.zh-CN.md"):
        text = (ROOT / readme).read_text(encoding="utf-8")
        for command in ("make test", "python3 tools/house.py test"):
            assert command in text
            assert re.search(rf"^\s*{re.escape(command)}$", run, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    for pin in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+", pin), pin
        assert "--hash=sha256:" in pin, pin


def test_the_development_pins_agree_with_the_pins_of_the_service() -> None:
    pins = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:2]
    ]
    assert pins[0].items() <= pins[1].items()


def test_every_npm_package_has_a_hash_and_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, package in packages.items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")


@pytest.mark.parametrize(
    ("name", "content", "finding"),
    [
        ("key.pem", "-----BEGIN " + "PRIVATE KEY-----", "key.pem:1: a private key"),
        ("notes.md", "fine\ntoken gh" + "p_" + "a1" * 18, "notes.md:2: an access token"),
        ("call.py", "sid = 'AC" + "0a" * 16 + "'", "call.py:1: a telephony account"),
        ("db.ini", "url = postgresql://me:" + "secret@db/x", "db.ini:1: a password inside an address"),
        ("run.sh", "cd /ro" + "ot/x", "run.sh:1: a path of one machine"),
        ("pip.conf", "https://py" + "pi.org/simple", "pip.conf:1: the address of a package registry"),
        ("page.html", "https://un" + "pkg.com/x", "page.html:1: the address of a content network"),
        ("lib.js", "/*! Licensed " + "under MIT", "lib.js:1: a licence banner"),
        ("part.py", "# TO" + "DO", "part.py:1: unfinished work"),
        ("merge.py", "<<<<<<" + "< ours", "merge.py:1: a merge conflict"),
        ("a/vendor/x.css", "", "a/vendor/x.css: somebody else's file"),
        ("x.min.js", "", "x.min.js: somebody else's file"),
        ("big.csv", "x" * (hygiene.LARGEST + 1), "big.csv: larger than"),
    ],
)
def test_what_must_not_be_committed_is_found(name: str, content: str, finding: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content, encoding="utf-8")
    (found,) = hygiene.findings(tmp_path)
    assert found.startswith(finding)


def test_a_file_that_is_not_text_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notes.txt").write_bytes("远评".encode("gbk"))
    assert list(hygiene.findings(tmp_path)) == ["notes.txt: not UTF-8"]


def test_nothing_is_found_in_the_project() -> None:
    assert list(hygiene.findings(ROOT)) == []
