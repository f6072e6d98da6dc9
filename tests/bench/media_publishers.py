"""The sending end of a bench: so many seats in one process.

    python -m tests.bench.media_publishers SOCKET CLIP PLAN

CLIP: a pickled clip. PLAN: JSON, see `Plan`. Says `connected`, then one line of JSON with what was sent.
"""

import asyncio
import json
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import uvloop

from tests.bench.pinning import pin
from tests.support.attack import attack
from tests.support.publisher import Clip, Publisher
from tests.support.udp_path import UdpPath, Weather, lead_through
from tools.groundwork import say

_EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class Plan:
    """What the seats do. core: where they run, None anywhere.

    weather: of each seat's way in turn, as fields of `Weather`; empty: no way between. drift_ppm, clock_off_s: of each seat
    in turn. attack: so many hostile datagrams meanwhile; needs ways between.
    """

    seats: int
    seconds: float
    core: int | None = 1
    stamped: bool = False
    weather: Sequence[Mapping[str, Any]] = ()
    drift_ppm: Sequence[float] = (0.0,)
    clock_off_s: Sequence[float] = (0.0,)
    attack: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(slots=True)
class _Seats:
    publishers: list[Publisher] = field(default_factory=list)
    paths: list[UdpPath] = field(default_factory=list)

    def counts(self) -> dict[str, float]:
        names = ("pictures_sent", "sounds_sent", "again", "keyframes_asked")
        return {
            **{name: sum(getattr(one, name) for one in self.publishers) for name in names},
            "datagrams_lost": sum(path.lost for path in self.paths),
            "cpu_s": time.process_time(),
        }

    async def send(self) -> None:
        """Sends what is due until cancelled."""
        reports = time.monotonic()
        while True:
            now = time.monotonic()
            for publisher in self.publishers:
                publisher.send_due(now)
            if now >= reports:
                reports += 1
                for publisher in self.publishers:
                    publisher.send_reports()
            await asyncio.sleep(_EVERY_S)


async def publish(socket: Path, clip: Clip, plan: Plan) -> None:
    """Connects one seat after another, each of which sends from then on, and for so many seconds when all are there."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 20)
    seats = _Seats()
    sending = asyncio.create_task(seats.send())
    for number in range(plan.seats):
        publisher = Publisher(
            clip,
            drift_ppm=plan.drift_ppm[number % len(plan.drift_ppm)],
            clock_off_s=plan.clock_off_s[number % len(plan.clock_off_s)],
            stamped=plan.stamped,
        )
        writer.write(json.dumps({"seat": number + 1, "sdp": await publisher.offer()}).encode() + b"\n")
        answer: str = json.loads(await reader.readline())["sdp"]
        if plan.weather:
            weather = Weather(**plan.weather[number % len(plan.weather)])
            answer, path = await lead_through(answer, weather)
            seats.paths.append(path)
        await publisher.accept(answer)
        # Seats do not speak in step: spread over the length of a picture.
        publisher.start_at(time.monotonic() + 0.04 * number / plan.seats)
        seats.publishers.append(publisher)
    say("connected")
    if plan.attack:
        attacking = asyncio.create_task(attack(seats.paths, plan.attack))
        await asyncio.sleep(plan.seconds)
        assert attacking.done(), "the attack did not come to its end"
        attacking.result()
    else:
        await asyncio.sleep(plan.seconds)
    sending.cancel()
    say(json.dumps(seats.counts()))
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    work = Plan.from_json(sys.argv[3])
    pin(work.core)
    media: Clip = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 -- written by the bench itself a moment ago
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(publish(Path(sys.argv[1]), media, work))
