"""A warning's evidence as a person reads it: lines in order, the link diagram.

Rules store structured, masked evidence (supervision.rules); this turns it into words. Who a line is about
is said by label (投标人甲, 乙 …) unless names were asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from records.clock import BEIJING
from supervision.figures import formats as figures
from supervision.warnings.desk import WarningRow

STEMS = "甲乙丙丁戊己庚辛壬癸"
_KINDS = {
    "bidder": ("投标人", "Bidder"),
    "tenderer": ("招标人", "Tenderer"),
    "agency": ("招标代理", "Agency"),
    "expert": ("专家", "Expert"),
    "group": ("群组", "Group"),
}
_ORDER = {"strong": 0, "medium": 1, "weak": 2, "": 3}

Labels = Mapping[str, str]
"""Subject id → what it is called on screen."""


def labels(row: WarningRow, lang: str, *, names: bool) -> dict[str, str]:
    """What each subject is called: masked by order of naming within its kind, or by name."""
    called: dict[str, str] = {}
    numbers: dict[str, int] = defaultdict(int)
    for subject in row.subjects:
        kind = subject["kind"]
        if kind in ("lot", "project"):
            continue
        zh, en = _KINDS.get(kind, (kind, kind))
        place = numbers[kind]
        numbers[kind] += 1
        mask = f"{zh}{_stem(place)}" if lang == "zh" else f"{en} {_letter(place)}"
        called[subject["id"]] = subject.get("name", mask) if names else mask
    return called


def _stem(place: int) -> str:
    return STEMS[place] if place < len(STEMS) else str(place + 1)


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


# ── lines ────────────────────────────────────────────────────────────────────


def lines(row: WarningRow, called: Labels, lang: str, currency: str) -> list[dict[str, str]]:
    """Evidence in order of strength: {"text", "detail", "strength": strong|medium|weak|""}; prices are in `currency`."""
    evidence = row.evidence
    zh = lang == "zh"
    everyone = {s["id"] for s in row.subjects if s["kind"] == "bidder"}
    found = [_shared_line(shared, called, zh, everyone) for shared in _dicts(evidence, "shared")]
    found += _deposit_lines(evidence, called, zh, figures.with_vat(currency))
    found += _price_lines(evidence, zh, currency)
    found += _time_line(_dicts(evidence, "bids"), zh, "上传时间", "uploads")
    found += [_given_line(line, zh) for line in _dicts(evidence, "lines")]
    if not found:
        found = [_plain_line(row, zh)]
    compared = evidence.get("compared")
    if isinstance(compared, int):
        found.append(_line(f"共比对 {compared} 份" if zh else f"{compared} compared in all"))
    return sorted(found, key=lambda line: _ORDER[line["strength"]])


def _line(text: str, detail: str = "", strength: str = "") -> dict[str, str]:
    return {"text": text, "detail": detail, "strength": strength if strength in _ORDER else ""}


def _dicts(evidence: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = evidence.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _who(entries: list[dict[str, Any]], called: Labels, zh: bool) -> str:
    return ("、" if zh else ", ").join(called.get(entry.get("bidder", ""), "—") for entry in entries)


def _shared_line(shared: dict[str, Any], called: Labels, zh: bool, everyone: set[str]) -> dict[str, str]:
    """Who shares it is said only when it is not all of them."""
    name = shared["zh"] if zh else shared["en"]
    text = f"{name}相同（{shared['masked']}）" if zh else f"Same {name} ({shared['masked']})"
    bids = _dicts(shared, "bids")
    who = "" if {bid.get("bidder") for bid in bids} == everyone else _who(bids, called, zh)
    return _line(text, who, shared.get("strength", ""))


def _deposit_lines(
    evidence: Mapping[str, Any], called: Labels, zh: bool, currency: str
) -> list[dict[str, str]]:
    deposits = _dicts(evidence, "deposits")
    account = evidence.get("account")
    if not deposits or not account:
        return []
    text = (
        f"{len(deposits)} 笔保证金来自同一账户（摘要 {account}）"
        if zh
        else f"{len(deposits)} deposits from one account (digest {account})"
    )
    found = [_line(text, _who(deposits, called, zh), str(evidence.get("strength", "strong")))]
    amounts = {deposit.get("amount") for deposit in deposits}
    if len(amounts) == 1 and (amount := amounts.pop()):
        money = figures.money(Decimal(amount), currency, "zh" if zh else "en")
        found.append(_line(f"金额相同：{money}" if zh else f"Same amount: {money}", "", "weak"))
    return found + _time_line(deposits, zh, "到账时间", "receipts")


def _price_lines(evidence: Mapping[str, Any], zh: bool, currency: str) -> list[dict[str, str]]:
    prices = _dicts(evidence, "prices")
    gap = evidence.get("mean_gap")
    if not prices or gap is None:
        return []
    lang = "zh" if zh else "en"
    step = figures.money(Decimal(str(gap)), currency, lang)
    low, high = (figures.money(Decimal(prices[i]["price"]), currency, lang) for i in (0, -1))
    text = (
        f"{len(prices)} 家报价由低到高，相邻相差约 {step}"
        if zh
        else f"{len(prices)} prices in order rise by about {step}"
    )
    return [_line(text, f"{low} — {high}", str(evidence.get("strength", "")))]


def _time_line(entries: list[dict[str, Any]], zh: bool, name_zh: str, name_en: str) -> list[dict[str, str]]:
    times = [datetime.fromisoformat(e["received_at"]) for e in entries if e.get("received_at")]
    if len(times) < 2 or (span := max(times) - min(times)) > timedelta(hours=2):
        return []
    minutes = max(1, round(span.total_seconds() / 60))
    return [
        _line(
            f"{name_zh}前后相差 {minutes} 分钟" if zh else f"{name_en.capitalize()} within {minutes} minutes",
            "",
            "weak",
        )
    ]


def _given_line(line: dict[str, Any], zh: bool) -> dict[str, str]:
    """A line a rule has worded itself: {"zh", "en", "strength"}."""
    return _line(str(line.get("zh" if zh else "en", "")), "", str(line.get("strength", "")))


def _plain_line(row: WarningRow, zh: bool) -> dict[str, str]:
    value, threshold = (
        figures.number(x, 4) if x is not None else figures.DASH for x in (row.value, row.threshold)
    )
    text = f"测得 {value}，警戒值 {threshold}" if zh else f"Measured {value}, threshold {threshold}"
    return _line(text, row.stratum or "", str(row.evidence.get("strength", "")))


# ── the diagram ──────────────────────────────────────────────────────────────


def diagram(row: WarningRow, called: Labels, lang: str) -> dict[str, list[dict[str, Any]]]:
    """Subjects on the left, what they share on the right, and who is tied to what."""
    zh = lang == "zh"
    evidence = row.evidence
    received = {
        b["bidder"]: b for b in _dicts(evidence, "bids") + _dicts(evidence, "deposits") if "bidder" in b
    }
    people = [s["id"] for s in row.subjects if s["kind"] == "bidder" and s["id"] in received]
    place = {person: i for i, person in enumerate(people)}
    left = [{"title": called.get(p, "—"), "detail": _receipt(received[p], zh)} for p in people]
    right: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for title, strength, holders in _common(evidence, zh):
        tied = [place[h] for h in holders if h in place]
        if len(tied) < 2:
            continue
        right.append({"title": title, "detail": _holders(len(tied), strength, zh)})
        links += [{"left": t, "right": len(right) - 1, "strong": strength == "strong"} for t in tied]
    return {"left": left if right else [], "right": right, "links": links}


def _common(evidence: Mapping[str, Any], zh: bool) -> list[tuple[str, str, list[str]]]:
    found = [
        (
            f"{s['zh'] if zh else s['en']} {s['masked']}",
            s.get("strength", ""),
            [b["bidder"] for b in _dicts(s, "bids")],
        )
        for s in _dicts(evidence, "shared")
    ]
    deposits = _dicts(evidence, "deposits")
    if deposits and (account := evidence.get("account")):
        title = f"付款账户 {account}" if zh else f"Paying account {account}"
        found.append((title, str(evidence.get("strength", "strong")), [d["bidder"] for d in deposits]))
    return found


def _receipt(entry: dict[str, Any], zh: bool) -> str:
    at = entry.get("received_at")
    clock = datetime.fromisoformat(at).astimezone(BEIJING).strftime("%H:%M") if at else ""
    order = entry.get("order")
    number = "" if order is None else f"第 {order} 号递交" if zh else f"No. {order}, received"
    return f"{number} {clock}".strip()


def _holders(count: int, strength: str, zh: bool) -> str:
    words = {"strong": ("强证据", "strong"), "medium": ("中等证据", "medium"), "weak": ("一般证据", "weak")}
    word = words.get(strength)
    if zh:
        return f"{count} 家一致" + (f" · {word[0]}" if word else "")
    return f"{count} agree" + (f" · {word[1]}" if word else "")
