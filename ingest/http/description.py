"""What the intake says of itself: OpenAPI and a plain page."""

from __future__ import annotations

import html
from functools import cache
from typing import Any

from ingest.kinds.registry import KINDS
from ingest.schema import fields

_ANSWER = {
    "type": "object",
    "required": ["key", "status"],
    "properties": {
        "key": {"type": ["string", "null"]},
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "seq": {"type": "integer"},
        "reason": {"type": "string"},
        "path": {"type": "string"},
        "note": {"type": "string"},
    },
}


@cache
def openapi() -> dict[str, Any]:
    """OpenAPI 3.1 of the intake."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "sunbid intake 数据接收", "version": "1"},
        "paths": {
            "/records": {"post": _post()},
            **{path: {"get": _get(text)} for path, text in _READS.items()},
        },
        "components": {
            "schemas": {"Answer": _ANSWER},
            "securitySchemes": {"source": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post() -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
    answers = _listed({"$ref": "#/components/schemas/Answer"})
    responses = {
        "200": {"description": "One answer a record, in order; accepted means durable.", "content": answers}
    }
    responses |= {code: {"description": text, **problem} for code, text in _PROBLEMS.items()}
    return {
        "summary": "报送记录 / Send records",
        "description": "A JSON array or NDJSON, optionally gzip. Exactly once per (source, kind, key, version).",
        "security": [{"source": []}],
        "requestBody": {"required": True, "content": _listed({"$ref": "/schema"})},
        "responses": responses,
    }


def _listed(item: dict[str, str]) -> dict[str, Any]:
    """The two forms in which records are sent and answered."""
    return {
        "application/json": {"schema": {"type": "array", "items": item}},
        "application/x-ndjson": {"schema": item},
    }


_PROBLEMS = {
    "400": "正文不能读 / the body cannot be read",
    "401": "没有令牌或令牌无效 / no or unknown token",
    "403": "来源已停用 / source disabled",
    "408": "正文发送过慢 / body too slow",
    "413": "过大 / too large",
    "415": "类型不对 / wrong content type or encoding",
    "503": "数据库暂不可用 / database away",
}
_READS = {
    "/records/held": "已收下的版本（?kind=&key=…，需令牌） / versions held of the sender's own records",
    "/rejects": "被拒收的记录（?after=&limit=&open=，需令牌） / the sender's own refused records",
    "/schema": "各类记录的 JSON Schema / JSON Schema of every kind",
    "/healthz": "健康 / health",
    "/metrics": "Prometheus 指标 / metrics",
}


def _get(text: str) -> dict[str, Any]:
    return {"summary": text, "responses": {"200": {"description": text}}}


@cache
def page() -> str:
    """The page at /docs: plain HTML, nothing fetched from elsewhere."""
    parts = [_kind_table(kind) for kind in KINDS]
    answers = "".join(f"<li>{code} {html.escape(text)}</li>" for code, text in _PROBLEMS.items())
    return _PAGE.format(kinds="".join(parts), answers=answers)


def _kind_table(kind: str) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in fields(kind)
    )
    about = html.escape(KINDS[kind].about)
    head = "<tr><th>字段 field</th><th>类型 type</th><th>必填</th><th>默认</th></tr>"
    return f'<h2 id="{kind}">{kind}</h2><p>{about}</p><table>{head}{rows}</table>'


_PAGE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>数据接收 · sunbid intake</title>
<style>
body{{font:16px/1.6 'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a2433}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #c8d0dc;padding:.3rem .6rem;text-align:left;vertical-align:top}}
th{{background:#eef2f8}}code,pre{{background:#f3f5f9;padding:.1rem .3rem}}pre{{padding:1rem;overflow:auto}}
</style>
<h1>数据接收 <small>Intake</small></h1>
<p><code>POST /records</code>：JSON 数组或 NDJSON，可用 gzip；<code>WS /records</code>：每条消息一条记录。
均需 <code>Authorization: Bearer</code> 数据来源令牌（WebSocket 也可用首条消息 <code>{{"token":"…"}}</code>）。</p>
<pre>{{"source":"hz","kind":"bid","key":"B-1","version":1,"occurred_at":"2026-05-06T09:30:00+08:00","data":{{"lot":"L-1","bidder":"91330100…"}}}}</pre>
<p>逐条答复：<code>accepted</code> 已落盘，<code>duplicate</code> 已收过，<code>rejected</code> 附原因与位置。
One answer a record; accepted means durable.</p>
<p>断线后发 <code>{{"resume": true}}</code> 可知已收到哪里；<code>GET /records/held</code> 查已收版本，<code>GET /rejects</code> 查拒收记录。
After a break ask where you stand; look up what is held and what was refused.</p>
<ul>{answers}</ul>
<p>JSON Schema: <a href="/schema">/schema</a> · OpenAPI: <a href="/openapi.json">/openapi.json</a></p>
{kinds}
</html>
"""
