"""Chinese words for the codes of the records, as a spreadsheet has them: 公开招标 for `open`."""

from __future__ import annotations

from ingest.http import schema as describe
from records.states import LOT_STATES

_ROLES = {
    "招标人": "tenderer",
    "招标代理": "agency",
    "代理机构": "agency",
    "投标人": "bidder",
    "供应商": "supplier",
}
_FAMILIES = {
    "工程建设": "works",
    "政府采购": "procurement",
    "土地": "land",
    "土地使用权": "land",
    "产权": "property",
    "其他": "other",
}
_LOT = {word: code for code, word in LOT_STATES.items()} | {
    "已截标": "closed", "已开标": "opened", "已中标": "awarded", "无效": "void", "重新评标": "re_evaluation",
}  # fmt: skip

WORDS: dict[tuple[str, str], dict[str, str]] = {
    ("centre", "level"): {"市级": "city", "区县级": "district", "基层": "small"},
    ("organisation", "roles"): _ROLES,
    ("organisation", "division_source"): {"登记": "registration", "数字证书": "ca", "统一社会信用代码": "uscc"},
    ("room", "kind"): {"开标室": "opening", "评标室": "evaluation", "见证室": "witness"},
    ("expert", "status"): {"正常": "active", "暂停": "suspended", "移出": "removed"},
    ("relation", "type"): {
        "控股": "control", "控制": "control", "持股": "shareholding", "任职": "position", "亲属": "kinship", "电话": "phone",
        "邮箱": "email", "地址": "address", "账户": "account", "社保": "social_security",
    },
    ("credit", "role"): _ROLES,
    ("project", "trade_family"): _FAMILIES,
    ("project", "key_flag"): {"市重点": "city_plan", "市重点计划": "city_plan", "动态服务保障": "safeguard"},
    ("opinion", "channel"): {"网站": "web", "网络": "web", "监督小组": "group", "电话": "phone", "信函": "letter"},
    ("lot", "trade_family"): _FAMILIES,
    ("lot", "method"): {
        "公开招标": "open", "邀请招标": "selective", "有限竞争": "limited", "直接发包": "direct",
    },
    ("lot", "status"): _LOT,
    ("lot", "flags"): {
        "重点": "key", "远程异地": "remote", "评定分离": "separate_award", "小额": "small_value", "全流程电子化": "electronic",
        "演练": "rehearsal",
    },
    ("lot", "organise_form"): {"自行招标": "self", "委托招标": "entrusted"},
    ("notice", "type"): {
        "招标公告": "tender", "变更公告": "change", "候选人公示": "candidates", "中标候选人公示": "candidates",
        "中标结果公告": "result", "结果公告": "result", "终止公告": "termination",
    },
    ("bid", "decrypt_status"): {"成功": "success", "失败": "failed"},
    ("bid", "status"): {
        "有效": "valid", "否决": "disqualified", "撤回": "withdrawn", "撤销": "revoked", "待定": "pending",
    },
    ("deposit", "form"): {"转账": "transfer", "保函": "guarantee", "保险": "insurance", "免收": "exempt"},
    ("deposit", "status"): {"已收": "received", "已退": "refunded", "不予退还": "forfeited"},
    ("control_price", "result"): {"正常": "normal", "超限价": "over"},
    ("objection", "stage"): {"招标文件": "documents", "开标": "opening", "中标候选人": "candidates"},
    ("objection", "kind"): {"异议": "objection", "投诉": "complaint"},
    ("opening", "state"): {"待开标": "scheduled", "已结束": "ended", "已封存": "ended", "已归档": "ended", "已取消": "cancelled"},
    ("opening", "result"): {"已开标": "opened", "流标": "failed", "终止": "terminated"},
    ("opening_event", "type"): {
        "预告": "scheduled", "签到": "sign_in", "公布投标人": "bidders_published", "解密": "decrypt_progress",
        "公布限价": "control_price", "系数承诺": "coefficient_committed", "抽取系数": "coefficient_drawn",
        "唱标": "bid_read", "更正唱标": "bid_corrected", "异议": "objection",
        "异议答复": "objection_answered", "确认记录": "record_confirmed", "暂停": "paused", "恢复": "resumed", "结束": "ended",
    },
    ("evaluation", "mode"): {"现场": "on_site", "远程异地": "remote"},
    ("evaluation", "tier"): {"市域": "city", "跨市": "cross_city", "跨省": "cross_province"},
    ("evaluation", "state"): {
        "待评标": "scheduled", "评标中": "in_progress", "暂停": "paused", "已结束": "ended", "流标": "failed",
    },
    ("score", "kind"): {"客观": "objective", "主观": "subjective"},
    ("fee", "status"): {"待缴": "payable", "已缴": "paid", "失败": "failed"},
    **{(kind, "vat"): {"含税": "included", "不含税": "excluded"} for kind in ("lot", "bid", "award", "contract")},
    ("award", "status"): {"候选人": "candidate", "中标候选人": "candidate", "中标": "awarded", "取消": "cancelled"},
}  # fmt: skip
"""(kind, field) → word → code; where two words stand for a code, the first is the usual one."""


def coded(kind: str) -> dict[str, list[str]]:
    """Fields of a kind that hold codes → their codes."""
    fields = ((name, words.strip("[]")) for name, words, *_ in describe.fields(kind))
    return {name: words.split(", ") for name, words in fields if ", " in words and "|" not in words}
