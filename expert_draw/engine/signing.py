"""Signatures (Ed25519): who wrote a line, and that a party has seen what it agreed to."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "yuanping-draw/2"
SECRET_BYTES = 32


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
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(signature), _bound(purpose, message))
    except (InvalidSignature, ValueError):
        return False
    return True


def _bound(purpose: str, message: bytes) -> bytes:
    return b"%b\x00%b\x00%b" % (FORMAT.encode(), purpose.encode(), message)
