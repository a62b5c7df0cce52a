"""A short command's turn to write: SQLite lets one process write at a time, and another may be at it for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from messages import Message, local
from records.ledger import is_busy
from records.writers import writer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from records.ledger import Ledger

AT_ONCE, PATIENCE = 2.0, 58.0
"""Seconds a command waits silently, and then having said what it waits for."""


@contextmanager
def turn(ledger: Ledger) -> Iterator[Session]:
    """A write session whose lock is held. Waits for whoever is writing and says so; raises OperationalError after a minute."""
    try:
        session, held = _begun(ledger, AT_ONCE)
    except OperationalError as error:
        if not is_busy(error):
            raise
        print(
            local("cli.waits_for_writer", who=who(ledger), seconds=int(PATIENCE)), file=sys.stderr, flush=True
        )
        session, held = _begun(ledger, PATIENCE)
    with held:
        yield session


def _begun(ledger: Ledger, patience: float) -> tuple[Session, ExitStack]:
    with ExitStack() as stack:
        session = stack.enter_context(ledger.write(patience))
        session.connection()  # takes the lock
        return session, stack.pop_all()


def who(ledger: Ledger) -> Message:
    """The process that writes to a ledger, as far as the system tells."""
    found = writer(Path(ledger.url.database)) if ledger.is_sqlite and ledger.url.database else None
    if found is None:
        return Message("cli.writer_unknown")
    return Message("cli.writer", command=found[0], number=found[1])
