"""Description of the intake for its senders: OpenAPI and a plain page."""

from __future__ import annotations

import html
from functools import cache
from typing import Any

import messages
from ingest.kinds.registry import KINDS
from ingest.schema import fields

_ANSWER = {
    "type": "object",
    "required": ["key", "status"],
    "properties": {
        "key": {"type": ["string", "null"]},
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "seq": {"type": "integer"},
        "type": {"type": "string"},
        "reason": {"type": "string"},
        "path": {"type": "string"},
        "note": {"type": "string"},
    },
}


_REFUSALS = ("400", "401", "403", "408", "413", "415", "503")
"""Statuses of refusals; their words: `intake.answers.<status>`."""
_READS = ("/records/held", "/rejects", "/schema", "/healthz", "/metrics")
"""What can be asked for besides; in words `intake.reads.<path>`, its slashes as `_`."""


@cache
def openapi(lang: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the intake, in the reader's language."""
    return {
        "openapi": "3.1.0",
        "info": {"title": f"sunbid · {messages.say('intake.docs.title', lang)}", "version": "1"},
        "paths": {
            "/records": {"post": _post(lang)},
            **{path: {"get": _get(path, lang)} for path in _READS},
        },
        "components": {
            "schemas": {"Answer": _ANSWER},
            "securitySchemes": {"source": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post(lang: str) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
    answers = _listed({"$ref": "#/components/schemas/Answer"})
    responses = {"200": {"description": messages.say("intake.docs.answers", lang), "content": answers}}
    responses |= {
        code: {"description": messages.say(f"intake.answers.{code}", lang), **problem} for code in _REFUSALS
    }
    return {
        "summary": messages.say("intake.docs.post", lang),
        "description": messages.say("intake.docs.post_how", lang),
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


def _get(path: str, lang: str) -> dict[str, Any]:
    name = path.strip("/").replace("/", "_")
    text = messages.say(f"intake.reads.{name}", lang)
    return {"summary": text, "responses": {"200": {"description": text}}}


@cache
def page(lang: str) -> str:
    """The page at /docs in the reader's language: plain HTML, nothing fetched from elsewhere."""
    answers = "".join(
        f"<li>{code} {html.escape(messages.say(f'intake.answers.{code}', lang))}</li>" for code in _REFUSALS
    )
    return _PAGE.format(
        language=messages.say("site.language.tag", lang),
        title=html.escape(messages.say("intake.docs.title", lang)),
        sending=_paragraph(
            "intake.docs.sending", lang, post="POST /records", socket="WS /records",
            bearer="Authorization: Bearer", token='{"token":"…"}',
        ),
        each=_paragraph(
            "intake.docs.each", lang, accepted="accepted", duplicate="duplicate", rejected="rejected"
        ),
        resume=_paragraph(
            "intake.docs.resume", lang, resume='{"resume": true}', held="GET /records/held", rejects="GET /rejects"
        ),
        answers=answers,
        kinds="".join(_kind_table(kind, lang) for kind in KINDS),
    )  # fmt: skip


def _paragraph(key: str, lang: str, **code: str) -> str:
    """Words with pieces of code in them."""
    shown = {name: f"<code>{html.escape(text)}</code>" for name, text in code.items()}
    return f"<p>{messages.say(key, lang, **shown)}</p>"


def _kind_table(kind: str, lang: str) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in fields(kind)
    )
    about = html.escape(KINDS[kind].about)
    columns = (messages.say(f"intake.docs.{name}", lang) for name in ("field", "type", "required", "default"))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    return f'<h2 id="{kind}">{kind}</h2><p>{about}</p><table><tr>{head}</tr>{rows}</table>'


_PAGE = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} · sunbid</title>
<style>
body{{font:16px/1.6 'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a2433}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #c8d0dc;padding:.3rem .6rem;text-align:left;vertical-align:top}}
th{{background:#eef2f8}}code,pre{{background:#f3f5f9;padding:.1rem .3rem}}pre{{padding:1rem;overflow:auto}}
</style>
<h1>{title}</h1>
{sending}
<pre>{{"source":"hz","kind":"bid","key":"B-1","version":1,"occurred_at":"2026-05-06T09:30:00+08:00","data":{{"lot":"L-1","bidder":"91330100…"}}}}</pre>
{each}
{resume}
<ul>{answers}</ul>
<p>JSON Schema: <a href="/schema">/schema</a> · OpenAPI: <a href="/openapi.json">/openapi.json</a></p>
{kinds}
</html>
"""
