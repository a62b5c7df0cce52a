"""Data sources 数据来源 and their tokens; a token is shown once and stored as its hash only."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from records import audit, signing
from records.acts import COMMAND_LINE, By, Conflict
from records.intake import Source

HOUSE = "local"
"""Who made what was entered on this machine; no source may bear this name."""
_NAME = re.compile(r"^[\w.\-]{1,100}$")


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(
            "来源名称只能用字母、数字、汉字和 . _ -，最多 100 字 / source names: letters, digits, . _ -, at most 100"
        )
    if name == HOUSE:
        raise ValueError(
            f"名称 {HOUSE} 留给本机，请另取 / the name {HOUSE} stands for this machine, choose another"
        )
    return name


def ensure_source(session: Session, name: str, demo: bool = False) -> Source:
    """The source `name`, made without a token if there is none; raises ValueError for a bad name."""
    row = session.get(Source, _checked(name))
    if row is None:
        row = Source(name=name, demo=demo)
        session.add(row)
        session.flush()
    return row


def add_source(session: Session, name: str, demo: bool = False, *, by: By = COMMAND_LINE) -> str:
    """A new source; returns its token, which cannot be had again.

    Raises ValueError for a bad name and for one that has a token already (rotate it instead).
    """
    row = ensure_source(session, name, demo)
    if row.token_hash is not None:
        raise Conflict(f"来源 {name} 已有令牌，请改用更换 / source {name} has a token, rotate it instead")
    return _new_token(session, row, "source.add", by)


def rotate(session: Session, name: str, *, by: By = COMMAND_LINE) -> str:
    """A new token for a source; the old one is void at once. Raises LookupError for an unknown name."""
    return _new_token(session, _known(session, name), "source.token", by)


def set_enabled(session: Session, name: str, enabled: bool, *, by: By = COMMAND_LINE) -> None:
    """Let a source send or not. Raises LookupError for an unknown name."""
    _known(session, name).enabled = enabled
    session.flush()
    action = "source.enable" if enabled else "source.disable"
    audit.write(session, by.name, action, object_kind="source", object_id=name, ip=by.ip)


def disable(session: Session, name: str, *, by: By = COMMAND_LINE) -> None:
    """Stop a source; its records stay. Raises LookupError for an unknown name."""
    set_enabled(session, name, False, by=by)


def list_sources(session: Session) -> list[Source]:
    """All sources by name."""
    return list(session.scalars(select(Source).order_by(Source.name)))


def by_token(session: Session, token: str) -> Source | None:
    """The source a bearer token belongs to, enabled or not."""
    return session.scalars(select(Source).where(Source.token_hash == signing.token_hash(token))).first()


def _known(session: Session, name: str) -> Source:
    row = session.get(Source, name)
    if row is None:
        raise LookupError(f"没有来源 {name}，见 sunbid source list / no such source")
    return row


def _new_token(session: Session, row: Source, action: str, by: By) -> str:
    token = signing.new_token()
    row.token_hash = signing.token_hash(token)
    session.flush()
    audit.write(session, by.name, action, object_kind="source", object_id=row.name, ip=by.ip)
    return token
