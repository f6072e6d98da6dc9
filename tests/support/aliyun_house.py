"""A phone room whose carrier is the stand-in for Aliyun: the official client, real signatures, real pushes, over real HTTP."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from pydantic import SecretStr

from app.core.settings import OwnSettings
from app.core.settings_calls import AliyunSettings, NotifySettings, Provider
from app.core.settings_doors import ServerSettings
from app.notify import aliyun_callbacks, wording
from app.notify.aliyun_callbacks import Kind, addresses
from app.notify.aliyun_requests import obligatory
from app.notify.wording import TemplateId
from app.web.sse import stop_all
from tests.support.aliyun_wire import KEY_ID, SECRET, SHOW_NUMBER, SIGN_NAME, AliyunWire, Call, Text
from tests.support.phones import WORDS, PhoneHouse

REPLIES = ("zh:accepted", "zh:sms_not_understood", "zh:lapsed")
CODES = {
    name: f"{'SMS' if 'sms' in name else 'TTS'}_{700 + place}"
    for place, name in enumerate((*obligatory("zh"), *REPLIES))
}
BLANKS = {code: wording.needed(TemplateId(name.partition(":")[2])) for name, code in CODES.items()}
_DEADLINE_S = 20


class AliyunHouse(PhoneHouse):
    """The service reduced to its phones, with the stand-in beside it."""

    def __init__(self, folder: Path, public_url: str, wire_url: str, **changes: Any) -> None:
        super().__init__(folder, public_url)
        account = AliyunSettings(
            access_key_id=KEY_ID,
            access_key_secret=SecretStr(SECRET),
            sms_endpoint=wire_url,
            voice_endpoint=wire_url,
            sign_name=SIGN_NAME,
            called_show_number=SHOW_NUMBER,
            templates=CODES,
        )
        self.settings = OwnSettings(
            data_dir=folder,
            secret_key="5a" * 32,
            server=ServerSettings(public_url=public_url),
            notify=NotifySettings(
                provider=Provider.aliyun,
                hotline=WORDS["hotline"],
                quiet_hours="",
                **{"send_timeout_s": 10, "aliyun": account, **changes},
            ),
        )
        self.wire = AliyunWire(self.clock, BLANKS)
        self.application = self._application(pages=False)
        self.application.include_router(aliyun_callbacks.router)

    @property
    def text(self) -> Text:
        """The text that Aliyun took last."""
        return self.wire.texts[-1]

    @property
    def call(self) -> Call:
        return self.wire.calls[-1]

    def pushes(self, kind: Kind, *items: Any, status: int = 200) -> httpx2.Response:
        """Posts receipts as Aliyun does, to the address that was registered."""
        with httpx2.Client() as client:
            answer = client.post(addresses(self.url, self.sealer)[kind], json=list(items))
        assert answer.status_code == status, answer.text
        return answer


@contextmanager
def aliyun_house(folder: Path, **changes: Any) -> Iterator[AliyunHouse]:
    """The house and the stand-in, each on a free port of this machine."""
    with socket.socket() as door, socket.socket() as beside:
        for one in (door, beside):
            one.bind(("127.0.0.1", 0))
            one.listen()  # whoever comes before the server has started waits in the queue
        urls = [f"http://127.0.0.1:{one.getsockname()[1]}" for one in (door, beside)]
        house = AliyunHouse(folder, *urls, **changes)
        servers = [
            uvicorn.Server(uvicorn.Config(house.application, log_level="critical", lifespan="on", ws="none")),
            uvicorn.Server(uvicorn.Config(house.wire, log_level="critical", lifespan="off", ws="none")),
        ]
        threads = [
            threading.Thread(target=server.run, args=([one],))
            for server, one in zip(servers, (door, beside), strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            assert house.opened.wait(_DEADLINE_S), "the phone house did not open"
            yield house
        finally:
            stop_all()
            for server in servers:
                server.should_exit = True
            for thread in threads:
                thread.join(_DEADLINE_S)
            house.database.dispose()


def ended(seen: Sequence[tuple[str, ...]], subject: str) -> list[tuple[str, ...]]:
    """How the steps of an invitation have ended, as the listener was told."""
    return [one[2:] for one in seen if one[0] == "ended" and one[1] == subject]
