"""What a state is called on a page, and how loudly it speaks."""

from app.core.i18n import N_

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
    "short": (N_("名额不足"), "bad"),
    # a member of the committee
    "confirmed": (N_("已确认"), "info"),
    "signed_in": (N_("已签到"), "info"),
    "seated": (N_("已入席"), "good"),
    "submitted": (N_("已提交"), "good"),
    "replaced": (N_("已递补"), "neutral"),
    # a score sheet
    "draft": (N_("草稿"), "neutral"),
    # a draw
    "open": (N_("进行中"), "info"),
    "drawn": (N_("已抽取"), "info"),
    # an invitation
    "invited": (N_("已发出"), "info"),
    "accepted": (N_("已接受"), "good"),
    "declined": (N_("已拒绝"), "bad"),
    "expired": (N_("逾期未答"), "bad"),
    "leave": (N_("请假"), "warn"),
    "withdrawn": (N_("已撤回"), "neutral"),
    # a call or a message
    "queued": (N_("待发送"), "neutral"),
    "waiting": (N_("等待中"), "neutral"),
    "sending": (N_("发送中"), "info"),
    "unknown": (N_("去向待查"), "warn"),
    "sent": (N_("已发出"), "info"),
    "ringing": (N_("振铃中"), "live"),
    "in_progress": (N_("通话中"), "live"),
    "answered": (N_("已接听"), "good"),
    "delivered": (N_("已送达"), "good"),
    "completed": (N_("已结束"), "neutral"),
    "no_answer": (N_("无人接听"), "warn"),
    "busy": (N_("占线"), "warn"),
    "failed": (N_("失败"), "bad"),
    "undelivered": (N_("未送达"), "bad"),
    "canceled": (N_("已取消"), "neutral"),
    # kinds of calls and messages
    "voice": (N_("语音"), "neutral"),
    "sms": (N_("短信"), "neutral"),
    # roles
    "administrator": (N_("系统管理员"), "neutral"),
    "expert": (N_("评标专家"), "neutral"),
    "guest_operator": (N_("副场操作员"), "neutral"),
    "host_operator": (N_("主场操作员"), "neutral"),
    "pool_administrator": (N_("专家库管理员"), "neutral"),
    "supervisor": (N_("监督人员"), "neutral"),
}


def label(state: str) -> str:
    """The Chinese catalogue text of a state; an unlisted one is shown as it is."""
    return _STATES.get(str(state).replace("-", "_"), (str(state), ""))[0]


def tone(state: str) -> str:
    """One of neutral, info, good, warn, bad, live."""
    return _STATES.get(str(state).replace("-", "_"), ("", "neutral"))[1]
