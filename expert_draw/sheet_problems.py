"""Everything that can be wrong with a roster sheet: what it is called, what is said and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.i18n import N_, translate


class Severity(StrEnum):
    """An error keeps the whole sheet out; a warning asks somebody to look."""

    error = "error"
    warning = "warning"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; texts are Chinese catalogue texts with `{name}` parameters."""

    message: str
    remedy: str
    severity: Severity = Severity.error


def _warning(message: str, remedy: str) -> Kind:
    return Kind(message, remedy, Severity.warning)


KINDS: Mapping[str, Kind] = {
    # the sheet as a whole
    "header-missing": Kind(
        N_("找不到表头"), N_("保留一行列名，至少包括专家编号、姓名、证件号码、联系电话和专业代码")
    ),
    "column-missing": Kind(N_("缺少“{wanted}”列"), N_("增加一列，列名写“{wanted}”，也可以写：{aliases}")),
    "column-twice": Kind(N_("“{wanted}”列出现了两次"), N_("只保留一列，删去或改名另一列")),
    "rows-missing": Kind(N_("表头下面没有专家"), N_("从表头的下一行起，每行填写一位专家")),
    # any cell
    "value-missing": Kind(N_("必填项没有填写"), N_("补填“{wanted}”")),
    "value-too-long": Kind(N_("内容有 {length} 个字，超过上限"), N_("缩短到 {limit} 个字以内")),
    # the person
    "number-form": Kind(
        N_("专家编号“{value}”格式不对"), N_("填写 4 至 17 位字母、数字或连字符，例如 53060020241000123")
    ),
    "number-twice": Kind(N_("专家编号与第 {other} 行相同"), N_("每位专家一个编号；重复的行删去一行")),
    "number-taken": Kind(N_("专家编号已属于库中另一位专家"), N_("核对编号；若是同一人，请核对证件号码")),
    "name-form": Kind(N_("姓名中有数字或符号"), N_("只写姓名，少数民族姓名用间隔号“·”")),
    "gender-unknown": Kind(N_("性别“{value}”无法识别"), N_("填写“男”或“女”")),
    "gender-mismatch": Kind(
        N_("性别与证件号码第 17 位不符"), N_("核对性别和证件号码；第 17 位单数为男，双数为女")
    ),
    "identity-type": Kind(N_("证件类型“{value}”暂不支持"), N_("填写居民身份证及其号码")),
    "identity-form": Kind(
        N_("证件号码应为 18 位：17 位数字加 1 位数字或 X，现有 {length} 位"), N_("对照证件补全或改正")
    ),
    "identity-rounded": Kind(
        N_("证件号码被表格软件当作数字，末尾几位已经丢失"), N_("把该列设为“文本”格式后重新录入证件号码")
    ),
    "identity-date": Kind(N_("证件号码第 7 至 14 位不是真实日期"), N_("对照证件改正出生年月日的八位")),
    "identity-check": Kind(N_("证件号码校验不通过"), N_("逐位对照证件；若前 17 位无误，末位应为 {expected}")),
    "identity-twice": Kind(N_("证件号码与第 {other} 行相同"), N_("同一位专家只保留一行")),
    "birth-form": Kind(N_("出生日期“{value}”无法识别"), N_("写成 1980-05-31 的形式")),
    "birth-mismatch": Kind(
        N_("出生日期与证件号码不符"), N_("证件号码第 7 至 14 位是出生年月日；核对后改正其中一处")
    ),
    "age-impossible": Kind(N_("按证件号码年龄为 {age} 岁"), N_("专家年龄应在 18 至 80 岁之间；核对证件号码")),
    "age-high": _warning(N_("年满 {age} 岁"), N_("不少办法以 70 岁为上限；确认是否续聘")),
    "region-unknown": Kind(
        N_("行政区域“{value}”无法识别"), N_("填写 6 位代码或全名，例如 530600 或 云南省昭通市")
    ),
    "region-broad": _warning(N_("行政区域只到省一级"), N_("写到市、州一级，抽取时才能按城市分布")),
    "region-unnamed": _warning(N_("行政区域代码 {value} 没有收录名称"), N_("核对代码；代码无误可以忽略")),
    "phone-form": Kind(
        N_("联系电话不是手机号码"), N_("只填一个 11 位手机号码，以 13 至 19 开头；现有 {length} 位数字")
    ),
    "phone-twice": _warning(
        N_("联系电话与第 {other} 行相同"), N_("两位专家共用号码时，电话邀请无法区分；各填本人号码")
    ),
    "phone-taken": _warning(
        N_("联系电话与库中另一位专家相同"), N_("两位专家共用号码时，电话邀请无法区分；各填本人号码")
    ),
    # the employer
    "employer-code-form": Kind(
        N_("统一社会信用代码应为 18 位数字和大写字母（不含 I、O、S、V、Z），现有 {length} 位"),
        N_("对照营业执照或法人证书改正"),
    ),
    "employer-code-check": Kind(
        N_("统一社会信用代码“{value}”校验不通过"), N_("逐位对照证照；若前 17 位无误，末位应为 {expected}")
    ),
    "employer-two-names": _warning(
        N_("同一信用代码在第 {other} 行写作“{name}”"), N_("回避按单位判断；统一为证照上的名称")
    ),
    # the qualification
    "title-not-senior": _warning(
        N_("职称“{value}”看不出是高级"), N_("评标专家应具有高级职称或同等专业水平；核对后可以忽略")
    ),
    "years-form": Kind(N_("从业年限“{value}”不是整数"), N_("只写整年数，例如 15")),
    "years-impossible": Kind(N_("从业 {years} 年与年龄 {age} 岁不相称"), N_("核对从业年限和证件号码")),
    "years-few": _warning(N_("从业年限 {years} 年"), N_("评标专家应从事相关领域工作满八年；核对后可以忽略")),
    "specialty-near": Kind(
        N_("专业代码“{value}”不在分类标准中"), N_("是否应为 {suggestion} {suggested_name}？")
    ),
    "specialty-unknown": Kind(
        N_("专业代码“{value}”不在分类标准中"), N_("填写 2018 年专业分类标准的代码，例如 A080104")
    ),
    "until-form": Kind(N_("有效期“{value}”无法识别"), N_("写成 2027-12-31 的形式")),
    "until-past": _warning(N_("有效期已于 {value} 届满"), N_("续聘后改为新的有效期，否则不会被抽到")),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: spreadsheet row (from 1), column letter and header, kind and parameters.

    Names, birth dates, identity and phone numbers are never among the parameters: listings get copied about.
    """

    row: int
    column: str
    header: str
    code: str
    params: tuple[tuple[str, object], ...] = field(default=())

    @property
    def severity(self) -> Severity:
        return KINDS[self.code].severity

    def message(self, language: str) -> str:
        return translate(language, KINDS[self.code].message, **dict(self.params))

    def remedy(self, language: str) -> str:
        return translate(language, KINDS[self.code].remedy, **dict(self.params))
