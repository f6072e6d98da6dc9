"""The house's name under a manifest (Ed25519): that this house sealed this recording, and nobody else (清单签名)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.core.canonical import canonical_json
from recordings.lines import Malformed

PURPOSE = b"yuanping-recording/2\x00manifest\x00"
"""Stands before the manifest's hash (64 hex digits) in what is signed: no signature for this can pass for another's."""
_KEY, _SIGNATURE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Signer:
    """One who signs for the house. public_key: 64 hex digits. sign: gives the 64 bytes of an Ed25519 signature."""

    public_key: str
    sign: Callable[[bytes], bytes]

    @classmethod
    def of_seed(cls, seed: bytes) -> Self:
        """seed: the 32 secret bytes of RFC 8032."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(key.public_key().public_bytes_raw().hex(), key.sign)


@dataclass(frozen=True, slots=True)
class ManifestSignature:
    """What stands in the signature file beside a manifest, all in hex digits."""

    manifest_sha256: str
    key: str
    signature: str

    @classmethod
    def make(cls, signer: Signer, manifest_sha256: str) -> Self:
        signature = signer.sign(PURPOSE + manifest_sha256.encode())
        return cls(manifest_sha256, signer.public_key, signature.hex())

    @property
    def holds(self) -> bool:
        """Whether the owner of the key signed this manifest's hash."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.signature), PURPOSE + self.manifest_sha256.encode())
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_bytes(self) -> bytes:
        told = {"key": self.key, "manifest_sha256": self.manifest_sha256, "signature": self.signature}
        return canonical_json(told) + b"\n"


def parse_signature(data: bytes) -> ManifestSignature:
    """Reads a signature file. Raises Malformed when it is not exactly what a recorder wrote."""
    try:
        told = json.loads(data)
        read = ManifestSignature(told["manifest_sha256"], told["key"], told["signature"])
        if (
            not _KEY.fullmatch(read.key)
            or not _KEY.fullmatch(read.manifest_sha256)
            or not _SIGNATURE.fullmatch(read.signature)
            or read.to_bytes() != data
        ):
            raise Malformed("not canonical")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Malformed(str(error)) from error
    return read
