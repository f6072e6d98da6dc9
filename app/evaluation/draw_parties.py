"""What the parties of a draw do at their own pages: promise, agree, reveal; the supervisor approves and publishes."""

from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.evaluation import cases, committee
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import Evaluation
from expert_draw import keeping, parties, statements

_SPEAKS_FOR = {parties.CENTER: Permission.draw_run, parties.SUPERVISOR: Permission.draw_supervise}
_ENDED = frozenset({EvaluationState.sealed, EvaluationState.given_up})


def of_actor(session: Session, actor: Actor, evaluation_id: str, party: str) -> Evaluation:
    """The evaluation, when this actor speaks for that party: the host for its center, a supervisor for theirs."""
    needed = _SPEAKS_FOR.get(party)
    if needed is None or not actor.may(needed):
        raise NotFound("party", N_("您不代表抽取的这一方"), N_("由该方本人在其页面操作"))
    return cases.load_for(session, actor, evaluation_id, needed)


def of_link(session: Session, house: House, secret: str) -> tuple[Evaluation, str]:
    """The evaluation and the party an opaque link stands for."""
    row = parties.by_link(session, house.sealer, secret)
    guest = Actor(f"party:{row.party}", Role.tenderee, "", evaluation_id=row.evaluation_id)
    return cases.load_for(session, guest, row.evaluation_id, Permission.draw_attend), row.party


def new_link(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> str:
    """A new link for the tenderee's representative, who has no account; the one before ends.

    Conflict while the parties are called to reveal: nobody is cut off, or replaced, in the middle of a round.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_run)
    draw = keeping.load(session, evaluation.draw_id) if evaluation.draw_id else None
    if draw is not None and draw.reveal_until is not None:
        raise Conflict(
            "link-during-call",
            N_("本轮正在等待各方揭示，现在不能更换链接"),
            N_("请本人用现有的链接揭示；本轮抽出之后可以重新生成"),
        )
    secret = parties.link_party(session, house.sealer, now, evaluation.id, parties.TENDEREE)
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.draw_linked,
        actor=actor.id,
        subject=f"party:{parties.TENDEREE}",
    )
    return secret


def links_made(session: Session, evaluation_id: str) -> tuple[datetime, ...]:
    """When a link for the tenderee's representative was made, the first first."""
    return tuple(act.at for act in audit.trail(session, evaluation_id) if act.tag == Tag.draw_linked)


def keep(session: Session, now: datetime, evaluation: Evaluation, party: str) -> None:
    """The party leaves its share with the service."""
    parties.keep(session, now, evaluation.id, party)
    bus.publish(session, f"evaluation:{evaluation.id}", "draw")


def say(
    session: Session, now: datetime, house: House, evaluation: Evaluation, party: str, step: str, text: str
) -> None:
    """Takes a pasted statement of this party; InvalidInput or Conflict when it does not belong here and now."""
    if step not in statements.STEPS:
        raise NotFound("step", N_("没有这一步"), N_("从抽取页面进入"))
    said = statements.parse(text, step).fields
    if said["party"] != party:
        raise InvalidInput(
            "another-party",
            N_("这段文字是另一方的声明"),
            N_("粘贴本方密钥文件生成的文字"),
        )
    match step:
        case "promise":
            parties.promise(session, now, evaluation.id, party, said["key"], said["anchor"])
            bus.publish(session, f"evaluation:{evaluation.id}", "draw")
        case "agree":
            _require_draw(evaluation)
            committee.agree(session, now, house, evaluation, party, said["sig"])
        case "approve":
            _require_draw(evaluation)
            committee.approve_warnings(session, now, house, f"party:{party}", evaluation, said["sig"])
        case _:  # reveal
            _require_draw(evaluation)
            share = bytes.fromhex(said["share"])
            committee.reveal(session, now, house, evaluation, party, share, said["sig"])


def may_publish(session: Session, evaluation: Evaluation) -> bool:
    """Whether everything is over, the draw itself too, so that the whole record can be made public."""
    if evaluation.state not in _ENDED or evaluation.draw_id is None:
        return False
    return keeping.load(session, evaluation.draw_id).closed_at is not None


def publish(session: Session, now: datetime, actor: Actor, evaluation_id: str) -> None:
    """From now on anyone may have the record with its lists opened. Only when everything is over."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_supervise)
    if not may_publish(session, evaluation):
        raise Conflict(
            "publish-early",
            N_("评标封存或终止之后才能公开完整的抽取记录"),
            N_("结果公布之后再公开"),
        )
    draw = keeping.load(session, str(evaluation.draw_id))
    if draw.published_at is None:
        draw.published_at = now
        session.add(draw)
        session.flush()
        audit.record(
            session,
            now,
            case=evaluation.id,
            tag=Tag.draw_published,
            actor=actor.id,
            subject=f"draw:{draw.number}",
        )
        bus.publish(session, f"evaluation:{evaluation.id}", "draw")


def _require_draw(evaluation: Evaluation) -> None:
    if evaluation.draw_id is None:
        raise Conflict("no-draw-yet", N_("抽取承诺还没有公布"), N_("等待主场公布承诺"))
