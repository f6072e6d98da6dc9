"""Settings of who may take a seat, and of the pictures and sound that leave it and are recorded."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

_OPENS_MINUTES = 60
_ICE_URL = re.compile(r"(stuns?:[\w.:\[\]-]+|turns?:[\w.:\[\]-]+(\?transport=(udp|tcp))?)\Z")


@dataclass(frozen=True, slots=True)
class SeatRules:
    """What is asked of whoever takes a seat. opens: how long before the start; None: at any time before."""

    terminal: bool
    identity: bool
    opens: timedelta | None


class SeatSettings(BaseModel):
    """See [seats](operations.md#seat-terminals-and-the-check-in-desk). A demonstration asks for less unless told, and says so."""

    terminal_required: bool | None = Field(
        None,
        description="A seat is taken at its own enrolled terminal alone; default: yes, in a demonstration no.",
    )
    identity_check_required: bool | None = Field(
        None,
        description="A seat is taken only after the check of identity at the desk; default: yes, in a demonstration no.",
    )
    opens_minutes: int | None = Field(
        None,
        ge=0,
        description="Minutes before the start from which a seat can be taken; default: 60, in a demonstration at any time.",
    )

    def rules(self, *, demo: bool) -> SeatRules:
        minutes = self.opens_minutes if self.opens_minutes is not None else (None if demo else _OPENS_MINUTES)
        return SeatRules(
            terminal=not demo if self.terminal_required is None else self.terminal_required,
            identity=not demo if self.identity_check_required is None else self.identity_check_required,
            opens=None if minutes is None else timedelta(minutes=minutes),
        )


class MediaSettings(BaseModel):
    workers: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Processes that hold rooms; default: as many as the machine has cores, at most 4. 0: the service itself, which"
        " is also the default behind TLS as long as `media.worker_address` does not say where a proxy leads to the workers.",
    )
    worker_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="TCP port of the first media worker, each further one has the next; 0: free ones.",
    )
    worker_address: str | None = Field(
        None,
        pattern=r"^wss?://[^\s?#;,']+$",
        description="Address at which browsers reach a media worker, with `{n}` for its number from 0 or `{port}` for its port,"
        " as `wss://host/media/{n}`; default: the name the service was asked by, and the worker's own port.",
    )
    loopback: bool = Field(
        default=True,
        description="Offer 127.0.0.1 as a media address, so that a seat on the same machine connects.",
    )
    video_bitrate: int = Field(
        800_000, ge=50_000, description="Most bits per second asked of a seat's camera."
    )
    video_codec: Literal["vp8", "h264"] = Field(
        "vp8",
        description="Codec of pictures where a seat can send both; a seat that cannot send it sends the other.",
    )
    screen_required: bool = Field(
        default=False,
        description="Every seat has to share its whole screen; else whoever shares is recorded with it.",
    )
    ice_urls: tuple[str, ...] = Field(
        (),
        description="STUN and TURN servers for seats behind firewalls, as `stun:host:3478` or `turns:host:5349?transport=tcp`.",
    )
    turn_secret: SecretStr | None = Field(
        None, description="What the TURN servers share with the service (coturn's `static-auth-secret`)."
    )
    turn_lifetime_s: int = Field(
        3600,
        ge=60,
        le=86_400,
        description="Seconds for which a seat's password for the TURN servers is valid.",
    )

    @model_validator(mode="after")
    def _relays_have_a_secret(self) -> Self:
        wrong = [url for url in self.ice_urls if not _ICE_URL.match(url)]
        if wrong:
            raise ValueError(f"media.ice_urls: not the address of a STUN or TURN server: {', '.join(wrong)}")
        if self.turn_secret is None and any(url.startswith("turn") for url in self.ice_urls):
            raise ValueError("media.turn_secret is missing: TURN servers let nobody in without it")
        return self


class RecordingSettings(BaseModel):
    fragment_ms: int = Field(500, ge=100, le=5000, description="Longest piece of media not yet on disk.")
    roll_s: int = Field(
        300, ge=10, le=7200, description="Seconds after which a track goes on in its next file."
    )
    most_pending_mb: int = Field(
        512,
        ge=16,
        description="Megabytes of media that may wait in memory for a slow disk, all tracks together.",
    )
    stale_after_ms: int = Field(
        5000, ge=1000, description="A seat without durable media for this long counts as not recorded."
    )
    reserve_mb: int = Field(
        2048,
        ge=0,
        description="Megabytes of the recordings' volume kept for rooms that run: below, no new room begins.",
    )
    space_alarms: tuple[int, ...] = Field(
        (80, 90, 95), description="How full, in per cent, the recordings' volume must be for each warning."
    )
    retention_years: int = Field(
        15,
        ge=1,
        le=100,
        description="Years that a recording is kept after its evaluation closed, where the rule pack names no time.",
    )
    package_hours: int = Field(
        72,
        ge=1,
        description="Hours for which an exported recording can be fetched by the two persons who agreed to it.",
    )
    store_dir: Path | None = Field(
        None,
        description="Folder that ended recordings are kept in a second time; default: linked within the data folder.",
    )
