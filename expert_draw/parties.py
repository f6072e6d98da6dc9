"""The parties of a draw (抽取各方): what each has promised, who holds its secret, and what it says during the draw."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, or_, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.sealed_columns import PARTY_KEY, PARTY_SECRET
from app.core.sealing import Sealer
from expert_draw.engine.randomness import SHARE_BYTES, Suite, chain_anchor, chain_share
from expert_draw.engine.record import DrawRecord, Party, agree_signature, reveal_signature
from expert_draw.engine.signing import Signer, one_can_sign_for
from expert_draw.models import Draw, DrawParty, UsedPromise

CENTER, SUPERVISOR, TENDEREE = "center", "supervisor", "tenderee"
NAMES = (CENTER, SUPERVISOR, TENDEREE)
CHAIN_LENGTH = 999
"""How many rounds one promise serves."""

_HEX_32 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stand:
    """One party as pages show it. `held`: own (on its own computer) or kept (sealed by the service)."""

    name: str
    held: Literal["own", "kept"]
    key: str | None
    anchor: str | None


def stands(session: Session, evaluation_id: str) -> tuple[Stand, ...]:
    """All parties in order; one that has said nothing leaves its share with the service."""
    rows = {row.party: row for row in of_evaluation(session, evaluation_id)}
    return tuple(
        Stand(name, "own" if row.held == "own" else "kept", row.key or None, row.anchor or None)
        if (row := rows.get(name))
        else Stand(name, "kept", None, None)
        for name in NAMES
    )


def of_evaluation(session: Session, evaluation_id: str) -> Sequence[DrawParty]:
    return session.exec(
        select(DrawParty).where(DrawParty.evaluation_id == evaluation_id).order_by(col(DrawParty.party))
    ).all()


def promise(session: Session, now: datetime, evaluation_id: str, party: str, key: str, anchor: str) -> None:
    """A party keeps its secret itself: from now on only its public key and the end of its chain are known here.

    key, anchor: 64 hex digits each, never promised before. Only before the draw's commitment is published.
    """
    if not (_HEX_32.fullmatch(key) and _HEX_32.fullmatch(anchor) and one_can_sign_for(key)):
        raise InvalidInput(
            "promise-shape",
            N_("承诺的格式不对：公钥和链顶各为 64 位十六进制数字"),
            N_("把 yuanping party new 或本页生成的整段文字原样粘贴"),
        )
    row = _row(session, now, evaluation_id, party)
    _refuse_used(session, row, key, anchor)
    row.held, row.key, row.anchor = "own", key, anchor
    row.secret_sealed = row.key_sealed = None
    _saved(session, now, row, "own")


def keep(session: Session, now: datetime, evaluation_id: str, party: str) -> None:
    """A party leaves its share with the service, as before it had said anything."""
    row = _row(session, now, evaluation_id, party)
    row.held, row.key, row.anchor = "kept", "", ""
    _saved(session, now, row, "kept")


def renew(session: Session, evaluation_id: str) -> None:
    """The draw of this evaluation is over and another one will follow: every promise counts as used. Who keeps their own
    secret has to promise anew, and nothing is committed to before they have."""
    for row in of_evaluation(session, evaluation_id):
        if row.anchor and session.get(UsedPromise, row.anchor) is None:
            session.add(UsedPromise(anchor=row.anchor, key=row.key))
        row.key = row.anchor = ""
        row.secret_sealed = row.key_sealed = None
        row.committed = False
    session.flush()


def committed(
    session: Session, now: datetime, sealer: Sealer, evaluation_id: str, suite: Suite
) -> tuple[Party, ...]:
    """All parties as line 1 names them. For those that left their share here, key and chain are made now."""
    found = []
    for name in NAMES:
        row = _row(session, now, evaluation_id, name)
        if row.held == "own" and not row.key:
            raise Conflict(
                "promise-missing",
                N_("自行保管份额的一方还没有为这次抽取另作承诺"),
                N_("请该方在其页面重新生成承诺，或改由系统保管"),
                party=name,
            )
        if row.held != "own":
            seed, secret = secrets.token_bytes(SHARE_BYTES), secrets.token_bytes(SHARE_BYTES)
            row.held = "kept"
            row.key = Signer(seed).public
            row.key_sealed = sealer.seal(seed.hex(), PARTY_KEY.at(evaluation_id, name))
            row.anchor = chain_anchor(secret, CHAIN_LENGTH, suite).hex()
            row.secret_sealed = sealer.seal(secret.hex(), PARTY_SECRET.at(evaluation_id, name))
        row.committed = True
        session.add(row)
        found.append(Party(row.party, row.key, row.anchor, "own" if row.held == "own" else "kept"))
    session.flush()
    return tuple(found)


def kept_agreements(session: Session, sealer: Sealer, draw: Draw, record: DrawRecord) -> dict[str, str]:
    """party → signature under line 1 of those whose key lies here."""
    return {
        row.party: agree_signature(_signer(sealer, row), record.events[0].hash)
        for row in of_evaluation(session, draw.evaluation_id)
        if row.held == "kept"
    }


def kept_reveals(
    session: Session, sealer: Sealer, draw: Draw, record: DrawRecord, suite: Suite
) -> dict[str, tuple[bytes, str]]:
    """party → (share of the open call, signature) of those whose share lies here."""
    call = record.open_call
    if call is None:
        raise Conflict("no-call", N_("现在没有需要揭示的轮次"), N_("等待主场开始下一轮"))
    found = {}
    for row in of_evaluation(session, draw.evaluation_id):
        if row.held == "kept":
            secret = bytes.fromhex(
                sealer.unseal(str(row.secret_sealed), PARTY_SECRET.at(row.evaluation_id, row.party))
            )
            share = chain_share(secret, CHAIN_LENGTH, call.round_no, suite)
            found[row.party] = (share, reveal_signature(_signer(sealer, row), call.hash, share))
    return found


def kept_signer(session: Session, sealer: Sealer, draw: Draw, party: str) -> Signer:
    """The key of a party that left it with the service; Conflict when it signs on its own computer."""
    row = session.get_one(DrawParty, (draw.evaluation_id, party))
    if row.held != "kept":
        raise Conflict(
            "key-outside",
            N_("这一方的密钥在其自己的电脑上，须由其自行签署"),
            N_("在该方页面粘贴签署文字"),
        )
    return _signer(sealer, row)


def link_party(session: Session, sealer: Sealer, now: datetime, evaluation_id: str, party: str) -> str:
    """A new opaque link for a party without an account; the one before opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    row = _row(session, now, evaluation_id, party)
    row.link_hash = _link_hash(sealer, secret)
    session.add(row)
    session.flush()
    return secret


def by_link(session: Session, sealer: Sealer, secret: str) -> DrawParty:
    row = session.exec(select(DrawParty).where(DrawParty.link_hash == _link_hash(sealer, secret))).first()
    if row is None:
        raise NotFound("party-link", N_("这个链接无效或已更换"), N_("请主场经办重新发送链接"))
    return row


def _signer(sealer: Sealer, row: DrawParty) -> Signer:
    return Signer(
        bytes.fromhex(sealer.unseal(str(row.key_sealed), PARTY_KEY.at(row.evaluation_id, row.party)))
    )


def _link_hash(sealer: Sealer, secret: str) -> str:
    return sealer.fingerprint(f"draw-party:{secret}")


def _row(session: Session, now: datetime, evaluation_id: str, party: str) -> DrawParty:
    if party not in NAMES:
        raise NotFound("party", N_("抽取没有这一方"), N_("从抽取页面进入"))
    row = session.get(DrawParty, (evaluation_id, party))
    return row or DrawParty(
        evaluation_id=evaluation_id, party=party, held="kept", key="", anchor="", prepared_at=now
    )


def _refuse_used(session: Session, row: DrawParty, key: str, anchor: str) -> None:
    """Conflict when another party, or a party of another draw, has promised this key or chain: whoever saw that draw
    would know the shares of this one beforehand."""
    alike = session.exec(
        select(DrawParty).where(or_(col(DrawParty.key) == key, col(DrawParty.anchor) == anchor))
    ).all()
    used = session.exec(
        select(UsedPromise.anchor).where(or_(col(UsedPromise.key) == key, col(UsedPromise.anchor) == anchor))
    ).first()
    if used or any((one.evaluation_id, one.party) != (row.evaluation_id, row.party) for one in alike):
        raise Conflict(
            "promise-used",
            N_("这份承诺已用于另一方或另一次抽取，其份额可能已经公开"),
            N_("用 yuanping party new 或本页另生成一份，每次抽取、每一方各用一份"),
        )


def _saved(session: Session, now: datetime, row: DrawParty, held: str) -> None:
    going_on = select(Draw.id).where(Draw.evaluation_id == row.evaluation_id, col(Draw.closed_at).is_(None))
    if row.committed or session.exec(going_on).first():
        raise Conflict(
            "promise-late",
            N_("抽取承诺已经公布，各方的承诺不能再更改"),
            N_("按页面提示进行下一步；确需更换时终止本次评标后重新预约"),
        )
    row.prepared_at = now
    session.add(row)
    session.flush()
    audit.record(
        session,
        now,
        case=row.evaluation_id,
        tag=Tag.draw_promised,
        actor=f"party:{row.party}",
        subject=f"party:{row.party}",
        data={"anchor": row.anchor, "held": held, "key": row.key},
    )
