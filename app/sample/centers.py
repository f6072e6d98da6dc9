"""The sample centers: one prefecture as it was reported, its fifteen sisters, and twenty-six partners elsewhere.

The host has 19 opening halls, 23 witness rooms, 26 evaluation rooms and 198 seats, as Zhaotong reported in July
2024 for its city and counties. The partners number 26, as Yichang reported in November 2024. Which cities they
are, their agreements, quotas and seats are made up; positions are those of the cities, to about a kilometer.
"""

from datetime import UTC, datetime

from sqlmodel import Session

from venue.setup import CenterIn, CenterKind, RoomFunction, RoomIn, enter_center

_COUNTIES = (
    "鲁甸县",
    "巧家县",
    "盐津县",
    "大关县",
    "永善县",
    "绥江县",
    "镇雄县",
    "彝良县",
    "威信县",
    "水富市",
)
_CITY_ROOMS = {RoomFunction.opening: 9, RoomFunction.witness: 13, RoomFunction.evaluation: 16}
_CITY_SEATS = (9,) * 10 + (8,) * 6
_COUNTY_SEATS = 6
_NAMES = {RoomFunction.opening: "开标", RoomFunction.witness: "见证", RoomFunction.evaluation: "评标"}
_SUFFIX = {RoomFunction.opening: "厅", RoomFunction.witness: "室", RoomFunction.evaluation: "室"}

# code, city, latitude and longitude in millionths, seats in each evaluation room
_SISTERS: tuple[tuple[str, str, int, int, tuple[int, ...]], ...] = (
    ("530100", "昆明市", 25_040_000, 102_710_000, (8, 8, 8, 8, 6, 6)),
    ("530300", "曲靖市", 25_490_000, 103_800_000, (6, 6, 6, 6)),
    ("530400", "玉溪市", 24_350_000, 102_550_000, (6, 6, 6)),
    ("530500", "保山市", 25_120_000, 99_160_000, (6, 6, 4)),
    ("530700", "丽江市", 26_860_000, 100_230_000, (6, 4)),
    ("530800", "普洱市", 22_830_000, 100_970_000, (6, 6)),
    ("530900", "临沧市", 23_880_000, 100_090_000, (6, 4)),
    ("532300", "楚雄州", 25_040_000, 101_550_000, (6, 6, 4)),
    ("532500", "红河州", 23_370_000, 103_380_000, (6, 6, 6)),
    ("532600", "文山州", 23_370_000, 104_240_000, (6, 6)),
    ("532800", "西双版纳州", 22_010_000, 100_800_000, (6, 4)),
    ("532900", "大理州", 25_590_000, 100_230_000, (6, 6, 6)),
    ("533100", "德宏州", 24_440_000, 98_580_000, (6, 4)),
    ("533300", "怒江州", 25_820_000, 98_860_000, (4, 4)),
    ("533400", "迪庆州", 27_830_000, 99_700_000, (4, 4)),
)
_DAYTIME_ONLY = frozenset({"533300", "533400"})
_FAULTY = {"530100": "08号工位", "532500": "03号工位"}

# code, city, latitude, longitude, seats, quota, year the agreement began
_PARTNERS: tuple[tuple[str, str, int, int, int, int, int], ...] = (
    ("420500", "宜昌市", 30_690_000, 111_290_000, 12, 6, 2023),
    ("421000", "荆州市", 30_330_000, 112_240_000, 8, 4, 2023),
    ("420800", "荆门市", 31_040_000, 112_200_000, 8, 4, 2023),
    ("422800", "恩施州", 30_270_000, 109_490_000, 8, 4, 2023),
    ("420600", "襄阳市", 32_010_000, 112_120_000, 8, 3, 2024),
    ("520100", "贵阳市", 26_650_000, 106_630_000, 12, 6, 2022),
    ("520200", "六盘水市", 26_590_000, 104_830_000, 8, 4, 2022),
    ("520300", "遵义市", 27_730_000, 106_930_000, 8, 4, 2022),
    ("520500", "毕节市", 27_300_000, 105_290_000, 8, 4, 2022),
    ("510100", "成都市", 30_570_000, 104_070_000, 12, 6, 2022),
    ("510400", "攀枝花市", 26_580_000, 101_720_000, 6, 3, 2022),
    ("510500", "泸州市", 28_870_000, 105_440_000, 8, 4, 2023),
    ("510700", "绵阳市", 31_470_000, 104_680_000, 8, 4, 2023),
    ("511100", "乐山市", 29_550_000, 103_770_000, 6, 3, 2023),
    ("511500", "宜宾市", 28_750_000, 104_640_000, 10, 5, 2022),
    ("513400", "凉山州", 27_880_000, 102_270_000, 6, 3, 2023),
    ("500100", "重庆市", 29_560_000, 106_550_000, 12, 6, 2022),
    ("450100", "南宁市", 22_820_000, 108_370_000, 10, 4, 2023),
    ("450200", "柳州市", 24_330_000, 109_430_000, 6, 3, 2024),
    ("451000", "百色市", 23_900_000, 106_620_000, 6, 3, 2023),
    ("430100", "长沙市", 28_230_000, 112_940_000, 10, 4, 2024),
    ("431200", "怀化市", 27_570_000, 110_000_000, 6, 2, 2024),
    ("410900", "濮阳市", 35_760_000, 115_030_000, 6, 2, 2024),
    ("330200", "宁波市", 29_870_000, 121_550_000, 8, 2, 2024),
    ("610100", "西安市", 34_340_000, 108_940_000, 8, 3, 2025),
    ("150200", "包头市", 40_660_000, 109_840_000, 6, 2, 2018),
)
_LAPSED = frozenset({"150200"})
_LAST_YEAR = 2035

HOST_CODE = "530600"


def sample_centers() -> tuple[CenterIn, ...]:
    """All 42 centers, the host first."""
    return (_host(), *map(_sister, _SISTERS), *map(_partner, _PARTNERS))


def load_centers(session: Session, now: datetime) -> str:
    """Enters the sample centers that are not there yet; returns the id of the host."""
    ids = [enter_center(session, now, center) for center in sample_centers()]
    return ids[0]


def _host() -> CenterIn:
    city = tuple(
        RoomIn(
            "市本级",
            function,
            f"{_NAMES[function]}{number:02d}{_SUFFIX[function]}",
            _labels(_CITY_SEATS[number - 1]) if function is RoomFunction.evaluation else (),
        )
        for function, count in _CITY_ROOMS.items()
        for number in range(1, count + 1)
    )
    counties = tuple(
        RoomIn(
            county,
            function,
            f"{county[:-1]}{_NAMES[function]}{_SUFFIX[function]}",
            _labels(_COUNTY_SEATS) if function is RoomFunction.evaluation else (),
        )
        for county in _COUNTIES
        for function in RoomFunction
    )
    return CenterIn(
        code=HOST_CODE,
        name="昭通市公共资源交易中心",
        region_code=HOST_CODE,
        kind=CenterKind.host,
        latitude_e6=27_340_000,
        longitude_e6=103_720_000,
        rooms=city + counties,
        overnight=True,
    )


def _sister(row: tuple[str, str, int, int, tuple[int, ...]]) -> CenterIn:
    code, city, latitude, longitude, rooms = row
    return CenterIn(
        code=code,
        name=f"{city}公共资源交易中心",
        region_code=code,
        kind=CenterKind.sister,
        latitude_e6=latitude,
        longitude_e6=longitude,
        rooms=(
            RoomIn("评标区", RoomFunction.opening, "开标01厅"),
            RoomIn("评标区", RoomFunction.witness, "见证01室"),
            *_evaluation_rooms(rooms, _FAULTY.get(code)),
        ),
        overnight=code not in _DAYTIME_ONLY,
    )


def _partner(row: tuple[str, str, int, int, int, int, int]) -> CenterIn:
    code, city, latitude, longitude, seats, quota, began = row
    last = began + 3 if code in _LAPSED else _LAST_YEAR
    return CenterIn(
        code=code,
        name=f"{city}公共资源交易中心",
        region_code=code,
        kind=CenterKind.partner,
        latitude_e6=latitude,
        longitude_e6=longitude,
        rooms=_evaluation_rooms((seats // 2, seats - seats // 2), None),
        seat_quota=quota,
        agreement_from=_new_year(began),
        agreement_to=_new_year(last),
    )


def _evaluation_rooms(rooms: tuple[int, ...], faulty: str | None) -> tuple[RoomIn, ...]:
    return tuple(
        RoomIn(
            "评标区",
            RoomFunction.evaluation,
            f"评标{number:02d}室",
            _labels(seats),
            (faulty,) if faulty and number == 1 else (),
        )
        for number, seats in enumerate(rooms, 1)
    )


def _labels(count: int) -> tuple[str, ...]:
    return tuple(f"{number:02d}号工位" for number in range(1, count + 1))


def _new_year(year: int) -> datetime:
    return datetime(year - 1, 12, 31, 16, tzinfo=UTC)  # midnight of 1 January in China
