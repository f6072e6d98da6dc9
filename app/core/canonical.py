"""One way of writing a value down, so that the same value always has the same hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence

Canonical = None | bool | int | str | Sequence["Canonical"] | Mapping[str, "Canonical"]


def canonical_json(value: Canonical) -> bytes:
    """JSON in UTF-8 with sorted keys and no spaces; numbers are integers only.

    Raises TypeError for a float, bytes or any other type: those have more than one spelling.
    """
    _refuse_ambiguous(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest(value: Canonical) -> str:
    """The SHA-256 of the canonical spelling, 64 hex digits."""
    return sha256_hex(canonical_json(value))


def _refuse_ambiguous(value: object) -> None:
    if value is None or isinstance(value, bool | int | str):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"keys must be text, not {type(key).__name__}")
            _refuse_ambiguous(item)
        return
    if isinstance(value, list | tuple):
        for item in value:
            _refuse_ambiguous(item)
        return
    raise TypeError(f"{type(value).__name__} has no single spelling; use integers, text, lists or mappings")
