"""Pretend experts and employers, numbered from 0; each is the same on every machine and whoever asks first.

None of them can be a real person or unit: identity numbers and credit codes are of region 999, which does not
exist, and every employer is called 示例 (example). Telephone numbers may belong to somebody, which is why a
service with sample data refuses to ring real phones.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from math import isqrt

from app.sample.stream import Stream
from expert_draw.identifiers import credit_check, identity_check
from expert_draw.specialties import SPECIALTIES

SEED = "yuanping/sample/1"
EMPLOYERS = 420

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂建国志文玉兰秀英华慧巧美红春梅琴晓云莲真环雪荣爱妹香月莺媛"
    "瑞凡佳嘉琼勤珍贞莉飞光波宁贵福生龙元全胜学祥才发武新利清彬富顺信子思群豪心邦承乐绍功松善厚庆民友裕河哲江"
)
_TWO_PART = ("阿依·木果", "沙马·尔布", "吉克·拉铁", "扎西·次仁", "岩温·罕恩", "木乃·阿牛")
# Home cities with their weight: the capital is large, the mountains are not.
_CITIES = {
    "530100": 30, "530600": 16, "530300": 14, "532500": 10, "532900": 9, "530400": 8, "532300": 7, "530500": 6,
    "532600": 6, "530800": 5, "530900": 5, "532800": 4, "530700": 4, "533100": 4, "533300": 3, "533400": 2,
}  # fmt: skip
# The commonest specialties; the others follow in an order of their own.
_COMMON = (
    "A080104", "A060101", "A050101", "A040102", "A040103", "A080201", "A080106", "A080105", "A060201", "A080301",
    "A050201", "A080109", "A060102", "A080802", "A040302", "A080302", "A050301", "A080205", "A083201", "A080113",
)  # fmt: skip
# So rare that a draw of three finds nobody to spare.
RARE = ("A080103", "A090602", "B010101")
_RARE_PEOPLE = {17: RARE[0], 508: RARE[0], 1203: RARE[0], 44: RARE[1], 2210: RARE[1], 1777: RARE[2]}

_WORDS = (
    "云岭",
    "金沙",
    "乌蒙",
    "滇池",
    "洱海",
    "玉龙",
    "苍山",
    "哀牢",
    "红土",
    "磨憨",
    "龙川",
    "梅里",
    "彩云",
    "春城",
)
_TRADES = (
    "建筑设计", "建设工程", "工程造价咨询", "建设监理", "市政工程", "公路勘察设计", "水利水电勘测设计", "岩土工程",
    "装饰工程", "园林工程", "信息技术", "机电安装", "测绘", "环保科技", "会计师事务", "工程检测",
)  # fmt: skip
_PLACES = (
    "昆明",
    "昭通",
    "曲靖",
    "玉溪",
    "保山",
    "丽江",
    "普洱",
    "临沧",
    "楚雄",
    "红河",
    "文山",
    "大理",
    "德宏",
)
_TITLES = {
    "A": (("高级工程师", 75), ("正高级工程师", 25)),
    "B": (("高级工程师", 80), ("正高级工程师", 20)),
    "C": (("高级经济师", 50), ("高级会计师", 30), ("副教授", 20)),
}
_FIRST_BIRTHDAY = date(1962, 1, 1)
_BIRTHDAYS = 26 * 365
_CREDIT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_POOL = "53000099991"  # platform and pool of a pretend expert's number


@dataclass(frozen=True, slots=True)
class Employer:
    """A pretend unit (示例单位) with a well-formed credit code of region 999."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Person:
    """A pretend expert (示例专家), as a sheet has them."""

    number: str
    name: str
    gender: str
    identity: str
    birth: date
    region_code: str
    phone: str
    employer: Employer
    title: str
    years: int
    specialties: tuple[str, ...]
    former: tuple[str, ...]
    avoid: tuple[str, ...]
    until: date | None


@cache
def employers() -> tuple[Employer, ...]:
    """The pretend units, those with most experts first."""
    kinds = [(place, word, trade) for place in _PLACES for word in _WORDS for trade in _TRADES]
    chosen = Stream(f"{SEED}/employers").shuffled(kinds)[:EMPLOYERS]
    return tuple(
        unit(index, f"示例{place}{word}{trade}{'所' if trade.endswith('事务') else '有限公司'}")
        for index, (place, word, trade) in enumerate(chosen)
    )


def unit(index: int, name: str) -> Employer:
    """A unit whose code carries its index; indices up to 99999 are all different."""
    serial = f"MA9{index:05d}"
    digits = [int(letter, 36) for letter in serial]
    rest = 11 - sum(value * weight for value, weight in zip(digits, _CREDIT_WEIGHTS, strict=True)) % 11
    organisation = serial + {10: "X", 11: "0"}.get(rest, str(rest))
    first = f"91999{index % 1000:03d}{organisation}"
    return Employer(name, first + credit_check(first))


@cache
def person(index: int) -> Person:
    """The pretend expert of that number, 0 to 99999."""
    stream = Stream(f"{SEED}/expert/{index}")
    birth = _FIRST_BIRTHDAY + timedelta(days=stream.below(_BIRTHDAYS))
    man = stream.chance(62)
    name = stream.pick(_TWO_PART) if stream.chance(1) else _name(stream)
    employer = stream.weighted(employers(), _falling(EMPLOYERS))
    specialties = (_RARE_PEOPLE[index],) if index in _RARE_PEOPLE else _specialties(stream)
    identity = f"999{index % 1000:03d}{birth:%Y%m%d}{index // 1000 * 2 + man:03d}"
    titles = _TITLES[specialties[0][0]]
    return Person(
        number=f"{_POOL}{index:06d}",
        name=name,
        gender="男" if man else "女",
        identity=identity + identity_check(identity),
        birth=birth,
        region_code=stream.weighted(tuple(_CITIES), tuple(_CITIES.values())),
        phone=f"199{index:08d}",
        employer=employer,
        title=stream.weighted([title for title, _ in titles], [weight for _, weight in titles]),
        years=8 + stream.below(2024 - birth.year - 24 - 8 + 1),
        specialties=specialties,
        former=_other_units(stream, employer, 25),
        avoid=_other_units(stream, employer, 8),
        until=date(2035, 12, 31) if stream.chance(60) else None,
    )


def by_phone(number: str) -> Person:
    """The pretend expert who is called at this number, with whatever country code before it."""
    return person(int(number[-8:]))


@cache
def _ranked() -> tuple[str, ...]:
    """Specialties that people are drawn for, the commonest first."""
    rest = [code for code in SPECIALTIES if len(code) == 7 and code not in _COMMON and code not in RARE]  # noqa: PLR2004
    return _COMMON + Stream(f"{SEED}/specialties").shuffled(rest)


@cache
def _falling(count: int) -> tuple[int, ...]:
    """Weights that fall as one over the rank to the power of three quarters: whole millionths, no floats."""
    return tuple(10**12 // isqrt(isqrt(rank**3 * 10**24)) for rank in range(1, count + 1))


def _name(stream: Stream) -> str:
    given = "".join(stream.pick(_GIVEN) for _ in range(2 if stream.chance(78) else 1))
    return stream.pick(_SURNAMES) + given


def _specialties(stream: Stream) -> tuple[str, ...]:
    ranked = _ranked()
    first = stream.weighted(ranked, _falling(len(ranked)))
    chosen = [first]
    near = [code for code in ranked if code[:5] == first[:5] and code != first]
    if near and stream.chance(45):
        chosen.append(stream.pick(near))
    if stream.chance(12):
        further = stream.weighted(ranked, _falling(len(ranked)))
        if further not in chosen:
            chosen.append(further)
    return tuple(chosen)


def _other_units(stream: Stream, own: Employer, percent: int) -> tuple[str, ...]:
    if not stream.chance(percent):
        return ()
    other = stream.pick(employers())
    return () if other == own else (other.name,)
