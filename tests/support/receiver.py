"""A platform to file with: a real HTTP server on a port of this machine that answers as it is told, and keeps what it got."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = b"a secret of thirty-two bytes ...."
SECRET_WRITTEN = "whsec_" + base64.b64encode(SECRET).decode()


@dataclass(frozen=True, slots=True)
class Posted:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_genuine(self) -> bool:
        """Checked as a receiver would: from the headers and the raw body, with nothing of the sender's code."""
        given = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = base64.b64encode(hmac.digest(SECRET, given, hashlib.sha256)).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split(" ")


@dataclass(slots=True)
class Receiver:
    """status, answer, more: what everybody is told from now on. slow: the answer waits until `released`."""

    url: str
    status: int = 200
    answer: bytes = b"taken"
    more: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    posted: list[Posted] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            own.posted.append(Posted(self.path, named, body))
            if own.slow:
                own.released.wait(30)
            self.send_response(own.status)
            for name, value in own.more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(own.answer)))
            self.end_headers()
            self.wfile.write(own.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Nothing: the test says what matters."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Nothing: whoever hangs up early is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Desk)
    own = Receiver(f"http://127.0.0.1:{server.server_address[1]}/filings")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="receiver")
    thread.start()
    try:
        yield own
    finally:
        own.released.set()
        server.shutdown()
        server.server_close()
        thread.join(20)
        assert not thread.is_alive()
