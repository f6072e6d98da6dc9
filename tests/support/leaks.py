"""Looks for secrets in bytes, however they are spelled: plain, wide, in base64, hex, percent or escapes, or backwards."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

_SHORTEST = 6
"""Spellings of fewer bytes would be found by chance."""


def spellings(secret: str) -> frozenset[bytes]:
    """Every way this text could lie in a file without being sealed."""
    plain = secret.encode()
    wide = [secret.encode(kind) for kind in ("utf-16-le", "utf-16-be", "gb18030")]
    found = {
        plain,
        *wide,
        plain.hex().encode(),
        plain.hex().upper().encode(),
        secret[::-1].encode(),
        plain[::-1],
    }
    found |= {quote(secret).encode(), quote(secret).lower().encode(), json.dumps(secret).strip('"').encode()}
    for raw in (plain, wide[0]):
        found |= {_within_base64(raw, shift) for shift in range(3)}
    return frozenset(one for one in found if len(one) >= _SHORTEST)


def leaked(secrets: Iterable[str], data: bytes) -> list[tuple[str, bytes]]:
    """Which secrets are in these bytes, with the spelling."""
    return [(secret, one) for secret in secrets for one in spellings(secret) if one in data]


def _within_base64(raw: bytes, shift: int) -> bytes:
    """The letters that stand for these bytes wherever they begin within a longer text."""
    text = base64.b64encode(bytes(shift) + raw + bytes(2))
    first = -(-shift * 8 // 6)
    return text[first : (shift + len(raw)) * 8 // 6]
