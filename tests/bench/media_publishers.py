"""The sending end of a bench: so many seats in one process.

    python -m tests.bench.media_publishers SOCKET CLIP SEATS SECONDS

CLIP: a file made by `tests.bench.media_clip`. Prints one line of JSON with what was sent.
"""

import asyncio
import json
import pickle
import sys
import time
from pathlib import Path

import uvloop

from tests.support.publisher import Publisher

_EVERY_S = 0.005


async def publish(socket: Path, clip_file: Path, seats: int, seconds: float) -> None:
    clip = pickle.loads(clip_file.read_bytes())  # noqa: S301 -- written by the bench itself a moment ago
    reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 20)
    publishers = []
    for seat in range(1, seats + 1):
        publisher = Publisher(clip)
        writer.write(json.dumps({"seat": seat, "sdp": await publisher.offer()}).encode() + b"\n")
        await publisher.accept(json.loads(await reader.readline())["sdp"])
        publishers.append(publisher)
    print("connected", flush=True)
    # Seats do not speak in step: spread over the length of a picture.
    for number, publisher in enumerate(publishers):
        publisher.start_at(time.monotonic() + 0.04 * number / seats)
    end, reports = time.monotonic() + seconds, time.monotonic()
    while (now := time.monotonic()) < end:
        for publisher in publishers:
            publisher.send_due(now)
        if now >= reports:
            reports += 1
            for publisher in publishers:
                publisher.send_reports()
        await asyncio.sleep(_EVERY_S)
    print(
        json.dumps(
            {
                "pictures": sum(p.pictures_sent for p in publishers),
                "sounds": sum(p.sounds_sent for p in publishers),
                "again": sum(p.again for p in publishers),
                "keyframes_asked": sum(p.keyframes_asked for p in publishers),
                "cpu_s": time.process_time(),
            }
        ),
        flush=True,
    )
    sys.stdin.readline()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(publish(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
