"""A real Chromium with a pretend camera connects as a seat does, and its encoded media arrives."""

from itertools import pairwise

import pytest
from playwright.async_api import Page, async_playwright

from app.core.samples import Source
from recordings.container import vp8_size
from tests.support.chromium import LEAN, find_chromium
from tests.support.seats import PretendRoom, play

FLAGS = (
    *LEAN,
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
)
SEAT = "https://seat.test/"
OFFER = """async () => {
  const media = await navigator.mediaDevices.getUserMedia(
    {video: {width: 640, height: 480, frameRate: 15}, audio: true});
  const peer = window.peer = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  for (const track of media.getTracks()) peer.addTransceiver(track, {direction: 'sendonly', streams: [media]});
  const offer = await peer.createOffer();
  const opus = /a=rtpmap:(\\d+) opus\\//.exec(offer.sdp)[1];
  offer.sdp = offer.sdp.replace(
    `a=rtcp-fb:${opus} transport-cc\\r\\n`, `a=rtcp-fb:${opus} transport-cc\\r\\na=rtcp-fb:${opus} nack\\r\\n`);
  await peer.setLocalDescription(offer);
  if (peer.iceGatheringState !== 'complete') {
    await new Promise(done => peer.addEventListener('icegatheringstatechange',
      () => peer.iceGatheringState === 'complete' && done()));
  }
  return peer.localDescription.sdp;
}"""
ACCEPT = "sdp => window.peer.setRemoteDescription({type: 'answer', sdp})"


async def receive(page: Page) -> None:
    await page.route(SEAT, lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    await page.goto(SEAT)
    room = PretendRoom(bitrate=1_000_000)
    answer = await room.peer.answer(await page.evaluate(OFFER))
    await page.evaluate(ACCEPT, answer)
    await room.until(lambda: room.has(pictures=60, sounds=150))
    pictures, sounds = room.samples(Source.camera), room.samples(Source.microphone)
    assert pictures[0].keyframe
    assert (vp8_size(pictures[0].data) or (0, 0))[0] in (160, 320, 480, 640)
    keyframes = [sample.room_ms for sample in pictures if sample.keyframe]
    assert len(keyframes) >= 2
    for samples in (pictures, sounds):
        assert all(earlier.room_ms <= later.room_ms for earlier, later in pairwise(samples))
    assert all(sink.losses == [] for sink in room.sinks.values())
    assert room.peer.dropped_datagrams == 0
    await page.evaluate("() => window.peer.close()")
    await room.until(lambda: room.states[-1] == "closed")
    assert {sink.closed_for for sink in room.sinks.values()} == {"connection-closed"}
    await room.peer.close("session-closed")


@pytest.mark.browser
def test_a_browsers_camera_and_microphone_arrive_as_encoded() -> None:
    async def scenario() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
            await receive(await browser.new_page())
            await browser.close()

    play(scenario())
