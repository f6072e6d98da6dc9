"""A running room in a real Chromium: late comers see a picture within a second, go back, and come to the newest again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.core.clock import SystemClock
from app.core.samples import Codec, EncodedSample, Source, TrackKey
from recordings.recorder import Recorder
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.encoded import h264_pictures, pictures, sounds
from tests.support.replay_house import ROOM, ReplayHouse, serving

pytestmark = pytest.mark.browser

STATE = "document.querySelector('room-live').state()"
LENGTH = 60_000
STILL = """light => new Promise((resolve) => {
  const watch = new MutationObserver(() => resolve(false));
  watch.observe(light, { childList: true, characterData: true, subtree: true });
  setTimeout(() => { watch.disconnect(); resolve(true); }, 1000);
})"""
"""Whether what a light says stays as it is for a second."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*LEAN, "--autoplay-policy=no-user-gesture-required"]
        )
        yield browser
        browser.close()


class Stage:
    """A recorder that is handed ready frames at the pace of the clock on the wall, after some that came before."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._stop = threading.Event()
        self._clock = SystemClock()
        self.before_ms = 20_000

    @contextmanager
    def playing(self) -> Iterator[None]:
        tracks = [
            (TrackKey(ROOM, 1, Source.camera), Codec.vp8, pictures(0, LENGTH // 40)),
            (TrackKey(ROOM, 1, Source.microphone), Codec.opus, sounds(0, LENGTH // 20)),
            (TrackKey(ROOM, 2, Source.camera), Codec.h264, h264_pictures(0, LENGTH // 40)),
            (TrackKey(ROOM, 2, Source.screen), Codec.vp8, pictures(0, LENGTH // 40, 75)),
        ]
        sinks = [(self._recorder(key, codec), samples) for key, codec, samples in tracks]
        frames: list[tuple[int, Any, EncodedSample]] = sorted(
            ((sample.room_ms, sink, sample) for sink, samples in sinks for sample in samples),
            key=lambda frame: frame[0],
        )
        at = 0
        while frames[at][0] < self.before_ms:
            frames[at][1].write(frames[at][2])
            at += 1
            if frames[at][0] - frames[at - 1][0] and frames[at][0] % 400 == 0:
                self._recorder.settle()
        thread = threading.Thread(target=self._play, args=(frames[at:],))
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _play(self, frames: list[tuple[int, Any, EncodedSample]]) -> None:
        started_ns = self._clock.monotonic_ns()
        for room_ms, sink, sample in frames:
            due_s = (room_ms - self.before_ms) / 1_000 - (self._clock.monotonic_ns() - started_ns) / 1e9
            if self._stop.wait(max(due_s, 0)):
                return
            sink.write(sample)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ReplayHouse]:
    house = ReplayHouse(tmp_path, roll_s=4)
    yield house
    house.close()


def state(page: Page) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate(STATE)
    return told


def wait_for(page: Page, condition: str) -> None:
    page.wait_for_function(f"() => {{ const state = {STATE}; return {condition}; }}", timeout=20_000)


NEAR = "state.tracks.length === 4 && state.tracks.every((one) => !one.failed && one.nowMs !== null && one.newestMs - one.nowMs < 2500)"


def test_a_running_room_is_seen_at_once_some_time_back_and_at_its_newest(
    house: ReplayHouse, browser: Browser
) -> None:
    complaints: list[str] = []
    with serving(house.app) as address, Stage(house.recorder).playing():
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(
            """
            window.firstPicture = new Promise((resolve) => {
              document.addEventListener("loadeddata", (event) => resolve(event.target.tagName), { capture: true, once: true });
            });
            """
        )
        page.goto(f"{address}/live")
        assert page.evaluate("window.firstPicture") in {"VIDEO", "AUDIO"}  # from what is on disk already
        wait_for(page, f"state.connected && state.live && {NEAR}")
        assert min(track["nowMs"] for track in state(page)["tracks"]) > 18_000
        page.wait_for_selector("[data-seat='1'] .live-light[data-on=true]")
        before = max(track["nowMs"] for track in state(page)["tracks"])
        page.click("[data-act=back]")
        wait_for(
            page,
            f"!state.live && state.tracks.length === 4 && state.tracks.every((one) => one.nowMs !== null && Math.abs(one.nowMs - {before - 10_000}) < 4000)",
        )
        wait_for(page, f"state.tracks.every((one) => one.nowMs > {before - 8_000})")
        spread = page.evaluate(
            f"() => {{ const shown = {STATE}.tracks.map((one) => one.nowMs); return Math.max(...shown) - Math.min(...shown); }}"
        )
        assert spread < 1_000
        page.click("[data-act=live]")
        wait_for(page, f"state.live && {NEAR} && state.tracks.every((one) => one.nowMs > {before})")
        page.click("[data-seat='1'] .replay-solo")
        assert [track["muted"] for track in state(page)["tracks"] if track["source"] == "microphone"] == [
            False
        ]
        assert Axe().run(page, options=VIOLATIONS).response["violations"] == []
        grown = max(track["nowMs"] for track in state(page)["tracks"])
        wait_for(page, f"state.tracks.every((one) => one.nowMs > {grown} + 5000)")  # over rolled files
        light = page.locator("[data-seat='1'] .live-light")
        assert light.evaluate(STILL)  # a screen reader would read every change aloud
        page.locator("[data-seat='1'] video").evaluate("video => { video.src = '/live'; }")
        expect(light).to_have_text("这一路无法播放")
        assert light.evaluate(STILL)
        expect(light).to_have_text("这一路无法播放")
        page.goto("about:blank")  # before the service goes: a page that asks it once more would complain
    with serving(house.app) as address:
        house.seal()
        page.goto(f"{address}/live")
        page.get_by_text("评标室已关闭").wait_for()
        page.close()
    assert complaints == []
