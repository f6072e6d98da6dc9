"""A stolen disk, dump, backup or log tells nobody's name, phone or identity number, however they might be spelled."""

import asyncio
import io
import logging
import sqlite3
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from app.accounts.permissions import Role
from app.core.database import Database
from app.evaluation import committee, conductor
from app.exchange import exports
from app.jobs.worker import Worker
from app.notify import ledger
from app.notify.enclosed import number_of
from app.notify.models import OutgoingMessage
from app.sample.sheets import good_rows
from expert_draw.models import Expert, Invitation
from expert_draw.personal import identity_of, name_of, phone_of
from tests.support.leaks import leaked, spellings
from tests.support.sealed_values import unsealed
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR, booking

AVOIDED = "11010519491231002X"
SURNAMES = "龘靐齉爩麤灪龖厵纞虋讟钃"


def sheet() -> bytes:
    """Twelve people with names nobody has, who live and know what this world asks for."""
    header, *rows = (["" if cell is None else str(cell) for cell in row] for row in good_rows(12))
    at = {name: header.index(name) for name in ("姓名", "专业代码", "行政区域", "联系电话")}
    for number, row in enumerate(rows):
        row[at["姓名"]] = f"{SURNAMES[number]}鱻鸞"
        # Not many zeros: the end of an id and the padded number beside it in the file would look like such a phone.
        row[at["联系电话"]] = str(18_747_291_637 + number * 1_013)
        row[at["专业代码"]], row[at["行政区域"]] = "A08；A06", "530300"
    lines = [",".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
    return "\n".join(lines).encode("utf-8-sig")


def lived(house: WebHouse) -> bytes:
    """Import, refused import, booking, draw, answers, what was sent, an export, a look in clear, errors; gives what staff got."""
    world, keeper = house.world, house.visitor(Role.pool_administrator)
    content = sheet()
    taken = keeper.post("/api/roster/import", files={"sheet": ("r.csv", content)})
    assert taken.status_code == 200, taken.text
    spoilt = keeper.post("/api/roster/import", files={"sheet": ("r.csv", content.replace(b'"1', b'"7'))})
    assert spoilt.status_code == 422
    with world.transaction() as session:
        wanted = booking(world, avoid_persons=(AVOIDED,))
        case = conductor.book(session, world.now(), world.house, OPERATOR, wanted).id
        committee.commit_draw(session, world.now(), world.house, OPERATOR, case)
    with world.transaction() as session:
        committee.run_draw(session, world.now(), world.house, OPERATOR, case)
        for one in session.exec(select(Invitation)).all():
            world.invitees.taken(session, world.now(), one.id)
            world.invitees.answer(session, world.now(), one.id, one.id > "0", "voice")
        messages = session.exec(select(OutgoingMessage)).all()
        ledger.keep_sent(
            session,
            world.now(),
            world.sealer,
            [(one.id, "call", f"To={number_of(world.sealer, one)}".encode()) for one in messages],
        )
    host = house.visitor(Role.host_operator)
    export = host.post(f"/api/evaluations/{case}/exports").json()["id"]
    asyncio.run(_built(house))
    answers = [
        host.get(f"/api/evaluations/{case}/exports/{export}/file"),
        spoilt,
        host.get(f"/evaluations/{case}"),
    ]
    number = next(row[0] for row in list(good_rows(12))[1:])
    keeper.post(
        f"/api/roster/{number}/unmask", json={"fields": ["phone", "identity", "name"], "reason": "核对本人"}
    )
    broken = {"bidders": [], "persons": [AVOIDED, 7]}
    answers.append(host.post(f"/api/evaluations/{case}/bidders", json=broken))
    assert answers[-1].status_code == 422
    return b"\n".join(answer.content for answer in answers)


async def _built(house: WebHouse) -> None:
    world = house.world
    kind = exports.kind(world.database, world.clock, world.sealer, world.settings.exports_dir)
    worker = Worker(world.database, world.clock, [kind])
    await worker.start_due()
    assert await worker.idle(30)


def at_rest(database: Database, folder: Path) -> bytes:
    """Everything a thief of the disk, of a dump or of a backup would have."""
    if database.engine.dialect.name == "sqlite":
        file = folder / "world.db"
        with sqlite3.connect(file) as raw, sqlite3.connect(folder / "backup.db") as backup:
            raw.backup(backup)
            text = "\n".join(raw.iterdump()).encode()
        files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
        return b"\n".join([text, *files])
    kept = io.BytesIO()
    with database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        for table in SQLModel.metadata.sorted_tables:
            with cursor.copy(f'COPY "{table.name}" TO STDOUT') as rows:
                for piece in rows:
                    kept.write(piece)
    return kept.getvalue() + b"".join(
        path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    )


def test_neither_dump_nor_backup_nor_log_tells_who_anybody_is(
    tmp_path: Path, any_database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    sqlite = any_database.engine.dialect.name == "sqlite"
    house = open_web(tmp_path, database=None if sqlite else any_database)
    world = house.world
    monkeypatch.setattr(world.database.engine, "echo", True)  # what a careless operator would switch on
    shown = lived(house)
    monkeypatch.setattr(world.database.engine, "echo", False)
    with world.database.reading() as session:
        people = session.exec(select(Expert)).all()
        drawn = {world.person(one) for one in session.exec(select(Invitation)).all()}
        known = [one for one in people if "鱻" in name_of(world.sealer, one) or one.id in drawn]
        secrets = {AVOIDED}
        for one in known:
            secrets |= {name_of(world.sealer, one), phone_of(world.sealer, one).removeprefix("+86")}
            secrets |= {identity_of(world.sealer, one)} if len(identity_of(world.sealer, one)) > 8 else set()
        assert {column.table for column, _ in unsealed(session, world.sealer)} >= {
            "candidate_batch",
            "draw",
            "expert",
            "invitation",
            "outgoing_message",
            "sent_document",
        }
    assert len(secrets) > 12 * 3
    said = caplog.text
    kept = at_rest(world.database, tmp_path)
    assert len(kept) > 50_000
    assert "INSERT INTO expert" in said
    assert leaked(secrets, kept) == []
    assert leaked(secrets, said.encode()) == []
    assert leaked(secrets, shown) == []
    # The same scan on what does leak.
    with world.transaction() as session:
        session.get_one(Expert, known[0].id).title = name_of(world.sealer, known[0])
    assert leaked(secrets, at_rest(world.database, tmp_path)) != []
    house.close()


@pytest.mark.parametrize("shift", range(3))
def test_a_secret_is_seen_however_it_is_spelled(shift: int) -> None:
    import base64  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415

    for secret in ("龘鱻鸞", "13987654321"):
        padded = b"x" * shift + secret.encode() + b"yz"
        for spelled in (
            padded,
            secret.encode("utf-16-le"),
            base64.b64encode(padded),
            base64.b64encode(b"x" * shift + secret.encode("utf-16-le") + b"yz"),
            padded.hex().encode(),
            quote(secret).encode(),
            secret[::-1].encode(),
        ):
            assert leaked([secret], b"before " + spelled + b" after"), spelled
    assert leaked(["13987654321"], b"13987654320") == []
    assert all(len(one) >= 6 for one in spellings("张三"))
