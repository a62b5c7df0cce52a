"""What the intake says of itself: JSON Schema, OpenAPI and a plain page, all from the same models."""

from __future__ import annotations

import html
from functools import cache
from typing import Any

from ingest.envelope import Envelope
from ingest.kinds import worked_example as worked
from ingest.kinds.registry import KINDS
from records import events

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RESUME = (
    'WS /records also takes {"resume": true}: the answer {"resume": {"seq", "kind", "key", "version"}} says how '
    "many records of the source are accepted and which came last, once all sent before is done with."
)


def _inline(schema: dict[str, Any], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Lift the `$defs` of one model into the common ones."""
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{name}"] = definition
    repointed: dict[str, Any] = _repoint(schema, prefix)
    return repointed


def _repoint(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {
            key: child.replace("#/$defs/", f"#/$defs/{prefix}.") if key == "$ref" else _repoint(child, prefix)
            for key, child in value.items()
        }
    return [_repoint(child, prefix) for child in value] if isinstance(value, list) else value


@cache
def schema() -> dict[str, Any]:
    """JSON Schema of an envelope of any kind; `$defs` holds one whole schema a kind."""
    definitions: dict[str, Any] = {}
    for kind, model in KINDS.items():
        data = _inline(model.model_json_schema(by_alias=True), kind, definitions)
        if kind == "opening_event":
            data["allOf"] = _payloads(definitions)
        definitions[kind] = _envelope(kind, data)
    return {
        "$schema": _DIALECT,
        "title": "sunbid record envelope",
        "$comment": _RESUME,
        "examples": worked.example(),
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS],
        "$defs": definitions,
    }


def _envelope(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    envelope = Envelope.model_json_schema()
    envelope["title"] = kind
    envelope["properties"] |= {"kind": {"const": kind}, "data": data}
    return envelope


def _payloads(definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """The payload of each type of event, as conditions on `type`; when it may happen stands with it."""
    for name, model in events.MODELS.items():
        key = f"payload.{name}"
        definitions[key] = _inline(model.model_json_schema(), key, definitions)
        definitions[key]["$comment"] = worked.when(name)
    return [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"properties": {"payload": {"$ref": f"#/$defs/payload.{name}"}}},
        }
        for name in events.FROM_SOURCES
    ]


def kind_schema(kind: str) -> dict[str, Any] | None:
    """JSON Schema of the envelope of one kind; None for a kind not taken."""
    if kind not in KINDS:
        return None
    whole = schema()
    return {"$schema": _DIALECT, "$ref": f"#/$defs/{kind}", "$defs": whole["$defs"]}


@cache
def openapi() -> dict[str, Any]:
    """OpenAPI 3.1 of the intake."""
    answer = {
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
    record, reply = {"$ref": "/schema"}, {"$ref": "#/components/schemas/Answer"}
    body = {
        "application/json": {"schema": {"type": "array", "items": record}},
        "application/x-ndjson": {"schema": record},
    }
    told = {
        "application/json": {"schema": {"type": "array", "items": reply}},
        "application/x-ndjson": {"schema": reply},
    }
    problem = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
    responses = {
        "200": {"description": "One answer a record, in order; accepted means durable.", "content": told}
    }
    responses |= {code: {"description": text, **problem} for code, text in _PROBLEMS.items()}
    post = {
        "summary": "报送记录 / Send records",
        "description": "A JSON array or NDJSON, optionally gzip. Exactly once per (source, kind, key, version).",
        "security": [{"source": []}],
        "requestBody": {"required": True, "content": body},
        "responses": responses,
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "sunbid intake 数据接收", "version": "1"},
        "paths": {"/records": {"post": post}, **{path: {"get": _get(text)} for path, text in _READS.items()}},
        "components": {
            "schemas": {"Answer": answer},
            "securitySchemes": {"source": {"type": "http", "scheme": "bearer"}},
        },
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


def fields(kind: str) -> list[tuple[str, str, str, str]]:
    """(name, type, required, default) of every field of a kind's data, for page and documentation."""
    data = schema()["$defs"][kind]["properties"]["data"]
    required = set(data.get("required", ()))
    return [
        (name, type_words(spec), "是" if name in required else "", _default(spec))
        for name, spec in data["properties"].items()
    ]


def type_words(spec: dict[str, Any]) -> str:
    """A JSON Schema type in a few words."""
    if "anyOf" in spec:
        return " | ".join(dict.fromkeys(type_words(s) for s in spec["anyOf"] if s.get("type") != "null"))
    if "enum" in spec:
        return ", ".join(map(str, spec["enum"]))
    if "const" in spec:
        return str(spec["const"])
    words = str(spec.get("type", "object"))
    if words == "array":
        return f"[{type_words(spec.get('items', {}))}]"
    return str(spec.get("format", words))


def _default(spec: dict[str, Any]) -> str:
    value = spec.get("default")
    return (
        "" if value is None or value == [] else str(value).lower() if isinstance(value, bool) else str(value)
    )


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
    about = html.escape((KINDS[kind].__doc__ or "").strip())
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
