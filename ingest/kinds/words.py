"""Chinese words that several kinds share: for fields (CSV headers) and for codes."""

from __future__ import annotations

from records.currencies import VAT_WORDS

HEADERS = {
    "名称": "name", "英文名称": "name_en", "行政区划": "division_code", "交易中心": "centre", "类型": "kind",
    "交易类别": "trade_family", "招标人": "tenderer", "项目": "project", "项目编号": "project", "币种": "currency",
    "含税": "vat", "状态": "status", "标段": "lot", "标段编号": "lot", "投标人": "bidder", "联合体成员": "consortium",
    "递交时间": "received_at", "投标报价": "price", "排名": "rank", "投标": "bid", "金额": "amount",
    "到账时间": "received_at", "开标室": "room", "计划时间": "scheduled_at", "开始时间": "started_at",
    "结束时间": "ended_at", "结果": "result", "中标人": "bidder", "中标价": "price", "得分": "score",
    "答复时间": "answered_at", "评标": "evaluation", "专家": "expert", "正文": "content", "收到时间": "received_at",
}  # fmt: skip
"""Chinese CSV header → field, whatever kind has it; what a kind declares itself goes before."""

ROLES = {
    "招标人": "tenderer", "招标代理": "agency", "代理机构": "agency", "投标人": "bidder", "供应商": "supplier",
}  # fmt: skip
TRADE_FAMILIES = {
    "工程建设": "works", "政府采购": "procurement", "土地": "land", "土地使用权": "land", "产权": "property",
    "其他": "other",
}  # fmt: skip
VAT = {word: vat for vat, word in VAT_WORDS.items()}
