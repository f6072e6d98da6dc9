"""The pretend staff of the centers: checks the papers of whoever comes, and enrolls the machine at their seat."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from app.core.i18n import N_
from app.rehearsal.phones import Summons
from app.rehearsal.service import Desk, RehearsalFailed
from app.rehearsal.terminals import SoftwareTerminal
from app.sample.people import by_phone
from venue.proofs import Purpose


class VenueStaff:
    """One person at the desk of each center where somebody is expected. paths: their sign-in links by center."""

    def __init__(self, url: str, paths: Mapping[str, str]) -> None:
        self._url = url
        self.paths = paths
        self._desks: dict[str, Desk] = {}

    async def come(self, stack: AsyncExitStack) -> None:
        """Signs everybody in until `stack` closes."""
        for center, path in self.paths.items():
            desk = await stack.enter_async_context(Desk(self._url))
            await desk.sign_in_by_link(path)
            self._desks[center] = desk

    async def welcome(self, summons: Summons) -> SoftwareTerminal:
        """Finds whoever brings this text in the list of arrivals, checks their card and enrolls the machine at their seat.

        RehearsalFailed when no center expects them, or when their papers are not those of whom the house expects.
        """
        return await enroll(self._url, await self.code(summons))

    async def code(self, summons: Summons) -> str:
        """As `welcome`, but only up to the code that enrolls a machine for their seat."""
        center, arrival = await self._expected(summons)
        desk = self._desks[center]
        answer = await desk.post(
            f"/api/check-in/{arrival['member_id']}",
            {"identity": by_phone(summons.number).identity, "phone_deposited": True, "badge": True},
        )
        if answer["outcome"] != "matched":
            raise RehearsalFailed("identity", N_("签到台没有核对上专家的证件"))
        for seat in await desk.get("/api/terminals"):
            if arrival["place"].endswith(f"{seat['room']} {seat['seat']}"):
                made = await desk.post(f"/api/terminals/seats/{seat['seat_id']}/code")
                return str(made["code"])
        raise RehearsalFailed("terminal", N_("没有找到专家的工位"))

    async def center_of(self, summons: Summons) -> str:
        """The center where whoever brings this text is expected."""
        return (await self._expected(summons))[0]

    async def _expected(self, summons: Summons) -> tuple[str, dict[str, Any]]:
        for center, desk in self._desks.items():
            for arrival in await desk.get("/api/check-in"):
                if arrival["place"] in summons.text:
                    return center, arrival
        raise RehearsalFailed("arrival", N_("签到台没有等候这位专家"))


async def enroll(url: str, code: str) -> SoftwareTerminal:
    """A pretend machine that has enrolled itself with this code."""
    terminal = SoftwareTerminal()
    async with Desk(url) as machine:
        asked = await machine.post("/api/terminal/challenge", {"purpose": Purpose.enroll.value})
        challenge = asked["challenge"]
        answer = await machine.post(
            "/api/terminal/enroll",
            {
                "code": code,
                "key": terminal.jwk,
                "challenge": challenge,
                "signature": terminal.sign(Purpose.enroll, challenge, code),
            },
        )
    terminal.id = answer["terminal_id"]
    return terminal
