"""Nothing but five approved blanks can enter what is spoken or sent."""

from datetime import UTC, datetime
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify import wording
from app.notify.wording import LANGUAGES, VARIABLES, TemplateId, WordingRefused

GOOD = {
    "time": "11月23日上午9点",
    "place": "云岭市公共资源交易中心三楼报到处",
    "duration": "约需半天",
    "hotline": "0870-1234567",
    "code": "482913",
}
ORIGIN = "https://pb.example.gov.cn"
TELLING = (
    "project",
    "bidder",
    "purchaser",
    "specialty",
    "colleague",
    "项目",
    "投标",
    "采购",
    "招标",
    "专业",
    "标段",
)


@given(st.sampled_from(TemplateId), st.sampled_from(LANGUAGES), st.text(min_size=1), st.text())
def test_a_blank_off_the_white_list_is_refused_everywhere(
    template: TemplateId, language: str, name: str, value: str
) -> None:
    if name not in VARIABLES:
        with pytest.raises(WordingRefused):
            wording.render(template, language, {**GOOD, name: value}, ORIGIN)


@pytest.mark.parametrize("template", TemplateId)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_tells_what_is_evaluated(template: TemplateId, language: str) -> None:
    text = wording.render(template, language, GOOD, ORIGIN).lower()
    assert not [word for word in TELLING if word in text]


@pytest.mark.parametrize("template", TemplateId)
def test_both_languages_have_the_same_blanks_where_it_matters(template: TemplateId) -> None:
    for language in LANGUAGES:
        blanks = {name for _, name, _, _ in Formatter().parse(wording._TEXTS[language][template]) if name}
        assert ("link" in blanks) == wording.holds_link(template)
        filled = {"code" if name == "link" else name for name in blanks}
        assert filled == wording.needed(template)
        assert filled <= VARIABLES


@given(st.sampled_from(TemplateId), st.data())
def test_a_missing_blank_is_refused(template: TemplateId, data: st.DataObject) -> None:
    needed = sorted(wording.needed(template))
    if needed:
        missing = data.draw(st.sampled_from(needed))
        with pytest.raises(WordingRefused, match=missing):
            wording.check(template, {name: GOOD[name] for name in GOOD if name != missing})


@pytest.mark.parametrize(
    "value", ["", "  ", "三楼<Say>", "见 http://example.com/x", "a\nb", "x" * 121, "{code}", "a@b"]
)
def test_a_value_is_short_plain_text(value: str) -> None:
    with pytest.raises(WordingRefused, match="place"):
        wording.check(TemplateId.invitation_sms, {**GOOD, "place": value})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_is_the_address_of_the_house_and_a_code(language: str) -> None:
    linked = {one for one in TemplateId if wording.holds_link(one)}
    assert linked == {TemplateId.invitation_sms}
    text = wording.render(TemplateId.invitation_sms, language, GOOD, ORIGIN)
    assert " https://pb.example.gov.cn/a/482913 " in text  # spaces, so that a phone sees where the link ends
    for origin in ("", "pb.example.gov.cn"):
        with pytest.raises(WordingRefused, match="address of the house"):
            wording.render(TemplateId.invitation_sms, language, GOOD, origin)


@pytest.mark.parametrize("code", ["a/b", "a?b", "a b", "代码", "a#b"])
def test_the_code_of_a_link_is_letters_and_digits(code: str) -> None:
    with pytest.raises(WordingRefused, match="letters and digits"):
        wording.check(TemplateId.invitation_sms, {**GOOD, "code": code})
    wording.check(TemplateId.seat_code_sms, {**GOOD, "code": code})


USUAL = {
    "time": "11月23日上午9点",
    "place": "云岭市公共资源交易中心 市本级 评标1室 1-2",
    "duration": "约需半天",
    "hotline": "0870-1234567",
    "code": "abcdefghjkmn",
}


@pytest.mark.parametrize("template", [one for one in TemplateId if one.endswith("_sms")])
def test_a_chinese_text_fits_into_two_pieces(template: TemplateId) -> None:
    """134 characters: a text of up to 70 is one piece, in a longer one each piece holds 67."""
    assert len(wording.render(template, "zh", USUAL, ORIGIN)) <= 134


def test_the_invitation_is_the_only_text_with_two_ways_to_answer_it() -> None:
    text = wording.render(TemplateId.invitation_sms, "zh", USUAL, ORIGIN)
    for said in (
        "回复1",
        "回复2",
        "/a/abcdefghjkmn",
        "退订",
        USUAL["hotline"],
        USUAL["place"],
        USUAL["time"],
    ):
        assert said in text


def test_an_unknown_language_is_spoken_in_chinese() -> None:
    assert wording.render(TemplateId.one_moment, "fr", {}) == "请稍候。"
    assert wording.spoken_language("fr") == wording.spoken_language("zh") == "cmn-CN"
    assert wording.spoken_language("en") == "en-US"


@pytest.mark.parametrize(
    ("hour", "minute", "chinese", "english"),
    [
        (9, 0, "11月3日上午9点", "3 November at 09:00"),
        (12, 5, "11月3日下午12点5分", "3 November at 12:05"),
        (14, 30, "11月3日下午2点30分", "3 November at 14:30"),
    ],
)
def test_times_are_said_as_people_say_them(hour: int, minute: int, chinese: str, english: str) -> None:
    at = datetime(2026, 11, 3, hour, minute, tzinfo=UTC)
    assert wording.time_words(at, "zh") == chinese
    assert wording.time_words(at, "en") == english


@pytest.mark.parametrize(
    ("minutes", "chinese", "english"),
    [
        (0, "约需半天", "about half a day"),
        (240, "约需半天", "about half a day"),
        (241, "约需1天", "about 1 day"),
        (480, "约需1天", "about 1 day"),
        (700, "约需1天半", "about 1.5 days"),
        (960, "约需2天", "about 2 days"),
    ],
)
def test_durations_are_said_in_half_days(minutes: int, chinese: str, english: str) -> None:
    assert wording.duration_words(minutes, "zh") == chinese
    assert wording.duration_words(minutes, "en") == english


def test_who_is_let_go_is_told_no_reason_and_not_that_the_evaluation_is_cancelled() -> None:
    blanks = {"time": "3月5日上午9点", "hotline": "0870-1234567"}
    assert wording.render(TemplateId.released_sms, "zh", blanks) == (
        "【公共资源交易中心】原定3月5日上午9点的评标不再需要您到场。如有疑问请拨打0870-1234567。"
    )
    assert wording.render(TemplateId.released_sms, "en", blanks | {"time": "5 March at 09:00"}) == (
        "[Trading Center] You are no longer needed for the evaluation planned for 5 March at 09:00. "
        "For questions call 0870-1234567."
    )
