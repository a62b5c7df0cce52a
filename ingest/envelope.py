"""The envelope every record comes in, and reading one."""

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
from ingest.kinds.kind import Kind
from ingest.kinds.procedure import OpeningEventData
from ingest.kinds.registry import KINDS
from ingest.refusal import Refusal
from messages import Message
from records import events, identifiers
from records.clock import now, to_the_second
from records.filenames import unreachable
from records.serving import signing
from records.texts import forbidden, printable
from records.wrong_values import MOST_INTEGER, explain

MAX_DEPTH = 32
MAX_BYTES = 1 << 20
"""Longest `data`, as the journal keeps it."""
MAX_FIELDS = 1_000
"""Most fields of an envelope or of its `data`: enough for any kind, too few to make an answer slow."""
BLANK = "***"
"""What stands in a kept reject where personal data stood."""
MAX_VERSION = MOST_INTEGER
_NAMING = ("source", "kind", "key")
"""Fields of an envelope that are texts."""
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
    doubts: tuple[Message, ...] = ()
    """What looks doubtful and is taken all the same."""


class Placed(bytes):
    """A record as it was sent among others: where it begins, so that a fault of its JSON is found in the whole."""

    line: int
    """From 1."""
    before: int
    """Characters before it on its line."""

    @classmethod
    def at(cls, record: bytes, line: int, before: int = 0) -> Placed:
        """The record with its place."""
        made = cls(record)
        made.line, made.before = line, before
        return made


@dataclass(frozen=True, slots=True)
class Oversized:
    """A record longer than any may be: as much of it as is kept, its name if it could be read, and the limit."""

    head: bytes
    kind: str | None
    key: str | None
    most: int


def oversized(raw: bytes | str, most: int, readable: float = math.inf) -> Oversized | None:
    """What is kept of a record of more than `most` bytes; None for any other. Up to `readable` bytes it is read for
    its kind and key."""
    sent = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(sent) <= most:
        return None
    try:
        value = orjson.loads(bytes(sent)) if len(sent) <= readable else None
    except orjson.JSONDecodeError:
        value = None
    named = value if isinstance(value, dict) else {}
    return Oversized(sent[:MAX_BYTES], _text(named.get("kind")), _text(named.get("key")), most)


def read(raw: Any, source: str, key: bytes | None = None) -> Record:
    """An envelope (bytes, text or mapping) as a Record of `source`; raises Refusal, nothing else.

    `key` is the installation's signing key, needed only for deposits that carry an account number.
    Times and money in `data` may be datetime and Decimal when the caller is Python.
    """
    if isinstance(raw, Oversized):
        raise Refusal(".", Message("refused.record_too_long", most=raw.most), raw.kind, raw.key)
    if isinstance(raw, (bytes, bytearray, str)):
        raw = parse_json(raw)
    if not isinstance(raw, Mapping):
        raise Refusal(".", Message("refused.not_an_object"))
    try:
        _bounded(raw)
        return _record(Envelope.model_validate(raw), source, key)
    except ValidationError as error:
        names = (_forbidden(raw.get(name), name) for name in _NAMING)
        wrong = next(filter(None, names), None) or explain(error)
        raise Refusal(*wrong, _text(raw.get("kind")), _text(raw.get("key"))) from None
    except Refusal as refusal:
        refusal.kind, refusal.key = _text(raw.get("kind")), _text(raw.get("key"))
        raise


def _bounded(raw: Mapping[str, Any]) -> None:
    """Refuse what no record can be, on whatever road it has come: nested too deeply, too many fields, one twice."""
    if twice := strictjson.doubled(raw):
        path, reason = twice
        raise Refusal(path, reason)
    if not shallow(raw, MAX_DEPTH):
        raise _too_deep()
    data = raw.get("data")
    for path, fields in ((".", raw), ("data", data)):
        if isinstance(fields, Mapping) and len(fields) > MAX_FIELDS:
            raise Refusal(path, Message("refused.too_many_fields", most=MAX_FIELDS))


def _too_deep() -> Refusal:
    return Refusal(".", Message("refused.too_deep", most=MAX_DEPTH))


def parse_json(raw: bytes | bytearray | str) -> Any:
    """JSON with bounded depth; raises Refusal."""
    try:
        value = strictjson.loads(raw)
    except strictjson.BadJson as error:
        raise Refusal(".", Message("json.not_json", said=_in_the_whole(error.message, raw))) from None
    if not shallow(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _in_the_whole(said: Message, raw: object) -> Message:
    """What JSON's reader says of a record, its place counted from where the whole begins."""
    if not isinstance(raw, Placed) or said.key != "json.syntax":
        return said
    line, column = (int(str(said.parameters[name])) for name in ("line", "column"))
    column += raw.before if line == 1 else 0
    return Message(said.key, **{**said.parameters, "line": line + raw.line - 1, "column": column})


_LEAVES = (str, int, float, type(None))


def shallow(value: Any, limit: int) -> bool:
    """Whether JSON nests at most `limit` levels."""
    if isinstance(value, _LEAVES):  # most values, and asking whether one is a Mapping is slow
        return True
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return True
    return limit > 0 and all(shallow(child, limit - 1) for child in value)


def _text(value: Any) -> str | None:
    return printable(value[:200]) if isinstance(value, str) else None


def _with_words(why: Message, path: str, sent: Mapping[str, Any], kind: Kind) -> Message:
    """Why a code is none, with the Chinese words for the codes where one was sent in Chinese."""
    if why.key == "refused.and_more" and isinstance(first := why.parameters["first"], Message):
        return Message(why.key, first=_with_words(first, path, sent, kind), more=why.parameters["more"])
    name = path.split(".")[1] if "." in path else ""
    words = {code: word for word, code in kind.codes.get(name, {}).items()}
    if why.key != "refused.literal_error" or not words or str(sent.get(name)).isascii():
        return why
    return Message(
        "refused.no_such_word",
        choices=[Message("common.in_brackets", what=word, more=code) for code, word in words.items()],
    )


def _record(envelope: Envelope, source: str, key: bytes | None) -> Record:
    kind = _checked(envelope, source)
    sent = _hide(envelope.data, kind.hidden, key) if kind.hidden else envelope.data
    try:
        data = kind.data.model_validate(kind.translated(sent))
    except ValidationError as error:
        path, why = _forbidden(sent, "data") or explain(error, ("data",))
        raise Refusal(path, _with_words(why, path, sent, kind)) from None
    hashed = body = canonical(sent)
    if len(body) > MAX_BYTES:
        raise Refusal("data", Message("refused.data_too_long", most=MAX_BYTES))
    if isinstance(data, OpeningEventData):
        _check_event(data)
        hashed += envelope.occurred_at.isoformat().encode()
    return Record(
        source, envelope.kind, envelope.key, envelope.version, envelope.occurred_at,
        body.decode(), hashlib.sha256(hashed).digest(), data, _doubts(envelope.kind, envelope.key, data),
    )  # fmt: skip


def _checked(envelope: Envelope, source: str) -> Kind:
    """The kind of an envelope; raises Refusal where its head cannot be right."""
    if envelope.source is not None and envelope.source != source:
        raise Refusal("source", Message("refused.other_source"))
    if envelope.occurred_at > now() + AHEAD:
        raise Refusal("occurred_at", Message("refused.ahead", now=to_the_second(now())))
    kind = KINDS.get(envelope.kind)
    if kind is None:
        raise Refusal("kind", Message("refused.unknown_kind", kinds=list(KINDS)))
    if kind.in_addresses and unreachable(envelope.key):
        raise Refusal("key", Message("refused.room_key"))
    return kind


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
        raise Refusal(f"data.{name}", Message("refused.blanked"))
    if key is None:
        raise Refusal(f"data.{name}", Message("refused.no_key"))
    return {target: signing.keyed_hash(key, value)}


def _doubts(kind: str, key: str, data: Data) -> tuple[Message, ...]:
    """Codes that look wrong and may be right: early USCCs fail their check digit, divisions change."""
    found = []
    values = data.__dict__
    code = values["uscc"] or key if kind == "organisation" else None
    if code and identifiers.looks_like_uscc(code) and not identifiers.uscc_check(code):
        found.append(Message("doubt.uscc"))
    division = values.get("division_code")
    if division and not identifiers.division_known(division):
        found.append(Message("doubt.division", prefix=division[:2]))
    return tuple(found)


def _check_event(data: OpeningEventData) -> None:
    if data.type in events.HOUSE_ONLY:
        raise Refusal("data.type", Message("refused.house_event", type=data.type))
    model = events.MODELS.get(data.type)
    if model is None:
        raise Refusal("data.type", Message("refused.unknown_event", types=list(events.FROM_SOURCES)))
    for name, part in (("payload", data.payload), ("detail", data.detail)):
        if path := _endless(part, f"data.{name}"):
            raise Refusal(path, Message("refused.endless"))
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
        too_large = "64-bit" in str(error)  # of an integer: what else cannot be written, no record holds
        raise Refusal(
            "data", Message("json.number_too_large" if too_large else "refused.not_writable")
        ) from None
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


def _forbidden(value: Any, path: str) -> tuple[str, Message] | None:
    """(path, reason) of the first text within `value` that holds a character no text may hold."""
    if isinstance(value, str):
        where = forbidden(value)
        return (path, Message("refused.character", where=where)) if where else None
    if isinstance(value, (date, Decimal)) or not isinstance(value, (Mapping, list, tuple)):
        return None
    for name, child in value.items() if isinstance(value, Mapping) else enumerate(value):
        if found := _forbidden(str(name), path) or _forbidden(child, f"{path}.{name}"):
            return found
    return None
