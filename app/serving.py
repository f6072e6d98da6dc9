"""Runs the service in this process, and the demonstration around it."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from app import wiring
from app.accounts import set_up as first_steps
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.ground import Ground, lay
from app.core.http_server import Server, run_loop, server_for
from app.core.i18n import N_, translate
from app.core.listening import listening
from app.core.locking import alone_in
from app.core.logging import set_up
from app.core.settings import Settings
from app.core.settings_refusals import require_fit_to_serve
from app.main import create_app
from app.sample import personas
from app.sample.loading import load_sample
from app.sample.personas import PersonaLink
from app.web.sse import stop_all
from venue.room.protocol import LONGEST_FRAME


def serve_until_stopped(settings: Settings) -> None:
    """The service as configured; its database is brought to this version first."""
    set_up()
    require_fit_to_serve(settings)
    _warn_of_http(settings)
    with listening(settings.server.host, settings.server.port) as sockets, alone_in(settings.data_dir):
        ground = lay(settings)
        try:
            wiring.raise_up(ground)
            wiring.require_fit(ground)
            _announce_set_up(ground)
            run_loop(_server(create_app(settings, ground), settings).serve(sockets))
        finally:
            ground.database.dispose()


def _warn_of_http(settings: Settings) -> None:
    """A demonstration, or a house that was told to, speaks HTTP to other machines; it says so each time it opens."""
    if settings.server.open_plainly:
        logging.getLogger(__name__).warning(
            "other machines reach this service by plain HTTP at %s: whoever is on the way reads and alters everything",
            settings.server.host,
        )


def _announce_set_up(ground: Ground) -> None:
    """A house without accounts says on its console where the first one is made; no password comes with it."""
    if ground.settings.demo:
        return
    with ground.database.transaction() as session:
        code = first_steps.new_code(session, ground.sealer, ground.clock.now())
    if code is not None:
        logging.getLogger(__name__).warning(
            "no account yet; the first administrator is made once, within a day, at %s/set-up?code=%s",
            ground.settings.public_url,
            code,
        )


def run_demo(settings: Settings, console: Console, language: str) -> None:
    """The sample center, open on localhost; the first time a rehearsal runs live beside it."""
    set_up("WARNING")
    _warn_of_http(settings)
    with listening(settings.server.host, settings.server.port) as sockets, alone_in(settings.data_dir):
        ground = prepare(settings, console, language)
        with ground.database.transaction() as session:
            links = personas.links(session, ground.sealer, ground.clock.now())
            first_time = not audit.happened(session, Tag.evaluation_booked)
        with contextlib.suppress(KeyboardInterrupt):
            run_loop(
                _demonstrating(settings, ground, sockets, console, language, links, first_time=first_time)
            )


def prepare(settings: Settings, console: Console, language: str) -> Ground:
    """The ground of a demonstration: schema, sample centers, sample roster through the real import, personas."""

    def told(text: str, **params: object) -> None:
        console.print(escape(translate(language, text, **params)))

    told(N_("① 数据库：{folder}"), folder=settings.data_dir)
    ground = lay(settings)
    wiring.raise_up(ground)
    told(N_("② 样例中心与专家名册"))
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(translate(language, N_("导入名册")), total=None)
        report = load_sample(
            ground.database,
            ground.clock,
            ground.sealer,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    with ground.database.transaction() as session:
        personas.ensure_accounts(session, ground.clock.now(), report.host_center_id)
    told(N_("   {centers} 个中心，{experts} 名专家"), centers=report.centers, experts=report.roster.rows)
    return ground


async def _demonstrating(
    settings: Settings,
    ground: Ground,
    sockets: list[socket.socket],
    console: Console,
    language: str,
    links: tuple[PersonaLink, ...],
    *,
    first_time: bool,
) -> None:
    server = _server(create_app(settings, ground), settings)
    serving = asyncio.create_task(server.serve(sockets))
    if not await _opens(server, serving):
        return
    _print_links(settings, console, language, links)
    async with contextlib.AsyncExitStack() as stack:
        if first_time:
            console.print(
                escape(translate(language, N_("④ 第一次运行：一场演练正在旁边进行，可在“今日”页面观看")))
            )
            await stack.enter_async_context(_rehearsal(settings.data_dir, settings.public_url))
        await serving


async def _opens(server: Server, serving: "asyncio.Task[None]") -> bool:
    """Waits until the service is open; False when it was stopped before, and raises what ended it."""
    opened = asyncio.create_task(server.opened.wait())
    await asyncio.wait({opened, serving}, return_when=asyncio.FIRST_COMPLETED)
    if not opened.done():
        opened.cancel()
        serving.result()
    return not serving.done()


def _print_links(settings: Settings, console: Console, language: str, links: tuple[PersonaLink, ...]) -> None:
    console.print(
        escape(translate(language, N_("③ 服务已打开：{url}（按 Ctrl+C 停止）"), url=settings.public_url))
    )
    for link in links:
        what = translate(language, link.what)
        console.print(f"   [bold]{escape(translate(language, link.name))}[/] {escape(what)}")
        console.print(f"     {escape(settings.public_url + link.path)}", soft_wrap=True)
    expert = translate(language, N_("专家"))
    hint = translate(language, N_("召集后凭短信中的席位码入席，短信在“模拟电话”页面"))
    console.print(f"   [bold]{escape(expert)}[/] {escape(hint)}")
    console.print(f"     {escape(settings.public_url)}/seat")


def _server(application: FastAPI, settings: Settings) -> Server:
    return server_for(application, settings, LONGEST_FRAME, stop_all)


@contextlib.asynccontextmanager
async def _rehearsal(data_dir: Path, url: str) -> AsyncIterator[None]:
    """A rehearsal against this service in a process of its own, stopped with it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.rehearsal", "--data", str(data_dir), "--url", url
    )
    try:
        yield
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
            logging.getLogger(__name__).info("the rehearsal was stopped with the service")
