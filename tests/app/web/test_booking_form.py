"""What the booking form understands, and where it says that something is wrong."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.schemas import BookingIn
from app.web.pages import booking_form
from app.web.pages.booking_form import Filled, blank, read, understand
from app.web.pages.forms import Typed

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
GOOD: Typed = {
    "project_number": ("ZT-1",),
    "project_name": (" 水库工程 ",),
    "lot_number": ("1",),
    "lot_name": ("一标段",),
    "host_center_id": ("center",),
    "starts_at": ("2026-11-24T09:00",),
    "minutes": ("240",),
    "tenderee_name": ("某水务局",),
    "slot_specialty": ("A080104 建筑工程", "", "A06"),
    "slot_count": ("3", "", "2"),
    "bidder_name": ("甲", "", "乙"),
    "bidder_code": ("91530600ma00000001", "", ""),
    "criterion_name": ("技术", "报价"),
    "criterion_points": ("60", "39.25"),
}
NAMES = tuple(GOOD)
ANYTHING = st.dictionaries(
    st.sampled_from((*NAMES, "avoid_name", "avoid_code", "agency_name", "agency_code")),
    st.lists(
        st.text(max_size=12) | st.sampled_from(["3", "A08", "2026-11-24T09:00", "NaN", "1e9"]), max_size=4
    ).map(tuple),
)


def test_a_good_form_becomes_a_booking() -> None:
    wanted = understand(read(GOOD))
    assert isinstance(wanted, BookingIn)
    assert wanted.project_name == "水库工程"
    assert wanted.starts_at == datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert [(slot.specialty, slot.count) for slot in wanted.slots] == [("A080104", 3), ("A06", 2)]
    assert [unit.credit_code for unit in wanted.bidders] == ["91530600MA00000001", None]
    assert [one.max_hundredths for one in wanted.criteria] == [6000, 3925]
    assert wanted.agency is None


@pytest.mark.parametrize("points", ["1e999999", "1e3", "+1", "1.005", "10000", "NaN", "1_0", "٣"])
def test_points_are_plain_digits_with_at_most_two_decimals(points: str) -> None:
    assert understand(read({**GOOD, "criterion_points": (points, "40")})) == {
        "criterion_points-0": "请填写大于 0 的分值，至多两位小数"
    }


@pytest.mark.parametrize("field", ["project_number", "project_name", "tenderee_name"])
def test_control_characters_are_refused_where_they_stand(field: str) -> None:
    for text in ("甲\0乙", "甲\x1b[2J", "甲\n乙", "甲\x85乙"):
        assert understand(read({**GOOD, field: (text,)})) == {field: "不能含有控制字符，请重新填写"}


def test_full_width_digits_and_letters_count_as_what_they_stand_for() -> None:
    wide = {
        **GOOD,
        "minutes": ("２４０",),
        "slot_specialty": ("ａ０８", "", "A06"),
        "criterion_points": ("６０", "40"),
    }
    wanted = understand(read(wide))
    assert isinstance(wanted, BookingIn)
    assert (wanted.minutes, wanted.slots[0].specialty) == (240, "A08")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"project_name": ("",)}, "project_name"),
        ({"project_name": ("长" * 121,)}, "project_name"),
        ({"starts_at": ("tomorrow",)}, "starts_at"),
        ({"minutes": ("5",)}, "minutes"),
        ({"slot_count": ("3", "", "many")}, "slot_count-2"),
        ({"slot_specialty": ("建筑", "", "A06")}, "slot_specialty-0"),
        ({"slot_specialty": ("", "", ""), "slot_count": ("", "", "")}, "slot_specialty-0"),
        ({"bidder_name": ("甲", "", "")}, None),
        ({"bidder_name": ("", "", "")}, "bidder_name-0"),
        ({"bidder_code": ("", "", "x")}, "bidder_code-2"),
        ({"tenderee_code": ("x",)}, "tenderee_code"),
        ({"agency_code": ("91530600MA00000001",)}, "agency_name"),
        ({"criterion_points": ("60", "39.255")}, "criterion_points-1"),
        ({"criterion_points": ("60", "")}, "criterion_points-1"),
        ({"criterion_points": ("0", "1")}, "criterion_points-0"),
        ({"criterion_points": ("Infinity", "1")}, "criterion_points-0"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(change: Typed, field: str | None) -> None:
    found = understand(read({**GOOD, **change}))
    assert (set(found) if isinstance(found, dict) else None) == ({field} if field else None)


@given(ANYTHING)
def test_any_form_is_understood_or_refused_field_by_field(typed: Typed) -> None:
    filled = read(typed)
    found = understand(filled)
    if isinstance(found, dict):
        assert found
        known = {
            f"{name}-{n}" for pair in booking_form._GROUPS.values() for name, _ in pair for n in range(4)
        }
        assert set(found) <= known | set(filled.single) | {"tenderee_name", "agency_name"}
        assert all(found.values())


@given(ANYTHING)
def test_nothing_typed_is_lost_when_the_form_is_shown_again(typed: Typed) -> None:
    filled = read(typed)
    for name, value in filled.single.items():
        assert value == (typed.get(name) or ("",))[0].strip()


def test_a_fresh_form_starts_tomorrow_at_nine_in_china() -> None:
    fresh = blank(datetime(2026, 11, 30, 20, tzinfo=UTC), "center")
    assert fresh.single["starts_at"] == "2026-12-02T09:00"
    assert fresh.single["host_center_id"] == "center"
    assert isinstance(fresh, Filled)
    assert not fresh.errors
