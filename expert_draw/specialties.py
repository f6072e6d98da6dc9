"""The part of the national classification of evaluation specialties that this service knows, by code.

Codes and names follow 公共资源交易评标专家专业分类标准 (发改法规〔2018〕316号): a letter, then two, four or
six digits. Whoever is qualified in A0801 counts for A08; a place may ask for any of the three depths.
"""

import difflib
import re

_LISTED = """
A01 规划
A0102 城乡规划
A010201 城镇体系规划
A010202 城市规划
A010203 镇规划
A010204 乡和村庄规划
A02 投资策划与决策
A0201 项目建议、可行性研究、评估及后评价
A020101 公路
A020127 水利
A020132 市政公用工程
A020133 建筑
A03 勘察
A0301 岩土工程
A030101 岩土工程勘察/工程地质勘察
A030102 岩土工程设计
A030103 岩土工程物探测试检测监测
A0302 地质工程
A030201 地质灾害治理
A030202 地质环境保护
A0303 测绘工程
A030301 大地测量
A030302 工程测量
A030303 摄影测量与遥感
A030305 地籍测量与勘测定界
A030306 地理信息系统工程
A0304 水文气象勘察
A030401 陆地水文勘察
A030403 气象勘察
A04 设计
A0401 建筑工程
A040101 建筑总平面规划
A040102 建筑
A040103 结构
A040104 给水排水
A040105 暖通空调
A040106 电气、通信及弱电
A040107 装饰
A040108 幕墙
A040111 钢结构
A040112 照明
A040114 消防
A0402 市政工程
A040201 市政线路、站场
A040202 市政道路
A040203 市政桥梁
A040204 市政道路照明
A040206 市政给水排水
A040208 城市燃气
A040211 环保
A040212 园林
A0403 公路工程
A040301 路线
A040302 路基、路面
A040303 桥梁
A040304 隧道
A040305 交通工程
A040306 概预算
A0408 水利工程
A040801 水利总图
A040803 水工建筑
A040805 水利机械及金属结构
A040806 水土保持
A040807 农田水利
A05 监理
A0501 建筑工程
A050101 建筑
A050102 结构
A050103 给水排水
A050104 暖通空调
A050105 电气
A050106 机电设备安装
A050107 装饰
A050108 幕墙
A0502 市政工程
A050201 土木工程
A050202 给水排水
A050203 供配电、信号
A050204 机电设备
A050205 园林与绿化
A0503 公路工程
A050301 路基、路面
A050302 桥梁
A050303 隧道
A050304 公路机电工程
A050305 公路安全设施
A0508 水利工程
A050801 地质
A050802 水工建筑
A050803 电气
A050804 水利机械金属结构
A050805 水土保持
A050806 农田水利
A06 工程造价
A0601 土建工程
A060101 建筑
A060102 市政
A060111 水利
A060113 矿山
A060119 农业
A060120 林业
A060121 电子、通信
A060123 环境
A0602 安装工程
A060201 建筑
A060202 市政
A060211 水利
A060221 电子、通信
A07 项目管理(含代建)
A0701 建设项目管理
A070101 建设综合协调
A070102 建设进度管理
A070103 建设质量管理
A070104 建设费用管理
A070105 建设采购管理
A070106 建设安全管理
A070107 建设合同管理
A08 工程施工
A0801 建筑工程
A080101 土石方工程
A080102 地基处理工程
A080103 爆破与拆除工程
A080104 土建工程
A080105 电气工程
A080106 建筑给水排水工程
A080107 钢结构工程
A080108 通风与空调工程
A080109 室内装饰装修工程
A080110 幕墙工程
A080111 建筑智能化工程
A080112 电梯工程
A080113 消防设施工程
A080114 机电设备安装工程
A080115 动力工程
A080116 高耸构筑物工程
A080117 建筑防水、防腐、保温工程
A080118 仿古建筑及修缮工程
A0802 市政工程
A080201 道路工程
A080202 桥梁工程
A080203 隧道工程
A080204 给水工程
A080205 排水工程
A080206 防洪堤防工程
A080207 燃气工程
A080210 道路照明工程
A080212 垃圾处理工程
A080213 市容环境综合整治工程
A0803 公路工程
A080301 路基工程、路面工程
A080302 桥梁工程
A080303 隧道工程
A080304 公路安全设施
A080305 公路机电工程
A0808 水利工程
A080801 基础处理
A080802 水工建筑物工程
A080803 引水和灌溉工程
A080804 河道和堤防工程
A080805 机电设备及安装工程
A080807 水土保持
A080808 农田水利
A080809 安全监测工程
A0829 地质工程
A082901 地质灾害治理
A082902 地质环境保护
A0830 园林绿化工程
A083001 园林工程
A083002 绿化工程
A0832 信息工程
A083201 计算机信息系统集成
A083202 计算机网络工程
A083203 软件系统开发
A083204 信息安全系统集成
A083205 信息系统机房建设
A09 其他工程
A0901 环境工程
A090101 大气污染控制工程
A090102 生态保护和修复工程
A090103 土壤污染控制工程
A0906 文物保护工程
A090601 文物建筑修缮与保护
A090602 古遗址、古墓葬修缮与保护
A0907 安全防范工程
A090701 安全防范系统工程
A0909 土地整理工程
A090901 建设用地开发与整理工程
A090902 农用地开发整理工程
B01 机械、设备类
B0101 建筑机械
B010101 盾构设备
B010102 挖掘机械
B010106 塔吊
B0110 农业机械
B011004 收获机械
B011008 排灌机械
B0112 电子元器件及专用设备
B011208 自动化仪表
B011210 通讯网络设备
B09 其他类
B0901 其他货物
B090101 办公设备
B090102 家具
B090103 办公耗材
B090104 厨房设备
B090106 服装
B090107 图书
C01 勘查与调查
C0103 生态与资源调查
C010301 森林调查
C010305 水文水资源调查
C02 公共咨询
C0201 咨询服务
C020101 环境咨询
C020114 招标投标咨询
C020115 信息系统咨询
C03 经济管理
C0304 建筑经济管理
C030400 建筑经济管理
C0309 财税管理
C030900 财税管理
C0310 审计管理
C031000 审计管理
C0313 合同管理
C031300 合同管理
C04 工商管理
C0402 财务管理
C040200 财务管理
C0403 资产评估
C040300 资产评估
C0410 物业管理
C041000 物业管理
C05 金融
C0502 会计
C050200 会计
C0503 保险
C050300 保险
C06 法律
C0602 民商法
C060200 民商法
C0603 行政法
C060300 行政法
C12 其他服务
C1201 社会公共安全服务
C120102 消防技术
C120106 保安服务
C1205 培训
C120501 管理类培训
C120502 技能类培训
"""

SPECIALTIES: dict[str, str] = dict(line.split(" ", 1) for line in _LISTED.strip().splitlines())
"""Name by code, in the order of the standard."""

_LOOKALIKES = str.maketrans("OIL", "011")
_FORM = re.compile(r"[ABC](?:\d{2}){1,3}")


def specialty_name(code: str) -> str:
    """The name with that of the group above it, such as 建筑工程·土建工程; the code itself when unlisted."""
    name = SPECIALTIES.get(code, code)
    above = SPECIALTIES.get(code[:-2])
    return f"{above}·{name}" if above and above != name else name


def is_listed(code: str) -> bool:
    return code in SPECIALTIES


def covers(asked: str, held: str) -> bool:
    """Whether somebody qualified in `held` may take a place that asks for `asked`."""
    return held.startswith(asked)


def suggestion(text: str) -> str | None:
    """The listed code that was most likely meant by an unlisted code or by a name; None when nothing is near."""
    for code, name in SPECIALTIES.items():
        if len(code) == 7 and text in {name, name.removesuffix("工程"), specialty_name(code)}:  # noqa: PLR2004
            return code
    swapped = text.upper().translate(_LOOKALIKES)
    if _FORM.fullmatch(swapped) and swapped in SPECIALTIES:
        return swapped
    near = difflib.get_close_matches(swapped, SPECIALTIES, n=1, cutoff=0.75)
    return near[0] if near else None
