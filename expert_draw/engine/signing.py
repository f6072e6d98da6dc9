"""Signatures (Ed25519): who wrote a line, and that a party has seen what it agreed to."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "yuanping-draw/2"
SECRET_BYTES = 32
_PRIME = 2**255 - 19
_CURVE_D = -121665 * pow(121666, -1, _PRIME) % _PRIME
_ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER = frozenset({0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8})
"""Ordinates of the eight points of small order of Ed25519 (RFC 8032, section 5.1)."""


class Signer:
    """One who signs (签名人): the house or a party. `public` is the public key, 64 hex digits."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """seed: 32 secret bytes, the private key of RFC 8032. TypeError for anything else."""
        if not isinstance(seed, bytes) or len(seed) != SECRET_BYTES:
            raise TypeError("a signing key is 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def sign(self, purpose: str, message: bytes) -> str:
        """The signature for one purpose, 128 hex digits; nobody can pass it off as one for another purpose."""
        return self._key.sign(_bound(purpose, message)).hex()


def signed(public: str, purpose: str, message: bytes, signature: str) -> bool:
    """Whether the owner of `public` (64 hex digits) signed this message for this purpose; False for a key that is none."""
    if not one_can_sign_for(public):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), _bound(purpose, message))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def one_can_sign_for(public: str) -> bool:
    """Whether this key (64 hex digits) is a point of the curve in its one spelling, and none of those for which anybody
    can sign."""
    y = int.from_bytes(bytes.fromhex(public), "little") % 2**255
    if y >= _PRIME or y in _SMALL_ORDER:
        return False
    x_squared = (y * y - 1) * pow(_CURVE_D * y * y + 1, -1, _PRIME) % _PRIME
    return pow(x_squared, (_PRIME - 1) // 2, _PRIME) == 1


def _bound(purpose: str, message: bytes) -> bytes:
    return b"%b\x00%b\x00%b" % (FORMAT.encode(), purpose.encode(), message)
