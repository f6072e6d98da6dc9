"""Every known way of falsifying a record, shown to both verifiers: the one in Python and the JavaScript file."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from expert_draw.engine.verify import verify_record
from tests.bench.table import Figure, at_least, at_most
from tests.expert_draw.engine.forgeries import SHORT, UNWRITTEN, forged, vectors
from tests.expert_draw.engine.stories import GOOD
from tests.verifier.second import second_opinions

FLIPS = 200
LEAST_KINDS = 20


def figures(quick: bool) -> Iterator[Figure]:
    """How many kinds of forgery both find, how many flipped bytes, and how often one of them cries wolf."""
    good, kinds = _sorted_out()
    yield at_least("kinds of forgery shown to both verifiers", len(kinds), LEAST_KINDS, unit="")
    yield _escaped("forgeries that escape either verifier", kinds)
    yield _escaped(f"the same with one of {FLIPS} bytes flipped", flipped(GOOD[SHORT]().text(openings=True)))
    python, node = _refused_by_python(good), _refused_by_node(good)
    wrongly = [name for name in good if python[name] or node[name]]
    yield at_most(
        "good records that either refuses", len(wrongly), 0, unit="", beside=_named(wrongly, len(good))
    )


def flipped(text: bytes) -> dict[str, bytes]:
    """One bit changed, at places spread over the whole record."""
    made = {}
    for number in range(FLIPS):
        changed, place = bytearray(text), number * len(text) // FLIPS
        changed[place] ^= 1
        made[f"byte-{place}"] = bytes(changed)
    return made


def _sorted_out() -> tuple[dict[str, bytes], dict[str, bytes]]:
    texts = vectors() | {f"{name}.jsonl": forged(name) for name in UNWRITTEN}
    good = {name: text for name, text in texts.items() if name.startswith("good-")}
    return good, {name: text for name, text in texts.items() if name not in good}


def _escaped(name: str, texts: Mapping[str, bytes]) -> Figure:
    python, node = _refused_by_python(texts), _refused_by_node(texts)
    missed = [f"{one} (Python)" for one in texts if not python[one]]
    missed += [f"{one} (JavaScript)" for one in texts if not node[one]]
    return at_most(name, len(missed), 0, unit="", beside=_named(missed, len(texts)))


def _named(names: list[str], many: int) -> str:
    return ", ".join(names[:4]) + (" …" if len(names) > len(names[:4]) else "") or f"{many} records"


def _refused_by_python(texts: Mapping[str, bytes]) -> dict[str, bool]:
    return {name: not verify_record(text).ok for name, text in texts.items()}


def _refused_by_node(texts: Mapping[str, bytes]) -> dict[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jsonl" for number in range(len(texts))]
        for path, text in zip(paths, texts.values(), strict=True):
            path.write_bytes(text)
        opinions = second_opinions(paths)
    return {name: not opinion.ok for name, opinion in zip(texts, opinions, strict=True)}
