"""What the page of a project shows, its 项目电子身份证: who and how much, each lot from notice to contract, papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import segno
from markupsafe import Markup
from sqlalchemy.orm import Session

from records.public import rows as public
from streaming.live.reading import of_project
from streaming.site.opening import Pairs
from streaming.site.outcome import Outcome, outcome
from streaming.site.render import clock, currency_of, full, money, named, term, word

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Whole:
    """Everything public of one project, as the rows tell it."""

    project: Payload | None = None
    lots: Sequence[Payload] = field(default_factory=list)
    openings: Sequence[Payload] = field(default_factory=list)
    awards: Mapping[str, Payload] = field(default_factory=dict)
    """Lot → its outcome."""
    papers: Mapping[str, Sequence[Payload]] = field(default_factory=dict)
    """Topic → notices, contracts, decisions, opinions."""

    @property
    def known(self) -> bool:
        """Whether the public may know of the project at all."""
        return bool(self.project or self.lots or self.openings or self.awards)

    @property
    def demo(self) -> bool:
        """Whether any of it is demonstration data."""
        parts = (self.project or {}, *self.lots, *self.openings, *self.awards.values())
        return any(part.get("demo") for part in parts)

    def name(self, code: str) -> str:
        """The project's name, or its code while none is public."""
        names = [self.project.get("name") if self.project else None]
        names += [part.get("project_name") for part in (*self.openings, *self.lots)]
        return str(next((name for name in names if name), code))


PAPERS = ("notice", "contract", "decision", "opinion")


def whole_project(session: Session, code: str) -> Whole:
    """Read a project's rows."""
    lots = of_project(session, "lot", code)
    awards = {str(award["lot"]): award for award in of_project(session, "award", code)}
    openings = sorted(
        of_project(session, "opening", code), key=lambda o: str(o["scheduled_at"]), reverse=True
    )
    papers = {topic: of_project(session, topic, code) for topic in PAPERS}
    return Whole(public.latest(session, "project", code), lots, openings, awards, papers)


@dataclass(frozen=True)
class LotCard:
    """One lot of the project."""

    id: str
    title: str
    status: str
    facts: Pairs
    line: Pairs
    """Its life as far as it is public: what and when."""
    outcome: Outcome | None


@dataclass(frozen=True)
class Paper:
    """A notice, contract, decision or released opinion."""

    kind: str
    text: str
    time: str
    url: str = ""


def project_page(code: str, whole: Whole, url: str, lang: str) -> dict[str, Any]:
    """Everything `project.html` needs; `url` is the address that the QR code holds."""
    lots = [_lot(lot, whole, lang) for lot in whole.lots]
    won = [card for card in lots if card.outcome and card.outcome.winner]
    return {
        "code": code,
        "name": whole.name(code),
        "facts": _facts(code, whole, lang),
        "lots": lots,
        "openings": whole.openings,
        "papers": _papers(whole, lang),
        "asked": bool(whole.project),
        "opinions": [_paper("opinion", paper, lang) for paper in whole.papers.get("opinion", [])],
        "won": won[0].outcome if len(won) == 1 and len(lots) == 1 else None,
        "qr": qr(url),
        "demo": whole.demo,
    }


def qr(text: str) -> Markup:
    """A QR code as an inline picture, dark on light whatever the colours of the page."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(border=2, omitsize=True, dark="#16233B")
    return Markup(drawn)


def _facts(code: str, whole: Whole, lang: str) -> Pairs:
    project = whole.project or {}
    some: Payload = next(iter((*whole.openings, *whole.lots)), {})
    agencies = sorted({str(lot["agency"]) for lot in whole.lots if lot.get("agency")})
    rows = [
        ("facts.code", code),
        ("tenderer", project.get("tenderer") or some.get("tenderer")),
        ("agency", "、".join(agencies)),
        ("facts.family", named(lang, "family", project.get("trade_family") or some.get("trade_family"))),
        ("field.sector", term(lang, project.get("sector"))),
        ("field.investment", _money({**some, **project}, "investment", lang)),
        ("facts.key", word(lang, "yes") if project.get("key_flag") or some.get("key_project") else None),
    ]
    return [(word(lang, key), str(value)) for key, value in rows if value]


def _lot(lot: Payload, whole: Whole, lang: str) -> LotCard:
    award = whole.awards.get(str(lot["id"]))
    rows = [
        ("facts.lot", lot["id"]),
        ("facts.category", term(lang, lot.get("category"))),
        ("facts.method", named(lang, "method", lot.get("method"))),
        ("facts.evaluation", term(lang, lot.get("evaluation_method"))),
        ("fact.control", _money(lot, "control_price", lang)),
        ("fact.base", _money(lot, "base_price", lang)),
    ]
    return LotCard(
        id=str(lot["id"]),
        title=str(lot.get("title") or lot["id"]),
        status=named(lang, "lot", lot.get("status")) or "",
        facts=[(word(lang, key), str(value)) for key, value in rows if value],
        line=_line(lot, award, whole, lang),
        outcome=outcome(award, lang, lot),
    )


def _line(lot: Payload, award: Payload | None, whole: Whole, lang: str) -> Pairs:
    ended = [o["ended_at"] for o in whole.openings if o["lot"] == lot["id"] and o.get("ended_at")]
    decided = [part["awarded_at"] for part in (award or {}).get("awarded", []) if part.get("awarded_at")]
    signed = [
        c["signed_at"]
        for c in whole.papers.get("contract", [])
        if c.get("lot") == lot["id"] and c.get("signed_at")
    ]
    moments = [
        ("field.notice_at", lot.get("notice_at")),
        ("field.deadline", lot.get("deadline")),
        ("line.opened", max(ended, default=None)),
        ("line.publicity", (award or {}).get("publicity_until")),
        ("field.awarded_at", max(decided, default=None)),
        ("line.contract", max(signed, default=None)),
    ]
    return [(word(lang, key), clock(value, "%Y-%m-%d %H:%M")) for key, value in moments if value]


def _papers(whole: Whole, lang: str) -> list[Paper]:
    topics = (topic for topic in whole.papers if topic != "opinion")
    found = [_paper(topic, paper, lang) for topic in topics for paper in whole.papers[topic]]
    return sorted((paper for paper in found if paper.text), key=lambda paper: paper.time, reverse=True)


def _paper(topic: str, paper: Payload, lang: str) -> Paper:
    kind, url = word(lang, f"paper.{topic}"), str(paper.get("url") or "")
    safe = url if url.startswith(("https://", "http://")) else ""
    if topic == "notice":
        return Paper(
            named(lang, "notice", paper.get("type")) or kind,
            str(paper["title"]),
            full(paper.get("published_at")),
            safe,
        )
    if topic == "contract":
        parts = [str(paper.get("supplier") or ""), _money(paper, "value", lang) or ""]
        return Paper(kind, " · ".join(part for part in parts if part), full(paper.get("signed_at")))
    if topic == "decision":
        upheld = "made" if paper.get("upheld") is None else "upheld" if paper["upheld"] else "dismissed"
        told = [
            named(lang, "decision.stage", paper.get("stage")) or "",
            word(lang, f"decision.{upheld}"),
            str(paper.get("decision") or ""),
        ]
        return Paper(
            named(lang, "decision.kind", paper.get("kind")) or kind,
            " · ".join(p for p in told if p),
            full(paper.get("answered_at")),
        )
    return Paper(kind, str(paper.get("text") or ""), full(paper.get("answered_at")))


def _money(payload: Payload, key: str, lang: str) -> str | None:
    value = payload.get(key)
    return money(str(value), lang, currency_of(payload)) if value is not None else None
