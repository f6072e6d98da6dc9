"""What a state is called on a page, and how loudly it speaks."""

from app.core.i18n import N_
from app.rules.words import WORDS

_STATES: dict[str, tuple[str, str]] = {
    # an evaluation
    "booked": (N_("已预约"), "info"),
    "committed": (N_("已公布承诺"), "info"),
    "inviting": (N_("邀请中"), "warn"),
    "ready": (N_("已就绪"), "good"),
    "convened": (N_("已召集"), "good"),
    "in_session": (N_("评标中"), "live"),
    "closed": (N_("已结束"), "neutral"),
    "sealed": (N_("已封存"), "good"),
    "replacing": (N_("递补中"), "warn"),
    "short": (N_("名额不足"), "bad"),
    "given_up": (N_("已终止"), "bad"),
    # a member of the committee
    "confirmed": (N_("已确认"), "info"),
    "signed_in": (N_("已签到"), "info"),
    "seated": (N_("已入席"), "good"),
    "submitted": (N_("已提交"), "good"),
    "replaced": (N_("已递补"), "neutral"),
    "left": (N_("已离开"), "neutral"),
    # a seat's terminal
    "terminal_blocked": (N_("已停用"), "bad"),
    "terminal_enrolled": (N_("已登记"), "good"),
    # somebody who is expected at the check-in desk
    "arrival_admitted": (N_("已放行"), "good"),
    "arrival_expected": (N_("待到"), "info"),
    "arrival_rejected": (N_("核验不符"), "bad"),
    # a score sheet
    "draft": (N_("草稿"), "neutral"),
    # a draw
    "running": (N_("抽取进行中"), "active"),
    "agreeing": (N_("等待各方同意"), "warn"),
    "locking": (N_("等待锁定机会"), "info"),
    "approving": (N_("等待监督人员批准"), "warn"),
    "between": (N_("可以进行下一轮"), "info"),
    "revealing": (N_("等待各方揭示"), "active"),
    "drawing": (N_("正在抽取"), "active"),
    "stuck": (N_("本轮没有可行的结果"), "bad"),
    "void": (N_("已作废"), "bad"),
    # an invitation
    "contacting": (N_("联系中"), "active"),
    "accepted": (N_("已接受"), "good"),
    "declined": (N_("已拒绝"), "bad"),
    "expired": (N_("逾期未答"), "bad"),
    "unreachable": (N_("无法联系"), "bad"),
    "vacated": (N_("已空出"), "neutral"),
    "withdrawn": (N_("已请假"), "warn"),
    "no_show": (N_("未到场"), "bad"),
    "recused": (N_("已回避"), "warn"),
    "removed": (N_("已责令离开"), "bad"),
    "ill": (N_("因病离开"), "warn"),
    # a call or a message
    "queued": (N_("待发送"), "neutral"),
    "sending": (N_("发送中"), "info"),
    "unknown": (N_("去向待查"), "warn"),
    "sent": (N_("已发出"), "info"),
    "ringing": (N_("振铃中"), "active"),
    "answered": (N_("通话中"), "active"),
    "delivered": (N_("已送达"), "good"),
    "completed": (N_("通话结束"), "neutral"),
    "no_answer": (N_("无人接听"), "warn"),
    "busy": (N_("占线"), "warn"),
    "failed": (N_("失败"), "bad"),
    "undelivered": (N_("未送达"), "bad"),
    "not_told": (N_("通知未送达"), "bad"),
    "untold": (N_("无回执"), "muted"),
    "opted_out": (N_("短信已退订"), "warn"),
    "cancelled": (N_("已取消"), "neutral"),
    # kinds of calls and messages
    "voice": (N_("语音"), "neutral"),
    "sms": (N_("短信"), "neutral"),
    "link": (N_("短信链接"), "neutral"),
    "hotline": (N_("热线"), "neutral"),
    # roles
    "administrator": (N_("系统管理员"), "neutral"),
    "agency": (N_("招标代理机构"), "neutral"),
    "archivist": (N_("档案管理员"), "neutral"),
    "auditor": (N_("审计人员"), "neutral"),
    "draw_supervisor": (N_("抽取监督人员"), "neutral"),
    "expert": (N_("评标专家"), "neutral"),
    "grid_officer": (N_("网格员"), "neutral"),
    "guest_operator": (N_("副场操作员"), "neutral"),
    "host_operator": (N_("主场操作员"), "neutral"),
    "inspector": (N_("检查人员"), "neutral"),
    "pool_administrator": (N_("专家库管理员"), "neutral"),
    "supervisor": (N_("监督人员"), "neutral"),
    "tenderee": (N_("招标人代表"), "neutral"),
    "witness": (N_("见证人员"), "neutral"),
}

_ACTS = {
    "commit": N_("公布承诺"),
    "run": N_("抽取"),
    "convene": N_("召集"),
    "open": N_("开启评标"),
    "close": N_("结束评标"),
    "seal": N_("封存"),
}
_GROUNDS = {
    "already_used": N_("本次评标已抽取过"),
    "busy": N_("同一时间参加其他评标"),
    "declared_unit": N_("本人申报的回避单位"),
    "employer": N_("工作单位须回避"),
    "entry_expired": N_("入库有效期已过"),
    "former_employer": N_("近年工作过的单位须回避"),
    "named_person": N_("指名回避"),
    "on_leave": N_("请假中"),
    "over_age": N_("超过年龄上限"),
    "personal": N_("其他个人事由"),
    "purchaser_staff": N_("招标人、采购人一方人员"),
    "qualification_missing": N_("资格条件不符"),
    "specialty_missing": N_("专业不符"),
    "supervisor_staff": N_("监督部门人员"),
    "suspended": N_("暂停抽取"),
}


def label(state: str) -> str:
    """The Chinese catalogue text of a state; an unlisted one is shown as it is."""
    return _STATES.get(str(state).replace("-", "_"), (str(state), ""))[0]


def act(name: str) -> str:
    """The Chinese catalogue text of an act, as it stands in refusals."""
    return _ACTS.get(name, name)


def rule_word(word: str) -> str:
    """The Chinese catalogue text of a word of the rule packs."""
    return WORDS.get(word, word)


def ground(code: str) -> str:
    """The Chinese catalogue text of a ground of avoidance."""
    return _GROUNDS.get(code, code)


def tone(state: str) -> str:
    """One of neutral, info, active, good, warn, bad, live."""
    return _STATES.get(str(state).replace("-", "_"), ("", "neutral"))[1]
