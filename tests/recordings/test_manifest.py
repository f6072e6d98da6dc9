"""The written account: nothing in it can be changed, taken out or moved unnoticed."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import canonical_json, sha256_hex
from app.core.samples import Source
from recordings.manifest import (
    GENESIS,
    MAX_LINE,
    Act,
    Chain,
    Closed,
    Fragment,
    Gap,
    GapSeal,
    Header,
    IndexReading,
    Malformed,
    Manifest,
    Opened,
    Recovered,
    TrackName,
    continue_index,
    good_prefix,
    is_line,
    parse_line,
    parse_manifest,
    read_index,
    seal_track,
)

HASH = sha256_hex(b"")
NAME = TrackName(3, Source.camera, 1)
OPENED = Opened("room-1", 3, "camera", "vp8", 1, 1_000)
HEADER = Header(0, 100, HASH, 1_000)


def fragment(number: int, offset: int, length: int = 50) -> Fragment:
    start = 2_000 + number * 500
    return Fragment(offset, length, HASH, start, start + 480, start, start + 490, 7, 12, 0, number % 4 == 0)


def acts(count: int) -> list[Act]:
    """A track of `count` fragments, closed well."""
    told: list[Act] = [OPENED, HEADER]
    told += [fragment(number, 100 + number * 50) for number in range(count)]
    return [*told, Gap(9_000, 9_500, "network-loss", 9), Closed("room-closed", 10)]


def written(told: Sequence[Act]) -> list[bytes]:
    chain, lines = Chain(), []
    for act in told:
        chain, raw = chain.append(act)
        lines.append(raw)
    return lines


def text(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def recovered(offset: int, torn: bytes = b"", length: int = 0) -> Recovered:
    return Recovered(
        offset, length, HASH, length, 5_000, 5_400, True, len(torn), sha256_hex(torn), "server-restart", 11
    )


def test_a_file_name_tells_seat_source_and_epoch() -> None:
    assert NAME.media == "seat-3-camera-1.webm"
    assert NAME.index == "seat-3-camera-1.index.jsonl"
    assert TrackName.parse(NAME.stem) == NAME


@pytest.mark.parametrize(
    "stem", ["seat-0-camera-1", "seat-1-camera-01", "seat-1-screen-1", "../seat-1-camera-1", ""]
)
def test_no_other_name_is_a_track(stem: str) -> None:
    assert TrackName.parse(stem) is None


@given(st.integers(0, 20))
def test_what_is_written_is_read_again(count: int) -> None:
    told = acts(count)
    reading = read_index(text(written(told)))
    assert [line.act for line in reading.lines] == told
    assert reading.faults == ()
    assert reading.torn == b""
    assert reading.ended
    assert reading.covered == 100 + 50 * count


def test_an_empty_index_is_an_empty_reading() -> None:
    reading = read_index(b"")
    assert reading == IndexReading((), (), b"")
    assert not reading.ended
    assert reading.covered == 0
    assert reading.chain == Chain(0, GENESIS)


@given(st.integers(1, 12), st.data())
def test_any_changed_byte_before_the_last_line_is_a_fault(count: int, data: st.DataObject) -> None:
    lines = written(acts(count))
    whole = bytearray(text(lines))
    at = data.draw(st.integers(0, len(whole) - len(lines[-1]) - 2))
    whole[at] ^= data.draw(st.integers(1, 255))
    assert read_index(bytes(whole)).faults


@given(st.integers(2, 12), st.data())
def test_a_line_taken_out_is_a_fault_with_its_time(count: int, data: st.DataObject) -> None:
    lines = written(acts(count))
    number = data.draw(st.integers(0, len(lines) - 2))
    faults = read_index(text(lines[:number] + lines[number + 1 :])).faults
    assert faults
    assert faults[0].line == number
    if 3 <= number < 2 + count:
        start = 2_000 + (number - 2) * 500
        assert faults[0].from_ms is not None
        assert faults[0].to_ms is not None
        assert faults[0].from_ms <= start
        assert faults[0].to_ms >= start


@given(st.integers(3, 12), st.data())
def test_two_lines_exchanged_are_a_fault(count: int, data: st.DataObject) -> None:
    lines = written(acts(count))
    first = data.draw(st.integers(0, len(lines) - 2))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    assert {fault.code for fault in read_index(text(lines)).faults} == {"chain-broken"}


@given(st.binary(max_size=400))
def test_garbage_is_read_without_raising(garbage: bytes) -> None:
    read_index(garbage)
    good_prefix(garbage)
    assert not is_line(garbage)


def test_a_line_may_not_follow_the_end_or_open_twice() -> None:
    for told in ([*acts(1), Gap(1, 2, "x", 3)], [OPENED, OPENED], [HEADER]):
        assert [fault.code for fault in read_index(text(written(told))).faults] == ["line-out-of-order"]


def test_media_bytes_must_lie_end_to_end() -> None:
    told: list[Act] = [OPENED, HEADER, fragment(0, 120)]
    assert [fault.code for fault in read_index(text(written(told))).faults] == ["line-out-of-order"]
    assert len(good_prefix(text(written(told)))[0].lines) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"{}",
        b'{"kind":"closed"}',
        b'{"kind":"closed","prev":"' + GENESIS.encode() + b'","seq":true}',
        b'{"kind":"closed","prev":"' + b"g" * 64 + b'","seq":0}',
        b'{"kind":["closed"],"prev":"' + GENESIS.encode() + b'","seq":0}',
        b'{"kind":"closed","prev":"' + GENESIS.encode() + b'","reason":"x","seq":0}',
        b'{"kind":"closed","prev":"' + GENESIS.encode() + b'","reason":"x","seq":0,"wall_ms":-1}',
        b'{"kind":"closed","prev":"' + GENESIS.encode() + b'","reason":"x","seq":0,"wall_ms":"1"}',
        b'{"kind":"closed","prev":"' + GENESIS.encode() + b'","reason":"x","seq":0, "wall_ms":1}',
        b'{"a":1.5}',
        b'{"a":"\\ud800"}',
        b"[" * 60_000,
        b" " * (MAX_LINE + 1),
        b"\xff",
    ],
)
def test_a_line_no_recorder_wrote_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_line(raw)


def test_a_hash_that_is_none_is_malformed() -> None:
    _, raw = Chain().append(replace(HEADER, sha256="short"))
    with pytest.raises(Malformed, match="no hash"):
        parse_line(raw)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 4))
def test_unfinished_bytes_are_allowed_when_the_recovery_accounts_for_them(torn: bytes, count: int) -> None:
    good = written(acts(count)[:-1])
    before = text(good)
    chain = read_index(before).chain
    _, raw = chain.append(recovered(100 + 50 * count, torn))
    reading = read_index(before + torn + b"\n" + raw + b"\n")
    assert reading.faults == ()
    assert reading.ended
    other = read_index(before + torn + b"x\n" + raw + b"\n")
    assert other.faults


def test_a_recovery_does_not_excuse_whole_lines() -> None:
    lines = written(acts(4)[:-1])
    kept, hidden = lines[:4], text(lines[5:])
    torn = hidden[:-1]
    _, raw = read_index(text(kept)).chain.append(recovered(200, torn))
    assert read_index(text(kept) + torn + b"\n" + raw + b"\n").faults


def test_a_recovery_without_unfinished_bytes_is_an_ordinary_line() -> None:
    told: list[Act] = [*acts(2)[:4], recovered(200, length=77)]
    reading = read_index(text(written(told)))
    assert reading.faults == ()
    assert reading.covered == 277


def test_the_good_prefix_ends_where_the_chain_breaks() -> None:
    lines = written(acts(3))
    reading, rest = good_prefix(text(lines[:3]) + text(lines[4:]) + b"half")
    assert len(reading.lines) == 3
    assert rest == text(lines[4:]) + b"half"
    assert good_prefix(text(lines) + b"half")[1] == b"half"
    assert good_prefix(b"bad\n" + text(lines))[1] == b"bad\n" + text(lines)


def test_a_seal_tells_what_the_track_holds() -> None:
    seal = seal_track(NAME, read_index(text(written(acts(3)))))
    assert (seal.file, seal.seat_no, seal.source, seal.codec, seal.epoch) == (
        NAME.media,
        3,
        "camera",
        "vp8",
        1,
    )
    assert (seal.lines, seal.fragments, seal.bytes, seal.faults) == (7, 3, 250, 0)
    assert (seal.from_ms, seal.to_ms, seal.ended) == (2_000, 3_480, "room-closed")


def test_a_track_that_never_began_is_sealed_as_such() -> None:
    seal = seal_track(NAME, read_index(b""))
    assert (seal.codec, seal.ended, seal.from_ms, seal.to_ms, seal.head) == ("", "", 0, 0, GENESIS)


def manifest() -> Manifest:
    seal = seal_track(NAME, read_index(text(written(acts(3)))))
    return Manifest("room-1", 1_000, 2_000, (seal,), (GapSeal(3, "camera", 9_000, 9_500, "network-loss"),))


def test_a_manifest_is_read_as_written() -> None:
    assert parse_manifest(manifest().to_bytes()) == manifest()
    timeless = replace(manifest(), zero_wall_ms=None)
    assert parse_manifest(timeless.to_bytes()) == timeless


@given(st.data())
def test_any_changed_byte_of_a_manifest_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(manifest().to_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Malformed):
        parse_manifest(bytes(whole))


@pytest.mark.parametrize("key", ["room_id", "sealed_wall_ms", "tracks", "gaps"])
def test_a_manifest_with_a_part_of_another_kind_is_malformed(key: str) -> None:
    told = json.loads(manifest().to_bytes())
    told["manifest"][key] = [1]
    with pytest.raises(Malformed):
        parse_manifest(canonical_json(told) + b"\n")


@given(st.integers(0, 12), st.data())
def test_reading_on_gives_the_same_as_reading_at_once(count: int, data: st.DataObject) -> None:
    lines = written(acts(count))
    known = data.draw(st.integers(0, len(lines)))
    begun = read_index(text(lines[:known]))
    assert continue_index(begun, text(lines[known:]) + b"half") == read_index(text(lines) + b"half")


def test_an_index_that_does_not_hold_is_not_read_on() -> None:
    with pytest.raises(ValueError, match="as a whole"):
        continue_index(read_index(b"x\n"), b"")
