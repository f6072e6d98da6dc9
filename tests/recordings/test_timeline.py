"""Where every moment lies in the files, and why some moments are missing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import sha256_hex
from app.core.samples import Source
from recordings.lines import (
    NO_LEVEL,
    Act,
    Chain,
    ClockLine,
    Closed,
    Fault,
    Fragment,
    Gap,
    Header,
    IndexReading,
    Opened,
    Recovered,
    TrackName,
    read_index,
)
from recordings.timeline import (
    FROZEN,
    NO_SIGNAL,
    NOT_JOINED,
    PIECE_MS,
    TAKEN_OVER,
    TOLERANCE_MS,
    UNKNOWN,
    Missing,
    Overlap,
    RoomTimeline,
    gather,
    room_timeline,
    track_timeline,
)

HASH = sha256_hex(b"")


def index(
    name: TrackName,
    spans: list[tuple[int, int]],
    gaps: list[tuple[int, int, str]] = [],  # noqa: B006 -- never changed
    end: Act | None = None,
    keyframe_every: int = 4,
    frozen: tuple[int, ...] = (),
) -> tuple[TrackName, IndexReading]:
    codec = "vp8" if name.source is Source.camera else "opus"
    acts: list[Act] = [
        Opened(
            "room-1",
            name.seat_no,
            name.source,
            codec,
            codec,
            64,
            48,
            name.lease,
            name.connection,
            name.part,
            0,
            1,
            0,
        ),
        Header(0, 100, HASH, 0),
        ClockLine(0, 1, 2, 3, 4, 0),
    ]
    for number, (start, stop) in enumerate(spans):
        keyframe = number % keyframe_every == 0 or name.source is Source.microphone
        acts.append(
            Fragment(
                100 + 10 * number,
                10,
                HASH,
                start,
                stop,
                0,
                stop,
                0,
                12,
                0,
                0,
                number % 128,
                number in frozen,
                keyframe,
            )
        )
    acts += [Gap(*gap, 0) for gap in gaps]
    acts += [end] if end else []
    chain, lines = Chain(), []
    for act in acts:
        chain, raw = chain.append(act)
        lines.append(raw + b"\n")
    reading = read_index(b"".join(lines))
    assert not reading.faults
    return name, reading


def every_half(start: int, stop: int) -> list[tuple[int, int]]:
    return [(at, at + 480) for at in range(start, stop, 500)]


CAMERA = TrackName(1, Source.camera, 1, 1, 1)
ROLLED = TrackName(1, Source.camera, 1, 1, 2)
AGAIN = TrackName(1, Source.camera, 1, 2, 1)
LATER_LEASE = TrackName(1, Source.camera, 2, 1, 1)
OTHER = TrackName(2, Source.camera, 1, 1, 1)
MICROPHONE = TrackName(1, Source.microphone, 1, 1, 1)
CLOSED = Closed("room-closed", 0)


def _spans(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    at, laid = 0, []
    for pause, length in steps:
        laid.append((at + pause, at + pause + length))
        at += pause + length
    return laid


spans = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 500)), min_size=1, max_size=25).map(_spans)

told = st.lists(
    st.tuples(st.integers(0, 40_000), st.integers(0, 5_000), st.sampled_from(["network-loss", "muted"])),
    max_size=6,
).map(lambda gaps: [(start, start + length, reason) for start, length, reason in gaps])


def timeline(*indexes: tuple[TrackName, IndexReading]) -> RoomTimeline:
    return room_timeline(indexes)


def test_an_empty_room_has_no_tracks() -> None:
    assert timeline() == RoomTimeline(0, 0, ())


def test_a_track_without_media_is_missing_as_a_whole() -> None:
    room = timeline(index(CAMERA, every_half(0, 5_000), end=CLOSED), index(OTHER, []))
    assert room.tracks[1].gaps == (Missing(0, 4_980, NOT_JOINED),)


def test_a_track_alone_without_media_has_no_window() -> None:
    assert timeline(index(CAMERA, [])).tracks[0].gaps == ()


def test_seats_are_laid_on_one_clock_and_late_comers_show_as_not_joined() -> None:
    room = timeline(
        index(OTHER, every_half(4_000, 9_000), end=CLOSED), index(CAMERA, every_half(0, 9_000), end=CLOSED)
    )
    assert [track.seat_no for track in room.tracks] == [1, 2]
    assert (room.from_ms, room.to_ms) == (0, 8_980)
    assert room.tracks[0].gaps == ()
    assert room.tracks[1].gaps == (Missing(0, 4_000, NOT_JOINED),)


def test_a_seat_that_left_early_is_missing_with_the_reason_it_left() -> None:
    room = timeline(
        index(CAMERA, every_half(0, 3_000), end=Closed("connection-lost", 0)),
        index(OTHER, every_half(0, 9_000), end=CLOSED),
    )
    assert room.tracks[0].gaps == (Missing(2_980, 8_980, "connection-lost"),)


def test_a_seat_that_is_silent_but_still_open_has_no_signal() -> None:
    room = timeline(index(CAMERA, every_half(0, 3_000)), index(OTHER, every_half(0, 9_000)))
    assert room.tracks[0].gaps == (Missing(2_980, 8_980, NO_SIGNAL),)


def test_a_restart_between_two_connections_is_told_with_its_reason() -> None:
    end = Recovered(160, 10, HASH, 10, 3_000, 3_400, False, 0, HASH, "server-restart", 0)
    room = timeline(
        index(CAMERA, every_half(0, 3_000), end=end), index(AGAIN, every_half(7_000, 9_000), end=CLOSED)
    )
    (track,) = room.tracks
    assert track.gaps == (Missing(3_400, 7_000, "server-restart"),)
    assert track.coverage == ((0, 3_400), (7_000, 8_980))
    recovered = next(piece for piece in track.fragments if piece.from_ms <= 3_200 <= piece.to_ms)
    assert (recovered.file, recovered.offset, recovered.length) == (CAMERA.media, 160, 10)


def test_a_recovery_without_whole_clusters_adds_no_media() -> None:
    end = Recovered(160, 10, HASH, 0, 0, 0, False, 0, HASH, "server-restart", 0)
    (track,) = timeline(index(CAMERA, every_half(0, 3_000), end=end)).tracks
    assert track.coverage == ((0, 2_980),)


def test_a_short_loss_within_coverage_is_told_too() -> None:
    (track,) = timeline(index(CAMERA, every_half(0, 5_000), [(1_100, 1_300, "network-loss")], CLOSED)).tracks
    assert track.gaps == (Missing(1_100, 1_300, "network-loss"),)


def test_a_hole_takes_the_reason_that_was_written_for_most_of_it() -> None:
    spans = every_half(0, 3_000) + every_half(7_000, 9_000)
    (track,) = timeline(
        index(CAMERA, spans, [(2_900, 3_100, "muted"), (3_100, 6_900, "network-loss")], CLOSED)
    ).tracks
    assert track.gaps == (Missing(2_900, 2_980, "muted"), Missing(2_980, 7_000, "network-loss"))


def test_neighbouring_gaps_of_one_reason_are_one_gap() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 5_000), [(1_000, 1_100, "muted"), (1_100, 1_200, "muted")], CLOSED)
    ).tracks
    assert track.gaps == (Missing(1_000, 1_200, "muted"),)


def test_just_behind_a_frame_its_picture_still_stands() -> None:
    (track,) = timeline(index(CAMERA, [(0, 400), (1_200, 1_600)], end=CLOSED)).tracks
    assert track.gaps == ()
    (track,) = timeline(index(CAMERA, [(0, 400), (401 + TOLERANCE_MS, 1_600)], end=CLOSED)).tracks
    assert track.gaps == (Missing(400, 401 + TOLERANCE_MS, NO_SIGNAL),)


@given(spans, told)
def test_gaps_lie_in_order_within_the_room_and_never_overlap(
    laid: list[tuple[int, int]], gaps: list[tuple[int, int, str]]
) -> None:
    room = timeline(index(CAMERA, laid, gaps, CLOSED), index(OTHER, [(0, 45_000)], end=CLOSED))
    for track in room.tracks:
        assert all(room.from_ms <= gap.from_ms < gap.to_ms <= room.to_ms for gap in track.gaps)
        assert all(before.to_ms <= after.from_ms for before, after in pairwise(track.gaps))
        assert all(before[1] + TOLERANCE_MS < after[0] for before, after in pairwise(track.coverage))


@given(spans, told, st.data())
def test_every_moment_is_in_a_fragment_or_has_a_reason(
    laid: list[tuple[int, int]], gaps: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    room = timeline(index(CAMERA, laid, gaps, CLOSED), index(OTHER, [(0, 45_000)], end=CLOSED))
    track = room.tracks[0]
    at = data.draw(st.integers(0, 45_000))
    missing = [gap for gap in track.gaps if gap.from_ms <= at < gap.to_ms]
    if missing:
        assert all(gap.reason for gap in missing)
        told_here = any(start <= at < stop for start, stop, _ in gaps)
        assert told_here or not any(start < at < stop for start, stop in laid)
    elif at < room.to_ms:
        assert any(
            piece.from_ms - TOLERANCE_MS <= at <= piece.to_ms + TOLERANCE_MS for piece in track.fragments
        )


@given(spans, st.sampled_from([CAMERA, MICROPHONE]))
def test_gathering_keeps_every_byte_once_and_begins_at_key_frames(
    laid: list[tuple[int, int]], name: TrackName
) -> None:
    (track,) = timeline(index(name, laid, end=CLOSED)).tracks
    pieces = gather(track.fragments)
    assert sum(piece.length for piece in pieces) == sum(piece.length for piece in track.fragments)
    assert all(before.offset + before.length == after.offset for before, after in pairwise(pieces))
    assert all(piece.to_ms - piece.from_ms <= max(PIECE_MS, 500) for piece in pieces)
    if name.source is Source.camera:
        assert {piece.offset for piece in track.fragments if piece.keyframe} <= {
            piece.offset for piece in pieces
        }


@given(spans, st.integers(1, 24))
def test_pieces_of_a_growing_track_stay_as_they_were(laid: list[tuple[int, int]], known: int) -> None:
    (track,) = timeline(index(CAMERA, laid)).tracks
    before, after = gather(track.fragments[:known]), gather(track.fragments)
    assert before[:-1] == after[: len(before) - 1]


def test_pieces_of_two_files_are_never_joined() -> None:
    (track,) = timeline(index(CAMERA, every_half(0, 1_000)), index(AGAIN, every_half(1_000, 2_000))).tracks
    assert [piece.name for piece in gather(track.fragments)] == [CAMERA, AGAIN]


def test_a_timeline_may_be_asked_for_a_wider_window() -> None:
    name, reading = index(CAMERA, every_half(5_000, 6_000), end=CLOSED)
    (part,) = room_timeline([(name, reading)]).tracks[0].parts
    wide = track_timeline(1, Source.camera, [part], 0, 20_000)
    assert wide.gaps == (Missing(0, 5_000, NOT_JOINED), Missing(5_980, 20_000, "room-closed"))


def test_parts_of_one_connection_run_on_without_a_gap() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 3_000), end=Closed("rolled", 0)),
        index(ROLLED, every_half(3_000, 6_000), end=CLOSED),
    ).tracks
    assert track.gaps == ()
    assert track.coverage == ((0, 5_980),)
    assert [part.ended for part in track.parts] == ["rolled", "room-closed"]
    assert [(part.codec, part.codecs, part.width, part.height) for part in track.parts] == [
        ("vp8", "vp8", 64, 48)
    ] * 2


def test_a_hole_behind_a_file_that_was_rolled_is_no_fault_of_the_rolling() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 3_000), end=Closed("rolled", 0)),
        index(ROLLED, every_half(6_000, 9_000), end=CLOSED),
    ).tracks
    assert track.gaps == (Missing(2_980, 6_000, NO_SIGNAL),)


def test_even_a_short_silence_between_two_connections_is_a_gap() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 3_000), end=Closed("connection-lost", 0)),
        index(AGAIN, every_half(3_500, 6_000), end=CLOSED),
    ).tracks
    assert track.gaps == (Missing(2_980, 3_500, "connection-lost"),)


def test_a_picture_that_stood_still_is_named_frozen_unless_somebody_said_why() -> None:
    spans = every_half(0, 3_000) + every_half(6_000, 9_000)
    (track,) = timeline(index(CAMERA, spans, end=CLOSED, frozen=(6,))).tracks
    assert track.gaps == (Missing(2_980, 6_000, FROZEN),)
    (track,) = timeline(index(CAMERA, spans, end=CLOSED)).tracks
    assert track.gaps == (Missing(2_980, 6_000, NO_SIGNAL),)
    (track,) = timeline(index(CAMERA, spans, [(3_000, 5_900, "muted")], CLOSED, frozen=(6,))).tracks
    assert track.gaps == (Missing(2_980, 6_000, "muted"),)


def test_nothing_explains_a_hole_behind_a_file_that_ends_without_a_word() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 3_000)), index(AGAIN, every_half(6_000, 9_000), end=CLOSED)
    ).tracks
    assert track.gaps == (Missing(2_980, 6_000, UNKNOWN),)
    name, reading = index(CAMERA, every_half(0, 3_000))
    broken = IndexReading(reading.lines, (Fault(3, "chain-broken", None, None),), b"")
    (track, _) = room_timeline([(name, broken), index(OTHER, every_half(0, 9_000), end=CLOSED)]).tracks
    assert track.gaps == (Missing(2_980, 8_980, UNKNOWN),)
    assert not track.parts[0].faultless


def test_a_file_whose_writer_lost_the_lease_was_taken_over() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 3_000)), index(LATER_LEASE, every_half(6_000, 9_000), end=CLOSED)
    ).tracks
    assert track.gaps == (Missing(2_980, 6_000, TAKEN_OVER),)


def test_where_two_leases_recorded_the_later_one_is_played_and_the_other_told() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 6_000)), index(LATER_LEASE, every_half(4_000, 9_000), end=CLOSED)
    ).tracks
    assert track.gaps == ()
    assert track.coverage == ((0, 8_980),)
    assert track.overlaps == (Overlap(1, 4_000, 5_980),)
    assert {piece.name for piece in track.fragments if piece.from_ms >= 4_000} == {LATER_LEASE}
    assert len(track.parts[0].fragments) == 12


def test_an_earlier_lease_is_played_where_the_later_one_has_nothing() -> None:
    (track,) = timeline(
        index(CAMERA, every_half(0, 12_000), end=CLOSED),
        index(LATER_LEASE, every_half(2_000, 4_000) + every_half(8_000, 10_000), end=CLOSED),
    ).tracks
    assert track.coverage == ((0, 11_980),)
    assert track.overlaps == (Overlap(1, 2_000, 3_980), Overlap(1, 8_000, 9_980))


@given(spans, spans)
def test_of_two_leases_every_moment_of_the_later_is_played_and_nothing_twice(
    earlier: list[tuple[int, int]], later: list[tuple[int, int]]
) -> None:
    (track,) = timeline(index(CAMERA, earlier, end=CLOSED), index(LATER_LEASE, later, end=CLOSED)).tracks
    assert [piece for piece in track.fragments if piece.name == LATER_LEASE] == list(track.parts[1].fragments)
    old = [piece for piece in track.fragments if piece.name == CAMERA]
    new = track.parts[1].fragments
    assert not [(a, b) for a in old for b in new if b.from_ms <= a.from_ms <= b.to_ms]
    left_out = set(track.parts[0].fragments) - set(old)
    assert all(
        any(overlap.from_ms <= piece.from_ms and piece.to_ms <= overlap.to_ms for overlap in track.overlaps)
        for piece in left_out
    )


def test_the_loudest_packet_of_each_second_is_known() -> None:
    (track,) = timeline(index(MICROPHONE, every_half(2_000, 5_000), end=CLOSED)).tracks
    assert track.levels(0, 6_500) == (NO_LEVEL, NO_LEVEL, 0, 2, 4, NO_LEVEL, NO_LEVEL)
    assert track.levels(3_000, 4_000) == (2,)
    assert track.levels(3_000, 3_000) == ()
