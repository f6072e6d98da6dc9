"""Rules in words: every rule of every pack can be shown, with its source, in both languages."""

from datetime import timedelta
from fractions import Fraction

import pytest

from app.core.i18n import catalogue, translate
from app.evaluation.rule_notes import Phrase, RuleRow, groups, label_of, rows, span_phrase, thresholds
from app.rules import library
from app.rules.known import GROUPS, KNOWN
from app.rules.pack import assemble
from app.rules.shapes import CalendarSpan, Duration

TENDER = library.load("cn_tender")


def words(phrases: tuple[Phrase, ...], language: str = "zh") -> list[str]:
    return [translate(language, phrase.text, **phrase.params) for phrase in phrases]


def row(path: str, pack: str = "cn_tender") -> RuleRow:
    (found,) = rows(library.load(pack), [path])
    return found


def test_a_row_says_what_is_asked_by_which_article_and_how_well_that_is_known() -> None:
    share = row("committee.expert_share_min")
    assert (words(share.value), share.source, share.evidence) == (["2/3"], "招标投标法 37(2)", "V")
    assert share.label == KNOWN["committee.expert_share_min"].label == label_of("committee.expert_share_min")


@pytest.mark.parametrize(
    ("path", "pack", "value", "details"),
    [
        ("committee.min_size", "cn_tender", ["5"], {}),
        ("committee.odd_size", "cn_tender", ["是"], {}),
        ("committee.purchaser_reps_max", "cn_tender", ["未作规定"], {}),
        ("committee.purchaser_reps_max", "cn_chongqing", ["2"], {"所占比例至多": ["1/3"]}),
        ("draw.over_invite", "cn_intl_mech_elec", ["否"], {}),
        ("draw.reply_window", "cn_tender", ["15 分钟"], {}),
        ("draw.earliest", "cn_tender", ["未作规定"], {}),
        (
            "draw.earliest",
            "cn_govproc",
            ["2 个工作日"],
            {"不适用于": ["谈判", "磋商", "异地评标"]},
        ),
        (
            "draw.earliest",
            "cn_intl_mech_elec",
            ["48 小时"],
            {"外省专家": ["72 小时"], "遇节假日": ["提前到此前的工作日"]},
        ),
        ("draw.invite_mode", "cn_tender", ["逐席依次邀请"], {"可选": ["逐席依次邀请", "按抽取次序分批邀请"]}),
        ("records.file_retention", "cn_govproc", ["15 年"], {"起算点": ["采购结束"]}),
        ("complaints.file_within", "cn_tender", ["10 天"], {}),
        ("avoidance.grounds.STAKE", "cn_tender", ["与投标人有利害关系"], {}),
        ("committee.size_overrides.1", "cn_tender", ["7"], {"适用于": ["水利工程项目"]}),
    ],
)
def test_values_and_their_qualifiers_are_put_in_words(
    path: str, pack: str, value: list[str], details: dict[str, list[str]]
) -> None:
    shown = row(path, pack)
    assert words(shown.value) == value
    assert {label: words(phrases) for label, phrases in shown.details} == details


@pytest.mark.parametrize(
    ("span", "zh", "en"),
    [
        (timedelta(minutes=90), "90 分钟", "90 min"),
        (timedelta(hours=72), "72 小时", "72 h"),
        (timedelta(days=4), "4 天", "4 days"),
        (timedelta(hours=97), "97 小时", "97 h"),
        (CalendarSpan(3, "working_hours"), "3 个工作小时", "3 working hours"),
    ],
)
def test_a_span_is_said_in_its_own_unit(span: Duration, zh: str, en: str) -> None:
    assert words((span_phrase(span),)) == [zh]
    assert words((span_phrase(span),), "en") == [en]


@pytest.mark.parametrize(
    ("path", "pack", "evidence"),
    [
        ("committee.min_size", "cn_tender", "V"),
        ("committee.min_size", "cn_govproc", "R"),
        ("committee.size_overrides.1", "cn_tender", "S"),
        ("draw.greatest_chance_max", "cn_tender", "L"),
    ],
)
def test_the_evidence_is_that_of_the_pack(path: str, pack: str, evidence: str) -> None:
    assert row(path, pack).evidence == evidence


def test_a_list_is_shown_entry_by_entry_and_what_is_not_there_is_left_out() -> None:
    found = rows(TENDER, ["avoidance.grounds", "committee.same_employer_max_share", "committee.min_size"])
    assert [one.path for one in found[:2]] == ["avoidance.grounds.REL_CHIEF", "avoidance.grounds.REGULATOR"]
    assert found[-1].path == "committee.min_size"
    assert len(found) == 6
    assert label_of("avoidance.grounds.KIN") == KNOWN["avoidance.grounds"].label
    assert label_of("") == ""


def test_a_ground_of_a_centers_own_is_shown_as_its_pack_words_it_and_tiers_row_by_row() -> None:
    own = assemble(
        [
            {
                "pack": "mine",
                "version": "1",
                "avoidance": {
                    "grounds": [
                        {"code": "NEIGHBOUR", "text": "邻居", "src": "here", "ev": "L"},
                        {"code": "FRIEND", "src": "here", "ev": "L"},
                    ]
                },
                "inspection": {
                    "tiers": {"value": [{"tier": "A", "most": "1/20"}, {"tier": "B"}], "src": "x", "ev": "S"}
                },
            }
        ]
    )
    neighbour, friend = rows(own, ["avoidance.grounds"])
    assert (words(neighbour.value), words(friend.value)) == (["邻居"], ["FRIEND"])
    assert [words(one.value) for one in rows(own, ["inspection.tiers"])] == [["tier A most 1/20", "tier B"]]


@pytest.mark.parametrize("name", library.names())
def test_every_rule_of_every_pack_stands_in_a_group_and_is_readable_in_english(name: str) -> None:
    rules, english = library.load(name), catalogue("en")
    listed = groups(rules)
    assert [group.name for group in listed] == [group for group in GROUPS if group in rules.tree]
    assert sum(len(group.rows) for group in listed) == len(rules.rules())
    for group in listed:
        for one in group.rows:
            assert one.label in english
            for phrase in (*one.value, *(item for _, phrases in one.details for item in phrases)):
                assert phrase.text in english or phrase.text.isascii(), phrase.text
            assert all(label in english for label, _ in one.details)


def test_the_thresholds_of_a_draw_come_from_the_pack() -> None:
    found = thresholds(TENDER)
    assert (found.depth_ratio, found.greatest_chance, found.ten_share) == (3, Fraction(1, 5), Fraction(1, 2))
