"""The command line: run the service, rehearse an evaluation, import a roster, verify what was kept."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.accounts import accounts
from app.cli.auditing import audits, witness, witness_key
from app.cli.grounding import DataDir, ground, settings
from app.cli.keys import keys
from app.cli.party import parties
from app.cli.saying import console, explained, language, problems, say
from app.cli.tls import tls, tls_folder
from app.cli.verifying import verify
from app.core.i18n import N_, translate
from app.core.settings import OwnSettings, Settings

main_command = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold names, numbers and keys
    help="远评：远程异地评标与专家随机抽取 · remote evaluation and expert draw",
)
importing = typer.Typer(no_args_is_help=True, help="导入 · import")
sampling = typer.Typer(no_args_is_help=True, help="示范数据 · sample data")
main_command.add_typer(importing, name="import")
main_command.add_typer(sampling, name="sample")
main_command.add_typer(accounts, name="account")
main_command.add_typer(audits, name="audit")
main_command.add_typer(keys, name="key")
main_command.add_typer(parties, name="party")

Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="端口 · TCP port (default: 8000)")]


@main_command.command()
def run(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="示范数据目录 · the demonstration's data folder (default: var/demo)"),
    ] = None,
    port: Port = None,
) -> None:
    """示范：建库、载入样例中心、打开服务；第一次同时演练一场评标 · the sample center, ready to click through."""
    from app.serving import run_demo  # noqa: PLC0415 -- the server is loaded only by the commands that need it

    with explained():
        run_demo(demonstration(data, port), console, language())


@main_command.command()
def serve(
    data: DataDir = None,
    port: Port = None,
    with_tls: Annotated[
        bool,
        typer.Option(
            "--tls", help="用 yuanping tls 生成的证书提供 HTTPS · HTTPS with what `yuanping tls` made"
        ),
    ] = False,
) -> None:
    """打开服务 · run the service as configured."""
    from app.serving import serve_until_stopped  # noqa: PLC0415 -- as above

    with explained():
        chosen = settings(data, port)
        if with_tls and not chosen.server.tls:
            folder = tls_folder(chosen)
            chosen.server.tls_cert, chosen.server.tls_key = folder.server, folder.server_key
        serve_until_stopped(chosen)


@main_command.command()
def worker(
    data: DataDir = None,
    number: Annotated[int, typer.Option("--number", min=0, help="序号 · which of the workers, from 0")] = 0,
) -> None:
    """打开一个音视频进程，通常由服务自动启动 · run one media worker; the service starts its own."""
    from app.media_worker import work_apart  # noqa: PLC0415 -- as above

    with explained():
        work_apart(settings(data, None), number)


@main_command.command()
def migrate(
    data: DataDir = None,
    app_role: Annotated[
        str | None,
        typer.Option(
            "--app-role", help="服务所用的 PostgreSQL 角色，只授予必需的权限 · the service's own role"
        ),
    ] = None,
) -> None:
    """建库或升级数据库结构 · create the database or bring it to this version."""
    from app.core.roles import give_rights  # noqa: PLC0415 -- as above
    from app.wiring import raise_up  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        raise_up(laid)
        if app_role is not None:
            with laid.database.transaction() as session:
                give_rights(session.connection(), app_role)
            say(N_("角色 {role} 可以增加和读取，只有会变化的表可以修改"), role=app_role)
        say(N_("数据库结构已是最新"))


@main_command.command()
def rehearse(
    data: Annotated[
        Path, typer.Option("--data", help="演练数据目录 · folder for the rehearsal's own data")
    ] = Path("var/rehearsal"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0: 任意空闲端口 · any free port")
    ] = 0,
    serve_after: Annotated[
        bool, typer.Option("--serve", help="结束后继续服务，便于回放 · keep serving afterwards")
    ] = False,
) -> None:
    """演练：无人值守走完一场评标，约一分半钟 · a whole evaluation, unattended, in about a minute and a half."""
    from app.rehearsal.stage import rehearse_alone  # noqa: PLC0415 -- as above

    with explained():
        raise typer.Exit(rehearse_alone(data, port, console, language(), serve_after=serve_after))


main_command.command()(verify)
main_command.command()(witness)
main_command.command("witness-key")(witness_key)
main_command.command()(tls)


@importing.command("roster")
def import_roster(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="xlsx / csv")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只检查，不写入 · check only, write nothing")
    ] = False,
    data: DataDir = None,
) -> None:
    """导入专家名册：要么全部导入，要么一行也不导入 · all rows or none."""
    from rich.progress import Progress  # noqa: PLC0415 -- as above

    from app.wiring import raise_up  # noqa: PLC0415 -- as above
    from expert_draw.roster import import_sheet  # noqa: PLC0415 -- as above
    from expert_draw.roster_report import print_report  # noqa: PLC0415 -- as above
    from expert_draw.spreadsheet import read_sheet  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        raise_up(laid)
        cells = read_sheet(file)
        with Progress(console=problems, transient=True) as bar:
            task = bar.add_task(translate(language(), N_("导入 {file}"), file=file.name), total=None)
            with laid.database.transaction() as session:
                report = import_sheet(
                    session,
                    laid.sealer,
                    laid.clock.now(),
                    cells,
                    actor="command-line",
                    dry_run=dry_run,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        print_report(console, report, language())
    raise typer.Exit(1 if report.errors else 0)


@sampling.command("write")
def write_sample(folder: Annotated[Path, typer.Argument(help="目标目录 · folder")]) -> None:
    """写出样例名册：一份正确，一份故意有错 · one good and one deliberately dirty roster."""
    from app.sample.sheets import write_samples  # noqa: PLC0415 -- as above

    with explained():
        for path in write_samples(folder):
            console.print(escape(str(path)))


@main_command.command("receipt-addresses")
def receipt_addresses(data: DataDir = None) -> None:
    """列出须在阿里云登记的回执地址，请保密 · the secret addresses to register at Aliyun."""
    from app.notify.aliyun_callbacks import addresses  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        for address in addresses(laid.settings.public_url, laid.sealer).values():
            console.print(escape(address), soft_wrap=True)


def demonstration(data: Path | None, port: int | None) -> Settings:
    """The demonstration's settings: a folder of its own, never the configured database, provider or key."""
    given = settings(None, port)
    return OwnSettings(
        data_dir=data or given.data_dir / "demo",
        demo=True,
        default_language=given.default_language,
        server=given.server,
        invitation=given.invitation,
        rehearsal=given.rehearsal,
        media=given.media,
        recording=given.recording,
        limits=given.limits,
        accounts=given.accounts,
    )


def main() -> None:
    os.umask(0o077)  # whatever a command writes is for the service's own user alone
    main_command()
