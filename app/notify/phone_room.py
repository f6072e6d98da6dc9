"""The phone room: everything that calls, texts and listens, set up from the settings in one place."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.settings import Provider, Settings
from app.notify.answering import Answering
from app.notify.listener import Listener
from app.notify.messenger import Messenger
from app.notify.outbox import Outbox
from app.notify.progress import Progress
from app.notify.simulator import Exchange
from app.notify.simulator_line import Line
from app.notify.simulator_reports import Reports
from app.notify.twilio import Signatures, TwilioMessenger


@dataclass(frozen=True, slots=True)
class PhoneRoom:
    """What is on duty. `line` is the pretend exchange, None beside a real provider."""

    outbox: Outbox
    messenger: Messenger
    progress: Progress
    answering: Answering
    signatures: Signatures
    account_sid: str
    auth_token: str
    line: Line | None

    async def tick(self) -> int:
        """Whatever is due now, once; returns how many things happened. Call it several times a second."""
        duties = [self.outbox.deliver_due(), self.outbox.reconcile()]
        if self.line is not None:
            duties.append(self.line.tick())
        return sum(await asyncio.gather(*duties))

    async def close(self) -> None:
        await self.messenger.close()
        if self.line is not None:
            await self.line.close()


async def open_phone_room(
    settings: Settings, database: Database, clock: Clock, sealer: Sealer, listener: Listener
) -> PhoneRoom:
    """Opens the room inside the running event loop.

    The pretend exchange exists only when `notify.provider` is `simulator`: then the same Twilio client talks
    to it over HTTP, under a token that this service derives from its own key. Beside a real provider there is
    none, and with sample data a real provider is refused.
    """
    settings.check()
    notify = settings.notify
    simulated = notify.provider is Provider.simulator
    token = notify.auth_token or sealer.derive("simulator-token").hex()
    progress = Progress(listener)
    messenger = TwilioMessenger(
        account_sid=notify.account_sid,
        auth_token=token,
        from_number=notify.from_number,
        public_url=settings.public_url,
        timeout_s=notify.send_timeout_s,
        base_url=f"{settings.public_url}/sim" if simulated else None,
    )
    line = None
    if simulated:
        reports = Reports(sealer, notify.account_sid, notify.from_number)
        line = Line(database, clock, Exchange(sealer, reports, settings.public_url), token)
    return PhoneRoom(
        outbox=Outbox(database, clock, sealer, messenger, progress, notify),
        messenger=messenger,
        progress=progress,
        answering=Answering(progress, sealer, settings.public_url, notify.hotline, settings.default_language),
        signatures=Signatures(settings.public_url, token),
        account_sid=notify.account_sid,
        auth_token=token,
        line=line,
    )


def _room(connection: HTTPConnection) -> PhoneRoom:
    room: PhoneRoom = connection.app.state.phone_room
    return room


PhoneRoomDep = Annotated[PhoneRoom, Depends(_room)]


def _line(room: PhoneRoomDep) -> Line:
    if room.line is None:
        raise NotFound("no-simulator", N_("接入真实服务商时没有模拟电话"), N_("仅在 simulator 模式下使用"))
    return room.line


LineDep = Annotated[Line, Depends(_line)]
