"""The life of a lot on its project's page: its steps from notice to contract, each beside what the law asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import messages
from records.clock import now, today, written
from records.legal_clock import ARTICLES, Kept, Span, Steps, is_tendered, spans
from streaming.live.board import moment
from streaming.site.render import address, word

Payload = Mapping[str, Any]

ENDED = frozenset({"failed", "void", "terminated", "retender"})
"""States of a lot in which nothing of it runs any more."""
SIGNED = frozenset({"contracted", "archived"})
"""States of a lot whose contract is signed, whether or not the contract itself is reported."""
TO_LOOK_AT = frozenset({Kept.BROKEN, Kept.OVER, Kept.LATE})
"""How a span stands when a reader should be told of it apart."""
_SAID_BY = {
    "notice": "to_bid", "change": "change", "publicity": "publicity", "award": "award",
}  # fmt: skip
"""Step → the span that is told beside it, where there is one."""


@dataclass(frozen=True)
class Check:
    """What the law asks of a step and whether it is kept, in words."""

    kept: str
    words: str
    measured: str
    article: str


@dataclass(frozen=True)
class Stage:
    """One step of a lot's life."""

    name: str
    at: str
    """When it happened, in words; empty: not told."""
    state: str
    """ok, cur (the next one) or no."""
    check: Check | None = None
    note: str = ""
    link: str = ""


def stages(
    lot: Payload, opening: Payload | None, bidders: int | None, award: Payload | None,
    papers: Mapping[str, Sequence[Payload]], lang: str,
) -> list[Stage]:  # fmt: skip
    """The eight steps of a lot; `opening` is its latest, at which the bids of `bidders` were read, `papers` those of its
    project by topic."""
    steps = replace(_steps(lot, opening, award, papers), bidders=bidders)
    found = spans(steps, today())
    moments = _moments(steps, opening, award)
    names = list(moments)
    reached = _reached(lot, moments)
    ahead = [] if steps.ended else [name for name in names[reached + 1 :] if name != "change"]
    return [
        _stage(name, moments[name], i <= reached, name in ahead[:1], found, opening, lang)
        for i, name in enumerate(names)
    ]


def _reached(lot: Payload, moments: Mapping[str, datetime | None]) -> int:
    """The place of the last step that has happened, as its time or the lot's status tells; -1: none."""
    if lot.get("status") in SIGNED:
        return len(moments) - 1
    noticed = -1 if lot.get("status") == "draft" else 0
    return max((i for i, at in enumerate(moments.values()) if at), default=noticed)


def _steps(
    lot: Payload, opening: Payload | None, award: Payload | None, papers: Mapping[str, Sequence[Payload]]
) -> Steps:
    own = {topic: [p for p in found if p.get("lot") == lot["id"]] for topic, found in papers.items()}
    notice, deadline = moment(lot.get("notice_at")), moment(lot.get("deadline"))
    changes = [moment(p["published_at"]) for p in own.get("notice", []) if p.get("type") == "change"]
    decided = [moment(p.get("awarded_at")) for p in (award or {}).get("awarded", [])]
    signed = [moment(p.get("signed_at")) for p in own.get("contract", [])]
    return Steps(
        notice=notice,
        change=_last(at for at in changes if at and deadline and at <= deadline and at > (notice or at)),
        deadline=deadline,
        opening=moment((opening or {}).get("scheduled_at")),
        publicity_from=moment((award or {}).get("publicity_from")),
        publicity_until=moment((award or {}).get("publicity_until")),
        award=_last(decided),
        contract=_last(signed),
        tendered=is_tendered(lot.get("method"), lot.get("trade_family")),
        ended=lot.get("status") in ENDED | SIGNED,
    )


def _last(moments: Any) -> datetime | None:
    return max((at for at in moments if at is not None), default=None)


def _moments(steps: Steps, opening: Payload | None, award: Payload | None) -> dict[str, datetime | None]:
    """Step → when it happened, as far as it has; of the evaluation 评标 only that it is over is ever told."""
    opened = moment((opening or {}).get("started_at") or (opening or {}).get("ended_at"))
    shown = steps.publicity_from or steps.publicity_until
    past = steps.deadline if steps.deadline and steps.deadline <= now() else None
    return {
        "notice": steps.notice,
        "change": steps.change,
        "deadline": past,
        "opening": opened,
        "evaluation": shown or steps.award,
        "publicity": shown if award else None,
        "award": steps.award,
        "contract": steps.contract,
    }


def _stage(
    name: str, at: datetime | None, passed: bool, here: bool, found: Mapping[str, Span], opening: Payload | None, lang: str
) -> Stage:  # fmt: skip
    span = _span(name, found)
    quiet = passed and name in ("evaluation", "contract")  # that it is over is known, when is not told
    return Stage(
        name=word(lang, f"life.{name}"),
        at=_at(name, at, passed and not quiet, lang),
        state="cur" if here else "ok" if at or quiet else "no",
        check=_check(span, lang) if span and (at or name == "contract") else None,
        note=_note(name, at, opening, lang),
        link=address(f"/opening/{opening['id']}", lang) if name == "opening" and at and opening else "",
    )


def _note(name: str, at: datetime | None, opening: Payload | None, lang: str) -> str:
    """What is said of a step besides: of an opening that began later than it was set for, by how much; the law's mark
    beside it is of the time that was set."""
    if name in ("evaluation", "deadline"):
        return word(lang, f"life.{name}.note")
    due = moment((opening or {}).get("scheduled_at"))
    late = 0 if name != "opening" or at is None or due is None else int((at - due).total_seconds() // 60)
    return word(lang, "life.opening.late", time=written(due, "%H:%M"), n=late) if due and late > 0 else ""


def _span(name: str, found: Mapping[str, Span]) -> Span | None:
    """What is said beside a step: that too few bid before anything else of an opening, a contract's time as it stands."""
    if name == "opening":
        return found.get("bidders") or found.get("opening")
    if name == "contract":
        return found.get("contract") or found.get("contract_due")
    return found.get(_SAID_BY.get(name, ""))


def _at(name: str, at: datetime | None, untold: bool, lang: str) -> str:
    if at is None:
        key = "life.change.none" if name == "change" else "life.untold" if untold else ""
        return word(lang, key) if key else ""
    return "" if name == "evaluation" else written(at)


def _check(span: Span, lang: str) -> Check:
    last = span.last.isoformat() if span.last else ""
    measure = "early" if (span.days or 0) < 0 else "measured"
    values = {"limit": span.limit, "days": abs(span.days or 0), "last": last}
    return Check(
        kept=span.kept,
        words=messages.say(f"law.{span.id}.{span.kept}", lang, **values),
        measured=messages.say(f"law.{span.id}.{measure}", lang, **values) if span.days or span.limit else "",
        article=ARTICLES[span.id].cited.text(lang),
    )
