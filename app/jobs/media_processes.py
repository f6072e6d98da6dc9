"""Starts the media workers of this service, watches them and starts them again (媒体进程).

The service opens each worker's port and hands it down, so that a worker that is started again is reached where the former
was. A worker ends by itself when the service has gone.
"""

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.database import Database
from app.core.ids import new_id
from app.core.listening import free_port, listening
from app.core.settings import Settings
from app.jobs.given import Given
from venue.placement import addresses, leases
from venue.placement.patience import Patience

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_RAN_WELL_S = 60.0
_STOP_WITHIN_S = 25.0
_LOOK_EVERY_S, _LOOK_PATIENCE_S = 2.0, 2.0
SILENT_S = 15.0
"""A worker whose loop has not answered for so long records nothing any more: it is killed and started again."""
UP_WITHIN_S = 120.0
"""One that has never answered is given so long to come up, on the slowest machine."""


@dataclass(slots=True)
class _Post:
    """A worker's place: its number, port and address, whoever fills it. worker_id: of the process there now."""

    number: int
    sockets: Sequence[socket.socket]
    url: str
    worker_id: str = ""
    process: asyncio.subprocess.Process | None = None


class MediaProcesses:
    """As many workers as the settings say. `urls`: where they are reached, as in `MediaWorker.url`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        command: Callable[[], Sequence[str]] = lambda: (sys.executable, "-m", "app.media_worker"),
        silent_s: float = SILENT_S,
        up_within_s: float = UP_WITHIN_S,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._command = command
        self._silent_s = silent_s
        self._up_within_s = up_within_s
        self._rows = Patience(2, 5.0)
        self._posts: list[_Post] = []
        self._stopping = False

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(post.url for post in self._posts)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MediaProcesses"]:
        """Keeps the workers running; at the end all are stopped in good order. Conflict when a port is taken."""
        async with AsyncExitStack() as stack:
            for number in range(self._settings.media_workers):
                sockets = stack.enter_context(self._port(number))
                port = sockets[0].getsockname()[1]
                url = addresses.worker_url(self._settings.media.worker_address, number, port)
                self._posts.append(_Post(number, sockets, url))
            keeping = [asyncio.create_task(self._keep(post)) for post in self._posts]
            try:
                yield self
            finally:
                self._stopping = True
                await asyncio.gather(*(self._stop(post) for post in self._posts), return_exceptions=True)
                for task in keeping:
                    task.cancel()
                await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep(self, post: _Post) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping:
            began_ns = self._clock.monotonic_ns()
            try:
                code = await self._run(post)
            except OSError:
                logger.exception("media worker %d could not be started", post.number)
                code = None
            if self._stopping:
                return
            lasted_s = (self._clock.monotonic_ns() - began_ns) / 1e9
            pause_s = _FIRST_PAUSE_S if lasted_s > _RAN_WELL_S else pause_s
            logger.error(
                "media worker %d ended with %s after %.1f s and is started again", post.number, code, lasted_s
            )
            await self._bury(post.worker_id)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _run(self, post: _Post) -> int:
        """Runs one process to its end; returns its exit code."""
        post.worker_id = new_id(self._clock.now())
        files = [one.fileno() for one in post.sockets]
        process = post.process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=files,
            start_new_session=True,  # a key pressed in the terminal stops the service, which stops us in good order
        )
        watching = asyncio.create_task(self._watch(post, process))
        try:
            if process.stdin is not None:  # stays open: its end tells the worker that the service has gone
                process.stdin.write(Given.of(self._settings, post.worker_id, post.url, files).line())
            return await process.wait()
        finally:
            watching.cancel()
            post.process = None
            if process.returncode is None:
                process.kill()

    async def _watch(self, post: _Post, process: asyncio.subprocess.Process) -> None:
        """Kills a process whose loop stands still. Whether the database answers it is not asked: it records without."""
        heard_ns, patience_s = self._clock.monotonic_ns(), self._up_within_s
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now_ns = self._clock.monotonic_ns()
            if await _answers(post.sockets[0].getsockname(), tls=self._settings.server.tls):
                heard_ns, patience_s = now_ns, self._silent_s
            elif now_ns - heard_ns > patience_s * 1e9:
                logger.error("media worker %d has not answered for %.0f s", post.number, patience_s)
                process.kill()
                return

    async def _stop(self, post: _Post) -> None:
        process = post.process
        if process is None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            logger.error("media worker %d did not stop in time", post.number)  # noqa: TRY400 -- the trace tells nothing
            process.kill()

    async def _bury(self, worker_id: str) -> None:
        """The process has ended, so its rooms may be taken at once. Without the database their leases run out by themselves."""
        try:
            await self._rows(self._bury_now, worker_id)
        except Exception:
            logger.exception("the leases of media worker %s run out by themselves", worker_id)

    def _bury_now(self, worker_id: str) -> None:
        with self._database.transaction() as session:
            leases.bury(session, worker_id)

    @contextmanager
    def _port(self, number: int) -> Iterator[Sequence[socket.socket]]:
        host, first = self._settings.server.host, self._settings.media.worker_port
        with listening(host, first + number if first else free_port()) as sockets:
            yield sockets


async def _answers(address: tuple[str, int], *, tls: bool = False) -> bool:
    """Whether the loop behind a port of ours answers; under TLS its name is not asked for, as the port is our own."""
    host = _HERE.get(address[0], address[0])
    try:
        async with asyncio.timeout(_LOOK_PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, address[1], ssl=_unnamed() if tls else None)
            try:
                writer.write(b"GET /livez HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            finally:
                writer.close()
    except (OSError, TimeoutError):  # also what is no TLS
        return False


def _unnamed() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- who listens everywhere is reached here
