"""Signed notes and checkpoints in the form of C2SP (signed-note, tlog-checkpoint, tlog-cosignature) (检查点).

A note is a text that ends with a newline, an empty line, and lines `— NAME BASE64(key id ‖ signature)`, one for each signer. Lines of
unknown signers are kept and ignored.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.audit.log_tree import HASH_BYTES

ED25519, COSIGNATURE = 0x01, 0x04
_SIGNED = re.compile(rb"\xe2\x80\x94 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+]+")
_TIME_BYTES, _KEY_ID, _KEY_BYTES = 8, 4, 32
_PRIVATE = "PRIVATE+KEY+"


class NoteMalformed(ValueError):
    """The bytes are no signed note, its text is no checkpoint, or a signature in it does not hold."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who may have signed: a name and an Ed25519 public key (32 bytes). kind: plain, or a witness's cosignature with its time."""

    name: str
    key: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        return _key_id(self.name, self.kind, self.key)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        said = text
        if self.kind == COSIGNATURE:
            time = int.from_bytes(signature[:_TIME_BYTES], "big")
            said, signature = _witnessed(text, time), signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, said)
        except InvalidSignature:
            return False
        return True

    def to_text(self) -> str:
        """`NAME+KEYID+BASE64`, as such keys are written down."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.key).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NoteMalformed."""
        return cls(*_parts(text.strip()))


@dataclass(frozen=True, slots=True)
class Signer:
    """One who signs. sign: gives the 64 bytes of an Ed25519 signature."""

    verifier: Verifier
    sign: Callable[[bytes], bytes]

    @classmethod
    def of_seed(cls, name: str, seed: bytes, kind: int = ED25519) -> Self:
        """seed: the 32 secret bytes of RFC 8032."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Verifier(name, key.public_key().public_bytes_raw(), kind), key.sign)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `PRIVATE+KEY+NAME+KEYID+BASE64`. Raises NoteMalformed."""
        if not text.startswith(_PRIVATE):
            raise NoteMalformed("no private key")
        name, key_id, packed = _split(text.strip().removeprefix(_PRIVATE))
        found = cls.of_seed(name, packed[1:], packed[0])
        if found.verifier.key_id != key_id:
            raise NoteMalformed("the key id is another key's")
        return found


def private_text(name: str, seed: bytes, kind: int) -> str:
    """A private key as it is kept in a file; the id in it is that of the public key."""
    key_id = Signer.of_seed(name, seed, kind).verifier.key_id.hex()
    return f"{_PRIVATE}{name}+{key_id}+{b64encode(bytes([kind]) + seed).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """text: what is signed, with its last newline. signatures: name, key id and signature of each line."""

    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...] = ()

    def checkpoint(self, key: Verifier) -> "Checkpoint":
        """What the owner of the key says of its log. Raises NoteMalformed unless signed with that key, in its own name."""
        if key not in self.signers([key]):
            raise NoteMalformed(f"not signed by {key.name}")
        told = Checkpoint.parse(self.text)
        if told.origin != key.name:
            raise NoteMalformed(f"the checkpoint of {told.origin}, not of {key.name}")
        return told

    def signers(self, known: Collection[Verifier]) -> tuple[Verifier, ...]:
        """Those of the known whose signature holds. Raises NoteMalformed when one of theirs does not: such a note was altered."""
        held = []
        for name, key_id, signature in self.signatures:
            for one in known:
                if (one.name, one.key_id) == (name, key_id):
                    if not one.verifies(self.text, signature):
                        raise NoteMalformed(f"the signature of {name} does not hold")
                    held.append(one)
        return tuple(held)

    def signed(self, by: Signer, time: int = 0) -> Self:
        """With one more line; time: seconds since 1970, for a cosignature."""
        key = by.verifier
        if key.kind == COSIGNATURE:
            signature = time.to_bytes(_TIME_BYTES, "big") + by.sign(_witnessed(self.text, time))
        else:
            signature = by.sign(self.text)
        return type(self)(self.text, (*self.signatures, (key.name, key.key_id, signature)))

    def lines(self) -> tuple[str, ...]:
        """The signature lines, each with its newline."""
        return tuple(
            f"\u2014 {name} {b64encode(key_id + signature).decode()}\n"
            for name, key_id, signature in self.signatures
        )

    def to_bytes(self) -> bytes:
        return self.text + b"\n" + "".join(self.lines()).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises NoteMalformed for anything but a note written just so."""
        text, gap, rest = data.rpartition(b"\n\n")
        signatures = [(m[1].decode("utf-8", "replace"), _decoded(m[2])) for m in _SIGNED.finditer(rest)]
        note = cls(text + b"\n", tuple((name, raw[:_KEY_ID], raw[_KEY_ID:]) for name, raw in signatures))
        if not gap or not signatures or note.to_bytes() != data:
            raise NoteMalformed("not a signed note")
        return note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: origin names the log, root has 32 bytes. extra: further lines, such as when it was made."""

    origin: str
    size: int
    root: bytes
    extra: tuple[str, ...] = ()

    def to_text(self) -> bytes:
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extra)
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Raises NoteMalformed."""
        try:
            origin, size, root, *extra = text.decode().removesuffix("\n").split("\n")
            if not _SIZE.fullmatch(size):
                raise NoteMalformed("not a checkpoint")
            found = cls(origin, int(size), b64decode(root, validate=True), tuple(extra))
        except ValueError as error:
            raise NoteMalformed("not a checkpoint") from error
        if len(found.root) != HASH_BYTES or not origin or not all(extra) or found.to_text() != text:
            raise NoteMalformed("not a checkpoint")
        return found


def _witnessed(text: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime " + str(time).encode() + b"\n" + text


def _key_id(name: str, kind: int, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:_KEY_ID]


def _decoded(text: bytes) -> bytes:
    """Empty for what is no base64: it is not written back as it was, then."""
    try:
        return b64decode(text)
    except ValueError:
        return b""


def _split(text: str) -> tuple[str, bytes, bytes]:
    """Name, key id, and the kind with the 32 bytes of a key. Raises NoteMalformed."""
    try:
        name, key_id, packed = text.split("+", 2)
        parts = name, bytes.fromhex(key_id), b64decode(packed, validate=True)
    except ValueError as error:
        raise NoteMalformed("no key") from error
    known = parts[2][:1] in {bytes([ED25519]), bytes([COSIGNATURE])}
    if not known or not _NAME.fullmatch(name) or len(parts[2]) != 1 + _KEY_BYTES:
        raise NoteMalformed("no key")
    return parts


def _parts(text: str) -> tuple[str, bytes, int]:
    name, key_id, packed = _split(text)
    if _key_id(name, packed[0], packed[1:]) != key_id:
        raise NoteMalformed("the key id is another key's")
    return name, packed[1:], packed[0]
