"""Whatever the other members do, in this room or another, a seat hears exactly what it would have heard alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import YuanpingError
from tests.support.hubs import Bench, PretendPage
from venue.room.protocol import Devices, DeviceState, Error, Focus, Ping, ScreenState, encode
from venue.room.sitting import Sitting

MEMBERS = {"li": (1, "room-1"), "wang": (2, "room-1"), "zhao": (3, "room-1"), "qian": (1, "room-2")}
ACTS = (
    "enter", "enter-elsewhere", "leave", "offer", "bad-offer", "connected", "failed", "closed", "ping", "mute",
    "unmute", "hide", "show", "on-disk", "dismissed", "readmitted",
)  # fmt: skip
WORLD = ("second", "minute", "tick", "look", "open", "close")


@dataclass(frozen=True, slots=True)
class Step:
    """Something a member does, or that happens to all (`who` empty)."""

    who: str
    act: str


members = st.builds(Step, st.sampled_from(sorted(MEMBERS)), st.sampled_from(ACTS))
world = st.builds(Step, st.just(""), st.sampled_from(WORLD))
steps = st.lists(st.one_of(members, members, members, world), max_size=40)


class Play:
    """Carries out steps on a hub and keeps every page that every member had."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.pages: dict[str, list[PretendPage]] = {who: [] for who in MEMBERS}
        self.sittings: dict[str, Sitting] = {}
        for who, (seat_no, room_id) in MEMBERS.items():
            self.bench.rows.admit(who, seat_no, room_id)

    async def run(self, script: Sequence[Step]) -> None:
        async with self.bench.hub.running():
            for step in script:
                try:
                    await (self.member(step) if step.who else self.happen(step.act))
                except YuanpingError as error:
                    if step.who and self.pages[step.who]:  # as the gateway tells it
                        told = Error(code=error.code, message="", remedy="")
                        self.pages[step.who][-1].heard.append(told)
                for _ in range(5):
                    await asyncio.sleep(0)

    async def member(self, step: Step) -> None:
        who, act, hub = step.who, step.act, self.bench.hub
        seat_no, room_id = MEMBERS[who]
        if act.startswith("enter"):
            self.sittings[who], page = await self.bench.enter(who, f"page-of-{who}-{act}")
            self.pages[who].append(page)
        elif act == "on-disk":
            self.bench.on_disk(int(self.bench.clock.monotonic_ns() // 1_000_000), seat_no, room_id)
        elif act in {"dismissed", "readmitted"}:
            self.bench.rows.change(who, admitted=act == "readmitted")
            await hub.refresh(room_id)
        elif who in self.sittings:
            await self.seated(who, act)

    async def seated(self, who: str, act: str) -> None:
        hub, sitting, page = self.bench.hub, self.sittings[who], self.pages[who][-1]
        if act == "leave":
            hub.leave(sitting, page)
        elif act.endswith("offer"):
            await self.bench.offer(sitting, page, "bad" if act == "bad-offer" else "good")
        elif act in {"connected", "failed", "closed"}:
            if sitting._peer is not None:
                sitting._peer.on_state(act)  # type: ignore[attr-defined]
        elif act in {"mute", "unmute"}:
            state = DeviceState.muted if act == "mute" else DeviceState.live
            await hub.handle(
                sitting,
                page,
                Devices(camera=DeviceState.live, microphone=state, screen=ScreenState.not_asked),
            )
        elif act in {"hide", "show"}:
            await hub.handle(sitting, page, Focus(visible=act == "show"))
        else:
            await hub.handle(sitting, page, Ping(t=1))

    async def happen(self, act: str) -> None:
        if act in {"second", "minute"}:
            self.bench.clock.advance(1 if act == "second" else 60)
        elif act == "tick":
            self.bench.hub.tick()
        else:
            if act != "look":  # a change of the evaluation, whose news makes the hub look
                for who in MEMBERS:
                    self.bench.rows.change(who, evaluation_state="in_session" if act == "open" else "closed")
            for room_id in ("room-1", "room-2"):
                await self.bench.hub.refresh(room_id)

    def heard(self, who: str) -> list[tuple[list[str], object]]:
        """All that every page of a member was sent, and how each was closed."""
        return [([encode(message) for message in page.heard], page.closed) for page in self.pages[who]]


def played(script: Sequence[Step]) -> Play:
    play = Play()
    asyncio.run(play.run(script))
    return play


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from(sorted(MEMBERS)))
def test_a_seat_hears_what_it_would_hear_alone(script: list[Step], who: str) -> None:
    together = played(script)
    alone = played([step for step in script if step.who in {"", who}])
    assert together.heard(who) == alone.heard(who)


def test_a_long_morning_of_everybody_is_heard_as_if_alone() -> None:
    """Every member does everything, between all that can happen."""
    script = [Step("", "open")]
    for act in ACTS:
        script += [Step(who, act) for who in MEMBERS] + [
            Step("", "second"),
            Step("", "tick"),
            Step("", "look"),
        ]
        script += [Step(who, "enter") for who in MEMBERS]
    together = played(script)
    for who in MEMBERS:
        heard = together.heard(who)
        assert heard == played([step for step in script if step.who in {"", who}]).heard(who)
        assert sum(len(messages) for messages, _ in heard) > 50
