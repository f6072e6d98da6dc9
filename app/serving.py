"""Runs the service in this process, and the demonstration around it."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from app import wiring
from app.core.errors import Conflict
from app.core.i18n import N_, translate
from app.core.logging import set_up
from app.core.settings import Settings
from app.evaluation import views
from app.main import create_app
from app.migrations.runner import upgrade
from app.sample import personas
from app.sample.loading import load_sample
from app.sample.personas import PersonaLink
from app.wiring import Ground
from venue.room.protocol import LONGEST_FRAME

_ANSWERS_WITHIN_S = 30.0


def serve_until_stopped(settings: Settings) -> None:
    """The service as configured; its database is brought to this version first."""
    set_up()
    ground = wiring.lay(settings)
    upgrade(ground.database)
    asyncio.run(_serving(settings, ground))


def run_demo(settings: Settings, console: Console, language: str) -> None:
    """The sample center, open on localhost; the first time a rehearsal runs live beside it."""
    set_up("WARNING")
    ground = prepare(settings, console, language)
    with ground.database.transaction() as session:
        links = personas.links(session, ground.sealer, ground.clock.now())
        first_time = not views.anything_booked(session)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_demonstrating(settings, ground, console, language, links, first_time=first_time))


def prepare(settings: Settings, console: Console, language: str) -> Ground:
    """The ground of a demonstration: schema, sample centers, sample roster through the real import, personas."""

    def told(text: str, **params: object) -> None:
        console.print(escape(translate(language, text, **params)))

    told(N_("① 数据库：{folder}"), folder=settings.data_dir)
    ground = wiring.lay(settings)
    upgrade(ground.database)
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
    console: Console,
    language: str,
    links: tuple[PersonaLink, ...],
    *,
    first_time: bool,
) -> None:
    serving = asyncio.create_task(_serving(settings, ground))
    await _until_it_answers(settings.public_url, serving)
    _print_links(settings, console, language, links)
    async with contextlib.AsyncExitStack() as stack:
        if first_time:
            console.print(
                escape(translate(language, N_("④ 第一次运行：一场演练正在旁边进行，可在“今日”页面观看")))
            )
            await stack.enter_async_context(_rehearsal(settings.data_dir, settings.public_url))
        await serving


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


async def _serving(settings: Settings, ground: Ground) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, ground),
            host=settings.server.host,
            port=settings.server.port,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            ws="websockets-sansio",
            ws_max_size=LONGEST_FRAME,
            ws_ping_interval=5,
            ws_ping_timeout=10,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
    )
    await server.serve()
    if not server.started:
        raise Conflict(
            "port-taken",
            N_("端口 {port} 无法打开，可能已被占用"),
            N_("停止占用它的程序，或用 --port 换一个端口"),
            port=settings.server.port,
        )


async def _until_it_answers(url: str, serving: "asyncio.Task[None]") -> None:
    """Returns once the service answers; raises what ended it when it does not come up."""
    async with asyncio.timeout(_ANSWERS_WITHIN_S), httpx2.AsyncClient() as client:
        while True:
            if serving.done():
                serving.result()
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get(f"{url}/health")).is_success:
                    return
            await asyncio.sleep(0.1)


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
