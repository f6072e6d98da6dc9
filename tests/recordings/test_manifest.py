"""The account of a whole room: whatever is changed in it is noticed, and it tells what the indexes hold."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import canonical_json, sha256_hex
from app.core.samples import Source
from recordings.lines import (
    GENESIS,
    Act,
    Chain,
    Closed,
    Event,
    Fragment,
    Header,
    IndexReading,
    Ledger,
    Malformed,
    Opened,
    Recovered,
    TrackName,
    read_index,
)
from recordings.manifest import (
    EventsSeal,
    GapSeal,
    Manifest,
    parse_manifest,
    seal_events,
    seal_track,
)

HASH = sha256_hex(b"")
NAME = TrackName(3, Source.camera, 2, 4, 1)
OPENED = Opened("room-1", 3, "camera", "vp8", "vp8", 640, 480, 2, 4, 1, 900, 1, 1_000)


def read(*acts: Act) -> IndexReading:
    chain, lines = Chain(), []
    for act in acts:
        chain, raw = chain.append(act)
        lines.append(raw + b"\n")
    return read_index(b"".join(lines))


def fragment(number: int) -> Fragment:
    start = 2_000 + 500 * number
    return Fragment(100 + 50 * number, 50, HASH, start, start + 480, 1, 1, 7, 12, 0, 0, 127, False, True)


TRACK = read(OPENED, Header(0, 100, HASH, 1), *map(fragment, range(3)), Closed("room-closed", 10))
EVENTS = read(
    Ledger("room-1", 2, 900, 1, 1_000),
    Event(5_000, 6_000, 3, "joined", {}),
    Event(4_000, 6_000, 0, "clock-stepped", {"by_ms": -7}),
    Closed("room-closed", 10),
)


def test_a_seal_tells_what_the_track_holds() -> None:
    seal = seal_track(NAME, TRACK)
    assert (seal.file, seal.index, seal.seat_no, seal.source, seal.codec) == (
        NAME.media,
        NAME.index,
        3,
        "camera",
        "vp8",
    )
    assert (seal.lease, seal.connection, seal.part) == (2, 4, 1)
    assert (seal.lines, seal.fragments, seal.bytes, seal.faults) == (6, 3, 250, 0)
    assert (seal.from_ms, seal.to_ms, seal.ended) == (2_000, 3_480, "room-closed")
    assert seal.head == TRACK.lines[-1].sha256


@pytest.mark.parametrize(("playable", "fragments", "to_ms"), [(0, 1, 2_480), (20, 2, 2_900)])
def test_what_was_recovered_counts_when_it_can_be_played(playable: int, fragments: int, to_ms: int) -> None:
    end = Recovered(150, 30, HASH, playable, 2_500, 2_900, False, 0, HASH, "server-restart", 9)
    seal = seal_track(NAME, read(OPENED, Header(0, 100, HASH, 1), fragment(0), end))
    assert (seal.fragments, seal.to_ms, seal.bytes, seal.ended) == (fragments, to_ms, 180, "server-restart")


def test_a_track_that_never_began_is_sealed_as_such() -> None:
    seal = seal_track(NAME, read_index(b""))
    assert (seal.codec, seal.ended, seal.from_ms, seal.to_ms, seal.head) == ("", "", 0, 0, GENESIS)


def test_a_seal_tells_what_the_events_of_a_lease_were() -> None:
    assert seal_events(2, EVENTS) == EventsSeal(
        "events-2.jsonl", 2, 4, 0, 2, 4_000, 5_000, "room-closed", EVENTS.chain.head
    )
    assert seal_events(7, read_index(b"")) == EventsSeal("events-7.jsonl", 7, 0, 0, 0, 0, 0, "", GENESIS)


def manifest() -> Manifest:
    return Manifest(
        "room-1",
        1_000,
        2_000,
        (seal_track(NAME, TRACK),),
        (GapSeal(3, "camera", 9_000, 9_500, "network-loss"),),
        (seal_events(2, EVENTS),),
        "ab" * 32,
    )


def test_a_manifest_is_read_as_written() -> None:
    assert parse_manifest(manifest().to_bytes()) == manifest()
    assert manifest().body["fragments"] == 3
    timeless = replace(manifest(), zero_wall_ms=None, key="")
    assert parse_manifest(timeless.to_bytes()) == timeless


@given(st.data())
def test_any_changed_byte_of_a_manifest_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(manifest().to_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Malformed):
        parse_manifest(bytes(whole))


@pytest.mark.parametrize("key", ["room_id", "sealed_wall_ms", "tracks", "gaps", "events", "key"])
def test_a_manifest_with_a_part_of_another_kind_is_malformed(key: str) -> None:
    told = json.loads(manifest().to_bytes())
    told["manifest"][key] = [1]
    with pytest.raises(Malformed):
        parse_manifest(canonical_json(told) + b"\n")


@pytest.mark.parametrize("field", ["file", "lease"])
def test_a_seal_with_other_fields_or_values_is_malformed(field: str) -> None:
    told = json.loads(manifest().to_bytes())
    told["manifest"]["events"][0][field] = None
    with pytest.raises(Malformed):
        parse_manifest(canonical_json(told) + b"\n")
