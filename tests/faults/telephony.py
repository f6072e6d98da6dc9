"""Calls and texts as a provider carries them, and the people at the other end, who answer the real documents by keys.

Everything is written to a journal as it happens, one line of JSON each, so that it can be held against the service's
rows although both the service and this process may be gone by then.
"""

import asyncio
import html
import json
import re
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import TextIO

from tests.faults.chance import Chance, Picks
from tests.faults.network import Network

HOTLINE = "+8687000000000"
_SAY = re.compile(r"<(?:Say|Message)\b[^>]*>([^<]*)<")
_GATHER = re.compile(r'<Gather\b[^>]*\baction="([^"]*)"')
_REDIRECT = re.compile(r"<Redirect\b[^>]*>([^<]*)<")
_MESSAGE = re.compile(r"/hooks/twilio/(?:status|voice)/([^/?#]+)")
_WAY_S = 0.05
_LIST_LAG_S = 0.5
_TURNS = 12
_CONTRARY = {"1": "2", "2": "1"}


@dataclass(slots=True)
class Record:
    """One call or text: `made_s` on the provider's monotonic clock, `urls` where to fetch what to say."""

    n: int
    sid: str
    channel: str
    to: str
    message_id: str
    status: str
    made_s: float
    created: str
    report_url: str
    events: frozenset[str] = frozenset()
    urls: tuple[str, ...] = ()
    body: str | None = None
    sequence: int = 0


@dataclass(slots=True)
class Journal:
    """What happened, a line each; flushed at once, as nobody says goodbye here."""

    file: TextIO
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, kind: str, **more: object) -> None:
        self.counts[kind] += 1
        self.file.write(json.dumps({"kind": kind, **more}, ensure_ascii=False) + "\n")
        self.file.flush()


class Telephony:
    """The network of one provider and its subscribers."""

    def __init__(
        self, chance: Chance, journal: Journal, network: Network, public: str, *, reports: bool = True
    ) -> None:
        self.chance = chance
        self.journal = journal
        self.records: dict[str, Record] = {}
        self._network = network
        self._reports = reports
        self._public = public
        self._by_number: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        self._running: set[asyncio.Task[None]] = set()
        self._records, self._posts, self._own = count(1), count(1), count(1)

    @property
    def busy(self) -> int:
        """Calls, texts and second thoughts under way."""
        return len(self._running)

    def take(
        self,
        channel: str,
        to: str,
        report_url: str,
        *,
        events: Sequence[str],
        urls: Sequence[str],
        body: str | None,
    ) -> Record:
        """Takes a call or a text, and lets happen what follows."""
        n = next(self._records)
        named = _MESSAGE.search(report_url)
        record = Record(
            n=n,
            sid=f"{'CA' if channel == 'voice' else 'SM'}{n:032x}",
            channel=channel,
            to=to,
            message_id=named[1] if named else "",
            status="queued",
            made_s=time.monotonic(),
            created=formatdate(),
            report_url=report_url.partition("#")[0],
            events=frozenset(events),
            urls=tuple(urls),
            body=body,
        )
        self.records[record.sid] = record
        self._by_number[channel, to].append(record)
        self._start(self._call(record) if channel == "voice" else self._text(record))
        return record

    def listed(self, channel: str, to: str) -> list[Record]:
        """Newest first. A list lags: what was taken a moment ago is not on it yet."""
        known_s = time.monotonic() - _LIST_LAG_S
        return [one for one in reversed(self._by_number[channel, to]) if one.made_s <= known_s]

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.journal.note("failed", error=repr(error))

    async def _call(self, call: Record) -> None:
        ways = self.chance.ways
        await asyncio.sleep(_WAY_S)
        self._report(call, "initiated")
        self._report(call, "ringing")
        await asyncio.sleep(self.chance.pause_s("rings", call.n, ways.rings_s))
        match self.chance.picks(call.n):
            case Picks.nobody:
                self._report(call, "no-answer")
                if self.chance.contrary(call.n):
                    await self._calls_hotline(call, self.chance.presses(call.n))
            case Picks.engaged:
                self._report(call, "busy")
            case Picks.up:
                self._report(call, "in-progress")
                keys = self.chance.presses(call.n)
                confirmed = await self._converse(call.sid, call.to, call.urls, keys, call.n, call.message_id)
                self._report(call, "completed")
                if confirmed and self.chance.contrary(call.n):
                    await self._second_thoughts(call, keys[0])

    async def _text(self, text: Record) -> None:
        await asyncio.sleep(_WAY_S)
        self._report(text, "sent")
        await asyncio.sleep(_WAY_S)
        self._report(text, "delivered")
        written = self.chance.writes(text.n)
        if written:
            await asyncio.sleep(self.chance.pause_s("reads", text.n, 2 * self.chance.ways.thinks_s))
            await self._writes(text.to, written)
            if written in _CONTRARY and self.chance.contrary(text.n):
                await self._second_thoughts(text, written)

    async def _second_thoughts(self, record: Record, key: str) -> None:
        """The opposite answer, later: in writing, or by calling back; who has accepted may also ask leave."""
        await asyncio.sleep(self.chance.pause_s("second thoughts", record.n, self.chance.ways.later_s))
        self.journal.note("contrary", message=record.message_id)
        match record.n % 3:
            case 0:
                await self._writes(record.to, _CONTRARY[key])
            case 1:
                await self._calls_hotline(record, _CONTRARY[key] * 2)
            case _:
                await self._calls_hotline(record, "33" if key == "1" else "11")

    async def _writes(self, number: str, words: str) -> None:
        sid = f"SM{next(self._own):031x}f"
        fields = {"MessageSid": sid, "From": number, "To": HOTLINE, "Body": words, "SmsStatus": "received"}
        document = await self._post(f"{self._public}/hooks/twilio/inbound/sms", fields)
        if document is not None:
            self.journal.note("told", message="", to=number, text=_said(document))

    async def _calls_hotline(self, record: Record, keys: str) -> None:
        await asyncio.sleep(self.chance.pause_s("calls back", record.n, self.chance.ways.later_s))
        sid = f"CA{next(self._own):031x}f"
        await self._converse(
            sid, record.to, (f"{self._public}/hooks/twilio/inbound/voice",), keys, record.n, ""
        )

    async def _converse(
        self, sid: str, number: str, urls: Sequence[str], keys: str, n: int, message_id: str
    ) -> bool:
        """Follows the documents of a call, a key at each; says whether all keys were taken.

        What the call is told when no key is asked for any more goes into the journal. A document that does not come is
        asked for once more at the call's other address, as Twilio does; then the call breaks.
        """
        inbound = not message_id
        parties = {"From": number, "To": HOTLINE} if inbound else {"From": HOTLINE, "To": number}
        asked = {"CallSid": sid, "CallStatus": "in-progress", **parties}
        fields, url, spare = dict(asked), urls[0], list(urls[1:])
        left = list(keys)
        for _ in range(_TURNS):
            asked_s = time.monotonic()
            document = await self._post(url, fields)
            if document is not None and keys and not left:
                heard_s = time.monotonic()
                self.journal.note(
                    "confirmed", message=message_id, keys=keys, took_s=heard_s - asked_s, at_s=heard_s
                )
            if document is None:
                if not spare:
                    return False
                url, fields, left = spare.pop(0), dict(asked), list(keys)
                continue
            gather, redirect = _GATHER.search(document), _REDIRECT.search(document)
            if gather is None and redirect is not None:
                url, fields = html.unescape(redirect[1]).strip(), dict(asked)
                continue
            if gather is None:
                self.journal.note("told", message=message_id, to=number, text=_said(document))
                return not left
            if not left:
                return False  # hangs up in the middle of the question
            await asyncio.sleep(self.chance.pause_s(f"thinks {len(left)}", n, self.chance.ways.thinks_s))
            url, fields = html.unescape(gather[1]), {**asked, "Digits": left.pop(0)}
        return False

    def _report(self, record: Record, status: str) -> None:
        """A status report on its way; only the events that were asked for."""
        record.status = status
        asked = {"in-progress": "answered", "no-answer": "completed", "busy": "completed"}.get(status, status)
        if self.chance.mute(record.n):
            self.journal.note("lost")
            return
        if (
            not self._reports
            or not record.report_url
            or (record.channel == "voice" and asked not in record.events)
        ):
            return
        if record.channel == "voice":
            fields = {
                "CallSid": record.sid,
                "CallStatus": status,
                "From": HOTLINE,
                "To": record.to,
                "SequenceNumber": str(record.sequence),
            }
            record.sequence += 1
        else:
            fields = {"MessageSid": record.sid, "MessageStatus": status, "From": HOTLINE, "To": record.to}
        self._start(self._deliver(record.report_url, fields))

    async def _deliver(self, url: str, fields: Mapping[str, str]) -> None:
        await self._post(url, fields)

    async def _post(self, url: str, fields: Mapping[str, str]) -> str | None:
        """One post by the plan: lost, late, twice; None when there is no reply."""
        fate = self.chance.post(next(self._posts))
        if fate.lost:
            self.journal.note("lost")
            return None
        if fate.late_s:
            await asyncio.sleep(fate.late_s)
        reply = await self._network.post(url, fields)
        self.journal.note("post" if reply is not None else "in vain")
        if fate.twice:
            self._start(self._again(url, fields))
        return reply

    async def _again(self, url: str, fields: Mapping[str, str]) -> None:
        await asyncio.sleep(_WAY_S)
        reply = await self._network.post(url, fields)
        self.journal.note("twice" if reply is not None else "in vain")


def _said(document: str) -> str:
    return " ".join(html.unescape(piece) for piece in _SAY.findall(document))
