"""A rule pack: what the law asks for, each rule with its value, its source and how well we know it (规则包)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.canonical import Canonical, digest


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `evidence`: V statute read, S secondary source, R recalled, L local choice."""

    path: str
    value: Canonical
    source: str
    evidence: str


@dataclass(frozen=True, slots=True)
class RulePack:
    """A pack with everything it extends already laid under it; `sha256` covers all of it."""

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
        return Rule(path, node["value"], str(node.get("src", "")), str(node.get("ev", "L")))

    def integer(self, path: str) -> int:
        value = self.rule(path).value
        if not isinstance(value, int):
            raise TypeError(f"{path} of rule pack {self.id} is not a whole number")
        return value


def assemble(layers: Sequence[Mapping[str, Canonical]]) -> RulePack:
    """One pack out of its layers, the base first; what a later layer says of a rule replaces it whole."""
    tree: dict[str, Canonical] = {}
    for layer in layers:
        tree = _over(tree, layer)
    last = layers[-1]
    return RulePack(id=str(last["pack"]), version=str(last["version"]), tree=tree, sha256=digest(tree))


def _over(base: Mapping[str, Canonical], layer: Mapping[str, Canonical]) -> dict[str, Canonical]:
    merged = dict(base)
    for key, value in layer.items():
        below = merged.get(key)
        is_group = isinstance(below, Mapping) and isinstance(value, Mapping)
        if is_group and isinstance(below, Mapping) and isinstance(value, Mapping) and "value" not in value:
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged
