"""The codes that stand for people, places and employers in a record: nothing without the salt of the draw."""

import hmac

from expert_draw.engine.randomness import Suite, hash_of

SALT_BYTES = 32
CODE_BYTES = 16
_CODE = b"ed-panel/2 code\x00"


def candidate_code(salt: bytes, id_: str, suite: Suite = "sha256") -> str:
    """The code of a venue, a seat or a person outside the roster: 32 hex digits. salt: 32 secret bytes of the draw."""
    return _keyed(salt, b"candidate\x00" + id_.encode(), suite)[:CODE_BYTES].hex()


def group_code(salt: bytes, name: str, value: str, suite: Suite = "sha256") -> str:
    """The code of one value of a group, such as one employer: 32 hex digits."""
    return _keyed(salt, b"group\x00" + name.encode() + b"\x00" + value.encode(), suite)[:CODE_BYTES].hex()


def expert_key(salt: bytes, leaf: bytes, suite: Suite = "sha256") -> bytes:
    """What an expert needs to show the own code: 32 bytes. leaf: hash of the expert's leaf in the roster."""
    return _keyed(salt, leaf, suite)


def expert_code(key: bytes, leaf: bytes, suite: Suite = "sha256") -> str:
    """The code of an expert of the roster in one draw: 32 hex digits. key: from `expert_key`."""
    return hash_of(suite, _CODE + key + leaf)[:CODE_BYTES].hex()


def _keyed(salt: bytes, message: bytes, suite: Suite) -> bytes:
    if not isinstance(salt, bytes) or len(salt) < SALT_BYTES:
        raise TypeError("the salt of a draw is at least 32 bytes")
    return hmac.digest(salt, message, suite)
