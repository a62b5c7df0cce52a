"""What the page of one opening shows: steps, record, outcome, objections, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streaming.live.story import READ_OUT, STEPS, Message, Story, opening_record
from streaming.site.opening_words import Pairs, facts, key_figures
from streaming.site.outcome import outcome
from streaming.site.render import currency_of, full, money, word

Opening = Mapping[str, Any]


def opening_view(
    opening: Opening, story: Story, past: Message | None, award: Message | None, place: str, lang: str
) -> dict[str, Any]:
    """Everything `opening.html` needs to tell of an opening; `past` is the record of one without events."""
    read_out = opening["stage"] in READ_OUT and opening["result"] not in {"failed", "terminated"}
    record = opening_record(opening, story, past) if read_out else None
    return {
        "facts": facts(opening, place, lang),
        "figures": _figures(opening, story, record, lang),
        "record": record if record and record["bids"] else None,
        "wait": word(lang, _waiting(opening)),
        "outcome": outcome(award, lang, opening),
        "moments": [] if story.steps else _moments(opening, lang),
        "step_keys": STEPS,
    }


def _figures(opening: Opening, story: Story, record: Mapping[str, Any] | None, lang: str) -> Pairs:
    found = key_figures(story, lang, currency_of(opening))
    if record and not story.control and opening.get("control_price"):
        found.insert(
            0,
            (word(lang, "fact.control"), money(opening["control_price"], lang, currency_of(opening))),
        )
    if record and record["bids"]:
        found.insert(0, (word(lang, "facts.bidders"), word(lang, "fact.houses", n=len(record["bids"]))))
    return found


def _waiting(opening: Opening) -> str:
    """Why there is no record to show."""
    if opening["result"] in {"failed", "terminated"}:
        return f"opening.record.{opening['result']}"
    if opening["state"] == "cancelled":
        return "opening.record.cancelled"
    return "opening.record.none" if opening["stage"] == "end" else "opening.record.wait"


def _moments(opening: Opening, lang: str) -> Pairs:
    """The times of an opening whose steps nobody sent one by one."""
    keys = ("scheduled_at", "started_at", "ended_at")
    return [(word(lang, f"moment.{key}"), full(opening[key])) for key in keys if opening.get(key)]
