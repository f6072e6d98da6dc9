"""How a command speaks: in the reader's language, and with the reason and the remedy instead of a trace."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DatabaseError, OperationalError

from app.core.errors import YuanpingError
from app.core.i18n import N_, translate

console = Console(highlight=False)
problems = Console(stderr=True, highlight=False)


def language() -> str:
    """Chinese unless the terminal says English and nothing else."""
    chosen = os.environ.get("YUANPING_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "zh"
    return "en" if chosen.startswith("en") else "zh"


UNREADABLE = N_("数据库无法读取：{reason}")
RESTORE = N_("检查数据库地址、权限和磁盘；若文件已损坏，先留存原文件，再从备份恢复")
NO_WAY_IN = N_("无法使用 {path}：{reason}")
LOOK = N_("检查路径、权限和磁盘空间")


def say(text: str, **params: object) -> None:
    console.print(escape(translate(language(), text, **params)), soft_wrap=True)


def complain(text: str, remedy: str, **params: object) -> None:
    problems.print(f"[red]{escape(translate(language(), text, **params))}[/]", soft_wrap=True)
    if remedy:
        problems.print(escape(translate(language(), remedy, **params)), soft_wrap=True)


@contextmanager
def explained() -> Iterator[None]:
    """Ends the command with the reason and what to do next, instead of a trace."""
    try:
        yield
    except YuanpingError as error:
        complain(error.message, error.remedy, **error.params)
        raise typer.Exit(2) from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if type(error) not in {
            DatabaseError,
            OperationalError,
            sqlite3.DatabaseError,
            sqlite3.OperationalError,
        }:
            raise  # the database is well, a statement of ours is not
        complain(UNREADABLE, RESTORE, reason=reason_of(error))
        raise typer.Exit(2) from error
    except OSError as error:
        if error.filename is None:
            raise  # no file to look at: that is for whoever mends the service
        complain(NO_WAY_IN, LOOK, path=error.filename, reason=error.strerror)
        raise typer.Exit(2) from error


def reason_of(error: DatabaseError | sqlite3.DatabaseError) -> str:
    return str(error.orig if isinstance(error, DatabaseError) else error)
