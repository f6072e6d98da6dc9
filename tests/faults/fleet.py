"""Processes that are started, killed with SIGKILL and started again: nodes of the service, and the provider beside them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from app.core.listening import free_port
from app.core.settings_calls import InvitationSettings
from tests.faults.chance import Faults, Ways

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "soak-token"
KEY = "5a" * 32
_STARTS_WITHIN_S = 90
_LOOK_S = 0.05
T = TypeVar("T")
Program = Callable[[Path, int], Sequence[str]]
"""The arguments of a node's Python, given its folder and port."""


def until(happens: Callable[[], T], *, within_s: float, what: str, every_s: float = _LOOK_S) -> T:
    """What `happens` gives once it gives something true; TimeoutError names what was waited for."""
    ends = time.monotonic() + within_s
    while not (found := happens()):
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        time.sleep(every_s)
    return found


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: none of our own settings, and modules compiled once instead of at every start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YUANPING_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONFAULTHANDLER"] = "1"  # a crash of the interpreter leaves its trace in the log
    return {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "pycache"), "PYTHONPATH": str(ROOT), **own}


@dataclass(slots=True)
class Process:
    """A program that answers at `url` once it runs; its output goes to `log`."""

    arguments: Sequence[str]
    url: str
    answers_at: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    running: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    def begin(self) -> None:
        """Starts it, and does not wait."""
        self.started_s = time.monotonic()
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                [sys.executable, *self.arguments],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env=environment(self.environment),
            )

    def wait_until_up(self) -> float:
        """Returns the seconds since its start once it answers; RuntimeError with its log when it ends instead."""
        until(self.up, within_s=_STARTS_WITHIN_S, what=f"{self.arguments} answers; its log: {self.log}")
        return time.monotonic() - self.started_s

    def up(self) -> bool:
        status = None if self.running is None else self.running.poll()
        if self.running is None or status is not None:
            said = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.arguments} ended by itself with {status}; its log ends with:\n{said}")
        try:
            return httpx2.get(f"{self.url}{self.answers_at}", timeout=5).is_success
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """As `kill -9` does."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None

    def stop(self) -> None:
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(15)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = None


def cpu_s(process: Process) -> float:
    """Seconds of processor time it has used so far, all its threads; read from /proc, so on Linux only."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def whole_service(folder: Path, port: int) -> tuple[str, ...]:
    """The service as anybody runs it."""
    return ("-m", "app", "serve", "--data", str(folder), "--port", str(port))


def phones_alone(_folder: Path, _port: int) -> tuple[str, ...]:
    """The service reduced to its phones, see `node`."""
    return ("-m", "tests.faults.node")


@dataclass(frozen=True, slots=True)
class Timers:
    """The waiting of people and of the service, shortened: seconds, and how many sends a second."""

    window_s: int = 12
    ring_s: int = 2
    sms_after_s: int = 1
    second_call_after_s: int = 3
    grace_s: float = 2
    send_timeout_s: float = 2
    per_second: float = 80

    def invitation(self) -> InvitationSettings:
        """For what the harness does beside the nodes."""
        return InvitationSettings(
            reply_window_s=self.window_s,
            ring_s=self.ring_s,
            sms_after_s=self.sms_after_s,
            second_call_after_s=self.second_call_after_s,
            lead_s=0,
        )

    def settings(self) -> dict[str, str]:
        """As the service reads them from its environment."""
        invitation = {
            name.upper(): value for name, value in self.invitation().model_dump(exclude_unset=True).items()
        }
        notify = {
            "CALLS_PER_SECOND": self.per_second,
            "TEXTS_PER_SECOND": self.per_second,
            "QUIET_HOURS": "",
            "SEND_TIMEOUT_S": self.send_timeout_s,
            "UNKNOWN_GRACE_S": self.grace_s,
        }
        return {
            **{f"YUANPING_INVITATION__{name}": str(value) for name, value in invitation.items()},
            **{f"YUANPING_REHEARSAL__{name}": str(value) for name, value in invitation.items()},
            **{f"YUANPING_NOTIFY__{name}": str(value) for name, value in notify.items()},
        }


@dataclass(slots=True)
class Fleet:
    """A provider and its nodes. The provider's address is the public one of the service, too: see `provider`."""

    folder: Path
    provider: Process
    nodes: list[Process]

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def start(self) -> None:
        self.provider.begin()
        self.provider.wait_until_up()
        for node in self.nodes:
            node.begin()
        for node in self.nodes:
            node.wait_until_up()

    def state(self) -> dict[str, Any]:
        """`busy` and `counts` of the provider."""
        found: dict[str, Any] = (
            httpx2.get(f"{self.provider.url}/soak/state", timeout=30).raise_for_status().json()
        )
        return found

    def stop(self) -> None:
        for process in (*self.nodes, self.provider):
            process.stop()


def node_settings(
    folder: Path, public_url: str, database_url: str, port: int, timers: Timers
) -> dict[str, str]:
    """The environment of one node."""
    return {
        "YUANPING_DATA_DIR": str(folder),
        "YUANPING_DEMO": "true",
        "YUANPING_DATABASE_URL": database_url,
        "YUANPING_SECRET_KEY": KEY,
        "YUANPING_SERVER__PORT": str(port),
        "YUANPING_SERVER__PUBLIC_URL": public_url,
        "YUANPING_NOTIFY__AUTH_TOKEN": TOKEN,
        "YUANPING_MEDIA__WORKERS": "0",
        **timers.settings(),
    }


@contextmanager
def fleet(
    folder: Path,
    database_url: str,
    *,
    nodes: int,
    timers: Timers,
    seed: int,
    faults: Faults,
    ways: Ways,
    program: Program,
    extra: Mapping[str, str] | None = None,
    reports: bool = True,
) -> Iterator[Fleet]:
    """A fleet, not started yet; stopped at the end, whatever happened. reports: whether the provider tells how far calls and texts have come."""
    port = free_port()
    public_url = f"http://127.0.0.1:{port}"
    made = []
    for number in range(nodes):
        own, at = folder / f"node-{number}", free_port()
        own.mkdir()
        made.append(
            Process(
                arguments=program(own, at),
                url=f"http://127.0.0.1:{at}",
                answers_at="/health",
                log=folder / f"node-{number}.log",
                environment={
                    **node_settings(own, public_url, database_url, at, timers),
                    **(extra or {}),
                },
            )
        )
    plan = {"faults": _fields(faults), "ways": _fields(ways)}
    arguments = ["-m", "tests.faults.provider", "--port", str(port), "--token", TOKEN, "--seed", str(seed)]
    arguments += ["--journal", str(folder / "journal.jsonl"), "--plan", json.dumps(plan)]
    arguments += [] if reports else ["--silent"]
    for node in made:
        arguments += ["--node", node.url]
    provider = Process(arguments, public_url, "/soak/state", folder / "provider.log")
    assembled = Fleet(folder, provider, made)
    try:
        yield assembled
    finally:
        assembled.stop()


def _fields(plan: Faults | Ways) -> dict[str, float]:
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}
