"""Rule packs carry their sources, extend one another, and keep their hash only while nothing in them changes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import Canonical
from app.core.errors import NotFound
from app.rules import library
from app.rules.pack import RulePack, assemble
from app.rules.shapes import CalendarSpan

TREE: dict[str, Canonical] = {
    "pack": "p",
    "version": "1",
    "timezone": "Asia/Shanghai",
    "g": {
        "number": {"value": 7, "src": "law 1", "ev": "V", "action": "warn"},
        "share": {"value": "2/3", "src": "law 2", "ev": "S"},
        "window": {"value": "15min"},
        "days": {"value": 2, "unit": "working_days"},
        "nothing": {"value": None, "unit": "hours"},
        "yes": {"value": True},
        "mode": {"value": "random"},
        "list": {"value": ["a", "b"]},
        "cases": [
            {"code": "KIN", "text": "kin", "src": "law 9", "ev": "V"},
            {"when": "big", "min_size": 7, "src": "law 47", "ev": "R"},
            "nonsense",
        ],
        "deep": {"er": {"value": 1}},
    },
}


def pack_of(tree: dict[str, Canonical]) -> RulePack:
    return assemble([tree])


def test_every_shipped_pack_loads_and_every_rule_names_its_source_and_evidence() -> None:
    for name in library.names():
        pack = library.load(name)
        assert pack.id == name
        for rule in pack.rules():
            assert rule.source, rule.path
            assert rule.evidence in "VSRL"


def test_a_layer_replaces_a_rule_whole_and_leaves_the_others() -> None:
    base: dict[str, Canonical] = {
        "pack": "base",
        "version": "1",
        "group": {"a": {"value": 1, "src": "law", "ev": "V"}, "b": {"value": 2}},
    }
    over: dict[str, Canonical] = {"pack": "over", "version": "2", "group": {"a": {"value": 9}}}
    pack = assemble([base, over])
    assert (pack.id, pack.version) == ("over", "2")
    assert pack.integer("group.a") == 9
    assert pack.rule("group.a").source == ""
    assert pack.integer("group.b") == 2
    assert pack.sha256 != assemble([base]).sha256
    assert pack.sha256 == assemble([base, over]).sha256


def shuffled(tree: Canonical, order: int) -> Canonical:
    """The same value with the names of every mapping in another order."""
    if isinstance(tree, dict):
        names = list(tree)
        turn = order % len(names) if names else 0
        return {name: shuffled(tree[name], order) for name in [*names[turn:], *names[:turn]][::-1]}
    return [shuffled(item, order) for item in tree] if isinstance(tree, list) else tree


@given(st.integers(0, 50))
def test_the_hash_does_not_depend_on_the_order_of_names(order: int) -> None:
    turned = shuffled(TREE, order)
    assert isinstance(turned, dict)
    assert pack_of(turned).sha256 == pack_of(TREE).sha256


def leaves(tree: Canonical, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    return [at] if pairs is None else [leaf for key, item in pairs for leaf in leaves(item, (*at, key))]


def changed(tree: Canonical, at: tuple[str | int, ...]) -> Canonical:
    if not at:
        return "something else"
    key, *rest = at
    if isinstance(tree, dict):
        return {name: changed(item, tuple(rest)) if name == key else item for name, item in tree.items()}
    assert isinstance(tree, list)
    return [changed(item, tuple(rest)) if place == key else item for place, item in enumerate(tree)]


@pytest.mark.parametrize("leaf", leaves(TREE), ids=lambda leaf: ".".join(map(str, leaf)))
def test_the_hash_changes_with_whatever_changes(leaf: tuple[str | int, ...]) -> None:
    bent = changed(TREE, leaf)
    assert isinstance(bent, dict)
    assert pack_of(bent).sha256 != pack_of(TREE).sha256


def test_the_hash_covers_the_version_of_what_is_extended() -> None:
    top: dict[str, Canonical] = {"pack": "top", "version": "1"}
    assert assemble([TREE, top]).sha256 != assemble([{**TREE, "version": "2"}, top]).sha256


def test_values_are_read_as_what_they_are() -> None:
    pack = pack_of(TREE)
    assert pack.integer("g.number") == 7
    assert pack.fraction("g.share") == (2, 3)
    assert pack.duration("g.window") == timedelta(minutes=15)
    assert pack.span("g.window") == timedelta(minutes=15)
    assert pack.span("g.days") == CalendarSpan(2, "working_days")
    assert pack.rule("g.nothing").span is None
    assert pack.flag("g.yes") is True
    assert pack.word("g.mode") == "random"
    assert pack.words("g.list") == ("a", "b")
    assert pack.rule("g.number").more == {"action": "warn"}


@pytest.mark.parametrize(
    ("read", "path", "wanted"),
    [
        ("integer", "g.share", "a whole number"),
        ("integer", "g.yes", "a whole number"),
        ("fraction", "g.number", "a share"),
        ("span", "g.number", "a span of time such as"),
        ("span", "g.nothing", "a span of time such as"),
        ("duration", "g.nothing", "a span of minutes"),
        ("duration", "g.days", "a span of minutes"),
        ("word", "g.list", "a word"),
        ("words", "g.mode", "a list of words"),
        ("words", "g.number", "a list of words"),
        ("flag", "g.number", "yes or no"),
    ],
)
def test_a_rule_is_not_read_as_what_it_is_not(read: str, path: str, wanted: str) -> None:
    with pytest.raises(TypeError, match=f"{path} of rule pack p is not {wanted}"):
        getattr(pack_of(TREE), read)(path)


@pytest.mark.parametrize("path", ["nothing.here", "g.number.value.deeper", "g", "g.cases"])
def test_asking_for_a_rule_that_is_not_there_says_so(path: str) -> None:
    with pytest.raises(KeyError, match="rule pack p"):
        pack_of(TREE).rule(path)


def test_the_entries_of_a_list_are_rules_with_their_own_sources() -> None:
    pack = pack_of(TREE)
    kin, big = pack.cases("g.cases")
    assert (kin.path, kin.value, kin.source, kin.more) == ("g.cases.KIN", "KIN", "law 9", {"text": "kin"})
    assert (big.path, big.value, big.evidence, big.more) == ("g.cases.2", 7, "R", {"when": "big"})
    assert pack.cases("g.nowhere") == pack.cases("nowhere.at.all") == pack.cases("g.number") == ()
    paths = [rule.path for rule in pack.rules()]
    assert paths == [*(f"g.{name}" for name in list(TREE["g"])[:8]), "g.cases.KIN", "g.cases.2"]  # type: ignore[arg-type]


def test_a_pack_knows_what_it_has() -> None:
    pack = pack_of(TREE)
    assert pack.has("g.number")
    assert pack.has("g.cases")
    assert not pack.has("g.case")
    assert not pack.has("g")


def test_an_unknown_pack_is_refused() -> None:
    with pytest.raises(NotFound, match="rule-pack"):
        library.load("cn_nowhere")
