"""How two parties hang together: the shortest ways from one organisation to another through what the ledger and the lens
hold in common of them (registered relations, people, accounts, machines, addresses, awards, lots)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import igraph
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from records.clock import today
from records.tables.bids import Bid
from records.tables.money import Deposit
from records.tables.organisations import Organisation
from records.tables.relations import Relation
from supervision.lens.reader import Lens

COST = {
    **dict.fromkeys(("control", "account", "legal_rep", "dongle_serial", "disk_serial", "mac", "file_id", "manager"), 1.0),
    **dict.fromkeys(("phone", "email", "social_security", "kinship", "position", "author", "upload_ip"), 1.25),
    "shareholding": 1.5, "address": 1.5, "awarded": 3.0, "commissioned": 3.0, "bids": 4.0,
}  # fmt: skip
"""Kind of a link → how far apart it leaves its ends: what names one machine, person or account ties closest, having bid
together hardly."""
_APART = 1.25
"""The least distance where two bore a serial in different lots alone: a machine is sold, lent and replaced."""
PUBLIC = frozenset({"control", "shareholding", "legal_rep", "awarded", "commissioned"})
"""Kinds of links that are facts of the public register or published results; whoever stands at any other is under suspicion."""
_BIDDING = frozenset({"bid", "deposit"})
"""Sources that know bidders alone."""
_STRONG = {1.0: "strong", 1.25: "medium", 1.5: "medium"}
MOST_PATHS, MOST_STEPS = 6, 4
"""Paths shown, and links in one of them."""
_COMMON = 12
"""Parties from which on a shared value says nothing: a tenderer's own terminal, a default of a program."""
_COMPANIONS, _LEAST_MET = 25, 3
"""The closest companions of a bidder that are looked at, and how often they must have met."""
_BETWEEN = 400
"""Parties looked at between the two."""
_SERIALS = ("mac", "disk_serial", "dongle_serial", "file_id")


@dataclass(frozen=True)
class Link:
    """What two organisations have in common; `n` says in how many lots both had it, dates from when to when it held."""

    one: str
    other: str
    kind: str
    n: int = 1
    share: float | None = None
    """Per cent held."""
    since: date | None = None
    until: date | None = None
    source: str = ""
    lots: tuple[str, ...] = ()
    """The newest lot in which it shows; where it shows in different lots alone, the newest of `one` and of `other`."""
    apart: tuple[int, int] | None = None
    """Lots of `one` and lots of `other`, where no lot has it of both."""

    @property
    def distance(self) -> float:
        """How far apart it leaves its ends while it holds."""
        return max(COST[self.kind], _APART) if self.apart else COST[self.kind]

    @property
    def strength(self) -> str:
        """How much it says: strong, medium or weak."""
        return _STRONG.get(self.distance, "weak")

    def seen_from(self, party: str) -> Link:
        """The same link with this party as its `one`."""
        if party != self.other:
            return self
        apart = self.apart and (self.apart[1], self.apart[0])
        return replace(self, one=self.other, other=self.one, lots=self.lots[::-1], apart=apart)

    def ended(self, on: date) -> bool:
        """Whether it held no longer on a day."""
        return self.until is not None and self.until < on


@dataclass(frozen=True)
class Path:
    """One way from the first party to the second, and the links of each step, the strongest first."""

    parties: tuple[str, ...]
    steps: tuple[tuple[Link, ...], ...]


def suspects(paths: Iterable[Path]) -> dict[str, bool]:
    """The parties that stand at a step which is no public fact, in the order of the ways; whether they are bidders there."""
    found: dict[str, bool] = {}
    for path in paths:
        for ends, links in zip(pairwise(path.parties), path.steps, strict=True):
            doubtful = [link for link in links if link.kind not in PUBLIC]
            for party in ends if doubtful else ():
                found[party] = found.get(party, False) or any(link.source in _BIDDING for link in doubtful)
    return found


def paths_between(session: Session, lens: Lens, one: str, other: str) -> list[Path]:
    """The shortest ways from one to the other, the closest first; none where nothing is known, or both are the same."""
    if one == other:
        return []
    found = _links(session, lens, [one, other], weak=True)
    between = _closest({end for link in found for end in (link.one, link.other)} - {one, other}, found)
    found += _links(session, lens, between, weak=False)
    return _shortest(found, one, other)


def _closest(parties: set[str], found: Sequence[Link]) -> list[str]:
    """At most `_BETWEEN` of the parties, the closest first."""
    near: dict[str, float] = {}
    for link in found:
        for end in (link.one, link.other):
            near[end] = min(near.get(end, 99.0), _cost(link))
    return sorted(parties, key=lambda party: (near[party], party))[:_BETWEEN]


def _told_once(found: Iterable[Link]) -> Iterable[Link]:
    """The links, those that were counted in lots from either end once: asked about both, the ledger tells them twice."""
    kept: dict[object, Link] = {}
    for link in (link.seen_from(min(link.one, link.other)) for link in found):
        key = (link.one, link.other, link.kind, link.source) if link.lots else link
        if key not in kept or link.n > kept[key].n:
            kept[key] = link
    return kept.values()


def _cost(link: Link) -> float:
    return link.distance * (2 if link.ended(today()) else 1)


def _shortest(found: Iterable[Link], one: str, other: str) -> list[Path]:
    """By Yen's algorithm over the closest link of each pair."""
    steps: dict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in _told_once(found):
        steps[link.one, link.other].append(link)
    for links in steps.values():
        links.sort(key=lambda link: (_cost(link), -link.n))
    names = sorted({end for pair in steps for end in pair} | {one, other})
    place = {name: n for n, name in enumerate(names)}
    graph = igraph.Graph(len(names), [(place[a], place[b]) for a, b in steps])
    if place[other] not in graph.subcomponent(place[one]):
        return []
    weights = [_cost(links[0]) for links in steps.values()]
    walks = graph.get_k_shortest_paths(place[one], place[other], MOST_PATHS, weights=weights, output="vpath")
    return [
        _path([names[n] for n in walk], steps) for walk in walks if 2 <= len(walk) <= MOST_STEPS + 1
    ]  # fmt: skip


def _path(parties: list[str], steps: dict[tuple[str, str], list[Link]]) -> Path:
    """Each step's links as they read on the way from the first party to the last."""
    walked = [[link.seen_from(a) for link in steps[min(a, b), max(a, b)]] for a, b in pairwise(parties)]
    return Path(tuple(parties), tuple(map(tuple, walked)))


# ── what is known of some organisations ──────────────────────────────────────


def _links(session: Session, lens: Lens, parties: Sequence[str], *, weak: bool) -> list[Link]:
    """All links of these parties; with `weak` also who won where, who ran whose lots and who bid together."""
    if not parties:
        return []
    found = [*_relations(session, parties), *_namesakes(session, parties), *_machines(lens, parties)]
    found += [*_people(session, lens, parties), *_accounts(session, lens, parties)] if weak else []
    return found + ([*_awards(lens, parties), *_companions(lens, parties)] if weak else [])


def _relations(session: Session, parties: Sequence[str]) -> Iterator[Link]:
    query = select(Relation).where(or_(Relation.from_id.in_(parties), Relation.to_id.in_(parties)))
    for row in session.scalars(query.order_by(Relation.id)):
        share = None if row.ratio is None else float(row.ratio)
        kind = row.type if row.type in COST else "address"
        yield Link(row.from_id, row.to_id, kind, 1, share, row.valid_from, row.valid_until, row.source)


def _namesakes(session: Session, parties: Sequence[str]) -> Iterator[Link]:
    """Organisations with a legal representative of one name; a name that many have is nobody's."""
    mine, theirs = aliased(Organisation), aliased(Organisation)
    rare = (
        select(Organisation.legal_rep).where(Organisation.legal_rep != "")
        .group_by(Organisation.legal_rep).having(func.count() <= _COMMON)
    )  # fmt: skip
    query = (
        select(mine.id, theirs.id).join(theirs, (theirs.legal_rep == mine.legal_rep) & (theirs.id != mine.id))
        .where(mine.id.in_(parties), mine.legal_rep.in_(rare)).order_by(mine.id, theirs.id)
    )  # fmt: skip
    for one, other in session.execute(query):
        yield Link(one, other, "legal_rep", source="organisation")


def _people(session: Session, lens: Lens, parties: Sequence[str]) -> Iterator[Link]:
    """Bids of one lot that name the same manager or author; whose name it is stays in the ledger."""
    mine, theirs = aliased(Bid), aliased(Bid)
    for kind in ("manager", "author"):
        name, same = getattr(mine, kind), getattr(theirs, kind)
        query = (
            select(mine.bidder_id, theirs.bidder_id, mine.lot_id)
            .join(theirs, (theirs.lot_id == mine.lot_id) & (same == name) & (theirs.bidder_id != mine.bidder_id))
            .where(mine.bidder_id.in_(parties), name.is_not(None), name != "").distinct()
        )  # fmt: skip
        yield from _in_lots(lens, kind, "bid", session.execute(query))


def _accounts(session: Session, lens: Lens, parties: Sequence[str]) -> Iterator[Link]:
    """Deposits of one lot from one account."""
    mine, theirs = aliased(Deposit), aliased(Deposit)
    same = (theirs.lot_id == mine.lot_id) & (theirs.payer_account_hash == mine.payer_account_hash)
    query = (
        select(mine.bidder_id, theirs.bidder_id, mine.lot_id)
        .join(theirs, same & (theirs.bidder_id != mine.bidder_id))
        .where(mine.bidder_id.in_(parties), mine.form == "transfer", mine.payer_account_hash.is_not(None))
        .distinct()
    )  # fmt: skip
    yield from _in_lots(lens, "account", "deposit", session.execute(query))


def _in_lots(lens: Lens, kind: str, source: str, met: Iterable[tuple[str, str, str]]) -> Iterator[Link]:
    """One link a pair over (one, other, lot). Lots that the lens does not hold are left out: who bids in a lot is secret
    until its opening is over."""
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one, other, lot in met:
        pairs[one, other].add(lot)
    query = "SELECT lot_id, opened_on FROM lots WHERE lot_id IN (SELECT unnest($lots))"
    asked = sorted(set().union(*pairs.values()))
    opened = {row["lot_id"]: row["opened_on"] for row in lens.query(query, {"lots": asked}).to_pylist()}
    for (one, other), lots in sorted(pairs.items()):
        if days := sorted((opened[lot], lot) for lot in lots if lot in opened):
            yield Link(one, other, kind, len(days), since=days[0][0], source=source, lots=(days[-1][1],))


def _newest(lots: str) -> str:
    """SQL: the newest lot of a group of rows of this table, the last in name among those of one day."""
    return f"arg_max({lots}.lot_id, ({lots}.opened_on, {lots}.lot_id))"


def _machines(lens: Lens, parties: Sequence[str]) -> Iterator[Link]:
    """Bids that bear the same serial: the lots in which both did, else how many lots of each; one upload address counts
    within a lot alone."""
    for kind in (*_SERIALS, "upload_ip"):
        query = (
            f"WITH own AS (SELECT DISTINCT {kind} AS value FROM bids"
            f" WHERE bidder_id IN (SELECT unnest($parties)) AND length({kind}) >= 6),"
            f" rare AS (SELECT {kind} AS value FROM bids WHERE {kind} IN (SELECT value FROM own) GROUP BY 1"
            f" HAVING count(DISTINCT bidder_id) BETWEEN 2 AND {_COMMON}),"
            f" borne AS (SELECT DISTINCT b.bidder_id, value, b.lot_id, b.opened_on FROM bids b JOIN rare ON b.{kind} = value),"
            f" met AS (SELECT v.bidder_id AS one, o.bidder_id AS other, count(DISTINCT v.lot_id) AS n, {_newest('v')} AS lot,"
            " min(v.opened_on) AS since FROM borne v JOIN borne o USING (value, lot_id) WHERE o.bidder_id <> v.bidder_id GROUP BY 1, 2),"
            f" each AS (SELECT bidder_id, value, count(DISTINCT lot_id) AS n, {_newest('borne')} AS lot, min(opened_on) AS since,"
            " max(opened_on) AS until FROM borne GROUP BY 1, 2),"
            " pairs AS (SELECT v.bidder_id AS one, o.bidder_id AS other, sum(v.n)::INT AS mine, sum(o.n)::INT AS theirs,"
            " arg_max(v.lot, (v.until, v.lot)) AS my_lot, arg_max(o.lot, (o.until, o.lot)) AS their_lot,"
            " min(greatest(v.since, o.since)) AS since FROM each v JOIN each o USING (value)"
            " WHERE v.bidder_id IN (SELECT unnest($parties)) AND o.bidder_id <> v.bidder_id GROUP BY 1, 2)"
            " SELECT p.* EXCLUDE (since), coalesce(m.since, p.since) AS since, m.n, m.lot FROM pairs p LEFT JOIN met m USING (one, other)"
            " ORDER BY one, other"
        )  # fmt: skip
        rows = lens.query(query, {"parties": list(parties)}).to_pylist()
        yield from (_borne(row, kind) for row in rows if row["n"] or kind in _SERIALS)


def _borne(row: dict[str, Any], kind: str) -> Link:
    """Together in `n` lots, or apart in `mine` and `theirs`: then it holds from the day on which the later had it."""
    if row["n"]:
        return Link(
            row["one"], row["other"], kind, row["n"], since=row["since"], source="bid", lots=(row["lot"],)
        )
    apart = (row["mine"], row["theirs"])
    lots = (row["my_lot"], row["their_lot"])
    return Link(row["one"], row["other"], kind, 0, since=row["since"], source="bid", lots=lots, apart=apart)


def _awards(lens: Lens, parties: Sequence[str]) -> Iterator[Link]:
    """Who won whose lots, and whose lots an agency ran."""
    for kind, one, other in (("awarded", "tenderer_id", "winner_id"), ("commissioned", "tenderer_id", "agency_id"), ("awarded", "agency_id", "winner_id")):  # fmt: skip
        query = (
            f"SELECT {one} AS one, {other} AS other, count(*) AS n, {_newest('lots')} AS lot, min(opened_on) AS since FROM lots"
            f" WHERE {one} IS NOT NULL AND {other} IS NOT NULL AND {one} <> {other} AND"
            f" ({one} IN (SELECT unnest($parties)) OR {other} IN (SELECT unnest($parties))) GROUP BY 1, 2"
        )  # fmt: skip
        yield from _counted(lens, query, parties, kind, "award")


def _companions(lens: Lens, parties: Sequence[str]) -> Iterator[Link]:
    """With whom a bidder meets most: a meeting in a lot of n bidders weighs 1 / (n − 1) (Newman 2001)."""
    query = (
        "WITH own AS (SELECT b.bidder_id, b.lot_id, l.bids FROM bids b JOIN lots l USING (lot_id)"
        " WHERE b.bidder_id IN (SELECT unnest($parties)) AND l.bids > 1),"
        f" met AS (SELECT o.bidder_id AS one, b.bidder_id AS other, count(DISTINCT b.lot_id) AS n, {_newest('b')} AS lot,"
        " min(b.opened_on) AS since, sum(1.0 / (o.bids - 1)) AS weight FROM own o JOIN bids b USING (lot_id)"
        f" WHERE b.bidder_id <> o.bidder_id GROUP BY 1, 2 HAVING count(DISTINCT b.lot_id) >= {_LEAST_MET}),"
        " placed AS (SELECT *, row_number() OVER (PARTITION BY one ORDER BY weight DESC, other) AS place FROM met)"
        f" SELECT * FROM placed WHERE place <= {_COMPANIONS} OR other IN (SELECT unnest($parties)) ORDER BY one, place"
    )  # fmt: skip
    yield from _counted(lens, query, parties, "bids", "bid")


def _counted(lens: Lens, query: str, parties: Sequence[str], kind: str, source: str) -> Iterator[Link]:
    rows: list[dict[str, Any]] = lens.query(query, {"parties": list(parties)}).to_pylist()
    for row in rows:
        yield Link(
            row["one"], row["other"], kind, row["n"], since=row["since"], source=source, lots=(row["lot"],)
        )


# ── finding a party by name ──────────────────────────────────────────────────


def parties_named(session: Session, words: str, most: int = 20) -> dict[str, str]:
    """Organisations whose id is, or whose name contains, these words: id → name, the shortest name first."""
    said = words.strip()
    if not said:
        return {}
    by = or_(Organisation.id == said, Organisation.name.contains(said, autoescape=True))
    query = select(Organisation.id, Organisation.name).where(by)
    rows = session.execute(query.order_by(func.length(Organisation.name), Organisation.id).limit(most))
    return {row.id: row.name for row in rows}
