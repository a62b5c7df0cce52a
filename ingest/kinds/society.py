"""Kinds of social supervision 社会监督: opinions sent to the office, and joint inspections."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.kinds.fields import Code, Data, Day, Division, Moment, Name, Part, Ref, Refs, Text, Words
from ingest.kinds.kind import Kind, Owner
from records.tables.society import Inspection, Opinion


class OpinionData(Data):
    """社会监督意见. Only `public_text` is ever shown; who sent it (`submitter`, `contact`) is dropped unread."""

    project_id: Ref | None = Field(None, alias="project")
    channel: Literal["web", "group", "phone", "letter"] = "web"
    submitter: Name | None = Field(None, exclude=True)
    contact: Code | None = Field(None, exclude=True)
    content: Text
    handler: Name | None = None
    received_at: Moment
    answered_at: Moment | None = None
    public_text: Words | None = None
    division_code: Division | None = None


class Problem(Part):
    """One problem found by an inspection."""

    project: Ref | None = None
    problem: Text


class InspectionData(Data):
    """联合督查 or 监督团走访: one visit, the keys of its projects and the problems found."""

    on: Day
    body: Literal["joint", "group"] = "joint"
    projects: Refs = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list, max_length=200)
    division_code: Division | None = None


OPINION = Kind(
    "opinion", "社会监督意见", OpinionData, Opinion,
    references=(("project_id", "project"),),
    owner=Owner("project"),
    hidden={"submitter": None, "contact": None},
    headers={"渠道": "channel", "承办人": "handler", "公开内容": "public_text"},
    codes={"channel": {"网站": "web", "网络": "web", "监督小组": "group", "电话": "phone", "信函": "letter"}},
)  # fmt: skip
INSPECTION = Kind(
    "inspection", "联合督查", InspectionData, Inspection,  # its projects may stay unknown: no references
    parts="problems",
    headers={"督查日期": "on", "督查主体": "body", "被查项目": "projects", "问题": "problems"},
    codes={"body": {"联合督查": "joint", "监督团": "group"}},
)  # fmt: skip
