"""Data sources 数据来源 and their tokens; a token is shown once and stored as its hash only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from messages import Invalid, Message, Unknown
from records import audit, current, texts
from records.administration import COMMAND_LINE, By, Conflict, refuse_twin
from records.serving import signing
from records.tables.intake import Held, Source
from records.tables.openings import Opening

HOUSE = "local"
"""Who made what was entered on this machine; no source may bear this name."""
_NAME = re.compile(r"(?!\.+\Z)[\w.\-]{1,100}")


def _checked(name: str) -> str:
    texts.typed(name)
    if not _NAME.fullmatch(name):
        raise Invalid(Message("source.bad_name"))
    if name == HOUSE:
        raise Invalid(Message("source.reserved_name", name=HOUSE))
    return name


def ensure_source(session: Session, name: str, demo: bool = False) -> Source:
    """The source `name`, made without a token if there is none; raises ValueError for a bad name."""
    row = session.get(Source, _checked(name))
    if row is None:
        row = Source(name=name, demo=demo)
        session.add(row)
        session.flush()
    return row


def drop_empty(session: Session, names: Iterable[str]) -> None:
    """Take back those of the sources that an import made of which nothing was accepted; one with a token stays."""
    for name in names:
        row = session.get(Source, name)
        if row and row.token_hash is None and not session.scalar(select(exists().where(Held.source == name))):
            session.delete(row)


def add_source(session: Session, name: str, demo: bool = False, *, by: By = COMMAND_LINE) -> str:
    """A new source; returns its token, which cannot be had again.

    Raises ValueError for a bad name and for one that has a token already (rotate it instead).
    """
    refuse_twin(session.scalars(select(Source.name)), _checked(name))
    row = ensure_source(session, name, demo)
    if row.token_hash is not None:
        raise Conflict(Message("source.has_token", name=name))
    return _new_token(session, row, "source.add", by)


def rotate(session: Session, name: str, *, by: By = COMMAND_LINE, sure: bool = False) -> str:
    """A new token for a source; the old one is void at once.

    Raises LookupError for an unknown name, ValueError where an opening of the source is under way and the one who
    acts is not `sure`.
    """
    row = _known(session, name)
    disturbed = _undisturbed(session, name, sure) if row.token_hash else {}
    return _new_token(session, row, "source.token", by, disturbed)


def set_enabled(
    session: Session, name: str, enabled: bool, *, by: By = COMMAND_LINE, sure: bool = False
) -> None:
    """Let a source send or not. Raises LookupError for an unknown name, ValueError where an opening of the source
    is under way that it could not go on with and the one who acts is not `sure`."""
    row = _known(session, name)
    disturbed = _undisturbed(session, name, sure) if row.enabled and not enabled else {}
    row.enabled = enabled
    session.flush()
    action = "source.enable" if enabled else "source.disable"
    audit.write(
        session, by.name, action, object_kind="source", object_id=name, detail=disturbed or None, ip=by.ip
    )


def disable(session: Session, name: str, *, by: By = COMMAND_LINE, sure: bool = False) -> None:
    """Stop a source; its records stay. Raises LookupError, ValueError as `set_enabled` does."""
    set_enabled(session, name, False, by=by, sure=sure)


def list_sources(session: Session) -> list[Source]:
    """All sources by name."""
    return list(session.scalars(select(Source).order_by(Source.name)))


def by_token(session: Session, token: str) -> Source | None:
    """The source a bearer token belongs to, enabled or not."""
    return session.scalars(select(Source).where(Source.token_hash == signing.token_hash(token))).first()


def _known(session: Session, name: str) -> Source:
    row = session.get(Source, name)
    if row is None:
        raise Unknown(Message("source.unknown", name=name))
    return row


def _undisturbed(session: Session, name: str, sure: bool) -> dict[str, Any]:
    return current.undisturbed(session, Opening.source == name, Message("source.named", source=name), sure)


def _new_token(
    session: Session, row: Source, action: str, by: By, disturbed: dict[str, Any] | None = None
) -> str:
    token = signing.new_token()
    row.token_hash = signing.token_hash(token)
    session.flush()
    audit.write(
        session, by.name, action, object_kind="source", object_id=row.name, detail=disturbed or None, ip=by.ip
    )
    return token


def kinds_of_data(session: Session) -> set[bool]:
    """Whether data of a demonstration (True), real data (False), or both have a source here."""
    return set(session.scalars(select(Source.demo).distinct()))
