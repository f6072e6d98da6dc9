"""The share a browser keeps and the one the offline tool keeps are the same: one file, the same words, byte for byte."""

import json
import subprocess
from pathlib import Path

import pytest

from app.web.templating import STATIC
from expert_draw.statements import OwnShare
from tests.app.web.test_draw_pages import act, agreed, booked, lines, say
from tests.support.node import find_node
from tests.support.web import WebHouse

_CALL = """
import {{ Share, canSign, lastOf }} from {module};
import {{ readFileSync }} from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
const out = {{ able: await canSign() }};
try {{
  const share = given.text ? Share.read(given.text, given.party) : Share.make(given.party, given.suite);
  out.text = share.text;
  out.said = given.step === "promise" ? await share.promise() : await share[given.step](given.record, given.seen);
  if (given.record) out.last = lastOf(given.record);
}} catch (error) {{
  out.refused = error.code;
  out.values = error.values;
}}
console.log(JSON.stringify(out));
"""


def browser(step: str, **given: object) -> dict[str, object]:
    """What party-share.js answers, run by Node as a browser would."""
    module = json.dumps((STATIC / "js" / "party-share.js").as_uri())
    program = [find_node(), "--input-type=module", "-e", _CALL.format(module=module)]
    said = subprocess.run(
        program,
        input=json.dumps({"step": step, **given}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told: dict[str, object] = json.loads(said.stdout)
    return told


@pytest.mark.parametrize("suite", ["sha256", "sm3"])
def test_a_share_made_in_the_browser_is_one_the_tool_reads(suite: str) -> None:
    made = browser("promise", party="tenderee", suite=suite)
    share = OwnShare.read(str(made["text"]))
    assert (share.party, share.suite, share.text) == ("tenderee", suite, made["text"])
    assert share.promise().text == made["said"]
    assert browser("promise", party="tenderee", suite=suite)["text"] != made["text"]


@pytest.mark.parametrize("suite", ["sha256", "sm3"])
def test_a_share_made_by_the_tool_promises_the_same_in_the_browser(suite: str) -> None:
    share = OwnShare("center", "sm3" if suite == "sm3" else "sha256", bytes(range(32)), bytes(range(1, 33)))
    assert browser("promise", party="center", text=share.text)["said"] == share.promise().text


def test_both_agree_and_reveal_in_the_same_words(house: WebHouse) -> None:
    evaluation, own = booked(house), OwnShare.new("center", "sha256")
    say(house, evaluation, "center", "promise", own.promise().text)
    act(house, evaluation, "commit")
    given = {"party": "center", "text": own.text}
    record = lines(house)
    answer = browser("agree", **given, record=record.decode())
    assert answer["said"] == own.agree(record).text
    assert browser("reveal", **given, record=record.decode())["refused"] == "not_now"
    agreed(house, evaluation, {"center": own})
    act(house, evaluation, "run")
    record = lines(house)
    assert (
        browser("reveal", **given, record=record.decode(), seen=answer["last"])["said"]
        == own.reveal(record).text
    )
    assert browser("agree", **given, record=record.decode())["refused"] == "not_now"


def test_the_browser_signs_nothing_that_is_not_in_order(house: WebHouse, tmp_path: Path) -> None:
    evaluation, own = booked(house), OwnShare.new("center", "sha256")
    say(house, evaluation, "center", "promise", own.promise().text)
    act(house, evaluation, "commit")
    record = lines(house).decode()
    given = {"party": "center", "text": own.text}
    bent = browser("agree", **given, record=record.replace('"reserve":0', '"reserve":1'))
    assert (bent["refused"], bent["values"]) == ("record_wrong", {"line": 1})
    other = OwnShare.new("center", "sha256")
    assert browser("agree", party="center", text=other.text, record=record)["refused"] == "not_my_promise"
    another = browser("agree", **given, record=record, seen={"n": 1, "hash": "0" * 64})
    assert (another["refused"], another["values"]) == ("record_changed", {"line": 1})
    assert browser("promise", party="tenderee", text=own.text)["refused"] == "share_of_another"
    for text in ("{}", "no share", json.dumps(None), own.text.replace("share", "promise")):
        assert browser("promise", party="center", text=text)["refused"] == "share_file"
