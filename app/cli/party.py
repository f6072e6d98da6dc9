"""The small offline tool of a party that keeps its share of a draw on its own computer."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from app.cli.saying import console, explained, say
from app.core.errors import Conflict
from app.core.i18n import N_
from expert_draw.engine.randomness import Suite
from expert_draw.statements import OwnShare, Statement

parties = typer.Typer(
    no_args_is_help=True, help="参与方离线工具：份额只在自己手里 · a party's own share, offline"
)
PartyName = Literal["center", "supervisor", "tenderee"]
Share = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="本方密钥文件 · own secret file")]
Record = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, help="从本方页面下载的抽取记录 · record so far (.jsonl)"),
]


@parties.command()
def new(
    file: Annotated[Path, typer.Argument(help="要写出的密钥文件 · file to write")],
    party: Annotated[PartyName, typer.Option(help="本方 · which party: center, supervisor or tenderee")],
    suite: Annotated[
        Suite, typer.Option(help="抽取页面所示的算法 · as the page of the draw says")
    ] = "sha256",
) -> None:
    """生成本方的密钥和承诺，把输出的一行粘贴到本方页面 · makes secrets and prints the promise to paste."""
    with explained():
        share = OwnShare.new(party, suite)
        try:
            _write(file, share)
        except FileExistsError as error:
            raise Conflict(
                "share-exists",
                N_("{path} 已经存在，没有改动"),
                N_("每次抽取用一个新文件名；旧文件在抽取结束前不要删除"),
                path=file,
            ) from error
        say(N_("密钥已写入 {path}，只有您能读取；抽取结束前请妥善保管。把下一行粘贴到本方页面："), path=file)
        _print(share.promise())


@parties.command()
def agree(share: Share, record: Record) -> None:
    """核对首行后同意承诺 · checks line 1 and agrees."""
    with explained():
        _sign(share, record, OwnShare.agree)


@parties.command()
def approve(share: Share, record: Record) -> None:
    """监督人员接受预警 · the supervisor accepts the warnings."""
    with explained():
        _sign(share, record, OwnShare.approve)


@parties.command()
def reveal(share: Share, record: Record) -> None:
    """核对全部记录后揭示本轮份额 · checks the whole record and reveals this round's share."""
    with explained():
        _sign(share, record, OwnShare.reveal)


def _sign(file: Path, record: Path, step: Callable[[OwnShare, bytes], Statement]) -> None:
    """Signs, and remembers the record signed: another one, told later for the same lines, is refused."""
    share = OwnShare.read(file.read_text(encoding="utf-8", errors="replace"))
    text = record.read_bytes()
    said = step(share, text)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    _write(part, share.having_seen(text))
    part.replace(file)
    _print(said)


def _write(file: Path, share: OwnShare) -> None:
    """For the eyes of its owner alone; FileExistsError rather than over another file."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(share.text)


def _print(statement: Statement) -> None:
    console.print(escape(statement.text), soft_wrap=True)
