"""Candidates 中标候选人 and award 中标结果 of a lot, as its public row tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from messages import joined
from streaming.site.render import clock, currency_of, money, word


@dataclass(frozen=True)
class Line:
    """One candidate or winner."""

    rank: int | None
    name: str
    price: str
    won: bool = False
    awarded_at: str = ""
    members: str = ""
    """The other firms of its consortium, in words."""
    under: str = ""
    """Percent under the ceiling, with its sign; empty where the two cannot be compared."""


@dataclass(frozen=True)
class Outcome:
    """What the public knows of how a lot ended."""

    stage: str
    """publicity, awarded or cancelled."""
    title: str
    note: str
    lines: list[Line]
    winner: Line | None = None
    below: str = ""
    """How far the winning price lies under the ceiling, in words."""


def outcome(award: Mapping[str, Any] | None, lang: str, of: Mapping[str, Any]) -> Outcome | None:
    """The outcome of a lot from its row of topic `award`; None while nothing is public.

    `of` is the public row of the lot or its opening: its control price is what the award is compared with.
    """
    if not award:
        return None
    stage = str(award.get("stage") or "awarded")
    won = [_line(part, of, lang, won=True) for part in award.get("awarded") or []]
    names = {line.name for line in won}
    others = [_line(part, of, lang) for part in award.get("candidates") or [] if part["name"] not in names]
    lines = sorted([*won, *others], key=lambda line: (line.rank is None, line.rank or 0, not line.won))
    if not lines and stage != "cancelled":
        return None
    return Outcome(
        stage=stage,
        title=word(lang, f"award.{stage}"),
        note=_note(award, lang),
        lines=lines,
        winner=won[0] if len(won) == 1 else None,
        below=_below(award, of, lang),
    )


def _line(part: Mapping[str, Any], of: Mapping[str, Any], lang: str, *, won: bool = False) -> Line:
    price = part.get("price")
    shown = money(price, lang, currency_of(part)) if price is not None else "—"
    day = clock(part.get("awarded_at"), "%Y-%m-%d")
    members = consortium(part.get("members"), lang)
    return Line(part.get("rank"), str(part["name"]), shown, won, day, members, _under(part, of))


def _under(part: Mapping[str, Any], of: Mapping[str, Any]) -> str:
    """A price against the ceiling of its lot, in percent; both in the same currency, or nothing is said."""
    price, ceiling = part.get("price"), of.get("control_price")
    if price is None or not ceiling or Decimal(ceiling) <= 0 or currency_of(part) != currency_of(of):
        return ""
    percent = (Decimal(price) - Decimal(ceiling)) / Decimal(ceiling) * 100
    return f"{percent:+.2f} %".replace("-", "−")


def consortium(members: Sequence[str] | None, lang: str) -> str:
    """The other firms of a consortium, in words; empty where there are none."""
    return word(lang, "consortium", names=joined(members, lang)) if members else ""


def _note(award: Mapping[str, Any], lang: str) -> str:
    if award.get("stage") == "publicity" and award.get("publicity_until"):
        return word(lang, "award.until", time=clock(award["publicity_until"], "%Y-%m-%d %H:%M"))
    days = [part["awarded_at"] for part in award.get("awarded") or [] if part.get("awarded_at")]
    return word(lang, "award.at", time=clock(max(days), "%Y-%m-%d")) if days else ""


def _below(award: Mapping[str, Any], of: Mapping[str, Any], lang: str) -> str:
    """Only where one price stands beside a ceiling in the same currency."""
    won, ceiling, currency = award.get("awarded") or [], of.get("control_price"), currency_of(of)
    if len(won) != 1 or not ceiling or won[0].get("price") is None or currency_of(won[0]) != currency:
        return ""
    limit, price = Decimal(ceiling), Decimal(won[0]["price"])
    if limit <= 0 or price > limit:
        return ""
    return word(
        lang,
        "award.below",
        percent=f"{(limit - price) / limit * 100:.2f}",
        amount=money(str(limit - price), lang, currency),
    )
