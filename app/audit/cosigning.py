"""What partner centers and supervisors sign: accepted from witnesses the house knows, under checkpoints that are its own."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from app.audit import log_rows
from app.audit.models import AuditCosignature
from app.audit.signed_note import Note, NoteMalformed, Verifier
from app.core.database import in_turn
from app.core.errors import InvalidInput, NotFound
from app.core.i18n import N_


def accept(
    session: Session, now: datetime, key: Verifier, witnesses: Collection[Verifier], data: bytes
) -> tuple[str, ...]:
    """Keeps the lines of known witnesses under one of our checkpoints; the names of those whose signature stands there now.

    What is there already stays as it is. InvalidInput for a note that is none, or altered, or signed by no witness we know;
    NotFound for a checkpoint that is not ours.
    """
    try:
        note = Note.parse(data)
        told = note.checkpoint(key)
        held = note.signers(witnesses)
    except NoteMalformed as error:
        raise InvalidInput(
            "note-malformed",
            N_("这不是本系统的检查点，或其中的签名不成立：{reason}"),
            N_("从 /api/audit/checkpoint 重新获取后再签名"),
            reason=str(error),
        ) from error
    if not held:
        raise InvalidInput(
            "witness-unknown",
            N_("没有一个签名来自已登记的见证方"),
            N_("把见证方的公钥加入设置 YUANPING_AUDIT__WITNESSES"),
        )
    in_turn(session, "audit-cosignatures")
    ours = log_rows.checkpoint(session, told.size)
    if ours is None or Note.parse(ours.note.encode()).text != note.text:
        raise NotFound("checkpoint", N_("没有这个检查点"), N_("从 /api/audit/checkpoint 重新获取"))
    lines = {
        (name, key_id): line for (name, key_id, _), line in zip(note.signatures, note.lines(), strict=True)
    }
    for one in held:
        if session.get(AuditCosignature, (told.size, one.key_id.hex())) is None:
            session.add(
                AuditCosignature(
                    size=told.size,
                    key_id=one.key_id.hex(),
                    witness=one.name,
                    line=lines[one.name, one.key_id],
                    at=now,
                )
            )
            session.flush()
    return tuple(sorted({one.name for one in held}))
