"""Pairs of the study of associations with the names a screen shows, and the lots behind one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.tables.organisations import Organisation
from supervision.lens.reader import Lens
from supervision.studies import associations
from supervision.studies.store import held


@dataclass(frozen=True)
class NamedPair:
    """A tenderer (or agency) and a firm with their names."""

    buyer: str
    firm: str
    buyer_name: str
    firm_name: str
    awards: int
    bid: int
    wins: int
    expected: float
    lift: float
    adjusted_p: float
    through: bool
    """Whether it passes every condition of its rule."""

    @property
    def key(self) -> str:
        """Both ids in one text, for an address."""
        return f"{self.buyer}~{self.firm}"


@dataclass(frozen=True)
class Side:
    """One side of the study: the steps from all pairs to those that pass, and the pairs."""

    as_of: str
    parameters: dict[str, float]
    met: int
    often: int
    lifted: int
    through: int
    pairs: list[NamedPair]


def side(session: Session, data_dir: Path, which: str) -> Side | None:
    """The side of that name; None while nothing was studied."""
    study = held(data_dir, associations.NAME)
    if study is None:
        return None
    part = study[which]
    names = names_of(session, {pair[end] for pair in part["pairs"] for end in ("buyer", "firm")})
    pairs = [
        NamedPair(
            buyer_name=names.get(p["buyer"], p["buyer"]), firm_name=names.get(p["firm"], p["firm"]), **p
        )
        for p in part["pairs"]
    ]
    steps = {name: part[name] for name in ("parameters", "met", "often", "lifted", "through")}
    return Side(as_of=study["as_of"], pairs=pairs, **steps)


def names_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Organisation → its name."""
    query = select(Organisation.id, Organisation.name).where(Organisation.id.in_(sorted(ids)))
    return {row.id: row.name for row in session.execute(query)}


@dataclass(frozen=True)
class Course:
    """Awarded lots of one tenderer that went through one agency ("": none) to one winner; "…" the rest of a column."""

    tenderer: str
    agency: str
    winner: str
    wins: int


REST = "…"
"""The parties of a column that are not shown one by one."""
SHOWN = {"tenderer": 5, "agency": 5, "winner": 8}
"""Parties of each column that are shown one by one."""


def courses(lens: Lens, which: str, pairs: Sequence[NamedPair]) -> list[Course]:
    """Where the lots of these pairs' tenderers (or agencies) went; those of the pairs are never among the rest."""
    column = {"tenderer": "tenderer_id", "agency": "agency_id"}[which]
    buyers = list(dict.fromkeys(pair.buyer for pair in pairs))[: SHOWN[which]]
    query = (
        "SELECT coalesce(tenderer_id, '') AS tenderer, coalesce(agency_id, '') AS agency, winner_id AS winner, count(*) AS wins"
        f" FROM lots WHERE {column} IN (SELECT unnest($buyers)) AND winner_id IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3"
    )
    rows = lens.query(query, {"buyers": buyers}).to_pylist()
    first = {which: buyers, "winner": [pair.firm for pair in pairs if pair.buyer in buyers]}
    kept = {name: _kept(rows, name, first.get(name, ())) for name in SHOWN}
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        tenderer, agency, winner = (row[name] if row[name] in kept[name] else REST for name in SHOWN)
        found[tenderer, agency, winner] += row["wins"]
    return [Course(tenderer, agency, winner, wins) for (tenderer, agency, winner), wins in found.items()]


def _kept(rows: Sequence[dict[str, Any]], name: str, first: Iterable[str]) -> set[str]:
    """Whom a column shows: who stands in the pairs, then whoever has most."""
    most: Counter[str] = Counter()
    for row in rows:
        most[row[name]] += row["wins"]
    asked = dict.fromkeys([one for one in first if one in most] + [one for one, _ in most.most_common()])
    return set(list(asked)[: SHOWN[name]])


def lots_of_pair(lens: Lens, which: str, pair: NamedPair, most: int = 200) -> list[dict[str, Any]]:
    """The awarded lots of a tenderer or agency in which a firm bid, newest first: id, name, day, price, whether it won."""
    column = {"tenderer": "tenderer_id", "agency": "agency_id"}[which]
    query = (
        f"SELECT b.lot_id, b.lot_name, b.opened_on, b.price, b.control_price, b.currency, b.is_winner FROM bids b"
        f" JOIN lots l USING (lot_id) WHERE b.{column} = $buyer AND b.bidder_id = $firm AND l.winner_id IS NOT NULL"
        f" ORDER BY b.opened_on DESC, b.lot_id LIMIT {most:d}"
    )
    found: list[dict[str, Any]] = lens.query(query, {"buyer": pair.buyer, "firm": pair.firm}).to_pylist()
    return found
