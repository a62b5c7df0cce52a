"""The tests of the ledger run on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.ledger import Ledger
from tests.ledgers import new_ledger


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """The same ledger on both databases: what holds on one must hold on the other."""
    if request.param == "sqlite":
        book = new_ledger(tmp_path / "ledger.db")
    else:
        book = Ledger(request.getfixturevalue("postgres_url"))
    yield book
    book.close()
