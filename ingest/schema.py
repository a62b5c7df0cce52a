"""JSON Schema of the records, from their models: what a sender may check its records against."""

from __future__ import annotations

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
    for kind, declared in KINDS.items():
        data = _inline(declared.data.model_json_schema(by_alias=True), kind, definitions)
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
