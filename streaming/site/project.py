"""Data of a project's page, its 项目电子身份证: who and how much, each lot from notice to contract, papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import segno
from markupsafe import Markup
from sqlalchemy.orm import Session

from messages import joined
from records.public import rows as public
from streaming.live.reading import of_project
from streaming.live.story import READ_OUT
from streaming.site.life import TO_LOOK_AT, Stage, stages
from streaming.site.opening import Pairs
from streaming.site.outcome import Outcome, outcome
from streaming.site.prices import Histogram, histogram
from streaming.site.render import address, clock, currency_of, full, money, named, term, word

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

    def opening(self, lot: str) -> Payload | None:
        """The latest opening of a lot that was not called off."""
        return next((o for o in self.openings if o["lot"] == lot and o["state"] != "cancelled"), None)

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
class Read:
    """What was read aloud of a candidate: how long it takes, and when it was read, in words; `link` plays that second."""

    duration: str
    time: str
    link: str


@dataclass(frozen=True)
class LotCard:
    """One lot of the project."""

    id: str
    title: str
    status: str
    facts: Pairs
    life: list[Stage]
    outcome: Outcome | None
    read: Mapping[str, Read]
    """Candidate → what was read aloud of it."""
    prices: Histogram | None
    opening: str
    recorded: bool
    """Whether its opening is over and has a record of prices."""
    """The address of its latest opening; empty without one."""

    @property
    def late(self) -> list[Stage]:
        """Steps beside which the law is not kept, or may not be."""
        return [stage for stage in self.life if stage.check and stage.check.kept in TO_LOOK_AT]


@dataclass(frozen=True)
class Paper:
    """A notice, contract, decision or released opinion."""

    kind: str
    text: str
    time: str
    url: str = ""


def read_lately(whole: Whole) -> list[Payload]:
    """The latest opening of each lot, of those whose prices may have been read aloud, however it ended."""
    found = [whole.opening(str(lot["id"])) for lot in whole.lots]
    return [opening for opening in found if opening is not None and opening["stage"] in READ_OUT]


def project_page(
    code: str, whole: Whole, records: Mapping[str, Payload], replays: Set[str], url: str, lang: str
) -> dict[str, Any]:
    """Everything `project.html` needs. `records` are opening records by the opening's id, `replays` the openings that can
    be watched again, `url` is the address that the QR code holds."""
    lots = [_lot(lot, whole, records, replays, lang) for lot in whole.lots]
    alone = lots[0] if len(lots) == 1 else None
    return {
        "code": code,
        "name": whole.name(code),
        "facts": _facts(code, whole, lang) + (alone.facts if alone else []),
        "lots": lots,
        "late": [(lot, stage) for lot in lots for stage in lot.late],
        "openings": whole.openings,
        "replays": replays,
        "papers": _papers(whole, lang),
        "asked": bool(whole.project),
        "opinions": [_paper("opinion", paper, lang) for paper in whole.papers.get("opinion", [])],
        "won": alone.outcome if alone and alone.outcome and alone.outcome.winner else None,
        "alone": alone,
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
        ("agency", joined(agencies, lang)),
        ("facts.family", named(lang, "family", project.get("trade_family") or some.get("trade_family"))),
        ("field.sector", term(lang, project.get("sector"))),
        ("field.investment", _money({**some, **project}, "investment", lang)),
        ("facts.key", word(lang, "yes") if project.get("key_flag") or some.get("key_project") else None),
    ]
    return [(word(lang, key), str(value)) for key, value in rows if value]


def _lot(lot: Payload, whole: Whole, records: Mapping[str, Payload], replays: Set[str], lang: str) -> LotCard:
    award, opening = whole.awards.get(str(lot["id"])), whole.opening(str(lot["id"]))
    record = records.get(str(opening["id"])) if opening else None
    found = outcome(award, lang, lot)
    again = opening is not None and opening["id"] in replays
    return LotCard(
        id=str(lot["id"]),
        title=str(lot.get("title") or lot["id"]),
        status=named(lang, "lot", lot.get("status")) or "",
        facts=_lot_facts(lot, lang),
        life=stages(lot, opening, len(record["bids"]) or None if record else None, award, whole.papers, lang),
        outcome=found,
        read=_read(record, again, lang) if found else {},
        prices=histogram(record, _won(award, lot), currency_of(lot), lang),
        opening=address(f"/opening/{opening['id']}", lang) if opening else "",
        recorded=bool(record and record["bids"] and opening and opening["state"] in ("ended", "sealed")),
    )


def _lot_facts(lot: Payload, lang: str) -> Pairs:
    rows = [
        ("facts.lot", lot["id"]),
        ("facts.category", term(lang, lot.get("category"))),
        ("facts.method", named(lang, "method", lot.get("method"))),
        ("facts.evaluation", term(lang, lot.get("evaluation_method"))),
        ("fact.control", _money(lot, "control_price", lang)),
        ("fact.base", _money(lot, "base_price", lang)),
        ("fact.start", _money(lot, "start_price", lang)),
        ("facts.vat", named(lang, "vat", lot.get("vat"))),
        ("lot.retender", _again(lot, lang)),
    ]
    return [(word(lang, key), str(value)) for key, value in rows if value]


def _again(lot: Payload, lang: str) -> str:
    """Of a lot that is tendered again 重新招标: which round this is, and since when."""
    number = lot.get("round") or 1
    return word(lang, "facts.round", n=number, time=full(lot.get("notice_at"))) if number > 1 else ""


def _won(award: Payload | None, lot: Payload) -> str | None:
    """The winning price, where one price won and it is in the lot's currency."""
    won = (award or {}).get("awarded") or []
    fits = len(won) == 1 and won[0].get("price") is not None and currency_of(won[0]) == currency_of(lot)
    return str(won[0]["price"]) if fits else None


def _read(record: Payload | None, again: bool, lang: str) -> dict[str, Read]:
    """Bidder → what was read aloud of it. A qualification lot's record names nobody."""
    return {
        bid["name"]: Read(
            duration="—" if bid.get("duration_days") is None else str(bid["duration_days"]),
            time=clock(bid.get("read_at")),
            link=f"{address('/opening/' + record['id'], lang)}#ts={bid['read_at']}"
            if again and bid.get("read_at")
            else "",
        )
        for bid in (record or {}).get("bids", [])
        if record
    }


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
        lines = [
            named(lang, "decision.stage", paper.get("stage")) or "",
            word(lang, f"decision.{upheld}"),
            str(paper.get("decision") or ""),
        ]
        return Paper(
            named(lang, "decision.kind", paper.get("kind")) or kind,
            " · ".join(p for p in lines if p),
            full(paper.get("answered_at")),
        )
    return Paper(kind, str(paper.get("text") or ""), full(paper.get("answered_at")))


def _money(payload: Payload, key: str, lang: str) -> str | None:
    value = payload.get(key)
    return money(str(value), lang, currency_of(payload)) if value is not None else None
