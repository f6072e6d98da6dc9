"""A store that is away is asked again later and later, and neither stops the other sweep."""

import asyncio

from app.core.clock import ManualClock
from app.jobs.storing import Storing
from tests.support.world import START


class Away:
    """Counts how often it was asked; away until told otherwise."""

    def __init__(self) -> None:
        self.asked = 0
        self.there = False

    def sweep(self) -> int:
        self.asked += 1
        if not self.there:
            raise ConnectionError("the store is away")
        return 0

    def check(self) -> tuple[int, ...]:
        self.asked += 1
        return ()


def test_a_store_that_is_away_is_asked_less_often_and_the_disk_is_watched_on() -> None:
    clock, store, disk = ManualClock(START), Away(), Away()
    storing = Storing(clock, store, disk)  # type: ignore[arg-type]
    for _ in range(180):  # half an hour
        clock.advance(10)
        asyncio.run(storing.upload())
        asyncio.run(storing.watch_space())
    assert 30 <= store.asked <= 40
    assert disk.asked == 180
    store.there = True
    clock.advance(60)
    for _ in range(3):
        asyncio.run(storing.upload())
    assert store.asked >= 33
