import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from app.core.errors import InvalidInput
from venue.room import protocol
from venue.room.protocol import (
    LONGEST_FRAME,
    LONGEST_SDP,
    ClientMessage,
    Devices,
    DeviceState,
    Focus,
    Hello,
    Offer,
    Ping,
    Recording,
    ScreenState,
    Stats,
    encode,
    parse_client,
    parse_server,
)

messages = st.one_of(
    st.builds(
        Hello,
        v=st.integers(),
        ticket=st.text(min_size=1, max_size=200),
        page=st.from_regex(r"[A-Za-z0-9_-]{8,64}", fullmatch=True),
        lang=st.sampled_from(["zh", "en"]),
    ),
    st.builds(
        Offer,
        n=st.integers(0, 2**31 - 1),
        sdp=st.text(min_size=1, max_size=300),
        screen_mid=st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,16}", fullmatch=True),
    ),
    st.builds(Ping, t=st.integers(0, 2**53 - 1)),
    st.builds(
        Devices,
        camera=st.sampled_from(DeviceState),
        microphone=st.sampled_from(DeviceState),
        screen=st.sampled_from(ScreenState),
    ),
    st.builds(
        Stats,
        rtt_ms=st.none() | st.integers(0, 60_000),
        loss_permille=st.none() | st.integers(0, 1000),
        kbps=st.integers(0, 1_000_000),
        fps=st.none() | st.integers(0, 240),
        width=st.none() | st.integers(0, 16_384),
        height=st.none() | st.integers(0, 16_384),
        limit=st.sampled_from(["none", "cpu", "bandwidth", "other"]),
        relay=st.booleans(),
    ),
    st.builds(Focus, visible=st.booleans()),
)
OFFER = {"type": "offer", "n": 1, "sdp": "v=0", "screen_mid": None}
DEVICES = {"type": "devices", "camera": "live", "microphone": "live", "screen": "not-asked"}
STATS = {
    "type": "stats", "rtt_ms": 20, "loss_permille": 0, "kbps": 800, "fps": 25, "width": 640, "height": 480,
    "limit": "none", "relay": False,
}  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=8,
)


def told(text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        parse_client(text)
    return refused.value.code


@given(messages)
def test_what_is_written_is_read_again(message: ClientMessage) -> None:
    assert parse_client(encode(message)) == message


@given(st.text(max_size=200))
def test_any_text_that_is_no_message_is_refused(text: str) -> None:
    assert told(text) == "message-malformed"


@given(json_values)
def test_any_json_is_understood_or_refused(value: Any) -> None:
    assert told(json.dumps(value)) == "message-malformed"


@given(messages, st.text(min_size=1, max_size=10), json_values)
def test_an_unknown_field_is_refused(message: ClientMessage, name: str, value: Any) -> None:
    fields = json.loads(encode(message))
    if name not in fields:
        assert told(json.dumps(fields | {name: value})) == "message-malformed"


@given(messages, st.data())
def test_a_missing_field_is_refused(message: ClientMessage, data: st.DataObject) -> None:
    fields = json.loads(encode(message))
    del fields[data.draw(st.sampled_from(sorted(fields)))]
    assert told(json.dumps(fields)) == "message-malformed"


@pytest.mark.parametrize("fields", [OFFER, DEVICES, STATS])
def test_the_samples_are_messages(fields: dict[str, Any]) -> None:
    assert parse_client(json.dumps(fields)).type == fields["type"]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "ping", "t": "1"},
        {"type": "ping", "t": 1.5},
        {"type": "ping", "t": True},
        {"type": "ping", "t": -1},
        {"type": "ping", "t": 2**53},
        {"type": "focus", "visible": 1},
        OFFER | {"sdp": ""},
        OFFER | {"n": 2**31},
        OFFER | {"sdp": "x" * (LONGEST_SDP + 1)},
        OFFER | {"screen_mid": ""},
        OFFER | {"screen_mid": "two words"},
        DEVICES | {"camera": "stolen"},
        DEVICES | {"camera": "partial"},
        DEVICES | {"screen": "over-constrained"},
        STATS | {"kbps": None},
        STATS | {"kbps": -1},
        STATS | {"fps": 12.5},
        STATS | {"loss_permille": 1001},
        STATS | {"height": 16_385},
        STATS | {"limit": "weather"},
        STATS | {"relay": 1},
        {"type": "hello", "v": 1, "ticket": "t", "page": "short", "lang": "zh"},
        {"type": "hello", "v": 1, "ticket": "t", "page": "with space 1", "lang": "zh"},
        {"type": "hello", "v": 1, "ticket": "t", "page": "page-one", "lang": "fr"},
        {"type": "welcome"},
    ],
)
def test_a_field_out_of_bounds_is_refused(fields: dict[str, Any]) -> None:
    assert told(json.dumps(fields)) == "message-malformed"


def test_the_refusal_names_the_place() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_client('{"type": "ping", "t": "soon"}')
    assert refused.value.params == {"where": "ping.t"}


def test_a_long_name_of_a_field_does_not_make_a_long_refusal() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_client(json.dumps({"type": "focus", "visible": True, "x" * 50_000: 1}))
    assert len(str(refused.value.params["where"])) <= 80


@pytest.mark.parametrize("sign", ["x", "汉"])
def test_a_frame_is_measured_in_bytes(sign: str) -> None:
    text = sign * (LONGEST_FRAME // len(sign.encode()) + 1)
    assert told(text) == "message-too-long"


def test_the_service_says_nothing_that_its_own_reader_refuses() -> None:
    recording = Recording(room_ms=5, camera_ms=None, microphone_ms=3, screen_ms=None, stale=True)
    assert parse_server(encode(recording)) == recording
    with pytest.raises(ValidationError):
        parse_server('{"type": "recording"}')


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Ping(t=1).t = 2  # type: ignore[misc]


def test_no_message_of_the_service_has_a_place_for_other_people() -> None:
    """Every field that goes to a seat, by name: who adds one decides here whether it tells of anybody else."""
    fields = {
        name
        for kind in vars(protocol).values()
        if isinstance(kind, type)
        and issubclass(kind, BaseModel)
        and kind.__name__ not in {"Hello", "Offer", "Stats"}
        for name in kind.model_fields
    }
    assert fields == {
        "camera", "camera_ms", "code", "code_name", "credential", "evaluation", "ice_expires_in_s", "ice_servers",
        "media", "message", "microphone", "microphone_ms", "n", "reason", "remedy", "room_ms", "screen", "screen_ms",
        "sdp", "seat_no", "stale", "state", "t", "type", "urls", "username", "v", "visible",
    }  # fmt: skip
