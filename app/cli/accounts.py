"""Accounts of staff from the command line, for whoever may run commands on the machine."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.accounts.permissions import Role
from app.cli.grounding import DataDir, ground, settings
from app.cli.saying import console, explained, language, say
from app.core.i18n import N_, translate

accounts = typer.Typer(no_args_is_help=True, help="工作人员账号 · staff accounts")
Login = Annotated[str, typer.Argument()]


@accounts.command("add")
def add(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="显示名 · name shown")],
    role: Annotated[Role, typer.Option("--role")],
    password: Annotated[
        str, typer.Option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
    ],
    center: Annotated[str | None, typer.Option("--center", help="中心代码 · code of the center")] = None,
    data: DataDir = None,
) -> None:
    """新增工作人员账号 · create a member of staff."""
    from app.accounts import staff  # noqa: PLC0415 -- the database is loaded only by the commands that need it
    from app.wiring import raise_up  # noqa: PLC0415 -- as above
    from venue import service as venues  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        raise_up(laid)
        with laid.database.transaction() as session:
            center_id = venues.center_by_code(session, center).id if center else None
            staff.create_account(
                session,
                laid.clock.now(),
                login=login,
                name=name,
                role=role,
                password=password,
                center_id=center_id,
            )
        say(N_("已创建账号 {login}"), login=login)


@accounts.command("list")
def show(data: DataDir = None) -> None:
    """列出账号 · list the accounts."""
    from app.accounts import listing  # noqa: PLC0415 -- as above
    from app.web.words import label  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        table = Table(box=None)
        for title in (N_("登录名"), N_("岗位"), N_("状态"), N_("最近使用")):
            table.add_column(escape(translate(language(), title)))
        page = pages = 1
        while page <= pages:
            with laid.database.reading() as session:
                found = listing.listing(session, page=page)
            for one in found.members:
                seen = one.seen_at.isoformat(timespec="minutes") if one.seen_at else "—"
                cells = (one.login, translate(language(), label(one.role)), one.state, seen)
                table.add_row(*(escape(cell) for cell in cells))
            page, pages = page + 1, found.pages
        console.print(table)


@accounts.command("disable")
def disable(login: Login, data: DataDir = None) -> None:
    """停用账号，其登录立即结束 · nobody gets in by it any more, and whoever is in is out."""
    from app.accounts import staff  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            staff.disable(session, laid.clock.now(), account_id=account_id, actor_id=staff.COMMAND_LINE)
        say(N_("已停用账号 {login}"), login=login)


@accounts.command("enable")
def enable(login: Login, data: DataDir = None) -> None:
    """启用账号 · let it in again."""
    from app.accounts import staff  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            staff.enable(session, laid.clock.now(), account_id=account_id, actor_id=staff.COMMAND_LINE)
        say(N_("已启用账号 {login}"), login=login)


@accounts.command("role")
def change_role(
    login: Login,
    role: Annotated[Role, typer.Argument(help="岗位 · role")],
    reason: Annotated[str, typer.Option("--reason", help="理由，会留痕 · why; it is kept")],
    data: DataDir = None,
) -> None:
    """更改岗位，其登录立即结束 · change what it may do; its sessions end."""
    from app.accounts import staff  # noqa: PLC0415 -- as above
    from app.accounts.access import Actor  # noqa: PLC0415 -- as above

    whoever = Actor("command-line", Role.administrator, "")
    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            staff.change_role(
                session, laid.clock.now(), account_id=account_id, role=role, reason=reason, actor=whoever
            )
        say(N_("已更改账号 {login} 的岗位"), login=login)


@accounts.command("link")
def link(login: Login, data: DataDir = None) -> None:
    """一次性链接，供本人设置密码 · a one-use link by which its holder chooses a password."""
    from app.accounts import staff  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            made = staff.invite_again(
                session,
                laid.sealer,
                laid.clock.now(),
                account_id=account_id,
                actor_id=staff.COMMAND_LINE,
            )
        console.print(escape(f"{laid.settings.public_url}/welcome/{made.secret}"), soft_wrap=True)


@accounts.command("reset-factor")
def reset_factor(
    login: Login,
    reason: Annotated[str, typer.Option("--reason", help="理由，会留痕 · why; it is kept")],
    data: DataDir = None,
) -> None:
    """重置验证器，下次登录时重新设置 · take the second factor away; a new one is set up at the next sign-in."""
    from app.accounts import staff  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            staff.reset_factor(
                session,
                laid.clock.now(),
                account_id=account_id,
                reason=reason,
                actor_id=staff.COMMAND_LINE,
            )
        say(N_("已重置账号 {login} 的验证器"), login=login)


@accounts.command("sign-out")
def sign_out(login: Login, data: DataDir = None) -> None:
    """结束该账号的全部登录 · end all its sessions."""
    from app.accounts import staff  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        with laid.database.transaction() as session:
            account_id = staff.by_login(session, login).id
            ended = staff.end_sessions(
                session, laid.clock.now(), account_id=account_id, actor_id=staff.COMMAND_LINE
            )
        say(N_("已结束 {count} 个登录"), count=ended)
