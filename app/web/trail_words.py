"""What the audit trail is called on its page: each kind of act, and whom or what an act names, in words (留痕用语)."""

from collections.abc import Mapping
from types import MappingProxyType

from app.audit.tags import Tag
from app.core.i18n import N_

_ACTS: Mapping[str, str] = {
    Tag.absence_entered: N_("不参加的日子已登记"),
    Tag.absence_removed: N_("不参加的日子已撤销"),
    Tag.account_act_asked: N_("账号事项已申请"),
    Tag.account_act_confirmed: N_("账号事项已确认"),
    Tag.account_act_refused: N_("账号事项已驳回"),
    Tag.account_added: N_("账号已新建"),
    Tag.account_disabled: N_("账号已停止使用"),
    Tag.account_enabled: N_("账号已恢复使用"),
    Tag.account_factor_enrolled: N_("动态口令已绑定"),
    Tag.account_factor_reset: N_("动态口令已重置"),
    Tag.account_identity_linked: N_("统一身份已关联"),
    Tag.account_identity_unlinked: N_("统一身份关联已解除"),
    Tag.account_invited: N_("账号邀请已发出"),
    Tag.account_password_set: N_("密码已设置"),
    Tag.account_recovered: N_("已用恢复码登录"),
    Tag.account_recovery_renewed: N_("恢复码已更换"),
    Tag.account_role_changed: N_("岗位已更改"),
    Tag.account_session_ended: N_("登录会话已结束"),
    Tag.account_set_up: N_("系统已首次设置"),
    Tag.account_sign_in_refused: N_("登录被拒绝"),
    Tag.account_signed_in: N_("已登录系统"),
    Tag.account_signed_out: N_("已退出系统"),
    Tag.account_stepped_up: N_("已再次验证身份"),
    Tag.audit_exported: N_("留痕已导出"),
    Tag.clock_off: N_("时钟不准"),
    Tag.clock_right: N_("时钟已恢复准确"),
    Tag.draw_agreed: N_("已同意抽取"),
    Tag.draw_approved: N_("抽取已批准"),
    Tag.draw_called: N_("已请各方揭示"),
    Tag.draw_closed: N_("抽取已完成"),
    Tag.draw_committed: N_("抽取承诺已公布"),
    Tag.draw_linked: N_("招标人代表链接已生成"),
    Tag.draw_names_read: N_("专家姓名已查看"),
    Tag.draw_names_released: N_("专家姓名已解封"),
    Tag.draw_promised: N_("份额承诺已登记"),
    Tag.draw_published: N_("抽取记录已公开"),
    Tag.draw_redrawn: N_("席位已让出待重新抽取"),
    Tag.draw_revealed: N_("份额已揭示"),
    Tag.draw_round: N_("本轮已抽取"),
    Tag.draw_slip: N_("抽取凭条已出具"),
    Tag.draw_voided: N_("抽取已判作废"),
    Tag.draw_waits: N_("抽取等待空闲工位"),
    Tag.evaluation_bidders: N_("投标人名单已送达"),
    Tag.evaluation_booked: N_("评标已预约"),
    Tag.evaluation_closed: N_("评标已结束"),
    Tag.evaluation_convened: N_("评标已召集"),
    Tag.evaluation_given_up: N_("评标已终止"),
    Tag.evaluation_opened: N_("评标已开启"),
    Tag.evaluation_postponed: N_("评标已延期"),
    Tag.evaluation_ready: N_("评标委员会已就绪"),
    Tag.evaluation_replaced: N_("递补已完成"),
    Tag.evaluation_sealed: N_("评标已封存"),
    Tag.evaluation_short: N_("评标委员会名额不足"),
    Tag.evaluation_vacated: N_("评标委员会出现空缺"),
    Tag.evaluation_widened: N_("抽取范围已扩大"),
    Tag.export_handed_out: N_("归档包已交付"),
    Tag.export_ordered: N_("归档包已开始制作"),
    Tag.filing_dead: N_("备案已停止重试"),
    Tag.filing_ordered: N_("备案已提交"),
    Tag.filing_receipted: N_("备案回执已收到"),
    Tag.guessing_paused: N_("反复试错的来源已暂停"),
    Tag.hotline_closed: N_("热线来电已结束"),
    Tag.hotline_registered: N_("热线已代为登记"),
    Tag.hotline_taken: N_("热线来电已接听"),
    Tag.identity_matched: N_("证件核验相符"),
    Tag.identity_mismatched: N_("证件核验不符"),
    Tag.invitation_answered: N_("邀请已答复"),
    Tag.invitation_expired: N_("邀请逾期未答复"),
    Tag.invitation_late: N_("答复时邀请已失效"),
    Tag.invitation_leave_late: N_("请假提出过晚"),
    Tag.invitation_left: N_("被邀请人已退出"),
    Tag.invitation_promoted: N_("备选专家已递补"),
    Tag.invitation_unreachable: N_("被邀请人无法联系"),
    Tag.job_retried: N_("任务已重新执行"),
    Tag.joint_act_asked: N_("双人事项已申请"),
    Tag.joint_act_confirmed: N_("双人事项已确认"),
    Tag.joint_act_refused: N_("双人事项已驳回"),
    Tag.key_resealed: N_("数据已用新密钥重新密封"),
    Tag.key_retired: N_("旧密钥已停用"),
    Tag.key_rotated: N_("密钥已更换"),
    Tag.member_code_renewed: N_("席位码已更换"),
    Tag.member_left: N_("成员已离开评标委员会"),
    Tag.member_seated: N_("成员已就座"),
    Tag.member_signed_in: N_("成员已在席位登录"),
    Tag.person_erased: N_("个人信息已删除"),
    Tag.person_erasure_asked: N_("个人信息删除已申请"),
    Tag.person_erasure_refused: N_("个人信息删除未获准许"),
    Tag.person_unmasked: N_("完整个人信息已查看"),
    Tag.recording_deleted: N_("录音录像文件已删除"),
    Tag.recording_disposed: N_("录音录像已决定销毁"),
    Tag.recording_handed_out: N_("录音录像导出包已交付"),
    Tag.recording_held: N_("录音录像已保全"),
    Tag.recording_released: N_("录音录像保全已解除"),
    Tag.recording_replayed: N_("录音录像已回放"),
    Tag.recording_track_watched: N_("单路录音录像已回放"),
    Tag.recording_verified: N_("录音录像已校验"),
    Tag.recording_watched_live: N_("实时画面已观看"),
    Tag.roster_changed: N_("专家库已变动"),
    Tag.roster_imported: N_("专家库已导入"),
    Tag.sample_loaded: N_("示例数据已载入"),
    Tag.seat_alarm_acknowledged: N_("席位警报已处置"),
    Tag.seat_alarm_raised: N_("席位警报已发出"),
    Tag.seat_refused: N_("入席被拒绝"),
    Tag.sheet_saved: N_("评分表已保存"),
    Tag.sheet_submitted: N_("评分表已提交"),
    Tag.sheet_voided: N_("评分表已作废"),
    Tag.space_eased: N_("录制空间已恢复"),
    Tag.space_short: N_("录制空间不足"),
    Tag.terminal_blocked: N_("工位终端已停用"),
    Tag.terminal_code_made: N_("终端登记码已生成"),
    Tag.terminal_enrolled: N_("工位终端已登记"),
    Tag.terminal_replaced: N_("工位终端已更换"),
}
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "accounts": N_("账号与登录"),
        "draw": N_("抽取与邀请"),
        "evaluation": N_("评标"),
        "exchange": N_("备案与归档"),
        "house": N_("系统"),
        "notify": N_("热线"),
        "recordings": N_("录音录像"),
        "sample": N_("示例数据"),
        "venue": N_("工位终端"),
    }
)
"""What the first part of a tag stands for."""
_NAMED: Mapping[str, str] = {
    # What stands before the colon of an actor or a subject, or all of it.
    "account": N_("工作人员账号"),
    "anonymous": N_("未登录者"),
    "audit": N_("留痕"),
    "clock": N_("系统时钟"),
    "command-line": N_("系统命令行"),
    "door": N_("入口"),
    "draw": N_("抽取"),
    "evaluation": N_("评标"),
    "expert": N_("专家库人员"),
    "hotline-call": N_("热线来电"),
    "house": N_("系统"),
    "invitation": N_("被邀请的专家"),
    "job": N_("任务"),
    "key": N_("密钥"),
    "link": N_("链接"),
    "login": N_("登录名"),
    "member": N_("评标委员会成员"),
    "party": N_("抽取参与方"),
    "party:center": N_("主场中心"),
    "party:supervisor": N_("监督人员"),
    "party:tenderee": N_("招标人代表"),
    "roster": N_("专家库"),
    "sample": N_("示例数据"),
    "place": N_("工位"),
    "seat": N_("席位"),
    "service": N_("系统"),
    "terminal": N_("终端"),
}


def act(tag: str) -> str:
    """The Chinese catalogue text of a kind of act; one that a later version of the house has written is shown as it is."""
    return _ACTS.get(tag, tag)


def named(text: str) -> str:
    """The Chinese catalogue text of what an actor or a subject is; empty where the text says it by itself.

    Nobody's name: whoever is not staff stays what the trail has written down.
    """
    kind, _, which = text.partition(":")
    if kind == "seat" and not which.isdigit():
        kind = "place"  # one of a venue, where the committee's own are numbered
    return _NAMED.get(text) or _NAMED.get(kind, "")


def groups() -> Mapping[str, tuple[Tag, ...]]:
    """All kinds of acts by where they come from, in the order of `SOURCES`."""
    return {
        source: tuple(sorted(tag for tag in Tag if tag.partition(":")[0] == source)) for source in SOURCES
    }
