"""What readers are told of an opening beside its record: steps that were irregular as its public feed shows them, and
objections that nobody answered while it lasted. Neutral words; what only supervisors may know is not among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from records.irregular_courses import Terms, in_feed
from streaming.live.story import Said, Story
from streaming.site.render import address, clock, term, word

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
    opening: Payload, messages: Iterable[Payload], lang: str, *, whole: bool = True
) -> list[Remark]:
    """The irregular steps of an opening, in order; not `whole`: without those that a project's page says by itself."""
    link = address(f"/opening/{opening['id']}", lang) + "#remarks"
    return [
        Remark(said.text(lang), word(lang, "remarks.event", seq=message["seq"], time=clock(message["ts"])), link, opening["title"])
        for message, said in in_feed(messages, Terms.public(opening))
        if whole or said.key not in _TOLD_APART
    ]  # fmt: skip


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
