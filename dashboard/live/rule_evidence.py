"""What a rule saw, in words: one sentence of its figures (`rule.<id>.saw`), and a line for each thing it lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import messages
from messages import joined, say
from records.clock import BEIJING
from supervision.figures import formats as figures
from supervision.warnings.desk import WarningRow

MOST = 12
"""Lines of one list that stand open; what is beyond is folded."""
_DIGITS = 4
_CHANCES = frozenset({"p", "adjusted_p"})
_MOMENTS = frozenset({"deadline", "publicity_from", "publicity_until", "raised_at"})
_AMOUNTS = frozenset({"deposit", "estimate", "price", "limit", "total"})
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Reader:
    """Who reads a warning's evidence: what the subjects are called, lots by id, language and currency."""

    called: Mapping[str, str]
    lots: Mapping[str, str]
    lang: str
    currency: str

    def say(self, key: str, **parameters: object) -> str:
        """A sentence about the evidence."""
        return say(f"evidence.{key}", self.lang, **parameters)

    def who(self, subject: object) -> str:
        """What a subject is called; "—" for one that is not known."""
        return self.called.get(str(subject), figures.DASH)

    def shown(self, name: str, value: object) -> str:
        """A piece of evidence by its name: a moment, an amount, a chance, a subject or a number."""
        if value is None:
            return figures.DASH
        if name.endswith("_at") or name in _MOMENTS:
            return moment(str(value))
        if name in _AMOUNTS:
            return figures.unrounded_money(Decimal(str(value)), self.currency, self.lang)
        if isinstance(value, int | float):
            return chance(value) if name in _CHANCES else figures.measure(round(value, _DIGITS))
        return self.called.get(str(value), str(value))


def moment(at: str) -> str:
    """A moment of the evidence in Beijing time, to the minute."""
    return datetime.fromisoformat(at).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


def chance(p: float) -> str:
    """A probability: 0.012, < 0.001."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def stratum_name(stratum: str, lang: str) -> str:
    """A market as rules name it, in words: works/road/open → 工程 · 道路 · 公开."""
    if stratum == "all":
        return say("rules.wholeMarket", lang)
    return " · ".join(_part(part, lang) for part in stratum.split("/") if part != "-")


def _part(part: str, lang: str) -> str:
    for family in ("site.family", "site.method", "term"):
        if (name := messages.named(family, part, lang)) != part:
            return name
    return part


def saw(row: WarningRow, reader: Reader) -> str | None:
    """The figures of a finding in its rule's own sentence; None of a rule that has none, or evidence of before it had."""
    key = f"rule.{row.rule}.saw"
    if not messages.known(key):
        return None
    values = _first_of_each_kind(row, reader) | {
        name: reader.shown(name, value) for name, value in row.evidence.items() if not isinstance(value, list | dict)
    }  # fmt: skip
    if "lots" in values:  # how many there were, as findings told it before they listed them
        values.setdefault("of_lots", values["lots"])
    try:
        return messages.words(reader.lang, key)[""].format_map(values)
    except KeyError:
        return None


def _first_of_each_kind(row: WarningRow, reader: Reader) -> dict[str, str]:
    """Kind of subject → what the first of that kind is called, for sentences that say who."""
    return {one["kind"]: reader.who(one["id"]) for one in reversed(row.subjects)}


@dataclass(frozen=True)
class Listed:
    """A line about what evidence lists; `lot`: the one it is about, `place`: its own in the list."""

    text: str
    lot: str | None
    place: int
    plain: bool
    """Whether it says no more than which lot it is: a place to look, no evidence by itself."""


def listed(evidence: Mapping[str, Any], reader: Reader) -> list[Listed]:
    """A line for each thing that the evidence lists."""
    return [
        Listed(*line(reader, entry), place, isinstance(entry, str))
        for name, line in _LINES.items() if isinstance(entries := evidence.get(name), list)
        for place, entry in enumerate(entries)
    ]  # fmt: skip


# ── a line for each thing listed ─────────────────────────────────────────────


def _tie(reader: Reader, entry: Entry) -> tuple[str, None]:
    """T4, B16: two parties and how they are related."""
    one, other = (reader.called.get(who, reader.say("inviting")) for who in entry["between"])
    kinds = joined([messages.named("relation", kind, reader.lang) for kind in entry["types"]], reader.lang)
    through = reader.say("through") if entry.get("through") else ""
    held = reader.say("held", share=entry["share"]) if entry.get("share") else ""
    return reader.say("related", one=one, other=other, kinds=kinds) + through + held, None


def _left(reader: Reader, entry: Entry) -> tuple[str, None]:
    """B15: who left, and how."""
    return reader.say(f"left_{entry['how']}", who=reader.who(entry["bidder"])), None


def _firm(reader: Reader, entry: Entry) -> tuple[str, None]:
    """B17: a firm and the bids in which it stands."""
    bids = joined([f"{bid['order']}" for bid in entry["bids"]], reader.lang)
    return reader.say("in_bids", who=reader.who(entry["firm"]), bids=bids), None


def _loser(reader: Reader, entry: Entry) -> tuple[str, None]:
    """B20: a losing bidder that became subcontractor."""
    return reader.say("subcontracts", who=reader.who(entry["bidder"]), n=entry["order"]), None


def _expert(reader: Reader, entry: Entry) -> tuple[str, None]:
    """E9: an expert and what ties it to the bidder."""
    return reader.say(f"expert_{entry['how']}", who=reader.who(entry["expert"])), None


def _item(reader: Reader, entry: Entry) -> tuple[str, None]:
    """E5: an objective item on which experts differ."""
    low, high = (figures.measure(entry[end]) for end in ("low", "high"))
    return reader.say("marks_differ", who=reader.who(entry["bidder"]), item=entry["item"], low=low, high=high), None  # fmt: skip


def _sheet(reader: Reader, entry: Entry) -> tuple[str, str]:
    """E2, E4: what the expert gave the bidder in one lot beside the mean of the rest of the panel, if there was one; E4:
    and whether the bidder won."""
    points, others, full = (_points(entry[name]) for name in ("points", "others", "full"))
    name, key = reader.lots.get(entry["lot"], entry["lot"]), "marked_won" if entry.get("won") else "marked"
    return reader.say(key, lot=name, points=points, others=others, full=full), str(entry["lot"])


def _points(value: float | None) -> str:
    return figures.DASH if value is None else figures.measure(round(value, 2))


def _lot(reader: Reader, entry: Entry | str) -> tuple[str, str]:
    """A lot behind it; B5: with the address and when the later file came; T11: with what it was awarded at."""
    if isinstance(entry, str):
        return reader.lots.get(entry, entry), entry
    name = reader.lots.get(entry["lot"], entry["lot"])
    if "price" in entry:
        return reader.say("awarded_at", lot=name, price=reader.shown("price", entry["price"])), str(
            entry["lot"]
        )
    words = reader.say("sent_from", lot=name, address=entry["address"], at=moment(entry["received_at"]))
    return words, str(entry["lot"])


def _upheld(reader: Reader, entry: str) -> tuple[str, None]:
    """O7: when an objection that was upheld had been raised."""
    return reader.say("upheld", at=moment(entry)), None


_LINES: Mapping[str, Callable[[Reader, Any], tuple[str, str | None]]] = {
    "ties": _tie, "left": _left, "firms": _firm, "losers": _loser, "experts": _expert, "items": _item, "raised_at": _upheld,
    "lots": _lot, "marks": _sheet,
}  # fmt: skip
"""What evidence may list → the words for one of it."""


def shared(row: WarningRow, reader: Reader) -> Sequence[tuple[str, list[str]]]:
    """What all bidders of a finding have in common beside `shared` and deposits, with who has it: for the diagram."""
    evidence = row.evidence
    people = [one["id"] for one in row.subjects if one["kind"] == "bidder"]
    found: list[tuple[str, list[str]]] = []
    if isinstance(name := evidence.get("name"), str):
        found.append((reader.say("one_name", name=name), people))
    if isinstance(joint := evidence.get("joint_lots"), int):
        found.append((reader.say("joint_lots", n=joint), people))
    lots = evidence.get("lots")
    told = [one for one in lots if isinstance(one, dict)] if isinstance(lots, list) else []
    addresses = {one["address"]: None for one in told if "address" in one}
    return found + [(reader.say("one_address", address=address), people) for address in list(addresses)[:3]]
