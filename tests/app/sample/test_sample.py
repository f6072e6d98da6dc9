"""The sample data has the shape it is said to have, and is the same everywhere."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.audit import service as audit
from app.core.clock import ManualClock
from app.core.sealing import Sealer
from app.projects.service import PartyRole
from app.sample import sheets
from app.sample.booking import sample_booking
from app.sample.centers import sample_centers
from app.sample.dirty import TODAY, dirty_rows, planted
from app.sample.loading import load_sample
from app.sample.people import RARE, employers, person, unit
from app.sample.stream import Stream
from expert_draw.identifiers import read_credit_code, read_identity
from expert_draw.regions import city_of
from expert_draw.roster import SHALLOW, import_sheet
from expert_draw.sheet import parse_sheet
from expert_draw.sheet_problems import KINDS
from expert_draw.specialties import SPECIALTIES
from expert_draw.spreadsheet import read_sheet
from tests.support.halls import NOW, make_database
from venue import service
from venue.setup import CenterKind, RoomFunction

PEOPLE = [person(index) for index in range(sheets.PEOPLE)]
DOCUMENT = Path(__file__).parents[3] / "docs" / "sample-data.md"
WHOLE_SHEET = {"header-missing", "column-missing", "column-twice", "rows-missing"}


def depth() -> Counter[str]:
    return Counter(code for expert in PEOPLE for code in expert.specialties)


def as_text(rows: tuple[tuple[object, ...], ...]) -> tuple[tuple[str, ...], ...]:
    width = max(len(row) for row in rows)
    return tuple(
        tuple("" if cell is None else str(cell) for cell in (*row, *([None] * (width - len(row)))))
        for row in rows
    )


def test_the_host_has_the_rooms_and_seats_that_were_reported() -> None:
    host = sample_centers()[0]
    rooms = Counter(room.function for room in host.rooms)
    assert host.kind is CenterKind.host
    assert rooms == {RoomFunction.opening: 19, RoomFunction.witness: 23, RoomFunction.evaluation: 26}
    assert sum(len(room.seats) for room in host.rooms) == 198
    assert len({room.zone for room in host.rooms}) == 11
    assert all(room.seats for room in host.rooms if room.function is RoomFunction.evaluation)


def test_there_are_fifteen_sisters_and_twenty_six_partners_in_as_many_cities() -> None:
    centers = sample_centers()
    assert Counter(center.kind for center in centers) == {"host": 1, "sister": 15, "partner": 26}
    assert len({city_of(center.region_code) for center in centers}) == 42
    for center in centers:
        in_province = center.region_code.startswith("53")
        assert in_province == (center.kind is not CenterKind.partner)
        assert (center.seat_quota is not None) == (center.agreement_from is not None) == (not in_province)
        assert 20_000_000 < center.latitude_e6 < 45_000_000
        assert 97_000_000 < center.longitude_e6 < 123_000_000


def test_no_pretend_expert_or_unit_can_be_a_real_one() -> None:
    for expert in PEOPLE:
        assert read_identity(expert.identity).birth == expert.birth
        assert expert.identity.startswith("999")
        assert read_credit_code(expert.employer.code)[2:5] == "999"
        assert expert.employer.name.startswith("示例")
    for values in (
        [expert.identity for expert in PEOPLE],
        [expert.phone for expert in PEOPLE],
        [expert.number for expert in PEOPLE],
    ):
        assert len(set(values)) == 3000
    assert (
        len({employer.code for employer in employers()})
        == len({employer.name for employer in employers()})
        == 420
    )


def test_specialties_are_deep_and_shallow_as_the_document_says() -> None:
    found = depth()
    shallow = [code for code, count in found.items() if count < SHALLOW]
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(found) == {code for code in SPECIALTIES if len(code) == 7}
    assert f"{len(shallow)} of {len(found)} specialties have fewer than ten experts" in text
    for code in ("A080104", "A060101", *RARE):
        assert f"| {code} | {SPECIALTIES[code]} | {found[code]} |" in text
    assert all(found[code] <= 3 for code in RARE)
    for code in sorted(shallow):
        assert code in text


def test_a_committee_of_five_can_come_from_five_cities() -> None:
    for code in ("A080104", "A060101"):
        assert len({city_of(expert.region_code) for expert in PEOPLE if code in expert.specialties}) == 16


def test_the_shipped_sheets_are_what_the_generator_writes_cell_by_cell() -> None:
    assert read_sheet(sheets.shipped(sheets.GOOD)) == as_text(sheets.good_rows())
    shipped = read_sheet(sheets.shipped(sheets.DIRTY))
    written = as_text(dirty_rows())
    rounded = [entry.row for entry in planted() if entry.code == "identity-rounded"]
    assert len(shipped) == len(written)
    for number, (one, other) in enumerate(zip(shipped, written, strict=True), 1):
        assert one == other or number in rounded


def test_writing_the_sheets_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    for path in (first, second):
        sheets.write_good(path, 25)
    assert first.read_bytes() == second.read_bytes()
    sheets.write_dirty(first)
    sheets.write_dirty(second)
    assert first.read_bytes() == second.read_bytes()


def test_all_three_sheets_are_written_and_the_text_says_the_same_as_the_workbook(
    tmp_path: Path,
) -> None:
    good, text, dirty = sheets.write_samples(tmp_path / "new", 40)
    assert [path.name for path in (good, text, dirty)] == [
        "experts.xlsx",
        "experts.csv",
        "experts-dirty.xlsx",
    ]
    assert len(read_sheet(good)) == 41
    assert read_sheet(good) == read_sheet(text)
    assert read_sheet(dirty)


def test_the_good_sheet_has_nothing_to_mend() -> None:
    sheet = parse_sheet(read_sheet(sheets.shipped()), TODAY)
    assert sheet.problems == ()
    assert len(sheet.rows) == 3000


def test_every_planted_error_is_listed_by_row_and_column_and_nothing_else_is() -> None:
    sheet = parse_sheet(read_sheet(sheets.shipped(sheets.DIRTY)), TODAY)
    found = {(problem.row, problem.header, problem.code) for problem in sheet.problems}
    assert found == {(item.row, item.header, item.code) for item in planted() if not item.needs_sample}
    assert len(sheet.problems) == len(found)


def test_there_is_a_planted_error_of_every_kind_that_a_row_can_have() -> None:
    assert {item.code for item in planted()} == set(KINDS) - WHOLE_SHEET
    assert len({item.row for item in planted()}) == len(planted())


def test_the_sample_is_loaded_once_and_the_dirty_sheet_clashes_with_it_as_planted(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    clock, sealer = ManualClock(NOW), Sealer(bytes(32))
    told: list[int] = []
    first = load_sample(database, clock, sealer, lambda done, _: told.append(done))
    again = load_sample(database, clock, sealer)
    assert (first.centers, first.roster.new, first.roster.applied) == (42, 3000, True)
    assert first.roster.problems == ()
    assert (again.host_center_id, again.roster.new, again.roster.unchanged) == (first.host_center_id, 0, 3000)
    assert told[-1] == 1000
    with database.reading() as session:
        boards = service.seat_board(session, NOW)
        assert next(board for board in boards if board.kind == "host").counts[service.SeatState.free] == 198
        assert sum(board.counts[service.SeatState.fault] for board in boards) == 2
        offered = {
            offer.region_code
            for offer in service.offers(session, NOW, datetime(2026, 11, 22, tzinfo=UTC), NOW)
        }
        assert len(offered) == 41
        assert "150200" not in offered
        tags = [event.tag for event in audit.trail(session, "house")]
        assert tags.count("sample:sample:loaded") == 1
        dirty = read_sheet(sheets.shipped(sheets.DIRTY))
        report = import_sheet(session, sealer, NOW, dirty, actor="a", dry_run=True)
    found = {(problem.row, problem.header, problem.code) for problem in report.problems}
    # A row whose only fault is one against the roster is otherwise good, so both kinds are seen at once.
    assert found == {(item.row, item.header, item.code) for item in planted()}
    database.dispose()


def test_the_sample_booking_leaves_somebody_out_and_can_still_be_filled() -> None:
    booking = sample_booking()
    roles = Counter(party.role for party in booking.lot.parties)
    assert roles == {PartyRole.tenderee: 1, PartyRole.agency: 1, PartyRole.bidder: 5, PartyRole.avoid: 2}
    assert sum(criterion.max_hundredths for criterion in booking.lot.criteria) == 10_000
    assert [count for _, count in booking.slots] == [3, 2]
    codes = {party.credit_code for party in booking.lot.parties}
    assert len(codes) == 9
    for code in codes:
        assert code is not None
        assert read_credit_code(code)[2:5] == "999"
    asked = [expert for expert in PEOPLE if any(code in expert.specialties for code, _ in booking.slots)]
    left_out = [expert for expert in asked if expert.employer.code in codes]
    assert 5 <= len(left_out) <= len(asked) // 5


@given(st.integers(0, 99_999))
def test_each_pretend_expert_is_well_formed_whoever_asks_first(index: int) -> None:
    expert = person(index)
    assert read_identity(expert.identity).gender == ("1" if expert.gender == "男" else "2")
    assert expert == person.__wrapped__(index)
    assert expert.years <= date(2024, 1, 1).year - expert.birth.year - 24
    assert set(expert.specialties) <= set(SPECIALTIES)


@given(st.integers(0, 99_999), st.integers(0, 99_999))
def test_units_of_different_numbers_have_different_codes(one: int, other: int) -> None:
    first, second = read_credit_code(unit(one, "示例").code), read_credit_code(unit(other, "示例").code)
    assert (first == second) == (one == other)


@given(st.text(max_size=5), st.integers(1, 1 << 64))
def test_a_stream_depends_on_its_name_only_and_stays_in_bounds(name: str, limit: int) -> None:
    one, other = Stream(name), Stream(name)
    numbers = [one.below(limit) for _ in range(5)]
    assert numbers == [other.below(limit) for _ in range(5)]
    assert all(0 <= number < limit for number in numbers)


def test_a_stream_is_even_and_its_weights_and_shuffles_are_just() -> None:
    stream = Stream("even")
    counts = Counter(stream.below(6) for _ in range(6000))
    assert all(900 < counts[side] < 1100 for side in range(6))
    drawn = Counter(stream.weighted(("a", "b", "c"), (1, 0, 3)) for _ in range(4000))
    assert drawn["b"] == 0
    assert 850 < drawn["a"] < 1150
    firsts = Counter(stream.shuffled("abc") for _ in range(6000))
    assert len(firsts) == 6
    assert all(900 < count < 1100 for count in firsts.values())


def test_a_limit_that_does_not_divide_the_span_favours_nobody() -> None:
    stream = Stream("wide")
    limit = 3 << 62
    low = sum(stream.below(limit) < limit // 3 for _ in range(3000))
    assert 900 < low < 1100


def test_the_first_numbers_of_a_stream_never_change() -> None:
    stream = Stream("yuanping")
    assert [stream.below(1000) for _ in range(6)] == [818, 749, 547, 128, 299, 530]
