"""Settings of how what was done is sealed, signed and filed."""

import base64
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

FILING_SECRET_LEAST, _SECRET_MOST = 24, 64
"""Bytes, as Standard Webhooks asks."""


class DrawSettings(BaseModel):
    suite: Literal["sha256", "sm3"] = Field(
        "sha256",
        description="Hash of new draw records: `sha256`, or `sm3` where national algorithms are asked for.",
    )


class SealSettings(BaseModel):
    suite: Literal["aes", "sm4"] = Field(
        "aes",
        description="How personal fields are encrypted from now on: `aes`, or `sm4` where national algorithms are asked for."
        " Fields sealed before stay readable; `yuanping key rotate` seals them anew.",
    )
    index: Literal["sha256", "sm3"] | None = Field(
        None,
        description="Hash that people are looked up by; a database stays with the one it was begun with. Default: `sm3` for a"
        " new database under `sm4`, else `sha256`.",
    )
    keys_dir: Path | None = Field(
        None,
        description="Folder of the field keys that were made by rotation, which all nodes must see; default: `keys` in the data"
        " folder.",
    )


class AuditSettings(BaseModel):
    """See [the audit log](audit-log.md)."""

    origin: str | None = Field(
        None,
        pattern=r"^[^\s+]{1,200}$",
        description="Name of this house's audit log in its checkpoints, as `example.org/audit`; never to be changed. Default: made"
        " from its key.",
    )
    checkpoint_s: int = Field(
        10,
        ge=2,
        le=3600,
        description="Seconds after which whatever is new in the trail is signed at the latest.",
    )
    witnesses: tuple[str, ...] = Field(
        (),
        description="Public keys of partner centers and supervisors who may cosign checkpoints, as `yuanping witness-key` prints"
        " them.",
    )
    tsa_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Address of an RFC 3161 time-stamping service that stamps checkpoints at milestones; needs the extra"
        " `timestamps`. Default: none.",
    )
    tsa_roots: Path | None = Field(
        None, description="PEM file of the certificates that the stamping service's chain has to end in."
    )
    sign_command: tuple[str, ...] = Field(
        (),
        description="Program and arguments that get a checkpoint's text on standard input and print one more signature line, such"
        " as one with SM2.",
    )


class ExchangeSettings(BaseModel):
    filing_url: str | None = Field(
        None,
        description="Address that every draw is filed with when it has ended; default: nothing is filed.",
    )
    filing_secret: SecretStr | None = Field(
        None, description="Signs what is filed: `whsec_` and the base64 of 24 to 64 random bytes."
    )
    filing_timeout_s: float = Field(15.0, gt=0, description="Seconds to wait for a receipt.")
    filing_tries: int = Field(
        60, ge=1, description="Tries, at last an hour apart, before a filing waits for staff."
    )

    @property
    def filing_key(self) -> bytes:
        """The bytes of the secret; empty when they are none that can sign."""
        given = self.filing_secret.get_secret_value() if self.filing_secret else ""
        try:
            key = base64.b64decode(given.removeprefix("whsec_"), validate=True)
        except ValueError:
            return b""
        return key if FILING_SECRET_LEAST <= len(key) <= _SECRET_MOST else b""
