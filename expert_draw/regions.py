"""Names of provinces and cities by their codes of GB/T 2260, as far as this service has to say them."""

_PROVINCES = """
11 北京市 12 天津市 13 河北省 14 山西省 15 内蒙古自治区 21 辽宁省 22 吉林省 23 黑龙江省 31 上海市 32 江苏省 33 浙江省
34 安徽省 35 福建省 36 江西省 37 山东省 41 河南省 42 湖北省 43 湖南省 44 广东省 45 广西壮族自治区 46 海南省 50 重庆市
51 四川省 52 贵州省 53 云南省 54 西藏自治区 61 陕西省 62 甘肃省 63 青海省 64 宁夏回族自治区 65 新疆维吾尔自治区
71 台湾省 81 香港特别行政区 82 澳门特别行政区
"""

_CITIES = """
1502 包头市 3302 宁波市 4109 濮阳市 4205 宜昌市 4206 襄阳市 4208 荆门市 4210 荆州市 4228 恩施土家族苗族自治州
4301 长沙市 4312 怀化市 4501 南宁市 4502 柳州市 4510 百色市 5001 重庆市 5101 成都市 5104 攀枝花市 5105 泸州市
5107 绵阳市 5111 乐山市 5115 宜宾市 5134 凉山彝族自治州 5201 贵阳市 5202 六盘水市 5203 遵义市 5205 毕节市
5301 昆明市 5303 曲靖市 5304 玉溪市 5305 保山市 5306 昭通市 5307 丽江市 5308 普洱市 5309 临沧市
5323 楚雄彝族自治州 5325 红河哈尼族彝族自治州 5326 文山壮族苗族自治州 5328 西双版纳傣族自治州 5329 大理白族自治州
5331 德宏傣族景颇族自治州 5333 怒江傈僳族自治州 5334 迪庆藏族自治州 6101 西安市
"""

_WHOLE = 6
_PROVINCE = 2
_CITY = 4


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


PROVINCES: dict[str, str] = _pairs(_PROVINCES)
CITIES: dict[str, str] = _pairs(_CITIES)


def region_name(code: str) -> str:
    """The province and city of a code of 2, 4 or 6 digits, as far as they are named here; else the code."""
    province = PROVINCES.get(code[:_PROVINCE], "")
    city = CITIES.get(code[:_CITY], "")
    return (province if province == city else province + city) or code


def region_code(text: str) -> str | None:
    """Six digits for a code of 2, 4 or 6 digits or for a name such as 云南省昭通市 or 昭通; None when unknown."""
    if text.isascii() and text.isdigit():
        known = len(text) in {_PROVINCE, _CITY, _WHOLE} and text[:_PROVINCE] in PROVINCES
        return text.ljust(_WHOLE, "0") if known else None
    return _BY_NAME.get(text)


def city_of(code: str) -> str:
    """The four digits that name the city; `XX00` when only the province is known."""
    return code[:_CITY].ljust(_CITY, "0")


def is_named(code: str) -> bool:
    """Whether the city of a six-digit code is among those named here."""
    return code[:_CITY] in CITIES


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for code, name in PROVINCES.items():
        names[name] = names[_short(name)] = code.ljust(_WHOLE, "0")
    for code, name in CITIES.items():
        whole = code.ljust(_WHOLE, "0")
        province = PROVINCES[code[:_PROVINCE]]
        for city in (name, _short(name)):
            for before in ("", province, _short(province)):
                names[before + city] = whole
    return names


def _short(name: str) -> str:
    """昭通市 → 昭通; 怒江傈僳族自治州 → 怒江州, as people write it."""
    for people in (
        "土家族苗族",
        "哈尼族彝族",
        "壮族苗族",
        "傣族景颇族",
        "彝族",
        "傣族",
        "白族",
        "傈僳族",
        "藏族",
    ):
        if name.endswith(f"{people}自治州"):
            return name.removesuffix(f"{people}自治州") + "州"
    endings = ("壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "省", "市")
    return name.removesuffix(next(ending for ending in endings if name.endswith(ending)))


_BY_NAME: dict[str, str] = _names()
