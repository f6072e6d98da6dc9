"""Reserves as a rule pack orders them: places are filled without new shares until a list's reserves are used up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.rules import library
from expert_draw.engine.verify import verify_record
from tests.support.drawing import act, answer, book, invited, refill, whole
from tests.support.world import World, make_world


@pytest.fixture
def two_behind_each_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The packs that ship, but with two reserves behind each list."""
    folder = tmp_path / "packs"
    folder.mkdir()
    for path in library.PACKS.glob("*.yaml"):
        text = path.read_text("utf-8")
        changed = text.replace("  reserve_depth:\n    value: 0\n", "  reserve_depth:\n    value: 2\n")
        (folder / path.name).write_text(changed, "utf-8")
    usual = library.load
    monkeypatch.setattr(library, "load", lambda name: usual(name, folder))
    assert library.load("cn_tender").integer("draw.reserve_depth") == 2
    yield
    usual.cache_clear()


def one_of_the_water_experts_declines(world: World, evaluation_id: str) -> None:
    """Someone of A08, the experts with an odd number, says no; the house then fills the place."""
    asked = next(one for one in invited(world) if world.experts.index(world.person(one)) % 2)
    answer(world, asked, accept=False)
    refill(world, evaluation_id)


@pytest.mark.usefixtures("two_behind_each_list")
def test_two_who_decline_are_followed_by_reserves_and_a_third_by_a_new_round(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    evaluation_id = book(world)
    act(world, evaluation_id, "commit")
    act(world, evaluation_id, "run")
    first = whole(world)
    shares = first.count(b'"type":"reveal"')
    assert (first.count(b'"type":"call"'), b'"reserve":2' in first.split(b"\n")[0]) == (1, True)

    for filled in (1, 2):
        one_of_the_water_experts_declines(world, evaluation_id)
        text = whole(world)
        assert text.count(b'"method":"reserve"') == filled
        assert (text.count(b'"type":"call"'), text.count(b'"type":"reveal"')) == (1, shares)
        assert len(invited(world)) == 5
        assert verify_record(text).full

    one_of_the_water_experts_declines(world, evaluation_id)
    text = whole(world)
    assert text.count(b'"method":"reserve"') == 2
    assert (text.count(b'"type":"call"'), text.count(b'"type":"reveal"')) == (2, 2 * shares)
    assert len(invited(world)) == 5
    assert verify_record(text).full
