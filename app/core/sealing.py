"""Personal fields are stored encrypted, found by a keyed fingerprint, and shown masked."""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import Unavailable
from app.core.i18n import N_

_NONCE = 12


class Sealer:
    """AES-256-GCM for fields, HMAC-SHA-256 for look-ups, each under its own key derived from the master key."""

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(_derive(master, b"yuanping/field"))
        self._lookup = _derive(master, b"yuanping/lookup")
        self._master = master

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), None)).decode()

    def unseal(self, sealed: str) -> str:
        """The text again; Unavailable when it was sealed under another key or changed since."""
        raw = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
        except InvalidTag as error:
            raise Unavailable(
                "sealed-elsewhere",
                N_("封存的字段无法用当前密钥解开"),
                N_("恢复写入时使用的 secret.key 后再试"),
            ) from error

    def fingerprint(self, text: str) -> str:
        """The same for the same text under the same key; tells an outsider nothing."""
        return hmac.new(self._lookup, text.encode(), hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one more purpose, such as signing webhooks of the simulator."""
        return _derive(self._master, f"yuanping/{purpose}".encode())


def mask_phone(phone: str) -> str:
    """+8613812345678 → +86138****5678."""
    return phone[:-8] + "****" + phone[-4:]


def _derive(master: bytes, purpose: bytes) -> bytes:
    return hmac.new(master, purpose, hashlib.sha256).digest()
