"""Some seconds of what `make soak-invitations` does for long: real processes, real kills, a provider that fails by plan."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.chance import Faults, Ways
from tests.faults.fleet import Timers
from tests.faults.soak import Scenario, with_places
from tests.support.postgres import fresh, postgres

PLACES = 60
KILLS = 4
BRISK = Timers(
    window_s=4, ring_s=1, sms_after_s=0, second_call_after_s=1, grace_s=1, send_timeout_s=1, per_second=40
)
SEVERE = Faults(bad=0.3, mute=0.3)
"""A short run meets little, so that more goes wrong in it."""
WILLING = Ways(nobody=0.05, engaged=0.03, accepts=0.75, declines=0.2, thinks_s=0.1, rings_s=0.1, later_s=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a new database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'chaos.db'}"
        return
    with postgres() as server, fresh(server) as database:
        yield database


def test_no_place_is_lost_or_doubled_although_the_provider_fails_and_nodes_are_killed(
    address: str, tmp_path: Path
) -> None:
    scenario = Scenario(
        PLACES,
        nodes=1 if address.startswith("sqlite") else 2,
        kill_every_s=2.0,
        up_for_s=0.5,
        least_kills=KILLS,
        most_kills=KILLS,
        timers=BRISK,
        faults=SEVERE,
        ways=WILLING,
    )
    told: list[str] = []
    found = with_places(tmp_path, address, scenario, told.append)

    assert found.broken == (), told
    assert found.places == PLACES
    assert found.kills == KILLS
    # It was really put to the test: of everything that can go wrong something did.
    for what in ("unavailable", "too_many", "broken_taken", "lost", "twice", "in vain", "contrary"):
        assert found.counts[what], f"nothing of kind {what!r} has happened"
