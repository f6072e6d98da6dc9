import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from app.core import bus
from app.core.errors import Conflict, Forbidden, InvalidInput, Unauthenticated
from app.core.samples import ClockNote, Codec, EncodedSample, Source, TrackKey
from app.core.settings_rooms import MediaSettings
from tests.support.hubs import Bench, PretendPage
from tests.support.seats import play
from venue.room.ports import HeldSeat, Noted
from venue.room.protocol import (
    Answer,
    CloseCode,
    Closed,
    ClosedReason,
    Devices,
    DeviceState,
    Focus,
    Hello,
    Media,
    MediaState,
    Notice,
    NoticeCode,
    Offer,
    Ping,
    Pong,
    Recording,
    ScreenState,
    State,
    Stats,
    Welcome,
)
from venue.room.visibility import Party, Standing


def welcome(seat_no: int, code_name: str, media: Literal["needed", "kept"], room_ms: int = 0) -> Welcome:
    return Welcome(
        seat_no=seat_no,
        code_name=code_name,
        room_ms=room_ms,
        state="convened",
        media=media,
        ice_servers=(),
        ice_expires_in_s=3600,
    )


def test_a_member_is_welcomed_and_told_how_the_recording_stands() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li", 3)
        async with bench.hub.running():
            bench.clock.advance(2)
            _, page = await bench.enter("li")
            assert page.heard == [
                welcome(3, "C", "needed", room_ms=2000),
                Recording(room_ms=2000, camera_ms=None, microphone_ms=None, screen_ms=None, stale=True),
            ]
            await bench.settle()
            assert bench.rows.kinds(3) == ["seat-joined"]

    play(scenario())


@pytest.mark.parametrize(("ticket", "refusal"), [("nobody", Unauthenticated), ("wang", Forbidden)])
def test_who_has_no_place_is_refused(ticket: str, refusal: type[Exception]) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("wang")
        bench.rows.change("wang", admitted=False)
        async with bench.hub.running():
            with pytest.raises(refusal):
                await bench.enter(ticket)
            assert bench.hub.seats() == ()

    play(scenario())


def test_a_second_page_replaces_the_first_and_both_are_written_down() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        async with bench.hub.running():
            first, page = await bench.enter("li", "page-one")
            await bench.offer(first, page)
            second, other = await bench.enter("li", "page-two")
            assert page.types()[-1] == "replaced"
            assert page.closed is CloseCode.replaced
            assert bench.peers[0].closed_for == "replaced"
            assert other.heard[0] == welcome(1, "A", "needed")
            assert other.heard[-1] == Notice(code=NoticeCode.earlier_page_replaced)
            # The first page's late words and its leaving change nothing any more.
            heard = len(other.heard)
            await bench.hub.handle(first, page, Ping(t=1))
            assert len(other.heard) == heard
            bench.hub.leave(first, page)
            assert second.connection is other
            await bench.settle()
            assert bench.rows.kinds() == [
                "seat-joined", "media-connecting", "contest", "seat-replaced", "media-closed", "seat-joined",
            ]  # fmt: skip

    play(scenario())


def test_a_page_that_comes_back_keeps_its_media() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.peers[0].on_state("connected")
            bench.hub.leave(sitting, page)
            again, returned = await bench.enter("li")
            assert again is sitting
            assert returned.heard[0] == welcome(1, "A", "kept")
            assert returned.heard[1] == Media(state=MediaState.connected)
            assert bench.peers[0].closed_for is None
            await bench.settle()
            assert bench.rows.kinds() == [
                "seat-joined", "media-connecting", "media-connected", "arrival", "seat-away", "seat-back",
            ]  # fmt: skip

    play(scenario())


def test_a_dead_line_is_taken_over_by_the_same_page() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            _, returned = await bench.enter("li")
            assert page.closed is CloseCode.replaced
            assert returned.closed is None
            assert NoticeCode.earlier_page_replaced not in {
                message.code for message in returned.heard if isinstance(message, Notice)
            }
            assert bench.peers[0].closed_for is None

    play(scenario())


def test_a_seat_that_stays_away_has_left() -> None:
    async def scenario() -> None:
        bench = Bench(grace_s=0.0)
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.hub.leave(sitting, page)
            async with asyncio.timeout(10):
                while bench.hub.seats():
                    await asyncio.sleep(0)
            await bench.settle()
            assert bench.peers[0].closed_for == "left"
            assert bench.rows.kinds()[-3:] == ["media-closed", "seat-left", "departure"]
            _, back = await bench.enter("li")
            assert back.types()[0] == "welcome"

    play(scenario())


def test_coming_back_within_the_grace_is_not_leaving() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            bench.hub.leave(sitting, page)
            first_time = sitting.times_away
            _, back = await bench.enter("li")
            await bench.hub._gone(sitting, first_time)
            assert [seat.connected for seat in bench.hub.seats()] == [True]
            bench.hub.leave(sitting, back)
            await bench.hub._gone(sitting, first_time)
            assert [seat.connected for seat in bench.hub.seats()] == [False]

    play(scenario())


def test_an_offer_is_answered_and_its_samples_go_to_the_seats_tracks() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li", 4) as (sitting, page):
            await bench.offer(sitting, page, "v=0", n=7)
            assert page.heard[-1] == Answer(n=7, sdp="answer to v=0")
            bench.peers[0].sinks(Source.camera, Codec.vp8).close("test")
            assert bench.shelf.closed == [(TrackKey("room-1", 4, Source.camera), "test")]
            bench.clock.advance(1.5)
            assert bench.peers[0].room_clock() == 1500

    play(scenario())


def test_a_new_offer_closes_the_earlier_connection_whose_last_words_are_not_told() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page, n=1)
            await bench.offer(sitting, page, n=2)
            assert bench.peers[0].closed_for == "replaced"
            bench.peers[0].on_state("failed")
            assert [m.state for m in page.heard if isinstance(m, Media)] == ["connecting", "connecting"]

    play(scenario())


def test_a_bad_offer_is_refused_and_the_seat_may_offer_again() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            with pytest.raises(InvalidInput):
                await bench.offer(sitting, page, "bad")
            assert bench.peers[0].closed_for == "bad-offer"
            await bench.offer(sitting, page, "good")
            assert isinstance(page.heard[-1], Answer)

    play(scenario())


def test_offers_without_end_are_refused_until_time_has_passed() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            for _ in range(5):
                await bench.offer(sitting, page)
            with pytest.raises(Conflict, match="offer-flood"):
                await bench.offer(sitting, page)
            bench.clock.advance(2)
            await bench.offer(sitting, page)
            assert len(bench.peers) == 6

    play(scenario())


def test_after_failed_media_a_returning_page_is_asked_for_new() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.peers[0].on_state("new")  # a state the protocol does not know is not told
            bench.peers[0].on_state("failed")
            assert page.heard[-1] == Media(state=MediaState.failed)
            bench.hub.leave(sitting, page)
            _, returned = await bench.enter("li")
            assert isinstance(returned.heard[0], Welcome)
            assert returned.heard[0].media == "needed"

    play(scenario())


def test_the_light_follows_what_is_on_disk_and_nothing_else() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            bench.peers[0].on_state("connected")
            bench.hub.tick()
            assert page.heard[-1] == Recording(
                room_ms=0, camera_ms=None, microphone_ms=None, screen_ms=None, stale=True
            )
            bench.clock.advance(3)
            bench.on_disk(2900)
            bench.hub.tick()
            assert page.heard[-1] == Recording(
                room_ms=3000, camera_ms=2900, microphone_ms=2900, screen_ms=None, stale=False
            )
            bench.clock.advance(4.9)
            bench.hub.tick()
            assert page.types().count("notice") == 0
            bench.clock.advance(0.2)
            bench.hub.tick()
            assert page.heard[-2:] == [
                Notice(code=NoticeCode.recording_stale),
                Recording(room_ms=8100, camera_ms=2900, microphone_ms=2900, screen_ms=None, stale=True),
            ]
            bench.on_disk(8000)
            bench.hub.tick()
            assert page.heard[-2] == Notice(code=NoticeCode.recording_back)
            await bench.settle()
            assert bench.rows.kinds()[-2:] == ["recording-stale", "recording-back"]

    play(scenario())


def test_one_track_on_disk_is_not_enough() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (_, page):
            bench.on_disk(0)
            del bench.shelf.samples[TrackKey("room-1", 1, Source.microphone)]
            bench.hub.tick()
            assert page.heard[-1] == Recording(
                room_ms=0, camera_ms=0, microphone_ms=None, screen_ms=None, stale=True
            )

    play(scenario())


def test_devices_and_focus_are_written_down_when_they_change() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            live, denied = DeviceState.live, DeviceState.denied
            for message in (
                Devices(camera=live, microphone=denied, screen=ScreenState.not_asked),
                Devices(camera=live, microphone=denied, screen=ScreenState.not_asked),
                Devices(camera=live, microphone=live, screen=ScreenState.not_asked),
                Focus(visible=True),
                Focus(visible=False),
                Focus(visible=False),
                Focus(visible=True),
            ):
                await bench.hub.handle(sitting, page, message)
            await bench.settle()
            assert bench.rows.kinds() == [
                "seat-joined", "camera-live", "microphone-denied", "microphone-live", "page-hidden", "page-shown",
            ]  # fmt: skip

    play(scenario())


def test_a_ping_tells_the_room_time() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            bench.clock.advance(0.25)
            await bench.hub.handle(sitting, page, Ping(t=99))
            assert page.heard[-1] == Pong(t=99, room_ms=250)

    play(scenario())


def test_a_second_hello_is_refused() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            with pytest.raises(Conflict, match="hello-again"):
                await bench.hub.handle(sitting, page, Hello(v=1, ticket="li", page="page-one", lang="zh"))

    play(scenario())


def test_news_of_the_evaluation_reach_the_seat_as_its_state() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (_, page):
            await bench.settle()
            bench.rows.change("li", evaluation_state="in_session")
            async with asyncio.timeout(10):
                while page.types()[-1] != "state":
                    bus.announce(bus.News("evaluation:evaluation-of-room-1", "state"))
                    await asyncio.sleep(0)
            assert page.heard[-1] == State(evaluation="in_session")
            await bench.hub.refresh("room-1")
            assert page.types().count("state") == 1

    play(scenario())


def test_a_member_who_lost_the_seat_is_sent_away_and_the_others_stay() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li", 1)
        bench.rows.admit("wang", 2)
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            await bench.offer(sitting, page)
            _, other = await bench.enter("wang")
            heard = len(other.heard)
            bench.rows.change("li", admitted=False)
            await bench.hub.refresh("room-1")
            assert page.heard[-1] == Closed(reason=ClosedReason.seat_released)
            assert page.closed is CloseCode.not_admitted
            assert bench.peers[0].closed_for == "left"
            assert len(other.heard) == heard
            assert other.closed is None

    play(scenario())


def test_a_replacement_takes_the_seat_of_the_member_before() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li", 1) as (sitting, page):
            await bench.offer(sitting, page)
            bench.rows.admit("zhao", 1)
            successor, new_page = await bench.enter("zhao")
            assert page.closed is CloseCode.not_admitted
            assert bench.peers[0].closed_for == "left"
            assert successor.holder.member_id == "zhao"
            assert isinstance(new_page.heard[0], Welcome)
            assert new_page.heard[0].media == "needed"

    play(scenario())


def test_closing_a_room_ends_all_its_seats_and_waits_for_their_media() -> None:
    async def scenario() -> None:
        bench = Bench()
        for number, member in enumerate(("li", "wang"), 1):
            bench.rows.admit(member, number)
        bench.rows.admit("zhao", 1, "room-2")
        async with bench.hub.running():
            pages = []
            for member in ("li", "wang", "zhao"):
                sitting, page = await bench.enter(member)
                await bench.offer(sitting, page)
                pages.append(page)
            await bench.hub.close_room("room-1")
            assert [page.closed for page in pages] == [CloseCode.room_closed, CloseCode.room_closed, None]
            assert pages[0].heard[-1] == Closed(reason=ClosedReason.room_closed)
            assert [peer.closed_for for peer in bench.peers] == ["room-closed", "room-closed", None]
            assert bench.rows.kinds(2)[-2:] == ["media-closed", "seat-left"]
            assert [(seat.room_id, seat.seat_no) for seat in bench.hub.seats()] == [("room-2", 1)]

    play(scenario())


def test_a_room_whose_row_was_closed_is_closed_at_the_next_look() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (_, page):
            bench.rows.change("li", room_closed=True, evaluation_state="sealed", admitted=False)
            await bench.hub.refresh("room-1")
            assert page.heard[-2:] == [State(evaluation="sealed"), Closed(reason=ClosedReason.room_closed)]
            assert page.closed is CloseCode.room_closed

    play(scenario())


def test_a_member_who_vanished_from_the_rows_is_sent_away() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (_, page):
            place = bench.rows.held_by.pop("li")
            await bench.hub.refresh("room-1")
            assert page.closed is CloseCode.not_admitted
            bench.rows.held_by["li"] = place
            _, back = await bench.enter("li")
            bench.rows.held_by["li"] = replace(place, holder=replace(place.holder, seat_no=2))
            await bench.hub.refresh("room-1")
            assert back.closed is CloseCode.not_admitted

    play(scenario())


def test_a_stopping_service_says_so_and_ends_all_media() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
        assert page.heard[-1] == Closed(reason=ClosedReason.service_stopping)
        assert page.closed is CloseCode.service_restart
        assert bench.peers[0].closed_for == "server-stopped"
        assert bench.rows.kinds() == ["seat-joined", "media-connecting", "media-closed"]

    play(scenario())


def test_room_time_goes_on_from_what_was_written_down_before_a_restart() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.held_by["li"] = replace(bench.rows.held_by["li"], last_ms=90_000)
        async with bench.hub.running():
            _, page = await bench.enter("li")
            assert isinstance(page.heard[0], Welcome)
            assert page.heard[0].room_ms == 90_000

    play(scenario())


def test_a_message_about_somebody_else_does_not_pass() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            heard = len(page.heard)
            for origin in (
                Standing(Party.expert, "room-1", 2),
                Standing(Party.expert, "room-2", 1),
                Standing(Party.supervisor, "room-1"),
            ):
                with pytest.raises(PermissionError):
                    sitting._tell(State(evaluation="in_session"), origin)
            assert len(page.heard) == heard

    play(scenario())


def test_one_seats_trouble_does_not_put_out_the_others_lights() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li", 1)
        bench.rows.admit("wang", 2)
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            _, other = await bench.enter("wang")
            sitting.connection = None
            bench.shelf.samples[TrackKey("room-1", 1, Source.camera)] = [None]  # type: ignore[list-item]
            bench.clock.advance(1)
            bench.hub.tick()
            assert other.heard[-1] == Recording(
                room_ms=1000, camera_ms=None, microphone_ms=None, screen_ms=None, stale=True
            )
            assert len(page.heard) == 2

    play(scenario())


def test_a_room_that_cannot_look_at_its_rows_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")

        def away(members: Sequence[str]) -> tuple[HeldSeat | None, ...]:
            raise OperationalError("SELECT", {}, Exception("the database is away"))

        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            with monkeypatch.context() as broken:
                broken.setattr(bench.rows, "held_seats", away)
                await bench.hub._refresh_or_log("room-1")
            await bench.hub.handle(sitting, page, Ping(t=1))
            assert page.heard[-1] == Pong(t=1, room_ms=0)

    play(scenario())


SEES = Devices(camera=DeviceState.live, microphone=DeviceState.live, screen=ScreenState.live)
GOOD = Stats(rtt_ms=30, loss_permille=0, kbps=800, fps=25, width=640, height=480, limit="none", relay=False)


def reach(bench: Bench, source: Source, ms: int) -> None:
    bench.shelf(TrackKey("room-1", 1, source), Codec.vp8).write(EncodedSample(ms, ms, 0, True, b"x"))


def test_a_shared_screen_is_expected_on_disk_and_one_that_is_not_shared_is_not() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):

            def on_disk(*sources: Source) -> None:
                for source in sources:
                    reach(bench, source, bench.hub._clocks["room-1"]())

            def stale() -> bool:
                bench.hub.tick()
                (last,) = page.heard[-1:]
                assert isinstance(last, Recording)
                return last.stale

            on_disk(Source.camera, Source.microphone)
            assert not stale()
            bench.clock.advance(8)
            on_disk(Source.camera, Source.microphone)
            await bench.hub.handle(sitting, page, SEES)
            assert not stale(), "a share that has just begun is not late yet"
            bench.clock.advance(5.5)
            on_disk(Source.camera, Source.microphone)
            assert stale()
            on_disk(Source.screen)
            assert not stale()
            bench.clock.advance(6)
            on_disk(Source.camera, Source.microphone)
            assert stale()
            await bench.hub.handle(sitting, page, SEES.model_copy(update={"screen": ScreenState.ended}))
            assert not stale()
            await bench.settle()
            assert [kind for kind in bench.rows.kinds() if kind.startswith("screen")] == [
                "screen-live", "screen-ended",
            ]  # fmt: skip

    play(scenario())


def test_where_the_house_requires_screens_none_is_recorded_without() -> None:
    async def scenario() -> None:
        bench = Bench(MediaSettings(screen_required=True))
        async with bench.seated("li") as (_, page):
            for source in (Source.camera, Source.microphone):
                reach(bench, source, 0)
            bench.hub.tick()
            assert page.heard[-1] == Recording(
                room_ms=0, camera_ms=0, microphone_ms=0, screen_ms=None, stale=True
            )
            reach(bench, Source.screen, 0)
            bench.hub.tick()
            assert page.heard[-1] == Recording(
                room_ms=0, camera_ms=0, microphone_ms=0, screen_ms=0, stale=False
            )

    play(scenario())


def test_the_offers_line_of_the_screen_is_passed_on() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.hub.handle(sitting, page, Offer(n=1, sdp="v=0", screen_mid="2"))
            assert bench.peers[0].screen_mid == "2"

    play(scenario())


def test_seats_are_told_the_relays_with_a_password_of_their_own() -> None:
    async def scenario() -> None:
        relays = MediaSettings(
            ice_urls=("stun:a.example", "turn:a.example"), turn_secret=SecretStr("north"), turn_lifetime_s=60
        )
        bench = Bench(relays)
        async with bench.seated("li", 7) as (_, page):
            told = page.heard[0]
            assert isinstance(told, Welcome)
            stun, turn = told.ice_servers
            assert (stun.urls, stun.username, stun.credential) == (("stun:a.example",), None, None)
            assert turn.username == f"{int(bench.clock.now().timestamp()) + 60}:seat-7"
            assert told.ice_expires_in_s == 60

    play(scenario())


def test_a_connections_light_is_written_down_once_two_reports_agree() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bad = GOOD.model_copy(update={"loss_permille": 200})
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            for report in (GOOD, GOOD, bad, GOOD, GOOD, bad, bad, bad, GOOD, GOOD):
                await bench.hub.handle(sitting, page, report)
            (seat,) = bench.hub.seats()
            assert seat.stats == (
                '{"fps":25,"height":480,"kbps":800,"limit":"none","loss_permille":0,"relay":false,'
                '"rtt_ms":30,"width":640}'
            )
            await bench.settle()
            lights = [
                (entry.kind, entry.detail["loss_permille"])
                for entry in bench.rows.written
                if isinstance(entry, Noted) and entry.kind.startswith("link")
            ]
            assert lights == [("link-red", 200), ("link-green", 0)]

    play(scenario())


def test_a_microphone_that_sends_nothing_is_written_down() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with bench.seated("li") as (sitting, page):
            await bench.offer(sitting, page)
            sink = bench.peers[0].sinks(Source.microphone, Codec.opus)
            for at in range(0, 12_000, 500):
                sink.write(EncodedSample(at, at, at * 48, True, b"x", 127))
            sink.write(EncodedSample(12_000, 12_000, 12_000 * 48, True, b"x", 40))
            sink.lost(1, 2, "network")
            sink.clock(ClockNote(1, 2, 3, None, 0))
            sink.close("left")
            await bench.settle()
            assert [kind for kind in bench.rows.kinds() if kind.startswith("microphone")] == [
                "microphone-silent", "microphone-heard",
            ]  # fmt: skip
            key = TrackKey("room-1", 1, Source.microphone)
            assert len(bench.shelf.samples[key]) == 25
            assert bench.shelf.closed == [(key, "left")]

    play(scenario())


def test_a_screen_that_was_ended_and_shared_again_explains_its_hole() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        lost: list[tuple[int, int, str]] = []
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            await bench.offer(sitting, page)
            await bench.hub.handle(sitting, page, SEES)
            sink = bench.peers[0].sinks(Source.screen, Codec.vp8)
            sink._sink.lost = lambda *gap: lost.append(gap)  # type: ignore[attr-defined]
            sink.write(EncodedSample(1000, 1000, 0, True, b"x"))
            for state in (ScreenState.ended, ScreenState.live):
                await bench.hub.handle(sitting, page, SEES.model_copy(update={"screen": state}))
            sink.write(EncodedSample(8000, 8000, 0, True, b"x"))
            assert lost == [(1000, 8000, "ended")]

    play(scenario())


def test_of_a_thousand_who_join_at_once_exactly_one_has_the_seat_and_every_take_over_is_told() -> None:
    """T6. They come as fast as the door lets them, each from a page of its own."""

    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        async with bench.hub.running():
            entered = await asyncio.gather(
                *(bench.enter("li", f"page-{number:04d}") for number in range(1000))
            )
            (sitting,) = {sitting for sitting, _ in entered}
            pages = [page for _, page in entered]
            assert [page for page in pages if page.closed is None] == [sitting.connection]
            assert {page.closed for page in pages if page is not sitting.connection} == {CloseCode.replaced}
            await bench.settle()
            kinds = bench.rows.kinds()
            assert (kinds.count("contest"), kinds.count("seat-replaced"), kinds.count("seat-joined")) == (
                999,
                999,
                1000,
            )

    play(scenario())


def test_a_page_that_was_signed_in_before_the_newest_session_goes_at_once_with_its_media() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.sign_in("li", "first")
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            await bench.offer(sitting, page)
            await bench.hub.refresh("room-1")
            assert "replaced" not in page.types()
            bench.rows.sign_in("li", "second")
            await bench.hub.refresh("room-1")
            assert page.types()[-1] == "replaced"
            assert page.closed is CloseCode.replaced
            assert bench.peers[0].closed_for == "replaced"
            # Whoever has signed in anew sits down; that this is the second is known since they signed in.
            again, other = await bench.enter("li", "page-two")
            await bench.hub.refresh("room-1")
            assert again.connection is other
            assert other.closed is None
            await bench.settle()
            assert "contest" not in bench.rows.kinds()
            assert bench.rows.kinds().count("seat-replaced") == 1

    play(scenario())


def test_a_page_whose_session_was_ended_leaves_its_seat() -> None:
    """As when the terminal is blocked or the member signs out."""

    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.sign_in("li", "first")
        async with bench.hub.running():
            sitting, page = await bench.enter("li")
            bench.rows.sign_in("li", "")
            await bench.hub.refresh("room-1")
            assert page.closed is CloseCode.not_admitted
            assert sitting.ended

    play(scenario())


def test_who_came_again_while_the_rows_were_asked_is_not_sent_away() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.rows.admit("li")
        bench.rows.sign_in("li", "first")
        async with bench.hub.running():
            await bench.enter("li")
            earlier = bench.rows.held_seats(["li"])
            bench.rows.sign_in("li", "second")
            held_seats = bench.rows.held_seats

            def slow(member_ids: Sequence[str]) -> tuple[HeldSeat | None, ...]:
                bench.rows.held_seats = held_seats  # type: ignore[method-assign]
                asyncio.run_coroutine_threadsafe(enter(), loop).result(5)
                return earlier

            async def enter() -> None:
                came.append((await bench.enter("li", "page-two"))[1])

            came: list[PretendPage] = []
            loop = asyncio.get_running_loop()
            bench.rows.held_seats = slow  # type: ignore[method-assign]
            await bench.hub.refresh("room-1")
            assert [page.closed for page in came] == [None]

    play(scenario())
