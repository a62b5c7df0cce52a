"""Masks 脱敏: what the subjects of a warning are called where their names are not to be seen (投标人甲, 乙 …)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import say
from records.tables.evaluation import Expert
from records.tables.organisations import Organisation
from supervision.warnings.desk import WarningRow

_KINDS = ("bidder", "tenderer", "agency", "expert", "group")
"""Kinds of subjects that are masked; others are no parties."""
_UNKNOWN = "—"


def labels(row: WarningRow, lang: str, *, names: bool) -> dict[str, str]:
    """What each subject is called: masked by order of naming within its kind, or by name."""
    called: dict[str, str] = {}
    numbers: dict[str, int] = defaultdict(int)
    for subject in row.subjects:
        kind = subject["kind"]
        if kind in ("lot", "project"):
            continue
        mask = (
            say(f"evidence.subject.{kind}", lang, mark=mark(numbers[kind], lang)) if kind in _KINDS else kind
        )
        numbers[kind] += 1
        called[subject["id"]] = subject.get("name", mask) if names else mask
    return called


def mark(place: int, lang: str) -> str:
    """甲, 乙 … or A, B …; numbers after the last."""
    marks = say("evidence.marks", lang)
    return marks[place] if place < len(marks) else str(place + 1)


def masked(session: Session, row: WarningRow, lang: str) -> WarningRow:
    """The same warning without a name or an id of a party: subjects by their masks, in the evidence too; any other firm or
    expert that the evidence names is a dash."""
    called = labels(row, lang, names=False)
    signs = dict.fromkeys(_parties(session, set(_texts(row.evidence))), _UNKNOWN) | called
    signs |= {one["name"]: called[one["id"]] for one in row.subjects if one["id"] in called and "name" in one}
    subjects = tuple({name: signs.get(value, value) for name, value in one.items()} for one in row.subjects)
    return replace(row, subjects=subjects, evidence=_signed(row.evidence, signs))


def _texts(value: Any) -> Iterator[str]:
    """Every text of a piece of evidence, names of its parts too: some list by party."""
    if isinstance(value, str):
        yield value
    for part in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():  # fmt: skip
        yield from _texts(part)


def _parties(session: Session, texts: set[str]) -> Iterator[str]:
    """Those of the texts that are ids or names of firms, or codes of experts."""
    for column in (Organisation.id, Organisation.name, Expert.id):
        yield from session.scalars(select(column).where(column.in_(texts)))


def _signed(value: Any, signs: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return signs.get(value, value)
    if isinstance(value, list):
        return [_signed(one, signs) for one in value]
    if isinstance(value, dict):
        return {signs.get(name, name): _signed(one, signs) for name, one in value.items()}
    return value
