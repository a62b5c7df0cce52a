"""The choices a market offers to screens: centres 交易中心, categories 行业, projects 项目; and who came to see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from messages import say
from records.lots import centre_of_lot
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot, Project
from records.tables.society import Inspection
from records.visibility import Audience, Datum, visible
from supervision.figures.filters import Filters

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])
SMALL_LEVEL = "small"
"""`Centre.level` of the centres that handle small-value lots alone."""


def has_lots(session: Session) -> bool:
    """Whether any lot has been received at all: without one, nothing can be said to be calm."""
    return session.scalar(select(Lot.id).limit(1)) is not None


def centres(session: Session) -> list[Centre]:
    """Every centre by id, those of small value 小额 after the others."""
    return list(session.scalars(select(Centre).order_by(Centre.level == SMALL_LEVEL, Centre.id)))


def rooms(session: Session) -> list[tuple[Room, Centre]]:
    """Every room with its centre."""
    found = session.execute(select(Room, Centre).join(Centre, Centre.id == Room.centre_id))
    return [(room, centre) for room, centre in found]


def categories(session: Session) -> list[str]:
    """The categories that lots carry."""
    query = select(Lot.category).where(Lot.category.is_not(None)).distinct().order_by(Lot.category)
    return [category for category in session.scalars(query) if category]


def lot_names(session: Session, lots: Collection[str]) -> dict[str, str]:
    """Lot → its name, of those the ledger knows."""
    query = select(Lot.id, Lot.name).where(Lot.id.in_(lots))
    return {row.id: row.name for row in session.execute(query)} if lots else {}


def told_apart(names: Mapping[str, str], lang: str) -> dict[str, str]:
    """Lot → its name, with its code beside it where another of them bears the same name."""
    borne = Counter(names.values())
    return {
        lot: name if borne[name] == 1 else say("evidence.lot_with_code", lang, name=name, code=lot)
        for lot, name in names.items()
    }


def topics(session: Session) -> list[str]:
    """专题: the sectors that projects are of and no lot is as its category."""
    categories = select(Lot.category).where(Lot.category.is_not(None))
    query = select(Project.sector).where(Project.sector.is_not(None), Project.sector.not_in(categories))
    return sorted(session.scalars(query.distinct()))


def count_projects(session: Session, centre: str | None, text: str) -> int:
    """How many `projects` gives without a limit."""
    return session.scalar(_known_projects(select(func.count(Project.id.distinct())), centre, text)) or 0


def projects(session: Session, centre: str | None, text: str, limit: int, offset: int) -> Sequence[Any]:
    """A page of the projects that have a lot whose notice or deadline is past: (project, its name, when the newest of
    these lots was published), newest first. `text` is looked for in their names and codes."""
    at = func.max(Lot.notice_at)
    query = _known_projects(select(Project.id, Project.name, at), centre, text).group_by(
        Project.id, Project.name
    )
    page = query.order_by(at.desc().nulls_last(), Project.id).limit(limit).offset(offset)
    return session.execute(page).all()


def _known_projects(query: Query, centre: str | None, text: str) -> Query:
    noticed = visible(Datum.NOTICE, Audience.PUBLIC, dated=Lot.notice_at)
    undated = and_(Lot.notice_at.is_(None), visible(Datum.OPENING_PROCESS, Audience.PUBLIC))
    query = query.join(Lot, Lot.project_id == Project.id).where(or_(noticed, undated))
    if centre:
        query = query.where(centre_of_lot() == centre)
    if part := text.strip():
        query = query.where(or_(*(c.contains(part, autoescape=True) for c in (Project.id, Project.name))))
    return query


@dataclass(frozen=True)
class Visit:
    """监督团走访: the day, the projects that were seen, and what was found in each."""

    on: date
    projects: Sequence[tuple[str, str]]
    """Key and name of each."""
    problems: Sequence[str]


def visit_totals(session: Session, filters: Filters) -> tuple[int, int]:
    """How many visits the supervision group made in the period, and how many problems they found."""
    found = session.scalars(_visits(filters, Inspection.problems)).all()
    return len(found), sum(map(len, found))


def group_visits(session: Session, filters: Filters, limit: int, offset: int = 0) -> list[Visit]:
    """The visits of the supervision group in the period, newest first."""
    newest = _visits(filters, Inspection).order_by(Inspection.on.desc(), Inspection.id)
    found = session.scalars(newest.limit(limit).offset(offset)).all()
    wanted = {key for visit in found for key in visit.projects}
    names = dict(session.execute(select(Project.id, Project.name).where(Project.id.in_(wanted))).all())
    return [
        Visit(
            visit.on, [(key, names.get(key, key)) for key in visit.projects],
            [str(problem["problem"]) for problem in visit.problems],
        )
        for visit in found
    ]  # fmt: skip


def _visits(filters: Filters, what: Any) -> Select[Any]:
    query = select(what).where(Inspection.body == "group")
    if filters.period is not None:
        query = query.where(Inspection.on >= filters.period.start, Inspection.on < filters.period.end)
    return query
