"""A provider of calls and texts in a process of its own, that fails by plan: python -m tests.faults.provider --help.

It speaks the part of Twilio's REST that the service uses, shares no code with the service and its simulator, and keeps
what it takes in memory and in a journal. The service reaches it at its own address, and it stands at that address for
the service, too: reports are signed for it and go to the nodes in turn.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from tests.faults.chance import TAKES, Chance, Fate, Faults, Ways
from tests.faults.network import Network
from tests.faults.telephony import Journal, Record, Telephony

ACCOUNT = "AC" + "0" * 32
_ROOT = f"/sim/2010-04-01/Accounts/{ACCOUNT}"
_SILENCE_S = 30.0
_STATUS = {Fate.unavailable: 503, Fate.too_many: 429, Fate.broken_taken: 500}
_CODE = {429: 20429, 500: 20500, 503: 20503, 404: 20404}
_TELEPHONY = web.AppKey("telephony", Telephony)


def resource(record: Record) -> dict[str, Any]:
    """A call or a text as Twilio writes it; an outgoing text that was not to be kept has no body."""
    common: dict[str, Any] = {
        "sid": record.sid,
        "account_sid": ACCOUNT,
        "to": record.to,
        "status": record.status,
    }
    common |= {"date_created": record.created, "date_updated": record.created, "direction": "outbound-api"}
    if record.channel == "sms":
        common |= {"body": record.body, "date_sent": record.created, "error_code": None}
    return common


def refusal(status: int) -> web.Response:
    code = _CODE[status]
    body = {
        "code": code,
        "message": "refused by plan",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
    }
    return web.json_response({**body, "status": status}, status=status)


async def create(request: web.Request) -> web.StreamResponse:
    """A call or a text is asked for."""
    telephony, voice = request.app[_TELEPHONY], request.path.endswith("/Calls.json")
    form = await request.post()
    journal = telephony.journal
    n = journal.counts["create"]
    fate = telephony.chance.fate(n)
    if fate not in TAKES:
        journal.note("create", n=n, fate=fate.value)
        if fate is Fate.dropped:
            return _broken(request)
        return refusal(_STATUS[fate])
    kept = form.get("ContentRetention") != "discard"
    record = telephony.take(
        "voice" if voice else "sms",
        str(form["To"]),
        str(form.get("StatusCallback", "")),
        events=[str(event) for event in form.getall("StatusCallbackEvent", [])],
        urls=[str(form[name]) for name in ("Url", "FallbackUrl") if name in form],
        body=str(form["Body"]) if not voice and kept else None,
    )
    journal.note("create", n=n, fate=fate.value, sid=record.sid, message=record.message_id, to=record.to)
    if fate is Fate.answered:
        return web.json_response(resource(record), status=201)
    if fate is Fate.broken_taken:
        return refusal(_STATUS[fate])
    if fate is Fate.silent_taken:
        await asyncio.sleep(_SILENCE_S)
    return _broken(request)


def _broken(request: web.Request) -> web.StreamResponse:
    """No reply: the connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # nobody is there to read it


async def listing(request: web.Request) -> web.Response:
    """What went to one number, newest first."""
    telephony, voice = request.app[_TELEPHONY], request.path.endswith("/Calls.json")
    telephony.journal.note("look-up")
    size = int(request.query.get("PageSize", "50"))
    found = telephony.listed("voice" if voice else "sms", request.query["To"])[:size]
    page = {"page": 0, "page_size": size, "next_page_uri": None, "uri": request.path_qs}
    return web.json_response({"calls" if voice else "messages": [resource(one) for one in found], **page})


async def fetch(request: web.Request) -> web.Response:
    telephony = request.app[_TELEPHONY]
    telephony.journal.note("look-up")
    record = telephony.records.get(request.match_info["sid"])
    return refusal(404) if record is None else web.json_response(resource(record))


async def state(request: web.Request) -> web.Response:
    """How busy the phones are, and counts of what happened: for whoever runs the soak."""
    telephony = request.app[_TELEPHONY]
    return web.json_response({"busy": telephony.busy, "counts": telephony.journal.counts})


async def serve(given: argparse.Namespace, journal: Journal) -> None:
    """Until SIGTERM or SIGINT."""
    plan = json.loads(given.plan)
    chance = Chance(given.seed, Faults(**plan.get("faults", {})), Ways(**plan.get("ways", {})))
    public = f"http://127.0.0.1:{given.port}"
    network = Network(public, given.node, given.token)
    telephony = Telephony(chance, journal, network, public, reports=not given.silent)
    runner = web.AppRunner(_routes(telephony), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port).start()
    ended = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    await ended.wait()
    await telephony.close()
    await network.close()
    await runner.cleanup()


def _routes(telephony: Telephony) -> web.Application:
    application = web.Application()
    application[_TELEPHONY] = telephony
    for kind in ("Calls", "Messages"):
        application.router.add_post(f"{_ROOT}/{kind}.json", create)
        application.router.add_get(f"{_ROOT}/{kind}.json", listing)
        application.router.add_get(f"{_ROOT}/{kind}/{{sid}}.json", fetch)
    application.router.add_get("/soak/state", state)
    return application


def main(arguments: list[str]) -> None:
    asked = argparse.ArgumentParser(
        prog="provider", description="A provider of calls and texts that fails by plan."
    )
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--node", action="append", required=True, help="origin of a node, several in turn")
    asked.add_argument("--token", required=True, help="signs what is posted")
    asked.add_argument("--journal", required=True)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--silent", action="store_true", help="no status reports: documents and keys only")
    asked.add_argument("--plan", default="{}", help='{"faults": {…}, "ways": {…}}, see tests.faults.chance')
    given = asked.parse_args(arguments)
    with (
        Path(given.journal).open("a", encoding="utf-8") as file,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(given, Journal(file)))


if __name__ == "__main__":
    main(sys.argv[1:])
