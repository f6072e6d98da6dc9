"""The one door to RFC 3161: asks a stamping service to say that a checkpoint existed at a moment (时间戳)."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from cryptography import x509

from app.core.errors import InvalidInput
from app.core.i18n import N_

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

_PATIENCE_S = 10.0
_MOST_BYTES = 64 * 1024
_OK = 200


class StampRefused(Exception):
    """The service did not answer with a stamp for what was asked."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """response: the whole answer in DER, as `openssl ts` reads it. at: the moment it vouches for."""

    response: bytes
    at: datetime


def require_library() -> None:
    """Raises InvalidInput where the extra is not installed."""
    try:
        import rfc3161_client  # noqa: F401, PLC0415 -- an optional extra
    except ImportError as error:
        raise InvalidInput(
            "timestamps-missing",
            N_("设置了 YUANPING_AUDIT__TSA_URL，却没有安装时间戳组件"),
            N_("安装 yuanping[timestamps]，或去掉这项设置"),
        ) from error


def request(url: str, text: bytes, roots: Path | None) -> Stamp:
    """A stamp over the text. Raises StampRefused."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 -- likewise

    asked = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        with httpx2.Client(timeout=_PATIENCE_S, trust_env=False) as client:
            answer = client.post(
                url, content=asked.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
            )
    except httpx2.HTTPError as error:
        raise StampRefused(f"{type(error).__name__}") from error
    if answer.status_code != _OK or len(answer.content) > _MOST_BYTES:
        raise StampRefused(f"status {answer.status_code}")
    return Stamp(answer.content, _checked(asked, answer.content, text, roots))


def moment_of(response: bytes, text: bytes, roots: Path | None = None) -> datetime:
    """When the text was stamped. Raises StampRefused when the response is not a stamp for it."""
    return _checked(None, response, text, roots)


def _checked(asked: "TimeStampRequest | None", response: bytes, text: bytes, roots: Path | None) -> datetime:
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response  # noqa: PLC0415

    try:
        answer: TimeStampResponse = decode_timestamp_response(response)
        if answer.status != 0:
            raise StampRefused("not granted")
        told = answer.tst_info
        if asked is not None and told.nonce != asked.nonce:
            raise StampRefused("an answer to another question")
        if told.message_imprint.message != sha256(text).digest():
            raise StampRefused("a stamp for another text")
        if roots is not None:
            builder = VerifierBuilder()
            for certificate in x509.load_pem_x509_certificates(roots.read_bytes()):
                builder = builder.add_root_certificate(certificate)
            builder.build().verify_message(answer, text)
    except (ValueError, VerificationError) as error:
        raise StampRefused(str(error)) from error
    return told.gen_time
