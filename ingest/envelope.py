"""The envelope every record comes in: reading one, and what to say when it cannot be read."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.files import strict_json as strictjson
from ingest.kinds.fields import Data, Moment, Ref
from ingest.kinds.procedure import OpeningEventData
from ingest.kinds.registry import KINDS
from messages import Message
from records import events, identifiers
from records.clock import now, rfc3339
from records.filenames import unreachable
from records.serving import signing
from records.texts import forbidden, printable

MAX_DEPTH = 32
MAX_BYTES = 1 << 20
"""Longest `data`, as the journal keeps it."""
MAX_FIELDS = 1_000
"""Most fields of an envelope or of its `data`: enough for any kind, too few to make an answer slow."""
BLANK = "***"
"""What stands in a kept reject where personal data stood."""
MAX_VERSION = 2**53 - 1
AHEAD = timedelta(minutes=5)
"""So far a sender's clock may be ahead of ours."""


class Envelope(BaseModel):
    """`source` may be left out: the token says who speaks; if given it must be the same."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    source: Ref | None = None
    kind: str
    key: Ref
    version: Annotated[int, Field(ge=0, le=MAX_VERSION, strict=True)]
    occurred_at: Moment
    data: dict[str, Any]


@dataclass(slots=True)
class Record:
    """An envelope that can be read."""

    source: str
    kind: str
    key: str
    version: int
    occurred_at: datetime
    body: str
    """`data` as canonical JSON, as the journal keeps it."""
    digest: bytes
    data: Data
    note: str | None = None
    """What looks doubtful and is taken all the same."""


def storable(text: str) -> str:
    """Text that every database takes: NUL and halves of characters written out as escapes."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


class Refusal(Exception):
    """Why a record is not taken: the place in it and the reason, Chinese first."""

    def __init__(self, path: str, reason: str, kind: str | None = None, key: str | None = None) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = _short(storable(path), 500) or ".", _short(storable(reason), 2_000)
        self.kind, self.key = kind, key


def _short(text: str, limit: int) -> str:
    """A name may be as long as its sender likes; what is said of it is not."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


_ZH = {
    "missing": "缺少必填字段",
    "extra_forbidden": "未知字段",
    "string_type": "应为字符串",
    "string_pattern_mismatch": "格式不符",
    "string_too_long": "过长",
    "string_too_short": "不能为空",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "dict_type": "应为对象",
    "list_type": "应为数组",
    "too_long": "项数过多",
    "literal_error": "不在可选值之列",
    "decimal_type": "应为数字或十进制字符串",
    "decimal_parsing": "应为数字或十进制字符串",
    "decimal_max_places": "小数位过多",
    "decimal_max_digits": "位数过多",
    "finite_number": "应为有限的数",
    "greater_than_equal": "过小",
    "less_than_equal": "过大",
    "moment": "",
    "moment_range": "",
    "day": "",
    "money": "",
    "decimal_text": "",
    "inexact": "",
    "beyond_full": "",
}


def explain(error: ValidationError, prefix: tuple[str, ...] = ()) -> tuple[str, str]:
    """(path, reason) of the first error, the count of further ones in the reason."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    first = found[0]
    path = ".".join(str(part) for part in (*prefix, *first["loc"])) or "."
    words = _ZH.get(first["type"], "内容不符")
    reason = f"{words} / {first['msg']}" if words else first["msg"]
    more = f"；另有 {len(found) - 1} 处 / and {len(found) - 1} more" if len(found) > 1 else ""
    return path, reason + more


def read(raw: Any, source: str, key: bytes | None = None) -> Record:
    """An envelope (bytes, text or mapping) as a Record of `source`; raises Refusal, nothing else.

    `key` is the installation's signing key, needed only for deposits that carry an account number.
    Times and money in `data` may be datetime and Decimal when the caller is Python.
    """
    if isinstance(raw, (bytes, bytearray, str)):
        raw = parse_json(raw)
    if not isinstance(raw, Mapping):
        raise Refusal(".", "每条记录应为一个 JSON 对象 / a record must be a JSON object")
    try:
        _bounded(raw)
        return _record(Envelope.model_validate(raw), source, key)
    except ValidationError as error:
        raise Refusal(*explain(error), _text(raw.get("kind")), _text(raw.get("key"))) from None
    except Refusal as refusal:
        refusal.kind, refusal.key = _text(raw.get("kind")), _text(raw.get("key"))
        raise


def _bounded(raw: Mapping[str, Any]) -> None:
    """Refuse what no record can be, on whatever road it has come: nested too deeply, too many fields, one twice."""
    if twice := strictjson.doubled(raw):
        path, reason = twice
        raise Refusal(path, reason.in_every_language())
    if not shallow(raw, MAX_DEPTH):
        raise _too_deep()
    data = raw.get("data")
    for path, fields in ((".", raw), ("data", data)):
        if isinstance(fields, Mapping) and len(fields) > MAX_FIELDS:
            raise Refusal(path, f"超过 {MAX_FIELDS} 个字段 / more than {MAX_FIELDS} fields")


def _too_deep() -> Refusal:
    return Refusal(".", f"嵌套超过 {MAX_DEPTH} 层 / nested deeper than {MAX_DEPTH}")


def parse_json(raw: bytes | bytearray | str) -> Any:
    """JSON with bounded depth; raises Refusal."""
    try:
        value = strictjson.loads(raw)
    except strictjson.BadJson as error:
        raise Refusal(".", Message("json.not_json", said=error.message).in_every_language()) from None
    if not shallow(value, MAX_DEPTH):
        raise _too_deep()
    return value


def shallow(value: Any, limit: int) -> bool:
    """Whether JSON nests at most `limit` levels."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return True
    return limit > 0 and all(shallow(child, limit - 1) for child in value)


def _text(value: Any) -> str | None:
    return printable(value[:200]) if isinstance(value, str) else None


def _record(envelope: Envelope, source: str, key: bytes | None) -> Record:
    if envelope.source is not None and envelope.source != source:
        raise Refusal(
            "source", "source 与令牌所属的数据来源不同 / source is not the one the token belongs to"
        )
    if envelope.occurred_at > now() + AHEAD:
        raise Refusal(
            "occurred_at",
            f"晚于本机时钟 {rfc3339(now())}，请核对报送方的时钟 / later than our clock, check the sender's",
        )
    kind = KINDS.get(envelope.kind)
    if kind is None:
        choices = ", ".join(KINDS)
        raise Refusal("kind", f"未知的 kind；可用 / unknown kind, choose from: {choices}")
    if envelope.kind == "room" and unreachable(envelope.key):
        raise Refusal(
            "key",
            "开标室编号用于网址 /room/{编号}，不能含斜杠、反斜杠、控制字符，也不能只有点，请改用如 hz-01 的编号 / "
            "a room's key stands in addresses: no slash, backslash or control character, not dots alone; use one like hz-01",
        )
    sent = _hide(envelope.data, kind.hidden, key) if kind.hidden else envelope.data
    try:
        data = kind.data.model_validate(kind.translated(sent))
    except ValidationError as error:
        raise Refusal(*_forbidden(sent, "data") or explain(error, ("data",))) from None
    hashed = body = canonical(sent)
    if len(body) > MAX_BYTES:
        raise Refusal("data", f"超过 {MAX_BYTES} 字节 / longer than {MAX_BYTES} bytes")
    if isinstance(data, OpeningEventData):
        _check_event(data)
        hashed += envelope.occurred_at.isoformat().encode()
    return Record(
        source, envelope.kind, envelope.key, envelope.version, envelope.occurred_at,
        body.decode(), hashlib.sha256(hashed).digest(), data, _doubts(envelope.kind, envelope.key, data),
    )  # fmt: skip


def _hide(data: dict[str, Any], hidden: Mapping[str, str | None], key: bytes | None) -> dict[str, Any]:
    """Personal data never gets further than this line: dropped, or replaced by its keyed hash."""
    if hidden.keys().isdisjoint(data):
        return data
    kept = {name: value for name, value in data.items() if name not in hidden}
    for name, target in hidden.items():
        if target is not None and (value := data.get(name)) is not None:
            kept |= _hashed(name, target, value, key)
    return kept


def _hashed(name: str, target: str, value: Any, key: bytes | None) -> dict[str, Any]:
    if not isinstance(value, str) or len(value) > 64:
        return {name: value}  # for the model to refuse
    if value == BLANK:
        raise Refusal(f"data.{name}", "此项已被抹去，请填回原值 / this was blanked, put the value back")
    if key is None:
        raise Refusal(
            f"data.{name}", "没有签名密钥，不能接收此项 / no signing key given, this field cannot be taken"
        )
    return {target: signing.keyed_hash(key, value)}


def _doubts(kind: str, key: str, data: Data) -> str | None:
    """Codes that look wrong and may be right: early USCCs fail their check digit, divisions change."""
    found = []
    values = data.__dict__
    code = values["uscc"] or key if kind == "organisation" else None
    if code and identifiers.looks_like_uscc(code) and not identifiers.uscc_check(code):
        found.append("统一社会信用代码校验位不符 / the check digit of the USCC does not agree")
    division = values.get("division_code")
    if division and not identifiers.division_known(division):
        found.append(f"没有省级区划 {division[:2]} / no province has the division prefix {division[:2]}")
    return "；".join(found) or None


def _check_event(data: OpeningEventData) -> None:
    if data.type in events.HOUSE_ONLY:
        raise Refusal(
            "data.type",
            f"{data.type} 由直播平台在录像封存时自行记录，不接受报送 / "
            f"{data.type} is the hub's to say, when it has sealed the recording; sources do not send it",
        )
    model = events.MODELS.get(data.type)
    if model is None:
        choices = ", ".join(events.FROM_SOURCES)
        raise Refusal("data.type", f"未知事件类型；可用 / unknown event type, choose from: {choices}")
    for name, part in (("payload", data.payload), ("detail", data.detail)):
        if path := _endless(part, f"data.{name}"):
            raise Refusal(path, "应为有限的数，且不可过小 / a number must be finite, and not too small")
    try:
        model.model_validate(data.payload)
    except ValidationError as error:
        raise Refusal(*explain(error, ("data", "payload"))) from None


_SMALLEST = -300
"""Power of ten; what is smaller no binary number holds."""


def _endless(value: Any, path: str) -> str | None:
    """Where a number stands that JSON would silently turn into null, or any reader into 0."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if isinstance(value, Decimal):
        return path if value and value.adjusted() < _SMALLEST else None
    pairs: Any = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    return next((found for name, child in pairs if (found := _endless(child, f"{path}.{name}"))), None)


def _jsonable(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)


def canonical(data: Mapping[str, Any]) -> bytes:
    """Canonical JSON of `data`; raises Refusal for what JSON or the database cannot hold."""
    try:
        body = orjson.dumps(data, default=_jsonable, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:
        raise Refusal("data", f"不能写成 JSON / cannot be written as JSON: {error}") from None
    if _SUSPECT.search(body) and (found := _forbidden(data, "data")):
        raise Refusal(*found)
    return body


_SUSPECT = re.compile(
    rb"\\u00[01]|\\[bf]|\x7f|\xc2[\x80-\x9f\xad]|\xcd\x8f|\xd8\x9c|\xe1(\x85[\x9f\xa0]|\x9e[\xb4\xb5]|\xa0[\x8b-\x8f])"
    rb"|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xe3\x85\xa4|\xee|\xef[\x80-\xa3]|\xef\xb7[\x90-\xaf]"
    rb"|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb0-\xbb\xbe\xbf]|\xf0\x9b\xb2|\xf0\x9d\x85"
    rb"|[\xf0-\xf2].\xbf[\xbe\xbf]|[\xf3\xf4]"
)
"""What canonical JSON holds where a text holds a forbidden character, and seldom otherwise."""


def _forbidden(value: Any, path: str) -> tuple[str, str] | None:
    """(path, reason) of the first text within `value` that holds a character no text may hold."""
    if isinstance(value, str):
        where = forbidden(value)
        words = "含有控制字符或看不见的字符，请删去 / holds a control or invisible character, take it out"
        return (path, f"{words}: {where}") if where else None
    if isinstance(value, (date, Decimal)) or not isinstance(value, (Mapping, list, tuple)):
        return None
    for name, child in value.items() if isinstance(value, Mapping) else enumerate(value):
        if found := _forbidden(str(name), path) or _forbidden(child, f"{path}.{name}"):
            return found
    return None
