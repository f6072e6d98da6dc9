"""Accounts of staff from the command line, for whoever may run commands on the machine."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.accounts.permissions import Role
from app.cli.grounding import DataDir, ground, settings
from app.cli.saying import console, explained, language, say
from app.core.i18n import N_, translate

if TYPE_CHECKING:
    from app.accounts.staff_acts import Outcome, Wish
    from app.core.ground import Ground

accounts = typer.Typer(no_args_is_help=True, help="工作人员账号 · staff accounts")
Login = Annotated[str, typer.Argument()]
Reason = Annotated[str, typer.Option("--reason", help="理由，会留痕 · why; it is kept")]


@accounts.command("add")
def add(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="显示名 · name shown")],
    role: Annotated[Role, typer.Option("--role")],
    password: Annotated[
        str, typer.Option("--password", help="不给则询问 · asked for if not given", show_default=False)
    ] = "",
    center: Annotated[str | None, typer.Option("--center", help="中心代码 · code of the center")] = None,
    reason: Reason = "",
    data: DataDir = None,
) -> None:
    """新增工作人员账号 · create a member of staff.

    第一个账号立即生效；此后除招标代理机构和网格员外须另一人确认，本人凭链接设置密码。
    The first account is made at once; later ones of all roles but agency and grid officer wait for another person.
    """
    from app.accounts import staff, staff_acts  # noqa: PLC0415 -- the database is loaded only by the commands that need it
    from app.wiring import raise_up  # noqa: PLC0415 -- as above
    from venue import service as venues  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        raise_up(laid)
        with laid.database.transaction() as session:
            center_id = venues.center_by_code(session, center).id if center else None
            first = not staff.any_account(session)
        if role in staff_acts.GUARDED and not first:
            detail = {"name": name.strip(), "role": str(role), "center_id": center_id or ""}
            wish = staff_acts.Wish(staff_acts.StaffActKind.invitation, login.strip(), detail=detail)
            _request(laid, wish, reason)
            return
        if not password:
            password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        with laid.database.transaction() as session:
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
def enable(login: Login, reason: Reason = "", data: DataDir = None) -> None:
    """启用账号 · let it in again."""
    with explained(), ground(settings(data, None)) as laid:
        if _request(laid, _wish(laid, "enable", login), reason):
            say(N_("已启用账号 {login}"), login=login)


@accounts.command("role")
def change_role(
    login: Login,
    role: Annotated[Role, typer.Argument(help="岗位 · role")],
    reason: Reason,
    data: DataDir = None,
) -> None:
    """更改岗位，其登录立即结束 · change what it may do; its sessions end."""
    with explained(), ground(settings(data, None)) as laid:
        if _request(laid, _wish(laid, "role_change", login, role=str(role)), reason):
            say(N_("已更改账号 {login} 的岗位"), login=login)


@accounts.command("link")
def link(login: Login, reason: Reason = "", data: DataDir = None) -> None:
    """一次性链接，供本人设置密码 · a one-use link by which its holder chooses a password."""
    with explained(), ground(settings(data, None)) as laid:
        _request(laid, _wish(laid, "welcome_link", login), reason)


@accounts.command("reset-factor")
def reset_factor(
    login: Login,
    reason: Reason,
    data: DataDir = None,
) -> None:
    """重置验证器，下次登录时重新设置 · take the second factor away; a new one is set up at the next sign-in."""
    with explained(), ground(settings(data, None)) as laid:
        if _request(laid, _wish(laid, "factor_reset", login), reason):
            say(N_("已重置账号 {login} 的验证器"), login=login)


@accounts.command("confirm")
def confirm(login: Login, data: DataDir = None) -> None:
    """确认该登录名待确认的事项，仅在没有其他人可以确认时 · confirm what waits about this login, only while nobody else can."""
    from app.accounts import staff_acts  # noqa: PLC0415 -- as above

    with explained(), ground(settings(data, None)) as laid:
        now = laid.clock.now()
        with laid.database.transaction() as session:
            acts = staff_acts.waiting_for(session, now, login)
            done = [staff_acts.confirm_on_the_machine(session, laid.sealer, now, act_id) for act_id in acts]
        for one in done:
            _hand_over(laid, one)
        say(N_("已确认 {count} 项，账号 {login}"), count=len(done), login=login)


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


def _wish(laid: "Ground", kind: str, login: str, **detail: str) -> "Wish":
    from app.accounts import staff, staff_acts  # noqa: PLC0415 -- as above

    with laid.database.reading() as session:
        account_id = staff.by_login(session, login).id
    return staff_acts.Wish(staff_acts.StaffActKind(kind), login, account_id, detail)


def _request(laid: "Ground", wish: "Wish", reason: str) -> bool:
    """Does it, or asks for it where it takes two persons; whether it is done."""
    from app.accounts import staff, staff_acts  # noqa: PLC0415 -- as above

    with laid.database.transaction() as session:
        came = staff_acts.request(
            session, laid.sealer, laid.clock.now(), wish, reason=reason, actor_id=staff.COMMAND_LINE
        )
    if came.act_id:
        say(
            N_(
                "已提出，须由另一位系统管理员或监督人员登录后确认；还没有这样的人时用 yuanping account confirm {login}"
            ),
            login=wish.login,
        )
        if came.code:
            say(N_("开通码 {code}，只显示这一次：亲自告诉账号本人，与链接一起用"), code=came.code)
    else:
        _hand_over(laid, came)
    return not came.act_id


def _hand_over(laid: "Ground", came: "Outcome") -> None:
    if came.invitation is not None:
        address = f"{laid.settings.public_url.rstrip('/')}/welcome/{came.invitation.secret}"
        console.print(escape(address), soft_wrap=True)
