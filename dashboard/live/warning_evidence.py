"""A warning's evidence as a person reads it: lines in order, the link diagram.

Rules store structured, masked evidence (supervision.rules); this turns it into words. Who a line is about
is said by label (投标人甲, 乙 …) unless names were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboard.live import rule_evidence
from dashboard.live.rule_evidence import Reader, stratum_name
from messages import called as in_language
from messages import clauses, joined, say
from records.clock import BEIJING
from supervision.figures import formats as figures
from supervision.quantities import amount, measured
from supervision.warnings.desk import WarningRow

STRENGTHS = ("strong", "medium", "weak")
_ORDER = {name: place for place, name in enumerate((*STRENGTHS, ""))}

Line = dict[str, Any]
Labels = Mapping[str, str]
"""Subject id → what it is called on screen."""


# ── lines ────────────────────────────────────────────────────────────────────


def lines(row: WarningRow, reader: Reader) -> list[Line]:
    """Evidence in order of strength: {"text", "detail", "strength": strong|medium|weak|"", "lot": an id or "",
    "rest": whether it is folded away}."""
    evidence, called, lang, currency = row.evidence, reader.called, reader.lang, reader.currency
    everyone = {s["id"] for s in row.subjects if s["kind"] == "bidder"}
    found = [_shared_line(shared, called, lang, everyone) for shared in _dicts(evidence, "shared")]
    found += _deposit_lines(evidence, called, lang, figures.with_vat(currency))
    found += _price_lines(evidence, lang, currency)
    found += _time_line(_dicts(evidence, "bids"), "evidence.uploads_within", lang)
    found += [_given_line(line, lang) for line in _dicts(evidence, "lines")]
    found += _seen_lines(row, reader)
    if not found:
        found = [_plain_line(row, lang)]
    compared = evidence.get("compared")
    if isinstance(compared, int):
        found.append(_line(say("evidence.compared", lang, n=compared)))
    return _numbers(evidence, called, lang) + sorted(found, key=lambda line: _ORDER[line["strength"]])


def _numbers(evidence: Mapping[str, Any], called: Labels, lang: str) -> list[Line]:
    """Who is who of the bids that other lines name by number alone."""
    bids = _dicts(evidence, "bids") if _dicts(evidence, "lines") else []
    bids += [bid for firm in _dicts(evidence, "firms") for bid in _dicts(firm, "bids")]
    who = {
        bid["order"]: called[bid["bidder"]]
        for bid in bids
        if bid.get("order") and bid.get("bidder") in called
    }
    said = [say("evidence.bid_of", lang, n=n, who=who[n]) for n in sorted(who)]
    return [_line(clauses(said, lang))] if said else []


def _line(text: str, detail: str = "", strength: str = "", lot: str = "", *, rest: bool = False) -> Line:
    strength = strength if strength in _ORDER else ""
    return {"text": text, "detail": detail, "strength": strength, "lot": lot, "rest": rest}


def _seen_lines(row: WarningRow, reader: Reader) -> list[Line]:
    """The rule's own sentence beside what was measured, then what it lists."""
    said = rule_evidence.saw(row, reader)
    strength = str(row.evidence.get("strength", ""))
    found = [] if said is None else [_line(said, _measured(row, reader.lang), strength)]
    return found + [
        _line(
            one.text, "", "" if one.plain else strength, one.lot or "", rest=one.place >= rule_evidence.MOST
        )
        for one in rule_evidence.listed(row.evidence, reader)
    ]


def _dicts(evidence: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = evidence.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _who(entries: list[dict[str, Any]], called: Labels, lang: str) -> str:
    return joined([called.get(entry.get("bidder", ""), "—") for entry in entries], lang)


def _shared_line(shared: dict[str, Any], called: Labels, lang: str, everyone: set[str]) -> Line:
    """Who shares it is said only when it is not all of them."""
    text = say("evidence.same", lang, what=_datum(shared, lang), value=shared["masked"])
    bids = _dicts(shared, "bids")
    who = "" if {bid.get("bidder") for bid in bids} == everyone else _who(bids, called, lang)
    return _line(text, who, shared.get("strength", ""))


def _datum(shared: dict[str, Any], lang: str) -> str:
    """What is shared, as the rule named it."""
    return in_language(shared["zh"], shared["en"], lang)


def _deposit_lines(evidence: Mapping[str, Any], called: Labels, lang: str, currency: str) -> list[Line]:
    deposits = _dicts(evidence, "deposits")
    account = evidence.get("account")
    if not deposits or not account:
        return []
    text = say("evidence.one_account", lang, n=len(deposits), account=account)
    found = [_line(text, _who(deposits, called, lang), str(evidence.get("strength", "strong")))]
    amounts = {deposit.get("amount") for deposit in deposits}
    if len(amounts) == 1 and (amount := amounts.pop()):
        money = figures.unrounded_money(Decimal(amount), currency, lang)
        found.append(_line(say("evidence.same_amount", lang, amount=money), "", "weak"))
    return found + _time_line(deposits, "evidence.receipts_within", lang)


def _price_lines(evidence: Mapping[str, Any], lang: str, currency: str) -> list[Line]:
    prices = _dicts(evidence, "prices")
    gap = evidence.get("mean_gap")
    if not prices or gap is None:
        return []
    step = figures.money(Decimal(str(gap)), currency, lang)
    low, high = (figures.unrounded_money(Decimal(prices[i]["price"]), currency, lang) for i in (0, -1))
    text = say("evidence.even_prices", lang, n=len(prices), step=step)
    return [_line(text, f"{low} — {high}", str(evidence.get("strength", "")))]


def _time_line(entries: list[dict[str, Any]], key: str, lang: str) -> list[Line]:
    times = [datetime.fromisoformat(e["received_at"]) for e in entries if e.get("received_at")]
    if len(times) < 2 or (span := max(times) - min(times)) > timedelta(hours=2):
        return []
    minutes = max(1, round(span.total_seconds() / 60))
    return [_line(say(key, lang, minutes=minutes), "", "weak")]


def _given_line(line: dict[str, Any], lang: str) -> Line:
    """A line a rule has worded itself: {"zh", "en", "strength"}."""
    text = in_language(str(line.get("zh", "")), line.get("en"), lang)
    return _line(text, "", str(line.get("strength", "")))


def _plain_line(row: WarningRow, lang: str) -> Line:
    return _line(_measured(row, lang), "", str(row.evidence.get("strength", "")))


def _measured(row: WarningRow, lang: str) -> str:
    """The value beside what is usual, where that is known, the threshold, and the market they are of."""
    what = measured(row.rule, row.evidence)
    values = {name: amount(what, x) for name, x in (("value", row.value), ("usual", row.baseline), ("threshold", row.threshold))}  # fmt: skip
    said = say("evidence.measured" if row.baseline is None else "evidence.measured_beside", lang, **values)
    return f"{said} · {stratum_name(row.stratum, lang)}" if row.stratum else said


# ── the diagram ──────────────────────────────────────────────────────────────


def diagram(row: WarningRow, reader: Reader) -> dict[str, list[dict[str, Any]]]:
    """Subjects on the left, what they share on the right, and who is tied to what."""
    evidence, called, lang = row.evidence, reader.called, reader.lang
    common = _common(evidence, lang) + [(title, "", who) for title, who in rule_evidence.shared(row, reader)]
    holders = {one for *_, who in common for one in who}
    received = {b["bidder"]: _receipt(b, lang) for b in _dicts(evidence, "bids") if "bidder" in b}
    received |= {d["bidder"]: _paid_in(d, lang) for d in _dicts(evidence, "deposits") if "bidder" in d}
    people = [s["id"] for s in row.subjects if s["kind"] == "bidder" and s["id"] in received.keys() | holders]
    place = {person: i for i, person in enumerate(people)}
    left = [{"title": called.get(p, "—"), "detail": received.get(p, "")} for p in people]
    right: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for title, strength, who in common:
        tied = [place[h] for h in who if h in place]
        if len(tied) < 2:
            continue
        right.append({"title": title, "detail": _holders(len(tied), strength, lang)})
        links += [{"left": t, "right": len(right) - 1, "strong": strength == "strong"} for t in tied]
    return {"left": left if right else [], "right": right, "links": links}


def _common(evidence: Mapping[str, Any], lang: str) -> list[tuple[str, str, list[str]]]:
    found = [
        (
            f"{_datum(s, lang)} {s['masked']}",
            s.get("strength", ""),
            [b["bidder"] for b in _dicts(s, "bids")],
        )
        for s in _dicts(evidence, "shared")
    ]
    deposits = _dicts(evidence, "deposits")
    if deposits and (account := evidence.get("account")):
        title = say("evidence.paying_account", lang, account=account)
        found.append((title, str(evidence.get("strength", "strong")), [d["bidder"] for d in deposits]))
    return found


def _receipt(bid: dict[str, Any], lang: str) -> str:
    order = bid.get("order")
    number = "" if order is None else say("evidence.received_as", lang, n=order)
    return f"{number} {_came(bid)}".strip()


def _paid_in(deposit: dict[str, Any], lang: str) -> str:
    """When a deposit came, which is not when the bid did."""
    came = _came(deposit)
    return say("evidence.deposit_came", lang, at=came) if came else ""


def _came(entry: dict[str, Any]) -> str:
    at = entry.get("received_at")
    return datetime.fromisoformat(at).astimezone(BEIJING).strftime("%m-%d %H:%M") if at else ""


def _holders(count: int, strength: str, lang: str) -> str:
    agree = say("evidence.agree", lang, n=count)
    return f"{agree} · {say(f'evidence.{strength}', lang)}" if strength in STRENGTHS else agree
