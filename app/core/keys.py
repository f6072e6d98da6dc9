"""A database opens only with the keys it was begun with: a lost or wrong key is never replaced quietly.

With another key every sealed name and number would be unreadable, and fingerprints would find nobody, so that an
import would enter everyone a second time. The same holds for another hash under the fingerprints.
"""

from datetime import datetime

from sqlalchemy import inspect
from sqlmodel import Session, col, select

from app.core.database import Database, in_turn
from app.core.errors import Conflict, Unavailable
from app.core.i18n import N_
from app.core.keyring import FIRST, KeyRing, check_value
from app.core.models import FieldKey, KeyCheck
from app.core.sealing import FieldSuite, IndexSuite, Sealer, own_keys
from app.core.settings import Settings

_TABLE = "key_check"
_RING_TABLE = "field_key"


def sealer_for(settings: Settings, database: Database) -> Sealer:
    """The sealer of this database. Makes a key only for an empty one; Unavailable when the key is not its own."""
    if not settings.has_key:
        if database.holds_rows():
            raise Unavailable(
                "key-missing",
                N_("数据库中已有数据，却找不到主密钥 {path}"),
                N_("从备份恢复 secret.key，或设置 YUANPING_SECRET_KEY；不会另生成新密钥"),
                path=settings.key_file,
            )
        settings.make_key()
    with database.reading() as session:
        tables = inspect(session.connection())
        # This column alone: the others come with the update of the schema, which happens after this.
        noted = session.exec(select(KeyCheck.fingerprint)).first() if tables.has_table(_TABLE) else None
        known = _known(session) if tables.has_table(_RING_TABLE) else ()
    index = _index(settings, noted, begun=noted is not None or database.holds_rows())
    retired = frozenset(row.number for row in known if row.retired_at is not None)
    ring = KeyRing(own_keys(settings.key, index), settings.keys_dir, retired)
    sealer = Sealer(settings.key, ring, FieldSuite[settings.seal.suite], index)
    _compare(noted, sealer)
    _require_ring(known, ring, settings)
    return sealer


def remember(session: Session, sealer: Sealer) -> None:
    """Notes by what this database's key is recognized, the first time; Unavailable when it is another one."""
    in_turn(session, _TABLE)
    noted = session.get(KeyCheck, 1)
    if noted is None:
        session.add(KeyCheck(fingerprint=_fingerprint(sealer)))
        session.flush()
    else:
        _compare(noted.fingerprint, sealer)


def remember_ring(session: Session, now: datetime, sealer: Sealer) -> tuple[FieldKey, ...]:
    """Notes the keys of the ring that the database does not know yet, and gives all that it knows now.

    A key may have been made by somebody who was killed before it was noted: it is then taken up, never made again.
    """
    in_turn(session, _RING_TABLE)
    known = {row.number: row for row in _known(session)}
    for number in sealer.ring.numbers():
        key = sealer.ring.get(number)
        if number >= FIRST and key is not None and number not in known:
            known[number] = FieldKey(number=number, check_value=check_value(number, key), made_at=now)
            session.add(known[number])
    session.flush()
    return tuple(known[number] for number in sorted(known))


def _known(session: Session) -> tuple[FieldKey, ...]:
    return tuple(session.exec(select(FieldKey).order_by(col(FieldKey.number))).all())


def _index(settings: Settings, noted: str | None, *, begun: bool) -> IndexSuite:
    """The hash this database was begun with, which its key check shows; for a new one, the one that is asked for."""
    asked = IndexSuite(settings.seal.index) if settings.seal.index else None
    if not begun:
        national = settings.seal.suite == FieldSuite.sm4.name
        return asked or (IndexSuite.sm3 if national else IndexSuite.sha256)
    found = IndexSuite.sha256  # before there were two, or under another key, which is refused after this
    for index in IndexSuite:
        if noted == _fingerprint(Sealer(settings.key, index=index)):
            found = index
    if asked is not None and asked is not found:
        raise Conflict(
            "index-suite-other",
            N_("此数据库的检索指纹使用 {found}，不能改为 {asked}：改了就谁也找不到"),
            N_(
                "去掉 YUANPING_SEAL__INDEX；字段加密可用 YUANPING_SEAL__SUITE 另行更换，要换指纹算法须新建数据库"
            ),
            found=found.value,
            asked=asked.value,
        )
    return found


def _compare(noted: str | None, sealer: Sealer) -> None:
    if noted is not None and noted != _fingerprint(sealer):
        raise Unavailable(
            "key-other",
            N_("当前主密钥不是写入此数据库时使用的密钥"),
            N_("恢复原来的 secret.key 或 YUANPING_SECRET_KEY，并检查数据目录是否正确"),
        )


def _require_ring(known: tuple[FieldKey, ...], ring: KeyRing, settings: Settings) -> None:
    """A field key that the database knows and this node does not have would make some fields unreadable."""
    for row in known:
        if row.retired_at is not None:
            continue
        key = ring.get(row.number)
        if key is None or check_value(row.number, key) != row.check_value:
            raise Unavailable(
                "field-key-missing",
                N_("字段密钥 {number} 缺失或不是原来的那一把"),
                N_("把 {path} 从备份恢复，或从另一节点复制过来，再启动"),
                number=row.number,
                path=settings.keys_dir / f"{row.number}.key",
            )


def _fingerprint(sealer: Sealer) -> str:
    return sealer.derive("key-check").hex()
