"""Janus as a receiving end of the media bench: a native engine whose video room writes what comes to disk, unmuxed."""

import asyncio
import json
import resource
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_ROOM = 1234
_PLUGINS = Path("/usr/lib")
_CORE = """
general: {{ configs_folder = "{folder}", plugins_folder = "{lib}/plugins", transports_folder = "{lib}/transports",
  events_folder = "{folder}", loggers_folder = "{folder}", log_to_stdout = true, debug_level = 3 }}
nat: {{ ice_enforce_list = "lo", ignore_unreachable_ice_server = true }}
media: {{ ipv6 = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }}
"""
_SOCKETS = 'general: {{ ws = true, ws_port = {port}, ws_interface = "lo", wss = false }}\n'
_VIDEO_ROOM = 'room-{room}: {{ publishers = 200, bitrate = 1500000, record = true, rec_dir = "{folder}", notify_joining = false }}\n'


def is_installed() -> bool:
    """Whether this machine has Janus; nothing here installs it."""
    return shutil.which("janus") is not None and _library() is not None


def _library() -> Path | None:
    return next(
        (path.parent.parent for path in _PLUGINS.glob("*/janus/plugins/libjanus_videoroom.so*")), None
    )


class Janus:
    """One Janus of its own under this process, so that its processor time is counted with the children's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._sockets: list[ClientConnection] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._port = 0

    async def answer(self, seat: int, sdp: str) -> str:
        """A publisher of the room: its offer is answered with all candidates."""
        if self._process is None:
            await self._start()
        talk = await _Talk.begin(self._port)
        self._sockets.append(talk.socket)
        await talk.ask({"request": "join", "room": _ROOM, "ptype": "publisher", "id": seat})
        told = await talk.ask({"request": "publish"}, {"type": "offer", "sdp": sdp})
        self._keepers.append(asyncio.create_task(talk.keep()))
        return str(told["jsep"]["sdp"])

    def figures(self) -> dict[str, float]:
        """Processor seconds of Janus alone."""
        assert self._process is not None
        ticks = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return {"cpu_s": (int(ticks[11]) + int(ticks[12])) / 100, "own_cpu_s": _own_seconds()}

    async def close(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        for one in self._sockets:
            await one.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    async def _start(self) -> None:
        library = _library()
        assert library is not None, "there is no Janus here"
        self._port = _free_port()
        others = [path.name for path in (library / "plugins").glob("*.so") if "videoroom" not in path.name]
        for name, text in (
            ("janus.jcfg", _CORE.format(folder=self._folder, lib=library, plugins=",".join(others))),
            ("janus.transport.websockets.jcfg", _SOCKETS.format(port=self._port)),
            ("janus.plugin.videoroom.jcfg", _VIDEO_ROOM.format(room=_ROOM, folder=self._folder)),
        ):
            (self._folder / name).write_text(text)
        with (self._folder / "janus.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "janus", "-F", str(self._folder), stdout=log, stderr=log
            )
        async with asyncio.timeout(20):
            while not await _opens(self._port):
                assert self._process.returncode is None, (self._folder / "janus.log").read_text()[-2000:]
                await asyncio.sleep(0.1)


class _Talk:
    """One session of Janus's signalling."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._session = self._handle = 0
        self._count = 0

    @classmethod
    async def begin(cls, port: int) -> "_Talk":
        talk = cls(await connect(f"ws://127.0.0.1:{port}", subprotocols=[Subprotocol("janus-protocol")]))
        talk._session = (await talk._send({"janus": "create"}))["data"]["id"]
        talk._handle = (await talk._send({"janus": "attach", "plugin": "janus.plugin.videoroom"}))["data"][
            "id"
        ]
        return talk

    async def ask(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, Any]:
        """Asks the room something; gives the event that answers it."""
        return await self._send(
            {"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})}, "event"
        )

    async def keep(self) -> None:
        """Janus ends sessions that say nothing for a minute."""
        while True:
            await asyncio.sleep(25)
            await self._send({"janus": "keepalive"}, "ack")

    async def _send(self, message: dict[str, Any], until: str = "success") -> dict[str, Any]:
        self._count += 1
        number = f"bench-{self._count}"
        ids = {"session_id": self._session} if self._session else {}
        ids |= {"handle_id": self._handle} if self._handle and message["janus"] == "message" else {}
        await self.socket.send(json.dumps({**message, **ids, "transaction": number}))
        while True:
            told: dict[str, Any] = json.loads(await self.socket.recv())
            if told.get("janus") == "error":
                raise RuntimeError(f"Janus refuses: {told}")
            if told.get("transaction") == number and told["janus"] == until:
                return told


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _opens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
