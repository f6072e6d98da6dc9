"""Finds a rule pack by its name among the packs that ship with the service, and refuses one that is wrongly written."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import cast

import yaml

from app.core.canonical import Canonical
from app.core.errors import InvalidInput, NotFound
from app.core.i18n import N_
from app.rules.pack import RulePack, assemble
from app.rules.schema import Fault, fault, faults, together

PACKS = Path(__file__).parent / "packs"
DEFAULT = "cn_yunnan_loop"
"""The pack of a booking that names none."""

_Layer = Mapping[str, Canonical]


def names(folder: Path = PACKS) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


@cache
def load(name: str, folder: Path = PACKS) -> RulePack:
    """The pack with all it extends; NotFound for a name that does not ship, InvalidInput for a pack with a fault."""
    if name not in names(folder):
        raise NotFound("rule-pack", N_("没有名为 {name} 的规则包"), N_("从已有规则包中选择"), name=name)
    layers, found = _looked_through(name, folder)
    if found:
        first = found[0]
        raise InvalidInput(f"rule-pack.{first.code}", first.message, first.remedy, **first.params)
    return assemble(layers)


def check_all(folder: Path = PACKS) -> tuple[Fault, ...]:
    """Everything wrong with any pack of a folder, each fault once; () when all can be used."""
    return tuple(dict.fromkeys(one for name in names(folder) for one in _looked_through(name, folder)[1]))


def _looked_through(name: str, folder: Path) -> tuple[list[_Layer], list[Fault]]:
    """The layers of a pack and what is wrong with them, or else with what they say together."""
    layers, found = _layers(name, folder, ())
    return layers, found or list(together(f"{name}.yaml", assemble(layers).tree))


def _layers(name: str, folder: Path, above: tuple[str, ...]) -> tuple[list[_Layer], list[Fault]]:
    """The layers of a pack, the base first, and what is wrong with them. `above`: who extends whom down to here."""
    file = f"{name}.yaml"
    try:
        text = (folder / file).read_text(encoding="utf-8")
        own: object = yaml.load(text, Loader=_Strict)  # noqa: S506 -- a safe loader that is stricter
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        return [], [fault("unreadable", file, _place(broken))]
    found = list(faults(file, own))
    if not isinstance(own, Mapping):
        return [], found
    below = own.get("extends", [])
    if not isinstance(below, list):
        return [], [*found, fault("extends", file, str(below))]
    layers: list[_Layer] = []
    for base in map(str, below):
        if base == name or base in above:
            found.append(fault("circular", file, " → ".join((*above, name, base))))
        elif base not in names(folder):
            found.append(fault("extends", file, base))
        else:
            under, wrong = _layers(base, folder, (*above, name))
            layers.extend(under)
            found.extend(wrong)
    return [*layers, cast("_Layer", own)], found


def _place(broken: Exception) -> str:
    mark = getattr(broken, "problem_mark", None)
    return str(broken) if mark is None else f"{mark.line + 1}:{mark.column + 1}"


class _Strict(yaml.SafeLoader):
    """Reads YAML and refuses a name written twice in one place: the second would silently win."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[str, object]:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key.value} twice", key.start_mark)
        seen.add(str(key.value))
    return cast("dict[str, object]", loader.construct_mapping(node, deep=True))


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
