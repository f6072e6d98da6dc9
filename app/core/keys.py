"""A database opens only with the key it was begun with: a lost or wrong key is never replaced quietly.

With another key every sealed name and number would be unreadable, and fingerprints would find nobody, so that an
import would enter everyone a second time.
"""

from sqlalchemy import inspect
from sqlmodel import Session

from app.core.database import Database, in_turn
from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.models import KeyCheck
from app.core.sealing import Sealer
from app.core.settings import Settings

_TABLE = "key_check"


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
    sealer = Sealer(settings.key)
    with database.reading() as session:
        if inspect(session.connection()).has_table(_TABLE):
            _compare(session.get(KeyCheck, 1), sealer)
    return sealer


def remember(session: Session, sealer: Sealer) -> None:
    """Notes by what this database's key is recognized, the first time; Unavailable when it is another one."""
    in_turn(session, _TABLE)
    noted = session.get(KeyCheck, 1)
    if noted is None:
        session.add(KeyCheck(fingerprint=_fingerprint(sealer)))
        session.flush()
    _compare(noted, sealer)


def _compare(noted: KeyCheck | None, sealer: Sealer) -> None:
    if noted is not None and noted.fingerprint != _fingerprint(sealer):
        raise Unavailable(
            "key-other",
            N_("当前主密钥不是写入此数据库时使用的密钥"),
            N_("恢复原来的 secret.key 或 YUANPING_SECRET_KEY，并检查数据目录是否正确"),
        )


def _fingerprint(sealer: Sealer) -> str:
    return sealer.derive("key-check").hex()
