"""The second program's hashes and streams give the frozen numbers, and those of the libraries that others wrote."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.verifier.second import numbers

STREAM = Path(__file__).parents[1] / "vectors" / "draw" / "stream.json"
LENGTHS = (0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 70_000)


def frozen() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(STREAM.read_text(encoding="utf-8"))
    return found


def test_both_hashes_are_those_of_openssl_at_every_edge_of_a_block() -> None:
    texts = [bytes(index * 7 % 256 for index in range(length)) for length in LENGTHS]
    asked = [{"hash": suite, "text": text.hex()} for suite in ("sha256", "sm3") for text in texts]
    expected = [[hashlib.new(suite, text).hexdigest()] for suite in ("sha256", "sm3") for text in texts]
    assert numbers(asked) == expected


def test_the_stream_gives_the_frozen_numbers() -> None:
    vectors = frozen()
    below = [
        {"seed": vectors["seed"], "suite": one["suite"], "bounds": [one["bound"]] * len(one["values"])}
        for one in vectors["below"]
    ]
    mixed = [
        {"seed": vectors["seed"], "suite": one["suite"], "bounds": one["bounds"]} for one in vectors["mixed"]
    ]
    expected = [one["values"] for one in (*vectors["below"], *vectors["mixed"])]
    assert numbers([*below, *mixed]) == expected


def test_reserves_come_in_the_frozen_order() -> None:
    vectors = frozen()
    asked = [
        {"seed": vectors["seed"], **{name: one[name] for name in ("suite", "length", "most")}}
        for one in vectors["reserve"]
    ]
    assert numbers(asked) == [[str(index) for index in one["order"]] for one in vectors["reserve"]]
