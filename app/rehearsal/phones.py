"""How the pretend experts behave on the phone: one declines, one never answers, one calls back too late."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.core.i18n import N_
from app.rehearsal.service import Desk, RehearsalFailed

_LOOKS_EVERY_S = 0.25
_SEAT_CODE = re.compile(r"\d{8}")
_LAPSED = "已失效"  # as the Chinese announcement says it


class Part(StrEnum):
    """The parts to play, in the order the first phones ring."""

    declines = "declines"
    silent = "silent"
    late = "late"
    accepts = "accepts"


@dataclass(frozen=True, slots=True)
class Summons:
    """The text that tells an expert where to sit: whose phone it came to, the seat code in it, and all that it says."""

    number: str
    code: str
    text: str


CAST = (Part.declines, Part.silent, Part.late)


@dataclass(slots=True)
class PhoneCast:
    """Watches the wall of pretend phones and plays every part.

    operator: somebody who may use the simulator. heard: told when something happens. cast: the parts of the first
    phones that ring; all others accept.
    """

    operator: Desk
    heard: Callable[[str, str], None]
    cast: tuple[Part, ...] = CAST
    parts: dict[str, Part] = field(default_factory=dict)
    _pressed: set[tuple[str, str]] = field(default_factory=set)
    _before: set[str] = field(default_factory=set)

    async def ignore_what_came_before(self) -> None:
        """Phones that were used earlier keep out of this rehearsal until they ring anew."""
        self._before = {phone["turn"] for phone in await self._phones() if phone["turn"]}

    async def play(self) -> None:
        """Plays until cancelled."""
        while True:
            for phone in await self._phones():
                await self._play(phone)
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def call_back_late(self) -> None:
        """Whoever was late rings the hotline; RehearsalFailed unless they hear that the notice has lapsed."""
        for number in [number for number, part in self.parts.items() if part is Part.late]:
            await self.operator.post(f"/api/simulator/phones/{number}/call-hotline")
            async with asyncio.timeout(15):
                while _LAPSED not in (await self._phone(number))["spoken"]:
                    await asyncio.sleep(_LOOKS_EVERY_S)
            self.heard(number, "late-call")

    async def summonses(self, expected: int) -> tuple[Summons, ...]:
        """The newest text with a seat code in the inbox of everyone who accepted, once all have arrived."""
        async with asyncio.timeout(30):
            while True:
                come = [
                    found
                    for phone in await self._phones()
                    if self.parts.get(phone["number"]) is Part.accepts
                    and (found := _summons_in(phone["number"], phone["texts"])) is not None
                ]
                if len(come) >= expected:
                    return tuple(come)
                await asyncio.sleep(_LOOKS_EVERY_S)

    async def _play(self, phone: dict[str, Any]) -> None:
        number, turn = phone["number"], phone["turn"]
        if phone["state"] == "idle" or turn in self._before or phone["calls_hotline"]:
            return
        if number not in self.parts:
            self.parts[number] = (
                self.cast[len(self.parts)] if len(self.parts) < len(self.cast) else Part.accepts
            )
            self.heard(number, self.parts[number])
        part = self.parts[number]
        if part in {Part.silent, Part.late}:
            return
        if phone["state"] == "ringing":
            await self._do(number, turn, "answer", None)
        elif phone["awaits_key"]:
            await self._do(number, turn, "keys", {"digit": "1" if part is Part.accepts else "2"})

    async def _do(self, number: str, turn: str, act: str, body: dict[str, object] | None) -> None:
        """Once for every sentence heard: a second press has to wait for the question that asks for it."""
        if (turn, act) in self._pressed:
            return
        self._pressed.add((turn, act))
        await self.operator.post(f"/api/simulator/phones/{number}/{act}", body)

    async def _phones(self) -> list[dict[str, Any]]:
        phones: list[dict[str, Any]] = (await self.operator.get("/api/simulator/phones"))["phones"]
        return phones

    async def _phone(self, number: str) -> dict[str, Any]:
        for phone in await self._phones():
            if phone["number"] == number:
                return phone
        raise RehearsalFailed("phone-missing", N_("模拟电话上找不到要用的号码"))


def _summons_in(number: str, texts: list[dict[str, Any]]) -> Summons | None:
    for text in texts:
        if (found := _SEAT_CODE.search(text["body"])) and not text["sent_by_phone"]:
            return Summons(number, found.group(), text["body"])
    return None
