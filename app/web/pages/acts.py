"""What can be done with an evaluation: what the button says, what pressing it does, and who may."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.i18n import N_


@dataclass(frozen=True, slots=True)
class Act:
    """`name` is the last part of its address; `leads_to` the page that shows what came of it."""

    name: str
    label: str
    effect: str
    permission: Permission
    leads_to: str = ""


ACTS = (
    Act(
        "commit",
        N_("公布抽取承诺"),
        N_("冻结候选池并公布承诺，之后条件不能再改"),
        Permission.draw_run,
        "/draw",
    ),
    Act(
        "run",
        N_("开始抽取"),
        N_("按承诺抽取专家、场地和工位，并立即发出邀请"),
        Permission.draw_run,
        "/draw",
    ),
    Act("convene", N_("召集"), N_("开放线上评标室，向每位成员发送席位码"), Permission.evaluation_conduct),
    Act("open", N_("开启评标"), N_("所有席位都在录制后，开放评分表"), Permission.evaluation_conduct),
    Act(
        "close",
        N_("结束评标"),
        N_("评分表全部提交后结束，随即封存录制与抽取记录"),
        Permission.evaluation_conduct,
    ),
)


def allowed(actor: Actor, possible: Iterable[str]) -> tuple[Act, ...]:
    """Of the acts that are possible now, those this actor may do."""
    names = set(possible)
    return tuple(act for act in ACTS if act.name in names and actor.may(act.permission))
