"""What a pretend expert does at the seat: signs in by code at its terminal, sends picture and sound, scores, submits."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from app.rehearsal.service import Desk
from app.rehearsal.terminals import SoftwareTerminal
from venue.media.pretend import PretendSeat
from venue.proofs import Purpose
from venue.room.client import SeatClient

_SHEET = "/api/seat/sheet"


class PretendExpert:
    """One seat of the rehearsal: first `sign_in`, then `sit`, then `score`; `sit` again after a break."""

    def __init__(self, url: str, code: str, terminal: SoftwareTerminal) -> None:
        self._url = url
        self._code = code
        self._terminal = terminal
        self.desk = Desk(url)
        self.seat_no = 0

    async def sign_in(self, stack: AsyncExitStack) -> None:
        """Types the seat code; signed in until `stack` closes."""
        await stack.enter_async_context(self.desk)
        await self.desk.sign_in_by_code(self._code, self._terminal)
        self.seat_no = (await self.desk.get("/api/seat/desk"))["seat_no"]

    async def sit(self, stack: AsyncExitStack) -> None:
        """Enters the room and sends picture and sound until `stack` closes."""
        ticket = await self.ticket()
        client = await stack.enter_async_context(
            SeatClient(self._url, ticket["ticket"], address=ticket["address"])
        )
        await client.join_media(PretendSeat(self.seat_no))

    async def ticket(self) -> dict[str, Any]:
        """A way into the room, for which the terminal proves itself."""
        asked = await self.desk.post("/api/seat/challenge")
        proof = self._terminal.proof(Purpose.ticket, asked["challenge"])
        found: dict[str, Any] = await self.desk.post("/api/seat/ticket", proof)
        return found

    async def score(self, between_s: float = 0.0) -> None:
        """Fills the sheet bidder by bidder, saving each as a desk does, and hands it in."""
        shown = await self.desk.get("/api/seat/desk")
        sheet = shown["sheet"]
        scores: dict[str, dict[str, int]] = {}
        for order, bidder in enumerate(shown["bidders"]):
            scores[bidder["id"]] = {
                criterion["id"]: self._points(order, number, criterion)
                for number, criterion in enumerate(shown["criteria"])
            }
            sheet = await self.save({"revision": sheet["revision"], "scores": scores, "note": ""})
            await asyncio.sleep(between_s)
        await self.desk.write("POST", f"{_SHEET}/submit", self._terminal)

    async def save(self, sheet: Mapping[str, object]) -> dict[str, Any]:
        """As the page does a moment after each entry."""
        saved: dict[str, Any] = await self.desk.write("PUT", _SHEET, self._terminal, sheet)
        return saved

    def _points(self, bidder: int, number: int, criterion: dict[str, Any]) -> int:
        """Between seven and ten tenths of the most, different for every seat, in half points."""
        most: int = criterion["max"]
        tenths = 7 + (bidder * 3 + number * 2 + self.seat_no) % 4
        return most * tenths // 10 // 50 * 50
