"""Finds a rule pack by its name among the packs that ship with the service."""

from functools import cache
from pathlib import Path

import yaml

from app.core.canonical import Canonical
from app.core.errors import NotFound
from app.core.i18n import N_
from app.rules.pack import RulePack, assemble

_PACKS = Path(__file__).parent / "packs"


def names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _PACKS.glob("*.yaml")))


@cache
def load(name: str) -> RulePack:
    """The pack with all it extends; NotFound for a name that does not ship."""
    return assemble(_layers(name))


def _layers(name: str) -> list[dict[str, Canonical]]:
    if name not in names():
        raise NotFound("rule-pack", N_("没有名为 {name} 的规则包"), N_("从已有规则包中选择"), name=name)
    own: dict[str, Canonical] = yaml.safe_load((_PACKS / f"{name}.yaml").read_text(encoding="utf-8"))
    below = own.get("extends", [])
    layers: list[dict[str, Canonical]] = []
    for base in below if isinstance(below, list) else []:
        layers.extend(_layers(str(base)))
    return [*layers, own]
