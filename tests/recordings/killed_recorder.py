"""Records a camera and a microphone in real time until it is killed; prints what is durable. A program for tests."""

import sys
from pathlib import Path
from time import sleep

from app.core.clock import SystemClock
from app.core.samples import Codec, Source, TrackKey
from recordings.recorder import Recorder
from tests.support.encoded import pictures, sounds

if __name__ == "__main__":
    clock = SystemClock()
    recorder = Recorder(Path(sys.argv[1]), clock)
    recorder.begin("room-1", 1, clock.now())
    camera, microphone = (TrackKey("room-1", 1, source) for source in (Source.camera, Source.microphone))
    seen, heard = recorder(camera, Codec.vp8), recorder(microphone, Codec.opus)
    shown, said = pictures(0, 1_500), sounds(0, 3_000)
    started = clock.monotonic_ns()
    while (now := (clock.monotonic_ns() - started) // 1_000_000) < 60_000:
        while shown and shown[0].room_ms <= now:
            seen.write(shown[0])
            shown = shown[1:]
        while said and said[0].room_ms <= now:
            heard.write(said[0])
            said = said[1:]
        durable = [recorder.durable(key) for key in (camera, microphone)]
        if None not in durable:
            sys.stdout.write(f"{now} {durable[0]} {durable[1]}\n")
            sys.stdout.flush()
        sleep(0.005)
