"""The phone room: everything that calls, texts and listens, set up from the settings in one place."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import NotFound
from app.core.grouping import GroupWriter
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.core.settings_calls import NotifySettings, Provider
from app.core.settings_refusals import require_sound
from app.notify import twilio
from app.notify.aliyun import open_aliyun
from app.notify.answering import Answering
from app.notify.dispatch import Dispatch
from app.notify.inquiry import Inquiry
from app.notify.listener import Listener
from app.notify.messenger import Messenger
from app.notify.pacing import Pacing, QuietHours, read_limits
from app.notify.progress import Progress
from app.notify.simulator import Exchange
from app.notify.simulator_line import Line
from app.notify.simulator_reports import Reports
from app.notify.twilio import Signatures, TwilioMessenger

_SIMULATED_PACE = {"voice": 10.0, "sms": 50.0}


@dataclass(frozen=True, slots=True)
class PhoneRoom:
    """What is on duty. `line` is the pretend exchange, None beside a real provider."""

    dispatch: Dispatch
    inquiry: Inquiry
    writer: GroupWriter
    messenger: Messenger
    progress: Progress
    answering: Answering
    signatures: Signatures
    sealer: Sealer
    account_sid: str
    auth_token: str
    patience_s: float
    line: Line | None

    async def tick(self) -> int:
        """Whatever is due now, once; returns how many things happened. Call it several times a second."""
        duties = [self.dispatch.deliver_due(), self.inquiry.reconcile()]
        if self.line is not None:
            duties.append(self.line.tick())
        return sum(await asyncio.gather(*duties))

    async def close(self) -> None:
        """Ends once what is on its way has come to an end and been written down."""
        await self.dispatch.settled()
        await self.writer.close()
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
    require_sound(settings)
    notify = settings.notify
    simulated = notify.provider is Provider.simulator
    token = notify.auth_token or sealer.derive("simulator-token").hex()
    progress = Progress(listener)
    messenger = _messenger(settings, clock, token)
    line = None
    if simulated:
        reports = Reports(sealer, notify.account_sid, notify.from_number)
        line = Line(database, clock, Exchange(sealer, reports, settings.public_url), token)
    writer = GroupWriter(database, clock)
    dispatch = Dispatch(
        database,
        clock,
        sealer,
        messenger,
        progress,
        writer,
        _pacing(notify, messenger),
        send_timeout_s=notify.send_timeout_s,
        unknown_grace_s=notify.unknown_grace_s,
    )
    return PhoneRoom(
        dispatch=dispatch,
        inquiry=Inquiry(
            database,
            clock,
            sealer,
            messenger,
            progress,
            writer,
            origin=settings.public_url,
            unknown_grace_s=notify.unknown_grace_s,
        ),
        writer=writer,
        messenger=messenger,
        progress=progress,
        answering=Answering(
            progress,
            sealer,
            settings.public_url,
            notify.hotline,
            settings.default_language,
            agent=notify.hotline_agent,
            caller_id=notify.from_number,
        ),
        signatures=Signatures(settings.public_url, token, notify.auth_token_former),
        sealer=sealer,
        account_sid=notify.account_sid,
        auth_token=token,
        patience_s=notify.patience_s,
        line=line,
    )


def _messenger(settings: Settings, clock: Clock, token: str) -> Messenger:
    """The carrier that the settings name."""
    notify = settings.notify
    if notify.provider is Provider.aliyun:
        return open_aliyun(settings, clock)
    simulated = notify.provider is Provider.simulator
    return TwilioMessenger(
        name=notify.provider.value,
        pace=_SIMULATED_PACE if simulated else twilio.PACE,
        limits=() if simulated else twilio.LIMITS,
        account_sid=notify.account_sid,
        auth_token=token,
        from_number=notify.from_number,
        public_url=settings.public_url,
        timeout_s=notify.send_timeout_s,
        base_url=f"{settings.public_url}/sim" if simulated else None,
    )


def _pacing(notify: NotifySettings, messenger: Messenger) -> Pacing:
    """What the settings say, and what suits the carrier where they say nothing."""
    chosen = {"voice": notify.calls_per_second, "sms": notify.texts_per_second}
    return Pacing(
        rates={channel: rate or messenger.pace[channel] for channel, rate in chosen.items()},
        limits=messenger.limits if notify.callee_limits is None else read_limits(notify.callee_limits),
        quiet=QuietHours.read(notify.quiet_hours),
    )


def phone_room(connection: HTTPConnection) -> PhoneRoom:
    """The phone room of the service that was asked."""
    room: PhoneRoom = connection.app.state.phone_room
    return room


async def _room(connection: HTTPConnection) -> PhoneRoom:
    return phone_room(connection)


PhoneRoomDep = Annotated[PhoneRoom, Depends(_room)]


async def _line(room: PhoneRoomDep) -> Line:
    if room.line is None:
        raise NotFound("no-simulator", N_("接入真实服务商时没有模拟电话"), N_("仅在 simulator 模式下使用"))
    return room.line


LineDep = Annotated[Line, Depends(_line)]
