"""Templates and words of the public pages: simplified Chinese first, English second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pypinyin import Style, lazy_pinyin

import messages
import web
from evidence.verify import WORDS
from records.clock import BEIJING, written
from records.control import reason_text
from records.currencies import EXCLUDED, currency, vat_told, with_vat
from records.opening_checks import READINGS
from web import tokens

SITE = Path(__file__).parent
LANGS = messages.languages()
CNY = "CNY"


def words(lang: str) -> dict[str, str]:
    """The site's words of one language by their keys without `site.`, and the usual terms: what the scripts get."""
    terms = {f"term.{text}": shown for text, shown in messages.words(lang, "term.").items()}
    return messages.words(lang, "site.") | terms


def word(lang: str, key: str, /, **values: object) -> str:
    """One word or sentence of the site with its values put in."""
    return messages.say(f"site.{key}", lang, **values)


def named(lang: str, group: str, value: str | None) -> str | None:
    """The name of a code in its group, or the code itself if it has none."""
    return value and messages.named(f"site.{group}", value, lang)


def term(lang: str, text: str | None) -> str | None:
    """A usual value of a free field (施工, 合格, 浮动系数) in the reader's language; any other as it was written."""
    return text and messages.named("term", text, lang)


def at(text: str | None) -> datetime | None:
    """A time of a payload in Beijing time."""
    return datetime.fromisoformat(text).astimezone(BEIJING) if text else None


def clock(text: str | None, pattern: str = "%H:%M:%S") -> str:
    """A time of a payload as HH:MM:SS, or a dash; a day of which no hour is known as the day alone."""
    moment = at(text)
    return written(moment, pattern) if moment else "—"


def full(text: str | None) -> str:
    """A time of a payload with its date."""
    return clock(text, "%Y-%m-%d %H:%M:%S")


def said_at(message: Mapping[str, Any]) -> str:
    """When a line of the log was said: the time, for the announcement of days before the date."""
    return clock(message["ts"], "%m-%d" if message["type"] == "scheduled" else "%H:%M:%S")


def dated(moment: date, lang: str, form: str) -> str:
    """A date as readers expect it; `form` names its pattern among the messages: day (2026年11月19日 星期四, or
    19 Nov 2026, Thursday), day_of_year, short, month, month_alone, weekday."""
    return messages.dated(moment, lang, f"site.date.{form}")


def currency_of(payload: Mapping[str, Any] | None) -> str:
    """What the amounts of a public record (an opening, a lot, an award) are in, as `records.currencies` writes it; not told:
    yuan, with VAT."""
    told = payload or {}
    return currency(str(told.get("currency") or CNY), told.get("vat"))


def is_yuan(currency: str) -> bool:
    """Whether amounts are in yuan, with VAT or without."""
    return with_vat(currency) == CNY


def figure(amount: str | None, lang: str, currency: str) -> str:
    """An amount without its unit, to the hundredth of the currency, half up; a dash for none.

    Yuan in 万元 in Chinese and plain in English; other currencies plain in both. What is read aloud is exact: it has as many
    decimals as that takes, at least two. web/browser/amounts.js says the same.
    """
    if amount is None:
        return "—"
    unit = Decimal(word(lang, "money.yuan_a_unit")) if is_yuan(currency) else Decimal(1)
    shown = (Decimal(amount) / unit).quantize(Decimal("0.01") / unit, ROUND_HALF_UP)
    whole, _, part = f"{shown:,f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"


def price_unit(currency: str, lang: str, vat: str | None = None) -> str:
    """The unit of prices as it stands in brackets or at an axis; `vat`: what is known of their tax."""
    unit = word(lang, "prices.unit") if is_yuan(currency) else with_vat(currency)
    known = vat or (None if with_vat(currency) == currency else EXCLUDED)
    return word(lang, f"money.unit.{known}", unit=unit) if known else unit


def _price_head(currency: str, lang: str, vat: str | None) -> str:
    """The heading of a column of prices, with their unit and, where it is known, whether VAT is in them."""
    return word(lang, "list.price.in", currency=price_unit(currency, lang, vat))


def money(amount: str, lang: str, currency: str, told: str | None = None) -> str:
    """An amount with its unit, in its lot's currency; other currencies keep theirs. `told`: what is said of its own VAT.
    site/static/opening.js says the same."""
    shown = figure(amount, lang, currency)
    text = word(lang, "money", n=shown) if is_yuan(currency) else f"{with_vat(currency)} {shown}"
    net = with_vat(currency) != currency
    if told is None:
        told = EXCLUDED if net else None
    elif told != EXCLUDED and not net:
        told = None  # as usual
    return word(lang, f"money.{told}", amount=text) if told else text


def length(start: str | None, end: str | None) -> str:
    """Time between two moments as H:MM:SS; empty if either is unknown."""
    first, last = at(start), at(end)
    if first is None or last is None or last < first:
        return ""
    seconds = int((last - first).total_seconds())
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


_TERMS = ("kind", "reason", "remark")
"""Free fields of an event that often hold one of the usual terms."""


def sentence(message: Mapping[str, Any], lang: str, currency: str) -> str:
    """One event as the text log says it, amounts in the lot's currency; web/browser/story.js says the same."""
    kind, payload = str(message["type"]), dict(message["payload"])
    told = vat_told(payload.get("remark")) if kind in READINGS else None
    for key in ("amount", "price"):
        if payload.get(key) is not None:
            payload[key] = money(payload[key], lang, currency, told)
    if kind == "scheduled":
        payload["time"] = clock(payload["scheduled_at"], "%Y-%m-%d %H:%M")
    if payload.get("until"):
        payload["until"] = clock(payload["until"], "%m-%d %H:%M")
    if kind == "sealed":
        payload["head"] = payload["head"][:16]
    for key in _TERMS:
        if payload.get(key):
            payload[key] = term(lang, payload[key])
    if kind in READINGS and not payload.get("remark"):
        payload["remark"] = word(lang, "list.unquoted")
    return word(lang, _key(kind, payload), **payload)


def _key(kind: str, payload: Mapping[str, Any]) -> str:
    variants = {
        "sign_in": "count" if payload.get("count") is not None else "",
        "decrypt_progress": "untold"
        if payload.get("done") is None
        else "failed"
        if payload.get("failed")
        else "",
        "control_price": "over" if payload.get("over") else "",
        "bid_read": "" if payload.get("price") is not None else "bare",
        "bid_corrected": _corrected(payload),
        "paused": ".".join(name for name in ("reason", "until") if payload.get(name)),
        "ended": _ended(payload),
    }
    variant = variants.get(kind, "")
    return f"say.{kind}.{variant}" if variant else f"say.{kind}"


def _corrected(payload: Mapping[str, Any]) -> str:
    """A correction says why (its reason), with a price or without."""
    parts = ("bare" if payload.get("price") is None else "", "reason" if payload.get("reason") else "")
    return ".".join(part for part in parts if part)


def _ended(payload: Mapping[str, Any]) -> str:
    result = str(payload.get("result", ""))
    return f"{result}.reason" if payload.get("reason") and result != "opened" else result


@lru_cache(maxsize=20_000)
def initials(name: str) -> str:
    """The initials of a name's pinyin, by which lists are searched; letters stay as they are."""
    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()


def filesize(size: int) -> str:
    """Bytes as people read them: 1.37 GB, 12 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.2f} {unit}" if unit == "GB" else f"{size / scale:.0f} {unit}"
    return f"{size / 1e3:.0f} kB"


class Site:
    """Rendered pages, and the files they load."""

    def __init__(self) -> None:
        self.files = web.Files("/static", _own_files())
        self._templates = _templates(self.files.base)

    def render(self, template: str, lang: str, **context: Any) -> bytes:
        """A page in one language, UTF-8."""
        page = self._templates.get_template(template).render(
            lang=lang,
            t=lambda key, other=lang, **values: word(other, key, **values),
            joined=lambda found: messages.joined(found, lang),
            url=lambda path, **query: address(path, lang, **query),
            figure=lambda amount, currency: figure(amount, lang, currency),
            price_head=lambda currency, vat: _price_head(currency, lang, vat),
            say=lambda message, currency: sentence(message, lang, currency),
            named=lambda group, value: named(lang, group, value),
            term=lambda text: term(lang, text),
            reason=lambda text: term(lang, reason_text(text, lang)),
            **context,
        )
        return page.encode()


def address(path: str, lang: str, **query: object) -> str:
    """A path of this site that keeps the language; empty query values are left out."""
    pairs = {key: value for key, value in query.items() if value not in (None, "", False)}
    if lang != LANGS[0]:
        pairs["lang"] = lang
    return quote(path) + (f"?{urlencode(pairs)}" if pairs else "")


@cache
def _templates(static: str) -> Environment:
    """The templates of the site whose files lie below `static`, each compiled once in a process: compiling all of them takes half a second."""
    made = Environment(
        loader=FileSystemLoader(SITE / "templates"),
        auto_reload=False,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=clock,
        full=full,
        initials=initials,
        filesize=filesize,
        hm=lambda text: clock(text, "%H:%M"),
        said_at=said_at,
    )
    made.globals.update(static=static, length=length, languages=LANGS)
    return made


@cache
def _own_files() -> Mapping[str, bytes]:
    """Scripts, styles and pictures of the site; the words of its scripts as a module a language."""
    files = dict(web.folder(SITE / "static"))
    shared = tokens.page() + web.stylesheet("page")
    files["site.css"] = shared.encode() + files["site.css"]
    for lang in LANGS:
        why = {f"why.{key}": text for key, text in WORDS[lang].items()}
        listed = json.dumps(words(lang) | why, ensure_ascii=False, separators=(",", ":"))
        files[f"words.{lang}.js"] = f"export default {listed};\n".encode()
    return files
