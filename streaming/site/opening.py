"""An opening as the pages show it, in the reader's language: slate, list heading, key figures, facts, and the whole of its
own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from records.clock import now
from records.control import reason_text
from records.draw import kind_of
from records.legal_clock import FEWEST_BIDDERS
from streaming.live.board import moment
from streaming.live.covers import OPEN, Cover
from streaming.live.story import READ_OUT, STEPS, Message, Story, is_read_out, opening_record
from streaming.site.outcome import outcome
from streaming.site.render import clock, currency_of, full, money, named, term, word

Opening = Mapping[str, Any]
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Slate:
    """What stands where the picture would be."""

    icon: str
    title: str
    note: str = ""
    until: str = ""
    """RFC 3339 moment to count down to, if any."""
    camera: str = ""
    """Before an opening: whether the room's camera arrives."""


@dataclass(frozen=True)
class Listing:
    """Heading of the list that matters at the present stage."""

    title: str
    count: int | None = None
    of: str = ""
    max: int = 0
    figures: Pairs = field(default_factory=list)


def slate(
    opening: Opening | None, picture: bool, story: Story, lang: str, cover: Cover = OPEN,
    upcoming: Opening | None = None,
) -> Slate:  # fmt: skip
    """The slate of a room; it also says in words what a picture would show."""
    camera = word(lang, "room.camera.on" if picture else "room.camera.off")
    if opening is None:
        return _idle(camera, upcoming, cover, lang)
    if opening["state"] == "paused":
        return Slate("pause", word(lang, "slate.paused"), _adjourned(story, lang))
    if opening["state"] in {"ended", "sealed", "cancelled"}:
        return _over(opening, lang)
    if opening["state"] == "scheduled":
        return replace(_standby(str(opening["scheduled_at"]), lang), camera=camera)
    if cover.slated:
        return Slate("pause", word(lang, "slate.covered"), reason_text(cover.reason, lang))
    if picture:
        return Slate("hall", word(lang, "slate.joining"))
    return Slate("text", word(lang, "slate.text"), word(lang, "slate.text.note"))


def _over(opening: Opening, lang: str) -> Slate:
    """The slate after an opening; one that was broken off or failed says so, and why."""
    if opening["result"] in {"failed", "terminated"}:
        return Slate("tick", word(lang, f"say.ended.{opening['result']}"), reason_told(opening, lang) or "")
    return Slate("tick", word(lang, "slate.ended"), word(lang, "slate.ended.note"))


def _adjourned(story: Story, lang: str) -> str:
    """Why an opening is adjourned and until when, with the day: it may be another."""
    why = term(lang, story.pause_reason) or ""
    if story.paused_until is None:
        return why
    until = word(lang, "slate.until", time=clock(story.paused_until, "%m-%d %H:%M"))
    return f"{why} · {until}" if why else until


def _idle(camera: str, upcoming: Opening | None, cover: Cover, lang: str) -> Slate:
    """A room without an opening: whether its camera works and what comes next."""
    if cover.slated:
        return Slate("pause", word(lang, "slate.covered"), reason_text(cover.reason, lang))
    if upcoming is None:
        return Slate("clock", word(lang, "slate.idle"), word(lang, "slate.idle.note"), camera=camera)
    when = clock(str(upcoming["scheduled_at"]), "%m-%d %H:%M")
    note = word(lang, "hall.next", time=when, title=upcoming["title"])
    return Slate("clock", word(lang, "slate.idle"), note, camera=camera)


def _standby(scheduled_at: str, lang: str) -> Slate:
    scheduled = moment(scheduled_at) or now()
    title = word(lang, "slate.standby", time=clock(scheduled_at, "%H:%M"))
    left = scheduled - now()
    if left <= timedelta(0):
        return Slate("clock", title, word(lang, "slate.due"))
    return Slate("clock", title, word(lang, "slate.count", time=span(left, lang)), scheduled_at)


def span(left: timedelta, lang: str) -> str:
    """A length of time in words; site/static/site.js says the same."""
    seconds = max(0, int(left.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600, seconds // 60
    if days:
        return word(lang, "days", d=days, h=hours % 24)
    if hours:
        return word(lang, "hours", h=hours, m=minutes % 60)
    return word(lang, "minutes", m=minutes, s=seconds % 60) if minutes else word(lang, "seconds", s=seconds)


def listing(story: Story, lang: str, currency: str) -> Listing:
    """Decryption progress, then bidders, then prices as they are read."""
    total, figures = len(story.bidders), key_figures(story, lang, currency)
    if story.stage == "decryption" and story.decryption and story.decryption["done"] is not None:
        whole = story.decryption["total"] or 0
        return Listing(
            "list.decryption",
            story.decryption["done"],
            word(lang, "list.decrypted", total=whole),
            whole,
            figures,
        )
    if story.readings:
        title = "list.record" if story.stage in READ_OUT else "list.reading"
        return Listing(title, len(story.readings), word(lang, "list.read", total=total), total, figures)
    if total:
        return Listing("list.bidders", total, word(lang, "list.count"), 0, figures)
    return Listing("list.waiting")


def key_figures(story: Story, lang: str, currency: str) -> Pairs:
    """Price ceiling, coefficient and decryption, as far as known; site/static/room.js says the same."""
    found: Pairs = []
    if story.control:
        found.append((word(lang, "fact.control"), money(story.control["amount"], lang, currency)))
        if story.control.get("base_price"):
            found.append((word(lang, "fact.base"), money(story.control["base_price"], lang, currency)))
        if story.control.get("over") is not None:
            found.append((word(lang, "fact.over"), word(lang, "fact.houses", n=story.control["over"])))
    found += [(term(lang, drawn["kind"]) or "", str(drawn["value"])) for drawn in story.coefficients]
    if story.decryption and (story.stage != "decryption" or story.decryption["done"] is None):
        found.append((word(lang, "fact.decryption"), _decrypted(story.decryption, lang)))
    return found


def _decrypted(counts: Mapping[str, int | None], lang: str) -> str:
    """How the decryption went; what nobody has told is said as such, never as a success or as 0."""
    if counts["done"] is None:
        return word(lang, "fact.untold", total=counts["total"])
    done, failed = counts["done"], counts["failed"] or 0
    left = (counts["total"] or 0) - done - failed
    key = "fact.part" if left > 0 else "fact.some" if failed else "fact.all"
    return word(lang, key, n=done, done=done, failed=failed, left=left)


def facts(opening: Opening, place: str, lang: str) -> Pairs:
    """The project facts of an opening that the public has known since the notice."""
    limit = opening.get("control_price")
    rows = [
        ("facts.opening", opening.get("id")),
        ("facts.project", opening.get("project_name")),
        ("facts.code", opening.get("project")),
        ("facts.lot", opening.get("lot")),
        ("tenderer", opening.get("tenderer")),
        ("agency", opening.get("agency")),
        ("facts.family", named(lang, "family", opening.get("trade_family"))),
        ("facts.category", term(lang, opening.get("category"))),
        ("facts.method", named(lang, "method", opening.get("method"))),
        ("fact.control", money(limit, lang, currency_of(opening)) if limit else None),
        ("facts.vat", named(lang, "vat", opening.get("vat"))),
        ("facts.scheduled", full(opening.get("scheduled_at"))),
        ("facts.place", place),
        ("facts.ended", full(opening["ended_at"]) if opening.get("ended_at") else None),
        ("facts.result", named(lang, "result", opening.get("result"))),
        ("facts.result_reason", reason_told(opening, lang)),
        ("facts.key", word(lang, "yes") if opening.get("key_project") else None),
    ]
    return [(word(lang, key), str(value)) for key, value in rows if value]


def opening_page(
    opening: Opening, story: Story, past: Message | None, award: Message | None, place: str, lang: str
) -> dict[str, Any]:
    """Everything `opening.html` needs to tell of an opening besides its remarks; `past` is the record of one without
    events."""
    record = record_read_out(opening, story, past)
    return {
        "facts": facts(opening, place, lang),
        "figures": record_figures(opening, story, record, lang),
        "record": record if record and record["bids"] else None,
        "wait": word(lang, _waiting(opening, story), n=len(story.bidders)),
        "why": why_over(opening, lang),
        "outcome": outcome(award, lang, opening),
        "moments": [] if story.steps else _moments(opening, lang),
        "step_keys": STEPS,
        "lapsed": [term(lang, kind) for kind in _lapsed(story)],
    }


def _lapsed(story: Story) -> list[str]:
    """What was committed to and never drawn before the opening was over."""
    drawn = {str(one["kind"]) for one in story.coefficients}
    committed = dict.fromkeys(kind_of(one) for one in story.seeds)
    return [kind for kind in committed if kind not in drawn] if story.stage == "end" else []


def record_read_out(opening: Opening, story: Story, past: Message | None) -> dict[str, Any] | None:
    """The record of an opening whose prices have been read aloud, None before; what was read before one broke off or was
    called failed stands in its record all the same, where none was there is none."""
    held = (opening["result"] or story.result) not in {"failed", "terminated"}
    read = is_read_out(opening, story) and (held or story.readings)
    return opening_record(opening, story, past) if read else None


def record_figures(opening: Opening, story: Story, record: Mapping[str, Any] | None, lang: str) -> Pairs:
    """The key figures of an opening that has been held: bidders, ceiling, coefficient, decryption."""
    found = key_figures(story, lang, currency_of(opening))
    if record and not story.control and opening.get("control_price"):
        found.insert(
            0,
            (word(lang, "fact.control"), money(opening["control_price"], lang, currency_of(opening))),
        )
    if record and record["bids"]:
        found.insert(0, (word(lang, "facts.bidders"), word(lang, "fact.houses", n=len(record["bids"]))))
    return found


def _waiting(opening: Opening, story: Story) -> str:
    """Why there is no record to show."""
    result = opening["result"] or story.result
    if result == "failed" and story.bidders:
        few = len(story.bidders) < FEWEST_BIDDERS
        return "opening.record.failed_few" if few else "opening.record.failed_enough"
    if result in {"failed", "terminated"}:
        return f"opening.record.{result}"
    if opening["state"] == "cancelled":
        return "opening.record.cancelled"
    return "opening.record.none" if "end" in (opening["stage"], story.stage) else "opening.record.wait"


def reason_told(opening: Opening, lang: str) -> str | None:
    """Why an opening was broken off or failed, or that nobody said; None where it was not."""
    if opening.get("result") not in {"failed", "terminated"}:
        return None
    return term(lang, opening.get("result_reason")) or word(lang, "reason.untold")


def why_over(opening: Opening, lang: str) -> str:
    """That an opening was broken off or failed, and why; empty where it was not."""
    reason = reason_told(opening, lang)
    return word(lang, f"say.ended.{opening['result']}.reason", reason=reason) if reason else ""


def _moments(opening: Opening, lang: str) -> Pairs:
    """The times of an opening whose steps nobody sent one by one."""
    keys = ("scheduled_at", "started_at", "ended_at")
    return [(word(lang, f"moment.{key}"), full(opening[key])) for key in keys if opening.get(key)]
