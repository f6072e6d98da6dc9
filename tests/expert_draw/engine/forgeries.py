"""Good records and every way of falsifying them that we know, written to tests/vectors/draw for anyone to run.

python -m tests.expert_draw.engine.forgeries
"""

import json
from dataclasses import replace
from pathlib import Path

from app.core.canonical import canonical_json
from expert_draw.engine.lists import commit
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.signing import Signer
from expert_draw.engine.verify import verify_record
from tests.expert_draw.engine import stories
from tests.expert_draw.engine.forging import (
    OTHER,
    STRANGER,
    Book,
    Forge,
    book,
    copy,
    drop,
    insert,
    opened,
    put,
)
from tests.expert_draw.engine.samples import SIGNERS, expert_pool

FOLDER = Path(__file__).parents[2] / "vectors/draw"


def swap_member(edited: Book) -> None:
    drawn = edited.body(edited.number("round"))["drawn"]
    taken = {code_ for _, code_ in drawn}
    rows = edited.openings[0]["list"]["candidates"]
    drawn[0][1] = next(row[0] for row in rows if row[0] not in taken and "1" in row[2] and not row[3])


def swap_for(edited: Book, which: int, code_: str) -> None:
    edited.body(edited.number("round", which))["drawn"][0][1] = code_


def swap_for_excluded(edited: Book) -> None:
    swap_for(edited, 1, edited.body(edited.number("exclude"))["excluded"][0][0])


def swap_for_one_who_left(edited: Book) -> None:
    swap_for(edited, 3, edited.body(edited.number("outcome"))["code"])


def swap_reserve(edited: Book) -> None:
    """Somebody else on the list is taken instead of the next reserve."""
    drawn = edited.body(edited.number("round", 2))["drawn"]
    taken = {code_ for number in edited.numbers("round") for _, code_ in edited.body(number)["drawn"]}
    rows = edited.openings[0]["list"]["candidates"]
    drawn[0][1] = next(row[0] for row in rows if row[0] not in taken and "1" in row[2] and not row[3])


def called_past_reserves(edited: Book) -> None:
    """The reserve who comes next does not please; a further round gives another one, by its shares and all rules but one."""
    told = book(stories.past_reserves())
    edited.lines, edited.openings = told.lines, told.openings


def claimed_none(edited: Book) -> None:
    edited.body(edited.number("round")).update({"drawn": [], "method": "none", "tries": 4096})


def pinned_anew(edited: Book) -> None:
    """The forger pins a list of its own, with another nonce: the chances stated before give it away."""
    pool = expert_pool()
    fewer = replace(pool, candidates=pool.candidates[1:], conflicts=())
    terms, listing = commit(fewer, bytes(32), 1, "sha256", weighted=False)
    edited.body(1)["pools"][0] = terms.body()
    edited.openings[0] = json.loads(listing.text)


def reason_dropped(edited: Book) -> None:
    row = next(row for row in edited.openings[0]["list"]["candidates"] if row[3])
    row[3] = []


def reuse_share(edited: Book) -> None:
    for which in range(3):
        later, earlier = edited.number("reveal", 3 + which), edited.number("reveal", which)
        edited.body(later)["share"] = edited.body(earlier)["share"]


def unsigned(type_: str) -> Forge:
    """A party's signature made with another key."""

    def forge(edited: Book) -> None:
        edited.body(edited.number(type_))["sig"] = "00" * 64

    return forge


def answer_after_reveals(edited: Book) -> None:
    number = edited.number("outcome", 4)
    line = edited.lines.pop(number - 1)
    edited.lines.insert(edited.number("round", 3) - 1, line)


def list_after_call(edited: Book) -> None:
    line = edited.lines.pop(edited.number("pool") - 1)
    call = edited.number("call", 1)
    edited.lines.insert(call, {**line, "at": edited.lines[call - 1]["at"]})
    edited.openings[-1]["line"] = edited.lines[call]


def hidden_redraw(edited: Book) -> None:
    """The first result did not please; only the second is shown."""
    first, last = edited.number("call"), edited.number("call", 1)
    del edited.lines[first - 1 : last - 1]
    del edited.openings[-1]


def reordered(edited: Book) -> None:
    edited.openings[0]["list"]["candidates"].reverse()


def fewer_on_list(edited: Book) -> None:
    table = edited.openings[0]["list"]
    named = {code_ for pair in table["conflicts"] for code_ in pair}
    table["candidates"].remove(next(row for row in table["candidates"] if row[0] not in named))


def listed_twice(edited: Book) -> None:
    rows = edited.openings[0]["list"]["candidates"]
    rows.insert(1, rows[0])


def opening_of_another_line(edited: Book) -> None:
    edited.openings[-1]["line"] = 5


def missing_opening(edited: Book) -> None:
    del edited.openings[1]


def opening_twice(edited: Book) -> None:
    edited.openings.insert(1, edited.openings[0])


def exclude(chosen: str) -> Forge:
    def forge(edited: Book) -> None:
        who = edited.body(edited.number("round"))["drawn"][0][1] if chosen == "seated" else chosen
        body = {"excluded": [[who, "employer"]], "kind": "expert"}
        insert(("outcome", 0), "exclude", body)(edited)

    return forge


def expert_list_replaced(edited: Book) -> None:
    line = edited.number("pool")
    terms, listing = commit(expert_pool(), bytes(32), line, "sha256", weighted=False)
    edited.body(line)["pool"] = terms.body()
    edited.openings[-1] = json.loads(listing.text)


def time_goes_back(edited: Book) -> None:
    edited.lines[edited.number("outcome") - 1]["at"] = "2026-11-21T00:59:59Z"


def late_line(edited: Book) -> None:
    edited.lines.append({**edited.lines[-1], "type": "void", "body": {"party": None, "reason": "regret"}})


def void_too_early(edited: Book) -> None:
    edited.lines[-1]["at"] = "2026-11-21T01:39:59Z"


def beacon_first(edited: Book) -> None:
    line = edited.lines.pop(edited.number("beacon") - 1)
    edited.lines.insert(edited.number("call"), line)


CLOSED, SHORT, SMALL = "good-closed", "good-excluded-later", "good-beacon"


# name: (the good record, forge)
def unopened(forge: Forge) -> Forge:
    """The same forgery in the public view, whose lists nobody can look at."""

    def both(edited: Book) -> None:
        forge(edited)
        edited.openings.clear()

    return both


def figures_not_due(edited: Book) -> None:
    """States figures under a law for which none are computed."""
    figures = {
        "chances": OTHER,
        "feasible": "7",
        "greatest": ["1", "2"],
        "least": ["1", "3"],
        "ten": ["2", "1"],
    }
    edited.body(edited.number("lock")).update(figures)


FORGERIES: dict[str, tuple[str, Forge]] = {
    "table-row-changed": (SHORT, opened(0, "candidates", 0, 2, value=["2"])),
    "reason-code-dropped": (SHORT, reason_dropped),
    "conflict-dropped": (SHORT, opened(0, "conflicts", value=[])),
    "bound-changed": (SHORT, opened(0, "bounds", 0, 2, value=0)),
    "cap-raised": (SHORT, put("open", 0, "pools", 0, "levels", 0, 0, 0, 1, value=3)),
    "list-pinned-anew": (SHORT, pinned_anew),
    "commitment-replaced": (SHORT, put("open", 0, "pools", 0, "table", value=OTHER)),
    "size-misstated": (SHORT, put("open", 0, "pools", 0, "size", value=11)),
    "nine-levels": ("good-given-up", put("open", 0, "pools", 0, "levels", value=[[[], 1]] * 9)),
    "level-skipped": (CLOSED, put("round", 2, "level", value=2)),
    "member-swapped": (SHORT, swap_member),
    "member-excluded-before": ("good-excluded-later", swap_for_excluded),
    "member-who-left": (CLOSED, swap_for_one_who_left),
    "share-replaced": (SHORT, put("reveal", 0, "share", value=OTHER)),
    "share-of-the-round-before": (SHORT, reuse_share),
    "share-left-out": (SHORT, drop("reveal", 0)),
    "reveal-by-a-stranger": (SHORT, put("reveal", 0, "party", value="stranger")),
    "agreement-with-another-key": (SHORT, unsigned("agree")),
    "reveal-with-another-key": (SHORT, unsigned("reveal")),
    "approval-with-another-key": ("good-beacon", unsigned("approve")),
    "anchor-replaced": (SHORT, put("open", 0, "parties", 0, 2, value=OTHER)),
    "house-key-replaced": (SHORT, put("open", 0, "key", value=SIGNERS["center"].public)),
    "agreement-missing": (SHORT, drop("agree", 1)),
    "figures-changed": (SHORT, put("lock", 0, "feasible", value="107")),
    "chances-replaced": (SHORT, put("lock", 0, "chances", value=OTHER)),
    "list-length-changed": (SHORT, put("lock", 0, "lists", 0, 2, value=99)),
    "warnings-without-approval": ("good-beacon", drop("approve", 0)),
    "tries-understated": ("good-excluded-later", put("round", 0, "tries", value=99)),
    "method-changed": (SHORT, put("round", 0, "method", value="counting")),
    "seed-chosen": (SHORT, put("round", 0, "seed", value=OTHER)),
    "place-left-out": (SHORT, put("round", 0, "needed", value=[["1", 1], ["2", 1]])),
    "decline-dropped": (CLOSED, drop("outcome", 0)),
    "late-answer-dropped": (CLOSED, drop("outcome", 3)),
    "answer-between-reveal-and-round": (CLOSED, answer_after_reveals),
    "list-changed-after-call": (CLOSED, list_after_call),
    "hidden-redraw": (CLOSED, hidden_redraw),
    "round-skipped": (SHORT, put("call", 1, "round", value=3)),
    "round-before-reveals": (SHORT, copy("round", 0, ("reveal", 0))),
    "beacon-of-another-round": ("good-beacon", put("beacon", 0, "round", value=4712)),
    "beacon-value-changed": ("good-beacon", put("beacon", 0, "value", value=OTHER)),
    "beacon-before-reveals": ("good-beacon", beacon_first),
    "reserve-swapped": ("good-reserves", swap_reserve),
    "called-past-reserves": ("good-reserves", called_past_reserves),
    "reserves-raised": ("good-reserves", put("open", 0, "reserve", value=1)),
    "stuck-without-redraw": ("good-redraw", drop("redraw", 0)),
    "none-though-feasible": (SHORT, claimed_none),
    "void-naming-the-wrong-party": ("good-withheld", put("void", 0, "party", value="center")),
    "void-too-early": ("good-withheld", void_too_early),
    "answer-of-nobody": (SHORT, put("outcome", 0, "code", value=STRANGER)),
    "answer-turned-round": (CLOSED, put("outcome", 0, "outcome", value="accepted")),
    "evidence-replaced": (CLOSED, put("outcome", 0, "evidence", value=OTHER)),
    "expert-list-replaced": (CLOSED, expert_list_replaced),
    "venue-terms-changed": (CLOSED, put("pool", 0, "pool", "levels", value=[[[["city", 1]], 1]])),
    "stranger-excluded": (SHORT, exclude(STRANGER)),
    "seated-excluded": (SHORT, exclude("seated")),
    "closed-too-early": (CLOSED, drop("outcome", 4, 5)),
    "closing-list-changed": (SMALL, put("close", 0, "holders", 0, 2, value=STRANGER)),
    "line-after-the-end": (SMALL, late_line),
    "opened-twice": (SHORT, copy("open", 0, ("agree", 0))),
    "first-line-missing": (SHORT, drop("open", 0)),
    "another-format": (SHORT, put("open", 0, "format", value="yuanping-draw/1")),
    "another-law": (SHORT, put("open", 0, "law", value="first-rows")),
    "another-draw-number": (SHORT, put("open", 0, "draw", value="CQ-2026-000999")),
    "name-instead-of-code": (SHORT, put("outcome", 0, "code", value="张三")),
    "candidates-reordered": (SHORT, reordered),
    "candidate-dropped": (SHORT, fewer_on_list),
    "weight-changed": ("good-weighted", opened(0, "candidates", 0, 4, value=999)),
    "opening-missing": ("good-withheld", missing_opening),
    "opening-twice": ("good-withheld", opening_twice),
    "openings-reordered": ("good-withheld", lambda edited: edited.openings.reverse()),
}
# Further ones, tried in memory only: what has another shape than the format permits, and variants of the above.
UNWRITTEN: dict[str, tuple[str, Forge]] = {
    "public-lengths-missing": (SHORT, unopened(put("lock", 0, "lists", value=[]))),
    "public-length-of-a-stranger": (SHORT, unopened(put("lock", 0, "lists", 0, 0, value="0"))),
    "public-need-changed": (SHORT, unopened(put("lock", 0, "lists", 0, 1, value=9))),
    "public-figures-not-due": ("good-sets", unopened(figures_not_due)),
    "public-chance-out-of-nothing": (SHORT, unopened(put("lock", 0, "greatest", value=["1", "0"]))),
    "public-chance-not-reduced": (SHORT, unopened(put("lock", 0, "greatest", value=["2", "4"]))),
    "held-member-dropped": (SHORT, opened(0, "held", value=[])),
    "level-unheard-of": (CLOSED, put("round", 2, "level", value=4)),
    "share-revealed-twice": (SHORT, copy("reveal", 0, ("reveal", 1))),
    "party-key-replaced": (SHORT, put("open", 0, "parties", 0, 1, value=STRANGER * 2)),
    "agreed-twice": (SHORT, copy("agree", 0, ("agree", 1))),
    "figures-missing": (SHORT, drop("lock", 0)),
    "greatest-chance-changed": (SHORT, put("lock", 0, "greatest", value=["1", "9"])),
    "approved-without-need": (
        SHORT,
        insert(("call", 0), "approve", {"party": "supervisor", "sig": OTHER * 2}),
    ),
    "drawn-twice": (CLOSED, copy("round", 0, ("round", 1))),
    "call-without-need": (CLOSED, copy("call", 1, ("outcome", 0))),
    "beacon-left-out": ("good-beacon", drop("beacon", 0)),
    "beacon-never-called": (
        SHORT,
        insert(("round", 0), "beacon", {"round": 1, "source": "drand", "value": OTHER}),
    ),
    "reserve-before-a-call": ("good-reserves", put("round", 0, "method", value="reserve")),
    "redraw-without-need": (SHORT, insert(("outcome", 0), "redraw", {"reason": "regret"})),
    "rounds-miscounted": (CLOSED, put("close", 0, "rounds", value=1)),
    "follows-what-is-not-there": (CLOSED, put("open", 0, "pools", 2, "follows", value=["seat", "center"])),
    "another-suite": (SHORT, put("open", 0, "suite", value="md5")),
    "time-goes-back": (SHORT, time_goes_back),
    "nonce-changed": (SHORT, lambda edited: edited.openings[0].__setitem__("nonce", OTHER)),
    "opening-of-another-line": (CLOSED, opening_of_another_line),
    "figures-half-missing": (SHORT, put("lock", 0, "least", value=None)),
    "approved-by-the-center": ("good-beacon", put("approve", 0, "party", value="center")),
    "void-naming-nobody": ("good-withheld", put("void", 0, "party", value=None)),
    "answer-unheard-of": (SHORT, put("outcome", 0, "outcome", value="perhaps")),
    "kind-listed-twice": (CLOSED, put("open", 0, "pools", 1, "kind", value="expert")),
    "too-many-places": (SHORT, put("open", 0, "pools", 0, "slots", 0, 1, value=98)),
    "apart-as-true": (SHORT, put("open", 0, "pools", 0, "levels", 0, 1, value=True)),
    "holders-reordered": (CLOSED, lambda edited: edited.body(27)["holders"].reverse()),
    "number-as-text": (SHORT, put("round", 0, "round", value="1")),
    "true-instead-of-one": (SHORT, put("round", 0, "needed", 0, 1, value=True)),
    "number-too-large": (SHORT, put("round", 0, "tries", value=2**53)),
    "zero-quota": (SHORT, put("open", 0, "pools", 0, "slots", 0, 1, value=0)),
    "member-missing": (SHORT, lambda edited: edited.body(10).__delitem__("tries")),
    "unknown-line": (SHORT, lambda edited: edited.lines[12].__setitem__("type", "regret")),
    "candidate-twice": (SHORT, listed_twice),
    "candidate-with-a-name": (SHORT, opened(0, "candidates", 0, 0, value="张三")),
    "candidate-row-too-long": (SHORT, lambda edited: edited.openings[0]["list"]["candidates"][0].append(1)),
}


def unsealed() -> dict[str, bytes]:
    """Forgeries by someone who cannot or does not mend hashes and signatures."""
    record = stories.GOOD[SHORT]()
    text = record.text(openings=True)
    rows = text.splitlines(keepends=True)
    flipped, pin = bytearray(text), bytearray(text)
    flipped[len(rows[0]) + 60] ^= 1
    pin[text.index(b'"sig":"', len(rows[0])) + 8] ^= 1
    spaced = json.dumps(json.loads(rows[4]), sort_keys=True).encode() + b"\n"
    renumbered = canonical_json({**json.loads(rows[4]), "n": 6}) + b"\n"
    other = stories.GOOD["good-beacon"]().text(openings=False).splitlines(keepends=True)
    twice = rows[12].replace(b'"n":13', b'"n":13,"n":13')
    return {
        "empty": b"",
        "byte-flipped": bytes(flipped),
        "signature-flipped": bytes(pin),
        "line-removed": b"".join(rows[:4] + rows[5:]),
        "lines-swapped": b"".join([*rows[:4], rows[5], rows[4], *rows[6:]]),
        "head-cut": b"".join(rows[1:]),
        "line-of-another-record": b"".join([*rows[:1], *other[1:2], *rows[2:]]),
        "written-with-spaces": b"".join([*rows[:4], spaced, *rows[5:]]),
        "member-written-twice": b"".join([*rows[:12], twice, *rows[13:]]),
        "hash-left-as-it-was": b"".join([*rows[:4], renumbered, *rows[5:]]),
        "signed-by-another-house": resigned(record),
        "windows-line-ends": text.replace(b"\n", b"\r\n"),
        "byte-order-mark": b"\xef\xbb\xbf" + text,
        "last-newline-missing": text[:-1],
        "blank-line-added": text + b"\n",
        "line-after-openings": text + rows[4],
        "format-one": FORMAT_ONE,
    }


# The first line of a record as the format before this one wrote it.
FORMAT_ONE = (
    b'{"at":"2026-11-21T01:00:00Z","body":{"algorithm":"ed-panel/1","chains":[],"draw":"CQ-2026-000123",'
    b'"format":"yuanping-draw/1"},"hash":"'
    + b"0" * 64
    + b'","n":1,"prev":"'
    + b"0" * 64
    + b'","type":"open"}\n'
)


def resigned(record: DrawRecord) -> bytes:
    """All lines signed with a key that line 1 does not name."""
    stranger, text = Signer(b"somebody else with another secret"[:32]), b""
    for event in record.events:
        sig = stranger.sign("line", bytes.fromhex(event.hash))
        text += canonical_json({**json.loads(event.line), "sig": sig}) + b"\n"
    return text


def forged(name: str) -> bytes:
    """The text of one of FORGERIES or UNWRITTEN."""
    good, forge = (FORGERIES | UNWRITTEN)[name]
    edited = book(stories.GOOD[good]())
    forge(edited)
    return edited.text()


def vectors() -> dict[str, bytes]:
    """File name → text, good ones and falsified ones."""
    found = {f"{name}.jsonl": make().text(openings=True) for name, make in stories.GOOD.items()}
    found.update(
        {f"{name}-public.jsonl": stories.GOOD[name]().text(openings=False) for name in stories.PUBLIC}
    )
    found.update({f"{name}.jsonl": forged(name) for name in FORGERIES})
    found.update({f"{name}.jsonl": text for name, text in unsealed().items()})
    return found


def expected(text: bytes) -> dict[str, object]:
    """What is written down of a verdict; looked over by eye before it is committed."""
    verdict = verify_record(text)
    first = verdict.findings[0] if verdict.findings else None
    return {
        "ok": verdict.ok,
        "full": verdict.full,
        "line": first and first.line,
        "code": first and first.code,
    }


def write_vectors(folder: Path) -> None:
    made = vectors()
    for path in folder.glob("*.jsonl"):
        path.unlink()
    for name, text in made.items():
        (folder / name).write_bytes(text)
    verdicts = {name: expected(text) for name, text in made.items()}
    (folder / "expected.json").write_text(json.dumps(verdicts, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_vectors(FOLDER)
