"""The replay in a real Chromium: pictures move, seats stay in step, gaps are told, nothing complains."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from app.core.samples import Codec, EncodedSample, Source, TrackKey
from recordings import service
from recordings.recorder import Recorder
from tests.support.chromium import LEAN, VIOLATIONS, find_chromium
from tests.support.encoded import FRAME_MS, SHADES, h264_pictures, pictures, shade_at, sounds
from tests.support.replay_house import ROOM, START, ReplayHouse, serving

pytestmark = pytest.mark.browser

GAP = (6_000, 9_000)
LATE = 2_000
END = 24_000
FIRST_LOST = 5_960
STATE = "document.querySelector('room-replay').state()"
SHADE = """
(seat) => {
  const video = document.querySelector(`[data-seat="${seat}"] video`);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 4;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 4, 4);
  return context.getImageData(1, 1, 1, 1).data[0] * 219 / 255 + 16;
}
"""
WATCH = f"""
async (ms) => {{
  const shade = {SHADE};
  const replay = document.querySelector("room-replay");
  const seen = [];
  const until = performance.now() + ms;
  while (performance.now() < until) {{
    await new Promise(requestAnimationFrame);
    seen.push([shade(1), shade(2), replay.state().spreadMs]);
  }}
  return seen;
}}
"""


def feed(house: ReplayHouse, seat: int, source: Source, samples: tuple[EncodedSample, ...]) -> None:
    sink = house.recorder(TrackKey(ROOM, seat, source), Codec.vp8 if source is Source.camera else Codec.opus)
    cut_off = seat == 2 and source is Source.camera
    for sample in samples:
        if not (cut_off and GAP[0] <= sample.room_ms < GAP[1]):
            sink.write(sample)
    if cut_off:
        sink.lost(*GAP, "network-loss")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayHouse]:
    """Two seats, the second joins later and is cut off once; the first was reconnected at 12 s."""
    house = ReplayHouse(tmp_path_factory.mktemp("house"), roll_s=5)
    feed(house, 1, Source.camera, pictures(0, 300))
    feed(house, 1, Source.camera, pictures(12_000, 300))
    feed(house, 1, Source.microphone, sounds(0, END // 20))
    feed(house, 2, Source.camera, pictures(LATE, (END - LATE) // FRAME_MS))
    feed(house, 2, Source.microphone, sounds(LATE, (END - LATE) // 20))
    house.seal()
    yield house
    house.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(LEAN))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


def open_replay(browser: Browser, address: str, complaints: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/replay")
    page.wait_for_selector("room-replay[data-ready]")
    return page


@pytest.fixture
def page(house: ReplayHouse, browser: Browser, complaints: list[str]) -> Iterator[Page]:
    with serving(house.app) as address:
        page = open_replay(browser, address, complaints)
        yield page
        page.close()
    assert complaints == []


def state(page: Page) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate(STATE)
    return told


def seek(page: Page, room_ms: int) -> None:
    page.evaluate(f"document.querySelector('room-replay').group.seek({room_ms})")


def wait_for(page: Page, condition: str) -> None:
    """Until the condition over `state` holds."""
    page.wait_for_function(f"() => {{ const state = {STATE}; return {condition}; }}", timeout=30_000)


def shown_ms(shade: float) -> float:
    """The moment within four seconds that a shade stands for."""
    return (shade - shade_at(0)) / 2 * FRAME_MS


def apart(first: float, second: float) -> float:
    cycle = SHADES * FRAME_MS
    off = abs(shown_ms(first) - shown_ms(second)) % cycle
    return min(off, cycle - off)


IN_STEP = "state.tracks.every((track) => track.kind !== 'video' || (track.driftMs !== null && Math.abs(track.driftMs) < 60))"


def test_pictures_of_two_seats_move_in_step(page: Page) -> None:
    page.click("[data-act=play]")
    wait_for(page, f"state.roomMs > 3000 && {IN_STEP}")
    before = state(page)
    seen = page.evaluate(WATCH, 2_000)
    after = state(page)
    for was, now in zip(before["tracks"], after["tracks"], strict=True):
        assert now["currentMs"] > was["currentMs"] + 1_000
    assert len({round(shade) for shade, _, _ in seen}) > 10
    assert len({round(shade) for _, shade, _ in seen}) > 10
    assert median(apart(first, second) for first, second, _ in seen) < 150
    assert median(spread for _, _, spread in seen if spread is not None) < 150


def test_a_seek_shows_the_picture_of_that_moment(page: Page) -> None:
    for moment in (20_440, 3_240, 13_000, 10_800):
        seek(page, moment)
        wait_for(page, f"state.roomMs === {moment} && {IN_STEP}")
        for seat in (1, 2):
            page.wait_for_function(
                f"([seat, want]) => Math.abs(({SHADE})(seat) - want) <= 4", arg=[seat, shade_at(moment)]
            )


def test_a_gap_is_shown_with_its_reason_and_the_other_seat_plays_on(page: Page) -> None:
    overlay = page.locator("[data-seat='2'] .replay-gap")
    seek(page, GAP[0] + 1_500)
    wait_for(
        page,
        "state.tracks.find((track) => track.seatNo === 2 && track.kind === 'video').gap === 'network-loss'",
    )
    overlay.wait_for(state="visible")
    assert "网络丢包" in overlay.inner_text()
    assert page.locator("[data-seat='1'] .replay-gap").is_hidden()
    page.click("[data-act=play]")
    wait_for(page, f"state.roomMs > {GAP[0] + 2_000} && state.tracks[0].driftMs !== null")
    wait_for(page, f"state.roomMs > {GAP[1] + 500} && {IN_STEP}")
    assert overlay.is_hidden()
    assert page.locator(".replay-gaps summary").inner_text() == "缺失时段：3 处"


def test_a_seat_that_has_not_joined_yet_says_so(page: Page) -> None:
    seek(page, 500)
    overlay = page.locator("[data-seat='2'] .replay-gap")
    overlay.wait_for(state="visible")
    assert "尚未入席" in overlay.inner_text()


def test_playing_goes_on_over_a_reconnection(page: Page) -> None:
    seek(page, 10_500)
    page.click("[data-act=play]")
    wait_for(page, f"state.roomMs > 13_500 && {IN_STEP}")


def test_twice_the_speed_stays_in_step_and_passes_time_twice_as_fast(page: Page) -> None:
    seek(page, 9_500)
    page.select_option(".replay-speed", "2")
    page.click("[data-act=play]")
    wait_for(page, f"state.roomMs > 11_500 && {IN_STEP}")
    seen = page.evaluate(WATCH, 1_500)
    assert median(spread for _, _, spread in seen if spread is not None) < 150
    assert state(page)["roomMs"] > 13_500


def test_the_end_stops_and_playing_again_begins_at_the_start(page: Page) -> None:
    seek(page, END - 1_000)
    page.click("[data-act=play]")
    wait_for(page, "!state.playing && state.roomMs > 23_900")
    page.click("[data-act=play]")
    wait_for(page, "state.playing && state.roomMs > 200 && state.roomMs < 20_000")


def test_keys_play_step_and_give_one_seat_the_word(page: Page) -> None:
    page.locator("body").press("Space")
    wait_for(page, "state.playing && state.roomMs > 300")
    page.locator("body").press("Space")
    wait_for(page, "!state.playing")
    before = state(page)["roomMs"]
    page.locator("body").press(".")
    assert state(page)["roomMs"] == pytest.approx(before + FRAME_MS, abs=1)
    page.locator("body").press(",")
    assert state(page)["roomMs"] == pytest.approx(before, abs=1)
    page.locator("body").press("ArrowRight")
    assert state(page)["roomMs"] == pytest.approx(before + 5_000, abs=1)
    page.locator("body").press("2")
    assert {
        track["seatNo"]: track["muted"] for track in state(page)["tracks"] if track["kind"] == "audio"
    } == {
        1: True,
        2: False,
    }
    page.locator("body").press("2")
    assert not any(track["muted"] for track in state(page)["tracks"] if track["kind"] == "audio")
    page.locator("body").press("Home")
    page.locator("body").press("n")
    assert state(page)["roomMs"] == LATE


def test_the_bar_of_time_seeks_and_zooms(page: Page) -> None:
    bar = page.locator("time-track svg")
    box = bar.bounding_box()
    assert box is not None
    bar.click(position={"x": 64 + (box["width"] - 64) / 2, "y": 10})
    assert state(page)["roomMs"] == pytest.approx(END / 2, abs=100)
    for _ in range(3):
        page.click("[data-act=zoom_in]")
    start, end = page.evaluate("document.querySelector('time-track').window")
    assert end - start == pytest.approx(END / 8, rel=0.01)
    assert start < END / 2 < end
    page.click("[data-act=zoom_all]")
    assert page.evaluate("document.querySelector('time-track').window")[0] == 0
    slider = page.get_by_role("slider", name="时间轴")
    seek(page, 12_000)
    assert slider.get_attribute("aria-valuetext") == "0:00:12"


def test_the_badge_tells_whether_the_recording_is_whole(page: Page, house: ReplayHouse) -> None:
    page.click("[data-act=verify]")
    page.wait_for_selector(".replay-verdict[data-tone=good]")
    path = house.room / "seat-1-camera-1-2-2.webm"
    flip_last_byte(path)
    try:
        page.locator("body").press("v")
        page.wait_for_selector(".replay-verdict[data-tone=bad]")
        assert page.locator(".replay-findings").inner_text().startswith("seat-1-camera-1-2-2.webm [0:00:23.")
    finally:
        flip_last_byte(path)


def flip_last_byte(path: Path) -> None:
    """Changes one byte where it lies; the player may be reading the file at the same moment."""
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


def test_nobody_is_kept_out(page: Page) -> None:
    results = Axe().run(page, options=VIOLATIONS)
    assert results.response["violations"] == [], results.generate_report()


def loud(samples: tuple[EncodedSample, ...]) -> tuple[EncodedSample, ...]:
    """A voice every other second."""
    return tuple(sample._replace(level=20 if sample.room_ms // 1_000 % 2 else 110) for sample in samples)


def test_codecs_connections_leases_and_a_screen_play_on_one_clock(
    browser: Browser, complaints: list[str], tmp_path: Path
) -> None:
    """The first seat sends H264, comes back with VP8 and shows its screen; then another process takes the room."""
    house = ReplayHouse(tmp_path, roll_s=3)
    tracks = {
        source: TrackKey(ROOM, 1, source) for source in (Source.camera, Source.screen, Source.microphone)
    }
    other = TrackKey(ROOM, 2, Source.camera)

    def hand(recorder: Recorder, key: TrackKey, codec: Codec, samples: tuple[EncodedSample, ...]) -> None:
        sink = recorder(key, codec)
        for sample in samples:
            sink.write(sample)
        recorder.settle()

    hand(house.recorder, tracks[Source.camera], Codec.h264, h264_pictures(0, 150))
    hand(house.recorder, tracks[Source.camera], Codec.vp8, pictures(7_000, 150))
    hand(house.recorder, tracks[Source.screen], Codec.vp8, pictures(2_000, 300))
    hand(house.recorder, tracks[Source.microphone], Codec.opus, loud(sounds(0, 600)))
    hand(house.recorder, other, Codec.vp8, pictures(0, 350))
    successor = Recorder(house.settings.recordings_dir, house.clock, roll_s=3)
    successor.begin(ROOM, 2, START)
    hand(successor, tracks[Source.camera], Codec.h264, h264_pictures(14_000, 150))
    hand(successor, other, Codec.vp8, pictures(12_000, 200))
    house.recorder.close()
    successor.close_room(ROOM, START)
    successor.close()
    with house.database.transaction() as session:
        service.seal(session, house.clock.now(), room_id=ROOM, manifest_sha256="0" * 64)
    shown = """
    ([selector, want]) => {
      const video = document.querySelector(selector);
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 4;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(video, 0, 0, 4, 4);
      return Math.abs(context.getImageData(1, 1, 1, 1).data[0] * 219 / 255 + 16 - want) <= 4;
    }
    """
    with serving(house.app) as address:
        page = open_replay(browser, address, complaints)
        for moment in (1_000, 4_000, 8_000, 12_520, 15_000, 18_480, 2_520):
            seek(page, moment)
            wait_for(page, f"state.roomMs === {moment}")
            pictures_there = {"[data-seat='1'] [data-source=camera]", "[data-seat='2'] [data-source=camera]"}
            if 2_000 <= moment < 14_000:
                pictures_there.add("[data-seat='1'] [data-source=screen]")
            for where in pictures_there:
                page.wait_for_function(shown, arg=[f"{where} video", shade_at(moment)])
        seek(page, 4_500)
        page.click("[data-act=play]")
        wait_for(page, "state.roomMs > 6_200")
        assert state(page)["tracks"][0]["gap"] == "replaced"
        wait_for(page, "state.roomMs > 8_000")
        seen = page.evaluate(
            """async (ms) => {
              const replay = document.querySelector("room-replay");
              const spreads = [];
              const until = performance.now() + ms;
              while (performance.now() < until) {
                await new Promise(requestAnimationFrame);
                spreads.push(replay.state().spreadMs);
              }
              return spreads;
            }""",
            3_000,
        )
        assert median(spread for spread in seen if spread is not None) < 100
        page.evaluate("document.querySelector('room-replay').group.pause()")
        page.click(".replay-gaps summary")
        assert "另有一份由前一进程录制的副本" in page.locator(".replay-gaps").inner_text()
        page.locator("h1").click()  # keys belong to what has the focus
        page.locator("body").press("Home")
        page.locator("body").press("g")
        assert state(page)["roomMs"] == pytest.approx(FIRST_LOST, abs=100)
        assert page.locator(".tt-level").first.get_attribute("d") != "M0 0"
        assert Axe().run(page, options=VIOLATIONS).response["violations"] == []
        page.close()
    house.close()
    assert complaints == []


def test_a_running_room_can_be_watched_and_grows(
    browser: Browser, complaints: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    house = ReplayHouse(tmp_path_factory.mktemp("running"))
    feed(house, 1, Source.camera, pictures(0, 100))
    house.recorder.settle()
    with serving(house.app) as address:
        page = open_replay(browser, address, complaints)
        page.click("[data-act=play]")
        wait_for(page, "state.roomMs > 2_000")
        feed(house, 1, Source.camera, pictures(4_000, 200))
        feed(house, 2, Source.camera, pictures(8_000, 100))
        house.recorder.settle()
        wait_for(page, f"state.roomMs > 8_500 && {IN_STEP}")
        house.seal()
        wait_for(page, "!state.playing && state.roomMs > 11_900")
        page.close()
    house.close()
    assert complaints == []
