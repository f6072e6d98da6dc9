"""The soak of recordings, shortened: loss, attack, a kill and wrong clocks cost next to nothing."""

import pytest

from app.core.samples import Source
from tests.bench import media_drift
from tests.bench.media_kills import kill_once
from tests.bench.media_publishers import Plan
from tests.bench.media_weather import recorded
from tests.bench.table import Verdict
from tests.support.clip import make_clip
from tests.support.publisher import Clip

SEATS = 2


@pytest.fixture(scope="module")
def small() -> Clip:
    """Pictures that are soon encoded."""
    return make_clip(width=320, height=240, seconds=2)


def test_bursts_of_loss_leave_no_hole_in_a_recording(small: Clip) -> None:
    weather = {"lost_percent": 10.0, "burst": 4, "delay_ms": 10}
    kept, sent = recorded(Plan(SEATS, 5.0, core=None, stamped=True, weather=[weather]), small)
    assert sent["datagrams_lost"] > 100
    frames = {
        source: sum(len(kept[seat, source]) for seat in (1, 2))
        for source in (Source.camera, Source.microphone)
    }
    assert frames[Source.camera] >= 0.99 * sent["pictures_sent"]
    assert frames[Source.microphone] >= 0.99 * sent["sounds_sent"]


def test_hostile_datagrams_cost_no_frame(small: Clip) -> None:
    kept, sent = recorded(Plan(SEATS, 5.0, core=None, stamped=True, weather=[{}], attack=6_000), small)
    assert sum(map(len, kept.values())) >= 0.99 * (sent["pictures_sent"] + sent["sounds_sent"])


def test_a_killed_recorder_loses_less_than_two_seconds_and_needs_no_hand(small: Clip) -> None:
    killed = kill_once(SEATS, 1.7, small)
    assert killed.broken == 0
    assert len(killed.lost_ms) == 2 * SEATS
    assert max(killed.lost_ms) <= 2000


def test_clocks_that_run_wrong_are_followed() -> None:
    assert [figure.verdict for figure in media_drift.figures(quick=True)] == [Verdict.met, Verdict.met]
