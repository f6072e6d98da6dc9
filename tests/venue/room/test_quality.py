from dataclasses import replace
from typing import Any

import pytest

from venue.room.quality import LinkFigures, Quality, quality, read_figures

GOOD = LinkFigures(
    rtt_ms=35, loss_permille=2, kbps=830, fps=25, width=640, height=480, limit="none", relay=False
)


def test_a_good_connection_is_green() -> None:
    assert quality(GOOD) is Quality.green
    assert quality(replace(GOOD, relay=True, limit="other")) is Quality.green


@pytest.mark.parametrize(
    ("changes", "light"),
    [
        ({"rtt_ms": 299}, Quality.green),
        ({"rtt_ms": 300}, Quality.amber),
        ({"rtt_ms": 800}, Quality.red),
        ({"loss_permille": 19}, Quality.green),
        ({"loss_permille": 20}, Quality.amber),
        ({"loss_permille": 100}, Quality.red),
        ({"kbps": 99}, Quality.amber),
        ({"kbps": 19}, Quality.red),
        ({"fps": 9}, Quality.amber),
        ({"fps": 2}, Quality.red),
        ({"height": 180}, Quality.amber),
        ({"height": 90}, Quality.red),
        ({"width": 3840, "height": 2160}, Quality.amber),
        ({"limit": "cpu"}, Quality.amber),
        ({"limit": "bandwidth"}, Quality.amber),
        ({"limit": "bandwidth", "fps": 1}, Quality.red),
    ],
)
def test_each_figure_can_spoil_it_and_the_worst_counts(changes: dict[str, Any], light: Quality) -> None:
    assert quality(replace(GOOD, **changes)) is light


def test_what_a_browser_does_not_tell_says_nothing() -> None:
    untold = replace(GOOD, rtt_ms=None, loss_permille=None, fps=None, width=None, height=None)
    assert quality(untold) is Quality.green


def test_figures_are_read_as_they_were_written() -> None:
    assert read_figures(GOOD.text()) == GOOD
    assert GOOD.text().startswith('{"fps":25,"height":480,"kbps":830,')
