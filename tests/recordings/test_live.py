"""A running room is watched from what is on disk: late comers see something at once, slow ones harm nobody, all is noted."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import from_thread, to_thread
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from app.accounts import tickets
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.samples import Codec, EncodedSample, SampleSink, Source, TrackKey
from recordings import live, service, watching
from recordings.container import whole_clusters
from recordings.lines import TrackName
from recordings.live import KEPT, Fresh, LiveRoom, LiveTrack, past
from recordings.recorder import Recorder
from recordings.replay import Indexes
from recordings.timeline import Part, Piece
from tests.support.encoded import h264_pictures, pictures, sounds
from tests.support.replay_house import EVALUATION, ROOM, START, ReplayHouse

NAME = TrackName(1, Source.camera, 1, 1, 1)
CAMERA, MICROPHONE = (TrackKey(ROOM, 1, source) for source in (Source.camera, Source.microphone))


@pytest.fixture
def client(house: ReplayHouse) -> Iterator[TestClient]:
    with TestClient(house.app) as client:
        yield client


def record(house: ReplayHouse, sink: SampleSink, samples: tuple[EncodedSample, ...]) -> None:
    for sample in samples:
        sink.write(sample)
        if sample.room_ms % 400 == 0:
            house.recorder.settle()
    house.recorder.settle()


class Watching:
    """One watcher, who keeps what came on each channel."""

    def __init__(self, socket: WebSocketTestSession, house: ReplayHouse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.files: dict[int, list[str]] = {}
        self.heads: dict[int, list[bytes]] = {}
        self.media: dict[int, bytes] = {}
        self._opening: set[int] = set()
        self.send(type="hello", v=1, ticket=house.ticket())

    def send(self, **message: object) -> None:
        self.socket.send_text(json.dumps(message))

    def watch(self, channel: int, source: str, from_ms: int | None = None, seat_no: int = 1) -> None:
        self.send(type="watch", channel=channel, seat_no=seat_no, source=source, from_ms=from_ms)

    def hear(self) -> None:
        received = self.socket.receive()
        if received["type"] == "websocket.close":
            raise WebSocketDisconnect(received["code"])
        if received.get("text") is not None:
            message = json.loads(received["text"])
            self.told.append(message)
            if message["type"] == "file":
                self.files.setdefault(message["channel"], []).append(message["id"])
                self._opening.add(message["channel"])
            return
        data: bytes = received["bytes"]
        channel = int.from_bytes(data[:4], "big")
        if channel in self._opening:
            self._opening.discard(channel)
            self.heads.setdefault(channel, []).append(data[4:])
        else:
            self.media[channel] = self.media.get(channel, b"") + data[4:]

    def until(self, channel: int, to_ms: int) -> None:
        """Until media of a WebM channel reaches a room time."""
        while self.reached(channel) < to_ms:
            self.hear()

    def to_the_end(self) -> None:
        while True:
            self.hear()

    def reached(self, channel: int) -> int:
        spans = tuple(whole_clusters(self.media.get(channel, b"")))
        return spans[-1].to_ms if spans else -1

    def begins(self, channel: int) -> int:
        return next(whole_clusters(self.media[channel])).from_ms


def last_cluster(path: Path) -> bytes:
    held = path.read_bytes()
    return held[held.rindex(b"\x1f\x43\xb6\x75") :]


def test_a_late_comer_begins_at_the_newest_key_frame_and_follows(
    house: ReplayHouse, client: TestClient
) -> None:
    sink = house.recorder(CAMERA, Codec.vp8)
    record(house, sink, pictures(0, 160))  # key frames every two seconds; 6.36 s is the newest picture
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        watcher.watch(7, "camera")
        watcher.until(7, 6_360)
        assert watcher.begins(7) == 6_000
        record(house, sink, pictures(6_400, 100))
        watcher.until(7, 10_360)
    held = (house.room / "seat-1-camera-1-1-1.webm").read_bytes()
    assert held.endswith(watcher.media[7])
    assert watcher.heads[7] == [held[: len(watcher.heads[7][0])]]
    assert watcher.told[0] == {"type": "welcome", "v": 1, "room_id": ROOM}
    (file,) = (told for told in watcher.told if told["type"] == "file")
    assert (file["id"], file["mime"], file["from_ms"]) == (
        "seat-1-camera-1-1-1",
        'video/webm; codecs="vp8"',
        6_000,
    )


def test_a_watcher_goes_back_and_catches_up_without_a_gap(house: ReplayHouse, client: TestClient) -> None:
    sink = house.recorder(MICROPHONE, Codec.opus)
    record(house, sink, sounds(0, 1_000))
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        watcher.watch(1, "microphone", 9_990)
        watcher.until(1, 19_900)
        assert 7_990 <= watcher.begins(1) <= 9_990
        record(house, sink, sounds(20_000, 100))
        watcher.until(1, 21_900)
    held = (house.room / "seat-1-microphone-1-1-1.webm").read_bytes()
    assert held.endswith(watcher.media[1])


def test_of_the_past_no_more_is_sent_than_the_watcher_can_hold(
    house: ReplayHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "AHEAD_MS", 3_000)
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 1_000))
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        watcher.watch(1, "microphone", 0)
        watcher.until(1, 3_000)
        watcher.watch(2, "microphone", 18_000)  # whatever else came on the first channel came before this
        watcher.until(2, 19_900)
        assert watcher.reached(1) < 6_000
        watcher.send(type="at", channel=1, room_ms=10_000)
        watcher.until(1, 12_900)
        assert watcher.reached(1) < 15_000


def test_connections_codecs_and_leases_follow_one_another(house: ReplayHouse, client: TestClient) -> None:
    record(house, house.recorder(CAMERA, Codec.h264), h264_pictures(0, 50))
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        watcher.watch(1, "camera")
        while not watcher.media.get(1):
            watcher.hear()
        earlier = house.recorder(CAMERA, Codec.vp8)
        record(house, earlier, pictures(4_000, 25))
        while watcher.files[1][-1] != "seat-1-camera-1-2-1":
            watcher.hear()
        successor = Recorder(house.settings.recordings_dir, house.clock)
        successor.begin(ROOM, 2, START)
        sink = successor(CAMERA, Codec.vp8)
        for sample in pictures(6_000, 25):
            sink.write(sample)
        successor.settle()
        while watcher.files[1][-1] != "seat-1-camera-2-1-1":
            watcher.hear()
        record(house, earlier, pictures(7_000, 25, 5))  # the former process does not know yet
        for sample in pictures(7_000, 25):
            sink.write(sample)
        successor.settle()
        while not watcher.media[1].endswith(last_cluster(house.room / "seat-1-camera-2-1-1.webm")):
            watcher.hear()
        successor.close()
    assert watcher.files[1] == ["seat-1-camera-1-1-1", "seat-1-camera-1-2-1", "seat-1-camera-2-1-1"]
    mimes = [told["mime"] for told in watcher.told if told["type"] == "file"]
    assert mimes[0].startswith('video/mp4; codecs="avc1.')
    assert mimes[1:] == ['video/webm; codecs="vp8"'] * 2


def test_a_sealed_room_ends_the_watching(house: ReplayHouse, client: TestClient) -> None:
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 100))
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        watcher.watch(1, "microphone", 0)
        watcher.until(1, 1_900)
        house.seal()
        with pytest.raises(WebSocketDisconnect) as end:
            watcher.to_the_end()
    assert end.value.code == watching.ENDED
    assert watcher.told[-1] == {"type": "ended"}


def test_who_watches_which_track_is_noted_before_anything_is_given(
    house: ReplayHouse, client: TestClient
) -> None:
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 500))
    for _ in range(2):
        with client.websocket_connect("/ws/live") as socket:
            watcher = Watching(socket, house)
            watcher.watch(1, "microphone", 4_000)
            watcher.until(1, 9_900)
    with house.database.reading() as session:
        noted = [(event.tag, event.actor, event.data) for event in audit.trail(session, EVALUATION)]
    assert noted == [(Tag.recording_watched_live, "supervisor-1", '{"from_ms":4000,"track":"1-microphone"}')]


def test_what_cannot_be_noted_is_not_shown(
    house: ReplayHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 100))

    def fail(*_anything: object) -> None:
        raise RuntimeError("the trail cannot be written")

    monkeypatch.setattr(service, "note_live", fail)
    given: list[dict[int, list[bytes]]] = []

    def look() -> None:
        with client.websocket_connect("/ws/live") as socket:
            watcher = Watching(socket, house)
            given.append(watcher.heads)
            watcher.watch(1, "microphone", 0)
            watcher.to_the_end()

    with pytest.raises(RuntimeError, match="trail"):
        look()
    assert given == [{}]


def test_a_ticket_opens_one_connection_for_half_a_minute(house: ReplayHouse, client: TestClient) -> None:
    ticket = house.ticket()

    def enter(ticket: str) -> int:
        with client.websocket_connect("/ws/live") as socket:
            socket.send_text(json.dumps({"type": "hello", "v": 1, "ticket": ticket}))
            received = socket.receive()
            return 0 if received["type"] == "websocket.send" else int(received["code"])

    late = house.ticket()
    assert [enter(ticket), enter(ticket), enter("made up")] == [0, watching.REFUSED, watching.REFUSED]
    house.clock.advance(31)
    assert enter(late) == watching.REFUSED


@pytest.mark.parametrize(
    "message",
    [
        "{",
        '{"type":"watch","channel":1,"seat_no":1,"source":"camera"}',
        '{"type":"hello","v":2,"ticket":"x"}',
        '{"type":"hello","v":1,"ticket":"x","more":1}',
        '{"type":"hello","v":1,"ticket":"' + "x" * 2_000 + '"}',
    ],
)
def test_who_does_not_say_hello_first_is_let_go(client: TestClient, message: str) -> None:
    with client.websocket_connect("/ws/live") as socket:
        socket.send_text(message)
        assert socket.receive()["code"] == watching.BAD_MESSAGE


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"watch","channel":-1,"seat_no":1,"source":"camera"}',
        '{"type":"watch","channel":1,"seat_no":1,"source":"../camera"}',
        '{"type":"watch","channel":1,"seat_no":"1","source":"camera"}',
        '{"type":"hello","v":1,"ticket":"x"}',
        "[]",
    ],
)
def test_a_bad_message_ends_the_connection(house: ReplayHouse, client: TestClient, message: str) -> None:
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        socket.send_text(message)
        with pytest.raises(WebSocketDisconnect) as end:
            watcher.to_the_end()
    assert end.value.code == watching.BAD_MESSAGE


def test_a_watcher_may_not_flood(house: ReplayHouse, client: TestClient) -> None:
    with client.websocket_connect("/ws/live") as socket:
        watcher = Watching(socket, house)
        for _ in range(watching.AT_ONCE + 1):
            watcher.send(type="stop", channel=1)
        with pytest.raises(WebSocketDisconnect) as end:
            watcher.to_the_end()
    assert end.value.code == watching.BAD_MESSAGE


def test_who_reads_too_slowly_goes_on_at_the_newest_key_frame() -> None:
    track = LiveTrack()
    part = Part(NAME, "", "", 0, 0, 0, (), (), None)
    for number in range(KEPT + 10):
        piece = Piece(NAME, number, 1, number * 400, number * 400 + 360, number % 5 == 0)
        track.add(part, piece, b"")
    recent, late = track.after(KEPT)
    assert ([fresh.number for fresh in recent], late) == (list(range(KEPT, KEPT + 10)), False)
    recent, late = track.after(3)
    assert ([fresh.number for fresh in recent], late) == (list(range(30, KEPT + 10)), True)


def test_a_lease_that_another_has_followed_is_followed_no_further() -> None:
    track = LiveTrack()
    part = Part(NAME, "", "", 0, 0, 0, (), (), None)
    for number, lease in enumerate((1, 2, 1, 2)):
        track.add(part, Piece(replace(NAME, lease=lease), number, 1, number, number, True), b"")
    assert [fresh.piece.offset for fresh in track.recent] == [0, 1, 3]


def test_what_was_read_of_the_past_is_not_sent_again_as_news() -> None:
    part = Part(NAME, "", "", 0, 0, 0, (), (), None)
    channel = watching._Channel(1, (1, Source.camera))
    channel.last = Piece(NAME, 500, 100, 5_000, 5_400, keyframe=False)

    def new(name: TrackName, offset: int, from_ms: int, *, keyframe: bool) -> bool:
        return channel.new(Fresh(0, part, Piece(name, offset, 100, from_ms, from_ms + 400, keyframe), b""))

    later = replace(NAME, connection=2)
    assert not new(NAME, 400, 4_500, keyframe=True)
    assert not new(NAME, 500, 5_000, keyframe=True)
    assert new(NAME, 600, 5_500, keyframe=False)
    assert new(later, 100, 5_600, keyframe=True)
    assert not new(later, 100, 5_600, keyframe=False)
    assert not new(later, 100, 4_000, keyframe=True)


def test_a_watcher_who_takes_nothing_is_let_go_and_the_recording_goes_on(
    house: ReplayHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SLOW_S", 0.05)
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 100))
    closed: list[int] = []

    class Stuck:
        """A socket that takes text and never any media."""

        def __init__(self) -> None:
            self.asked = [
                {
                    "type": "websocket.receive",
                    "text": '{"type":"watch","channel":1,"seat_no":1,"source":"microphone"}',
                }
            ]

        async def receive(self) -> dict[str, str]:
            if self.asked:
                return self.asked.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send_text(self, _text: str) -> None: ...

        async def send_bytes(self, _data: bytes) -> None:
            await asyncio.Event().wait()

    async def sit() -> None:
        rooms = live.LiveRooms(house.settings.recordings_dir, house.recorder)
        memory = house.memory()
        watcher = watching._Watcher(Stuck(), house.database, house.clock, rooms, memory)  # type: ignore[arg-type]
        try:
            await watcher.run(house.row(), "supervisor-1", house.settings.recordings_dir, "")
        except watching.Refused as refusal:
            closed.append(refusal.code)

    asyncio.run(sit())
    assert closed == [watching.TOO_SLOW]
    before = house.recorder.durable(MICROPHONE)
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(2_000, 100))
    after = house.recorder.durable(MICROPHONE)
    assert before is not None
    assert after is not None
    assert after > before + 1_900


def test_only_the_newest_is_read_of_what_was_recorded_before_anybody_watched(house: ReplayHouse) -> None:
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 2_000))
    room = LiveRoom(house.room)
    assert room.look()
    track = room.tracks[1, Source.microphone]
    assert track.count == KEPT
    assert track.recent[-1].piece.to_ms == 39_980
    assert not room.look()


def test_a_long_past_makes_no_look_longer(house: ReplayHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    record(house, house.recorder(MICROPHONE, Codec.opus), sounds(0, 100))
    house.recorder.close_room(ROOM)
    room = LiveRoom(house.room)
    assert room.look()

    def again(*_anything: object) -> None:
        pytest.fail("a file that has ended was looked at again")

    monkeypatch.setattr(TrackName, "parse", again)
    monkeypatch.setattr(live, "has_ended", again)
    assert not room.look()


def test_a_moment_that_nobody_recorded_is_followed_by_what_comes_after(house: ReplayHouse) -> None:
    record(house, house.recorder(CAMERA, Codec.vp8), pictures(0, 50))
    record(house, house.recorder(CAMERA, Codec.vp8), pictures(10_000, 100))
    for moment, first in ((0, 0), (1_500, 0), (5_000, 10_000), (10_500, 10_000), (13_000, 12_000)):
        _, pieces = past(house.room, Indexes(), (1, Source.camera), moment)
        assert pieces[0].from_ms == first, moment
    assert past(house.room, Indexes(), (2, Source.camera), 0) == ({}, ())
    assert past(house.room, Indexes(), (2, Source.camera), None) == ({}, ())


def test_rows_are_looked_up_on_threads_of_their_own(
    house: ReplayHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many strangers ask while a database hangs: the threads that everything else needs stay free."""
    taken: list[float] = []

    def look(*_anything: object, **_more: object) -> None:
        taken.append(from_thread.run_sync(lambda: to_thread.current_default_thread_limiter().borrowed_tokens))

    monkeypatch.setattr(tickets, "redeem_whole", look)
    with client.websocket_connect("/ws/live") as socket:
        socket.send_json({"type": "hello", "v": 1, "ticket": "none"})
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
    assert taken == [0]
