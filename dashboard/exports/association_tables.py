"""Tables of S12: the pairs that win together, and the ways from one party to another, as the screen shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import messages
from dashboard import context
from dashboard.exports.tables import Row, Table
from dashboard.memo import per_lens
from dashboard.shell.address_checks import anything, one_of
from dashboard.shell.filters import Choice
from dashboard.signs import address_sign
from messages import say
from records import unmasking
from records.clock import today
from supervision.figures import formats as figures
from supervision.lists.associations import NamedPair, Side, names_of, side
from supervision.lists.paths import Link, Path, parties_named, paths_between, suspects
from supervision.warnings.masks import mark

SIDES = ("tenderer", "agency")


def side_of(asked: Mapping[str, str]) -> Side | None:
    """The side of the study that an address asks for; None while nothing was studied."""
    with context.ledger().read() as session:
        return side(session, context.config().data_dir, asked.get("side") or SIDES[0])


def pair_of(found: Side | None, asked: Mapping[str, str]) -> NamedPair | None:
    """The pair that an address names, else the first."""
    pairs = found.pairs if found else []
    return next((pair for pair in pairs if pair.key == asked.get("pair")), pairs[0] if pairs else None)


@per_lens
def ways_of(one: str, other: str) -> tuple[list[Path], dict[str, str]]:
    """The ways between two parties, and the names of all who stand on them."""
    with context.ledger().read() as session:
        found = paths_between(session, context.lens(), one, other)
        return found, names_of(session, {party for path in found for party in path.parties} | {one, other})


UNMASKED = "path"
"""Kind of object of which names are asked for, for the parties between two others."""


def ends_sign(one: str, other: str) -> str:
    """What stands in the audit chain for two parties, in whichever order they were asked for."""
    return address_sign(*sorted((one, other)))


def masked(found: Sequence[Path], names: Mapping[str, str], lang: str) -> dict[str, str]:
    """Party → what it is called while names are not to be seen: a sign for all who stand at a step that is no public fact."""
    signs = {
        party: say("evidence.subject.bidder" if bids else "paths.masked", lang, mark=mark(place, lang))
        for place, (party, bids) in enumerate(suspects(found).items())
    }
    return {**names, **signs}


def link_words(link: Link, lang: str) -> str:
    """What a link is: 同一计价软件加密锁，3 个标段; the lots of each in the order of its ends where they are different ones."""
    kind = messages.named("relation", link.kind, lang)
    if link.share is not None:
        return say("paths.share", lang, kind=kind, share=figures.number(link.share, 2))
    if link.apart:
        return say("paths.apart", lang, kind=kind, one=link.apart[0], other=link.apart[1])
    return say("paths.lots", lang, kind=kind, n=link.n) if link.lots else kind


def held(link: Link, lang: str) -> str:
    """From when to when it held, as far as it is known."""
    if link.since is None and link.until is None:
        return figures.DASH
    first, last = (str(day) if day else "…" for day in (link.since, link.until))
    span = say("paths.held", lang, first=first, last=last)
    return f"{span} · {say('paths.ended', lang)}" if link.ended(today()) else span


def source(link: Link, lang: str) -> str:
    """Which record tells it: a kind of record, or the source that sent the relation."""
    return messages.named("paths.record", link.source, lang)


def _pairs(choice: Choice, lang: str) -> list[Row]:
    found = side_of(choice.asked)
    return [
        (
            pair.buyer_name, pair.firm_name, pair.awards, pair.bid, pair.wins, round(pair.expected, 4), round(pair.lift, 4),
            pair.adjusted_p, say("associations.yes" if pair.through else "associations.no", lang),
        )
        for pair in (found.pairs if found else [])
    ]  # fmt: skip


def _ends(asked: Mapping[str, str]) -> tuple[str, str] | None:
    """The two parties an address asks for; None where nobody is called so."""
    pair = pair_of(side_of(asked), asked)
    ends = []
    for name, usual in (("party", pair and pair.buyer), ("other", pair and pair.firm)):
        with context.ledger().read() as session:
            found = parties_named(session, asked.get(name, ""))
        said = asked.get(name, "").strip()
        ends.append(said if said in found else next(iter(found), "") if said else usual or "")
    return (ends[0], ends[1]) if all(ends) else None


def _seen(viewer: str, one: str, other: str) -> bool:
    """Whether who exports has just given a reason on the screen to see who stands between the two."""
    within, two = timedelta(seconds=unmasking.SHOWN_SECONDS), context.config().unmask_by_two
    with context.ledger().read() as session:
        return unmasking.looked_at(session, UNMASKED, ends_sign(one, other), viewer, within, two=two)


def _ways(choice: Choice, lang: str) -> Sequence[Row]:
    ends = _ends(choice.asked)
    if ends is None:
        return []
    paths, names = ways_of(*ends)
    if not _seen(choice.viewer, *ends):
        names = masked(paths, names, lang)
    return [
        (
            n, place, *(names.get(party, party) for party in path.parties[place - 1 : place + 1]), link_words(link, lang),
            held(link, lang), say(f"evidence.{link.strength}", lang), source(link, lang), messages.joined(link.lots, lang),
        )
        for n, path in enumerate(paths, 1) for place, links in enumerate(path.steps, 1) for link in links
    ]  # fmt: skip


_ASKED = {"side": one_of(SIDES), "pair": anything}
ASSOCIATED = (
    Table("associations", ("buyer", "firm", "awards", "bid_lots", "wins", "expected", "lift", "adjusted_p", "through"), _pairs, _ASKED),
    Table("paths", ("way", "step", "party", "other_party", "link", "held", "link_strength", "record_source", "lot"), _ways,
          _ASKED | {"party": anything, "other": anything}),
)  # fmt: skip
"""Tables of S12 beside its warnings."""
