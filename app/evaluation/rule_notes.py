"""Rules as people read them: what is asked for, by which article, and how well that is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction

from app.core.canonical import Canonical
from app.core.i18n import N_
from app.rules.known import CONDITIONS, GROUPS, KNOWN, QUALIFIERS
from app.rules.pack import Rule, RulePack
from app.rules.shapes import CalendarSpan, Duration, Shape, duration_of
from app.rules.words import GROUNDS, WORDS
from expert_draw.engine.certificate import Thresholds

_DAYS_FROM = timedelta(days=4)  # shorter spans are said in hours, as the rules say them
_BY_CALENDAR = {
    "years": N_("{count} 年"),
    "working_days": N_("{count} 个工作日"),
    "working_hours": N_("{count} 个工作小时"),
}
_NOT_A_DETAIL = frozenset({"unit", "text", "when"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A Chinese catalogue text, or a plain one as `2/3`, with its parameters."""

    text: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule for a page. `label` is a catalogue text; `details` are its qualifiers; `evidence` is V, S, R or L."""

    path: str
    label: str
    value: tuple[Phrase, ...]
    details: tuple[tuple[str, tuple[Phrase, ...]], ...]
    source: str
    evidence: str


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The rules of one subject."""

    name: str
    label: str
    rows: tuple[RuleRow, ...]


def rows(rules: RulePack, paths: Sequence[str]) -> tuple[RuleRow, ...]:
    """The rules at these paths in this order, a list entry by entry; those the pack does not have are left out."""
    in_force = rules.rules()
    return tuple(
        _row(rule)
        for path in paths
        for rule in in_force
        if rule.path == path or rule.path.rpartition(".")[0] == path
    )


def groups(rules: RulePack) -> tuple[RuleGroup, ...]:
    """Every rule of the pack, by subject; subjects without a rule are left out."""
    found = {name: tuple(_row(rule) for rule in rules.rules() if _group(rule) == name) for name in GROUPS}
    return tuple(RuleGroup(name, GROUPS[name], listed) for name, listed in found.items() if listed)


def thresholds(rules: RulePack) -> Thresholds:
    """From when on the certificate of a draw warns."""
    return Thresholds(
        depth_ratio=rules.integer("draw.pool_depth_min_ratio"),
        greatest_chance=Fraction(*rules.fraction("draw.greatest_chance_max")),
        ten_share=Fraction(*rules.fraction("draw.ten_share_max")),
    )


def label_of(path: str) -> str:
    """What the rule at a path is called, a catalogue text; empty for no rule."""
    known = KNOWN.get(path) or KNOWN.get(path.rpartition(".")[0])
    return known.label if known else ""


def span_phrase(span: Duration) -> Phrase:
    """A span of time in words."""
    if isinstance(span, CalendarSpan):
        return Phrase(_BY_CALENDAR[span.unit], {"count": span.count})
    if span >= _DAYS_FROM and not span % timedelta(days=1):
        return Phrase(N_("{count} 天"), {"count": span.days})
    if not span % timedelta(hours=1):
        return Phrase(N_("{count} 小时"), {"count": span // timedelta(hours=1)})
    return Phrase(N_("{count} 分钟"), {"count": span // timedelta(minutes=1)})


def _group(rule: Rule) -> str:
    return rule.path.partition(".")[0]


def _row(rule: Rule) -> RuleRow:
    known = KNOWN.get(rule.path) or KNOWN[rule.path.rpartition(".")[0]]
    return RuleRow(
        path=rule.path,
        label=known.label,
        value=_value(rule, known.shape),
        details=tuple(_details(rule, known.more)),
        source=rule.source,
        evidence=rule.evidence,
    )


def _value(rule: Rule, shape: Shape) -> tuple[Phrase, ...]:
    if shape is Shape.grounds:
        code = str(rule.value)
        return (Phrase(GROUNDS.get(code, str(rule.more.get("text", code)))),)
    if rule.span is not None and shape is Shape.duration:
        return (span_phrase(rule.span),)
    return _phrases(rule.value)


def _details(rule: Rule, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, tuple[Phrase, ...]]]:
    if "when" in rule.more:
        condition = str(rule.more["when"])
        yield N_("适用于"), (Phrase(CONDITIONS.get(condition, condition)),)
    for key, value in rule.more.items():
        if key not in _NOT_A_DETAIL:
            span = duration_of(value) if shapes.get(key) is Shape.duration else None
            yield QUALIFIERS[key], (span_phrase(span),) if span is not None else _phrases(value)


def _phrases(value: Canonical) -> tuple[Phrase, ...]:
    """A value in words; a list becomes one phrase for each entry."""
    if value is None:
        return (Phrase(N_("未作规定")),)
    if isinstance(value, bool):
        return (Phrase(N_("是") if value else N_("否")),)
    if isinstance(value, int | str):
        return (Phrase(WORDS.get(str(value), str(value))),)
    if isinstance(value, Mapping):
        return (Phrase(" ".join(f"{key} {item}" for key, item in value.items())),)
    return tuple(phrase for item in value for phrase in _phrases(item))
