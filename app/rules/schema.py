"""Looks through a rule pack as it was written, and says where it is wrong and what to mend."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from app.core.canonical import Canonical
from app.core.i18n import N_
from app.rules.known import CONDITIONS, KNOWN, Known
from app.rules.shapes import EVIDENCE, Shape, duration_of, fraction_of, is_count
from app.rules.words import WORDS

_HEAD = frozenset({"pack", "version", "extends", "timezone"})
_PRINTABLE = re.compile(r"[A-Za-z0-9._-]{1,40}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")

_FAULTS: Mapping[str, tuple[str, str]] = {
    "unreadable": (
        N_("规则包 {file} 不是可读的 YAML：{path}"),
        N_("按 YAML 的写法更正；同一名称在一处只能写一次"),
    ),
    "not-a-group": (
        N_("规则包 {file}：{path} 应为一组规则"),
        N_("写成“名称: 规则”的形式"),
    ),
    "pack-name": (N_("规则包 {file}：pack 与文件名不一致"), N_("pack 写成文件名去掉 .yaml 的部分")),
    "version": (
        N_("规则包 {file}：version 不是文字"),
        N_("给版本加上引号，如 '2026.11'；只用字母、数字、点、横线"),
    ),
    "extends": (N_("规则包 {file}：extends 指向不存在的规则包 {path}"), N_("从已有规则包中选择，写成列表")),
    "circular": (N_("规则包 {file}：extends 绕成了圈：{path}"), N_("去掉其中一个 extends")),
    "timezone": (N_("规则包 {file}：{path} 应为 Asia/Shanghai"), N_("改为 Asia/Shanghai")),
    "unknown-rule": (N_("规则包 {file}：没有名为 {path} 的规则"), N_("更正名称，或先在规则登记表中登记")),
    "unknown-key": (N_("规则包 {file}：{path} 不是这条规则的内容"), N_("去掉，或更正名称")),
    "no-value": (N_("规则包 {file}：{path} 没有 value"), N_("写明 value")),
    "no-source": (N_("规则包 {file}：{path} 没有来源 src"), N_("写明条文或出处；没有出处的写明是本地约定")),
    "no-evidence": (
        N_("规则包 {file}：{path} 没有证据标记 ev"),
        N_("写 V（已读原文）、S（据公开资料）、R（待确认）或 L（本地约定）"),
    ),
    "evidence": (
        N_("规则包 {file}：{path} 的证据标记不在 V、S、R、L 之中"),
        N_("写 V（已读原文）、S（据公开资料）、R（待确认）或 L（本地约定）"),
    ),
    "spelling": (
        N_("规则包 {file}：{path} 是小数、日期或其他有多种写法的值"),
        N_("写成整数，或加上引号写成文字，如 '2/3'"),
    ),
    "condition": (N_("规则包 {file}：{path} 的条件没有登记"), N_("使用已登记的条件，或先在规则登记表中登记")),
    "not-among": (
        N_("规则包 {file}：{path} 的用词不是这条规则可取的值"),
        N_("按规则登记表中这条规则可取的用词更正"),
    ),
    "no-reserve": (
        N_("规则包 {file}：分批邀请（{path}）需要备选，而 draw.reserve_depth 为 0"),
        N_("把 draw.reserve_depth 写成不小于 1 的整数，或改为逐席依次邀请"),
    ),
    Shape.integer: (N_("规则包 {file}：{path} 应为整数"), N_("写成不小于 0 的整数，不加引号")),
    Shape.fraction: (N_("规则包 {file}：{path} 应为分数"), N_("写成 '2/3' 这样不大于 1 的分数")),
    Shape.duration: (
        N_("规则包 {file}：{path} 应为时长"),
        N_("写成 15min、24h、10d、15y 或 5 working_days"),
    ),
    Shape.flag: (N_("规则包 {file}：{path} 应为是或否"), N_("写成 true 或 false，不加引号")),
    Shape.word: (N_("规则包 {file}：{path} 的用词没有登记"), N_("使用已登记的用词，或先在用词表中登记")),
    Shape.words: (N_("规则包 {file}：{path} 应为已登记用词的列表"), N_("写成列表，每项一个已登记的用词")),
    Shape.grounds: (N_("规则包 {file}：{path} 应为回避事由的列表"), N_("每项写明 code、src 和 ev")),
    Shape.cases: (N_("规则包 {file}：{path} 应为特定情形的列表"), N_("每项写明 when、min_size、src 和 ev")),
    Shape.tiers: (N_("规则包 {file}：{path} 应为分级的列表"), N_("每级一项，值为文字、整数或空")),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a pack: in which file, at which path, and how to mend it (catalogue texts)."""

    code: str
    file: str
    path: str
    message: str = field(repr=False)
    remedy: str = field(repr=False)

    @property
    def params(self) -> dict[str, str]:
        return {"file": self.file, "path": self.path}


def fault(code: str, file: str, path: str = "") -> Fault:
    """A fault by its code."""
    message, remedy = _FAULTS[code]
    return Fault(str(code), file, path, message, remedy)


def faults(file: str, pack: object) -> tuple[Fault, ...]:
    """Everything wrong with one file, in the order it is written; `extends` is followed by the library, not here."""
    if not isinstance(pack, Mapping):
        return (fault("not-a-group", file, file),)
    return tuple(fault(code, file, path) for code, path in _pack(file.removesuffix(".yaml"), pack))


def together(file: str, tree: Mapping[str, Canonical]) -> tuple[Fault, ...]:
    """What does not go together in a pack that has everything it extends laid under it, each rule being well written."""
    mode, depth = _value_at(tree, "draw", "invite_mode"), _value_at(tree, "draw", "reserve_depth")
    if mode == "ranked_batch" and not depth:
        return (fault("no-reserve", file, "draw.invite_mode"),)
    return ()


def _value_at(tree: Mapping[str, Canonical], group: str, name: str) -> Canonical:
    rules = tree.get(group)
    said = rules.get(name) if isinstance(rules, Mapping) else None
    return said.get("value") if isinstance(said, Mapping) else None


_Found = Iterator[tuple[str, str]]


def _pack(name: str, pack: Mapping[str, object]) -> _Found:
    if pack.get("pack") != name or not _PRINTABLE.fullmatch(name):
        yield "pack-name", "pack"
    version = pack.get("version")
    if not isinstance(version, str) or not _PRINTABLE.fullmatch(version):
        yield "version", "version"
    if pack.get("timezone", "Asia/Shanghai") != "Asia/Shanghai":
        yield "timezone", "timezone"
    for group, rules in pack.items():
        if group in _HEAD:
            continue
        if not isinstance(rules, Mapping):
            yield "not-a-group", str(group)
            continue
        for key, said in rules.items():
            yield from _entry(f"{group}.{key}", said)


def _entry(path: str, said: object) -> _Found:
    known = KNOWN.get(path)
    if known is None:
        yield "unknown-rule", path
    elif known.shape in {Shape.grounds, Shape.cases}:
        yield from _list(path, said, known.shape)
    elif not isinstance(said, Mapping):
        yield "no-value", path
    else:
        yield from _rule(path, said, known)


def _rule(path: str, said: Mapping[str, object], known: Known) -> _Found:
    for key in said:
        if key not in {"value", "src", "ev", *known.more}:
            yield "unknown-key", f"{path}.{key}"
    yield from _sourced(path, said)
    if "value" not in said:
        yield "no-value", path
    elif not (known.open and said["value"] is None):
        unit = said.get("unit") if known.shape is Shape.duration else None
        yield from _value(path, said["value"], known.shape, unit)
        if known.among and not known.among.issuperset(_words_of(said["value"])):
            yield "not-among", path
    for key, shape in known.more.items():
        if key in said:
            yield from _value(f"{path}.{key}", said[key], shape)


def _words_of(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _list(path: str, said: object, shape: Shape) -> _Found:
    keys = {"code", "text"} if shape is Shape.grounds else {"when", "min_size"}
    if not isinstance(said, list):
        yield shape, path
        return
    for number, entry in enumerate(said, start=1):
        here = f"{path}.{number}"
        if not isinstance(entry, Mapping):
            yield shape, here
            continue
        for key in entry:
            if key not in {"src", "ev", *keys}:
                yield "unknown-key", f"{here}.{key}"
        yield from _sourced(here, entry)
        if shape is Shape.cases:
            yield from _value(f"{here}.min_size", entry.get("min_size"), Shape.integer)
            if entry.get("when") not in CONDITIONS:
                yield "condition", f"{here}.when"
        elif not _CODE.fullmatch(str(entry.get("code", ""))) or not isinstance(entry.get("text", ""), str):
            yield shape, here


def _sourced(path: str, said: Mapping[str, object]) -> _Found:
    source = said.get("src")
    if not isinstance(source, str) or not source.strip():
        yield "no-source", path
    if "ev" not in said:
        yield "no-evidence", path
    elif said["ev"] not in EVIDENCE:
        yield "evidence", path


def _value(path: str, value: object, shape: Shape, unit: object = None) -> _Found:
    if not _is_plain(value):
        yield "spelling", path
    elif not _fits(value, shape, unit):
        yield shape, path


def _fits(value: Canonical, shape: Shape, unit: object) -> bool:
    if shape is Shape.duration:
        return duration_of(value, unit if isinstance(unit, str) else None) is not None
    return _FITS[shape](value)


def _are_words(value: Canonical) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_word(word) for word in value)


def _is_word(value: Canonical) -> bool:
    return isinstance(value, str) and value in WORDS


def _are_rows(value: Canonical) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


_FITS: Mapping[Shape, Callable[[Canonical], bool]] = {
    Shape.integer: is_count,
    Shape.fraction: lambda value: fraction_of(value) is not None,
    Shape.flag: lambda value: isinstance(value, bool),
    Shape.word: _is_word,
    Shape.words: _are_words,
    Shape.tiers: _are_rows,
}


def _is_plain(value: object) -> TypeGuard[Canonical]:
    """Whether a value has one spelling only: no decimal number, no date, nothing of the kind."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, str | int)
