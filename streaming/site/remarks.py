"""What readers are told of an opening beside its record: steps that were irregular as its public feed shows them, in what its
list and readings are not the bids on hand, and objections that nobody answered while it lasted. Neutral words; what only
supervisors may know is not among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from messages import Message, Parameter
from records.irregular_courses import Terms, in_feed
from records.opening_record import names_in_message
from streaming.live.story import Said, Story
from streaming.site.render import address, clock, currency_of, money, term, word

Payload = Mapping[str, Any]
_TOLD_APART = frozenset({
    "irregular.failed_unanswered", "irregular.terminated_unanswered", "irregular.too_few",
})  # fmt: skip
"""What a project's page says by itself: each objection left open, and in the life of the lot that too few had bid."""
_SHORT = 80
"""Letters of an objection that stand where only its gist is told."""


@dataclass(frozen=True)
class Remark:
    """One thing a reader should know of an opening."""

    words: str
    note: str
    """When it was, or what the law asks."""
    link: str
    lot: str
    """The title of its lot, for pages of several."""


def irregular(
    opening: Payload, messages: Iterable[Payload], against: Payload | None, lang: str, *, whole: bool = True
) -> list[Remark]:
    """The irregular steps of an opening, in order; not `whole`: without those that a project's page says by itself.
    `against` is its row of topic `against_bids`."""
    steps = [
        (message, said.text(lang))
        for message, said in in_feed(messages, Terms.public(opening))
        if whole or said.key not in _TOLD_APART
    ]
    steps += [(found, _otherwise(found, opening, lang)) for found in (against or {}).get("found", [])]
    steps.sort(key=lambda step: int(step[0]["seq"]))
    return [_step(event, words, opening, lang) for event, words in steps]


def _step(event: Payload, words: str, opening: Payload, lang: str) -> Remark:
    link = address(f"/opening/{opening['id']}", lang) + "#remarks"
    note = word(lang, "remarks.event", seq=event["seq"], time=clock(event["ts"]))
    return Remark(words, note, link, opening["title"])


def _otherwise(found: Payload, opening: Payload, lang: str) -> str:
    """In what an opening is not as its bids are, with as much as the row tells."""
    told: dict[str, Parameter] = {
        "count": found.get("count"),
        "numbers": names_in_message(found.get("numbers", [])),
    }
    if "prices" in found:
        told["prices"] = names_in_message([_two_prices(one, opening, lang) for one in found["prices"]])
    key = "numbered" if found.get("numbers") else "told"
    return Message(f"against_bids.{found['what']}.{key}", **told).text(lang)


def _two_prices(one: Sequence[Any], opening: Payload, lang: str) -> str:
    number, *prices = one
    read, filed = (money(price, lang, currency_of(opening)) for price in prices)
    return word(lang, "remarks.two_prices", no=number, read=read, filed=filed)


def unanswered(opening: Payload, story: Story, lang: str) -> Iterator[Remark]:
    """The objections that stood without an answer when the opening was over (实施条例 art. 44: 当场作出答复)."""
    if story.stage != "end":
        return
    link, law = address(f"/opening/{opening['id']}", lang) + "#talk", word(lang, "remarks.objection.article")
    for no, said in sorted(story.objections.items()):
        if said.content is not None and said.answer is None:
            yield Remark(_open(no, said, lang), law, link, opening["title"])


def _open(no: int, said: Said, lang: str) -> str:
    content = said.content or ""
    short = content if len(content) <= _SHORT else content[:_SHORT] + "…"
    if said.kept_open is None:
        return word(lang, "remarks.objection.left", no=no, content=short)
    return word(lang, "remarks.objection.kept", no=no, content=short, reason=term(lang, said.kept_open))
