"""The wires of the pretend exchange: fetches what a call should say and posts signed reports, by real HTTP."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import aiohttp
import anyio.to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.sealed_columns import CALL_PHONE, TEXT_BODY, TEXT_PHONE
from app.notify import twilio, twiml
from app.notify.models import SimulatedCall, SimulatedText
from app.notify.simulator import Exchange
from app.notify.simulator_reports import DueReport
from app.notify.twiml import Script

_TIMEOUT_S = 15
_OK, _REDIRECTION = 200, 300
_BROKEN = Script(text="应用程序发生错误，通话结束。", language="cmn-CN")

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Line:
    """Made inside the running event loop; `tick` does whatever is due and can be called at any time."""

    def __init__(self, database: Database, clock: Clock, exchange: Exchange, token: str) -> None:
        self._database = database
        self._clock = clock
        self._exchange = exchange
        self._token = token
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        self._one_at_a_time = asyncio.Lock()

    @property
    def exchange(self) -> Exchange:
        return self._exchange

    async def act(self, work: Callable[[Session, datetime], _T]) -> _T:
        """Runs one act on a pretend phone in a transaction, off the loop."""

        def run() -> _T:
            now = self._clock.now()
            with self._database.transaction() as session:
                return work(session, now)

        return await anyio.to_thread.run_sync(run)

    async def look(self, work: Callable[[Session, datetime], _T]) -> _T:
        """Like `act`, for reading only."""

        def run() -> _T:
            with self._database.reading() as session:
                return work(session, self._clock.now())

        return await anyio.to_thread.run_sync(run)

    async def tick(self) -> int:
        """Lets time do its work and carries what waits; returns how many things happened."""
        async with self._one_at_a_time:
            exchange = self._exchange
            moved = 0
            if await self.look(exchange.has_due):
                moved = await self.act(exchange.move_on)
            calls = await self.look(exchange.waiting_calls)
            texts = await self.look(exchange.waiting_texts)
            reports = await self.look(exchange.reports.due)
            async with asyncio.TaskGroup() as wires:
                for call in calls:
                    wires.create_task(self._speak(call))
                for text in texts:
                    wires.create_task(self._hand_on(text))
                for together in _by_address(reports):
                    wires.create_task(self._report(together))
            return moved + len(calls) + len(texts) + len(reports)

    async def close(self) -> None:
        await self._http.close()

    async def _speak(self, call: SimulatedCall) -> None:
        exchange = self._exchange
        url = str(call.pending_url)
        caller = exchange.sealer.unseal(call.phone_sealed, CALL_PHONE.at(call.sid))
        ours = exchange.reports.own_number
        inbound = call.direction == "inbound"
        fields = {
            "CallSid": call.sid,
            "AccountSid": exchange.reports.account_sid,
            "From": caller if inbound else ours,
            "To": ours if inbound else caller,
            "CallStatus": call.state,
            "Direction": call.direction,
            "ApiVersion": "2010-04-01",
        }
        if call.pending_digits is not None:
            fields["Digits"] = call.pending_digits
        if call.dial_status is not None:
            fields["DialCallStatus"] = call.dial_status
        script = await self._fetch(url, fields)
        sid, turn = call.sid, call.turn
        await self.act(lambda session, now: exchange.follow(session, now, sid, turn, script))

    async def _hand_on(self, text: SimulatedText) -> None:
        exchange = self._exchange
        fields = {
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "AccountSid": exchange.reports.account_sid,
            "From": exchange.sealer.unseal(text.phone_sealed, TEXT_PHONE.at(text.sid)),
            "To": exchange.reports.own_number,
            "Body": exchange.sealer.unseal(text.body_sealed, TEXT_BODY.at(text.sid)),
            "NumMedia": "0",
            "ApiVersion": "2010-04-01",
        }
        script = await self._fetch(f"{exchange.public_url}/hooks/twilio/inbound/sms", fields)
        await self.act(lambda session, now: exchange.reply(session, now, text.sid, script.replies))

    async def _report(self, reports: tuple[DueReport, ...]) -> None:
        for report in reports:
            status, _ = await self._post(report.url, dict(report.fields))
            arrived = _OK <= status < _REDIRECTION
            if not arrived:
                _log.warning("a report of the pretend exchange was refused with %s", status)
            await self.act(
                lambda session, now, report=report, arrived=arrived: self._exchange.reports.posted(  # type: ignore[misc]
                    session, now, report, arrived
                )
            )

    async def _fetch(self, url: str, fields: dict[str, str]) -> Script:
        status, body = await self._post(url, fields)
        if status != _OK:
            _log.warning("the pretend exchange got no document: %s", status)
            return _BROKEN
        try:
            return twiml.read(body)
        except twiml.NotReadable as error:
            _log.warning("the pretend exchange cannot read the document: %s", error)
            return _BROKEN

    async def _post(self, url: str, fields: dict[str, str]) -> tuple[int, str]:
        """Posts as the provider does; status 0 when nobody answered."""
        headers = {twilio.SIGNATURE_HEADER: twilio.sign(self._token, url, fields)}
        try:
            async with self._http.post(url, data=fields, headers=headers) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("the pretend exchange reaches nobody: %s", type(error).__name__)
            return 0, ""


def _by_address(reports: tuple[DueReport, ...]) -> tuple[tuple[DueReport, ...], ...]:
    """Reports on one call stay in order; different calls do not wait for each other."""
    together: dict[str, list[DueReport]] = defaultdict(list)
    for report in reports:
        together[report.url].append(report)
    return tuple(tuple(group) for group in together.values())
