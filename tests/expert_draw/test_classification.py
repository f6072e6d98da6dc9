"""Specialties and regions by their codes and by what people write instead."""

import pytest

from expert_draw.regions import CITIES, PROVINCES, city_of, is_named, region_code, region_name
from expert_draw.specialties import SPECIALTIES, covers, is_listed, specialty_name, suggestion


def test_every_listed_specialty_has_the_groups_above_it() -> None:
    for code in SPECIALTIES:
        assert len(code) in {3, 5, 7}
        assert len(code) == 3 or code[:-2] in SPECIALTIES


def test_a_place_is_covered_by_what_lies_below_it_and_not_the_other_way_round() -> None:
    assert covers("A08", "A080104")
    assert covers("A0801", "A080104")
    assert covers("A080104", "A080104")
    assert not covers("A080104", "A0801")
    assert not covers("A0802", "A080104")


def test_a_name_tells_its_group() -> None:
    assert specialty_name("A080104") == "建筑工程·土建工程"
    assert specialty_name("A08") == "工程施工"
    assert specialty_name("C030400") == "建筑经济管理"
    assert specialty_name("Z99") == "Z99"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("A08O104", "A080104"),
        ("a080104", "A080104"),
        ("AO8", "A08"),
        ("土建工程", "A080104"),
        ("土建", "A080104"),
        ("建筑工程·土建工程", "A080104"),
        ("A0801044", "A080104"),
        ("Z990000", None),
        ("会唱歌", None),
    ],
)
def test_the_code_that_was_meant_is_suggested(written: str, meant: str | None) -> None:
    assert suggestion(written) == meant
    assert meant is None or is_listed(meant)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("530600", "530600"),
        ("530602", "530602"),
        ("5306", "530600"),
        ("53", "530000"),
        ("云南省昭通市", "530600"),
        ("云南昭通", "530600"),
        ("昭通市", "530600"),
        ("昭通", "530600"),
        ("云南省怒江傈僳族自治州", "533300"),
        ("云南省怒江州", "533300"),
        ("红河州", "532500"),
        ("内蒙古", "150000"),
        ("重庆市", "500100"),
        ("990600", None),
        ("5306000", None),
        ("530", None),
        ("５３０６", None),
        ("亚特兰蒂斯", None),
    ],
)
def test_a_region_is_known_by_code_and_by_name(written: str, code: str | None) -> None:
    assert region_code(written) == code


def test_regions_are_named_as_far_as_they_are_known() -> None:
    assert region_name("530602") == region_name("5306") == "云南省昭通市"
    assert region_name("533300") == "云南省怒江傈僳族自治州"
    assert region_name("500100") == "重庆市"
    assert region_name("53") == "云南省"
    assert region_name("990000") == "990000"
    assert (city_of("530602"), city_of("53")) == ("5306", "5300")
    assert is_named("530602")
    assert not is_named("659012")


def test_every_named_city_lies_in_a_named_province() -> None:
    assert len(PROVINCES) == 34
    assert all(code[:2] in PROVINCES for code in CITIES)
    assert sum(code.startswith("53") for code in CITIES) == 16
