"""S13's model learned from supervisors' verdicts: how it forecast later verdicts beside the score without labels, what it weighs,
and the lots it puts first. Nothing is shown where nothing was learned."""

from __future__ import annotations

from typing import Any

import messages
from dashboard.shell import layout, tables
from dashboard.shell import screen as shell
from dashboard.shell.html import card, draw, esc
from supervision.figures import formats as figures

_LOTS = [
    tables.Column("lot_name", width=360), tables.Column("market"), tables.Column("chance"), tables.Column("label_free"),
]  # fmt: skip
_HEADS = ("market", "verdicts", "forecast", "auc", "label_free", "weights")


def show(page: shell.Page, study: dict[str, Any], centre: str | None) -> None:
    """Both parts, for the markets in which there were verdicts enough."""
    taught = [(one["market"], one["learned"]) for one in study["markets"] if one.get("learned")]
    if not taught:
        return
    heads = "".join(f"<th>{esc(page.say(f'learned.{name}'))}</th>" for name in _HEADS)
    rows = "".join(_row(page, market, found) for market, found in taught)
    body = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    draw(card(page.say("learned.title"), body, esc(page.say("learned.note")), "tab gate"))
    _list(page, taught, centre)


def _row(page: shell.Page, market: str, found: dict[str, Any]) -> str:
    better = page.say("learned.better" if found["auc"] > found["label_free"] else "learned.not_better")
    strongest = sorted(found["weights"].items(), key=lambda one: -abs(one[1]))[:3]
    parts = [
        f"{page.say(f'learned.evidence.{name}')} {figures.signed(weight, 1)}" for name, weight in strongest
    ]
    weights = messages.clauses(parts, page.lang)
    judged = page.say("learned.judged", n=found["verdicts"], confirmed=found["confirmed"])
    cells = [
        messages.named("term", market, page.lang) or page.say("gate.no_market"), judged, figures.number(found["forecast"]), f"{found['auc']:.3f} · {better}",
        f"{found['label_free']:.3f}", weights,
    ]  # fmt: skip
    return f"<tr>{''.join(f'<td>{esc(cell)}</td>' for cell in cells)}</tr>"


def _list(page: shell.Page, taught: list[tuple[str, dict[str, Any]]], centre: str | None) -> None:
    lots = [
        (market, lot)
        for market, found in taught
        for lot in found["lots"]
        if not centre or lot["centre"] == centre
    ]
    lots.sort(key=lambda one: -one[1]["chance"])

    def rows(shown: tables.Window) -> list[tables.Row]:
        return [
            tables.Row(
                [
                    lot["name"],
                    messages.named("term", market, page.lang),
                    f"{lot['chance']:.2f}",
                    f"{lot['score']:.2f}",
                ],
                lot["lot"],
            )
            for market, lot in lots[shown.offset : shown.offset + shown.size]
        ]

    note = f"{page.say('learned.lots_note')} · {page.say('table.pick')}"
    tables.grid(
        "learned-lots",
        page.say("learned.lots"),
        note,
        len(lots),
        _LOTS,
        page.lang,
        rows,
        layout.open_lot,
        seen=6,
    )
