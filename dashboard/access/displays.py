"""Wall displays 大屏: tokens that open the wall's screens to a machine nobody signs in at; revoked, they open nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import screens
from messages import Invalid, Message, Unknown
from records import audit
from records.administration import COMMAND_LINE, By, Conflict, refuse_twin
from records.clock import now
from records.ledger import Ledger
from records.serving import signing
from records.tables.users import Display

SECONDS = 20
"""How long a screen stands where nobody says otherwise."""
SHORTEST, LONGEST = 5, 3600
FRESH = 2.0
"""For how many seconds a display's row is believed before it is read again."""
_NAME = re.compile(r"[\w.\-]{1,64}")


@dataclass(frozen=True)
class Playlist:
    """The screens of a wall one after the other, by their slugs, and how many seconds each stands."""

    screens: tuple[str, ...] = screens.WALL
    seconds: int = SECONDS


@dataclass(frozen=True)
class Shown:
    """A display that is in use."""

    name: str
    playlist: Playlist


def add(
    session: Session, name: str, slugs: Sequence[str] = (), seconds: int = SECONDS, by: By = COMMAND_LINE
) -> str:
    """A new display, or a revoked one anew; returns its token, which cannot be had again.

    `slugs` are the screens it may show, in order; none: every screen a wall has. Raises ValueError for a bad name, an
    unknown screen, an interval out of bounds, and for a display in use.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(Message("display.bad_name", name=f"{name!r}"))
    refuse_twin(session.scalars(select(Display.name)), name)
    playlist, held = checked(slugs, seconds), session.get(Display, name)
    if held is not None and held.revoked_at is None:
        raise Conflict(Message("display.exists", name=name))
    token = signing.new_token()
    row = held or Display(name=name)
    row.token_hash, row.screens, row.seconds = (
        signing.token_hash(token), list(playlist.screens), playlist.seconds
    )  # fmt: skip
    row.added_by, row.added_at, row.revoked_at = by.name, now(), None
    session.add(row)
    session.flush()
    detail = {"screens": row.screens, "seconds": row.seconds}
    audit.write(
        session, by.name, "display.add", object_kind="display", object_id=name, detail=detail, ip=by.ip
    )
    return token


def checked(slugs: Sequence[str], seconds: int) -> Playlist:
    """The playlist of these screens. Raises ValueError for an unknown screen and an interval out of bounds."""
    for slug in slugs:
        if slug not in screens.WALL:
            raise Invalid(Message("display.unknown_screen", screen=slug, choices=list(screens.WALL)))
    if not SHORTEST <= seconds <= LONGEST:
        raise Invalid(Message("display.bad_seconds", least=SHORTEST, most=LONGEST))
    return Playlist(tuple(dict.fromkeys(slugs)) or screens.WALL, seconds)


def list_displays(session: Session) -> list[Display]:
    """All displays by name, revoked ones too."""
    return list(session.scalars(select(Display).order_by(Display.name)))


def revoke(session: Session, name: str, by: By = COMMAND_LINE) -> None:
    """Void a display's token: its wall goes dark within seconds. Raises LookupError, ValueError (revoked already)."""
    row = session.get(Display, name)
    if row is None:
        raise Unknown(Message("display.unknown", name=name))
    if row.revoked_at is not None:
        raise Conflict(Message("display.revoked_already", name=name))
    row.revoked_at = now()
    audit.write(session, by.name, "display.revoke", object_kind="display", object_id=name, ip=by.ip)


def note_use(session: Session, name: str, ip: str | None) -> None:
    """Write down that a display has opened the wall."""
    audit.write(session, f"display:{name}", "display.open", object_kind="display", object_id=name, ip=ip)


class Displays:
    """Checks the tokens of displays against the ledger, at most a few seconds late."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held: tuple[float, dict[str, Shown]] = (0.0, {})

    def check(self, token: str) -> Shown | None:
        """The display whose token this is; None if there is none or it was revoked."""
        read_at, held = self._held
        if not read_at or time.monotonic() - read_at > FRESH:
            held = self._read()
            self._held = time.monotonic(), held
        return held.get(signing.token_hash(token))

    def forget(self) -> None:
        """Read the displays anew at the next check."""
        self._held = (0.0, {})

    def _read(self) -> dict[str, Shown]:
        with self._ledger.read() as session:
            rows = session.scalars(select(Display).where(Display.revoked_at.is_(None)))
            return {
                row.token_hash: Shown(row.name, Playlist(tuple(row.screens), row.seconds)) for row in rows
            }
