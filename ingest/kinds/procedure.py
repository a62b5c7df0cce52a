"""Kinds of the steps of a lot: notices, objections, the opening and its events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ingest.kinds import national
from ingest.kinds.fields import Data, Digest, Division, Files, Link, Moment, Name, Ref, Text, Words, Yes
from ingest.kinds.kind import LOT, OF_LOT, ROOM, Kind, Owner
from ingest.kinds.national import National
from records import events
from records.tables.openings import Opening
from records.tables.procedure import Notice, Objection


class NoticeData(Data):
    """公告 / 公示: public from `published_at`."""

    lot_id: Ref = Field(alias="lot")
    type: Literal["documents", "tender", "change", "candidates", "result", "termination"]
    title: Name
    published_at: Moment
    until: Moment | None = None
    media: Name | None = None
    content_sha256: Digest | None = None
    url: Link | None = None
    files: Files | None = None
    division_code: Division | None = None


class ObjectionData(Data):
    """异议 / 投诉. Who raised it and what it says stay inside; the decision is public after the award."""

    lot_id: Ref = Field(alias="lot")
    stage: Literal["documents", "opening", "candidates"]
    kind: Literal["objection", "complaint"] = "objection"
    raised_by: Name | None = None
    content: Text
    raised_at: Moment
    answer: Words | None = None
    answered_at: Moment | None = None
    upheld: Yes | None = None
    division_code: Division | None = None


class OpeningData(Data):
    """开标. Its steps come as opening_event; `state`, `ended_at`, `result` only for history without a log."""

    lot_id: Ref = Field(alias="lot")
    room_id: Ref | None = Field(None, alias="room")
    scheduled_at: Moment
    host: Name | None = None
    state: Literal["scheduled", "ended", "cancelled"] | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    result: Literal["opened", "failed", "terminated"] | None = None
    division_code: Division | None = None


class OpeningEventData(Data):
    """开标事件: happened at the envelope's `occurred_at`; `payload` is public, `detail` stays inside."""

    opening_id: Ref = Field(alias="opening")
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": list(events.FROM_SOURCES)})]
    payload: dict[str, Any] = Field(default_factory=dict)
    detail: dict[str, Any] | None = None
    actor: Name | None = None


NOTICE = Kind(
    "notice", "公告", NoticeData, Notice,
    references=(LOT,),
    owner=OF_LOT,
    parts="files",
    headers={
        "类型": "type", "公告类型": "type", "标题": "title", "发布时间": "published_at", "截止时间": "until", "媒体": "media",
        "内容哈希": "content_sha256", "网址": "url", "招标文件": "files",
    },
    codes={
        "type": {
            "招标文件公示": "documents", "招标公告": "tender", "变更公告": "change", "候选人公示": "candidates", "中标候选人公示": "candidates",
            "中标结果公告": "result", "结果公告": "result", "终止公告": "termination",
        },
    },
    national=national.OF_LOT,
)  # fmt: skip
OBJECTION = Kind(
    "objection", "异议", ObjectionData, Objection,
    references=(LOT,),
    owner=OF_LOT,
    headers={
        "阶段": "stage", "提出人": "raised_by", "提出时间": "raised_at", "答复": "answer", "是否成立": "upheld",
    },
    codes={
        "stage": {"招标文件": "documents", "开标": "opening", "中标候选人": "candidates"},
        "kind": {"异议": "objection", "投诉": "complaint"},
    },
    national=national.OF_LOT,
)  # fmt: skip
OPENING = Kind(
    "opening", "开标", OpeningData, Opening,
    references=(LOT, ROOM),
    owner=Owner("lot", register=True),
    facts=("source", "lot_id", "state", "head_seq"),
    headers={"主持人": "host"},
    codes={
        "state": {
            "待开标": "scheduled", "已结束": "ended", "已封存": "ended", "已归档": "ended", "已取消": "cancelled",
        },
        "result": {"已开标": "opened", "流标": "failed", "终止": "terminated"},
    },
    national={**national.OF_LOT, "BID_OPEN_TIME": National("scheduled_at")},
)  # fmt: skip
OPENING_EVENT = Kind(
    "opening_event", "开标事件", OpeningEventData,
    references=(("opening_id", "opening"),),
    lot_through=("opening_id", "opening"),
    owner=Owner("opening"),
    headers={"类型": "type", "开标": "opening", "内容": "payload", "内部内容": "detail", "操作人": "actor"},
    codes={
        "type": {
            "预告": "scheduled", "签到": "sign_in", "公布投标人": "bidders_published", "解密": "decrypt_progress",
            "公布限价": "control_price", "系数承诺": "coefficient_committed", "揭示种子": "coefficient_revealed", "种子未揭示": "coefficient_unrevealed",
            "抽取系数": "coefficient_drawn",
            "唱标": "bid_read", "更正唱标": "bid_corrected", "异议": "objection", "异议答复": "objection_answered",
            "确认记录": "record_confirmed", "暂停": "paused", "恢复": "resumed", "结束": "ended",
        },
    },
)  # fmt: skip
