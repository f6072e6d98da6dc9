"""The command a center runs before every real day, and what happens when somebody touches what it left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import ROOT

pytestmark = pytest.mark.story


def yuanping(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "YUANPING_LANG": "en", "YUANPING_REHEARSAL__SESSION_S": "8", "COLUMNS": "240"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def flip_one_byte(path: Path, where: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 1
    path.write_bytes(content)


def test_a_rehearsal_passes_and_one_flipped_byte_of_a_recording_or_a_draw_is_named(tmp_path: Path) -> None:
    data = tmp_path / "rehearsal"
    played = yuanping("rehearse", "--data", data)
    assert played.returncode == 0, played.stdout + played.stderr
    for told in ("declines", "never answers", "too late", "5/5", "/replay"):
        assert told in played.stdout

    clean = yuanping("verify", data)
    assert clean.returncode == 0, clean.stdout
    assert "✗" not in clean.stdout

    camera = next((data / "recordings").glob("*/seat-3-camera-1-1-1.webm"))
    record = next((data / "draws").glob("*.jsonl"))
    written = record.read_text()
    for outcome, times in (("accepted", 5), ("declined", 1), ("expired", 2), ("late", 1)):
        assert written.count(f'"outcome":"{outcome}"') == times
    flip_one_byte(camera, 0.5)
    flip_one_byte(record, 0.5)
    forged = yuanping("verify", data)
    assert forged.returncode == 1
    assert "seat-3-camera-1-1-1.webm [" in forged.stdout
    assert f"{record.name}:" in forged.stdout
    assert "seat-2-camera-1-1-1.webm" not in forged.stdout
