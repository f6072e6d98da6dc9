"""The register of all rules a pack may hold: what each is called and what its value looks like."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.i18n import N_
from app.rules.shapes import Shape


@dataclass(frozen=True, slots=True)
class Known:
    """A rule of the register. `label`: a Chinese catalogue text; `open`: its value may be left empty (null)."""

    label: str
    shape: Shape
    more: Mapping[str, Shape] = field(default_factory=dict)
    """Qualifiers that may stand beside the value."""
    open: bool = False
    among: frozenset[str] = frozenset()
    """The only words that its value may have; empty: every word of the register."""


_I, _F, _D, _B = Shape.integer, Shape.fraction, Shape.duration, Shape.flag
_W, _L = Shape.word, Shape.words

GROUPS: Mapping[str, str] = {
    "committee": N_("评标委员会"),
    "expert": N_("专家资格"),
    "draw": N_("抽取"),
    "allocation": N_("专家与场地的次序"),
    "venue": N_("评标场地"),
    "avoidance": N_("回避"),
    "confidentiality": N_("保密"),
    "evaluation": N_("评标过程"),
    "faults": N_("故障"),
    "records": N_("资料保存"),
    "complaints": N_("质疑与投诉"),
    "inspection": N_("随机抽查"),
}

KNOWN: Mapping[str, Known] = {
    "committee.min_size": Known(N_("委员会人数下限"), _I),
    "committee.odd_size": Known(N_("委员会人数为单数"), _B),
    "committee.expert_share_min": Known(N_("专家所占比例下限"), _F),
    "committee.size_overrides": Known(N_("特定项目的人数下限"), Shape.cases),
    "committee.supervisor_staff_barred": Known(N_("监督部门人员不得参加"), _B),
    "committee.same_employer_max": Known(N_("同一单位人数上限"), _I),
    "committee.same_employer_max_share": Known(N_("同一单位所占比例上限"), _F),
    "committee.purchaser_reps_max": Known(N_("招标人代表人数上限"), _I, {"share_max": _F}, open=True),
    "committee.own_unit_expert_only_as_purchaser_rep": Known(N_("招标人本单位的专家只能作为招标人代表"), _B),
    "expert.years_in_field_min": Known(N_("从业年限下限"), _I, {"with_title": _W, "or_title": _W}),
    "expert.title_min": Known(N_("职称下限"), _W, {"or_equivalent": _B}),
    "expert.age_max_exclusive": Known(N_("年龄须小于"), _I, {"relax_for_rare_specialty": _B}),
    "draw.method": Known(N_("抽取方式"), _W),
    "draw.law": Known(N_("抽取规律"), _W),
    "draw.pool": Known(N_("专家来源"), _W),
    "draw.designate_allowed_when": Known(N_("可以直接确定专家的情形"), _L),
    "draw.designate_requires": Known(
        N_("直接确定专家的要求"), _W, {"prefer_external": _B, "flag_in_publication": _B}
    ),
    "draw.earliest": Known(
        N_("最早在评标开始前多久抽取"),
        _D,
        {
            "unit": _W,
            "except": _L,
            "before": _W,
            "holiday": _W,
            "out_of_city": _W,
            "out_of_province": _D,
        },
        open=True,
    ),
    "draw.latest_before_start": Known(N_("最迟在评标开始前多久抽取"), _D, {"unit": _W}),
    "draw.committee_formed_within": Known(N_("委员会在多长时间内组建"), _D, {"before": _W}),
    "draw.pool_depth_min_ratio": Known(N_("名单人数至少为名额的几倍"), _I, {"action": _W}),
    "draw.greatest_chance_max": Known(N_("单个专家中选机会上限"), _F, {"action": _W}),
    "draw.ten_share_max": Known(N_("最可能的十人预计占席位的比例上限"), _F, {"action": _W}),
    "draw.reserve_depth": Known(N_("每个名单的备选人数"), _I),
    "draw.interval_days_min": Known(N_("两次中选至少相隔天数（0 为不限）"), _I),
    "draw.yearly_cap": Known(N_("一年中选次数上限（0 为不限）"), _I),
    "draw.cooling_off_days": Known(N_("入库满多少天后参加抽取（0 为不限）"), _I),
    "draw.reveal_within": Known(N_("各方公布份额的时限"), _D),
    "draw.over_invite": Known(N_("邀请人数可以多于名额"), _B),
    "draw.invite_mode": Known(
        N_("邀请方式"), _W, {"allowed": _L}, among=frozenset({"per_slot_sequential", "ranked_batch"})
    ),
    "draw.reply_window": Known(N_("答复时限"), _D),
    "draw.ivr_double_confirm": Known(N_("电话按键答复须再次确认"), _B),
    "draw.leave_cutoff_before_start": Known(N_("最迟在评标开始前多久请假"), _D),
    "draw.redraw_scope": Known(N_("补抽的范围"), _W),
    "draw.widen_ladder": Known(N_("抽取不足时依次放宽"), _L, among=frozenset({"specialty_parent", "region"})),
    "draw.short_pool": Known(N_("专家库人数不足时"), _W),
    "draw.on_shortage_at_site": Known(N_("现场缺员时"), _L),
    "allocation.mode": Known(N_("先抽专家还是先抽场地"), _W),
    "allocation.venues_per_project": Known(N_("一个项目的场地安排"), _W),
    "allocation.three_random": Known(N_("三随机的内容"), _L),
    "venue.cities_min": Known(N_("场地至少分布的城市数"), _I),
    "venue.own_city_allowed": Known(N_("场地可以在项目所在城市"), _B),
    "avoidance.grounds": Known(N_("回避事由"), Shape.grounds),
    "avoidance.employment_lookback_years": Known(N_("任职回避追溯年数"), _I),
    "avoidance.lookback_years": Known(N_("利害关系追溯年数"), _I),
    "avoidance.on_discovery": Known(N_("发现应当回避时"), _W),
    "avoidance.supplier_may_request": Known(
        N_("供应商可以申请回避"), _B, {"written": _B, "ask_respondent": _B}
    ),
    "confidentiality.committee_list_secret_until": Known(N_("名单保密到何时"), _W, {"then": _W}),
    "confidentiality.notice_may_contain": Known(N_("通知可以包含"), _L),
    "confidentiality.notice_must_not_contain": Known(N_("通知不得包含"), _L),
    "confidentiality.guest_venue_revealed_to_host_at": Known(N_("副场何时告知主场"), _W),
    "confidentiality.discussion_identity": Known(
        N_("讨论时的身份"), _W, {"face_mask": _B, "voice_alter": _B}
    ),
    "evaluation.extend_time_if_share": Known(N_("多少比例的成员认为时间不够时延长"), _F, {"compare": _W}),
    "evaluation.replaced_member_opinion": Known(N_("被更换成员的意见"), _W),
    "evaluation.disagreement_procedure": Known(N_("意见不一致时的程序"), _L),
    "evaluation.re_evaluation": Known(N_("重新评审"), _W, {"report_to_finance": _B}),
    "evaluation.performance_record_within": Known(N_("记录专家履职情况的时限"), _D),
    "faults.before_start_max_delay": Known(N_("评标开始前故障至多等待"), _D, {"then": _W}),
    "faults.during_max_pause": Known(N_("评标中故障至多暂停"), _D, {"then": _W}),
    "faults.on_pause": Known(N_("暂停时"), _L),
    "records.av_required": Known(N_("全程录音录像"), _B),
    "records.av_retention": Known(N_("录音录像保存期限"), _D, {"floor_days_after_bid_validity": _I}),
    "records.av_in_file": Known(N_("录音录像作为采购文件归档"), _B),
    "records.file_retention": Known(N_("档案保存期限"), _D, {"from": _W}),
    "records.guest_handover_within": Known(N_("副场移交资料的时限"), _D),
    "complaints.file_within": Known(N_("提出投诉的时限"), _D),
    "complaints.accept_decision_within": Known(N_("决定是否受理投诉的时限"), _D),
    "complaints.challenge_within": Known(N_("提出质疑的时限"), _D),
    "complaints.challenge_reply": Known(N_("答复质疑的时限"), _D),
    "complaints.complaint_within": Known(N_("质疑后提出投诉的时限"), _D),
    "complaints.decide_within": Known(N_("处理投诉的时限"), _D),
    "inspection.tiers": Known(N_("抽查的风险分级"), Shape.tiers),
}

QUALIFIERS: Mapping[str, str] = {
    "action": N_("不满足时"),
    "allowed": N_("可选"),
    "ask_respondent": N_("须询问被申请人"),
    "before": N_("起算点"),
    "compare": N_("比较"),
    "except": N_("不适用于"),
    "face_mask": N_("遮挡面部"),
    "flag_in_publication": N_("公告中标明"),
    "floor_days_after_bid_validity": N_("投标有效期满后至少保存天数"),
    "from": N_("起算点"),
    "holiday": N_("遇节假日"),
    "or_equivalent": N_("或同等水平"),
    "or_title": N_("或职称"),
    "out_of_city": N_("外地专家"),
    "out_of_province": N_("外省专家"),
    "prefer_external": N_("优先外单位"),
    "relax_for_rare_specialty": N_("稀缺专业可以放宽"),
    "report_to_finance": N_("须报告财政部门"),
    "share_max": N_("所占比例至多"),
    "then": N_("此后"),
    "unit": N_("单位"),
    "voice_alter": N_("改变声音"),
    "with_title": N_("须有职称"),
    "written": N_("须书面提出"),
}
"""What the qualifiers are called; catalogue texts."""

CONDITIONS: Mapping[str, str] = {
    "industry == 'water_conservancy'": N_("水利工程项目"),
    "budget_cny >= 10000000 or complex or high_social_impact": N_(
        "预算一千万元以上、技术复杂或社会影响较大的项目"
    ),
    "procedure in ('negotiation','consultation','inquiry')": N_("谈判、磋商或询价采购"),
}
"""Conditions that a case may name, and what they say; a booking does not tell them, so people check them."""
