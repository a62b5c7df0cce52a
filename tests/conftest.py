"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty, upgraded ledger on SQLite."""
    book = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    book.upgrade()
    yield book
    book.close()
