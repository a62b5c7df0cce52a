"""Views 常用视图 that a user saved: a screen with its choices under a name; one of them the desk may open with."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dashboard import screens
from messages import Invalid, Message, Unknown
from records import texts
from records.tables.users import SavedView

MOST = 50
"""Views one user may keep."""
LONGEST_NAME, LONGEST_QUERY = 40, 2000
"""Characters."""
PASSING = ("lang", "kiosk")
"""What an address says that belongs to no view; nor does the page of a table."""


def kept(query: Mapping[str, str]) -> dict[str, str]:
    """What a view keeps of an address."""
    return {key: value for key, value in query.items() if key not in PASSING and not key.endswith("-page")}


def save(session: Session, user: str, name: str, screen: str, query: Mapping[str, str]) -> SavedView:
    """Keep a view under its name; one of that name is replaced.

    Raises ValueError for a name that is empty, too long or not plain text, an unknown screen, and one view too many.
    """
    name = texts.typed(" ".join(name.split()))
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(Message("view.bad_name", most=LONGEST_NAME))
    if screen not in screens.BY_SLUG:
        raise Invalid(Message("view.unknown_screen", screen=screen))
    if len(urlencode(kept(query))) > LONGEST_QUERY:
        raise Invalid(Message("view.too_long"))
    row = session.get(SavedView, (user, name))
    if row is None:
        if len(of_user(session, user)) >= MOST:
            raise Invalid(Message("view.too_many", most=MOST))
        row = SavedView(user=user, name=name)
        session.add(row)
    row.screen, row.query = screen, kept(query)
    session.flush()
    return row


def of_user(session: Session, user: str) -> list[SavedView]:
    """The views of a user, by screen as the navigation has them, then by name."""
    order = {slug: place for place, slug in enumerate(screens.BY_SLUG)}
    rows = session.scalars(select(SavedView).where(SavedView.user == user))
    return sorted(rows, key=lambda row: (order.get(row.screen, len(order)), row.name))


def delete(session: Session, user: str, name: str) -> None:
    """Keep a view no longer. Raises LookupError."""
    session.delete(_known(session, user, name))


def open_with(session: Session, user: str, name: str, wanted: bool) -> None:
    """Let the desk open with this view, or no longer. Raises LookupError."""
    row = _known(session, user, name)
    session.execute(update(SavedView).where(SavedView.user == user).values(opens_first=False))
    session.flush()
    row.opens_first = wanted


def first(session: Session, user: str) -> SavedView | None:
    """The view the desk opens with for a user, if one was chosen."""
    return session.scalars(select(SavedView).where(SavedView.user == user, SavedView.opens_first)).first()


def address(view: SavedView) -> str:
    """The view's address on this desk."""
    return f"/{view.screen}" + (f"?{urlencode(view.query)}" if view.query else "")


def _known(session: Session, user: str, name: str) -> SavedView:
    row = session.get(SavedView, (user, name))
    if row is None:
        raise Unknown(Message("view.unknown", name=name))
    return row
