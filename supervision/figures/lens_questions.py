"""Questions put to the lens: figures that count rows of one table by one time are answered by one query, whole or by a
dimension, for several spans of time at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from supervision.figures.figure import DIMENSIONS, Figure, LensFigure, Part, filled
from supervision.figures.filters import Filters
from supervision.figures.narrow import OPENED_ON, where
from supervision.lens.reader import Lens

Values = dict[str, Any]
"""Figure id → result."""
Keyed = dict[Any, Values]
"""Value of the dimension, or None for the whole → results."""
Row = tuple[Any, ...]
F = TypeVar("F", bound=Figure)


def ask(lens: Lens, figures: Sequence[LensFigure], spans: Sequence[Filters], by: str = "") -> list[Keyed]:
    """For each span the figures, whole or by a dimension: one query for all that count rows of one table by one time."""
    answered: list[Keyed] = [{} if by else {None: {}} for _ in spans]
    for (table, day, _, each), group in grouped(figures, _kind):
        key = _key(by, table, day)
        question = _Question(tuple(group), each, key)
        for place, found in enumerate(question.answers(lens, spans)):
            for held, values in found.items():
                answered[place].setdefault(held, {}).update(values)
    for keyed, span in zip(answered, spans, strict=True):
        for values in keyed.values():
            values.update(nothing([one for one in figures if one.id not in values], span))
    return answered


def _kind(figure: LensFigure) -> tuple[str, str, str, str]:
    return figure.rows.table, figure.rows.day, figure.rows.source, figure.each


def _key(by: str, table: str, day: str) -> str:
    """The expression that tells the keys of an answer apart; empty for the whole."""
    if not by.startswith("month:"):
        return DIMENSIONS[by][table] if by else ""
    month = "month" if day == OPENED_ON else f"strftime({day}, '%Y-%m')"
    return f"left({month}, {by.removeprefix('month:')})"


@dataclass(frozen=True)
class _Question:
    """One query for figures that count rows of one table by one time."""

    figures: tuple[LensFigure, ...]
    each: str
    key: str

    def answers(self, lens: Lens, spans: Sequence[Filters]) -> list[Keyed]:
        """For each span key → figure id → result."""
        queries = [self._query(place, span) for place, span in enumerate(spans)]
        sql = " UNION ALL ".join(query for query, _ in queries)
        rows: list[dict[Any, list[Row]]] = [defaultdict(list) for _ in spans]
        for place, key, *row in lens.rows(sql, [value for _, values in queries for value in values]):
            rows[place][key].append(tuple(row))
        return [
            {key: self._results(held, span) for key, held in found.items()}
            for found, span in zip(rows, spans, strict=True)
        ]

    def _query(self, place: int, filters: Filters) -> tuple[str, list[Any]]:
        first, always = self.figures[0].rows, self._always
        clause, params = where(filters, first.day, *filled(always, filters))
        columns = ", ".join(_sql(part, also, filters) for part, also in self._parts)
        head = f"SELECT {place}, {self.key or 'NULL'}{', ' + self.each if self.each else ''}, {columns}"
        groups = [name for name in (self.key, self.each) if name]
        group = f" GROUP BY {', '.join(groups)}" if groups else ""
        return f"{head} FROM {first.relation} {clause}{group}", params

    @property
    def _always(self) -> list[str]:
        """Conditions that hold for every figure of the question."""
        first, *others = (one.rows.where for one in self.figures)
        return [condition for condition in first if all(condition in other for other in others)]

    def _also(self, figure: LensFigure) -> tuple[str, ...]:
        return tuple(c for c in figure.rows.where if c not in self._always)

    @property
    def _parts(self) -> list[tuple[Part, tuple[str, ...]]]:
        """The parts of all figures, each once, with the conditions of its figure's rows."""
        every = chain.from_iterable(((p, self._also(one)) for p in one.parts) for one in self.figures)
        return list(dict.fromkeys(every))

    def _results(self, rows: list[Row], filters: Filters) -> Values:
        places = {part: number for number, part in enumerate(self._parts)}
        lead = 1 if self.each else 0
        found = {}
        for one in self.figures:
            chosen = [lead + places[part, self._also(one)] for part in one.parts]
            own = [(*row[:lead], *(row[n] for n in chosen)) for row in rows]
            found[one.id] = one.result(own, filters)
        return found


def _sql(part: Part, also: Sequence[str], filters: Filters) -> str:
    condition = " AND ".join(f"({c})" for c in (part.condition, *also) if c)
    [text] = filled([part.aggregate + (f" FILTER (WHERE {condition})" if condition else "")], filters)
    return text if part.empty is None or text.startswith("count") else f"coalesce({text}, {part.empty})"


def grouped(figures: Iterable[F], key: Callable[[F], Any]) -> Iterator[tuple[Any, list[F]]]:
    """Figures that are asked alike, by what they have in common."""
    groups: dict[Any, list[F]] = defaultdict(list)
    for one in figures:
        groups[key(one)].append(one)
    return iter(groups.items())


def nothing(figures: Sequence[LensFigure], filters: Filters) -> Values:
    """What figures say where there are no rows."""
    return {one.id: one.result(one.nothing, filters) for one in figures}
