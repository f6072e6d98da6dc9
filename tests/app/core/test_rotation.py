"""Rotation: everything is sealed anew under the newest key, whoever is killed or writes meanwhile."""

import base64
import hmac
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import col, select, update

from app.core import rotation
from app.core.database import Database
from app.core.errors import Conflict, NotFound, Unavailable
from app.core.keyring import KeyRing
from app.core.models import FieldKey
from app.core.sealed_columns import DOCUMENT_BODY, ERASED, EXPERT_NAME, EXPERT_PHONE, PARTY_KEY
from app.core.sealing import FieldSuite, IndexSuite, Sealer, own_keys
from app.notify.models import SentDocument
from expert_draw.models import DrawParty, Expert
from tests.support.world import START

MASTER = bytes(range(32))
EXPERTS = [f"e{number}" for number in range(7)]
OLD = AESGCM(hmac.digest(MASTER, b"yuanping/field", sha256))


def sealer_at(folder: Path, suite: FieldSuite = FieldSuite.aes) -> Sealer:
    return Sealer(MASTER, KeyRing(own_keys(MASTER, IndexSuite.sha256), folder / "keys"), suite)


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return sealer_at(tmp_path)


def sealed_before(text: str) -> str:
    return base64.b64encode(bytes(12) + OLD.encrypt(bytes(12), text.encode(), None)).decode()


def fill(database: Database, sealer: Sealer) -> None:
    """Seven experts, half of them sealed by an earlier version; a list under a key of two columns; what never changes."""
    with database.transaction() as session:
        for number, id_ in enumerate(EXPERTS):
            old = number % 2 == 0
            session.add(
                Expert(
                    id=id_,
                    number=id_,
                    name_sealed=sealed_before(f"专家{number}")
                    if old
                    else sealer.seal(f"专家{number}", EXPERT_NAME.at(id_)),
                    gender="1",
                    identity_sealed=sealed_before(f"{number}"),
                    identity_fingerprint=f"{number}",
                    birth_year=1975,
                    region_code="530600",
                    phone_sealed=sealer.seal(f"+861390000000{number}", EXPERT_PHONE.at(id_)),
                    phone_fingerprint=f"{number}",
                    employer="单位",
                    employer_code="91530600MA00000001",
                    title="高级工程师",
                    years_in_field=20,
                    entered_at=START,
                    imported_at=START,
                    revision=0,
                )
            )
        session.add(
            DrawParty(
                evaluation_id="v1",
                party="center",
                held="kept",
                key="",
                anchor="",
                key_sealed=sealer.seal("k", PARTY_KEY.at("v1", "center")),
                prepared_at=START,
            )
        )
        session.add(
            SentDocument(
                id="d1",
                message_id="m",
                kind="call",
                at=START,
                sha256="",
                body_sealed=sealer.seal("b", DOCUMENT_BODY.at("d1")),
            )
        )


def names(database: Database, sealer: Sealer) -> list[str]:
    with database.reading() as session:
        rows = session.exec(select(Expert).order_by(col(Expert.id))).all()
    return [sealer.unseal(row.name_sealed, EXPERT_NAME.at(row.id)) for row in rows]


def numbers_of(database: Database) -> set[str]:
    """Numbers of the keys under which anything of an expert or a party lies."""
    with database.reading() as session:
        rows = session.exec(select(Expert.name_sealed, Expert.identity_sealed, Expert.phone_sealed)).all()
        keys = session.exec(select(DrawParty.key_sealed)).all()
    return {
        str(value).rsplit(".", 1)[0] if "." in str(value) else "" for row in [*rows, keys] for value in row
    }


def rotate(database: Database, sealer: Sealer) -> int:
    with database.transaction() as session:
        return rotation.begin(session, START, sealer)


def left(database: Database, sealer: Sealer) -> int:
    with database.reading() as session:
        return rotation.left(session, sealer)


def test_everything_that_may_change_is_sealed_anew_and_says_the_same(
    any_database: Database, sealer: Sealer
) -> None:
    fill(any_database, sealer)
    assert numbers_of(any_database) == {"", "1.a"}
    assert rotate(any_database, sealer) == 2
    assert left(any_database, sealer) == 7 * 3 + 1
    turn = rotation.reseal(any_database, sealer, batches=100, at_once=3)
    assert turn == rotation.Turn(resealed=22, unreadable=0, finished=True)
    assert left(any_database, sealer) == 0
    assert numbers_of(any_database) == {"2.a"}
    assert names(any_database, sealer) == [f"专家{number}" for number in range(7)]
    again = rotation.reseal(any_database, sealer, batches=100, at_once=3)
    assert again == rotation.Turn(resealed=0, unreadable=0, finished=True)
    with any_database.reading() as session:
        held = {state.number: state.count for state in rotation.states(session, sealer)}
        document = session.exec(select(SentDocument.body_sealed)).one()
    assert held == {0: 0, 1: 1, 2: 22}  # what was sent stays under the key it was sealed with
    assert sealer.unseal(document, DOCUMENT_BODY.at("d1")) == "b"


def test_a_turn_ends_in_time_and_the_next_goes_on(any_database: Database, sealer: Sealer) -> None:
    fill(any_database, sealer)
    rotate(any_database, sealer)
    turns: list[rotation.Turn] = []
    while not turns or not turns[-1].finished:
        turns.append(rotation.reseal(any_database, sealer, batches=9, at_once=2))
    assert sum(turn.resealed for turn in turns) == 22
    assert [turn.resealed for turn in turns] == [16, 6]


_KILLED = """
import os, signal, sys
from pathlib import Path
from app.core import rotation
from app.core.database import Database
from app.core.keyring import KeyRing
from app.core.sealing import IndexSuite, Sealer, own_keys
from app.evaluation import models
from app.notify import models
from expert_draw import models

renew, times = rotation._renew, iter(range(4))

def dying(*given):
    done = renew(*given)
    if next(times) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

rotation._renew = dying
master = bytes(range(32))
sealer = Sealer(master, KeyRing(own_keys(master, IndexSuite.sha256), Path(sys.argv[2]) / "keys"))
rotation.reseal(Database(sys.argv[1]), sealer, batches=100, at_once=2)
"""


def test_whoever_is_killed_in_the_middle_is_followed_by_somebody_else(
    any_database: Database, tmp_path: Path, sealer: Sealer
) -> None:
    fill(any_database, sealer)
    rotate(any_database, sealer)
    url = any_database.engine.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", _KILLED, url, str(tmp_path)], check=False, env=os.environ)
    assert ended.returncode == -9
    assert left(any_database, sealer) == 22 - 3 * 2  # three transactions were whole, the fourth was none
    turn = rotation.reseal(any_database, sealer_at(tmp_path), batches=100, at_once=2)
    assert (turn.resealed, turn.finished) == (16, True)
    assert names(any_database, sealer) == [f"专家{number}" for number in range(7)]


def test_two_nodes_at_once_do_it_once(any_database: Database, tmp_path: Path, sealer: Sealer) -> None:
    fill(any_database, sealer)
    rotate(any_database, sealer)
    with ThreadPoolExecutor(2) as nodes:
        list(
            nodes.map(
                lambda _: rotation.reseal(any_database, sealer_at(tmp_path), batches=100, at_once=1), range(2)
            )
        )
    rotation.reseal(
        any_database, sealer, batches=100, at_once=10
    )  # what one skipped because the other had it
    assert left(any_database, sealer) == 0
    assert names(any_database, sealer) == [f"专家{number}" for number in range(7)]


def test_what_somebody_wrote_meanwhile_is_not_overwritten(any_database: Database, sealer: Sealer) -> None:
    fill(any_database, sealer)
    rotate(any_database, sealer)
    with any_database.transaction() as session:
        rows = rotation._older(session, sealer, EXPERT_NAME, None, 10)
    with any_database.transaction() as session:
        expert = session.get_one(Expert, "e3")
        expert.name_sealed = sealer.seal("改名", EXPERT_NAME.at("e3"))
        session.add(expert)
    with any_database.transaction() as session:
        rotation._renew(session, sealer, EXPERT_NAME, rows)
    assert names(any_database, sealer)[3] == "改名"


def test_rows_that_somebody_is_changing_are_left_for_later(pg_database: Database, sealer: Sealer) -> None:
    fill(pg_database, sealer)
    rotate(pg_database, sealer)
    with pg_database.transaction() as session:
        session.exec(update(Expert).where(col(Expert.id) == "e1").values(title="工程师"))
        assert rotation.reseal(pg_database, sealer, batches=100, at_once=3).resealed == 22 - 3
    assert left(pg_database, sealer) == 3
    assert rotation.reseal(pg_database, sealer, batches=100, at_once=3).resealed == 3


def test_what_nobody_can_open_is_left_and_counted(
    any_database: Database, sealer: Sealer, caplog: pytest.LogCaptureFixture
) -> None:
    fill(any_database, sealer)
    with any_database.transaction() as session:
        rows = session.exec(select(Expert).order_by(col(Expert.id))).all()
        rows[0].name_sealed, rows[1].name_sealed = rows[1].name_sealed, sealer.seal("x", EXPERT_NAME.at("e2"))
        rows[2].name_sealed = ERASED
        session.add_all(rows)
    rotate(any_database, sealer)
    turn = rotation.reseal(any_database, sealer, batches=100, at_once=3)
    assert (turn.resealed, turn.unreadable) == (19, 2)
    assert left(any_database, sealer) == 2
    assert "expert.name_sealed of ['e0'] cannot be sealed anew: sealed-changed" in caplog.text


def test_the_other_suite_is_a_rotation_like_any_other(
    any_database: Database, tmp_path: Path, sealer: Sealer
) -> None:
    fill(any_database, sealer)
    national = sealer_at(tmp_path, FieldSuite.sm4)
    assert left(any_database, national) == 22
    rotation.reseal(any_database, national, batches=100, at_once=10)
    assert numbers_of(any_database) == {"1.s"}
    assert names(any_database, sealer) == [f"专家{number}" for number in range(7)]


def test_a_key_that_was_made_by_somebody_killed_is_taken_up(any_database: Database, sealer: Sealer) -> None:
    sealer.ring.make(2)
    assert rotate(any_database, sealer) == 2
    assert rotate(any_database, sealer) == 3
    with any_database.reading() as session:
        assert session.exec(select(FieldKey.number).order_by(col(FieldKey.number))).all() == [1, 2, 3]


def test_a_key_is_retired_only_when_it_holds_nothing(any_database: Database, sealer: Sealer) -> None:
    fill(any_database, sealer)

    def retire(number: int, after: timedelta = timedelta(hours=2)) -> None:
        with any_database.transaction() as session:
            rotation.retire(session, START + after, sealer, number)

    with pytest.raises(Conflict, match="key-newest"):
        retire(1)
    rotate(any_database, sealer)
    with pytest.raises(Conflict, match="key-holds") as refused:
        retire(0)
    assert refused.value.params["columns"] == "expert.identity_sealed 7, expert.name_sealed 4"
    rotation.reseal(any_database, sealer, batches=100, at_once=10)
    with pytest.raises(Conflict, match="key-holds") as refused:
        retire(1)
    assert refused.value.params["columns"] == "sent_document.body_sealed 1"
    with pytest.raises(Conflict, match="key-young"):
        retire(0, timedelta(minutes=59))
    retire(0)
    for gone in (0, 7):
        with pytest.raises(NotFound, match="field-key"):
            retire(gone)
    sealer.ring.put_away(0)
    with pytest.raises(Unavailable, match="sealed-elsewhere"):
        sealer.unseal(sealed_before("专家"), EXPERT_NAME.at("e0"))
    with any_database.reading() as session:
        assert [state.retired_at is not None for state in rotation.states(session, sealer)] == [
            True,
            False,
            False,
        ]
