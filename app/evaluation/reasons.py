"""Why an evaluation waits or has come to nothing: kept with it, to be said later in any language."""

import json

from app.core.canonical import canonical_json
from app.core.errors import Conflict, YuanpingError
from app.core.i18n import N_
from app.evaluation.models import Evaluation
from app.evaluation.shown import Reason
from expert_draw import parties

_SILENT = {
    parties.CENTER: N_("主场中心在期限内没有揭示其份额，抽取已作废并永久留痕"),
    parties.SUPERVISOR: N_("监督人员在期限内没有揭示其份额，抽取已作废并永久留痕"),
    parties.TENDEREE: N_("招标人代表在期限内没有揭示其份额，抽取已作废并永久留痕"),
}


def written(refusal: YuanpingError) -> str:
    """A refusal as it is kept: its text, what to do, and the parameters of both."""
    return canonical_json(
        {
            "message": refusal.message,
            "params": {name: str(value) for name, value in refusal.params.items()},
            "remedy": refusal.remedy,
        }
    ).decode()


def kept(evaluation: Evaluation) -> Reason | None:
    """What is kept with this evaluation, None if nothing is. Rows of earlier versions do not say what to do."""
    if evaluation.short_reason is None:
        return None
    found = json.loads(evaluation.short_reason)
    return Reason(found["message"], found["params"], found.get("remedy", ""))


def withheld(party: str) -> Conflict:
    """This party has not revealed in time."""
    return Conflict("share-withheld", _SILENT[party], N_("查明原因后重新预约"), party=party)


def unrevealed(missing: tuple[str, ...]) -> Conflict:
    """The host gave up while these parties had been called and not yet revealed."""
    return Conflict(
        "given-up-unrevealed",
        N_("终止时 {parties} 尚未揭示"),
        N_("查明为何没有揭示；重新预约后，新的记录会写明接在哪一次之后"),
        parties=" ".join(missing),
    )


def no_seat() -> Conflict:
    """There is no seat for whoever would be drawn now."""
    return Conflict(
        "no-seat-now",
        N_("没有空闲工位可补抽，等待工位释放"),
        N_("修复故障工位或腾出同时段的工位，系统会自动补抽；等不及时终止本次评标，改期重新预约"),
    )


def designated() -> Conflict:
    """A place is vacant again after others were filled by naming people: chance fills no further one in this record."""
    return Conflict(
        "designated-vacant",
        N_("已有席位是直接确定的，又有席位空出，本次抽取不能再补抽"),
        N_("继续直接确定，或改期，或终止后重新预约"),
    )


def nobody() -> Conflict:
    """A round came to nothing."""
    return Conflict("nobody-fits", N_("本轮抽不出合格的组合"), N_("放宽名额条件、直接确定，或改期"))
