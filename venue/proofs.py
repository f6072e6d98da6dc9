"""How a seat terminal proves that it is the machine that was enrolled: its key signs a question that the house has just asked.

The page's copy of this is `app/web/static/js/terminal.js`. Questions are given out without a row: what stands in them is bound
by a keyed hash to one purpose, and a question that was answered well is written down, so that it is answered once.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session

from app.accounts import tickets
from app.accounts.tickets import TicketKind
from app.core.errors import Forbidden, InvalidInput
from app.core.i18n import N_
from app.core.sealing import Sealer

PROTOCOL = "yuanping-terminal-1"
LIFETIME = timedelta(seconds=60)
_COORDINATE = 32


class Purpose(StrEnum):
    """What a proof is for; it serves nothing else."""

    enroll = "enroll"
    save = "save"  # whatever is written from a seat
    seat = "seat"
    ticket = "ticket"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a terminal shows: the question it was asked, and its signature (base64url of r and s) over `signed_text`."""

    terminal_id: str
    challenge: str
    signature: str


def ask(sealer: Sealer, now: datetime, purpose: Purpose, about: str = "") -> str:
    """A question that can be answered once within a minute, for this purpose. about: whom it concerns, as a session."""
    body = f"{int(now.timestamp())}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_mark(sealer, purpose, about, body)}"


def signed_text(purpose: Purpose, challenge: str, said: str) -> bytes:
    """What the terminal signs. said: what the proof vouches for, such as a seat code; only its hash is signed."""
    return "\n".join((PROTOCOL, purpose, challenge, hashlib.sha256(said.encode()).hexdigest())).encode()


def read_key(jwk: Mapping[str, object]) -> str:
    """The public key of a JWK as the uncompressed point in hex; InvalidInput for anything but a P-256 key."""
    try:
        x, y = (int.from_bytes(_bytes(str(jwk.get(name))), "big") for name in "xy")
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        key = None
    if key is None or (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise InvalidInput(
            "terminal-key", N_("终端的公钥无法使用"), N_("换用受支持的浏览器，在终端登记页重新登记")
        )
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()


def require(
    session: Session,
    sealer: Sealer,
    now: datetime,
    public_key: str,
    proof: Proof,
    purpose: Purpose,
    *,
    said: str = "",
    about: str = "",
) -> None:
    """Forbidden `terminal-proof` unless this key has answered a fresh question of ours, for this purpose, for the first time."""
    asked = _fresh(sealer, now, purpose, about, proof.challenge)
    right = asked and _signed(public_key, proof.signature, signed_text(purpose, proof.challenge, said))
    if not right or not tickets.spend(
        session,
        sealer,
        now,
        kind=TicketKind.terminal,
        secret=proof.challenge,
        subject=f"terminal:{proof.terminal_id}",
    ):
        raise refused()


def refused() -> Forbidden:
    """The one answer to every proof that is none, whatever was wrong with it."""
    return Forbidden(
        "terminal-proof",
        N_("不能确认这台电脑是本工位的登记终端"),
        N_("请现场工作人员检查或重新登记本工位的终端"),
    )


def _mark(sealer: Sealer, purpose: Purpose, about: str, body: str) -> str:
    return sealer.fingerprint(f"{purpose}\n{about}\n{body}", purpose="terminal-challenge")


def _fresh(sealer: Sealer, now: datetime, purpose: Purpose, about: str, challenge: str) -> bool:
    body, _, mark = challenge.rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(sealer, purpose, about, body).encode()):
        return False
    asked_at = datetime.fromtimestamp(int(body.partition(".")[0]), now.tzinfo)
    # One from the future was asked before somebody set the clock back: it might have been asked long ago.
    return asked_at <= now < asked_at + LIFETIME


def _signed(public_key: str, signature: str, text: bytes) -> bool:
    try:
        raw = _bytes(signature, 2)
        r, s = (int.from_bytes(half, "big") for half in (raw[:_COORDINATE], raw[_COORDINATE:]))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(public_key))
        key.verify(encode_dss_signature(r, s), text, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes(text: str, coordinates: int = 1) -> bytes:
    """The bytes of a base64url text without padding; ValueError unless they are that many coordinates."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if len(raw) != coordinates * _COORDINATE:
        raise ValueError("not so many bytes")
    return raw
