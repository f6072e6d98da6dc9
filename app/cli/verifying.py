"""The command that checks what was kept: files handed out, recordings, and all that a data folder vouches for."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from app.cli.auditing import verify_bundle
from app.cli.saying import (
    LOOK,
    NO_WAY_IN,
    RESTORE,
    UNREADABLE,
    complain,
    console,
    explained,
    language,
    reason_of,
    say,
)
from app.core.database import Database
from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.settings import configured
from expert_draw.engine.shapes import HASH

if TYPE_CHECKING:
    from app.evaluation.proofs import Checked

RECORDING = "recording"
"""May stand before folders of recordings, to say that nothing else is meant."""
AUDIT = "audit"
"""Stands before an export of the audit trail, likewise."""


def verify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="抽取或检查记录、凭条、总账、录像目录或数据目录；录像也可写作 recording 目录"
            " · record, slip, list of draws, room or data folder; a room also as: recording FOLDER;"
            " 留痕导出包写作 audit 文件 · an export of the audit trail as: audit FILE"
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            help="公布的末行哈希（凭条：首行哈希），只用于一个文件 · published hash of the last line (slip: of line 1)",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="公布的系统公钥，或存有它的文件；只用于一个文件或一间评标室的录像"
            " · published public key of the house, or a file that holds it",
        ),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint", help="另处保存的检查点，可多次给出 · checkpoint kept elsewhere; audit only"
        ),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="见证方公钥，可多次给出 · key of a witness; audit only"),
    ] = None,
    tsa_roots: Annotated[
        Path | None, typer.Option("--tsa-roots", help="时间戳服务的根证书 · PEM roots of stamps; audit only")
    ] = None,
) -> None:
    """校验：离线重算抽取记录、逐字节核对录音录像 · run draws again and check every recorded byte, offline."""
    failed = 0
    if paths and len(paths) > 1 and str(paths[0]) == AUDIT:
        with explained():
            held = [
                verify_bundle(path, key, checkpoint or [], witness or [], tsa_roots) for path in paths[1:]
            ]
        raise typer.Exit(0 if all(held) else 1)
    if paths and len(paths) > 1 and str(paths[0]) == RECORDING:
        paths = paths[1:]
    with explained():
        known = _known(paths, head, key)
        for path, address in _to_verify(paths):
            vouched = _vouched(path, address)
            kept = _kept(path, *known)
            results = [*(kept or ()), *(vouched or ())]
            if vouched is None or kept is None:
                failed += 1
            elif not results:
                complain(N_("{path} 下没有可校验的记录"), "", path=path)
                failed += 1
            for checked in results:
                failed += bool(checked.faults)
                _show(checked)
    raise typer.Exit(1 if failed else 0)


def _vouched(path: Path, address: str | None) -> "list[Checked] | None":
    """What the database of a folder has to say; None, and the reason said, when it cannot be read."""
    from app.evaluation import evidence  # noqa: PLC0415 -- the checks are loaded only when something is checked

    try:
        with kept_in(path, address) as session:
            if session is not None:
                return list(evidence.check_house(session, path, language()))
            if evidence.is_house(path):
                say(
                    N_("{path} 没有数据库：只校验现有文件，未核对留痕、记录是否齐全、清单登记值"),
                    path=path,
                )
    except (DatabaseError, sqlite3.DatabaseError) as error:
        complain(UNREADABLE, RESTORE, reason=reason_of(error))
        return None
    except OSError as error:
        complain(NO_WAY_IN, LOOK, path=path, reason=error.strerror)
        return None
    return []


def _show(checked: "Checked") -> None:
    mark = "[red]✗[/]" if checked.faults else "[green]✓[/]"
    line = f"{mark} {checked.kind:<10} {escape(checked.name)}  {escape(checked.detail)}"
    console.print(line, soft_wrap=True)
    if checked.marks:
        console.print(f"    {escape(checked.marks)}", soft_wrap=True)
    for fault in checked.faults:
        console.print(f"    [red]{escape(fault)}[/]", soft_wrap=True)


def _known(paths: list[Path] | None, head: str | None, key: str | None) -> tuple[str | None, str | None]:
    """What was published of the one file that is to be verified."""
    if (head is not None or key is not None) and not _one(paths, room_too=head is None):
        raise InvalidInput(
            "not-one-file",
            N_("--head 和 --key 说的是一个文件，给出的不是一个文件"),
            N_("一次只校验一个文件，或去掉这两个选项"),
        )
    if key is not None and Path(key).is_file():
        key = Path(key).read_text("utf-8", "replace").strip()
    for published in (head, key):
        if published is not None and not HASH.fullmatch(published):
            raise InvalidInput(
                "not-a-hash",
                N_("{value} 不是 64 位小写十六进制数字"),
                N_("从公示页面整段复制"),
                value=published,
            )
    return head, key


def _one(paths: list[Path] | None, *, room_too: bool) -> bool:
    """Whether one file was given, or the recording of one room where that may be."""
    from app.evaluation import evidence  # noqa: PLC0415 -- likewise

    if paths is None or len(paths) != 1:
        return False
    return not paths[0].is_dir() or (room_too and not evidence.is_house(paths[0]))


def _kept(path: Path, head: str | None, key: str | None) -> "list[Checked] | None":
    """What the files say; None, and the reason said, when the path cannot be looked at."""
    from app.evaluation import evidence  # noqa: PLC0415 -- likewise

    try:
        return list(evidence.check_path(path, language(), head, key))
    except FileNotFoundError:
        return []
    except OSError as error:
        complain(NO_WAY_IN, LOOK, path=path, reason=error.strerror)
        return None


def _to_verify(paths: list[Path] | None) -> list[tuple[Path, str | None]]:
    """Each path, with the address of its database where that is not inside: only the configured house has one."""
    if paths:
        return [(path, None) for path in paths]
    chosen = configured()
    return [(chosen.data_dir, chosen.database_url)]


@contextmanager
def kept_in(folder: Path, url: str | None) -> Iterator[Session | None]:
    """A look into the database of a data folder that changes and makes nothing; None when there is none.

    url: where the configured house keeps its database instead of in its folder.
    """
    from app.migrations.runner import require_current  # noqa: PLC0415 -- likewise

    file = folder / "yuanping.db"
    if url is not None:
        address = make_url(url)
        local = address.get_backend_name() == "sqlite" and address.database
        database = Database.read_only(Path(local)) if local else Database(url)
    elif file.exists():
        database = Database.read_only(file)
    else:
        yield None
        return
    try:
        require_current(database)
        with database.reading() as session:
            yield session
    finally:
        database.dispose()
