"""Personal fields are stored encrypted for one place only, found by a keyed fingerprint, and shown masked."""

import base64
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.keyring import FIRST, UNNUMBERED, KeyRing

_NONCE = 12
_TAG = 16


class FieldSuite(StrEnum):
    """How fields are encrypted; its value stands in every sealed field."""

    aes = "a"  # AES-256-GCM
    sm4 = "s"  # SM4-GCM, GB/T 32907 and RFC 8998


class IndexSuite(StrEnum):
    """The hash under every fingerprint and derived key of a database; it stays what it was begun with."""

    sha256 = "sha256"
    sm3 = "sm3"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed field stands: in another column or row it cannot be opened. `row_id`: the row's primary key."""

    table: str
    column: str
    row_id: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed value with the place it stands in: handed on unopened to whoever is to open it."""

    sealed: str
    place: Place


class _Cipher(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class Sealer:
    """Encrypts fields under the newest key of a ring, and makes fingerprints for look-ups under other keys.

    A sealed field is `<key>.<suite>.<base64 of nonce, ciphertext and tag>`; fields without the first two were sealed by
    earlier versions, for no place in particular, and are still read.
    """

    def __init__(
        self,
        master: bytes,
        ring: KeyRing | None = None,
        suite: FieldSuite = FieldSuite.aes,
        index: IndexSuite = IndexSuite.sha256,
    ) -> None:
        self._master = master
        self.ring = ring or KeyRing(own_keys(master, index))
        self.suite = suite
        self.index = index
        self._ciphers: dict[tuple[int, str], tuple[bytes, _Cipher]] = {}
        self._lookup = {"": self.derive("lookup")}

    def seal(self, text: str, place: Place) -> str:
        number, letter = self.ring.newest, self.suite.value
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher(number, letter).encrypt(nonce, text.encode(), bound(number, letter, place))
        return f"{number}.{letter}.{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, place: Place) -> str:
        """The text again; Unavailable when its key is not at hand, or it was changed or moved since."""
        number, letter, body = taken_apart(sealed)
        associated = None if number == UNNUMBERED else bound(number, letter, place)
        cipher = self._cipher(number, letter)
        try:
            raw = base64.b64decode(body, validate=True)
            if (
                base64.b64encode(raw) != body.encode()
            ):  # the same bytes have other spellings, which nobody wrote
                raise _changed()
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], associated).decode()
        except (InvalidTag, ValueError) as error:
            raise _changed() from error

    def reseal(self, sealed: str, place: Place) -> str | None:
        """The same text under the newest key and this suite; None when it already is."""
        number, letter, _ = taken_apart(sealed)
        if number == self.ring.newest and letter == self.suite.value:
            return None
        return self.seal(self.unseal(sealed, place), place)

    def fingerprint(self, text: str, purpose: str = "") -> str:
        """The same for the same text and purpose under the same key; tells an outsider nothing.

        Two tables with purposes of their own cannot be joined by it. The one without a name finds people of the roster,
        and whom they are related to; tokens and codes carry their kind in their text.
        """
        key = self._lookup.get(purpose)
        if key is None:
            key = self._lookup[purpose] = self.derive(f"lookup/{purpose}")
        return hmac.digest(key, text.encode(), self.index.value).hex()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one more purpose, such as signing webhooks of the simulator."""
        return _derive(self._master, f"yuanping/{purpose}", self.index)

    def within(self, key: bytes) -> "Sealer":
        """Seals and marks under a key of 32 bytes of its own, such as that of one draw, by the same algorithms."""
        return Sealer(key, suite=self.suite, index=self.index)

    def _cipher(self, number: int, letter: str) -> _Cipher:
        key = self.ring.get(number)
        if key is None:
            raise Unavailable(
                "sealed-elsewhere",
                N_("封存的字段所用的密钥 {key} 不在密钥环中"),
                N_("从备份恢复 keys 文件夹中的 {key}.key 后再试"),
                key=number,
            )
        known = self._ciphers.get((number, letter))
        if known is None or known[0] is not key:
            known = self._ciphers[number, letter] = (key, _cipher_of(key, letter, self.index))
        return known[1]


def own_keys(master: bytes, index: IndexSuite) -> dict[int, bytes]:
    """The field keys that follow from the master key."""
    return {
        UNNUMBERED: _derive(master, "yuanping/field", index),
        FIRST: _derive(master, "yuanping/field/1", index),
    }


def bound(number: int, letter: str, place: Place) -> bytes:
    """What a field is bound to: its key, its suite and its place. No two of them are spelled alike.

    Names of tables and columns hold no NUL, and the row's own key, which might, comes last.
    """
    return f"{number}.{letter}\0{place.table}\0{place.column}\0{place.row_id}".encode()


def taken_apart(sealed: str) -> tuple[int, str, str]:
    """Number of the key, letter of the suite, and the rest, of a sealed field."""
    parts = sealed.split(".")
    if len(parts) == 1:
        return UNNUMBERED, FieldSuite.aes.value, sealed
    if len(parts) != 3 or not (parts[0].isascii() and parts[0].isdigit()) or parts[0][0] == "0":  # noqa: PLR2004
        raise _changed()
    return int(parts[0]), parts[1], parts[2]


def mask_phone(phone: str) -> str:
    """+8613812345678 → +86138****5678."""
    return phone[:-8] + "****" + phone[-4:]


def mask_identity(identity: str) -> str:
    """530102198001011238 → 5301**********1238."""
    return identity[:4] + "*" * max(len(identity) - 8, 4) + identity[-4:] if len(identity) > 8 else "****"  # noqa: PLR2004


_DOUBLE = (
    "上官东方东郭令狐公孙公羊公冶司徒司空司马呼延夏侯太史宇文完颜尉迟慕容拓跋欧阳淳于濮阳澹台申屠百里皇甫端木第五纳兰诸葛赫连"
    "轩辕钟离长孙闻人闾丘鲜于独孤南宫万俟西门左丘仲孙"
)
_DOUBLE_SURNAMES = frozenset(_DOUBLE[at : at + 2] for at in range(0, len(_DOUBLE), 2))


def mask_name(name: str) -> str:
    """张三 → 张*, 欧阳娜娜 → 欧阳**; of a name in other letters its first one stays."""
    shown = 2 if len(name) > 2 and name[:2] in _DOUBLE_SURNAMES else 1  # noqa: PLR2004
    return name[:shown] + "*" * max(len(name) - shown, 1)


class Sm4:
    """SM4-GCM with the interface of AESGCM."""

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        encryptor = Cipher(self._key, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data or b"")
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        if len(data) < _TAG:
            raise InvalidTag
        decryptor = Cipher(self._key, modes.GCM(nonce, data[-_TAG:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-_TAG]) + decryptor.finalize()


def _cipher_of(key: bytes, letter: str, index: IndexSuite) -> _Cipher:
    if letter == FieldSuite.aes:
        return AESGCM(key)
    if letter == FieldSuite.sm4:
        return Sm4(_derive(key, "yuanping/sm4", index)[:16])
    raise _changed()


def _changed() -> Unavailable:
    return Unavailable(
        "sealed-changed",
        N_("封存的字段被改动或挪动过，或者写入时用的是另一把密钥"),
        N_("核对 secret.key 与 keys 文件夹；若密钥无误，从备份恢复这一行，并查明是谁改动了数据库"),
    )


def _derive(master: bytes, purpose: str, index: IndexSuite) -> bytes:
    return hmac.digest(master, purpose.encode(), index.value)
