"""Rule packs carry their sources, extend one another, and keep their hash only while nothing in them changes."""

import pytest

from app.core.canonical import Canonical
from app.core.errors import NotFound
from app.rules import library
from app.rules.pack import assemble


def test_every_shipped_pack_loads_and_every_rule_names_its_evidence() -> None:
    for name in library.names():
        pack = library.load(name)
        assert pack.id == name
        assert pack.rule("committee.min_size").evidence in "VSRL"


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


@pytest.mark.parametrize("path", ["nothing.here", "group.a.value.deeper", "group"])
def test_asking_for_a_rule_that_is_not_there_says_so(path: str) -> None:
    pack = assemble([{"pack": "p", "version": "1", "group": {"a": {"value": 1}}}])
    with pytest.raises(KeyError, match="rule pack p"):
        pack.rule(path)


def test_a_rule_that_is_no_number_is_not_read_as_one() -> None:
    pack = assemble([{"pack": "p", "version": "1", "share": {"value": "2/3"}}])
    with pytest.raises(TypeError, match="not a whole number"):
        pack.integer("share")


def test_an_unknown_pack_is_refused() -> None:
    with pytest.raises(NotFound, match="rule-pack"):
        library.load("cn_nowhere")
