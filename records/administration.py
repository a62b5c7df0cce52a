"""Administration of an installation: who acts, the errors that refuse an act, and names too alike to stand side by side."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Invalid, Message
from records.tables.users import User


@dataclass(frozen=True)
class By:
    """Who does something, and from where; for the audit chain."""

    name: str = "cli"
    ip: str | None = None


COMMAND_LINE = By()
"""Somebody at the command line of this machine."""


def shown_names(session: Session, accounts: Iterable[str]) -> dict[str, str]:
    """Account → the name it is shown under; who has none here, a platform, stays as it is."""
    wanted = set(accounts)
    found = session.execute(select(User.name, User.display_name).where(User.name.in_(wanted)))
    return {name: name for name in wanted} | {row.name: row.display_name for row in found}


def shown_name(session: Session, account: str | None) -> str:
    """The name under which one account is shown; empty for nobody."""
    return shown_names(session, [account])[account] if account else ""


class Conflict(Invalid):
    """What was asked for is well said, but what the ledger holds does not allow it."""


class Disturbs(Conflict):
    """What was asked for would disturb an opening; it is done if it is asked for knowingly."""


def folded(name: str) -> str:
    """A name as it is compared: names that differ in nothing but width, case or blanks are taken for one."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def alike(names: Iterable[str], name: str) -> list[str]:
    """Those of the names that are taken for this one."""
    wanted = folded(name)
    return [one for one in names if folded(one) == wanted]


def refuse_twin(names: Iterable[str], name: str) -> None:
    """Raise Conflict where another name is taken for this one."""
    for one in alike(names, name):
        if one != name:
            raise Conflict(Message("name.alike", held=one, name=name))
