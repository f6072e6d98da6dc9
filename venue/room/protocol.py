"""The messages between a seat desk and its online room, version 2 (see `docs/room-protocol.md`)."""

from enum import IntEnum, StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.core.errors import InvalidInput
from app.core.i18n import N_

VERSION = 2
LONGEST_FRAME = 65_536
LONGEST_SDP = 48_000
_LARGEST_INTEGER = 2**53 - 1
_LONGEST_PLACE = 80


class CloseCode(IntEnum):
    """Why a connection was closed; from 4000 on our own."""

    service_restart = 1012
    too_long = 1009
    try_again_later = 1013
    bad_messages = 4400
    ticket_refused = 4401
    not_admitted = 4403
    replaced = 4409
    room_closed = 4410
    moved = 4421
    flooding = 4429


class DeviceState(StrEnum):
    """How a camera or microphone stands at the seat."""

    busy = "busy"
    denied = "denied"
    ended = "ended"
    insecure = "insecure"
    live = "live"
    muted = "muted"
    no_device = "no-device"
    not_asked = "not-asked"
    over_constrained = "over-constrained"


class ScreenState(StrEnum):
    """How the sharing of the seat's whole screen stands."""

    busy = "busy"
    denied = "denied"
    ended = "ended"
    insecure = "insecure"
    live = "live"
    muted = "muted"
    no_device = "no-device"
    not_asked = "not-asked"
    partial = "partial"


class MediaState(StrEnum):
    """How the seat's media connection stands."""

    closed = "closed"
    connected = "connected"
    connecting = "connecting"
    failed = "failed"
    recording_failed = "recording-failed"


class NoticeCode(StrEnum):
    earlier_page_replaced = "earlier-page-replaced"
    recording_back = "recording-back"
    recording_stale = "recording-stale"


class ClosedReason(StrEnum):
    room_closed = "room-closed"
    seat_released = "seat-released"
    service_stopping = "service-stopping"


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Hello(_Message):
    """First message of a seat: the one-use ticket, and a value that tells this page from others."""

    type: Literal["hello"] = "hello"
    v: int
    ticket: str = Field(min_length=1, max_length=200)
    page: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    lang: Literal["zh", "en"]


class Offer(_Message):
    """A new media connection. screen_mid: the line that carries the screen, as the offer calls it."""

    type: Literal["offer"] = "offer"
    n: int = Field(ge=0, lt=2**31)
    sdp: str = Field(min_length=1, max_length=LONGEST_SDP)
    screen_mid: str | None = Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")


class Ping(_Message):
    type: Literal["ping"] = "ping"
    t: int = Field(ge=0, le=_LARGEST_INTEGER)


class Devices(_Message):
    type: Literal["devices"] = "devices"
    camera: DeviceState
    microphone: DeviceState
    screen: ScreenState


class Stats(_Message):
    """How the seat's media connection did over the last seconds, as `venue.room.quality.LinkFigures`."""

    type: Literal["stats"] = "stats"
    rtt_ms: int | None = Field(ge=0, le=60_000)
    loss_permille: int | None = Field(ge=0, le=1000)
    kbps: int = Field(ge=0, le=1_000_000)
    fps: int | None = Field(ge=0, le=240)
    width: int | None = Field(ge=0, le=16_384)
    height: int | None = Field(ge=0, le=16_384)
    limit: Literal["none", "cpu", "bandwidth", "other"]
    relay: bool


class Focus(_Message):
    type: Literal["focus"] = "focus"
    visible: bool


class IceServer(BaseModel):
    """Servers through which a seat behind a firewall reaches the service, as browsers take them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    urls: tuple[str, ...]
    username: str | None
    credential: str | None


class Welcome(_Message):
    """ice_expires_in_s: after that long the passwords of `ice_servers` open nothing new."""

    type: Literal["welcome"] = "welcome"
    v: int = VERSION
    seat_no: int
    code_name: str
    room_ms: int
    state: str
    media: Literal["needed", "kept"]
    ice_servers: tuple[IceServer, ...]
    ice_expires_in_s: int


class Answer(_Message):
    type: Literal["answer"] = "answer"
    n: int
    sdp: str


class Media(_Message):
    type: Literal["media"] = "media"
    state: MediaState


class Pong(_Message):
    type: Literal["pong"] = "pong"
    t: int
    room_ms: int


class Recording(_Message):
    """How far each track is safely on disk. `stale`: one that is expected is older than the limit."""

    type: Literal["recording"] = "recording"
    room_ms: int
    camera_ms: int | None
    microphone_ms: int | None
    screen_ms: int | None
    stale: bool


class State(_Message):
    type: Literal["state"] = "state"
    evaluation: str


class Notice(_Message):
    type: Literal["notice"] = "notice"
    code: NoticeCode


class Replaced(_Message):
    type: Literal["replaced"] = "replaced"


class Closed(_Message):
    type: Literal["closed"] = "closed"
    reason: ClosedReason


class Error(_Message):
    """A refusal in the seat's language."""

    type: Literal["error"] = "error"
    code: str
    message: str
    remedy: str


ClientMessage = Hello | Offer | Ping | Devices | Focus | Stats
ServerMessage = Welcome | Answer | Media | Pong | Recording | State | Notice | Replaced | Closed | Error

_client: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
_server: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


def parse_client(text: str) -> ClientMessage:
    """A seat's message; raises InvalidInput when it is too long or does not follow the protocol."""
    if len(text) > LONGEST_FRAME or len(text.encode()) > LONGEST_FRAME:
        raise too_long()
    try:
        return _client.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise malformed((".".join(str(part) for part in first["loc"]) or "type")[:_LONGEST_PLACE]) from error


def parse_server(text: str) -> ServerMessage:
    """A message of the service; raises pydantic's ValidationError when it does not follow the protocol."""
    return _server.validate_json(text)


def encode(message: ClientMessage | ServerMessage) -> str:
    return message.model_dump_json()


def malformed(where: str) -> InvalidInput:
    return InvalidInput(
        "message-malformed",
        N_("工位发来的消息不符合约定（{where}）"),
        N_("请刷新页面；若仍出现，请联系场地工作人员"),
        where=where,
    )


def too_long() -> InvalidInput:
    return InvalidInput(
        "message-too-long", N_("工位发来的消息过长"), N_("请刷新页面；若仍出现，请联系场地工作人员")
    )
