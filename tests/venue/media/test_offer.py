"""What a seat offers to send is read line by line, and what cannot be recorded is refused with words that help."""

import pytest

from app.core.errors import InvalidInput
from app.core.samples import Codec, Source
from venue.media.offer import read_offer, without_candidates

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


def video(mid: str, *codecs: str) -> str:
    numbers = range(96, 96 + len(codecs))
    return f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}\r\na=mid:{mid}\r\n" + "".join(
        f"a=rtpmap:{number} {codec}/90000\r\n" for number, codec in zip(numbers, codecs, strict=True)
    )


def audio(mid: str, *more: str) -> str:
    return f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=rtpmap:111 opus/48000/2\r\n" + "".join(
        f"{line}\r\n" for line in more
    )


def test_camera_microphone_and_screen_are_told_apart() -> None:
    offer = HEAD + video("0", "VP8") + audio("1") + video("2", "H264")
    lines = read_offer(offer, Codec.vp8, "2")
    assert [(line.source, line.codec) for line in lines] == [
        (Source.camera, Codec.vp8),
        (Source.microphone, Codec.opus),
        (Source.screen, Codec.h264),
    ]
    assert [line.kind for line in lines] == ["video", "audio", "video"]


@pytest.mark.parametrize(
    ("preferred", "offered", "taken"),
    [
        (Codec.vp8, ("H264", "VP8"), Codec.vp8),
        (Codec.h264, ("VP8", "H264"), Codec.h264),
        (Codec.vp8, ("VP9", "H264"), Codec.h264),
        (Codec.h264, ("VP8",), Codec.vp8),
    ],
)
def test_the_preferred_codec_is_taken_where_the_seat_can_send_it(
    preferred: Codec, offered: tuple[str, ...], taken: Codec
) -> None:
    (line,) = read_offer(HEAD + video("0", *offered), preferred, None)
    assert line.codec is taken


def test_what_sound_asks_and_tells_is_read() -> None:
    plain, telling = (
        read_offer(HEAD + audio("0", *more), Codec.vp8, None)[0]
        for more in (
            (),
            ("a=rtcp-fb:111 nack", "a=extmap:7 urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
        )
    )
    assert (plain.asks_nack, plain.level_number) == (False, None)
    assert (telling.asks_nack, telling.level_number) == (True, 7)


@pytest.mark.parametrize(
    ("media", "screen_mid"),
    [
        (video("0", "VP8") + video("1", "VP8"), None),
        (video("0", "VP8") + video("1", "VP8"), "7"),
        (audio("0") + audio("1"), None),
        (video("0", "VP8") + video("1", "VP8") + video("2", "VP8"), "2"),
        (audio("0") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n", None),
    ],
    ids=["two-cameras", "screen-elsewhere", "two-microphones", "third-picture", "data-channel"],
)
def test_more_than_one_of_each_is_refused(media: str, screen_mid: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_offer(HEAD + media, Codec.vp8, screen_mid)
    assert refused.value.code == "media-lines"


@pytest.mark.parametrize("media", [video("0", "AV1", "VP9"), "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"])
def test_codecs_that_are_not_recorded_are_refused(media: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_offer(HEAD + media, Codec.vp8, None)
    assert refused.value.code == "media-codec"


def test_addresses_are_taken_out() -> None:
    kept = without_candidates(
        HEAD + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n"
    )
    assert kept == HEAD + "a=mid:0\r\n"
