"""A rule pack that is wrongly written is refused, with the file, the place in it and how to mend it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.errors import InvalidInput
from app.core.i18n import catalogue
from app.evaluation import widening
from app.evaluation.widening import _RUNGS
from app.rules import library
from app.rules.known import CONDITIONS, GROUPS, KNOWN, QUALIFIERS
from app.rules.schema import _FAULTS, faults
from app.rules.shapes import Shape
from app.rules.words import WORDS

GOOD: dict[str, Any] = {
    "pack": "mine",
    "version": "2026.11",
    "extends": [],
    "timezone": "Asia/Shanghai",
    "committee": {
        "min_size": {"value": 5, "src": "law 37", "ev": "V"},
        "odd_size": {"value": True, "src": "law 37", "ev": "V"},
        "expert_share_min": {"value": "2/3", "src": "law 37", "ev": "V"},
        "purchaser_reps_max": {"value": None, "share_max": "1/3", "src": "law", "ev": "L"},
        "size_overrides": [
            {"when": "industry == 'water_conservancy'", "min_size": 7, "src": "standard", "ev": "S"}
        ],
    },
    "draw": {
        "earliest": {
            "value": 2,
            "unit": "working_days",
            "except": ["remote_offsite"],
            "src": "198",
            "ev": "R",
        },
        "latest_before_start": {"value": "2h", "src": "note", "ev": "S"},
        "method": {"value": "random", "src": "law", "ev": "V"},
        "designate_allowed_when": {"value": ["complex"], "src": "law", "ev": "V"},
    },
    "avoidance": {"grounds": [{"code": "KIN", "text": "近亲属", "src": "law", "ev": "V"}]},
    "inspection": {"tiers": {"value": [{"tier": "A", "most": "1/20"}], "src": "county rule", "ev": "S"}},
}


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Writes a value at a dotted path; numbers count into lists."""

    def write(pack: dict[str, Any]) -> None:
        *way, last = path.split(".")
        node: Any = pack
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        node[last] = value

    return write


def drop(path: str) -> Callable[[dict[str, Any]], None]:
    """Takes away what stands at a dotted path."""

    def take(pack: dict[str, Any]) -> None:
        *way, last = path.split(".")
        node: Any = pack
        for part in way:
            node = node[int(part)] if isinstance(node, list) else node[part]
        del node[last]

    return take


def fresh() -> dict[str, Any]:
    copy: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD, allow_unicode=True))
    return copy


def test_a_pack_that_is_written_well_has_no_fault() -> None:
    assert faults("mine.yaml", fresh()) == ()


@pytest.mark.parametrize(
    ("plant", "code", "path"),
    [
        (drop("committee.min_size.src"), "no-source", "committee.min_size"),
        (put("committee.min_size.src", " "), "no-source", "committee.min_size"),
        (put("committee.min_size.src", 37), "no-source", "committee.min_size"),
        (drop("committee.min_size.ev"), "no-evidence", "committee.min_size"),
        (put("committee.min_size.ev", "X"), "evidence", "committee.min_size"),
        (drop("committee.min_size.value"), "no-value", "committee.min_size"),
        (put("committee.min_size", 5), "no-value", "committee.min_size"),
        (put("committee.min_size.value", 5.0), "spelling", "committee.min_size"),
        (put("committee.min_size.value", "5"), "integer", "committee.min_size"),
        (put("committee.min_size.value", True), "integer", "committee.min_size"),
        (put("committee.min_size.value", -1), "integer", "committee.min_size"),
        (put("committee.min_size.value", None), "integer", "committee.min_size"),
        (put("committee.min_size.values", 5), "unknown-key", "committee.min_size.values"),
        (put("committee.odd_size.value", "yes"), "flag", "committee.odd_size"),
        (put("committee.expert_share_min.value", 0.66), "spelling", "committee.expert_share_min"),
        (put("committee.expert_share_min.value", "3/2"), "fraction", "committee.expert_share_min"),
        (
            put("committee.purchaser_reps_max.share_max", 3),
            "fraction",
            "committee.purchaser_reps_max.share_max",
        ),
        (put("committee.least_size", {"value": 5}), "unknown-rule", "committee.least_size"),
        (put("comittee", {"min_size": {"value": 5}}), "unknown-rule", "comittee.min_size"),
        (put("committee", 5), "not-a-group", "committee"),
        (put("committee.size_overrides", {}), "cases", "committee.size_overrides"),
        (put("committee.size_overrides.0.when", "size > 3"), "condition", "committee.size_overrides.1.when"),
        (put("committee.size_overrides.0.min_size", "7"), "integer", "committee.size_overrides.1.min_size"),
        (drop("committee.size_overrides.0.src"), "no-source", "committee.size_overrides.1"),
        (put("committee.size_overrides.0.size", 7), "unknown-key", "committee.size_overrides.1.size"),
        (put("avoidance.grounds", ["KIN"]), "grounds", "avoidance.grounds.1"),
        (put("avoidance.grounds.0.code", "kin"), "grounds", "avoidance.grounds.1"),
        (put("avoidance.grounds.0.text", 3), "grounds", "avoidance.grounds.1"),
        (drop("avoidance.grounds.0.ev"), "no-evidence", "avoidance.grounds.1"),
        (put("draw.earliest.unit", "moons"), "duration", "draw.earliest"),
        (drop("draw.earliest.unit"), "duration", "draw.earliest"),
        (put("draw.earliest.except", "remote_offsite"), "words", "draw.earliest.except"),
        (put("draw.latest_before_start.value", "2 hours"), "duration", "draw.latest_before_start"),
        (put("draw.method.value", "by_hand"), "word", "draw.method"),
        (put("draw.designate_allowed_when.value", []), "words", "draw.designate_allowed_when"),
        (put("draw.designate_allowed_when.value", ["whenever"]), "words", "draw.designate_allowed_when"),
        (put("inspection.tiers.value", ["A"]), "tiers", "inspection.tiers"),
        (put("inspection.tiers.value", [{"tier": "A", "most": 0.05}]), "spelling", "inspection.tiers"),
        (put("inspection.tiers.value", [{1: "A"}]), "spelling", "inspection.tiers"),
        (put("version", 2026.11), "version", "version"),
        (put("version", "2026 / 11"), "version", "version"),
        (drop("version"), "version", "version"),
        (put("pack", "yours"), "pack-name", "pack"),
        (put("timezone", "UTC"), "timezone", "timezone"),
    ],
)
def test_each_planted_fault_is_found_where_it_stands(
    plant: Callable[[dict[str, Any]], None], code: str, path: str, tmp_path: Path
) -> None:
    pack = fresh()
    plant(pack)
    found = {(str(one.code), one.path) for one in faults("mine.yaml", pack)}
    assert (code, path) in found
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(pack, allow_unicode=True), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"mine\.yaml") as refusal:
        library.load("mine", tmp_path)
    assert refusal.value.remedy
    assert refusal.value.params["file"] == "mine.yaml"


@pytest.mark.parametrize(
    ("files", "code", "path"),
    [
        ({"mine": "- a\n- list\n"}, "not-a-group", "mine.yaml"),
        ({"mine": "pack: mine\nversion: [1\n"}, "unreadable", "3:1"),
        ({"mine": "pack: mine\nversion: '1'\npack: mine\n"}, "unreadable", "3:1"),
        ({"mine": "pack: mine\nversion: '1'\nextends: other\n"}, "extends", "other"),
        ({"mine": "pack: mine\nversion: '1'\nextends: [other]\n"}, "extends", "other"),
        ({"mine": "pack: mine\nversion: '1'\nextends: [mine]\n"}, "circular", "mine → mine"),
        (
            {
                "mine": "pack: mine\nversion: '1'\nextends: [other]\n",
                "other": "pack: other\nversion: '1'\nextends: [mine]\n",
            },
            "circular",
            "mine → other → mine",
        ),
        (
            {
                "mine": "pack: mine\nversion: '1'\nextends: [other]\n",
                "other": "pack: other\nversion: 2\n",
            },
            "version",
            "version",
        ),
    ],
)
def test_a_folder_of_packs_is_looked_through_as_a_whole(
    files: dict[str, str], code: str, path: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = library.check_all(tmp_path)
    assert (code, path) in {(one.code, one.path) for one in found}
    assert len(set(found)) == len(found)
    with pytest.raises(InvalidInput, match=f"rule-pack.{code}"):
        library.load("mine", tmp_path)


def test_a_pack_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes("pack: 规则".encode("gbk"))
    (found,) = library.check_all(tmp_path)
    assert (found.code, found.file) == ("unreadable", "mine.yaml")
    assert found.params["path"]


def test_all_shipped_packs_are_written_well() -> None:
    assert library.check_all() == ()
    assert "cn_venue_first" in library.names()
    assert library.load("cn_venue_first").word("allocation.mode") == "venue_first"
    assert library.load("cn_tender").word("allocation.mode") == "expert_first"
    batch = library.load("cn_ranked_batch")
    assert (batch.word("draw.invite_mode"), batch.integer("draw.reserve_depth")) == ("ranked_batch", 2)


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        ("invite_mode: {value: ranked_batch, src: s, ev: L}", "no-reserve"),
        ("reserve_depth: {value: 2, src: s, ev: L}", None),
        (
            "invite_mode: {value: ranked_batch, src: s, ev: L}\n  reserve_depth: {value: 1, src: s, ev: L}",
            None,
        ),
        ("invite_mode: {value: random, src: s, ev: L}", "not-among"),
        ("widen_ladder: {value: [region, redraw], src: s, ev: L}", "not-among"),
        ("widen_ladder: {value: [region], src: s, ev: L}", None),
    ],
)
def test_what_a_pack_says_of_inviting_and_widening_must_be_possible(
    own: str, refused: str | None, tmp_path: Path
) -> None:
    base = (library.PACKS / "cn_tender.yaml").read_text("utf-8")
    (tmp_path / "cn_tender.yaml").write_text(base, "utf-8")
    text = f"pack: mine\nversion: '1'\nextends: [cn_tender]\ndraw:\n  {own}\n"
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    assert [one.code for one in library.check_all(tmp_path)] == ([refused] if refused else [])
    if refused is None:
        assert library.load("mine", tmp_path).id == "mine"
        return
    with pytest.raises(InvalidInput, match=f"rule-pack.{refused}") as refusal:
        library.load("mine", tmp_path)
    assert refusal.value.params["file"] == "mine.yaml"


def test_the_register_knows_the_rungs_that_can_be_climbed() -> None:
    assert KNOWN["draw.widen_ladder"].among == {widening.SPECIALTY_PARENT, widening.REGION} == set(_RUNGS)


def test_everything_of_the_register_is_named_in_both_languages() -> None:
    english = catalogue("en")
    texts = [
        *GROUPS.values(),
        *QUALIFIERS.values(),
        *CONDITIONS.values(),
        *WORDS.values(),
        *(known.label for known in KNOWN.values()),
        *(text for pair in _FAULTS.values() for text in pair),
    ]
    assert not [text for text in texts if text not in english]
    assert {path.partition(".")[0] for path in KNOWN} == set(GROUPS)
    assert {key for known in KNOWN.values() for key in known.more} == set(QUALIFIERS)
    assert set(Shape) <= set(_FAULTS)
