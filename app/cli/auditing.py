"""The commands of the audit log: hand acts out, check what was handed out, and be a witness to somebody else's log."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from app.cli.grounding import DataDir, ground, settings
from app.cli.saying import LOOK, NO_WAY_IN, complain, console, explained, language, say
from app.core.clock import SystemClock
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_, translate

if TYPE_CHECKING:
    from app.audit.bundle_check import Verdict
    from app.audit.log_check import Fault
    from app.audit.signed_note import Verifier

audits = typer.Typer(no_args_is_help=True, help="留痕日志 · audit log")


@audits.command()
def export(
    target: Annotated[Path, typer.Argument(help="要写出的文件 · file to write (.zip)")],
    case: Annotated[str, typer.Option(help="案卷：评标编号或 house · case")] = "",
    tag: Annotated[str, typer.Option(help="事项 · kind, as draw:round:drawn")] = "",
    actor: Annotated[str, typer.Option(help="经手人 · who did it")] = "",
    subject: Annotated[str, typer.Option(help="对象 · what it was done to")] = "",
    text: Annotated[str, typer.Option(help="内容中的文字 · words in what was recorded")] = "",
    since: Annotated[datetime | None, typer.Option(help="起（UTC）· from, in UTC")] = None,
    until: Annotated[datetime | None, typer.Option(help="止（UTC，不含）· up to, in UTC")] = None,
    comparable: Annotated[
        int | None, typer.Option(help="须能比对的检查点的条数 · size of a checkpoint kept elsewhere")
    ] = None,
    data: DataDir = None,
) -> None:
    """导出留痕，附全部证明 · hand out acts with all that is needed to check them."""
    from app.audit import bundle  # noqa: PLC0415 -- loaded only by the commands that need it
    from app.audit.browsing import Chosen  # noqa: PLC0415 -- likewise
    from app.audit.house_log import open_log  # noqa: PLC0415 -- likewise

    chosen = Chosen(case, tag, actor, subject, text, _in_utc(since), _in_utc(until))
    with explained(), ground(settings(data, None)) as laid:
        log = open_log(laid.settings.audit, laid.database, laid.clock, laid.sealer)
        log.sequencer.advance(at_once=True)
        with laid.database.reading() as session:
            count = bundle.write(session, target, log.key, log.proofs, chosen, comparable)
        say(N_("已导出 {count} 条留痕到 {path}"), count=count, path=target)


@audits.command("key")
def print_key(data: DataDir = None) -> None:
    """本系统检查点的公钥，请另行公布 · the public key of checkpoints, to be published elsewhere."""
    from app.audit.house_log import signer_of  # noqa: PLC0415 -- likewise

    with explained(), ground(settings(data, None)) as laid:
        console.print(escape(signer_of(laid.settings.audit, laid.sealer).verifier.to_text()), soft_wrap=True)


@audits.command("checkpoint")
def print_checkpoint(data: DataDir = None) -> None:
    """最新检查点，请保存到别处 · the newest checkpoint, to be kept elsewhere."""
    from app.audit import log_rows  # noqa: PLC0415 -- likewise
    from app.audit.house_log import open_log  # noqa: PLC0415 -- likewise

    with explained(), ground(settings(data, None)) as laid:
        open_log(laid.settings.audit, laid.database, laid.clock, laid.sealer).sequencer.advance(at_once=True)
        with laid.database.reading() as session:
            row = log_rows.last_checkpoint(session)
            if row is None:
                raise NotFound("checkpoint", N_("没有这个检查点"), N_("等待约十秒后再试"))
            typer.echo(log_rows.note_of(session, row), nl=False)


def verify_bundle(
    path: Path, key: str | None, checkpoints: list[Path], witnesses: list[str], roots: Path | None
) -> bool:
    """Checks a bundle and tells what was found; False when anything does not hold."""
    from app.audit.bundle_check import NoBundle, check  # noqa: PLC0415 -- likewise

    try:
        verdict = check(
            path,
            None if key is None else _key(key),
            [one.read_bytes() for one in checkpoints],
            [_key(one) for one in witnesses],
        )
        _check_stamps(verdict, roots)
    except NoBundle as error:
        complain(N_("{path} 不是完整的留痕导出包：{reason}"), "", path=path, reason=error)
        return False
    except OSError as error:
        complain(NO_WAY_IN, LOOK, path=error.filename or path, reason=error.strerror)
        return False
    _show(path, verdict)
    return not verdict.count


def _show(path: Path, verdict: "Verdict") -> None:
    mark = "[red]✗[/]" if verdict.count else "[green]✓[/]"
    console.print(f"{mark} audit      {escape(path.name)}  {verdict.acts} / {verdict.size}", soft_wrap=True)
    _tell(N_("公钥 {key}"), key=verdict.key.to_text())
    _tell(N_("根哈希 {root}"), root=verdict.root)
    if verdict.kind == "part":
        _tell(N_("这是筛选后的导出：所列各条都在日志中；没有列出哪些，只有完整导出能证明"))
    if not verdict.given:
        _tell(N_("公钥取自导出包本身：请与另行公布的公钥核对，或用 --key 给出"))
    for size in verdict.compared:
        _tell(N_("与另存的检查点一致：{size} 条"), size=size)
    for name in verdict.witnesses:
        _tell(N_("见证签名有效：{name}"), name=name)
    for fault in verdict.faults:
        console.print(f"    [red]{escape(said_of(fault))}[/]", soft_wrap=True)
    if verdict.count > len(verdict.faults):
        _tell(N_("另有 {count} 处"), count=verdict.count - len(verdict.faults))


def _tell(text: str, **params: object) -> None:
    console.print(f"    {escape(translate(language(), text, **params))}", soft_wrap=True)


def said_of(fault: "Fault") -> str:
    """Whose act it is, where in the log, and what is amiss."""
    where = f"{fault.case}#{fault.n}" if fault.case else ""
    if fault.size:
        span = translate(
            language(), N_("第 {first} 条之后至第 {size} 条"), first=fault.first, size=fault.size
        )
        where = f"{span} ({where})" if where else span
    elif fault.position is not None:
        place = translate(language(), N_("日志第 {position} 位"), position=fault.position)
        where = f"{where} ({place})" if where else place
    return " ".join(word for word in (where, translate(language(), fault.reason), fault.detail) if word)


def _check_stamps(verdict: "Verdict", roots: Path | None) -> None:
    if not verdict.stamps:
        return
    from app.audit import stamps  # noqa: PLC0415 -- likewise

    try:
        stamps.require_library()
    except InvalidInput:
        say(N_("没有安装时间戳组件，导出包中的 {count} 个时间戳未校验"), count=len(verdict.stamps))
        return
    for size, response in sorted(verdict.stamps.items()):
        try:
            at = stamps.moment_of(response, verdict.texts.get(size, b""), roots)
        except stamps.StampRefused as error:
            verdict.fault("stamp", N_("时间戳不成立"), size=size, detail=str(error))
        else:
            _tell(N_("时间戳：{size} 条，{at}"), size=size, at=at.isoformat())


def witness(
    url: Annotated[str, typer.Argument(help="对方系统的地址 · address of the house, as https://host")],
    key: Annotated[str, typer.Option("--key", help="对方公布的公钥 · the house's published key")],
    state: Annotated[Path, typer.Option("--state", help="自己保存检查点的文件 · where to keep checkpoints")],
    sign: Annotated[
        Path | None, typer.Option("--sign", help="见证密钥文件，用于联署 · own key, to cosign with")
    ] = None,
) -> None:
    """见证：获取并核对对方的检查点，可联署 · fetch, check and keep a house's checkpoint, and cosign it."""
    from app.audit.signed_note import NoteMalformed, Signer  # noqa: PLC0415 -- likewise
    from app.audit.witnessing import Refused  # noqa: PLC0415 -- likewise
    from app.cli import witness_round  # noqa: PLC0415 -- likewise

    with explained():
        signer = None
        if sign is not None:
            try:
                signer = Signer.parse(sign.read_text("utf-8", "replace"))
            except NoteMalformed as error:
                raise InvalidInput(
                    "witness-key-file",
                    N_("{path} 不是见证密钥"),
                    N_("用 yuanping witness-key 生成"),
                    path=sign,
                ) from error
        try:
            with witness_round.client() as asked:
                told, names = witness_round.make(asked, url, _key(key), state, signer, SystemClock().now())
        except Refused as error:
            complain(
                error.reason,
                N_("保全 {path} 和 {path}.refused：两份检查点都有对方签名，本身就是证据"),
                first=error.first,
                last=error.last,
                path=state,
            )
            console.print(error.code)
            raise typer.Exit(1) from error
        say(N_("检查点一致：{size} 条，已保存到 {path}"), size=told.size, path=state)
        for name in names:
            say(N_("已联署：{name}"), name=name)


def witness_key(
    file: Annotated[Path, typer.Argument(help="要写出的密钥文件 · file to write")],
    name: Annotated[str, typer.Option("--name", help="见证方名称 · name of the witness, as center.example")],
) -> None:
    """生成见证密钥，输出公钥 · make a witness's key and print the public one."""
    from app.audit.signed_note import COSIGNATURE, NoteMalformed, Signer, private_text  # noqa: PLC0415

    with explained():
        text = private_text(name, secrets.token_bytes(32), COSIGNATURE)
        try:
            verifier = Signer.parse(text).verifier
        except NoteMalformed as error:
            raise InvalidInput(
                "witness-name", N_("名称不能为空，也不能含空格或加号"), N_("例如 kunming.example"), name=name
            ) from error
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
                written.write(text + "\n")
        except FileExistsError as error:
            raise Conflict(
                "key-exists", N_("{path} 已经存在，没有改动"), N_("换一个文件名"), path=file
            ) from error
        console.print(escape(verifier.to_text()), soft_wrap=True)


def _key(text: str) -> "Verifier":
    """A public key, or the file that holds it."""
    from app.audit.signed_note import NoteMalformed, Verifier  # noqa: PLC0415 -- likewise

    given = Path(text).read_text("utf-8", "replace") if Path(text).is_file() else text
    try:
        return Verifier.parse(given)
    except NoteMalformed as error:
        raise InvalidInput(
            "not-a-key",
            N_("{value} 不是检查点的公钥"),
            N_("从公示页面或 /api/audit/key 整段复制，形如 名称+编号+公钥"),
            value=text,
        ) from error


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
