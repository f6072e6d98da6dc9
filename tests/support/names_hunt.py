"""Looks for who was drawn, before it may be known: in every answer to everybody, in the log, the rows and their copy."""

import asyncio
import html
import io
import json
import logging
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import quote, unquote

from sqlmodel import SQLModel, select

from app.accounts.permissions import Role, may
from app.core.database import Database
from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME
from expert_draw.models import DrawSlot, Expert, Invitation
from recordings.models import RoomRecording
from tests.support.evaluations import Case
from tests.support.hostile import Door, Knock, ask, doors
from tests.support.web import WebHouse, open_web

_NO_ID = "00000000-0000-7000-8000-000000000000"
_NOISE = (b"", b"{}", b"reason=%E6%A0%B8%E5%AF%B9%E5%90%8D%E5%8D%95", '{"reason": "核对名单"}'.encode())
_ASIDE = ("/api/simulator", "/health", "/rules", "/sim/", "/simulator", "/static/", "/verify")
"""Doors behind which there is nobody but pretend phones, and what is the same for everybody."""
_FORM, _JSON = b"application/x-www-form-urlencoded", b"application/json"


@dataclass(slots=True)
class Hunt:
    """A house with one evaluation, and what was found of its people so far. answers: how many were looked through."""

    web: WebHouse
    case: Case
    runner: asyncio.Runner
    answers: int = 0
    found: list[str] = field(default_factory=list)

    def secrets(self) -> tuple[str, ...]:
        """What gives away those who are asked now: name, phone, identity number, number and id in the roster."""
        world = self.web.world
        with world.database.reading() as session:
            people = [
                world.expert(one)
                for one in session.exec(
                    select(Invitation).where(Invitation.draw_id == self.case.row.draw_id)
                ).all()
            ]
        own = [(name_of(one), phone_of(one), identity_of(one), one.number, one.id) for one in people]
        return tuple(sorted({secret for each in own for secret in each}))

    def look_everywhere(self, label: str, *, whole: bool = True, only: Collection[str] = ()) -> None:
        """Every door as everybody, with the ids that exist, and what might change something with nonsense.

        whole=False: reading only, and only doors that the role may open, so that it takes seconds. only: as these alone.
        """
        secrets = self.secrets()
        for actor, cookie in self._cookies().items():
            if only and actor not in only:
                continue
            for door, knock in self._knocks(acts=whole):
                if not whole and not _lets_in(door, actor):
                    continue
                headers = (*knock.headers, (b"cookie", cookie.encode())) if cookie else knock.headers
                told = self.runner.run(ask(self.web.application, knock, headers))
                self.answers += 1
                text = f"{told.headers}\n{told.body.decode('utf-8', 'replace')}"
                self.found += [
                    f"{label}: {door.method} {door.path} tells {actor}" for _ in hits(text, secrets)
                ]

    def look_at_rest(self, label: str, log: str) -> None:
        """The rows as a thief would read them, a copy of them, and what was logged."""
        secrets = [one for one in self.secrets() if not _is_reference(one)]
        for where, text in (("rows", rows_of(self.web.world.database)), ("log", log)):
            self.found += [f"{label}: {where} hold {one}" for one in hits(text, secrets)]
        url = self.web.world.database.engine.url
        if url.get_backend_name() == "sqlite":
            copy = self.web.settings.data_dir / "backup.db"
            with sqlite3.connect(str(url.database)) as source, sqlite3.connect(copy) as target:
                source.backup(target)
            stored = copy.read_bytes() + b"".join(one.read_bytes() for one in copy.parent.glob("*.db*"))
            for one, encoding in product(secrets, ("utf-8", "utf-16-le", "gb18030")):
                if one.encode(encoding) in stored:
                    self.found.append(f"{label}: the file holds {one} as {encoding}")

    def _cookies(self) -> dict[str, str]:
        """Everybody who may be signed in before the experts are, and nobody."""
        cookies = {"nobody": ""}
        for role in sorted(set(Role) - {Role.expert}):
            jar = self.web.visitor(role).cookies
            cookies[role.value] = "; ".join(f"{name}={value}" for name, value in jar.items())
        return cookies

    def _knocks(self, *, acts: bool) -> Iterator[tuple[Door, Knock]]:
        for door in doors(self.web.application):
            if door.method != "GET" and not acts:
                continue
            for path in self._paths(door):
                if door.method == "GET":
                    yield door, Knock("GET", path)
                    continue
                for body in _NOISE:
                    kind = _JSON if body.startswith(b"{") else _FORM
                    yield door, Knock(door.method, path, ((b"content-type", kind),), body)

    def _paths(self, door: Door) -> Iterator[str]:
        """The path with what exists in place of its parameters."""
        with self.web.world.database.reading() as session:
            known: dict[str, Sequence[str]] = {
                "evaluation_id": (self.case.id,),
                "room_id": tuple(session.exec(select(RoomRecording.room_id)).all()) or (_NO_ID,),
                "number": (self.case.draw.number,),
                "seat_no": tuple(str(one) for one in session.exec(select(DrawSlot.seat_no)).all()[:1]),
                "center_id": (self.web.world.host_id,),
                "party": ("center",),
                "pack": ("cn_tender",),
            }
        names = [part.strip("{}").partition(":")[0] for part in door.path.split("/") if part.startswith("{")]
        for values in product(*(known.get(name, (_NO_ID,)) for name in names)):
            path = door.path
            for name, value in zip(names, values, strict=True):
                path = path.replace(f"{{{name}}}", quote(value)).replace(f"{{{name}:path}}", quote(value))
            yield path


@contextmanager
def hunting(folder: Path, database: Database | None = None) -> Iterator[Hunt]:
    """A house whose experts have names that stand nowhere else, with one evaluation that is booked."""
    web = open_web(folder, database=database)
    try:
        _rename(web)
        with asyncio.Runner() as runner:
            yield Hunt(web, Case(web.world), runner)
    finally:
        web.close()


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, of every kind, with the traces of errors."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


def hits(text: str, secrets: Iterable[str]) -> list[str]:
    """Those that stand in the text, also as JSON, HTML or an address spells them."""
    spelled = (text, html.unescape(text), unquote(text))
    return [one for one in secrets if any(one in read or _escaped(one) in read for read in spelled)]


def rows_of(database: Database) -> str:
    """Every value of every row as text."""
    with database.engine.connect() as connection:
        found = [
            "\t".join(map(str, row))
            for table in SQLModel.metadata.sorted_tables
            for row in connection.execute(table.select()).all()
        ]
    return "\n".join(found)


def name_of(expert: Expert) -> str:
    return f"欧阳绝密{int(expert.number):04d}"


def identity_of(expert: Expert) -> str:
    return f"53010119750101{int(expert.number):04d}"


def phone_of(expert: Expert) -> str:
    return f"13900{int(expert.number):06d}"


def _rename(web: WebHouse) -> None:
    sealer = web.world.sealer
    with web.world.transaction() as session:
        for one in session.exec(select(Expert)).all():
            one.name_sealed = sealer.seal(name_of(one), EXPERT_NAME.at(one.id))
            one.identity_sealed = sealer.seal(identity_of(one), EXPERT_IDENTITY.at(one.id))


def _lets_in(door: Door, actor: str) -> bool:
    """Whether the door is open to the role by its permission; public ones count for nobody."""
    if door.permission is None:
        return actor == "nobody" and not door.path.startswith(_ASIDE)
    return actor != "nobody" and may(Role(actor), door.permission) and not door.path.startswith(_ASIDE)


def _is_reference(secret: str) -> bool:
    """Whether it is the id or the number of somebody on the roster, where every expert stands, drawn or not."""
    return len(secret) in {17, 36}


def _escaped(secret: str) -> str:
    return json.dumps(secret)[1:-1]
