"""Starts one PostgreSQL, and takes it and its folder away again as soon as whoever asked for it is gone, however it went.

A program of its own, without anything but the standard library. It reads what it shall do from its arguments, says on
its output where the server listens, and then waits for the end of its input: a pipe ends with the process at its
other side, even where that one was killed. Until then it stops the server and starts it again when a line asks for it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

NOBODY = 65534
"""As whom the server runs where we are root, which PostgreSQL refuses to be."""
PATIENCE_S = 60
_SETTINGS = {
    # fsync and synchronous_commit stay as they are: what is acknowledged is on disk, as in a real house.
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "timezone": "Asia/Shanghai",  # a server need not live in UTC
    "unix_socket_permissions": "0700",
}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--installed", type=Path, required=True, help="the folder with bin, lib and share")
    asked.add_argument("--copy", action="store_true", help="run a copy: the folder may be closed to nobody")
    chosen = asked.parse_args()
    signal.signal(signal.SIGTERM, _stopped)
    folder = Path(tempfile.mkdtemp(prefix="yuanping-pg-"))
    try:
        _keep(folder, chosen.installed, copy=chosen.copy)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again or not, the folder goes first
        shutil.rmtree(folder)


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)


def _keep(folder: Path, installed: Path, *, copy: bool) -> None:
    if copy:
        shutil.copytree(
            installed, folder / "program" / installed.name, ignore=shutil.ignore_patterns("include", "doc")
        )
        beside = installed.parent.with_name(f"{installed.parent.name}.libs")
        if beside.is_dir():  # where a wheel keeps the libraries of its programs
            shutil.copytree(beside, folder / beside.name)
        installed = folder / "program" / installed.name
    data = folder / "data"
    data.mkdir(mode=0o700)
    who = _as_nobody()
    if who:
        for path in (folder, data):
            os.chown(path, NOBODY, NOBODY)
    programs = installed / "bin"
    # Bytes sort as bytes, as on SQLite; nobody but us reaches the socket, so nobody is asked for a password.
    _run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        folder,
        who,
    )
    settings = {**_SETTINGS, "unix_socket_directories": str(folder)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command: list[Path | str] = [programs / "postgres", "-D", data, *options]
    server = _start(command, folder, who)
    try:
        _say({"socket": str(folder), "pid": server.pid})
        for asked in sys.stdin:
            if asked == "stop\n":
                server.send_signal(signal.SIGINT)  # in good order, whoever is connected
                server.wait()
            elif asked == "start\n":
                server = _start(command, folder, who)
            _say({"done": asked.strip()})
    finally:
        _stop(server)


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _start(command: list[Path | str], folder: Path, who: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Returns when the server takes connections; one that does not is taken away."""
    log = folder / "server.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, **who
        )
    try:
        _wait_until_open(folder, folder / "data", server, log)
    except BaseException:
        _stop(server)
        raise
    return server


def _as_nobody() -> dict[str, Any]:
    """What makes a program run without rights; nothing where we have none ourselves."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}


def _run(command: list[Path | str], folder: Path, who: dict[str, Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, **who)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _wait_until_open(folder: Path, data: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """The server writes `ready` into its lock file when it takes connections; there is nothing else to wait on."""
    said = data / "postmaster.pid"
    for _ in range(PATIENCE_S * 100):
        if said.exists() and said.read_text().strip().endswith("ready"):
            return
        try:
            server.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    raise SystemExit(f"PostgreSQL in {folder} does not open:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """At once, without bringing its files in order: they are thrown away."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.send_signal(signal.SIGQUIT)
    server.wait()


if __name__ == "__main__":
    main()
