"""A rule pack: what the law asks for, each rule with its value, its source and how well we know it (规则包)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.core.canonical import Canonical, digest
from app.rules.shapes import Duration, duration_of, fraction_of

_SAID_OF_A_RULE = ("value", "src", "ev")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `evidence`: V statute read, S secondary source, R recalled, L local choice; `more`: its qualifiers."""

    path: str
    value: Canonical
    source: str
    evidence: str
    more: Mapping[str, Canonical] = field(default_factory=dict)

    @property
    def span(self) -> Duration | None:
        """The value as a span of time, with the unit beside it if there is one; None when it is none or says none."""
        return duration_of(self.value, None if isinstance(self.value, str) else self.more.get("unit"))


@dataclass(frozen=True, slots=True)
class RulePack:
    """A pack with everything it extends already laid under it; `sha256` covers every layer with its version."""

    id: str
    version: str
    tree: Mapping[str, Canonical]
    sha256: str

    def rule(self, path: str) -> Rule:
        """The rule at a dotted path such as `committee.min_size`; KeyError when the pack has none."""
        node: Canonical = self.tree
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                raise KeyError(f"rule pack {self.id} has no rule {path}")
            node = node[part]
        if not isinstance(node, Mapping) or "value" not in node:
            raise KeyError(f"{path} of rule pack {self.id} is a group, not a rule")
        return _rule(path, node["value"], node)

    def has(self, path: str) -> bool:
        """Whether the pack has a rule, or a list of cases, at this path."""
        return bool(self.cases(path)) or any(one.path == path for one in self.rules())

    def cases(self, path: str) -> tuple[Rule, ...]:
        """The entries of a list at a path, each with its own source; empty when the pack has no such list.

        The value of an entry is its `code` or its `min_size`; what else it says stands in `more`.
        """
        group, _, name = path.partition(".")
        node = self.tree.get(group)
        return tuple(_cases(path, node.get(name))) if isinstance(node, Mapping) else ()

    def rules(self) -> tuple[Rule, ...]:
        """Everything in force, group by group in the order the packs name it."""
        return tuple(self._rules())

    def integer(self, path: str) -> int:
        value = self.rule(path).value
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._misread(path, "a whole number")
        return value

    def fraction(self, path: str) -> tuple[int, int]:
        """A share as (numerator, denominator)."""
        found = fraction_of(self.rule(path).value)
        if found is None:
            raise self._misread(path, "a share such as 2/3")
        return found

    def span(self, path: str) -> Duration:
        """A span of time: a timedelta, or working days, working hours or years for a calendar to measure."""
        found = self.rule(path).span
        if found is None:
            raise self._misread(path, "a span of time such as 24h")
        return found

    def duration(self, path: str) -> timedelta:
        """A span of time that needs no calendar."""
        found = self.rule(path).span
        if not isinstance(found, timedelta):
            raise self._misread(path, "a span of minutes, hours or days such as 24h")
        return found

    def word(self, path: str) -> str:
        value = self.rule(path).value
        if not isinstance(value, str):
            raise self._misread(path, "a word")
        return value

    def words(self, path: str) -> tuple[str, ...]:
        value = self.rule(path).value
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._misread(path, "a list of words")
        return tuple(str(word) for word in value)

    def flag(self, path: str) -> bool:
        value = self.rule(path).value
        if not isinstance(value, bool):
            raise self._misread(path, "yes or no")
        return value

    def _rules(self) -> Iterator[Rule]:
        for group, names in self.tree.items():
            if not isinstance(names, Mapping):
                continue
            for name, node in names.items():
                path = f"{group}.{name}"
                if isinstance(node, Mapping) and "value" in node:
                    yield _rule(path, node["value"], node)
                else:
                    yield from _cases(path, node)

    def _misread(self, path: str, wanted: str) -> TypeError:
        return TypeError(f"{path} of rule pack {self.id} is not {wanted}")


def assemble(layers: Sequence[Mapping[str, Canonical]]) -> RulePack:
    """One pack out of its layers, the base first; what a later layer says of a rule replaces it whole."""
    tree: dict[str, Canonical] = {}
    for layer in layers:
        tree = _over(tree, layer)
    last = layers[-1]
    stack = [[str(layer["pack"]), str(layer["version"])] for layer in layers]
    sha256 = digest({"layers": stack, "rules": tree})
    return RulePack(id=str(last["pack"]), version=str(last["version"]), tree=tree, sha256=sha256)


def _over(base: Mapping[str, Canonical], layer: Mapping[str, Canonical]) -> dict[str, Canonical]:
    merged = dict(base)
    for key, value in layer.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and "value" not in value:
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged


def _rule(path: str, value: Canonical, said: Mapping[str, Canonical]) -> Rule:
    more = {key: item for key, item in said.items() if key not in _SAID_OF_A_RULE}
    return Rule(path, value, str(said.get("src", "")), str(said.get("ev", "L")), more)


def _cases(path: str, entries: Canonical) -> Iterator[Rule]:
    if isinstance(entries, Sequence) and not isinstance(entries, str):
        for number, entry in enumerate(entries, start=1):
            if isinstance(entry, Mapping):
                key = "code" if "code" in entry else "min_size"
                rest = {name: item for name, item in entry.items() if name != key}
                yield _rule(f"{path}.{entry.get('code', number)}", entry.get(key), rest)
