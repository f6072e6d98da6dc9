"""Keys on the command line: a new one, what each still holds, and retiring one that holds nothing."""

from typing import Annotated

import typer
from rich.table import Table

from app.cli.grounding import DataDir, ground, settings
from app.cli.saying import console, explained, language, say
from app.core.i18n import N_, translate

keys = typer.Typer(no_args_is_help=True, help="字段密钥 · the keys that personal fields are sealed under")


@keys.command("list")
def list_keys(data: DataDir = None) -> None:
    """每把密钥还封存着多少个值 · what each key still holds."""
    from app.core import rotation  # noqa: PLC0415 -- the tables are loaded only by the commands that need them
    from app.migrations.runner import require_current  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data)) as laid:
        require_current(laid.database)
        table = Table(box=None)
        for heading in (N_("密钥"), N_("状态"), N_("值的个数"), N_("所在")):
            table.add_column(translate(language(), heading))
        with laid.database.reading() as session:
            for one in rotation.states(session, laid.sealer):
                state = N_("已停用") if one.retired_at else N_("用于封存") if one.newest else N_("只用于打开")
                where = ", ".join(
                    f"{held.column.table}.{held.column.column} {held.suite} {held.count}"
                    for held in one.holds
                )
                table.add_row(str(one.number), translate(language(), state), str(one.count), where)
        console.print(table, soft_wrap=True)


@keys.command("rotate")
def rotate_keys(data: DataDir = None) -> None:
    """启用一把新密钥，并由后台作业把旧值重新封存 · seals everything under a new key from now on."""
    from app.exchange import resealing  # noqa: PLC0415 -- as above
    from app.migrations.runner import require_current  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data)) as laid:
        require_current(laid.database)
        with laid.database.transaction() as session:
            number = resealing.rotate(session, laid.clock.now(), laid.sealer, "command-line")
        say(
            N_("密钥 {number} 已启用，位于 {path}；请立即连同数据库一起备份。服务会在后台把旧值重新封存"),
            number=number,
            path=laid.settings.keys_dir / f"{number}.key",
        )


@keys.command("retire")
def retire_key(
    number: Annotated[int, typer.Argument(min=0, help="密钥编号 · number of the key")], data: DataDir = None
) -> None:
    """停用一把不再封存任何值的旧密钥 · takes a key that holds nothing out of use."""
    from app.exchange import resealing  # noqa: PLC0415 -- as above
    from app.migrations.runner import require_current  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data)) as laid:
        require_current(laid.database)
        with laid.database.transaction() as session:
            resealing.retire(session, laid.clock.now(), laid.sealer, number, "command-line")
        put_away = laid.sealer.ring.put_away(number)
        say(N_("密钥 {number} 已停用"), number=number)
        if put_away is not None:
            say(
                N_("文件改名为 {path}；只要还留有更早的数据库备份，就不要销毁它"),
                path=put_away,
            )
