"""Every refusal of the draw in words, by its code; the source texts are Chinese, English is in the catalogue."""

from types import MappingProxyType

from app.core.errors import Conflict, InvalidInput

# What was asked cannot be read as a request: mend the request.
REQUEST = MappingProxyType(
    {
        "draw.id_not_text": "编号必须是非空文本，收到的是 {value}。",
        "draw.duplicate_candidate": "候选 {id} 出现了两次；同一人只能有一个编号。",
        "draw.duplicate_slot": "名额 {slot} 出现了两次。",
        "draw.no_slots": "没有名额：至少要抽取一个。",
        "draw.quota_out_of_range": "名额 {slot} 的数量是 {quota}；应为 1 至 {most}。",
        "draw.too_many_places": "合计 {places} 个名额；一次至多抽取 {most} 个。",
        "draw.duplicate_cap": "分组 {group} 的上限写了两次。",
        "draw.cap_out_of_range": "分组 {group} 的上限是 {cap}；应为不小于 1 的整数。",
        "draw.held_over_cap": "已定成员中分组 {group} 已有 {count} 人，超过上限 {cap}。",
        "draw.unknown_slot": "候选 {id} 写有名额 {slot}，而本次抽取没有这个名额。",
        "draw.candidate_without_slot": "候选 {id} 不符合任何名额，不应列入名单。",
        "draw.weight_out_of_range": "候选 {id} 的权重是 {weight}；应为 1 至 {most} 的整数。",
        "draw.levels_out_of_range": "隔离级别写了 {levels} 级；应为 1 至 {most} 级。",
        "draw.bound_contradicts": "分组 {group} 的值 {value} 要求 {least} 至 {most} 人，自相矛盾；应为整数，且 0 ≤ 下限 ≤ 上限。",
        "draw.duplicate_bound": "分组 {group} 的值 {value} 的上下限写了两次。",
        "draw.held_is_candidate": "{id} 已是定下的成员，不能同时是候选。",
        "draw.conflict_unknown": "冲突名单中的 {id} 既不是候选也不是已定成员。",
        "draw.conflict_with_oneself": "{id} 被写成与自己冲突。",
        "draw.follows_itself": "{kind} 的名单不能关联自己。",
        "draw.follows_needs_one": "名额 {slot} 的数量是 {quota}；关联其他名单时每个名额只能抽 1 个。",
    }
)

# The request is clear, but the pool cannot give it: what would have to give.
POOL = MappingProxyType(
    {
        "draw.slot_short": "名额 {slot} 需要 {quota}，可抽取的只有 {available}（另有 {removed} 因回避等原因排除）。"
        "请放宽该名额的条件，或减少数量。",
        "draw.slots_compete": "名额 {slots} 合计需要 {quota}，而它们的候选合起来只有 {available}。请扩大其中之一的候选范围。",
        "draw.cap_blocks": "分组 {group} 每组至多 {cap} 的限制使抽取无法完成；放宽到 {enough} 即可，届时有 {committees} 种组合。",
        "draw.least_blocks": "分组 {group} 的值 {value} 至少 {least} 人的要求使抽取无法完成；降到 {enough} 即可，届时有 {committees} 种组合。",
        "draw.most_blocks": "分组 {group} 的值 {value} 至多 {most} 人的限制使抽取无法完成；提高到 {enough} 即可，届时有 {committees} 种组合。",
        "draw.conflicts_block": "{pairs} 对不得同席的关系使抽取无法完成；不计这些关系时有 {committees} 种组合。",
        "draw.ground_blocks": "事由 {ground} 排除了 {removed} 名候选，使抽取无法完成；这些候选若经核实可以参加，有 {committees} 种组合。",
        "draw.not_counted": "名单的结构过于复杂，无法精确计算每名候选的机会，因此不能拟合均衡权重。请改用等概率抽取，或减少上下限和冲突。",
        "draw.limits_block": "现有的限制合在一起使抽取无法完成，单独放宽其中任何一项都不够。请扩大候选范围，或同时放宽几项。",
    }
)

# The committee that was asked for is not one the rules allow.
COMMITTEE = MappingProxyType(
    {
        "committee.too_small": "评标委员会共 {size} 人，少于规定的 {least} 人。",
        "committee.even": "评标委员会共 {size} 人，人数应为单数。",
        "committee.expert_share": "专家 {experts} 人，占 {size} 人的比例低于 {numerator}/{denominator}。",
        "committee.pool_shallow": "名额 {slot} 需要 {quota}，候选只有 {available}，少于规定的 {ratio} 倍；"
        "候选太少会让人猜到名单。",
    }
)

# A step the record of the draw does not allow; also what the verifier finds.
RECORD = MappingProxyType(
    {
        "record.empty": "记录是空的。",
        "record.not_canonical": "这一行不是规范写法的记录行（有字节被改动、增删或换序）。",
        "record.no_newline": "最后一行没有换行结束，记录可能被截断。",
        "record.wrong_number": "行号应为 {expected}，写的是 {found}。",
        "record.wrong_previous": "与上一行的哈希不相连：有行被改动、插入或删除。",
        "record.wrong_hash": "本行内容与其哈希不符，本行被改动过。",
        "record.wrong_signature": "本行不是由首行所列的抽取系统密钥签名的。",
        "record.wrong_party_signature": "{party} 的签名不成立：不是以首行所列的密钥对这一步签署的。",
        "record.wrong_key": "首行所列的签名公钥与公布的不同，记录不是由该系统出具的。",
        "record.wrong_head": "记录的末行不是预期的那一行：结尾被截去或替换。",
        "record.time_goes_back": "时间早于上一行。",
        "record.malformed": "这一行的内容不完整或格式不对（{where}）。",
        "record.unknown_type": "不认识的行类型 {type}。",
        "record.unknown_format": "不认识的记录格式、算法或规则（{value}）；请用相应版本的校验程序。",
        "record.not_opened": "记录必须以 open 行开始。",
        "record.opened_twice": "open 行只能有一行。",
        "record.finished": "记录已经结束（{state}），其后不能再有任何行。",
        "record.out_of_place": "此处不能有 {type} 行（抽取当前处于 {phase} 阶段）。",
        "record.party_unknown": "首行没有名为 {party} 的参与方。",
        "record.party_twice": "{party} 在此已经签署或公布过一次。",
        "record.not_approved": "预测性指标有警示，须由监督人签署同意后才能抽取。",
        "record.not_called": "尚未通知各方公布份额。",
        "record.wrong_figures": "抽取前公布的数据（{where}）与名单不符。",
        "record.pool_frozen": "{kind} 的名单在首行已经固定，不能更换。",
        "record.pool_changed_slots": "{kind} 的名额、隔离级别或关联与首行公布的不同。",
        "record.follow_unknown": "{kind} 所关联的 {followed} 不在记录中，或名额不能一一对应。",
        "record.list_unopened": "{kind} 的名单没有公开，无法据此抽取或核对。",
        "record.opening_unknown": "公开的名单没有对应的承诺行。",
        "record.opening_order": "名单公开的次序不对，或同一名单公开了两次。",
        "record.opening_missing": "本行承诺的 {kind} 名单没有公开，而其他名单已公开。",
        "record.wrong_size": "{kind} 名单应有 {expected} 人，公开的有 {found} 人。",
        "record.wrong_commitment": "公开的 {kind} 名单不是事先承诺的那一份。",
        "record.exclude_unknown": "{who} 不在 {kind} 的名单中，不能排除。",
        "record.exclude_seated": "{who} 仍在席位上，应先记录其离席。",
        "record.kind_unknown": "记录中没有 {kind} 的名单。",
        "record.wrong_round": "轮次应为 {expected}，写的是 {found}。",
        "record.broken_commitment": "{party} 公布的份额与其事先的承诺不符。",
        "record.wrong_beacon": "公共随机数与通知中指定的不同，或早于各方公布份额。",
        "record.not_withheld": "不能认定 {party} 未按时公布份额：没有待其公布的通知，或时限未到。",
        "record.nothing_needed": "没有空缺，不需要再抽取。",
        "record.no_reserve": "名额 {slot} 没有可递补的备选，须重新通知各方后补抽。",
        "record.reserve_first": "专家的空缺还可以由备选递补，不能重新通知各方；请先从备选递补。",
        "record.followed_vacant": "名额 {slot} 的 {followed} 尚未抽定，不能抽取 {kind}。",
        "record.wrong_needed": "{kind} 本轮应抽取的名额与实际空缺不符。",
        "record.wrong_seed": "{kind} 第 {round} 轮的种子不是由各方份额得出的。",
        "record.wrong_drawn": "{kind} 第 {round} 轮的结果与重新运算的结果不符。",
        "record.not_drawn": "{who} 从未被抽为名额 {slot} 的 {kind}。",
        "record.outcome_refused": "{who} 当前为 {state}，不能记录 {outcome}。",
        "record.not_filled": "{kind} 的名额 {slot} 尚有空缺或未确认，不能结束。",
        "record.wrong_holders": "结束行所列的最终名单与各轮结果不符。",
        "slip.not_listed": "该专家不在本次抽取的专家名单中。",
        "slip.wrong_code": "代码不是由该专家的库内记录得出的。",
        "slip.not_in_roster": "库内记录不属于首行所列的专家库。",
        "slip.not_in_table": "名单行不属于首行承诺的专家名单。",
        "slip.not_in_chances": "中签机会不属于抽取前公布的数据。",
        "register.another_house": "总账各行应属于同一中心、由同一密钥签名。",
        "register.wrong_end": "{draw} 未登记开始，或已登记结束。",
        "register.wrong_order": "{draw} 已登记过，或编号没有按顺序递增。",
        "register.wrong_number": "抽取编号 {draw} 的写法应为“前缀-年份-序号”。",
    }
)


# An inspection that cannot be planned or staffed as asked: what to mend.
INSPECTION = MappingProxyType(
    {
        "inspection.target_unfit": "抽取方式 {method} 与抽取数量的写法不符：分级抽取按等级逐一给出数量，按风险分值抽取只给出总数。",
        "inspection.target_order": "各等级应按代码升序逐一列出，不得重复。",
        "inspection.target_negative": "抽取数量不能小于 0。",
        "inspection.object_tier": "检查对象 {object} 的等级“{tier}”不在本次抽取的等级之中。",
        "inspection.object_points": "检查对象 {object} 的风险分值是 {points}；按风险分值抽取时应为 0 至 {most} 的整数，分级抽取时应为 0。",
        "inspection.tier_unknown": "等级 {tier} 没有规定的抽查比例；已有规定的等级：{tiers}。",
        "inspection.ratio_outside": "等级 {tier} 的抽查比例 {ratio} 不在规定的 {least} 至 {most} 之内。",
        "inspection.tier_short": "等级 {tier} 要抽取 {wanted} 个，可抽取的只有 {found} 个。请减少数量，或核对被排除的对象。",
        "inspection.points_short": "要抽取 {wanted} 个，有风险分值且可抽取的只有 {found} 个。请减少数量，或核对分值和被排除的对象。",
        "inspection.object_short": "检查对象 {object} 需要 {needed} 名检查人员，与其没有利害关系且可选派的只有 {found} 名。"
        "请补充检查人员，或减少每个对象的检查人数。",
        "inspection.load_short": "每人至多检查 {most} 个对象时无法排满 {needed} 个检查任务；放宽到每人 {enough} 个即可，或补充检查人员。",
    }
)

# A step the record of a campaign of inspections does not allow; also what the verifier finds.
CAMPAIGN = MappingProxyType(
    {
        "inspection.nothing_needed": "抽中的对象都已有检查人员，不需要再次抽取。",
        "inspection.wrong_seed": "第 {round} 轮写的种子与各方公布的份额不符。",
        "inspection.wrong_sample": "抽中的对象与重新运算的结果不符。",
        "inspection.wrong_pairs": "第 {round} 轮的人员匹配与重新运算的结果不符，或不符合空缺、回避和每人上限。",
        "inspection.not_assigned": "{who} 当前没有这项检查任务，不能退出。",
        "inspection.per_object_changed": "每个对象的检查人数在首行已经固定，不能更改。",
        "inspection.not_staffed": "检查对象 {object} 还缺检查人员，不能结束。",
        "inspection.wrong_closing": "结束行所列的匹配结果与各轮结果不符。",
    }
)

_LINES = MappingProxyType({**RECORD, **CAMPAIGN})


def misasked(code: str, **params: object) -> InvalidInput:
    """The refusal of a request that has to be mended by whoever wrote it."""
    return InvalidInput(code, REQUEST[code], "", **params)


class DrawInfeasible(Conflict):
    """The pool cannot give what is asked; the code and the text say what would have to give."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, POOL[code], "", **params)


class RecordBroken(Conflict):
    """A line that the record of a draw does not allow at that place."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, _LINES[code], "", **params)


def misplanned(code: str, **params: object) -> InvalidInput:
    """The refusal of a plan of inspections that has to be mended by whoever wrote it."""
    return InvalidInput(code, INSPECTION[code], "", **params)


class InspectionInfeasible(Conflict):
    """The lists cannot give the inspections asked for; the text says what would have to give."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, INSPECTION[code], "", **params)
