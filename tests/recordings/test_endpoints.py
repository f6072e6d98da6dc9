"""Replay over HTTP: who looks is noted, ranges are exact, and a running room can be watched already."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.accounts.access import unguarded_routes
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.samples import Codec, Source, TrackKey
from recordings import replay, service
from recordings.endpoints import router
from recordings.lines import TrackName, read_index
from recordings.replay import Indexes, load_files, timeline_since
from recordings.timeline import gather, read_part
from recordings.viewing import WATCHED_AGAIN_AFTER, Viewings
from tests.support.encoded import pictures, sounds
from tests.support.replay_house import EVALUATION, ROOM, START, ReplayHouse

BASE = f"/api/recordings/{ROOM}"
CAMERA = TrackKey(ROOM, 1, Source.camera)


@pytest.fixture
def client(house: ReplayHouse) -> TestClient:
    return TestClient(house.app)


def record(house: ReplayHouse, from_ms: int = 0, frames: int = 100) -> None:
    seen = house.recorder(CAMERA, Codec.vp8)
    heard = house.recorder(TrackKey(ROOM, 1, Source.microphone), Codec.opus)
    for sample in pictures(from_ms, frames):
        seen.write(sample)
    for sample in sounds(from_ms, frames * 2):
        heard.write(sample)
    house.recorder.settle()


def acts(house: ReplayHouse) -> list[tuple[str, str]]:
    with house.database.reading() as session:
        return [(event.tag, event.actor) for event in audit.trail(session, EVALUATION)]


def test_every_route_is_guarded() -> None:
    application = FastAPI()
    application.include_router(router)
    assert unguarded_routes(application) == ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")


def test_the_timeline_tells_where_every_track_lies(house: ReplayHouse, client: TestClient) -> None:
    record(house)
    manifest = house.seal()
    told = client.get(f"{BASE}/timeline").json()
    assert (told["room_id"], told["sealed"], told["manifest_sha256"]) == (ROOM, True, manifest)
    assert (told["from_ms"], told["to_ms"]) == (0, 3_980)
    assert told["zero_wall_ms"] == round(START.timestamp() * 1000)
    assert [(track["seat_no"], track["source"]) for track in told["tracks"]] == [
        (1, "camera"),
        (1, "microphone"),
    ]
    camera, microphone = told["tracks"]
    (file,) = camera["files"]
    assert (file["id"], file["mime"], file["width"]) == (
        "seat-1-camera-1-1-1",
        'video/webm; codecs="vp8"',
        160,
    )
    first = camera["pieces"][0]
    assert first[:2] == [0, file["header_length"]]
    assert first[5] == 1
    assert camera["levels"] == []
    assert microphone["files"][0]["mime"] == 'audio/webm; codecs="opus"'
    assert microphone["levels"] == [127] * 4
    assert told["events"] == [{"at_ms": 0, "code": "joined", "seat_no": 1}]


def test_a_range_gives_exactly_those_bytes(house: ReplayHouse, client: TestClient) -> None:
    record(house)
    held = (house.room / "seat-1-camera-1-1-1.webm").read_bytes()
    answer = client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media", headers={"Range": "bytes=100-299"})
    assert answer.status_code == 206
    assert answer.content == held[100:300]
    assert answer.headers["content-type"] == "video/webm"
    assert answer.headers["cache-control"] == "private, no-store"
    assert client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media").content == held
    sound = client.get(f"{BASE}/tracks/seat-1-microphone-1-1-1/media")
    assert sound.headers["content-type"] == "audio/webm"
    beyond = client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media", headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


def test_a_running_room_is_told_from_a_moment_on(house: ReplayHouse, client: TestClient) -> None:
    record(house)
    whole = client.get(f"{BASE}/timeline").json()
    assert not whole["sealed"]
    sink = house.recorder(CAMERA, Codec.vp8)
    for sample in pictures(4_000, 100):
        sink.write(sample)
    house.recorder.settle()
    since = client.get(f"{BASE}/timeline", params={"since": 3_000}).json()
    pieces = since["tracks"][0]["pieces"]
    assert pieces
    assert all(piece[3] >= 3_000 for piece in pieces)
    assert since["to_ms"] == 7_960
    assert since["events"] == [{"at_ms": 4_000, "code": "joined", "seat_no": 1}]


def test_one_line_of_audit_for_an_opened_replay_and_for_each_track(
    house: ReplayHouse, client: TestClient
) -> None:
    record(house)
    client.get(f"{BASE}/timeline")
    for start in range(0, 1_000, 100):
        client.get(
            f"{BASE}/tracks/seat-1-camera-1-1-1/media", headers={"Range": f"bytes={start}-{start + 99}"}
        )
    client.get(f"{BASE}/timeline", params={"since": 0})
    assert acts(house) == [
        (Tag.recording_replayed, "supervisor-1"),
        (Tag.recording_track_watched, "supervisor-1"),
    ]
    house.clock.advance(WATCHED_AGAIN_AFTER.total_seconds())
    client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media")
    assert len(acts(house)) == 3


def test_a_timeline_that_was_not_opened_is_not_read_without_a_line_either(
    house: ReplayHouse, client: TestClient
) -> None:
    record(house)
    line = (Tag.recording_replayed, "supervisor-1")
    told = client.get(f"{BASE}/timeline", params={"since": 0}).json()
    assert acts(house) == [line]
    assert client.get(f"{BASE}/timeline").json() == told
    assert acts(house) == [line] * 2
    client.get(f"{BASE}/timeline", params={"since": 0})
    assert acts(house) == [line] * 2, "who has opened it is asked no more"
    house.clock.advance(WATCHED_AGAIN_AFTER.total_seconds())
    client.get(f"{BASE}/timeline", params={"since": 1})
    assert acts(house) == [line] * 3


def test_a_timeline_whose_opening_could_not_be_noted_is_not_given(
    house: ReplayHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(house)
    with monkeypatch.context() as patch:
        patch.setattr(service, "note_replay", _fail)
        with pytest.raises(RuntimeError, match="trail"):
            client.get(f"{BASE}/timeline", params={"since": 1})
    client.get(f"{BASE}/timeline", params={"since": 1})
    assert acts(house) == [(Tag.recording_replayed, "supervisor-1")]


def test_a_look_that_could_not_be_noted_is_not_given(
    house: ReplayHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(house)
    with monkeypatch.context() as patch:
        patch.setattr(service, "note_track", _fail)
        with pytest.raises(RuntimeError, match="trail"):
            client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media")
    client.get(f"{BASE}/tracks/seat-1-camera-1-1-1/media")
    assert acts(house) == [(Tag.recording_track_watched, "supervisor-1")]


def _fail(*_anything: object) -> None:
    raise RuntimeError("the trail cannot be written")


@pytest.mark.parametrize(
    "track",
    [
        "seat-2-camera-1-1-1",
        "..%2F..%2Fhouse",
        "manifest.json",
        "seat-1-camera-1-1-1.index",
        "seat-1-camera-1-1-01",
    ],
)
def test_only_tracks_of_the_room_are_given(house: ReplayHouse, client: TestClient, track: str) -> None:
    record(house)
    assert client.get(f"{BASE}/tracks/{track}/media").status_code == 404


def test_an_unknown_room_is_not_found(client: TestClient) -> None:
    for address in ("timeline", "timeline?since=1", "tracks/seat-1-camera-1-1-1/media"):
        assert client.get(f"/api/recordings/other/{address}").status_code == 404
    assert client.post("/api/recordings/other/verify").status_code == 404


def test_a_room_that_was_begun_but_holds_nothing_yet_has_an_empty_timeline(client: TestClient) -> None:
    told = client.get(f"{BASE}/timeline").json()
    assert (told["tracks"], told["zero_wall_ms"], told["sealed"]) == ([], None, False)


def test_a_check_over_http_names_what_was_changed_and_is_noted(
    house: ReplayHouse, client: TestClient
) -> None:
    record(house)
    house.seal()
    assert client.post(f"{BASE}/verify").json()["ok"]
    path = house.room / "seat-1-camera-1-1-1.webm"
    held = bytearray(path.read_bytes())
    held[-1] ^= 1
    path.write_bytes(held)
    verdict = client.post(f"{BASE}/verify").json()
    assert not verdict["ok"]
    assert verdict["findings"] == [
        {"file": path.name, "code": "media-changed", "from_ms": 3_560, "to_ms": 3_960}
    ]
    with house.database.reading() as session:
        told = [event.data for event in audit.trail(session, EVALUATION)]
    assert [data.split(",")[0] for data in told] == ['{"findings":0', '{"findings":1']


def test_beginning_and_sealing_twice_change_nothing(house: ReplayHouse) -> None:
    house.seal()
    with house.database.transaction() as session:
        again = service.begin(session, house.clock.now(), room_id=ROOM, evaluation_id=EVALUATION)
        sealed_at = again.sealed_at
        house.clock.advance(5)
        assert (
            service.seal(session, house.clock.now(), room_id=ROOM, manifest_sha256="x").sealed_at == sealed_at
        )
        found = service.of_evaluation(session, EVALUATION)
        assert found is not None
        assert found.room_id == ROOM


def test_the_memory_of_viewings_stays_small() -> None:
    viewings = Viewings(limit=2)
    for track in "abc":
        assert viewings.first(START, "someone", ROOM, track)
    assert not viewings.first(START, "someone", ROOM, "c")
    assert viewings.first(START, "someone", ROOM, "a")


def test_an_index_is_read_on_as_it_grows_and_anew_when_it_was_changed(
    house: ReplayHouse, tmp_path: Path
) -> None:
    record(house)
    house.seal()
    indexes = Indexes(limit=1)
    name = TrackName(1, Source.camera, 1, 1, 1)
    grown = (house.room / name.index).read_bytes()
    lines = grown.splitlines(keepends=True)
    copy = tmp_path / name.index
    for known in (b"".join(lines[:3]) + b"half", b"".join(lines[:3]), grown, grown):
        copy.write_bytes(known)
        assert indexes.read(tmp_path, name).part == read_part(name, read_index(known))
    changed = b"".join(lines[:2])
    copy.write_bytes(changed)
    assert indexes.read(tmp_path, name).part == read_part(name, read_index(changed))
    copy.write_bytes(changed + lines[3])
    assert indexes.read(tmp_path, name).part == read_part(name, read_index(changed + lines[3]))
    sound = TrackName(1, Source.microphone, 1, 1, 1)
    indexes.read(house.room, sound)  # the other is forgotten: there is room for one
    copy.write_bytes(grown)
    assert indexes.read(tmp_path, name).part == read_part(name, read_index(grown))


def test_a_room_of_eight_hours_is_read_once(
    house: ReplayHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a room longer than what is kept in mind, every poll of a page would read all of it anew."""
    record(house, 0, 20)
    long = tmp_path / "long"
    long.mkdir()
    told = (house.room / TrackName(1, Source.camera, 1, 1, 1).index).read_bytes()
    for seat_no in range(1, 6):
        for source in Source:
            for part in range(1, 8 * 12 + 1):
                (long / TrackName(seat_no, source, 1, 1, part).index).write_bytes(told)
    indexes = Indexes()
    files = load_files(long, indexes)

    def again(*_anything: object) -> None:
        pytest.fail("an index that has not grown was read again")

    monkeypatch.setattr(replay, "continue_index", again)
    assert load_files(long, indexes) == files


def test_what_is_told_from_a_moment_on_completes_what_was_told_before(tmp_path: Path) -> None:
    """Two leases, rolled files and a gap: the whole timeline, and the parts a page joins, are one and the same."""
    house = ReplayHouse(tmp_path, roll_s=2)
    record(house, 0, 200)
    sink = house.recorder(CAMERA, Codec.vp8)
    for sample in pictures(12_000, 100):
        sink.write(sample)
    house.recorder.settle()
    house.close()
    parts = [file.part for file in load_files(house.room, Indexes())]
    whole = timeline_since(parts, 0)
    for since in range(500, whole.to_ms, 700):
        late = timeline_since(parts, since)
        assert (late.from_ms, late.to_ms) == (whole.from_ms, whole.to_ms)
        for all_of_it, rest in zip(whole.tracks, late.tracks, strict=True):
            assert [piece for piece in gather(rest.fragments) if piece.from_ms >= since] == [
                piece for piece in gather(all_of_it.fragments) if piece.from_ms >= since
            ]
            assert rest.gaps == tuple(
                gap._replace(from_ms=max(gap.from_ms, since)) for gap in all_of_it.gaps if gap.to_ms > since
            )
            assert rest.coverage == tuple(
                (max(start, since), end) for start, end in all_of_it.coverage if end >= since
            )
    assert len(whole.tracks[0].parts) > 4
