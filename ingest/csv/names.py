"""Names of files and columns of a CSV pack, in Chinese and English."""

from __future__ import annotations

from ingest.http import schema as describe
from ingest.kinds.registry import KINDS

_ZH_FILES = {
    "centre": "交易中心", "organisation": "主体", "room": "开标室", "project": "项目", "lot": "标段", "bid": "投标",
    "deposit": "保证金", "opening": "开标", "opening_event": "开标事件", "award": "中标", "relation": "主体关系",
    "credit": "信用评价", "notice": "公告", "control_price": "控制价分析", "objection": "异议", "expert": "专家",
    "evaluation": "评标", "score": "评分", "fee": "评审费", "contract": "合同", "opinion": "社会监督意见",
    "inspection": "联合督查",
}  # fmt: skip
FILES = {name: kind for kind in KINDS for name in (kind, f"{kind}s", _ZH_FILES[kind])}
"""Stem of a file → kind."""

_COMMON = {"编号": "key", "版本": "version", "发生时间": "occurred_at", "id": "key"}
_ZH = {
    "名称": "name", "英文名称": "name_en", "级别": "level", "行政区划": "division_code", "启用见证": "witness_enabled",
    "交易中心": "centre", "类型": "kind", "容量": "capacity", "可公开": "public_allowed",
    "统一社会信用代码": "uscc", "角色": "roles", "区划来源": "division_source", "国家": "country",
    "成立日期": "established", "法定代表人": "legal_rep", "地址": "address",
    "交易类别": "trade_family", "行业": "sector", "总投资": "investment", "重点标志": "key_flag", "招标人": "tenderer",
    "项目": "project", "项目编号": "project", "招标代理": "agency", "分类": "category", "招标方式": "method",
    "评标办法": "evaluation_method", "币种": "currency", "含税": "vat", "参与单位": "participants", "估算价": "estimate", "最高投标限价": "control_price",
    "招标控制价": "control_price", "标底": "base_price", "应缴保证金": "deposit_required", "公告时间": "notice_at",
    "投标截止": "deadline", "计划定标时间": "planned_award_at", "轮次": "round", "状态": "status",
    "资格预审": "prequalification", "标志": "flags",
    "标段": "lot", "标段编号": "lot", "投标人": "bidder", "联合体成员": "consortium", "递交时间": "received_at",
    "撤回时间": "withdrawn_at", "解密状态": "decrypt_status", "投标报价": "price", "工期": "duration_days",
    "质量": "quality", "项目负责人": "manager", "否决原因": "reject_reason", "排名": "rank", "文件哈希": "file_sha256",
    "MAC地址": "mac", "CPU序列号": "cpu_serial", "硬盘序列号": "disk_serial", "加密锁号": "dongle_serial",
    "文件创建标识码": "file_id", "作者": "author", "上传IP": "upload_ip", "现场上传": "on_site", "CA序列号": "ca_serial",
    "CA归属地": "ca_region",
    "投标": "bid", "缴纳形式": "form", "金额": "amount", "付款账号": "payer_account", "付款人": "payer_name",
    "到账时间": "received_at", "应退时间": "due_refund_at", "退还时间": "refunded_at", "利息": "interest",
    "开标室": "room", "计划时间": "scheduled_at", "主持人": "host", "开始时间": "started_at", "结束时间": "ended_at",
    "结果": "result", "开标": "opening", "内容": "payload", "内部内容": "detail", "操作人": "actor",
    "中标人": "bidder", "中标价": "price", "公示开始": "publicity_from", "公示结束": "publicity_until",
    "定标时间": "awarded_at",
    "招标项目": "tender_project", "组织形式": "organise_form", "统一交易标识码": "unified_deal_code",
    "分类代码": "classify_code", "主体": "organisation", "主体甲": "from", "主体乙": "to", "持股比例": "ratio",
    "关联依据": "link", "生效日期": "valid_from", "失效日期": "valid_until", "评价体系": "system", "评价周期": "period",
    "得分": "score", "扣分": "deductions", "标题": "title", "发布时间": "published_at", "截止时间": "until",
    "媒体": "media", "内容哈希": "content_sha256", "网址": "url", "限价": "limit", "阶段": "stage", "提出人": "raised_by",
    "提出时间": "raised_at", "答复": "answer", "答复时间": "answered_at", "是否成立": "upheld", "专业": "specialities",
    "工作单位": "employer", "曾任单位": "former_employers", "专家库": "pool", "违规记录": "violations", "评标方式": "mode",
    "层级": "tier", "主会场": "main_site", "分会场": "secondary_sites", "专家人数": "experts", "评标": "evaluation",
    "专家": "expert", "评分项": "item", "满分": "full_marks", "提交时间": "submitted_at", "工时": "hours",
    "支付时间": "paid_at", "签订时间": "signed_at", "分包单位": "subcontractors", "变更": "changes", "渠道": "channel",
    "正文": "content", "承办人": "handler", "收到时间": "received_at", "公开内容": "public_text", "督查日期": "on",
    "被查项目": "projects", "问题": "problems",
}  # fmt: skip
_OVERRIDES = {
    "opening_event": {"类型": "type"},
    "relation": {"类型": "type"},
    "notice": {"类型": "type", "公告类型": "type"},
    "evaluation": {"评标室": "room"},
    "contract": {"中标人": "bidder", "供应商": "bidder", "合同金额": "value", "金额": "value"},
}


def _headers(kind: str) -> dict[str, str]:
    fields = {name for name, *_ in describe.fields(kind)}
    zh = {**_ZH, **_OVERRIDES.get(kind, {})}
    return {**_COMMON, **{header: name for header, name in zh.items() if name in fields}}


HEADERS = {kind: _headers(kind) for kind in KINDS}
"""Kind → Chinese header → field; English headers are the field names themselves."""


def zh_names(kind: str) -> dict[str, str]:
    """Field → Chinese header, for the documentation."""
    return {name: header for header, name in reversed(HEADERS[kind].items()) if header != "id"}
