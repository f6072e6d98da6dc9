"""The written account, line by line: nothing in it can be changed, taken out or moved unnoticed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import canonical_json, sha256_hex
from app.core.samples import Source
from recordings.lines import (
    GENESIS,
    MAX_LINE,
    Act,
    Chain,
    ClockLine,
    Closed,
    Event,
    Fragment,
    Gap,
    Header,
    IndexReading,
    Ledger,
    Malformed,
    Opened,
    Recovered,
    TrackName,
    continue_index,
    ending_of,
    ends,
    events_file,
    good_prefix,
    is_line,
    lease_of,
    named,
    parse_line,
    read_index,
)

HASH = sha256_hex(b"")
NAME = TrackName(3, Source.camera, 2, 4, 1)
OPENED = Opened("room-1", 3, "camera", "vp8", "vp8", 640, 480, 2, 4, 1, 900, 1, 1_000)
HEADER = Header(0, 100, HASH, 1_000)


def fragment(number: int, offset: int, length: int = 50) -> Fragment:
    start = 2_000 + number * 500
    return Fragment(
        offset,
        length,
        HASH,
        start,
        start + 480,
        start,
        start + 490,
        7,
        12,
        0,
        0,
        127,
        number % 5 == 3,
        number % 4 == 0,
    )


def acts(count: int) -> list[Act]:
    """A track of `count` fragments, closed well."""
    told: list[Act] = [OPENED, HEADER]
    told += [fragment(number, 100 + number * 50) for number in range(count)]
    told.append(ClockLine(9_000, 2**63, 5, 0, -40, 9))
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


def test_a_file_name_tells_seat_source_lease_connection_and_part() -> None:
    assert NAME.media == "seat-3-camera-2-4-1.webm"
    assert NAME.index == "seat-3-camera-2-4-1.index.jsonl"
    assert TrackName.parse(NAME.stem) == NAME
    screen = TrackName(3, Source.screen, 2, 4, 11, ending_of("h264"))
    assert screen.media == "seat-3-screen-2-4-11.mp4"
    assert TrackName.parse(screen.stem, "mp4") == screen
    assert sorted([screen, NAME]) == [NAME, screen]
    assert ending_of("opus") == "webm"


def test_the_index_says_how_the_media_file_ends() -> None:
    assert named(NAME, read_index(b"")) == NAME
    _, raw = Chain().append(OPENED._replace(codec="h264"))
    assert named(NAME, read_index(raw + b"\n")).media == "seat-3-camera-2-4-1.mp4"


@given(st.integers(1, 10**9 - 1))
def test_events_lie_in_a_file_of_their_lease(lease: int) -> None:
    assert lease_of(events_file(lease)) == lease


@pytest.mark.parametrize(
    "file", ["events-0.jsonl", "events-01.jsonl", "events-1.json", "events-1.jsonl.part"]
)
def test_no_other_file_holds_events(file: str) -> None:
    assert lease_of(file) is None


@pytest.mark.parametrize(
    "stem",
    [
        "seat-0-camera-1-1-1",
        "seat-1-camera-01-1-1",
        "seat-1-camera-1-1",
        "seat-1-window-1-1-1",
        "../seat-1-camera-1-1-1",
        "",
    ],
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
        canonical_json(
            {
                "kind": "event",
                "prev": GENESIS,
                "seq": 0,
                "at_ms": 1,
                "wall_ms": 1,
                "seat_no": 1,
                "event": "x",
                "detail": [1],
            }
        ),
        canonical_json(
            {
                "kind": "event",
                "prev": GENESIS,
                "seq": 0,
                "at_ms": 1,
                "wall_ms": 1,
                "seat_no": 1,
                "event": "x",
                "detail": {"a": [1]},
            }
        ),
        canonical_json(
            {
                "kind": "event",
                "prev": GENESIS,
                "seq": 0,
                "at_ms": 1,
                "wall_ms": 1,
                "seat_no": 1,
                "event": "x",
                "detail": {"a": -0},
            }
        )[:-2]
        + b"1.5}}",
        canonical_json({"kind": "fragment", "prev": GENESIS, "seq": 0}),
    ],
)
def test_a_line_no_recorder_wrote_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_line(raw)


def test_a_hash_that_is_none_is_malformed() -> None:
    _, raw = Chain().append(HEADER._replace(sha256="short"))
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


@given(st.integers(0, 12), st.data())
def test_reading_on_gives_the_same_as_reading_at_once(count: int, data: st.DataObject) -> None:
    lines = written(acts(count))
    known = data.draw(st.integers(0, len(lines)))
    begun = read_index(text(lines[:known]))
    assert continue_index(begun, text(lines[known:]) + b"half") == read_index(text(lines) + b"half")


def test_an_index_that_does_not_hold_is_not_read_on() -> None:
    with pytest.raises(ValueError, match="as a whole"):
        continue_index(read_index(b"x\n"), b"")


details = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9), max_size=4
)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 99), details), max_size=6))
def test_events_are_read_as_they_were_noted(
    told: list[tuple[int, int, dict[str, bool | int | str | None]]],
) -> None:
    acts: list[Act] = [Ledger("room-1", 2, 1_000, 1, 1_000)]
    acts += [Event(at_ms, 5, seat_no, "joined", detail) for at_ms, seat_no, detail in told]
    reading = read_index(text(written(acts)))
    assert [line.act for line in reading.lines] == acts
    assert (reading.faults, reading.covered, reading.opened) == ((), 0, None)


def test_a_break_between_events_is_named_with_their_time() -> None:
    acts: list[Act] = [
        Ledger("room-1", 2, 1_000, 1, 1_000),
        *(Event(at, 5, 0, "x", {}) for at in (10, 20, 30, 40)),
    ]
    lines = written(acts)
    (fault,) = read_index(text([*lines[:2], *lines[3:]])).faults
    assert (fault.code, fault.from_ms, fault.to_ms) == ("chain-broken", 10, 30)


def test_only_an_ending_line_ends() -> None:
    lines = written(acts(1))
    assert [ends(line) for line in lines] == [False] * (len(lines) - 1) + [True]
    assert not ends(b"garbage")


NUMBERS = (
    "offset", "length", "from_ms", "to_ms", "wall_ms", "arrived_ms", "rtp", "samples", "moved_ms", "lost", "level",
)  # fmt: skip


@given(
    st.tuples(*[st.integers(0, 2**62)] * len(NUMBERS)),
    st.booleans(),
    st.booleans(),
)
def test_the_quick_spelling_of_a_fragment_is_the_canonical_one(
    numbers: tuple[int, ...], frozen: bool, keyframe: bool
) -> None:
    spelled = dict(zip(NUMBERS, numbers, strict=True))
    act = fragment(1, 0)._replace(frozen=frozen, keyframe=keyframe, **spelled)  # type: ignore[arg-type]
    _, raw = Chain(7, HASH).append(act)
    assert raw == canonical_json({**act._asdict(), "kind": "fragment", "seq": 7, "prev": HASH})
    line = parse_line(raw)
    assert (line.seq, line.prev, line.act, line.sha256) == (7, HASH, act, sha256_hex(raw))


def test_numbers_too_long_for_the_quick_way_are_read_too() -> None:
    act = fragment(0, 10**25)
    _, raw = Chain().append(act)
    assert parse_line(raw).act == act
